//! What is to be done about sources.

use alloc::boxed::Box;
use alloc::string::String;

use super::{ClassCheck, OfferId, Rights, SourceHash};

/// An offer that somebody is to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeWish {
    /// The source's name.
    pub hash: SourceHash,
    /// The offer that is to be judged.
    pub offer: OfferId,
    /// Its submitter's words about it.
    pub label: String,
    /// The rights that its loader would give it, or let it have.
    pub rights: Rights,
}

/// Something to do about a source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceEffect {
    /// Keep what is offered until it is validated or forgotten.
    Keep {
        /// The source's name.
        hash: SourceHash,
        /// The offer of it.
        offer: OfferId,
    },
    /// Read the papers of an offer; answered by `SourceEvent::Examined`.
    Examine {
        /// The source's name.
        hash: SourceHash,
        /// The offer that they came with.
        offer: OfferId,
    },
    /// Have an offer judged by whom the host asks; answered by `SourceEvent::Judged`.
    Judge(Box<JudgeWish>),
    /// Compile a source and ask it what it offers; answered by `SourceEvent::Validated`.
    Validate(SourceHash),
    /// Drop a source's bytes and code. Actors that run keep what they use, and what was admitted comes back with the next start.
    Forget(SourceHash),
    /// Let a source not come back with the next start.
    Erase(SourceHash),
    /// Ask a class whether this host suits its actors; answered by `SourceEvent::Checked`.
    CheckClass(Box<ClassCheck>),
}
