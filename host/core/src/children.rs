//! The children of one actor, as its turns see them: in the order of their creation, each with its label.
//!
//! A child is among them from the commit of its create until its parent is told of its end. Of one that was ended for its
//! parent's restart nothing is told: that is noted here until its notice has come, because a mailbox keeps a slot for it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;

use crate::address::ActorAddress;

/// The children of an actor. A turn is given a copy, which costs nothing while the turn only looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Children {
    /// Absent where there is none: most actors never have a child.
    known: Option<Arc<Offspring>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Offspring {
    /// Each by its number in the order of creation.
    listed: BTreeMap<u64, (ActorAddress, Box<str>)>,
    numbers: BTreeMap<ActorAddress, u64>,
    next_number: u64,
    /// Those that were disowned, and whose end has not come yet.
    disowned: BTreeSet<ActorAddress>,
}

impl Children {
    /// Adds one, behind all others.
    pub fn add(&mut self, address: ActorAddress, label: Box<str>) {
        let known = Arc::make_mut(self.known.get_or_insert_default());
        known.listed.insert(known.next_number, (address, label));
        known.numbers.insert(address, known.next_number);
        known.next_number += 1;
    }

    /// The notice of an end has come: it is no child any more. False: nobody is to be told.
    #[must_use]
    pub fn end(&mut self, address: ActorAddress) -> bool {
        let Some(known) = &mut self.known else { return true };
        let known = Arc::make_mut(known);
        let is_disowned = known.disowned.remove(&address);
        if let Some(number) = known.numbers.remove(&address) {
            known.listed.remove(&number);
        }
        if known.listed.is_empty() && known.disowned.is_empty() {
            self.known = None;
        }
        !is_disowned
    }

    /// All that live are to end, and nobody is to be told of any of them. Returns them.
    pub fn disown(&mut self) -> Vec<ActorAddress> {
        let Some(known) = &mut self.known else { return Vec::new() };
        let known = Arc::make_mut(known);
        known.listed.clear();
        let all: Vec<_> = core::mem::take(&mut known.numbers).into_keys().collect();
        known.disowned.extend(&all);
        all
    }

    /// All live on without their parent.
    pub fn let_go(&mut self) {
        let Some(known) = &mut self.known else { return };
        let known = Arc::make_mut(known);
        known.listed.clear();
        known.numbers.clear();
    }

    /// Whether it was disowned, and its end has not come yet.
    #[must_use]
    pub fn is_disowned(&self, address: ActorAddress) -> bool {
        self.known.as_ref().is_some_and(|known| known.disowned.contains(&address))
    }

    /// How many there are of whose end a notice is to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.as_ref().map_or(0, |known| known.listed.len() + known.disowned.len())
    }

    /// Whether no notice of an end is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The children, with their labels, that were created after this one; of none that is a child, all.
    pub fn after(&self, after: Option<ActorAddress>) -> impl Iterator<Item = (ActorAddress, &str)> {
        self.known.iter().flat_map(move |known| {
            let number = after.and_then(|after| known.numbers.get(&after));
            let from = number.map_or(Bound::Unbounded, |number| Bound::Excluded(*number));
            let listed = known.listed.range((from, Bound::Unbounded));
            listed.map(|(_, (address, label))| (*address, &**label))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;

    fn address(id: u128) -> ActorAddress {
        ActorAddress::new(HostId(1), id)
    }

    /// Children with these addresses, in this order, each with its number as its label.
    fn children(ids: &[u128]) -> Children {
        let mut children = Children::default();
        for (number, id) in ids.iter().enumerate() {
            children.add(address(*id), alloc::format!("{number}").into());
        }
        children
    }

    fn labels(children: &Children, after: Option<u128>) -> Vec<&str> {
        children.after(after.map(address)).map(|(_, label)| label).collect()
    }

    #[test]
    fn they_are_listed_in_the_order_of_their_creation_from_any_of_them_on() {
        let mut children = children(&[9, 3, 7]);
        assert_eq!(labels(&children, None), ["0", "1", "2"]);
        assert_eq!(labels(&children, Some(9)), ["1", "2"]);
        assert_eq!(labels(&children, Some(7)), [""; 0]);
        assert!(children.end(address(3)));
        assert_eq!(labels(&children, Some(9)), ["2"]);
        assert_eq!(labels(&children, Some(3)), ["0", "2"], "behind one that is gone nothing is missed");
        children.add(address(1), "last".into());
        assert_eq!(labels(&children, Some(7)), ["last"]);
    }

    #[test]
    fn who_is_disowned_is_listed_no_more_and_counted_until_the_notice_comes() {
        let mut children = children(&[1, 2]);
        assert_eq!(children.disown(), [address(1), address(2)]);
        children.add(address(3), "new".into());
        assert_eq!((labels(&children, None), children.len()), (["new"].into(), 3));
        assert!(children.is_disowned(address(1)) && !children.is_disowned(address(3)));
        assert!(!children.end(address(1)), "nobody is told");
        assert!(children.end(address(3)));
        assert!(!children.end(address(2)) && children.is_empty());
        assert_eq!(children, Children::default(), "no memory is kept");
    }

    #[test]
    fn a_turn_sees_them_as_they_were_when_it_began() {
        let mut children = children(&[1, 2]);
        let seen = children.clone();
        assert!(children.end(address(1)));
        children.let_go();
        assert_eq!((labels(&seen, None).len(), children.len()), (2, 0));
    }

    #[test]
    fn who_lives_on_without_its_parent_is_listed_no_more_and_who_was_disowned_is_still_not_told_of() {
        let mut children = children(&[1]);
        assert_eq!(children.disown(), [address(1)]);
        children.add(address(2), "".into());
        children.let_go();
        assert_eq!(labels(&children, None), [""; 0]);
        assert!(!children.end(address(1)) && children.is_empty());
    }
}
