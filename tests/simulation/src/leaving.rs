//! What must hold of actors that can't start again, and of those that are to exit: nobody waits for them, and a fault in
//! an exit turn is told.

use thespian_core::envelope::{Body, Envelope, ExitReason};
use thespian_core::fate::{Failure, Fault};
use thespian_core::outbox::Outbox;
use thespian_core::wire::control::ActorPhase;

use crate::carrier::Carrier;
use crate::ledger::number;
use crate::world::{Cell, World};

/// What is known of it from outside its rules.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Instances after the first, also those that could not start.
    pub(crate) restarts: u64,
    /// Somebody has asked it to exit.
    pub(crate) is_asked: bool,
    /// The turn under way, or the last, is its exit turn.
    pub(crate) exit_turn: bool,
    /// The instance was lost in it.
    exit_fault: bool,
    /// The message whose turn lost the instance.
    tried: Option<u64>,
}

impl Carrier<'_> {
    /// A turn begins.
    pub(crate) fn note_turn(&mut self, envelope: &Envelope) {
        let leaving = &mut self.cell().watch.leaving;
        leaving.exit_turn = matches!(envelope.body, Body::ExitRequest(_));
        leaving.tried = match &envelope.body {
            Body::Message(message) => Some(number(message)),
            _ => None,
        };
    }

    /// It is over.
    pub(crate) fn note_outcome(&mut self, result: &Result<Box<Outbox>, Failure>) {
        let leaving = &mut self.cell().watch.leaving;
        match result {
            Err(Failure::Fault(Fault::Killed)) => {}
            Err(Failure::Fault(_)) => leaving.exit_fault |= leaving.exit_turn,
            _ => leaving.tried = None,
        }
    }

    /// An instance is to be made in place of one that was lost.
    pub(crate) fn audit_restart(&mut self) {
        let watch = &self.cell().watch;
        let kept = watch.leaving.tried.filter(|_| watch.failed_to_restart.is_some());
        if let Some(id) = kept.filter(|id| self.world.ledger.is_open(*id)) {
            self.world
                .ledger
                .violations
                .push(format!("{} keeps {id}, which it could not try again", self.me));
        }
    }

    /// A turn is to create an actor.
    pub(crate) fn audit_create(&mut self, outbox: &Outbox) {
        let watch = &self.cell().watch;
        let wrong = match (watch.exiting, watch.leaving.exit_turn) {
            (Some(_), _) => "creates while it exits",
            (None, true) if !outbox.keeps_children() => "creates in its exit turn, and keeps no children",
            (None, true) => return self.world.see("creates in exit turns"),
            (None, false) => return,
        };
        self.world.ledger.violations.push(format!("{} {wrong}", self.me));
    }

    pub(crate) fn audit_end(&mut self, reason: &ExitReason) {
        let is_told = matches!(reason, ExitReason::Failed(why) if why.starts_with("in its exit turn: "));
        let is_killed = matches!(reason, ExitReason::Killed(_));
        if !is_killed && is_told != self.cell().watch.leaving.exit_fault {
            let wrong = format!("{} ends as {reason}, which is not how its exit turn went", self.me);
            self.world.ledger.violations.push(wrong);
        }
    }
}

impl World {
    /// Nothing is to be done now.
    pub(crate) fn audit_pauses(&mut self) {
        let Self { cells, ledger, now, .. } = self;
        let paused = cells.iter().filter(|(_, cell)| {
            cell.actor.as_ref().is_some_and(|actor| actor.turn().phase(*now) == ActorPhase::Paused)
        });
        for (address, cell) in paused {
            if cell.watch.leaving.is_asked {
                ledger.violations.push(format!("{address} pauses though it is to exit"));
            }
            if nothing_waits(cell) && ledger.lifetimes.is_over(*address, *now, false) {
                ledger.violations.push(format!("{address} pauses beyond its time"));
            }
        }
    }
}

fn nothing_waits(cell: &Cell) -> bool {
    cell.mailbox.is_empty() && cell.actor.as_ref().is_some_and(|actor| actor.turn().taken() == 0)
}

/// Whether the counts agree.
pub(crate) fn is_counted(cell: &Cell) -> bool {
    let counted = cell.actor.as_ref().map(|actor| actor.turn().counters().restarts);
    counted.is_none_or(|counted| counted == cell.watch.leaving.restarts)
}
