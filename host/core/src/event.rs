//! What happened: everything that `Admin` is told.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Value;
use crate::envelope::ExitReason;
use crate::log_level::{LogLevel, LogScope};
use crate::outbox::CreateChild;
use crate::source::{Rights, SourceHash, SourceInfo};
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
        /// What its actors may ask of the host besides what all may.
        rights: Rights,
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
    /// A class has said whether this host suits its actors.
    PlacementAnswered {
        /// Where its code is.
        source: SourceHash,
        /// The class.
        class: String,
        /// Whether it does; or how its check failed, which is a no.
        outcome: Result<bool, String>,
    },
    /// A source is not to be created from any more.
    UnloadAsked {
        /// Who asks.
        asker: Asker,
        /// A hash or the beginning of one.
        source: String,
    },
    /// An actor was asked for from outside. The address, and a place for an actor, are for it; where it has a global
    /// name, it may exist already.
    CreateAsked {
        /// Who asks.
        asker: Asker,
        /// What it will be called.
        address: ActorAddress,
        /// What is wanted.
        create: CreateActor,
    },
    /// An actor's turn gave addresses to new children, which anybody may hear of from now on. They are entered as pending;
    /// a `ChildCreated` for each follows, behind what the turn sent.
    ChildrenEntered {
        /// The creator.
        parent: ActorAddress,
        /// Their addresses.
        children: Vec<ActorAddress>,
    },
    /// An actor created a child, whose address is entered.
    ChildCreated {
        /// The creator.
        parent: ActorAddress,
        /// What is wanted.
        child: Box<CreateChild>,
    },
    /// An actor asked for the actor of a global name. The address, and a place for an actor, are for it if there is none.
    NamedAsked {
        /// Who asks.
        by: ActorAddress,
        /// Names the question in its answer.
        request: u64,
        /// The global name.
        name: Box<str>,
        /// What it is to be, if there is none.
        child: Box<CreateChild>,
    },
    /// An actor ended a child.
    ChildKilled {
        /// Who.
        parent: ActorAddress,
        /// Whom; nothing happens if it is no child.
        child: ActorAddress,
    },
    /// An actor wants to hear of another's end.
    Monitored {
        /// Who hears.
        watcher: ActorAddress,
        /// Of whom.
        target: ActorAddress,
    },
    /// It does so no longer.
    Demonitored {
        /// Who heard.
        watcher: ActorAddress,
        /// Of whom.
        target: ActorAddress,
    },
    /// An actor wants the dead letters, or no longer.
    DeadLettersAsked {
        /// Who.
        by: ActorAddress,
        /// Whether it wants them.
        handles: bool,
    },
    /// What the host has changed.
    CapabilityUpdated {
        /// Who waits for the answer; an actor does not.
        asker: Option<Asker>,
        /// The capability's name.
        name: String,
        /// Its new value; `None` takes it away.
        value: Option<Value>,
    },
    /// An actor wants to see a status.
    StatusAsked {
        /// Who asks.
        by: ActorAddress,
        /// Names the question in its answer.
        request: u64,
        /// Of whom; `None` is the host.
        about: Option<ActorAddress>,
    },
    /// An actor wants the node to stop.
    ShutdownAsked {
        /// Who.
        by: ActorAddress,
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
