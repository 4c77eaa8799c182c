//! The lives of actors in words: what a turn tells `Admin` of its actor and of what that did, but for questions, and what
//! `Admin` has done about actors.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Value;
use crate::envelope::ExitReason;
use crate::log_level::LogLevel;
use crate::outbox::CreateChild;
use crate::plan::Settled;
use crate::post::PostId;
use crate::source::{ActorsApproval, OfferId, Rights, SourceHash};

/// Something that happened to an actor, or that it did and waits for no answer to.
#[derive(Clone, Debug, PartialEq)]
pub enum ActorEvent {
    /// An actor's turn gave addresses to new children, which anybody may hear of from now on. They are entered as pending;
    /// a `ChildCreated` for each follows, behind what the turn sent.
    ChildrenEntered {
        /// The creator of the children.
        parent: ActorAddress,
        /// The addresses of the children.
        children: Vec<ActorAddress>,
    },
    /// There is a place for an actor that configuration wants, or there is none now, for this reason.
    PlaceFound {
        /// The post that it is for.
        post: PostId,
        /// The address of the place.
        place: Result<ActorAddress, String>,
    },
    /// An actor created a child, whose address is entered.
    ChildCreated {
        /// The creator of the child.
        parent: ActorAddress,
        /// The child to be created.
        child: Box<CreateChild>,
    },
    /// An actor ended a child.
    ChildKilled {
        /// The actor that wants it.
        parent: ActorAddress,
        /// The actor that is to end; nothing happens if it is no child.
        child: ActorAddress,
    },
    /// An actor wants to hear of another's end.
    Monitored {
        /// The actor that is to hear of it.
        watcher: ActorAddress,
        /// The actor whose end it is.
        target: ActorAddress,
    },
    /// The watcher takes its wish back.
    Demonitored {
        /// The actor that would have heard of it.
        watcher: ActorAddress,
        /// The actor whose end it would have been.
        target: ActorAddress,
    },
    /// An actor wants the dead letters, or no longer.
    DeadLettersAsked {
        /// The actor that says so.
        by: ActorAddress,
        /// Whether it wants them.
        handles: bool,
    },
    /// An actor changed what its host has.
    CapabilityUpdated {
        /// The capability's name.
        name: String,
        /// Its new value; `None` takes it away.
        value: Option<Value>,
    },
    /// An actor lets a source not be created from any more.
    UnloadAsked {
        /// The actor that says so.
        by: ActorAddress,
        /// The source's name.
        source: SourceHash,
    },
    /// An actor wants to hear of the host's sources, or no longer.
    SourcesWatched {
        /// The actor that says so.
        by: ActorAddress,
        /// Whether it wants to.
        watches: bool,
    },
    /// An actor wants to be the authority over the host's sources, or no longer.
    AuthorityAsked {
        /// The actor that says so.
        by: ActorAddress,
        /// Whether it wants to.
        judges: bool,
    },
    /// An actor has judged an offer.
    OfferJudged {
        /// The actor that has.
        by: ActorAddress,
        /// The offer that it has judged.
        offer: OfferId,
        /// Approved, or why not.
        verdict: Result<Box<ActorsApproval>, String>,
    },
    /// An actor failed for good when it was told of offers that it is to judge.
    AuthorityFailed {
        /// The actor that failed.
        by: ActorAddress,
        /// The reason of it.
        reason: String,
    },
    /// An actor wants the node to stop.
    ShutdownAsked {
        /// The actor that wants it.
        by: ActorAddress,
    },
    /// An actor's `start` returned.
    Started {
        /// The actor that runs now.
        address: ActorAddress,
    },
    /// An actor lost its instance, and its children are to end before it starts again. Answered by
    /// [`LifeEffect::LetStart`], when they are gone.
    Restarting {
        /// The actor that is to start again.
        address: ActorAddress,
    },
    /// An actor's exit turn is over.
    Exiting {
        /// The actor that exits.
        address: ActorAddress,
        /// Whether its children exit too.
        with_children: bool,
    },
    /// An actor is no more, and what it sent is accepted.
    Ended {
        /// The actor that was.
        address: ActorAddress,
        /// The reason of its end.
        reason: ExitReason,
    },
}

/// Something to do about an actor.
#[derive(Clone, Debug, PartialEq)]
pub enum LifeEffect {
    /// Find an address and a place for an actor that configuration wants; answered by `ActorEvent::PlaceFound`.
    FindPlace {
        /// The post that it is for.
        post: PostId,
        /// The source of the actor.
        source: SourceHash,
    },
    /// Enter the address in the routing table, with a mailbox that waits until it is settled.
    EnterPending(ActorAddress),
    /// Let the address stand for what was decided. For each address whose actor took a place, once.
    Settle {
        /// The address that was asked for with a create.
        address: ActorAddress,
        /// The decision about it.
        place: Settled,
    },
    /// End an actor at its next tick or turn boundary; answered by `ActorEvent::Ended`.
    Kill {
        /// The actor that is to end.
        address: ActorAddress,
        /// The reason that it and others are told.
        reason: String,
    },
    /// The children are gone for whose end this actor waits before it starts again.
    LetStart(ActorAddress),
    /// Say in the log that an actor without a parent has ended, and why.
    NoteEnd {
        /// The actor that was.
        address: ActorAddress,
        /// The class that it had.
        class: String,
        /// The reason of its end.
        reason: ExitReason,
    },
    /// Keep what this actor writes to the log up to this level, from now on.
    SetLogLevel {
        /// The actor that writes.
        address: ActorAddress,
        /// The level from now on.
        level: LogLevel,
    },
    /// Let an actor have these rights from its next turn on.
    SetRights {
        /// The actor that has them.
        address: ActorAddress,
        /// Besides those of all.
        rights: Rights,
    },
    /// Give dead letters to this actor, or to nobody.
    SetDeadLetterHandler(Option<ActorAddress>),
}
