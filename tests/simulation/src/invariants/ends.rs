//! A creator hears of each child's end once, after it and after everything else from that child; an end is the last of an
//! actor, and of one that waited for its children, theirs come before.

use std::collections::{BTreeMap, BTreeSet};

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};

use super::Ledger;
use super::messages::has_come_back;

#[derive(Default)]
pub(crate) struct Ends {
    ended: BTreeSet<ActorAddress>,
    /// Children whose end was told, to whom, and whether that one has handled it.
    notices: BTreeMap<ActorAddress, (ActorAddress, bool)>,
    told: BTreeMap<ActorAddress, u32>,
}

impl Ends {
    pub(crate) fn has_ended(&self, actor: ActorAddress) -> bool {
        self.ended.contains(&actor)
    }

    /// `Admin` says that an actor has ended: to its parent, or to the log.
    pub(crate) fn told(&mut self, child: ActorAddress, parent: Option<ActorAddress>) -> Option<String> {
        *self.told.entry(child).or_default() += 1;
        if let Some(parent) = parent {
            self.notices.insert(child, (parent, false));
        }
        (!self.ended.contains(&child)).then(|| format!("the end of {child} is told before it"))
    }

    /// When nothing is under way, every parent that lives has heard.
    pub(crate) fn unheard(
        &self,
        is_past: impl Fn(ActorAddress) -> bool,
        lives: impl Fn(ActorAddress) -> bool,
    ) -> impl Iterator<Item = String> {
        let unheard = self
            .notices
            .iter()
            .filter(move |(child, (parent, heard))| !heard && !is_past(**child) && lives(*parent));
        unheard.map(|(child, (parent, _))| format!("{parent} has not heard of the end of {child}"))
    }

    /// After the end each end was told.
    pub(crate) fn untold(&self) -> impl Iterator<Item = String> {
        let told = |actor| self.told.get(actor).copied().unwrap_or_default();
        let wrong = self.ended.iter().map(move |actor| (actor, told(actor))).filter(|(_, told)| *told != 1);
        wrong.map(|(actor, told)| format!("the end of {actor} was told {told} times"))
    }
}

impl Ledger {
    /// An actor is given an envelope for the first time.
    pub(crate) fn audit_end_heard(&mut self, envelope: &Envelope) -> Vec<String> {
        let Envelope { target, sender, body } = envelope;
        let mut complaints = Vec::new();
        if self.ends.has_ended(*target) {
            complaints.push(format!("{target} is called after its end with {body:?}"));
        }
        // What it is told besides comes from the host.
        let is_from_child = !matches!(body, Body::ActorDown(_) | Body::DeadLetter(_)) && !has_come_back(body);
        let notice = self.ends.notices.get(sender).filter(|(parent, _)| is_from_child && parent == target);
        if let Some((_, true)) = notice {
            complaints.push(format!("{target} gets {body:?} from its child {sender} after its end"));
        }
        if let Body::ChildExited(exit) = body {
            match self.ends.notices.get_mut(&exit.address) {
                Some((parent, heard @ false)) if parent == target => {
                    *heard = true;
                    self.children.heard(*target, exit.address);
                }
                other => complaints.push(format!("{target} hears of {}: {other:?}", exit.address)),
            }
        }
        complaints
    }

    /// An actor is no more. Whether it has waited for its children: those are then gone.
    pub(crate) fn audit_end(&mut self, address: ActorAddress, waited: bool) -> Vec<String> {
        let left = self.living_children(address).find(|_| waited);
        let left = left.map(|child| format!("{address} ends before its child {child}"));
        let is_first = self.ends.ended.insert(address);
        left.into_iter().chain((!is_first).then(|| format!("{address} ends twice"))).collect()
    }
}
