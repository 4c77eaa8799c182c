//! The lives of actors in words: all that a turn tells `Admin` of its actor and of what that did, but for questions.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Value;
use crate::envelope::ExitReason;
use crate::outbox::CreateChild;

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
