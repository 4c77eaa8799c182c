//! Who created whom. The only place that tells a parent of a child's end: when it removes the child, so exactly
//! once.

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use crate::address::ActorAddress;
use crate::capability::{Capabilities, Requirement, unmet};
use crate::effect::Effects;
use crate::envelope::{ActorExit, Body, ExitReason, ExitRequest};
use crate::life::LifeEffect;
use crate::limits::EXIT_NOTICE_TEXT_LEN_MAX;
use crate::source::{Rights, SourceHash};
use crate::time::Time;

/// An actor among its relatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its creator, while that lives.
    pub parent: Option<ActorAddress>,
    /// Its class; as it was asked for, until its source is known.
    pub class: String,
    /// Its source, once it is known.
    pub source: Option<SourceHash>,
    /// Its global name.
    pub name: Option<Box<str>>,
    /// Requirements of its class and its creator of its host.
    pub requirements: Vec<Requirement>,
    /// Whether its class has to be asked if a host suits it.
    pub has_own_check: bool,
    /// The reason why it has to end although nobody asked for it: its host no longer has what it requires.
    pub unfit: Option<String>,
    /// The rights with which it began, besides those of all.
    born_with: Rights,
    /// Those of them that it has now.
    rights: Rights,
    children: BTreeSet<ActorAddress>,
    is_orphan: bool,
    /// Set while it is exiting: when its patience with its children ends.
    exiting: Option<Time>,
    killed: bool,
    /// Set while it waits for the end of its children, to start again.
    restarting: bool,
}

impl Member {
    /// The rights that it has now, besides those of all.
    #[must_use]
    pub const fn rights(&self) -> Rights {
        self.rights
    }

    /// Its children that live.
    pub fn children(&self) -> impl Iterator<Item = ActorAddress> {
        self.children.iter().copied()
    }

    /// The number of its children.
    #[must_use]
    pub fn children_len(&self) -> usize {
        self.children.len()
    }

    /// Whether its exit turn is over.
    #[must_use]
    pub const fn is_exiting(&self) -> bool {
        self.exiting.is_some()
    }

    /// When its patience with its children ends, while it is exiting.
    #[must_use]
    pub const fn exit_deadline(&self) -> Option<Time> {
        self.exiting
    }

    /// Whether it had a creator, which left it behind.
    #[must_use]
    pub const fn is_orphan(&self) -> bool {
        self.is_orphan
    }

    /// Whether its kill is under way. What it created in its last turn must not live: a family that grows while it is
    /// killed could outrun its end.
    #[must_use]
    pub const fn is_killed(&self) -> bool {
        self.killed
    }

    /// Asks it to exit, the first time that it is found unfit.
    fn end_as_unfit(&mut self, address: ActorAddress, why: String, effects: &mut Effects) {
        if self.unfit.is_none() {
            self.unfit = Some(why);
            let body = Body::ExitRequest(ExitRequest { recursive: true });
            effects.notify(address, address, body);
        }
    }
}

/// All actors of a node that are pending, run, or exit.
#[derive(Debug, Default)]
pub struct Family {
    members: BTreeMap<ActorAddress, Member>,
    exit_deadlines: BTreeSet<(Time, ActorAddress)>,
    orphans: BTreeSet<ActorAddress>,
}

impl Family {
    /// Adds an actor. A parent that is already gone leaves it without one.
    ///
    /// # Panics
    /// If the address is known: addresses are never reused.
    pub fn add(
        &mut self,
        address: ActorAddress,
        parent: Option<ActorAddress>,
        class: &str,
        source: Option<SourceHash>,
    ) {
        let had_parent = parent.is_some();
        let parent = parent.filter(|parent| self.members.contains_key(parent));
        let is_orphan = had_parent && parent.is_none();
        if let Some(parent) = parent.and_then(|parent| self.members.get_mut(&parent)) {
            parent.children.insert(address);
        }
        let member = Member {
            parent,
            class: class.into(),
            source,
            name: None,
            requirements: Vec::new(),
            has_own_check: false,
            unfit: None,
            born_with: Rights::NONE,
            rights: Rights::NONE,
            children: BTreeSet::new(),
            is_orphan,
            exiting: None,
            killed: false,
            restarting: false,
        };
        assert!(self.members.insert(address, member).is_none(), "addresses are never reused");
        if is_orphan {
            self.orphans.insert(address);
        }
    }

    /// An actor by its address.
    #[must_use]
    pub fn get(&self, address: ActorAddress) -> Option<&Member> {
        self.members.get(&address)
    }

    /// Notes as what an actor was asked for.
    pub fn describe(&mut self, address: ActorAddress, class: &str) {
        if let Some(member) = self.members.get_mut(&address) {
            member.class = class.into();
        }
    }

    /// Notes which source and class an actor really has, what it requires, and whether its class is asked too.
    pub fn resolve(
        &mut self,
        address: ActorAddress,
        class: &str,
        source: SourceHash,
        requirements: Vec<Requirement>,
        has_own_check: bool,
    ) {
        if let Some(member) = self.members.get_mut(&address) {
            member.class = class.into();
            member.source = Some(source);
            member.requirements = requirements;
            member.has_own_check = has_own_check;
        }
    }

    /// Notes the rights with which an actor begins.
    pub fn give(&mut self, address: ActorAddress, rights: Rights) {
        if let Some(member) = self.members.get_mut(&address) {
            (member.born_with, member.rights) = (rights, rights);
        }
    }

    /// Lets the actors of these sources have no more than this of the rights with which they began. Returns those that this
    /// changes, with what they have now.
    pub fn let_have(&mut self, most: &BTreeMap<SourceHash, Rights>) -> Vec<(ActorAddress, Rights)> {
        let mut changed = Vec::new();
        for (address, member) in &mut self.members {
            let Some(most) = member.source.and_then(|source| most.get(&source)) else { continue };
            let rights = member.born_with.and(*most);
            if member.rights != rights {
                member.rights = rights;
                changed.push((*address, rights));
            }
        }
        changed
    }

    /// Notes an actor's global name.
    pub fn name(&mut self, address: ActorAddress, name: Box<str>) {
        if let Some(member) = self.members.get_mut(&address) {
            member.name = Some(name);
        }
    }

    /// The actors that the host can no longer have are asked to exit, with their children.
    pub fn check_fit(&mut self, capabilities: &Capabilities, effects: &mut Effects) {
        for (address, member) in &mut self.members {
            let lacks = unmet(capabilities, &member.requirements).next();
            if let Some(why) = lacks.map(|lacks| format!("{lacks} no longer holds")) {
                member.end_as_unfit(*address, why, effects);
            }
        }
    }

    /// The host can no longer have this one: it is asked to exit, with its children.
    pub fn end_as_unfit(&mut self, address: ActorAddress, why: &str, effects: &mut Effects) {
        if let Some(member) = self.members.get_mut(&address) {
            member.end_as_unfit(address, why.into(), effects);
        }
    }

    /// An actor's exit turn is over: its children exit, or live on without a parent. Without children it may end
    /// at once.
    pub fn exiting(
        &mut self,
        address: ActorAddress,
        with_children: bool,
        deadline: Time,
        effects: &mut Effects,
    ) {
        let Some(member) = self.members.get_mut(&address) else { return };
        member.restarting = false;
        if let Some(before) = member.exiting.replace(deadline) {
            self.exit_deadlines.remove(&(before, address));
        }
        self.exit_deadlines.insert((deadline, address));
        let children: Vec<_> = member.children().collect();
        if with_children {
            let body = Body::ExitRequest(ExitRequest { recursive: true });
            children.iter().for_each(|child| effects.notify(*child, address, body.clone()));
        } else {
            member.children.clear();
            for child in &children {
                self.leave_behind(*child);
            }
        }
        self.release_if_alone(address, effects);
    }

    fn leave_behind(&mut self, child: ActorAddress) {
        if let Some(member) = self.members.get_mut(&child) {
            member.parent = None;
            member.is_orphan = true;
            self.orphans.insert(child);
        }
    }

    /// An actor waits for the end of its children, to start again.
    pub fn await_children(&mut self, address: ActorAddress, effects: &mut Effects) {
        if let Some(member) = self.members.get_mut(&address) {
            member.restarting = true;
            self.release_if_alone(address, effects);
        }
    }

    /// Lets an actor go on that waits for the end of its children, if they are gone.
    fn release_if_alone(&mut self, address: ActorAddress, effects: &mut Effects) {
        let Some(member) = self.members.get_mut(&address).filter(|member| member.children.is_empty()) else {
            return;
        };
        if core::mem::take(&mut member.restarting) {
            effects.push(LifeEffect::LetStart(address));
        }
        if member.is_exiting() {
            effects.notify(address, address, Body::ChildrenGone);
        }
    }

    /// Removes an actor that ended: its parent hears, and the children it leaves behind end with it, unless it
    /// let them live in its exit turn.
    ///
    /// Returns it with the reason of its end as others are told it.
    pub fn remove(
        &mut self,
        address: ActorAddress,
        reason: ExitReason,
        effects: &mut Effects,
    ) -> Option<(Member, ExitReason)> {
        let member = self.members.remove(&address)?;
        let reason = match (reason, &member.unfit) {
            (ExitReason::Requested, Some(why)) => ExitReason::Unfit(why.clone()),
            (reason, _) => reason,
        };
        if let Some(deadline) = member.exiting {
            self.exit_deadlines.remove(&(deadline, address));
        }
        self.orphans.remove(&address);
        for child in member.children() {
            self.leave_behind(child);
            let request = ExitRequest { recursive: true };
            match &reason {
                ExitReason::Killed(why) => {
                    let all = self.subtree(child);
                    all.into_iter().for_each(|address| self.kill(address, why, effects));
                }
                _ => effects.notify(child, address, Body::ExitRequest(request)),
            }
        }
        match member.parent {
            Some(parent) => {
                if let Some(parent) = self.members.get_mut(&parent) {
                    parent.children.remove(&address);
                }
                let reason = reason.clone().cut(EXIT_NOTICE_TEXT_LEN_MAX);
                let exit = ActorExit { address, reason };
                effects.notify(parent, address, Body::ChildExited(Box::new(exit)));
                self.release_if_alone(parent, effects);
            }
            None => {
                effects.push(LifeEffect::NoteEnd {
                    address,
                    class: member.class.clone(),
                    reason: reason.clone(),
                });
            }
        }
        Some((member, reason))
    }

    /// Kills one actor, once.
    pub fn kill(&mut self, address: ActorAddress, reason: &str, effects: &mut Effects) {
        if let Some(member) = self.members.get_mut(&address)
            && !core::mem::replace(&mut member.killed, true)
        {
            effects.push(LifeEffect::Kill { address, reason: reason.into() });
        }
    }

    /// Kills all that there are.
    pub fn kill_all(&mut self, reason: &str, effects: &mut Effects) {
        let all: Vec<_> = self.members.keys().copied().collect();
        all.into_iter().for_each(|address| self.kill(address, reason, effects));
    }

    /// An actor and all below it, parents first.
    #[must_use]
    pub fn subtree(&self, root: ActorAddress) -> Vec<ActorAddress> {
        let mut found = Vec::from([root]);
        let mut next = 0;
        while let Some(member) = found.get(next).map(|address| self.members.get(address)) {
            found.extend(member.into_iter().flat_map(Member::children));
            next += 1;
        }
        found
    }

    /// Takes out the exiting actors whose patience with their children has ended.
    pub fn overdue(&mut self, now: Time) -> Vec<ActorAddress> {
        let mut overdue = Vec::new();
        while self.exit_deadlines.first().is_some_and(|(deadline, _)| *deadline <= now) {
            overdue.extend(self.exit_deadlines.pop_first().map(|(_, address)| address));
        }
        overdue
    }

    /// When the first such patience ends.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.exit_deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// All actors, in order of address.
    pub fn iter(&self) -> impl Iterator<Item = (ActorAddress, &Member)> {
        self.members.iter().map(|(address, member)| (*address, member))
    }

    /// All actors that come behind an address in their order; without one, all.
    pub fn after(&self, after: Option<ActorAddress>) -> impl Iterator<Item = (ActorAddress, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.members.range((from, Bound::Unbounded)).map(|(address, member)| (*address, member))
    }

    /// Those that their creators left behind.
    pub fn orphans(&self) -> impl ExactSizeIterator<Item = ActorAddress> {
        self.orphans.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
