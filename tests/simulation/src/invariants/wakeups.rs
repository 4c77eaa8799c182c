//! A wakeup comes once, unless it is taken back, and not before its time; behind what was in the mailbox when its alarm went
//! off, and before what came later. None is slept past.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::outbox::{Outbox, TurnRequest};
use thespian_core::time::Time;

use super::Watch;
use super::messages::number;
use crate::host::{Cell, Host};

/// The wakeups that an actor has open, and the messages in its mailbox or its batch.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    open: BTreeMap<u64, Open>,
    /// Messages by their numbers, with how many had come when they had.
    mail: BTreeMap<u64, u64>,
    came: u64,
}

#[derive(Debug)]
struct Open {
    due: Time,
    /// How many messages had come when an alarm went off at or after its time.
    behind: Option<u64>,
    /// The actor has heard of that alarm. Until then a later one may stand for it.
    is_heard: bool,
}

impl Wakeups {
    /// A turn that went well asks for some, or takes some back.
    pub(crate) fn asked(&mut self, outbox: &Outbox, now: Time) {
        for request in outbox.requests() {
            match request {
                TurnRequest::Wakeup { id, delay, .. } => {
                    self.open.insert(*id, Open { due: now + *delay, behind: None, is_heard: false });
                }
                TurnRequest::CancelWakeup { id } => drop(self.open.remove(id)),
                _ => {}
            }
        }
    }

    /// A message got into the mailbox.
    pub(crate) fn came(&mut self, message: u64) {
        self.came += 1;
        self.mail.insert(message, self.came);
    }

    /// The alarm goes off.
    pub(crate) fn rings(&mut self, now: Time) {
        let due = self.open.values_mut().filter(|open| open.due <= now && !open.is_heard);
        due.for_each(|open| open.behind = Some(self.came));
    }

    /// The actor hears that it has.
    pub(crate) fn heard(&mut self) {
        self.open.values_mut().for_each(|open| open.is_heard = open.behind.is_some());
    }

    /// The actor is given an envelope for the first time.
    pub(crate) fn received(&mut self, envelope: &Envelope, now: Time) -> Option<String> {
        let me = envelope.target;
        match &envelope.body {
            Body::Message(message) => {
                let id = number(message);
                let came = self.mail.remove(&id)?;
                let is_late = |open: &Open| open.is_heard && open.behind.is_some_and(|behind| behind < came);
                let (late, _) = self.open.iter().find(|(_, open)| is_late(open))?;
                Some(format!("{me} waits for its wakeup {late}, and gets {id}, which came after its alarm"))
            }
            Body::Wakeup(wakeup) => {
                let id = wakeup.id;
                let Some(open) = self.open.remove(&id) else {
                    return Some(format!("{me} is woken by {id}, which is not open"));
                };
                let Some(behind) = open.behind.filter(|_| open.due <= now) else {
                    return Some(format!("{me} is woken before its time"));
                };
                let (first, _) = self.mail.iter().find(|(_, came)| **came <= behind)?;
                Some(format!("{me} gets its wakeup {id} before what came before its alarm: {first}"))
            }
            _ => None,
        }
    }

    /// Whether one is due: an actor that can't be given it now still has something to do.
    pub(crate) fn is_due(&self) -> bool {
        self.open.values().any(|open| open.behind.is_some())
    }

    /// The actor exits, or is no more: nothing wakes it.
    pub(crate) fn ended(&mut self) {
        self.open.clear();
    }
}

/// At any moment.
pub(crate) fn check(host: &Host, address: ActorAddress, cell: &Cell) -> Option<String> {
    let there = cell.watch.wakeups.open.len();
    let counted = cell.actor.as_ref()?.turn().wakeups();
    (there != counted || there > host.limits.wakeups_max)
        .then(|| format!("{address} counts {counted} wakeups, there are {there}"))
}

/// Nothing is to be done now.
pub(crate) fn quiet(host: &Host, now: Time) -> impl Iterator<Item = String> {
    let awake = host.cells.iter().filter(move |(_, cell)| !Watch::waits(cell, now));
    awake.filter_map(move |(address, cell)| {
        let slept_past = cell.watch.wakeups.open.iter().find(|(_, open)| open.due < now);
        slept_past.map(|(id, _)| format!("{address} sleeps past its wakeup {id}"))
    })
}
