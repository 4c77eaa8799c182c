//! An actor has no more children than it may.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;

use super::Ledger;

#[derive(Default)]
pub(crate) struct Children {
    /// Who created whom.
    parents: BTreeMap<ActorAddress, ActorAddress>,
    /// Children that live, or whose end their creator has not heard of.
    len: BTreeMap<ActorAddress, usize>,
}

impl Children {
    /// An actor creates a child.
    pub(crate) fn created(
        &mut self,
        parent: ActorAddress,
        child: ActorAddress,
        max: usize,
    ) -> Option<String> {
        self.parents.insert(child, parent);
        let len = self.len.entry(parent).or_default();
        *len += 1;
        (*len > max).then(|| format!("{parent} has {len} children, past its bound"))
    }

    /// An actor hears of the end of one of its children.
    pub(crate) fn heard(&mut self, parent: ActorAddress) {
        self.len.entry(parent).and_modify(|len| *len -= 1);
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
}
