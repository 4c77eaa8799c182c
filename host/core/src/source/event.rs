//! What happens to sources, as `Admin` is told.

use alloc::string::String;

use super::{SourceHash, SourceInfo};

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
        outcome: Result<SourceInfo, String>,
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
