//! How actors end: on their own, asked to, killed, and with whom.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::Admin;
use crate::address::ActorAddress;
use crate::askers::Subject;
use crate::concern::End;
use crate::effect::Effects;
use crate::envelope::{Body, ExitReason, ExitRequest};
use crate::family::Member;
use crate::limits::EXIT_GRACE;
use crate::monitors;
use crate::question::{Answer, Killer, Origin, Refusal};
use crate::source::SourceHash;
use crate::time::Time;

impl Admin {
    pub(super) fn exit_asked(
        &mut self,
        origin: Origin,
        target: ActorAddress,
        recursive: bool,
        effects: &mut Effects,
    ) {
        if self.await_end(origin, target, effects) {
            effects.notify(target, target, Body::ExitRequest(ExitRequest { recursive }));
        }
    }

    pub(super) fn kill_asked(&mut self, origin: Origin, target: ActorAddress, effects: &mut Effects) {
        if self.await_end(origin, target, effects) {
            self.posts.dismiss(target);
            self.kill(target, Killer::Operator, effects);
        }
    }

    /// All at one time: whoever of them is creating others can't outrun it.
    pub(super) fn kill_source_asked(&mut self, origin: Origin, source: SourceHash, effects: &mut Effects) {
        let of_source =
            |(address, member): (ActorAddress, &Member)| (member.source == Some(source)).then_some(address);
        let actors: Vec<_> = self.family.after(None).filter_map(of_source).collect();
        let count = actors.len();
        for actor in actors {
            self.posts.dismiss(actor);
            // With those above it all below it were: else a long line of children would be walked once for each.
            if self.family.get(actor).is_some_and(|member| !member.is_killed()) {
                self.kill(actor, Killer::Operator, effects);
            }
        }
        effects.answer(origin, Ok(Answer::Killed { actors: count }));
    }

    /// Whether there is such an actor; who asks then hears of its end.
    fn await_end(&mut self, origin: Origin, target: ActorAddress, effects: &mut Effects) -> bool {
        if self.family.get(target).is_none() {
            effects.answer(origin, Err(Refusal::TargetDead { target }));
            return false;
        }
        self.askers.wait(origin, Subject::End(target));
        true
    }

    pub(super) fn child_killed(&mut self, parent: ActorAddress, child: ActorAddress, effects: &mut Effects) {
        if self.family.get(child).is_some_and(|member| member.parent == Some(parent)) {
            self.kill(child, Killer::Parent, effects);
        }
    }

    pub(super) fn kill(&mut self, root: ActorAddress, by: Killer, effects: &mut Effects) {
        let reason = by.to_string();
        for address in self.family.subtree(root) {
            if self.births.contains(address) {
                self.stop_waiting(address, Refusal::Killed { by }, effects);
            } else {
                self.family.kill(address, &reason, effects);
            }
        }
    }

    /// The children of an actor that lost its instance end as if it had killed each; then it starts again.
    pub(super) fn restarting(&mut self, address: ActorAddress, effects: &mut Effects) {
        let children: Vec<_> = self.family.get(address).into_iter().flat_map(Member::children).collect();
        children.into_iter().for_each(|child| self.kill(child, Killer::Restart, effects));
        self.family.await_children(address, effects);
    }

    pub(super) fn exiting(
        &mut self,
        now: Time,
        address: ActorAddress,
        with_children: bool,
        effects: &mut Effects,
    ) {
        // A stopping node has nobody who would end the children later.
        let with_children = with_children || self.is_stopping();
        let children: Vec<_> = self.family.get(address).into_iter().flat_map(Member::children).collect();
        self.family.exiting(address, with_children, now + EXIT_GRACE, effects);
        if with_children {
            children.into_iter().for_each(|child| self.stop_waiting(child, Refusal::CreatorExiting, effects));
        }
    }

    pub(super) fn monitored(&mut self, watcher: ActorAddress, target: ActorAddress, effects: &mut Effects) {
        if self.family.get(target).is_some() {
            self.monitors.add(watcher, target);
        } else {
            effects.push(monitors::down(watcher, target, ExitReason::Unknown));
        }
    }

    /// The family hears first, then every concern, and last whoever asked.
    pub(super) fn ended(&mut self, address: ActorAddress, reason: ExitReason, effects: &mut Effects) {
        let Some((member, reason)) = self.family.remove(address, reason, effects) else { return };
        let end = End {
            address,
            reason: &reason,
            class: &member.class,
            source: member.source,
            has_own_check: member.has_own_check,
            name: member.name.as_deref(),
        };
        let (concerns, askers) = self.concerns();
        concerns.into_iter().for_each(|concern| concern.ended(end, askers, effects));
        for creator in askers.take(&Subject::Start(address)) {
            effects.answer(creator, Err(end.never_started()));
        }
        for mourner in askers.take(&Subject::End(address)) {
            effects.answer(mourner, Ok(Answer::Ended { reason: reason.clone() }));
        }
        for child in member.children() {
            self.stop_waiting(child, Refusal::CreatorGone, effects);
        }
        self.end_if_alone(effects);
    }
}
