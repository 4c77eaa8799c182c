//! What must hold in any order of events: a file for each promise. Each keeps its own books and complains of what it finds
//! wrong; `audit` tells it what happens. None has a say in what happens.

use std::collections::BTreeMap;

use thespian_core::envelope::Envelope;
use thespian_core::time::Time;
use thespian_core::turn::ActorPhase;

use crate::host::Cell;

pub(crate) mod activity;
pub(crate) mod answers;
pub(crate) mod apart;
pub(crate) mod bounds;
pub(crate) mod children;
pub(crate) mod dead_letters;
pub(crate) mod ends;
pub(crate) mod exits;
pub(crate) mod holding;
pub(crate) mod instances;
pub(crate) mod kills;
pub(crate) mod lifetimes;
pub(crate) mod messages;
pub(crate) mod monitors;
pub(crate) mod names;
pub(crate) mod order;
pub(crate) mod sources;
pub(crate) mod suitability;
pub(crate) mod wakeups;

/// What is known of one actor from outside its rules.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) room: bounds::Room,
    pub(crate) held: holding::Holding,
    pub(crate) wakeups: wakeups::Wakeups,
    pub(crate) instances: instances::Instances,
    pub(crate) exit: exits::Exit,
    /// The number of what goes back if what is handled is never handled.
    pub(crate) concerned: Option<u64>,
    /// Whether its children end before it starts again.
    pub(crate) ends_children: bool,
}

impl Watch {
    /// Whether nothing can be expected of an actor now: it is yet to be decided about, or waits for a time.
    fn waits(cell: &Cell, now: Time) -> bool {
        cell.actor.as_ref().is_none_or(|actor| {
            let turn = actor.turn();
            turn.is_holding() || turn.phase(now) == ActorPhase::Paused
        })
    }
}

/// The books on what concerns more than one actor, and everything that was found wrong.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) answers: answers::Answers,
    pub(crate) children: children::Children,
    pub(crate) dead_letters: dead_letters::DeadLetters,
    pub(crate) ends: ends::Ends,
    pub(crate) lifetimes: lifetimes::Lifetimes,
    pub(crate) messages: messages::Messages,
    pub(crate) monitors: monitors::Monitors,
    pub(crate) names: names::Names,
    pub(crate) order: order::Order,
    pub(crate) suitability: suitability::Suitability,
    violations: Vec<String>,
    /// How often which kind of thing happened.
    seen: BTreeMap<&'static str, usize>,
}

impl Ledger {
    pub(crate) fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub(crate) fn complain(&mut self, complaint: impl IntoIterator<Item = String>) {
        self.violations.extend(complaint);
    }

    /// A program outside is given an envelope.
    pub(crate) fn audit_outside(&mut self, envelope: &Envelope) -> Vec<String> {
        let order = self.order.received(envelope);
        order.into_iter().chain(self.messages.handled(&envelope.body)).collect()
    }

    /// What happened, if nothing was wrong with it.
    ///
    /// # Errors
    /// Everything that did not hold.
    pub(crate) fn close(self) -> Result<BTreeMap<&'static str, usize>, String> {
        if self.violations.is_empty() { Ok(self.seen) } else { Err(self.violations.join("\n  ")) }
    }
}
