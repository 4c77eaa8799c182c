//! Why bytes are no source for this host.

use thespian_core::fate::Fault;
use thespian_core::limits::SourceSizeError;

use crate::descriptors::ADVICE;

/// A reason why bytes are no source for this host. None of these changes any state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No bytes, or too many.
    #[error(transparent)]
    Size(#[from] SourceSizeError),
    /// Something else than a component.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// The component needs what this host does not offer.
    #[error("the component imports what this host does not offer: {}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// The component does not export what makes it an actor.
    #[error("the component does not export `thespian:actor/guest@0.1`: build it against the actor contract")]
    NoGuest,
    /// Compiling it would take longer, and more memory, than an honest source does.
    #[error("the component would cost too much to compile: {found} {what}, at most {max} are allowed")]
    TooCostly {
        /// The kind of thing of which there is too much.
        what: &'static str,
        /// The amount of it.
        found: String,
        /// The bound on it.
        max: String,
    },
    /// The host's fault, and no word about the component.
    #[error("this host has no file descriptor left for the source's memory: {ADVICE}")]
    NoDescriptors,
    /// The component is malformed, or needs more than one instance may have.
    #[error("the component can't be compiled: {0}")]
    Invalid(String),
    /// Its interfaces have other functions or types than the contract.
    #[error("the component does not fit the contract: {0}")]
    Mismatch(String),
    /// The component failed while it described itself.
    #[error("the component can't describe itself: {0}")]
    Describe(Fault),
    /// The component's own description is not acceptable.
    #[error("the component's description is refused: {0}")]
    Description(String),
}
