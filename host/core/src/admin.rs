//! The decider of a node's control plane: creation, exits, sources, and the node's own end.
//!
//! One function takes what happened and the time, and says what is to be done. Messages never come here.

mod log_levels;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::{Capabilities, Requirement, unmet};
use crate::effect::{Effect, Plan};
use crate::envelope::{Body, Envelope, ExitReason, ExitRequest};
use crate::event::{Asker, Event};
use crate::family::{Family, Member};
use crate::limits::{
    CREATES_WAITING_BYTES_MAX, CREATES_WAITING_MAX, ERROR_TEXT_LEN_MAX, EXIT_GRACE, STOP_GRACE,
    STOP_TIME_MAX, cut,
};
use crate::log_level::{LogLevel, LogLevels};
use crate::message::Message;
use crate::outbox::{CreateChild, CreateOptions, check_create};
use crate::source::registry::{Availability, Registry};
use crate::source::{SourceHash, SourceInfo};
use crate::time::Time;
use crate::wire::control::{ControlError, CreateActor, Reply};

/// A create that is not yet planned or not yet answered.
#[derive(Debug)]
struct Create {
    asker: Option<Asker>,
    parent: Option<ActorAddress>,
    source: SourceHash,
    class: Option<String>,
    options: CreateOptions,
}

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
    /// Creates that wait for their source.
    waiting: BTreeMap<ActorAddress, Create>,
    /// What the init messages of those take.
    waiting_bytes: usize,
    /// Who asked for actors that are starting.
    creators: BTreeMap<ActorAddress, Asker>,
    /// Who waits for actors to end.
    mourners: BTreeMap<ActorAddress, Vec<Asker>>,
    stopping: Option<Stopping>,
    stopped: bool,
}

impl Create {
    fn cost(&self) -> usize {
        self.options.init.as_ref().map_or(0, Message::cost)
    }
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
            Event::SourceOffered { asker, hash, label, size } => {
                if self.stopping.is_some() {
                    effects.push(Effect::Forget(hash));
                    answer(asker, Err(ControlError::ShuttingDown), effects);
                } else {
                    self.sources.offer(now, asker, hash, label, size, effects);
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
            Event::UnloadAsked { asker, source } => self.unload(asker, &source, effects),
            Event::CreateAsked { asker, address, create } => {
                self.create_asked(asker, address, create, effects);
            }
            Event::ChildCreated { parent, child } => self.child_created(parent, *child, effects),
            Event::ActorStarted { address } => self.started(address, effects),
            Event::ActorExiting { address, with_children } => {
                // A stopping node has nobody who would end the children later.
                let with_children = with_children || self.stopping.is_some();
                let children: Vec<_> =
                    self.family.get(address).into_iter().flat_map(Member::children).collect();
                self.family.exiting(address, with_children, now + EXIT_GRACE, effects);
                if with_children {
                    let error = || ControlError::Invalid("its creator is exiting".to_string());
                    children.into_iter().for_each(|child| self.stop_waiting(child, error, effects));
                }
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
            Event::StopAsked { asker } => self.stop(now, asker, effects),
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

    /// What this host has.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn create_asked(
        &mut self,
        asker: Asker,
        address: ActorAddress,
        create: CreateActor,
        effects: &mut Vec<Effect>,
    ) {
        let CreateActor { source, class, requirements, init, on_trap } = create;
        let options = CreateOptions { requirements, init, on_trap, watch_restarts: false };
        let name = class.as_deref().unwrap_or("?");
        let checked = check_create(name, &options).map_err(|error| ControlError::Invalid(error.to_string()));
        self.family.add(address, None, if checked.is_ok() { name } else { "?" }, None);
        match checked.and_then(|()| self.sources.find(&source)) {
            Ok(source) => {
                let create = Create { asker: Some(asker), parent: None, source, class, options };
                self.create(address, create, effects);
            }
            Err(error) => refuse(address, Some(asker), error, effects),
        }
    }

    fn child_created(&mut self, parent: ActorAddress, child: CreateChild, effects: &mut Vec<Effect>) {
        let CreateChild { address, source, class, options } = child;
        let creator = self.family.get(parent).map(|creator| creator.source);
        self.family.add(address, Some(parent), &class, None);
        match creator.and_then(|own| source.or(own)) {
            Some(source) => {
                let create =
                    Create { asker: None, parent: Some(parent), source, class: Some(class), options };
                self.create(address, create, effects);
            }
            None => {
                refuse(address, None, ControlError::Invalid("its creator is gone".to_string()), effects);
            }
        }
    }

    fn create(&mut self, address: ActorAddress, create: Create, effects: &mut Vec<Effect>) {
        // The creator that it has now: one that kept its children in its exit turn is none of theirs any more.
        let parent = self.family.get(address).and_then(|member| member.parent);
        let parent = parent.and_then(|parent| self.family.get(parent));
        let parent_exits = parent.is_some_and(Member::is_exiting);
        let level = self.log_levels.of(address, Some(create.source));
        let is_killed = [parent, self.family.get(address)].into_iter().flatten().any(Member::is_killed);
        let error = match self.sources.availability(create.source) {
            _ if self.stopping.is_some() => ControlError::ShuttingDown,
            _ if is_killed => ControlError::Invalid("its creator is killed".to_string()),
            _ if parent_exits => ControlError::Invalid("its creator is exiting".to_string()),
            Availability::Coming if self.waiting.len() >= CREATES_WAITING_MAX => {
                ControlError::LimitReached(format!("{CREATES_WAITING_MAX} creates wait for their sources"))
            }
            Availability::Coming if self.waiting_bytes + create.cost() > CREATES_WAITING_BYTES_MAX => {
                let bytes = "the init messages of creates that wait for their sources may take";
                ControlError::LimitReached(format!("{bytes} {CREATES_WAITING_BYTES_MAX} bytes"))
            }
            Availability::Coming => {
                self.sources.wait(create.source, address);
                self.waiting_bytes += create.cost();
                self.waiting.insert(address, create);
                return;
            }
            Availability::No(error) => error,
            Availability::Loaded(info) => match plan(address, &create, info, &self.capabilities, level) {
                Ok(plan) => {
                    self.family.resolve(address, &plan.class, plan.source);
                    self.sources.count(plan.source, true);
                    self.creators.extend(create.asker.map(|asker| (address, asker)));
                    effects.push(Effect::Instantiate(Box::new(plan)));
                    return;
                }
                Err(error) => error,
            },
        };
        refuse(address, create.asker, error, effects);
    }

    fn resume(&mut self, waited: Vec<ActorAddress>, effects: &mut Vec<Effect>) {
        for address in waited {
            if let Some(create) = self.take_waiting(address) {
                self.create(address, create, effects);
            }
        }
    }

    fn take_waiting(&mut self, address: ActorAddress) -> Option<Create> {
        let create = self.waiting.remove(&address)?;
        self.waiting_bytes -= create.cost();
        Some(create)
    }

    /// If this actor's create waits for its source, it does so no longer.
    fn stop_waiting(
        &mut self,
        address: ActorAddress,
        error: impl FnOnce() -> ControlError,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(create) = self.take_waiting(address) {
            self.sources.stop_waiting(create.source, address);
            refuse(address, create.asker, error(), effects);
        }
    }

    fn unload(&mut self, asker: Asker, source: &str, effects: &mut Vec<Effect>) {
        match self.sources.find(source) {
            Ok(hash) => {
                let waited = self.sources.unload(hash, effects);
                answer(asker, Ok(Reply::Done), effects);
                self.resume(waited, effects);
            }
            Err(error) => answer(asker, Err(error), effects),
        }
    }

    fn started(&mut self, address: ActorAddress, effects: &mut Vec<Effect>) {
        let Some(asker) = self.creators.remove(&address) else { return };
        let reply = self.family.get(address).and_then(|member| {
            let class = member.class.clone();
            member.source.map(|source| Reply::Created { address, source, class })
        });
        answer(asker, reply.ok_or(ControlError::TargetDead { target: address }), effects);
    }

    fn ended(&mut self, address: ActorAddress, reason: &ExitReason, effects: &mut Vec<Effect>) {
        if let Some(asker) = self.creators.remove(&address) {
            let why = match reason {
                ExitReason::NeverStarted(why) => why.clone(),
                other => other.to_string(),
            };
            answer(asker, Err(ControlError::StartFailed { reason: why }), effects);
        }
        self.log_levels.set_actor(address, None);
        let Some(member) = self.family.remove(address, reason, effects) else { return };
        if let Some(source) = member.source {
            self.sources.count(source, false);
        }
        for child in member.children() {
            self.stop_waiting(child, || ControlError::Invalid("its creator is gone".to_string()), effects);
        }
        for asker in self.mourners.remove(&address).unwrap_or_default() {
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

    fn stop(&mut self, now: Time, asker: Asker, effects: &mut Vec<Effect>) {
        if self.stopped {
            answer(asker, Ok(Reply::Done), effects);
            return;
        }
        if let Some(stopping) = &mut self.stopping {
            stopping.askers.push(asker);
            return;
        }
        let askers = Vec::from([asker]);
        self.stopping =
            Some(Stopping { askers, kill_at: Some(now + STOP_GRACE), end_at: now + STOP_TIME_MAX });
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

fn refuse(address: ActorAddress, asker: Option<Asker>, error: ControlError, effects: &mut Vec<Effect>) {
    effects.push(Effect::RefuseCreate { address, reason: cut(error.to_string(), ERROR_TEXT_LEN_MAX) });
    if let Some(asker) = asker {
        answer(asker, Err(error), effects);
    }
}

/// How to run the actor on this host.
///
/// # Errors
/// The source has no such class, or the host lacks what it requires.
fn plan(
    address: ActorAddress,
    create: &Create,
    info: &SourceInfo,
    capabilities: &Capabilities,
    log_level: LogLevel,
) -> Result<Plan, ControlError> {
    let classes = || info.classes.iter().map(|class| class.name.clone()).collect();
    let class = match (&create.class, info.classes.as_slice()) {
        (None, [only]) => only,
        (None, _) => return Err(ControlError::ClassNeeded { classes: classes() }),
        (Some(name), all) => all
            .iter()
            .find(|class| class.name == *name)
            .ok_or_else(|| ControlError::NoSuchClass { class: name.clone(), classes: classes() })?,
    };
    let required = class.requires.iter().chain(&create.options.requirements);
    let missing: Vec<String> = unmet(capabilities, required).map(describe_unmet(capabilities)).collect();
    if !missing.is_empty() {
        return Err(ControlError::NoCompatibleHost { class: class.name.clone(), unmet: missing });
    }
    Ok(Plan {
        address,
        parent: create.parent,
        source: create.source,
        class: class.name.clone(),
        on_trap: create.options.on_trap.unwrap_or(class.on_trap),
        watch_restarts: create.options.watch_restarts,
        requirements: create.options.requirements.clone(),
        init: create.options.init.clone(),
        log_level,
    })
}

fn describe_unmet(capabilities: &Capabilities) -> impl Fn(&Requirement) -> String {
    move |requirement| match capabilities.get(&requirement.name) {
        Some(value) => format!("this host: {requirement} does not hold, it is {value}"),
        None => format!("this host: {requirement} does not hold, it has no such capability"),
    }
}
