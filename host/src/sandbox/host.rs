//! What an instance needs of the host of its actor.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::budget::Purpose;
use thespian_core::capability::Capabilities;
use thespian_core::outbox::Means;
use thespian_core::source::SourceHash;
use tracing::Level;

use super::parts::SourceParts;

/// The actor that an instance is of.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// The address of the actor.
    pub address: ActorAddress,
    /// The class it was created as.
    pub class: Arc<str>,
    /// The source it comes from.
    pub source: SourceHash,
}

/// Where an engine says what concerns it and not an actor.
pub trait EngineLog: Send + Sync + 'static {
    /// Keeps one record. The text is bounded and inert. Must not wait: it is called from within turns.
    fn log(&self, level: Level, about: &str, text: &str);
}

/// For an engine that nobody listens to.
pub(super) struct Unheard;

impl EngineLog for Unheard {
    fn log(&self, _level: Level, _about: &str, _text: &str) {}
}

/// The needs of an instance that its actor's host fills, besides [`Means`]. None of these may wait: they are called from within a
/// turn.
pub trait ActorHost: Means + Send + Sync + 'static {
    /// The purpose for which the actor's memory is drawn when its instance is made.
    fn birth(&self) -> Purpose;

    /// The capabilities that the host has.
    fn capabilities(&self) -> Arc<Capabilities>;

    /// Keeps one log record. The text is bounded and inert, and may have several lines. `target` is `stdout`,
    /// `stderr`, `host` for remarks of the sandbox, or what the guest says.
    fn log(&self, level: Level, target: &str, text: &str);

    /// Whether a record of this level would be kept.
    fn log_enabled(&self, level: Level) -> bool;

    /// Sources on their way, as far as they are this actor's affair.
    fn sources(&self) -> &dyn SourceParts;

    /// Whether the turn is to end as soon as possible. Read at every tick of a long turn. Whoever has the
    /// threads may have turns that wait notice at once.
    fn is_killed(&self) -> bool;
}
