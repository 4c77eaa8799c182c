//! What follows from a turn: what the loop around it sees to itself, and what is for whoever carries an actor out.

use alloc::boxed::Box;
use alloc::string::String;

use crate::address::ActorAddress;
use crate::envelope::{ActorRestart, Envelope, ExitReason};
use crate::event::Event;
use crate::time::Time;

/// Consequences of a turn, to be seen to in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnEffect {
    /// Put the envelope into its target's mailbox; what a full one refuses goes to [`super::Turn::hold`].
    Route(Envelope),
    /// Put the envelope into the actor's own mailbox, into the place that the turn took for it.
    RouteToSelf(Envelope),
    /// The envelope was held for as long as may be: a dead letter, and its bytes go back to the node's budget.
    HoldExpired(Envelope),
    /// The actor takes nothing more: close its mailbox and give what was in it to [`super::Turn::refuse`].
    CloseMailbox,
    /// The rest is for the doer.
    Perform(ActorEffect),
}

impl From<ActorEffect> for TurnEffect {
    fn from(effect: ActorEffect) -> Self {
        Self::Perform(effect)
    }
}

/// Things that a [`super::Doer`] carries out for an actor. None of them waits, or has an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ActorEffect {
    /// Enter the child's address in the routing table, with a mailbox that waits for it.
    EnterPending(ActorAddress),
    /// Tell `Admin` of the event.
    Tell(Box<Event>),
    /// Set the actor's alarm to this time. There is one, which forgets what it was set to before.
    SetAlarm(Time),
    /// Let this receiver wake the actor when it has room.
    AwaitRoom(ActorAddress),
    /// The envelope can't be handled, for this reason: a dead letter.
    DeadLetter(Envelope, String),
    /// The envelope was not delivered, for this reason: see [`super::Leftover::undelivered`].
    Undelivered(Envelope, String),
    /// The same for one whose target is not there, or takes no more.
    Gone(Envelope),
    /// The exit turn is over: the mailbox takes notices only from here, and `Admin` ends the children.
    Exiting {
        /// Whether the children exit too.
        with_children: bool,
    },
    /// The actor is no more: tell `Admin`.
    Ended(ExitReason),
    /// A fresh instance has taken the place of a trapped one.
    Restarted(ActorRestart),
    /// A turn failed for good; for the log.
    Failed(String),
    /// A message goes back as poison: to be counted.
    Poisoned,
    /// The exit turn failed; for the log.
    ExitFailed(String),
    /// An instance that was to take the place of a trapped one could not start; for the log.
    StartFailed(String),
}
