//! An actor is told of its children as they are: those that it created, in order, with their labels, until it has heard of
//! their ends; and it has no more of them than it may. One whose class ends them starts again when they are gone, and hears of
//! none of them.

use std::collections::{BTreeMap, BTreeSet};

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::outbox::{Outbox, TurnRequest};

use super::Ledger;
use crate::host::Host;

/// A child, with its label.
pub(crate) type Labelled = (ActorAddress, String);

#[derive(Default)]
pub(crate) struct Children {
    /// Who created whom.
    parents: BTreeMap<ActorAddress, ActorAddress>,
    /// Children that live, or whose end their creator has not heard of, in the order of their creation.
    listed: BTreeMap<ActorAddress, Vec<Labelled>>,
    /// Those whose creator has started again without them.
    pub(crate) past: BTreeSet<ActorAddress>,
}

impl Children {
    /// An actor creates what this turn asks for, which went well.
    pub(crate) fn created(&mut self, parent: ActorAddress, outbox: &Outbox, max: usize) -> Option<String> {
        for request in outbox.requests() {
            if let TurnRequest::Create(child) = request {
                self.parents.insert(child.address, parent);
                let label = child.options.label.to_string();
                self.listed.entry(parent).or_default().push((child.address, label));
            }
        }
        let len = self.listed(parent).len();
        (len > max).then(|| format!("{parent} has {len} children, past its bound"))
    }

    /// An actor hears of the end of one of its children.
    pub(crate) fn heard(&mut self, parent: ActorAddress, child: ActorAddress) {
        self.listed.entry(parent).and_modify(|children| children.retain(|(other, _)| *other != child));
    }

    /// The children of an actor live on without it.
    pub(crate) fn let_go(&mut self, parent: ActorAddress) {
        self.listed.remove(&parent);
    }

    pub(crate) fn listed(&self, parent: ActorAddress) -> &[Labelled] {
        self.listed.get(&parent).map_or(&[], Vec::as_slice)
    }

    /// An actor is told of its children in a turn.
    pub(crate) fn told(&self, parent: ActorAddress, told: &[Labelled]) -> Option<String> {
        let there = self.listed(parent);
        (told != there).then(|| format!("{parent} is told of the children {told:?}, and has {there:?}"))
    }

    pub(crate) fn parent(&self, child: ActorAddress) -> Option<ActorAddress> {
        self.parents.get(&child).copied()
    }
}

impl Ledger {
    pub(crate) fn living_children(&self, of: ActorAddress) -> impl Iterator<Item = ActorAddress> {
        let children = self.children.parents.iter().filter(move |(_, parent)| **parent == of);
        children.map(|(child, _)| *child).filter(|child| !self.ends.has_ended(*child))
    }

    /// An actor whose class ends the children starts again.
    pub(crate) fn audit_restart(&mut self, parent: ActorAddress) -> Vec<String> {
        let lives = self.living_children(parent);
        let early = lives.map(|child| format!("{parent} starts again before its child {child} is gone"));
        let early = early.collect();
        for (child, _) in self.children.listed.remove(&parent).unwrap_or_default() {
            self.monitors.asked(parent, child, false);
            self.children.past.insert(child);
            self.see("children ended for a restart");
        }
        early
    }

    /// An actor is given an envelope.
    pub(crate) fn audit_past(&self, envelope: &Envelope) -> Option<String> {
        let Envelope { target, sender, body } = envelope;
        let is_news = matches!(body, Body::ChildExited(_) | Body::ChildRestarted(_));
        (is_news && self.children.past.contains(sender))
            .then(|| format!("{target} hears of {sender}, which ended before it started again"))
    }
}

/// Nothing is to be done now.
pub(crate) fn quiet(host: &Host, ledger: &Ledger) -> Vec<String> {
    let awaits = host.cells.iter().filter(|(_, cell)| {
        cell.actor.as_ref().is_some_and(|actor| actor.turn().awaits_children())
            && !cell.watch.exit.is_exiting()
    });
    let mut complaints = Vec::new();
    for (address, _) in awaits {
        let living: Vec<_> = ledger.living_children(*address).collect();
        if living.is_empty() {
            complaints.push(format!("{address} waits for children that are gone"));
        }
        let is_killed = |child| host.cells.get(child).is_none_or(|cell| cell.killed.is_some());
        let left_alone = living.iter().filter(|child| !is_killed(*child));
        complaints.extend(left_alone.map(|child| format!("{address} waits for {child}, which nobody ends")));
    }
    complaints
}
