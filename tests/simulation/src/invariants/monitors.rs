//! A wish to hear of an end lasts from the turn that asks for it until it is fulfilled or
//! taken back; while it lasts, its actor hears of the end once, behind everything that came from who ended, and at once
//! if there is nobody any more.

use std::collections::BTreeSet;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};

use super::messages::has_come_back;
use crate::host::Host;

/// Who hears, and of whom.
type Wish = (ActorAddress, ActorAddress);

#[derive(Default)]
pub(crate) struct Monitors {
    /// As turns have it.
    wishes: BTreeSet<Wish>,
    /// As `Admin` has it, which hears of turns later.
    known: BTreeSet<Wish>,
    /// Ends that were heard of.
    down: BTreeSet<Wish>,
}

impl Monitors {
    /// A turn asks, or takes it back. Whether that is news.
    pub(crate) fn asked(&mut self, watcher: ActorAddress, target: ActorAddress, wishes: bool) -> bool {
        set(&mut self.wishes, (watcher, target), wishes)
    }

    /// A turn has asked for what it asked for.
    pub(crate) fn check(&self, host: &Host, watcher: ActorAddress) -> Option<String> {
        let len = self.wishes.iter().filter(|(other, _)| *other == watcher).count();
        // One that exits is told of no end any more.
        let listens = host.cells.get(&watcher).is_some_and(|cell| !cell.watch.exit.is_exiting());
        (listens && len > host.limits.monitors_max)
            .then(|| format!("{watcher} monitors {len} actors, past its bound"))
    }

    /// `Admin` hears so.
    pub(crate) fn known(&mut self, watcher: ActorAddress, target: ActorAddress, wishes: bool) {
        set(&mut self.known, (watcher, target), wishes);
    }

    /// `Admin` hears of an end.
    pub(crate) fn ended(&mut self, address: ActorAddress) {
        self.known.retain(|(watcher, _)| *watcher != address);
    }

    /// `Admin` tells of an end.
    pub(crate) fn told(&mut self, watcher: ActorAddress, target: ActorAddress) -> Option<String> {
        let is_known = self.known.remove(&(watcher, target));
        (!is_known).then(|| format!("{watcher} is told of the end of {target}, which it does not monitor"))
    }

    /// An actor hears of an end; of somebody who is no actor of its host, it may hear more.
    pub(crate) fn heard(
        &mut self,
        host: &Host,
        watcher: ActorAddress,
        target: ActorAddress,
        has_ended: bool,
    ) -> Vec<String> {
        set(&mut self.down, (watcher, target), has_ended);
        let is_wished = self.wishes.remove(&(watcher, target));
        let unwished = (!is_wished)
            .then(|| format!("{watcher} hears of the end of {target}, which it does not monitor"));
        let lives = host.cells.contains_key(&target);
        let early = lives.then(|| format!("{watcher} hears that {target} is gone, which lives"));
        unwished.into_iter().chain(early).collect()
    }

    /// Something comes from one actor to another.
    pub(crate) fn spoke(&self, envelope: &Envelope) -> Option<String> {
        let Envelope { target, sender, body } = envelope;
        // A new wish after an end is a new answer; and a dead letter is about an address, not from there.
        let is_past = !matches!(body, Body::ActorDown(_) | Body::DeadLetter(_))
            && !has_come_back(body)
            && self.down.contains(&(*target, *sender));
        is_past.then(|| format!("{target} gets {body:?} from {sender}, of whose end it has heard"))
    }

    /// When nothing is under way, nobody waits to hear of who is gone.
    pub(crate) fn unheard(
        &self,
        listens: impl Fn(ActorAddress) -> bool,
        lives: impl Fn(ActorAddress) -> bool,
    ) -> impl Iterator<Item = String> {
        let open = self.wishes.iter().filter(move |(watcher, target)| listens(*watcher) && !lives(*target));
        open.map(|(watcher, target)| {
            format!("{watcher} has not heard of the end of {target}, which it monitors")
        })
    }
}

fn set(wishes: &mut BTreeSet<Wish>, wish: Wish, is_wished: bool) -> bool {
    if is_wished { wishes.insert(wish) } else { wishes.remove(&wish) }
}
