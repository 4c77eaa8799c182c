//! A transient actor ends of itself: not before its time, and not after it.

use std::collections::{BTreeMap, BTreeSet};

use thespian_core::address::ActorAddress;
use thespian_core::source::Transient;
use thespian_core::time::Time;

use super::Watch;
use crate::host::Host;

struct Life {
    transient: Transient,
    /// When it is over, as far as that is known.
    due: Option<Time>,
}

#[derive(Default)]
pub(crate) struct Lifetimes {
    lives: BTreeMap<ActorAddress, Life>,
    /// Who got a request to exit that looks like its own.
    asked: BTreeSet<ActorAddress>,
}

impl Lifetimes {
    pub(crate) fn planned(&mut self, address: ActorAddress, transient: Option<Transient>) {
        self.lives.extend(transient.map(|transient| (address, Life { transient, due: None })));
    }

    pub(crate) fn started(&mut self, address: ActorAddress, now: Time) {
        if let Some(Life { transient: Transient::Idle(length), due }) = self.lives.get_mut(&address) {
            *due = Some(now + *length);
        }
    }

    /// It has handled a message.
    pub(crate) fn used(&mut self, address: ActorAddress, now: Time) {
        match self.lives.get_mut(&address) {
            Some(Life { transient: Transient::After(length), due: due @ None })
            | Some(Life { transient: Transient::Idle(length), due }) => *due = Some(now + *length),
            _ => {}
        }
    }

    pub(crate) fn ended(&mut self, address: ActorAddress) {
        self.lives.remove(&address);
    }

    /// Somebody has it exit in its own name.
    pub(crate) fn asked(&mut self, address: ActorAddress) {
        self.asked.insert(address);
    }

    /// It handles a request of its own to exit. `None`: others may be behind it.
    pub(crate) fn exits(&self, address: ActorAddress, now: Time) -> Option<Result<(), String>> {
        if self.asked.contains(&address) {
            return None;
        }
        let is_over = self.lives.get(&address).and_then(|life| life.due).is_some_and(|due| due <= now);
        Some(if is_over { Ok(()) } else { Err(format!("{address} ends of itself before its time")) })
    }

    /// Whether it should be no more. `is_last`: time does not go on.
    pub(crate) fn is_over(&self, address: ActorAddress, now: Time, is_last: bool) -> bool {
        self.lives.get(&address).and_then(|life| life.due).is_some_and(|due| is_last || due < now)
    }

    /// Nothing is to be done now. `is_last`: and nothing will be.
    pub(crate) fn outlived(&self, host: &Host, now: Time, is_last: bool) -> impl Iterator<Item = String> {
        let cells = host.cells.iter().filter(move |(_, cell)| is_last || !Watch::waits(cell, now));
        cells
            .filter(move |(address, cell)| {
                !cell.watch.exit.is_exiting() && self.is_over(**address, now, is_last)
            })
            .map(|(address, _)| format!("{address} outlives its time"))
    }
}
