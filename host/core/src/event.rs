//! What happened: everything that `Admin` is told.

use alloc::boxed::Box;
use alloc::string::String;

use crate::address::ActorAddress;
use crate::envelope::ExitReason;
use crate::log_level::{LogLevel, LogScope};
use crate::outbox::CreateChild;
use crate::source::{SourceHash, SourceInfo};
use crate::wire::control::CreateActor;

/// Names a question from outside, for its answer. The host makes it and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asker(pub u64);

/// Something that happened, in the past tense.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A source was offered. The host keeps its bytes until told to forget them.
    SourceOffered {
        /// Who asks.
        asker: Asker,
        /// Of its bytes.
        hash: SourceHash,
        /// What its submitter says of it.
        label: String,
        /// Its size in bytes.
        size: u64,
    },
    /// The authority has judged a source.
    SourceJudged {
        /// Which.
        hash: SourceHash,
        /// Approved, or why not.
        verdict: Result<(), String>,
    },
    /// A source was compiled and asked what it offers.
    SourceValidated {
        /// Which.
        hash: SourceHash,
        /// What it offers, or why it can't be used.
        outcome: Result<SourceInfo, String>,
        /// Compile time in µs; 0 if its code came from the cache.
        compile_us: u64,
    },
    /// A source is not to be created from any more.
    UnloadAsked {
        /// Who asks.
        asker: Asker,
        /// A hash or the beginning of one.
        source: String,
    },
    /// An actor was asked for from outside. The address is entered as pending.
    CreateAsked {
        /// Who asks.
        asker: Asker,
        /// What it will be called.
        address: ActorAddress,
        /// What is wanted.
        create: CreateActor,
    },
    /// An actor created a child. The address is entered as pending.
    ChildCreated {
        /// The creator.
        parent: ActorAddress,
        /// What is wanted.
        child: Box<CreateChild>,
    },
    /// An actor's `start` returned.
    ActorStarted {
        /// Who.
        address: ActorAddress,
    },
    /// An actor's exit turn is over.
    ActorExiting {
        /// Who.
        address: ActorAddress,
        /// Whether its children exit too.
        with_children: bool,
    },
    /// An actor is no more, and what it sent is accepted.
    ActorEnded {
        /// Who.
        address: ActorAddress,
        /// Why.
        reason: ExitReason,
    },
    /// Someone outside wants to know when an actor has exited.
    ExitAsked {
        /// Who asks.
        asker: Asker,
        /// Whom.
        target: ActorAddress,
        /// Whether its children exit first.
        recursive: bool,
    },
    /// An operator wants an actor and its children gone.
    KillAsked {
        /// Who asks.
        asker: Asker,
        /// Whom.
        target: ActorAddress,
    },
    /// The node is to stop.
    StopAsked {
        /// Who asks.
        asker: Asker,
    },
    /// No one waits for this answer any more.
    AskerLeft {
        /// Who.
        asker: Asker,
    },
    /// The time of [`crate::admin::Admin::deadline`] has come.
    TimePassed,
    /// An operator wants more or less in the log.
    LogLevelAsked {
        /// Who asks.
        asker: Asker,
        /// For whom.
        scope: LogScope,
        /// What; absent: as if it had never been set.
        level: Option<LogLevel>,
    },
}
