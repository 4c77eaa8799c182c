//! What happens to sources, as `Admin` is told.

use alloc::string::String;

use super::{SourceHash, SourceInfo};

/// A source can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The reason, for whoever loads it.
    pub reason: String,
    /// Whether it would be the same with the same bytes, at the same cost: then they are not tried again.
    pub is_lasting: bool,
}

impl Unusable {
    /// For a reason that may be gone the next time.
    #[must_use]
    pub const fn now(reason: String) -> Self {
        Self { reason, is_lasting: false }
    }
}

/// Something that happened to a source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceEvent {
    /// The authority has judged a source.
    Judged {
        /// The source's name.
        hash: SourceHash,
        /// Approved, or why not.
        verdict: Result<(), String>,
    },
    /// A source was compiled and asked what it offers.
    Validated {
        /// The source's name.
        hash: SourceHash,
        /// Its classes and what else it says of itself, or why it can't be used.
        outcome: Result<SourceInfo, Unusable>,
        /// Compile time in µs; 0 if its code came from the cache.
        compile_us: u64,
    },
    /// A class has said whether this host suits its actors.
    Checked {
        /// The source of the class.
        source: SourceHash,
        /// The class that was asked.
        class: String,
        /// Whether it does; or how its check failed, which is a no.
        outcome: Result<bool, String>,
    },
}
