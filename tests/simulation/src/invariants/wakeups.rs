//! A wakeup comes when it is due and not before, and there is an alarm for each that is open and for no other.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;
use thespian_core::time::Time;
use thespian_core::timers::TimerKey;

use crate::host::{Cell, Host};

/// The alarms for one actor's wakeups.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    alarms: BTreeMap<u64, (TimerKey, Time)>,
}

impl Wakeups {
    pub(crate) fn set(&mut self, id: u64, key: TimerKey, due: Time) {
        self.alarms.insert(id, (key, due));
    }

    pub(crate) fn cancelled(&mut self, id: u64) -> Option<TimerKey> {
        self.alarms.remove(&id).map(|(key, _)| key)
    }

    /// Its mailbox is closed. Returns what is to be taken back.
    pub(crate) fn closed(&mut self) -> impl Iterator<Item = TimerKey> + use<> {
        std::mem::take(&mut self.alarms).into_values().map(|(key, _)| key)
    }

    /// An alarm of this actor has come.
    pub(crate) fn rung(&mut self, me: ActorAddress, id: u64, now: Time) -> Option<String> {
        let (_, due) = self.alarms.remove(&id)?;
        (due > now).then(|| format!("{me} is woken before its time"))
    }
}

/// At any moment.
pub(crate) fn check(host: &Host, address: ActorAddress, cell: &Cell) -> Option<String> {
    let (timers, max) = (cell.watch.wakeups.alarms.len(), host.limits.wakeups_max);
    let wakeups = cell.actor.as_ref().map_or(max, |actor| actor.turn().wakeups());
    (timers > wakeups || wakeups > max)
        .then(|| format!("{address} has {timers} timers for {wakeups} wakeups"))
}
