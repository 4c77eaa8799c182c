//! What must hold of every queue: it is within its bound, what it counts is what is there, and what waits, waits no
//! longer than it may.

use std::collections::BTreeMap;
use std::time::Duration;

use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::{HOLD_RETRY_PERIOD, HOLD_TIME_MAX};
use thespian_core::time::Time;
use thespian_core::timers::TimerKey;

use crate::leaving::{Leaving, is_counted};
use crate::ledger::number;
use crate::world::World;

/// Something that a full receiver refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    Message(u64),
    Poison(u64),
    Restart(u32),
    /// It has a reserved slot, so it can't be.
    Never,
}

impl Held {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        match &envelope.body {
            Body::Message(message) => Self::Message(number(message)),
            Body::Poisoned(poisoned) => Self::Poison(number(&poisoned.original)),
            Body::ChildRestarted(restart) => Self::Restart(restart.incarnation),
            _ => Self::Never,
        }
    }
}

/// What is known of an actor from outside its rules.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// What came into its mailbox and did not leave it, with the room that is kept there.
    len: usize,
    bytes: usize,
    held: BTreeMap<Held, Time>,
    pub(crate) timers: BTreeMap<u64, (TimerKey, Time)>,
    /// When somebody looks at it again.
    pub(crate) looks_at: Option<Time>,
    /// Its exit turn is over; whether its children exit too.
    pub(crate) exiting: Option<bool>,
    pub(crate) has_instance: bool,
    pub(crate) has_started: bool,
    pub(crate) failed_to_restart: Option<Time>,
    pub(crate) leaving: Leaving,
}

impl Watch {
    pub(crate) const fn came(&mut self, cost: usize) {
        self.len += 1;
        self.bytes += cost;
    }

    pub(crate) const fn went(&mut self, len: usize, cost: usize) {
        self.len -= len;
        self.bytes -= cost;
    }

    /// Its mailbox is closed. Returns its timers.
    pub(crate) fn closed(&mut self) -> BTreeMap<u64, (TimerKey, Time)> {
        (self.len, self.bytes) = (0, 0);
        std::mem::take(&mut self.timers)
    }

    pub(crate) fn refused(&mut self, held: Held, now: Time) {
        self.held.entry(held).or_insert(now);
    }

    /// Bounds what it holds by what one turn can send.
    pub(crate) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// For how long it was held, if that is longer than it may be.
    pub(crate) fn settled(&mut self, held: &Held, now: Time) -> Option<Duration> {
        let time = now.since(self.held.remove(held)?);
        (time > HOLD_TIME_MAX + HOLD_RETRY_PERIOD).then_some(time)
    }
}

pub(crate) fn check(world: &mut World) {
    let World { limits, ledger, cells, budget, slots, slots_max, .. } = world;
    let violations = &mut ledger.violations;
    for (address, cell) in cells {
        let (mailbox, watch) = (&cell.mailbox, &cell.watch);
        let is_past = mailbox.len() > limits.mailbox_len_max
            || (mailbox.len() > 1 && mailbox.bytes() > limits.mailbox_bytes_max);
        if is_past {
            violations.push(format!("the mailbox of {address} is past its bound"));
        }
        if (mailbox.len(), mailbox.bytes()) != (watch.len, watch.bytes) {
            let (counted, there) = ((mailbox.len(), mailbox.bytes()), (watch.len, watch.bytes));
            violations.push(format!("the mailbox of {address} counts {counted:?}, there are {there:?}"));
        }
        if !is_counted(cell) {
            violations.push(format!("{address} was restarted {} times", watch.leaving.restarts));
        }
        let wakeups = cell.actor.as_ref().map_or(limits.wakeups_max, |actor| actor.turn().wakeups());
        if watch.timers.len() > wakeups || wakeups > limits.wakeups_max {
            violations.push(format!("{address} has {} timers for {wakeups} wakeups", watch.timers.len()));
        }
    }
    if budget.used() > budget.max() || slots > slots_max {
        let (bytes, max) = (budget.used(), budget.max());
        violations.push(format!("the node is past its bounds: {bytes} of {max} bytes, {slots} actors"));
    }
}
