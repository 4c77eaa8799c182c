//! What is to be done: everything that `Admin` decides.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::{Capabilities, Requirement};
use crate::envelope::{Envelope, ExitReason};
use crate::event::Asker;
use crate::fate::OnTrap;
use crate::log_level::LogLevel;
use crate::message::Message;
use crate::placement::PlacementQuestion;
use crate::source::{Rights, SourceHash, Transient};
use crate::wire::control::{ControlError, LoadProgress, Reply};

/// Something to do, in the imperative. The host carries effects out in order and waits for none.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Let the authority judge a source; answered by `SourceJudged`.
    Judge(SourceHash),
    /// Compile a source and ask it what it offers; answered by `SourceValidated`.
    Validate(SourceHash),
    /// Drop a source's bytes and code. Actors that run keep what they use.
    Forget(SourceHash),
    /// Enter the address in the routing table, with a mailbox that waits for the actor.
    EnterPending(ActorAddress),
    /// Give back a place that was taken for an actor which is not created.
    GiveBackPlace,
    /// Ask a class whether this host suits its actors; answered by `PlacementAnswered`.
    AskPlacement(Box<PlacementQuestion>),
    /// Run the pending actor; answered by `ActorStarted` or `ActorEnded`.
    Instantiate(Box<Plan>),
    /// The pending actor will never run; answered by `ActorEnded`.
    RefuseCreate {
        /// Who.
        address: ActorAddress,
        /// Why.
        reason: String,
    },
    /// Put an envelope into its target's mailbox. It is a notice, so a slot is reserved for it.
    Route(Envelope),
    /// End an actor at its next tick or turn boundary; answered by `ActorEnded`.
    Kill {
        /// Whom.
        address: ActorAddress,
        /// Why.
        reason: String,
    },
    /// Say in the log that an actor without a parent has ended, and why.
    NoteEnd {
        /// Who.
        address: ActorAddress,
        /// Its class.
        class: String,
        /// Why.
        reason: ExitReason,
    },
    /// Give dead letters to this actor, or to nobody.
    SetDeadLetterHandler(Option<ActorAddress>),
    /// What the host has changed: actors that start from now on are told this.
    SetCapabilities(Arc<Capabilities>),
    /// Show an actor a status: as a notice, with the question's number.
    TellStatus {
        /// Whom.
        to: ActorAddress,
        /// The question.
        request: u64,
        /// Of whom; `None` is the host.
        about: Option<ActorAddress>,
    },
    /// Tell someone outside how far a load is.
    Progress {
        /// Whom.
        asker: Asker,
        /// How far.
        progress: LoadProgress,
    },
    /// Answer someone outside: the last that they hear.
    Answer {
        /// Whom.
        asker: Asker,
        /// What.
        reply: Result<Reply, ControlError>,
    },
    /// Every actor is gone: close the node.
    Stop,
    /// Keep what this actor writes to the log up to this level, from now on.
    SetLogLevel {
        /// Whose.
        address: ActorAddress,
        /// Which.
        level: LogLevel,
    },
}

/// How to run an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its address.
    pub address: ActorAddress,
    /// Its creator, if that is an actor.
    pub parent: Option<ActorAddress>,
    /// Where its code is.
    pub source: SourceHash,
    /// Its class.
    pub class: String,
    /// What becomes of it after a trap.
    pub on_trap: OnTrap,
    /// Whether its parent hears of restarts.
    pub watch_restarts: bool,
    /// What its creator required.
    pub requirements: Vec<Requirement>,
    /// Its global name.
    pub name: Option<Box<str>>,
    /// Whether and when it ends of itself.
    pub transient: Option<Transient>,
    /// What it may ask of the host besides what all may.
    pub rights: Rights,
    /// The message for its start.
    pub init: Option<Message>,
    /// How much of what it writes to the log is kept.
    pub log_level: LogLevel,
}
