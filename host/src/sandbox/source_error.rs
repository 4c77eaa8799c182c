//! Why bytes are no source for this host.

use std::time::Duration;

use thespian_core::budget::Short;
use thespian_core::fate::{Budget, Fault};
use thespian_core::limits::SourceSizeError;
use wasmparser::BinaryReaderError;

use super::text::one_line;
use crate::descriptors::ADVICE;

/// An amount of something that is beyond its bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an actor of this component has {found} {what}, at most {max} are allowed{}", .limit.map(advice).unwrap_or_default())]
pub struct TooMuch {
    /// The kind of thing of which there is too much.
    pub what: &'static str,
    /// The amount of it, or of all that was counted until it was too much.
    pub found: u64,
    /// The bound on it.
    pub max: u64,
    /// The limit of a node that sets this bound, if one does.
    pub limit: Option<&'static str>,
}

impl TooMuch {
    /// Holds an amount against its bound.
    ///
    /// # Errors
    /// The amount is beyond it.
    pub(super) const fn check(
        what: &'static str,
        found: u64,
        max: u64,
        limit: Option<&'static str>,
    ) -> Result<(), Self> {
        if found > max { Err(Self { what, found, max, limit }) } else { Ok(()) }
    }
}

/// The things that this host does not run, each with words in which the engine, or its parser, refuses it. They have no type
/// of their own; a test holds on to the words.
const UNSUPPORTED: [(&str, &str); 15] = [
    ("tail calls support", "tail calls"),
    ("exceptions proposal", "exceptions of WebAssembly"),
    ("exceptions support", "exceptions of WebAssembly"),
    ("legacy_exceptions feature", "exceptions of WebAssembly"),
    ("gc feature", "garbage collection"),
    ("gc support", "garbage collection"),
    ("gc types", "garbage collection"),
    ("threads support", "threads"),
    ("threads must be enabled", "threads"),
    ("memory64 must be enabled", "64-bit memories"),
    ("relaxed SIMD support", "relaxed SIMD"),
    ("wide arithmetic support", "wide arithmetic"),
    ("stack switching", "stack switching"),
    ("custom page sizes", "pages of another size"),
    ("component model async feature", "functions that wait (WASI 0.3)"),
];

/// The thing that this host does not run and the component uses, if it is refused for that in these words.
pub(super) fn unsupported(words: &str) -> Option<SourceError> {
    let known = UNSUPPORTED.iter().find(|(theirs, _)| words.contains(theirs));
    known.map(|(_, what)| SourceError::Unsupported(what))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Advice about imports that the host does not offer, where there is some.
fn leave_out(imports: &[String]) -> String {
    let has = |beginning: &str| imports.iter().any(|import| import.starts_with(beginning));
    if has("thespian:actor/") {
        return "; its contract is thespian:actor@0.1".to_owned();
    }
    if has("wasi:http/") {
        return "; an actor has no `wasi:http`: build it without".to_owned();
    }
    if has("wasi:") {
        return "; of WASI it offers 0.2, without what an actor can't use: build it without".to_owned();
    }
    String::new()
}

/// The limit of a node that a component met while it described itself.
fn limit_of(fault: &Fault) -> Option<&'static str> {
    match fault {
        Fault::Budget(Budget::Cpu, _) => Some("start-cpu-ms-max"),
        Fault::Budget(Budget::Memory, wanted) if wanted.contains("table elements") => {
            Some("table-elements-max")
        }
        Fault::Budget(Budget::Memory, _) => Some("memory-bytes-max"),
        _ => None,
    }
}

fn advice(limit: &str) -> String {
    format!("; `--limit {limit}=N` allows more")
}

fn set(setting: &str) -> String {
    format!("; `--{setting} N` allows more")
}

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
    #[error("the component imports what this host does not offer: {}{}", .0.join(", "), leave_out(.0))]
    UnknownImports(Vec<String>),
    /// The component does not export what makes it an actor.
    #[error("the component does not export `thespian:actor/guest@0.1`: build it against the actor contract")]
    NoGuest,
    /// The component is an actor of another contract.
    #[error("the component exports `{0}`, of another version than this host's `thespian:actor/guest@0.1`")]
    OtherContract(String),
    /// The component exports what makes it an actor, but not all of it.
    #[error(
        "the component does not fit the contract: its `thespian:actor/guest@0.1` lacks {}; build it against the actor \
         contract",
        quoted(.0)
    )]
    Lacking(Vec<&'static str>),
    /// The component uses a part of WebAssembly that is not allowed here.
    #[error("the component uses {0}, which this host does not run: build it without")]
    Unsupported(&'static str),
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
    /// An actor of it would have more of something than one may have.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// The component instantiates something that is not defined in it, but given to it.
    #[error(
        "the component instantiates a {0} that comes in as an argument or out of an instance, so it can't be told \
         beforehand how much an actor of it has: instantiate it where it is defined"
    )]
    Uncounted(&'static str),
    /// A defect of the compiler, which this component has found.
    #[error("the compiler failed on this component: {0}")]
    CompilerFailed(String),
    /// The compiler took more memory for it than it may.
    #[error(
        "the component would cost too much to compile: more than the {max_bytes} bytes of memory that are allowed, the \
         process had {used_bytes} when it got no more{}",
        set("compile-memory-bytes-max")
    )]
    CompileMemory {
        /// Memory of the compiler's process at its most, in bytes.
        used_bytes: u64,
        /// Memory that it may take beside its program, in bytes.
        max_bytes: u64,
    },
    /// The compiler took more CPU time for it than it may.
    #[error(
        "the component would cost too much to compile: {} ms of CPU time went by, {} ms are allowed{}",
        used.as_millis(), max.as_millis(), set("compile-cpu-ms-max")
    )]
    CompileTime {
        /// CPU time of the compiler's process.
        used: Duration,
        /// CPU time that it may take.
        max: Duration,
    },
    /// Its code has more bytes than there may be for a component of its size.
    #[error("the component would cost too much to compile: its code has more than {max} bytes")]
    TooMuchCode {
        /// Bytes of code that are allowed.
        max: u64,
    },
    /// Somebody or something else ended the compiler's process: no word about the component.
    #[error("the compiler's process was ended: {0}; load the source again")]
    CompileStopped(String),
    /// The host's fault, and no word about the component.
    #[error("this host can't start the compiler's process: {0}")]
    NoCompiler(String),
    /// The host's fault, and no word about the component.
    #[error("this host has no memory left to compile it")]
    NoMemory,
    /// The node's memory is spent, which says nothing about the component.
    #[error("there is no memory to compile it: {0}; load it again when there is")]
    CompileShort(Short),
    /// The node compiles in its own process, and takes smaller components there.
    #[error(
        "the component has {found} bytes, and this node takes at most {max} since it compiles in its own process: give it a \
         program for that (`NodeConfig::compiler`)"
    )]
    TooBigWithin {
        /// Bytes of the component.
        found: usize,
        /// Bytes that are allowed there.
        max: usize,
    },
    /// The host's fault, and no word about the component.
    #[error("this host can't start the threads that compile: {0}")]
    NoThreads(String),
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
    #[error("the component can't describe itself: {0}{more}", more = limit_of(.0).map(advice).unwrap_or_default())]
    Describe(Fault),
    /// The component's own description is not acceptable.
    #[error("the component's description is refused: {0}")]
    Description(String),
}

impl SourceError {
    /// Whether it comes of a bound on what compiling takes: the same bytes meet it again, whenever they are tried.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::CompileMemory { .. } | Self::CompileTime { .. } | Self::TooMuchCode { .. })
    }
}

impl From<BinaryReaderError> for SourceError {
    fn from(error: BinaryReaderError) -> Self {
        let words = one_line(&error.to_string());
        unsupported(&words).unwrap_or(Self::NotAComponent(words))
    }
}
