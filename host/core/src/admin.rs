//! The decider of a node's control plane: creation, exits, sources, and the node's own end.
//!
//! One function takes what happened and the time, and says what is to be done. Messages never come here.

mod create;
mod fit;
mod log_levels;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use create::Create;

use crate::address::ActorAddress;
use crate::askers::{Askers, Subject};
use crate::capability::Capabilities;
use crate::effect::{Effect, Effects};
use crate::envelope::{Body, ExitReason, ExitRequest};
use crate::event::Event;
use crate::family::{Family, Member};
use crate::life::{ActorEvent, LifeEffect};
use crate::limits::{EXIT_GRACE, STOP_ACTORS_TIME_MAX, STOP_GRACE};
use crate::log_level::LogLevels;
use crate::monitors::{self, Monitors};
use crate::names::Names;
use crate::question::{Answer, Killer, Origin, Question, Refusal};
use crate::source::registry::Registry;
use crate::source::{SourceEffect, SourceEvent, SourceHash};
use crate::suitability::Suitability;
use crate::time::Time;

#[derive(Debug)]
struct Stopping {
    kill_at: Option<Time>,
    end_at: Time,
}

/// The control plane of one node.
#[derive(Debug, Default)]
pub struct Admin {
    capabilities: Capabilities,
    family: Family,
    sources: Registry,
    log_levels: LogLevels,
    suitability: Suitability,
    /// Creates that wait for their source, or to hear whether their class can run here.
    waiting: BTreeMap<ActorAddress, Create>,
    /// Bytes that the init messages of those take.
    waiting_bytes: usize,
    askers: Askers,
    names: Names,
    monitors: Monitors,
    /// The last that registered, while it lives.
    dead_letter_handler: Option<ActorAddress>,
    stopping: Option<Stopping>,
    stopped: bool,
}

impl Admin {
    /// The control plane of a host that has these capabilities.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, ..Self::default() }
    }

    /// Takes what happened and appends what is to be done.
    pub fn handle(&mut self, now: Time, event: Event, effects: &mut Effects) {
        match event {
            Event::Source(event) => self.source(event, effects),
            Event::Actor(event) => self.actor(now, event, effects),
            Event::Asked { origin, question } => self.asked(now, origin, question, effects),
            Event::Withdrawn(origin) => self.withdrawn(origin, effects),
            Event::TimePassed => self.time_passed(now, effects),
        }
    }

    fn source(&mut self, event: SourceEvent, effects: &mut Effects) {
        let waited = match event {
            SourceEvent::Judged { hash, verdict } => {
                self.sources.judged(hash, verdict, &mut self.askers, effects)
            }
            SourceEvent::Validated { hash, outcome, compile_us } => {
                self.sources.validated(hash, outcome, compile_us, &mut self.askers, effects)
            }
            SourceEvent::Checked { source, class, outcome } => {
                return self.class_checked(source, &class, outcome, effects);
            }
        };
        self.resume(waited, effects);
    }

    fn actor(&mut self, now: Time, event: ActorEvent, effects: &mut Effects) {
        match event {
            ActorEvent::ChildrenEntered { parent, children } => {
                children.into_iter().for_each(|child| self.family.add(child, Some(parent), "?", None));
            }
            ActorEvent::ChildCreated { parent, child } => self.child_created(parent, *child, effects),
            ActorEvent::ChildKilled { parent, child } => self.child_killed(parent, child, effects),
            ActorEvent::Monitored { watcher, target } => self.monitored(watcher, target, effects),
            ActorEvent::Demonitored { watcher, target } => self.monitors.remove(watcher, target),
            ActorEvent::DeadLettersAsked { by, handles } => self.dead_letters_asked(by, handles, effects),
            ActorEvent::CapabilityUpdated { name, value } => {
                self.capability_updated(None, name, value, effects);
            }
            ActorEvent::ShutdownAsked { .. } => self.stop(now, None, effects),
            ActorEvent::Started { address } => self.started(address, effects),
            ActorEvent::Exiting { address, with_children } => {
                self.exiting(now, address, with_children, effects);
            }
            ActorEvent::Ended { address, reason } => self.ended(address, &reason, effects),
        }
    }

    fn asked(&mut self, now: Time, origin: Origin, question: Question, effects: &mut Effects) {
        match question {
            Question::Load(offer) if self.stopping.is_some() => {
                effects.push(SourceEffect::Forget(offer.hash));
                effects.answer(origin, Err(Refusal::ShuttingDown));
            }
            Question::Load(offer) => self.sources.offer(now, origin, *offer, &mut self.askers, effects),
            Question::Unload { source } => self.unload(origin, source, effects),
            Question::Create(create) => self.create_asked(origin, *create, effects),
            Question::CreateNamed { name, child } => self.named_asked(origin, &name, *child, effects),
            Question::Exit { target, recursive } => {
                if self.await_end(origin, target, effects) {
                    effects.notify(target, target, Body::ExitRequest(ExitRequest { recursive }));
                }
            }
            Question::Kill { target } => {
                if self.await_end(origin, target, effects) {
                    self.kill(target, Killer::Operator, effects);
                }
            }
            Question::Stop => self.stop(now, Some(origin), effects),
            Question::SetLogLevel { scope, level } => self.log_level_asked(origin, scope, level, effects),
            Question::UpdateCapability { name, value } => {
                self.capability_updated(Some(origin), name, value, effects);
            }
            Question::Status { about } => effects.push(match origin {
                Origin::Client(asker) => Effect::ShowStatus { asker, about },
                Origin::Actor { address, request } => Effect::TellStatus { to: address, request, about },
            }),
        }
    }

    /// When [`Event::TimePassed`] is wanted next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let stopping = self.stopping.as_ref().map(|stopping| stopping.kill_at.unwrap_or(stopping.end_at));
        let stopping = stopping.filter(|_| !self.stopped);
        [self.family.deadline(), self.sources.deadline(), stopping].into_iter().flatten().min()
    }

    /// The actors, and who created whom.
    #[must_use]
    pub const fn family(&self) -> &Family {
        &self.family
    }

    /// The sources that were offered.
    #[must_use]
    pub const fn sources(&self) -> &Registry {
        &self.sources
    }

    /// The global names.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// The capabilities of this host.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The actor that is given the dead letters.
    #[must_use]
    pub const fn dead_letter_handler(&self) -> Option<ActorAddress> {
        self.dead_letter_handler
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn child_killed(&mut self, parent: ActorAddress, child: ActorAddress, effects: &mut Effects) {
        if self.family.get(child).is_some_and(|member| member.parent == Some(parent)) {
            self.kill(child, Killer::Parent, effects);
        }
    }

    fn exiting(&mut self, now: Time, address: ActorAddress, with_children: bool, effects: &mut Effects) {
        // A stopping node has nobody who would end the children later.
        let with_children = with_children || self.stopping.is_some();
        let children: Vec<_> = self.family.get(address).into_iter().flat_map(Member::children).collect();
        self.family.exiting(address, with_children, now + EXIT_GRACE, effects);
        if with_children {
            children.into_iter().for_each(|child| self.stop_waiting(child, Refusal::CreatorExiting, effects));
        }
    }

    fn monitored(&mut self, watcher: ActorAddress, target: ActorAddress, effects: &mut Effects) {
        if self.family.get(target).is_some() {
            self.monitors.add(watcher, target);
        } else {
            effects.push(monitors::down(watcher, target, ExitReason::Unknown));
        }
    }

    /// The last that registers has them. One that is not the handler has nothing to give up.
    fn dead_letters_asked(&mut self, by: ActorAddress, handles: bool, effects: &mut Effects) {
        let is_handler = self.dead_letter_handler == Some(by);
        if handles != is_handler && self.family.get(by).is_some() {
            self.dead_letter_handler = handles.then_some(by);
            effects.push(LifeEffect::SetDeadLetterHandler(self.dead_letter_handler));
        }
    }

    fn unload(&mut self, origin: Origin, source: SourceHash, effects: &mut Effects) {
        if let Err(refusal) = self.sources.check_known(source) {
            return effects.answer(origin, Err(refusal));
        }
        let mut waited = self.sources.unload(source, &mut self.askers, effects);
        waited.extend(self.suitability.unloaded(source));
        effects.answer(origin, Ok(Answer::Done));
        self.resume(waited, effects);
    }

    fn started(&mut self, address: ActorAddress, effects: &mut Effects) {
        let found = self.found(address);
        let name = self.family.get(address).and_then(|member| member.name.as_deref());
        if let (Some(name), Ok(found)) = (name, &found) {
            self.names.started(name, found, &mut self.askers, effects);
        }
        for creator in self.askers.take(&Subject::Start(address)) {
            effects.answer(creator, found.clone().map(Answer::Created));
        }
    }

    fn ended(&mut self, address: ActorAddress, reason: &ExitReason, effects: &mut Effects) {
        let unfit = self.family.get(address).and_then(|member| member.unfit.clone());
        let reason = match (reason, unfit) {
            (ExitReason::Requested, Some(why)) => &ExitReason::Unfit(why),
            _ => reason,
        };
        let never_started = Refusal::StartFailed { reason: start_failure(reason) };
        self.askers.refuse(&Subject::Start(address), &never_started, effects);
        if self.dead_letter_handler == Some(address) {
            self.dead_letter_handler = None;
            effects.push(LifeEffect::SetDeadLetterHandler(None));
        }
        self.log_levels.set_actor(address, None);
        let Some(member) = self.family.remove(address, reason, effects) else { return };
        self.monitors.ended(address, reason, effects);
        if let Some(name) = member.name.as_deref() {
            self.names.free(name, address, &never_started, &mut self.askers, effects);
        }
        if let Some(source) = member.source {
            self.sources.count(source, false);
            if member.has_own_check {
                self.suitability.stop_waiting(source, &member.class, address);
            }
        }
        for child in member.children() {
            self.stop_waiting(child, Refusal::CreatorGone, effects);
        }
        let ended = Answer::Ended { reason: reason.clone() };
        self.askers.answer(&Subject::End(address), &ended, effects);
        self.finish_stop(effects);
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

    fn kill(&mut self, root: ActorAddress, by: Killer, effects: &mut Effects) {
        let reason = by.to_string();
        for address in self.family.subtree(root) {
            if self.waiting.contains_key(&address) {
                self.stop_waiting(address, Refusal::Killed { by }, effects);
            } else {
                self.family.kill(address, &reason, effects);
            }
        }
    }

    fn stop(&mut self, now: Time, origin: Option<Origin>, effects: &mut Effects) {
        if let Some(origin) = origin {
            if self.stopped {
                effects.answer(origin, Ok(Answer::Done));
            } else {
                self.askers.wait(origin, Subject::Stop);
            }
        }
        if self.stopping.is_some() {
            return;
        }
        self.stopping =
            Some(Stopping { kill_at: Some(now + STOP_GRACE), end_at: now + STOP_ACTORS_TIME_MAX });
        let waiting: Vec<_> = self.waiting.keys().copied().collect();
        for address in waiting {
            self.stop_waiting(address, Refusal::ShuttingDown, effects);
        }
        self.sources.stop(&mut self.askers, effects);
        let roots = self.family.iter().filter(|(_, member)| member.parent.is_none());
        for (root, _) in roots {
            effects.notify(root, root, Body::ExitRequest(ExitRequest { recursive: true }));
        }
        self.finish_stop(effects);
    }

    fn finish_stop(&mut self, effects: &mut Effects) {
        if self.family.is_empty() {
            self.close(effects);
        }
    }

    /// The node ends, if it was asked to: nobody waits for an answer any more.
    fn close(&mut self, effects: &mut Effects) {
        if self.stopping.is_some() && !self.stopped {
            self.stopped = true;
            self.askers.close(effects);
            effects.push(Effect::Stop);
        }
    }

    /// Nobody has the address of an actor whose create still waits, so nobody would miss it.
    fn withdrawn(&mut self, origin: Origin, effects: &mut Effects) {
        for subject in self.askers.forget(origin) {
            if let Subject::Start(address) = subject {
                self.stop_waiting(address, Refusal::AskerLeft, effects);
            }
        }
    }

    fn time_passed(&mut self, now: Time, effects: &mut Effects) {
        for hash in self.sources.overdue(now) {
            let silence = Err("its authority did not judge it in time".to_string());
            let waited = self.sources.judged(hash, silence, &mut self.askers, effects);
            self.resume(waited, effects);
        }
        for address in self.family.overdue(now) {
            self.kill(address, Killer::Patience, effects);
        }
        let Some(stopping) = &mut self.stopping else { return };
        if stopping.kill_at.is_some_and(|kill_at| kill_at <= now) {
            stopping.kill_at = None;
            let all: Vec<_> = self.family.iter().map(|(address, _)| address).collect();
            for address in all {
                self.family.kill(address, &Killer::Stop.to_string(), effects);
            }
        } else if stopping.end_at <= now {
            self.close(effects);
        }
    }
}

/// The reason for which an actor that ended did not start.
fn start_failure(reason: &ExitReason) -> String {
    match reason {
        ExitReason::NeverStarted(why) => why.clone(),
        other => other.to_string(),
    }
}
