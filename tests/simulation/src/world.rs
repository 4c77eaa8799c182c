//! A node without a machine: virtual time, a queue of events, activations in an order that the seed chooses. It carries
//! out what core decides, and knows no rule itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::admin::Admin;
use thespian_core::capability::Capabilities;
use thespian_core::effect::{Effect, Plan};
use thespian_core::envelope::{Body, Envelope, StatusAnswer, Wakeup};
use thespian_core::event::{Asker, Event};
use thespian_core::fate::OnTrap;
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::{Mailbox, MailboxLimits, Push, QueueBudget};
use thespian_core::placement::PlacementQuestion;
use thespian_core::source::{Rights, SourceHash};
use thespian_core::time::Time;
use thespian_core::timers::Timers;
use thespian_core::turn::{Actor, Identity, Step};

use crate::bounds::{self, Watch};
use crate::carrier::Carrier;
use crate::classes::{self, Unasked};
use crate::ledger::{Ledger, numbered};
use crate::native::Native;
use crate::rng::Rng;

/// A program outside: everything sent to it is taken.
pub(crate) const OUTSIDE: ActorAddress = ActorAddress::new(HostId(1), 1);
const SLOTS: usize = 24;
/// What may wait in all of a node: next to nothing, a few large messages, more than the mailboxes hold.
const QUEUED_BYTES_MAX: [usize; 3] = [8 << 10, 40 << 10, 1 << 20];
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
    SpeakAfterDown,
    SpeakAfterEnd,
}

pub(crate) enum Due {
    Wakeup(ActorAddress, Box<Wakeup>),
    Look(ActorAddress),
}

enum Job {
    Judge(SourceHash),
    Validate(SourceHash),
    Place(Box<PlacementQuestion>),
}

pub(crate) struct Cell {
    pub(crate) actor: Option<Actor>,
    pub(crate) mailbox: Mailbox,
    pub(crate) awaiting: BTreeSet<ActorAddress>,
    pub(crate) killed: Option<String>,
    pub(crate) rights: Rights,
    pub(crate) known: Vec<ActorAddress>,
    /// Whom it floods.
    pub(crate) prey: Option<ActorAddress>,
    pub(crate) watch: Watch,
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
    pub(crate) slots_max: usize,
    /// Sends and wakeups that guests may still ask for: so that a run ends.
    pub(crate) energy: usize,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) stashed: Option<Envelope>,
    pub(crate) addresses: Vec<ActorAddress>,
    /// How often which kind of thing happened.
    pub(crate) seen: BTreeMap<&'static str, usize>,
    pub(crate) stopped: bool,
    /// Guests that are no scripts of chance.
    pub(crate) native: Option<Native>,
    pub(crate) unasked: Unasked,
    pub(crate) next_id: u128,
    pub(crate) next_number: u64,
    admin: Admin,
    active: Vec<ActorAddress>,
    jobs: Vec<Job>,
    compiled: BTreeSet<SourceHash>,
    approved: BTreeSet<SourceHash>,
    next_asker: u64,
    depth: usize,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let limits = ActorLimits {
            outbox_len_max: 12,
            outbox_bytes_max: 100_000,
            mailbox_len_max: 3,
            mailbox_bytes_max: 60_000,
            wakeups_max: 4,
            children_max: 5,
            monitors_max: 5,
            ..ActorLimits::default()
        };
        let mut rng = Rng(seed);
        let queued_bytes_max = rng.pick(&QUEUED_BYTES_MAX).unwrap_or_default();
        let node = Self::around(rng, limits, queued_bytes_max, classes::host());
        Self { sabotage, ..node }
    }

    /// A node with these bounds.
    pub(crate) fn around(
        rng: Rng,
        limits: ActorLimits,
        queued_bytes_max: usize,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            rng,
            now: Time(0),
            limits,
            budget: QueueBudget::new(queued_bytes_max),
            cells: BTreeMap::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            ledger: Ledger::default(),
            slots: 0,
            slots_max: SLOTS,
            energy: 700,
            sabotage: None,
            stashed: None,
            addresses: vec![OUTSIDE],
            seen: BTreeMap::new(),
            stopped: false,
            native: None,
            unasked: Unasked::default(),
            admin: Admin::new(capabilities),
            active: Vec::new(),
            jobs: Vec::new(),
            compiled: BTreeSet::new(),
            approved: BTreeSet::new(),
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
            rights: Rights::default(),
            known: Vec::new(),
            prey: None,
            watch: Watch::default(),
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
        if matches!(envelope.body, Body::ExitRequest(_)) && envelope.sender == target {
            self.ledger.lifetimes.asked(target);
        }
        let asks = self.native.as_ref().is_some_and(|native| native.outside.contains(&target));
        if target == OUTSIDE || asks {
            if envelope.body.is_mail() {
                self.ledger.received(&envelope);
                self.ledger.handled(&envelope.body);
                self.native.iter_mut().for_each(|native| native.heard.push(envelope.clone()));
            }
            return Push::Queued;
        }
        let Some(cell) = self.cells.get_mut(&target) else { return Push::Gone(envelope) };
        let place = (!envelope.body.has_reserved_slot()).then(|| envelope.body.cost());
        let is_exit = matches!(envelope.body, Body::ExitRequest(_));
        let push = cell.mailbox.push(envelope, &self.budget);
        if matches!(push, Push::Queued | Push::Activate) {
            place.into_iter().for_each(|cost| cell.watch.came(cost));
            cell.watch.leaving.is_asked |= is_exit;
        }
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
        if self.depth == 0 && choices.is_empty() {
            self.check_quiet();
            choices.extend(next.map(|_| 3));
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
            Some(_) => {
                let horizon = self.native.as_ref().map_or(Time(u64::MAX), |native| native.horizon);
                self.pass_time(next.unwrap_or(self.now).min(horizon));
            }
            None => return false,
        }
        bounds::check(self);
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
        let expected = self.audit_event(&event);
        let mut effects = Vec::new();
        self.admin.handle(self.now, event, &mut effects);
        self.audit_effects(&expected, &effects);
        for effect in effects {
            self.perform(effect);
        }
        self.audit_outcome(&expected);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Judge(hash) => self.jobs.push(Job::Judge(hash)),
            Effect::Validate(hash) => self.jobs.push(Job::Validate(hash)),
            Effect::AskPlacement(question) => self.jobs.push(Job::Place(question)),
            Effect::Forget(hash) => drop(self.compiled.remove(&hash)),
            Effect::Instantiate(plan) => {
                self.instantiate(&plan);
                self.native.iter_mut().for_each(|native| native.plan((*plan).clone()));
            }
            Effect::RefuseCreate { address, reason } => {
                let on_trap = OnTrap::default();
                let identity = Identity {
                    me: address,
                    parent: None,
                    on_trap,
                    watch_restarts: false,
                    transient: None,
                    rights: Rights::default(),
                };
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
            Effect::EnterPending(address) => self.enter(address),
            Effect::GiveBackPlace => self.slots -= 1,
            Effect::TellStatus { to, request, .. } => {
                let body = Body::Status(Box::new(StatusAnswer { request, outcome: Ok(String::new()) }));
                self.notify(Envelope { target: to, sender: to, body });
            }
            Effect::SetDeadLetterHandler(handler) => self.ledger.dead_letters.handler = handler,
            Effect::Progress { .. } | Effect::SetCapabilities(_) | Effect::SetLogLevel { .. } => {}
            Effect::NoteEnd { address, class, reason } => {
                self.ledger.end_told(address, None);
                self.native
                    .iter_mut()
                    .for_each(|native| native.ended.push((address, class.clone(), reason.clone())));
            }
            Effect::Answer { .. } if self.sabotaged(Sabotage::KeepAnswer, 3) => {}
            Effect::Answer { asker, reply } => {
                self.ledger.answered(asker);
                if let Some(native) = &mut self.native {
                    native.replies.insert(asker, reply);
                }
            }
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
        let (hearer, ended) = (envelope.target, envelope.sender);
        let is_late = match envelope.body {
            Body::ChildExited(_) => self.sabotaged(Sabotage::SpeakAfterEnd, 50),
            Body::ActorDown(_) => self.sabotaged(Sabotage::SpeakAfterDown, 50),
            _ => false,
        };
        // A notice to someone who is gone has no one to tell.
        let push = self.push(envelope);
        if is_late && self.cells.contains_key(&hearer) {
            let id = self.new_number();
            self.ledger.sent(id);
            let body = Body::Message(numbered(id, 10));
            self.push(Envelope { target: hearer, sender: ended, body });
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
        let Plan { address, parent, on_trap, watch_restarts, transient, rights, .. } = *plan;
        let identity = Identity { me: address, parent, on_trap, watch_restarts, transient, rights };
        if !self.approved.contains(&plan.source) {
            self.ledger.violations.push(format!("{address} is to run what its authority refused"));
        }
        let actor = if self.compiled.contains(&plan.source) {
            Actor::new(identity)
        } else {
            self.ledger.violations.push(format!("{address} is to run without code"));
            Actor::refused(identity, "no code".to_string())
        };
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.known.extend(parent);
            cell.rights = rights;
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
            Job::Judge(_) if self.native.is_none() && self.rng.chance(5) => {}
            Job::Judge(hash) => {
                let verdict = if self.native.is_some() || self.rng.chance(90) {
                    Ok(())
                } else {
                    Err("not today".to_string())
                };
                if verdict.is_ok() {
                    self.approved.insert(hash);
                }
                self.events.push_back(Event::SourceJudged { hash, verdict });
            }
            Job::Validate(hash) => {
                let outcome = match &self.native {
                    Some(native) => Ok(native.info()),
                    None if self.rng.chance(95) => Ok(classes::info()),
                    None => Err("broken".to_string()),
                };
                // As the host does it: the code is there before `Admin` hears.
                if outcome.is_ok() {
                    self.compiled.insert(hash);
                }
                self.events.push_back(Event::SourceValidated { hash, outcome, compile_us: 1 });
            }
            Job::Place(question) => {
                let outcome = match &self.native {
                    Some(native) => Ok(native.accepts(&question)),
                    None => self.check(&question),
                };
                let PlacementQuestion { source, class, .. } = *question;
                self.events.push_back(Event::PlacementAnswered { source, class, outcome });
            }
        }
    }

    fn pass_time(&mut self, to: Time) {
        self.now = self.now.max(to);
        while let Some((_, due)) = self.timers.pop_due(self.now) {
            match due {
                Due::Look(address) => self.wake(address),
                Due::Wakeup(target, wakeup) => {
                    let watch = self.cells.get_mut(&target).map(|cell| &mut cell.watch);
                    if watch
                        .and_then(|watch| watch.timers.remove(&wakeup.id))
                        .is_some_and(|(_, at)| at > self.now)
                    {
                        self.ledger.violations.push(format!("{target} is woken before its time"));
                    }
                    let body = Body::Wakeup(wakeup);
                    self.push(Envelope { target, sender: target, body });
                }
            }
        }
        if self.admin.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.tell_admin(Event::TimePassed);
        }
    }

    /// Nothing is to be done now: whoever waits must be waiting for a time, and nobody for nothing.
    fn check_quiet(&mut self) {
        let Self { cells, ledger, now, .. } = self;
        let waits = |cell: &Cell| cell.actor.is_none() || cell.watch.looks_at.is_some_and(|at| at >= *now);
        for (address, cell) in cells.iter().filter(|(_, cell)| !waits(cell)) {
            if !cell.mailbox.is_empty() {
                ledger.violations.push(format!("{address} is not activated for what is in its mailbox"));
            }
            if cell.watch.exiting.is_some() && ledger.living_children(*address).next().is_none() {
                ledger.violations.push(format!("{address} is exiting and waits for nobody"));
            }
            let parent = ledger.parent(*address).and_then(|parent| cells.get(&parent));
            let is_to_exit = parent.is_some_and(|parent| parent.watch.exiting == Some(true));
            if is_to_exit && cell.watch.exiting.is_none() {
                ledger.violations.push(format!("{address} lives on while its creator waits for its end"));
            }
        }
        self.audit_quiet(false);
        self.audit_pauses();
    }

    /// Makes a few actors flood each other, in a ring; one of one floods itself.
    pub(crate) fn ring(&mut self) {
        let all: Vec<_> = self.cells.keys().copied().collect();
        let len = (1 + self.rng.below(4)).min(all.len());
        let Some(first) = all.len().checked_sub(len).map(|last| self.rng.below(last + 1)) else { return };
        let ring = &all[first..first + len];
        for (actor, prey) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            if let Some(cell) = self.cells.get_mut(actor) {
                cell.prey = Some(*prey);
            }
        }
        self.see("rings");
    }
}
