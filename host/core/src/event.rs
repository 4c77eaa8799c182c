//! What happened: everything that `Admin` is told.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Value;
use crate::envelope::ExitReason;
use crate::outbox::CreateChild;
use crate::question::{Origin, Question};
use crate::source::{SourceHash, SourceInfo};

/// Something that happened, in the past tense.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
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
    /// An actor changed what its host has. It waits for no answer.
    CapabilityUpdated {
        /// The capability's name.
        name: String,
        /// Its new value; `None` takes it away.
        value: Option<Value>,
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
    /// Somebody asked for something.
    Asked {
        /// The asker, for the answer.
        origin: Origin,
        /// The question.
        question: Question,
    },
    /// Nobody waits for this answer any more.
    Withdrawn(Origin),
    /// The time of [`crate::admin::Admin::deadline`] has come.
    TimePassed,
}
