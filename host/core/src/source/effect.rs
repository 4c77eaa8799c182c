//! What is to be done about sources.

use alloc::boxed::Box;
use alloc::string::String;

use super::{ActorJudge, ClassCheck, OfferId, Rights, RunHash, SourceHash};
use crate::address::ActorAddress;
use crate::time::Time;

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

/// An offer that an actor is to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// The actor that is to judge it.
    pub to: ActorAddress,
    /// The source's name.
    pub hash: SourceHash,
    /// The offer that is to be judged.
    pub offer: OfferId,
    /// Its submitter's words about it.
    pub label: String,
    /// The rights that its loader would give it, or let it have.
    pub rights: Rights,
    /// The actor that loads it; absent: a program outside, or it was there before the node started.
    pub loader: Option<ActorAddress>,
}

/// A source that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSource {
    /// The source's name.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
    /// Where whoever offers it receives.
    pub by: Option<ActorAddress>,
    /// The reason of the refusal.
    pub reason: String,
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
    /// Keep an offer that waits for a person until it is judged or forgotten, also over a restart; answered by
    /// `SourceEvent::PendingKept`. Where it can't be kept it is judged so: `SourceEvent::Judged`.
    KeepPending {
        /// The source's name.
        hash: SourceHash,
        /// The offer of it.
        offer: OfferId,
        /// Until when its judgement may come.
        due: Time,
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
    /// Put an offer into the hands of an actor, and tell it by `Body::SourceOffered`. It may be in another's, who has it no longer.
    HandOver(Box<HandOver>),
    /// Say in the audit log that a source is refused.
    NoteRefused(Box<RefusedSource>),
    /// Say in the audit log that a source was unloaded that was in use, or on its way to be.
    NoteUnloaded(SourceHash),
    /// Say in the audit log that an actor judges from here on, or none.
    NoteAuthority(Option<ActorJudge>),
    /// Say in the log that what an actor said of an offer counts for nothing.
    NoteIgnored {
        /// The actor that said it.
        by: ActorAddress,
        /// The offer, if it was about one; else it wanted to be the authority.
        offer: Option<OfferId>,
    },
    /// Find an address and a place for the actor that is the authority; answered by `SourceEvent::PlaceFound`.
    FindPlace,
    /// Compile a source and ask it what it offers; answered by `SourceEvent::Validated`.
    Validate {
        /// The source's name.
        hash: SourceHash,
        /// The bytes to compile, where they are not those that were submitted.
        runs: Option<RunHash>,
    },
    /// Drop a source's bytes and code. Actors that run keep what they use, and what was admitted comes back with the next start.
    Forget(SourceHash),
    /// Let a source not come back with the next start.
    Erase(SourceHash),
    /// Ask a class whether this host suits its actors; answered by `SourceEvent::Checked`.
    CheckClass(Box<ClassCheck>),
}
