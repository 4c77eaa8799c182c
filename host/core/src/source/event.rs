//! What happens to sources, as `Admin` is told.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use super::admission::ReadPapers;
use super::{OfferId, RunHash, SourceHash, SourceInfo, Verdict};
use crate::address::ActorAddress;
use crate::question::Offer;
use crate::utc::UtcTime;

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
    /// Somebody whom the host asked has judged an offer.
    Judged {
        /// The source's name.
        hash: SourceHash,
        /// The offer that was judged.
        offer: OfferId,
        /// Approved, or why not.
        verdict: Result<Verdict, String>,
    },
    /// The papers of an offer were read, and its signatures held against the keys of the policy.
    Examined {
        /// The source's name.
        hash: SourceHash,
        /// The offer that they came with.
        offer: OfferId,
        /// The papers, as they were read.
        papers: ReadPapers,
        /// The wall clock's time.
        now: UtcTime,
    },
    /// There is a place for the actor that is the authority, or there is none now, for this reason.
    PlaceFound(Result<ActorAddress, String>),
    /// A source was found that the node had admitted before it was started.
    Restored {
        /// As it was offered then.
        offer: Box<Offer>,
        /// The verdict of then, where its judge can't be asked again.
        verdict: Verdict,
    },
    /// An offer that waits for a person is kept, as far as the host can.
    PendingKept {
        /// The source's name.
        hash: SourceHash,
        /// The offer that is kept.
        offer: OfferId,
    },
    /// A source was found that waited for a person before the node was started.
    PendingFound {
        /// As it was offered then.
        offer: Box<Offer>,
        /// For how much longer it may wait.
        left: Duration,
    },
    /// A source was compiled and asked what it offers.
    Validated {
        /// The source's name.
        hash: SourceHash,
        /// The bytes that were compiled, where they are not those that were submitted: as the effect had it.
        runs: Option<RunHash>,
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
