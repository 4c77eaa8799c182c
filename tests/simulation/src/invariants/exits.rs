//! An actor that is to exit exits: it does not pause, creates nobody that would live on unwanted, hears of nothing but its
//! children, and says how its exit turn went, and before all what it said itself of its failure.

use thespian_core::envelope::{Body, Envelope, ExitReason};
use thespian_core::fate::{Failed, Failure, Fault};
use thespian_core::outbox::Outbox;
use thespian_core::time::Time;
use thespian_core::turn::Actor;
use thespian_core::wire::control::ActorPhase;

use super::Ledger;
use crate::host::{Cell, Host};

/// What is known of an actor's exit from outside its rules.
#[derive(Debug, Default)]
pub(crate) struct Exit {
    /// Somebody has asked it to exit.
    pub(crate) is_asked: bool,
    /// Its exit turn is over; whether its children exit too.
    exiting: Option<bool>,
    /// The turn under way, or the last, is its exit turn.
    is_exit_turn: bool,
    /// The instance was lost in it.
    has_failed: bool,
    /// The reason that the actor gave for its end.
    failure: Option<String>,
}

impl Exit {
    pub(crate) const fn is_exiting(&self) -> bool {
        self.exiting.is_some()
    }

    /// Whether it waits for the ends of its children.
    pub(crate) fn takes_children(&self) -> bool {
        self.exiting == Some(true)
    }

    pub(crate) const fn is_exit_turn(&self) -> bool {
        self.is_exit_turn
    }

    pub(crate) const fn exits(&mut self, with_children: bool) {
        self.exiting = Some(with_children);
    }

    /// A turn that went well says what it says.
    pub(crate) fn says(&mut self, outbox: &Outbox) {
        if self.failure.is_none() {
            self.failure = outbox.failure().map(str::to_string);
        }
    }

    /// A turn begins. What is wrong with that.
    pub(crate) fn turn_began(&mut self, envelope: &Envelope) -> Option<String> {
        let Envelope { target, body, .. } = envelope;
        self.is_exit_turn = matches!(body, Body::ExitRequest(_));
        if self.failure.is_some() && !self.is_exiting() && !self.is_exit_turn {
            return Some(format!("{target} has failed and handles {body:?}"));
        }
        (self.is_exiting() && !matches!(body, Body::ChildExited(_)))
            .then(|| format!("{target} is exiting and handles {body:?}"))
    }

    /// It is over.
    pub(crate) fn turn_ended(&mut self, result: &Result<Box<Outbox>, Failed>) {
        let is_lost = matches!(result, Err(Failed { failure: Failure::Fault(fault), .. }) if !matches!(fault, Fault::Killed));
        self.has_failed |= is_lost && self.is_exit_turn;
    }

    /// A turn is to create an actor. What is wrong with that.
    pub(crate) fn creates(&self, outbox: &Outbox) -> Option<&'static str> {
        if self.is_exiting() {
            return Some("creates while it exits");
        }
        (self.is_exit_turn && !outbox.keeps_children())
            .then_some("creates in its exit turn, and keeps no children")
    }

    /// It has ended. What is wrong with the reason.
    pub(crate) fn ended(&self, reason: &ExitReason) -> Option<String> {
        let is_told = matches!(reason, ExitReason::Failed(why) if why.starts_with("in its exit turn: "));
        let is_killed = matches!(reason, ExitReason::Killed(_));
        if let Some(why) = &self.failure {
            let is_right = is_killed || *reason == ExitReason::Failed(why.clone());
            return (!is_right).then(|| format!("ends as {reason}, and has failed: {why}"));
        }
        (!is_killed && is_told != self.has_failed)
            .then(|| format!("ends as {reason}, which is not how its exit turn went"))
    }
}

/// Nothing is to be done now.
pub(crate) fn quiet(host: &Host, ledger: &Ledger, now: Time) -> Vec<String> {
    let is_paused =
        |cell: &Cell| cell.actor.as_ref().is_some_and(|actor| actor.turn().phase(now) == ActorPhase::Paused);
    let mut complaints = Vec::new();
    for (address, cell) in host.cells.iter().filter(|(_, cell)| is_paused(cell)) {
        if cell.watch.exit.is_asked {
            complaints.push(format!("{address} pauses though it is to exit"));
        }
        if nothing_waits(cell) && ledger.lifetimes.is_over(*address, now, false) {
            complaints.push(format!("{address} pauses beyond its time"));
        }
    }
    complaints
}

fn nothing_waits(cell: &Cell) -> bool {
    let has_taken_none = |actor: &Actor| actor.turn().waiting() == 0;
    cell.mailbox.is_empty() && !cell.watch.wakeups.is_due() && cell.actor.as_ref().is_some_and(has_taken_none)
}
