//! Who runs here: the actors of a node, by their addresses.
//!
//! What it offers is all that effects and status may do with an actor. None of it waits for an activation.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use thespian_core::address::ActorAddress;
use thespian_core::capability::Capabilities;
use thespian_core::envelope::ExitReason;
use thespian_core::life::ActorEvent;
use thespian_core::limits::{ActorLimits, STATUS_LONG_TURNS_MAX};
use thespian_core::log_level::LogLevel;
use thespian_core::time::Time;
use thespian_core::turn::Leftover;
use tokio::runtime::Handle;

use super::cell::{Cell, Start};
use super::ground::Ground;
use super::shown::Showing;
use crate::plane::receiver::Receiver;

/// The actors of a node.
pub(crate) struct Cells {
    ground: Arc<Ground>,
    cells: DashMap<ActorAddress, Arc<Cell>, RandomState>,
}

impl Cells {
    pub(crate) fn new(ground: Ground) -> Self {
        Self { ground: Arc::new(ground), cells: DashMap::with_hasher(RandomState::default()) }
    }

    /// Enters the address of an actor that is not yet decided about, so that it can be sent to. A place is reserved for it.
    pub(crate) fn enter_pending(&self, address: ActorAddress) {
        self.ground.enter_pending(address);
    }

    /// Lets an address that was entered stand for an actor that runs here, in the place that was reserved for it.
    pub(crate) fn settle_here(&self, start: Start, level: LogLevel) {
        let Self { ground, cells } = self;
        let address = start.identity.me;
        let place = ground.plane.places.settle();
        let Some(pending) = ground.plane.table.get(address) else { return };
        let mut settled = None;
        pending.settle(Box::new(|mailbox| {
            let cell = Cell::new(ground.clone(), place, mailbox, start, level);
            cells.insert(address, cell.clone());
            ground.plane.table.enter(address, cell.clone());
            settled = Some(cell);
        }));
        if let Some(cell) = settled {
            cell.activate();
        }
    }

    /// Lets an address stand for nobody: the place that was reserved for it goes back, and what waits for it to its
    /// senders.
    pub(crate) fn settle_nowhere(&self, address: ActorAddress, why: String) {
        let Ground { plane, desk, .. } = &*self.ground;
        // First: who hears of the end may count on the place.
        plane.places.give_back(1);
        // Where the actor of a global name is there already, it was never entered.
        let Some(pending) = plane.table.get(address) else { return };
        let mut left = None;
        pending.settle(Box::new(|mailbox| {
            plane.table.remove(address);
            left = Some(mailbox.close());
        }));
        let Some(left) = left else { return };
        let reason = ExitReason::NeverStarted(why);
        for envelope in left {
            match Leftover::of(envelope, &reason, false) {
                Leftover::Poison(poison) => plane.send_back(poison),
                Leftover::DeadLetter(envelope, why) => plane.dead_letter(&envelope, &why),
                Leftover::Nothing => {}
            }
        }
        desk.tell(ActorEvent::Ended { address, reason });
    }

    /// Ends an actor at its next tick or turn boundary.
    pub(crate) fn kill(&self, address: ActorAddress, reason: String) {
        if let Some(cell) = self.get(address) {
            cell.kill(reason);
        }
    }

    /// Keeps more or less of what an actor writes to the log, from now on.
    pub(crate) fn set_log_level(&self, address: ActorAddress, level: LogLevel) {
        if let Some(cell) = self.get(address) {
            cell.set_log_level(level);
        }
    }

    /// Lets go of an actor that has ended.
    pub(crate) fn remove(&self, address: ActorAddress) {
        self.cells.remove(&address);
    }

    /// Lets go of all, when the node has ended and the table is empty.
    pub(crate) fn clear(&self) {
        self.cells.clear();
    }

    /// For status: the actor as it was at the end of its last activation, and what waits in its mailbox and its bytes.
    pub(crate) fn shown(&self, address: ActorAddress, now: Time) -> (Showing, (usize, usize)) {
        if let Some(cell) = self.get(address) {
            return (cell.shown(now), cell.size());
        }
        match self.ground.plane.table.get(address) {
            Some(pending) => (Showing::pending(), pending.size()),
            None => (Showing::ended(), (0, 0)),
        }
    }

    /// Actors in long turns, the longest first: for how long, and how old their oldest message is.
    pub(crate) fn long_turns(&self, now: Time) -> Vec<(ActorAddress, Duration, Option<Duration>)> {
        let long = |cell: &Cell| cell.long_turn(now).map(|(length, oldest)| (cell.address(), length, oldest));
        let mut turns: Vec<_> = self.cells.iter().filter_map(|cell| long(cell.value())).collect();
        turns.sort_by_key(|(_, length, _)| std::cmp::Reverse(*length));
        turns.truncate(STATUS_LONG_TURNS_MAX);
        turns
    }

    /// The turns that actors have had.
    pub(crate) fn turns(&self) -> u64 {
        let of_living: u64 = self.cells.iter().map(|cell| cell.turns()).sum();
        self.ground.totals.turns_of_ended.load(Ordering::Relaxed) + of_living
    }

    pub(crate) fn poisoned(&self) -> u64 {
        self.ground.totals.poisoned.load(Ordering::Relaxed)
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.ground.totals.restarts.load(Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> &ActorLimits {
        &self.ground.limits
    }

    /// Capabilities of the host, for actors that start.
    pub(crate) fn capabilities(&self) -> Arc<Capabilities> {
        self.ground.capabilities()
    }

    pub(crate) fn set_capabilities(&self, capabilities: Arc<Capabilities>) {
        self.ground.set_capabilities(capabilities);
    }

    /// Where activations run, and what else may take a guest's time.
    pub(crate) fn threads(&self) -> &Handle {
        &self.ground.threads
    }

    fn get(&self, address: ActorAddress) -> Option<Arc<Cell>> {
        self.cells.get(&address).map(|cell| cell.clone())
    }
}
