//! A node without a machine: virtual time, a queue of events, activations in an order that the seed chooses. It carries
//! out what core decides, and knows no rule itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::admin::Admin;
use thespian_core::capability::Capabilities;
use thespian_core::effect::{Effect, Plan};
use thespian_core::envelope::{Body, Envelope, Wakeup};
use thespian_core::event::{Asker, Event};
use thespian_core::fate::OnTrap;
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::{Mailbox, MailboxLimits, Push, QueueBudget};
use thespian_core::source::{ActorClass, SourceHash, SourceInfo};
use thespian_core::time::Time;
use thespian_core::timers::{TimerKey, Timers};
use thespian_core::turn::{Actor, Identity, Step};

use crate::carrier::Carrier;
use crate::ledger::{Ledger, numbered};
use crate::rng::Rng;

/// A program outside: everything sent to it is taken.
pub(crate) const OUTSIDE: ActorAddress = ActorAddress::new(HostId(1), 1);
pub(crate) const SLOTS: usize = 24;
const QUEUED_BYTES_MAX: usize = 40 << 10;
/// Turns that wait for the rest of the world within each other.
const DEPTH_MAX: usize = 3;

/// A fault that is put into the doer on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    DropMessage,
    DuplicateMessage,
    ReorderMessages,
    HandleAfterEnd,
    DropExitNotice,
    DuplicateExitNotice,
    KeepSlot,
    KeepAnswer,
    SpeakAfterEnd,
}

pub(crate) enum Due {
    Wakeup(ActorAddress, Box<Wakeup>),
    Look(ActorAddress),
}

enum Job {
    Judge(SourceHash),
    Validate(SourceHash),
}

pub(crate) struct Cell {
    pub(crate) actor: Option<Actor>,
    pub(crate) mailbox: Mailbox,
    pub(crate) awaiting: BTreeSet<ActorAddress>,
    pub(crate) killed: Option<String>,
    pub(crate) timers: BTreeMap<u64, TimerKey>,
    pub(crate) known: Vec<ActorAddress>,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) now: Time,
    pub(crate) limits: ActorLimits,
    pub(crate) budget: QueueBudget,
    pub(crate) cells: BTreeMap<ActorAddress, Cell>,
    pub(crate) timers: Timers<Due>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) ledger: Ledger,
    pub(crate) slots: usize,
    /// Sends and wakeups that guests may still ask for: so that a run ends.
    pub(crate) energy: usize,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) stashed: Option<Envelope>,
    pub(crate) addresses: Vec<ActorAddress>,
    /// How often which kind of thing happened.
    pub(crate) seen: BTreeMap<&'static str, usize>,
    pub(crate) stopped: bool,
    admin: Admin,
    active: Vec<ActorAddress>,
    jobs: Vec<Job>,
    compiled: BTreeSet<SourceHash>,
    next_id: u128,
    next_number: u64,
    next_asker: u64,
    depth: usize,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let limits = ActorLimits {
            outbox_len_max: 12,
            mailbox_len_max: 3,
            mailbox_bytes_max: 60_000,
            wakeups_max: 4,
            children_max: 5,
            ..ActorLimits::default()
        };
        Self {
            rng: Rng(seed),
            now: Time(0),
            limits,
            budget: QueueBudget::new(QUEUED_BYTES_MAX),
            cells: BTreeMap::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            ledger: Ledger::default(),
            slots: 0,
            energy: 400,
            sabotage,
            stashed: None,
            addresses: vec![OUTSIDE],
            seen: BTreeMap::new(),
            stopped: false,
            admin: Admin::new(Capabilities::new()),
            active: Vec::new(),
            jobs: Vec::new(),
            compiled: BTreeSet::new(),
            next_id: 1,
            next_number: 0,
            next_asker: 0,
            depth: 0,
        }
    }

    pub(crate) fn new_address(&mut self) -> ActorAddress {
        self.next_id += 1;
        ActorAddress::new(HostId(1), self.next_id)
    }

    pub(crate) const fn new_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    pub(crate) fn new_asker(&mut self) -> Asker {
        self.next_asker += 1;
        let asker = Asker(self.next_asker);
        self.ledger.asked(asker);
        asker
    }

    pub(crate) const fn admin(&self) -> &Admin {
        &self.admin
    }

    pub(crate) fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub(crate) fn enter(&mut self, address: ActorAddress) {
        let limits =
            MailboxLimits { len_max: self.limits.mailbox_len_max, bytes_max: self.limits.mailbox_bytes_max };
        let cell = Cell {
            actor: None,
            mailbox: Mailbox::pending(limits),
            awaiting: BTreeSet::new(),
            killed: None,
            timers: BTreeMap::new(),
            known: Vec::new(),
        };
        self.cells.insert(address, cell);
        self.see("actors");
        self.addresses.push(address);
    }

    pub(crate) fn schedule(&mut self, address: ActorAddress) {
        self.active.push(address);
    }

    pub(crate) fn wake(&mut self, address: ActorAddress) {
        if self.cells.get_mut(&address).is_some_and(|cell| cell.mailbox.wake()) {
            self.schedule(address);
        }
    }

    /// Puts an envelope into a mailbox, as the router does.
    pub(crate) fn push(&mut self, envelope: Envelope) -> Push {
        let target = envelope.target;
        if target == OUTSIDE {
            if envelope.body.is_mail() {
                self.ledger.received(&envelope);
                self.ledger.handled(&envelope.body);
            }
            return Push::Queued;
        }
        let Some(cell) = self.cells.get_mut(&target) else { return Push::Gone(envelope) };
        let push = cell.mailbox.push(envelope, &self.budget);
        self.activated(target, push)
    }

    pub(crate) fn activated(&mut self, target: ActorAddress, push: Push) -> Push {
        if push == Push::Activate {
            self.schedule(target);
            return Push::Queued;
        }
        push
    }

    /// Does one thing, if there is one to do. Time jumps only when there is nothing else, and creeps otherwise.
    pub(crate) fn tick(&mut self) -> bool {
        let mut choices = Vec::new();
        let runnable =
            |address: &ActorAddress| self.cells.get(address).is_none_or(|cell| cell.actor.is_some());
        let runnable: Vec<usize> = (0..self.active.len()).filter(|at| runnable(&self.active[*at])).collect();
        choices.extend((!runnable.is_empty()).then_some(0).iter().cycle().take(6 * runnable.len().min(1)));
        choices.extend([1, 1, 1].iter().filter(|_| !self.events.is_empty()));
        choices.extend([2].iter().filter(|_| !self.jobs.is_empty()));
        let next = [self.timers.next_due(), self.admin.deadline()].into_iter().flatten().min();
        if self.depth == 0 && next.is_some() && choices.is_empty() {
            choices.push(3);
        }
        if self.depth == 0 && self.rng.chance(10) {
            // A busy machine: time goes on while others have work.
            let soon = self.now + Duration::from_micros(self.rng.below(200) as u64);
            self.pass_time(next.map_or(soon, |next| next.min(soon)));
        }
        match self.rng.pick(&choices) {
            Some(0) => {
                let at = runnable[self.rng.below(runnable.len())];
                self.activate(at);
            }
            Some(1) => {
                let event = self.events.pop_front().expect("it was chosen because there is one");
                self.tell_admin(event);
            }
            Some(2) => self.finish_job(),
            Some(_) => self.pass_time(next.unwrap_or(self.now)),
            None => return false,
        }
        self.check_bounds();
        true
    }

    /// One step of an activation; others may have theirs in between.
    fn activate(&mut self, at: usize) {
        let address = self.active[at];
        let Some(mut actor) = self.cells.get_mut(&address).and_then(|cell| cell.actor.take()) else {
            self.active.swap_remove(at);
            return;
        };
        let mut now = self.now;
        let step = actor.step(&mut now, &mut Carrier { world: self, me: address });
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.actor = Some(actor);
        }
        if step == Step::Over
            && let Some(at) = self.active.iter().position(|active| *active == address)
        {
            self.active.swap_remove(at);
        }
    }

    /// Lets the rest of the world go on while a handler runs. False: too many wait already.
    pub(crate) fn let_others(&mut self, ticks: usize, me: ActorAddress) -> bool {
        if self.depth >= DEPTH_MAX {
            return false;
        }
        self.depth += 1;
        for _ in 0..ticks {
            if self.cells.get(&me).is_some_and(|cell| cell.killed.is_some()) || !self.tick() {
                break;
            }
        }
        self.depth -= 1;
        true
    }

    pub(crate) fn tell_admin(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.admin.handle(self.now, event, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Judge(hash) => self.jobs.push(Job::Judge(hash)),
            Effect::Validate(hash) => self.jobs.push(Job::Validate(hash)),
            Effect::Forget(hash) => drop(self.compiled.remove(&hash)),
            Effect::Instantiate(plan) => self.instantiate(&plan),
            Effect::RefuseCreate { address, reason } => {
                let on_trap = OnTrap::default();
                let identity = Identity { me: address, parent: None, on_trap, watch_restarts: false };
                self.run(address, Actor::refused(identity, reason));
            }
            Effect::Route(envelope) => self.notify(envelope),
            Effect::Kill { address, reason } => {
                self.see("kills");
                if let Some(cell) = self.cells.get_mut(&address) {
                    cell.killed.get_or_insert(reason);
                    self.wake(address);
                }
            }
            Effect::NoteEnd { address, .. } => self.ledger.end_told(address, None),
            Effect::Progress { .. } | Effect::SetLogLevel { .. } => {}
            Effect::Answer { .. } if self.sabotaged(Sabotage::KeepAnswer, 3) => {}
            Effect::Answer { asker, .. } => self.ledger.answered(asker),
            Effect::Stop => self.stopped = true,
        }
    }

    fn notify(&mut self, envelope: Envelope) {
        if let Body::ChildExited(exit) = &envelope.body {
            self.ledger.end_told(exit.address, Some(envelope.target));
            if self.sabotaged(Sabotage::DropExitNotice, 30) {
                return;
            }
            if self.sabotaged(Sabotage::DuplicateExitNotice, 30) {
                self.push(envelope.clone());
            }
        }
        let (parent, child) = (envelope.target, envelope.sender);
        let is_end = matches!(envelope.body, Body::ChildExited(_));
        // A notice to someone who is gone has no one to tell.
        let push = self.push(envelope);
        if is_end && self.sabotaged(Sabotage::SpeakAfterEnd, 50) && self.cells.contains_key(&parent) {
            let id = self.new_number();
            self.ledger.sent(id);
            let body = Body::Message(numbered(id, 10));
            self.push(Envelope { target: parent, sender: child, body });
        }
        match push {
            Push::Full(envelope) => self.ledger.violations.push(format!("no slot for {envelope:?}")),
            Push::Queued | Push::Activate | Push::Gone(_) => {}
        }
    }

    /// Whether the fault strikes now.
    pub(crate) fn sabotaged(&mut self, fault: Sabotage, percent: usize) -> bool {
        self.sabotage == Some(fault) && self.rng.chance(percent)
    }

    fn instantiate(&mut self, plan: &Plan) {
        let Plan { address, parent, on_trap, watch_restarts, .. } = *plan;
        let identity = Identity { me: address, parent, on_trap, watch_restarts };
        let actor = if self.compiled.contains(&plan.source) {
            Actor::new(identity)
        } else {
            self.ledger.violations.push(format!("{address} is to run without code"));
            Actor::refused(identity, "no code".to_string())
        };
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.known.extend(parent);
        }
        self.run(address, actor);
    }

    fn run(&mut self, address: ActorAddress, actor: Actor) {
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.actor = Some(actor);
            self.schedule(address);
        }
    }

    fn finish_job(&mut self) {
        let at = self.rng.below(self.jobs.len());
        match self.jobs.swap_remove(at) {
            // Silence.
            Job::Judge(_) if self.rng.chance(5) => {}
            Job::Judge(hash) => {
                let verdict = if self.rng.chance(90) { Ok(()) } else { Err("not today".to_string()) };
                self.events.push_back(Event::SourceJudged { hash, verdict });
            }
            Job::Validate(hash) => {
                let outcome = if self.rng.chance(95) { Ok(info()) } else { Err("broken".to_string()) };
                // As the host does it: the code is there before `Admin` hears.
                if outcome.is_ok() {
                    self.compiled.insert(hash);
                }
                self.events.push_back(Event::SourceValidated { hash, outcome, compile_us: 1 });
            }
        }
    }

    fn pass_time(&mut self, to: Time) {
        self.now = self.now.max(to);
        while let Some((_, due)) = self.timers.pop_due(self.now) {
            match due {
                Due::Look(address) => self.wake(address),
                Due::Wakeup(target, wakeup) => {
                    let body = Body::Wakeup(wakeup);
                    self.push(Envelope { target, sender: target, body });
                }
            }
        }
        if self.admin.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.tell_admin(Event::TimePassed);
        }
    }

    fn check_bounds(&mut self) {
        let violations = &mut self.ledger.violations;
        for (address, Cell { mailbox, .. }) in &self.cells {
            if mailbox.len() > self.limits.mailbox_len_max
                || (mailbox.len() > 1 && mailbox.bytes() > self.limits.mailbox_bytes_max)
            {
                violations.push(format!("the mailbox of {address} is past its bound"));
            }
        }
        if self.budget.used() > self.budget.max() || self.slots > SLOTS {
            violations.push("the node is past its bounds".to_string());
        }
    }
}

fn info() -> SourceInfo {
    let class = |name: &str, on_trap| ActorClass {
        name: name.to_string(),
        requires: Vec::new(),
        on_trap,
        receives: Vec::new(),
    };
    let classes = vec![
        class("lasting", OnTrap::Restart),
        class("mortal", OnTrap::Exit),
        class("limited", OnTrap::RestartWithinBudget),
    ];
    SourceInfo { name: String::new(), version: String::new(), sdk: String::new(), classes }
}
