//! The decider of a node's control plane: creation, exits, sources, and the node's own end.
//!
//! One function takes what happened and the time, and says what is to be done. Messages never come here.

mod create;
mod fit;
mod log_levels;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use create::Create;

use crate::address::ActorAddress;
use crate::capability::Capabilities;
use crate::effect::Effect;
use crate::envelope::{Body, Envelope, ExitReason, ExitRequest};
use crate::event::{Asker, Event};
use crate::family::{Family, Member};
use crate::limits::{EXIT_GRACE, STOP_ACTORS_TIME_MAX, STOP_GRACE};
use crate::log_level::LogLevels;
use crate::mistake::{Mistake, is_made};
use crate::monitors::{self, Monitors};
use crate::names::Names;
use crate::placement::Placements;
use crate::source::registry::{Offer, Registry};
use crate::time::Time;
use crate::wire::control::{ControlError, Reply};

#[derive(Debug)]
struct Stopping {
    askers: Vec<Asker>,
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
    placements: Placements,
    /// Creates that wait for their source, or to hear whether their class can run here.
    waiting: BTreeMap<ActorAddress, Create>,
    /// What the init messages of those take.
    waiting_bytes: usize,
    /// Who asked for actors that are starting.
    creators: BTreeMap<ActorAddress, Asker>,
    /// Who waits for actors to end.
    mourners: BTreeMap<ActorAddress, Vec<Asker>>,
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
    pub fn handle(&mut self, now: Time, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::SourceOffered { asker, hash, label, size, rights } => {
                if self.stopping.is_some() {
                    effects.push(Effect::Forget(hash));
                    answer(asker, Err(ControlError::ShuttingDown), effects);
                } else {
                    self.sources.offer(now, asker, Offer { hash, label, size, rights }, effects);
                }
            }
            Event::SourceJudged { hash, verdict } => {
                let waited = self.sources.judged(hash, verdict, effects);
                self.resume(waited, effects);
            }
            Event::SourceValidated { hash, outcome, compile_us } => {
                let waited = self.sources.validated(hash, outcome, compile_us, effects);
                self.resume(waited, effects);
            }
            Event::PlacementAnswered { source, class, outcome } => {
                self.placement_answered(source, &class, outcome, effects);
            }
            Event::UnloadAsked { asker, source } => self.unload(asker, &source, effects),
            Event::CreateAsked { asker, address, create } => {
                self.create_asked(asker, address, create, effects);
            }
            Event::ChildrenEntered { .. } if is_made(Mistake::HearOfChildrenLate) => {}
            Event::ChildrenEntered { parent, children } => {
                children.into_iter().for_each(|child| self.family.add(child, Some(parent), "?", None));
            }
            Event::ChildCreated { parent, child } => self.child_created(parent, *child, effects),
            Event::NamedAsked { by, request, name, child } => {
                self.named_asked(by, request, &name, *child, effects);
            }
            Event::ChildKilled { parent, child } => self.child_killed(parent, child, effects),
            Event::Monitored { watcher, target } => self.monitored(watcher, target, effects),
            Event::Demonitored { watcher, target } => self.monitors.remove(watcher, target),
            Event::DeadLettersAsked { by, handles } => self.dead_letters_asked(by, handles, effects),
            Event::CapabilityUpdated { asker, name, value } => {
                self.capability_updated(asker, name, value, effects);
            }
            Event::StatusAsked { by, request, about } => {
                effects.push(Effect::TellStatus { to: by, request, about });
            }
            Event::ShutdownAsked { .. } => self.stop(now, None, effects),
            Event::ActorStarted { address } => self.started(address, effects),
            Event::ActorExiting { address, with_children } => {
                self.exiting(now, address, with_children, effects);
            }
            Event::ActorEnded { address, reason } => self.ended(address, &reason, effects),
            Event::ExitAsked { asker, target, recursive } => {
                if self.await_end(asker, target, effects) {
                    let body = Body::ExitRequest(ExitRequest { recursive });
                    effects.push(Effect::Route(Envelope { target, sender: target, body }));
                }
            }
            Event::KillAsked { asker, target } => {
                if self.await_end(asker, target, effects) {
                    self.kill(target, "by an operator", effects);
                }
            }
            Event::StopAsked { asker } => self.stop(now, Some(asker), effects),
            Event::AskerLeft { asker } => self.forget_asker(asker, effects),
            Event::TimePassed => self.time_passed(now, effects),
            Event::LogLevelAsked { asker, scope, level } => {
                self.log_level_asked(asker, &scope, level, effects);
            }
        }
    }

    /// When [`Event::TimePassed`] is wanted next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let stopping = self.stopping.as_ref().map(|stopping| stopping.kill_at.unwrap_or(stopping.end_at));
        let stopping = stopping.filter(|_| !self.stopped);
        [self.family.deadline(), self.sources.deadline(), stopping].into_iter().flatten().min()
    }

    /// The actors.
    #[must_use]
    pub const fn family(&self) -> &Family {
        &self.family
    }

    /// The sources.
    #[must_use]
    pub const fn sources(&self) -> &Registry {
        &self.sources
    }

    /// The global names.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// What this host has.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Who is given the dead letters.
    #[must_use]
    pub const fn dead_letter_handler(&self) -> Option<ActorAddress> {
        self.dead_letter_handler
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn child_killed(&mut self, parent: ActorAddress, child: ActorAddress, effects: &mut Vec<Effect>) {
        let is_child = |member: &Member| member.parent == Some(parent) || is_made(Mistake::KillForStrangers);
        if self.family.get(child).is_some_and(is_child) && !is_made(Mistake::KillNoChild) {
            self.kill(child, "by its parent", effects);
        }
    }

    fn exiting(&mut self, now: Time, address: ActorAddress, with_children: bool, effects: &mut Vec<Effect>) {
        // A stopping node has nobody who would end the children later.
        let with_children = with_children || self.stopping.is_some();
        let children: Vec<_> = self.family.get(address).into_iter().flat_map(Member::children).collect();
        self.family.exiting(address, with_children, now + EXIT_GRACE, effects);
        if with_children {
            let error = || ControlError::Invalid("its creator is exiting".to_string());
            children.into_iter().for_each(|child| self.stop_waiting(child, error, effects));
        }
    }

    fn monitored(&mut self, watcher: ActorAddress, target: ActorAddress, effects: &mut Vec<Effect>) {
        if self.family.get(target).is_some() {
            self.monitors.add(watcher, target);
        } else if !is_made(Mistake::HearOfNoPastEnd) {
            effects.push(monitors::down(watcher, target, ExitReason::Unknown));
        }
    }

    /// The last that registers has them. One that is not the handler has nothing to give up.
    fn dead_letters_asked(&mut self, by: ActorAddress, handles: bool, effects: &mut Vec<Effect>) {
        let is_handler = self.dead_letter_handler == Some(by);
        if handles != is_handler && self.family.get(by).is_some() {
            self.dead_letter_handler = handles.then_some(by);
            effects.push(Effect::SetDeadLetterHandler(self.dead_letter_handler));
        }
    }

    fn unload(&mut self, asker: Asker, source: &str, effects: &mut Vec<Effect>) {
        match self.sources.find(source) {
            Ok(hash) => {
                let mut waited = self.sources.unload(hash, effects);
                waited.extend(self.placements.unloaded(hash));
                answer(asker, Ok(Reply::Done), effects);
                self.resume(waited, effects);
            }
            Err(error) => answer(asker, Err(error), effects),
        }
    }

    fn started(&mut self, address: ActorAddress, effects: &mut Vec<Effect>) {
        let found = self.found(address);
        let name = self.family.get(address).and_then(|member| member.name.as_deref());
        if let (Some(name), Ok(found)) = (name, &found) {
            self.names.started(name, found, effects);
        }
        let asker = self.creators.remove(&address).filter(|_| !is_made(Mistake::AnswerNoCreator));
        if let Some(asker) = asker {
            answer(asker, found.map(Reply::from), effects);
        }
    }

    fn ended(&mut self, address: ActorAddress, reason: &ExitReason, effects: &mut Vec<Effect>) {
        let unfit = self.family.get(address).and_then(|member| member.unfit.clone());
        let reason = match (reason, unfit) {
            (ExitReason::Requested, Some(why)) => &ExitReason::Unfit(why),
            _ => reason,
        };
        if let Some(asker) = self.creators.remove(&address) {
            let reason = start_failure(reason);
            answer(asker, Err(ControlError::StartFailed { reason }), effects);
        }
        if self.dead_letter_handler == Some(address) && !is_made(Mistake::KeepTheDeadLetters) {
            self.dead_letter_handler = None;
            effects.push(Effect::SetDeadLetterHandler(None));
        }
        self.log_levels.set_actor(address, None);
        let Some(member) = self.family.remove(address, reason, effects) else { return };
        self.monitors.ended(address, reason, effects);
        if let Some(name) = member.name.as_deref().filter(|_| !is_made(Mistake::KeepTheName)) {
            let why = start_failure(reason);
            self.names.free(name, address, &ControlError::StartFailed { reason: why }, effects);
        }
        if let Some(source) = member.source {
            self.sources.count(source, false);
            if member.has_own_check {
                self.placements.stop_waiting(source, &member.class, address);
            }
        }
        for child in member.children() {
            self.stop_waiting(child, || ControlError::Invalid("its creator is gone".to_string()), effects);
        }
        let mourners = self.mourners.remove(&address).filter(|_| !is_made(Mistake::AnswerNoMourner));
        for asker in mourners.unwrap_or_default() {
            answer(asker, Ok(Reply::Ended { reason: reason.clone() }), effects);
        }
        self.finish_stop(effects);
    }

    /// Whether there is such an actor; `asker` then hears of its end.
    fn await_end(&mut self, asker: Asker, target: ActorAddress, effects: &mut Vec<Effect>) -> bool {
        if self.family.get(target).is_none() {
            answer(asker, Err(ControlError::TargetDead { target }), effects);
            return false;
        }
        self.mourners.entry(target).or_default().push(asker);
        true
    }

    fn kill(&mut self, root: ActorAddress, reason: &str, effects: &mut Vec<Effect>) {
        for address in self.family.subtree(root) {
            if self.waiting.contains_key(&address) {
                let error = || ControlError::Invalid(format!("killed: {reason}"));
                self.stop_waiting(address, error, effects);
            } else {
                self.family.kill(address, reason, effects);
            }
        }
    }

    fn stop(&mut self, now: Time, asker: Option<Asker>, effects: &mut Vec<Effect>) {
        if self.stopped {
            if let Some(asker) = asker {
                answer(asker, Ok(Reply::Done), effects);
            }
            return;
        }
        if let Some(stopping) = &mut self.stopping {
            stopping.askers.extend(asker);
            return;
        }
        let askers = asker.into_iter().collect();
        self.stopping =
            Some(Stopping { askers, kill_at: Some(now + STOP_GRACE), end_at: now + STOP_ACTORS_TIME_MAX });
        let waiting: Vec<_> = self.waiting.keys().copied().collect();
        for address in waiting {
            self.stop_waiting(address, || ControlError::ShuttingDown, effects);
        }
        self.sources.stop(effects);
        let roots = self.family.iter().filter(|(_, member)| member.parent.is_none());
        let body = Body::ExitRequest(ExitRequest { recursive: true });
        effects.extend(roots.map(|(address, _)| {
            Effect::Route(Envelope { target: address, sender: address, body: body.clone() })
        }));
        self.finish_stop(effects);
    }

    fn finish_stop(&mut self, effects: &mut Vec<Effect>) {
        if self.family.is_empty() {
            self.close(effects);
        }
    }

    /// The node ends, if it was asked to: nobody waits for an answer any more.
    fn close(&mut self, effects: &mut Vec<Effect>) {
        let Some(stopping) = self.stopping.as_mut().filter(|_| !self.stopped) else { return };
        self.stopped = true;
        for asker in core::mem::take(&mut stopping.askers) {
            answer(asker, Ok(Reply::Done), effects);
        }
        let mourners = core::mem::take(&mut self.mourners).into_values().flatten();
        for asker in core::mem::take(&mut self.creators).into_values().chain(mourners) {
            answer(asker, Err(ControlError::ShuttingDown), effects);
        }
        self.names.close(&ControlError::ShuttingDown, effects);
        effects.push(Effect::Stop);
    }

    /// Nobody has the address of an actor whose create still waits, so nobody would miss it.
    fn forget_asker(&mut self, asker: Asker, effects: &mut Vec<Effect>) {
        self.sources.forget_asker(asker);
        let is_theirs = |create: &Create| create.asker == Some(asker);
        let waiting = self.waiting.iter().find(|(_, create)| is_theirs(create)).map(|(address, _)| *address);
        if let Some(create) = waiting.and_then(|address| self.waiting.get_mut(&address)) {
            create.asker = None;
        }
        if let Some(address) = waiting {
            let error = || ControlError::Invalid("who asked for it left".to_string());
            self.stop_waiting(address, error, effects);
        }
        if let Some(stopping) = &mut self.stopping {
            stopping.askers.retain(|waiting| *waiting != asker);
        }
        self.creators.retain(|_, creator| *creator != asker);
        self.names.forget_asker(asker);
        self.mourners.retain(|_, askers| {
            askers.retain(|mourner| *mourner != asker);
            !askers.is_empty()
        });
    }

    fn time_passed(&mut self, now: Time, effects: &mut Vec<Effect>) {
        for hash in self.sources.overdue(now) {
            let silence = Err("its authority did not judge it in time".to_string());
            let waited = self.sources.judged(hash, silence, effects);
            self.resume(waited, effects);
        }
        for address in self.family.overdue(now) {
            self.kill(address, "its exit took too long", effects);
        }
        let Some(stopping) = &mut self.stopping else { return };
        if stopping.kill_at.is_some_and(|kill_at| kill_at <= now) {
            stopping.kill_at = None;
            let all: Vec<_> = self.family.iter().map(|(address, _)| address).collect();
            for address in all {
                self.family.kill(address, "the node is stopping", effects);
            }
        } else if stopping.end_at <= now {
            self.close(effects);
        }
    }
}

fn answer(asker: Asker, reply: Result<Reply, ControlError>, effects: &mut Vec<Effect>) {
    effects.push(Effect::Answer { asker, reply });
}

/// Why an actor that ended did not start.
fn start_failure(reason: &ExitReason) -> String {
    match reason {
        ExitReason::NeverStarted(why) => why.clone(),
        other => other.to_string(),
    }
}
