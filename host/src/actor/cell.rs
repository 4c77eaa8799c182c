//! One actor: its queue, its instance and its [`Turn`]. The turn decides; the cell calls wasm, routes and wakes.
//!
//! An idle cell has no task and no stack. A push that finds it idle schedules one activation, which handles what
//! waits, bounded by count and by time, and lets others go first when that is spent.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope, Wakeup};
use thespian_core::event::Event;
use thespian_core::fate::{Failure, Fault};
use thespian_core::limits::{ACTIVATION_LEN_MAX, ACTIVATION_TIME_MAX, HOLD_RETRY_PERIOD};
use thespian_core::mailbox::Push;
use thespian_core::time::Time;
use thespian_core::timers::TimerKey;
use thespian_core::turn::{ActorEffect, Identity, Next, Turn};
use thespian_core::wire::control::ActorPhase;
use tracing::Level;

use super::port::Port;
use crate::mailbox::SharedMailbox;
use crate::router::Route;
use crate::sandbox::{self, ActorInit, Instance, Source};
use crate::shared::{Shared, Slot};
use crate::timer::Due;

/// How to make an actor's instance, first and after each trap.
pub(crate) struct Start {
    pub(crate) identity: Identity,
    pub(crate) source: Source,
    pub(crate) class: Arc<str>,
    pub(crate) init: ActorInit,
}

/// Receivers that an actor wrote to last: most actors write to few.
const KNOWN_LEN: usize = 4;

/// What only the activation touches.
#[derive(Default)]
struct Inner {
    turn: Option<Turn>,
    start: Option<Start>,
    instance: Option<Instance>,
    effects: Vec<ActorEffect>,
    timers: HashMap<u64, TimerKey>,
    known: [Option<(ActorAddress, Route)>; KNOWN_LEN],
    known_next: usize,
    /// Given back when the actor has ended, not when its last reference is gone.
    _slot: Option<Slot>,
}

/// What status shows, kept apart so that it can be read while a turn runs.
#[derive(Default)]
struct Shown {
    phase: Mutex<Option<ActorPhase>>,
    incarnation: AtomicU32,
    turns: AtomicU64,
    poisoned: AtomicU64,
    wakeups: AtomicU64,
    taken: AtomicU64,
}

/// One actor.
pub(crate) struct Cell {
    shared: Arc<Shared>,
    address: ActorAddress,
    mailbox: Arc<SharedMailbox>,
    killed: Arc<AtomicBool>,
    kill_reason: Mutex<Option<String>>,
    inner: Mutex<Inner>,
    shown: Shown,
}

impl Cell {
    /// An actor that is not yet decided about; its mailbox takes messages. The caller has taken a slot for it.
    pub(crate) fn pending(shared: Arc<Shared>, address: ActorAddress) -> Arc<Self> {
        let mailbox = Arc::new(SharedMailbox::new(shared.mailbox_limits(), shared.budget.clone()));
        let inner = Inner { _slot: Some(Slot(shared.slots.clone())), ..Inner::default() };
        Arc::new(Self {
            shared,
            address,
            mailbox,
            killed: Arc::default(),
            kill_reason: Mutex::default(),
            inner: Mutex::new(inner),
            shown: Shown::default(),
        })
    }

    pub(crate) const fn address(&self) -> ActorAddress {
        self.address
    }

    /// Lets a pending actor run.
    pub(crate) fn instantiate(self: &Arc<Self>, start: Start) {
        let mut inner = self.inner.lock();
        inner.turn = Some(Turn::new(start.identity));
        inner.start = Some(start);
        drop(inner);
        self.schedule();
    }

    /// Ends a pending actor that will never run.
    pub(crate) fn refuse(self: &Arc<Self>, identity: Identity, reason: String) {
        let mut inner = self.inner.lock();
        let mut turn = Turn::new(identity);
        turn.refuse_start(reason, &mut inner.effects);
        inner.turn = Some(turn);
        drop(inner);
        self.schedule();
    }

    /// Puts an envelope into the mailbox.
    pub(crate) fn push(self: &Arc<Self>, envelope: Envelope) -> Push {
        self.activated(self.mailbox.push(envelope))
    }

    fn push_reserved(self: &Arc<Self>, envelope: Envelope) -> Push {
        self.activated(self.mailbox.push_reserved(envelope))
    }

    fn activated(self: &Arc<Self>, push: Push) -> Push {
        if push == Push::Activate {
            self.schedule();
            return Push::Queued;
        }
        push
    }

    /// A wakeup is due.
    pub(crate) fn wakeup(self: &Arc<Self>, wakeup: Box<Wakeup>) {
        let body = Body::Wakeup(wakeup);
        self.push(Envelope { target: self.address, sender: self.address, body });
    }

    /// Something happened that the actor must look at, besides messages.
    pub(crate) fn wake(self: &Arc<Self>) {
        if self.mailbox.wake() {
            self.schedule();
        }
    }

    /// Ends the actor at its next tick or turn boundary.
    pub(crate) fn kill(self: &Arc<Self>, reason: String) {
        self.kill_reason.lock().get_or_insert(reason);
        self.killed.store(true, Ordering::Release);
        self.wake();
    }

    fn schedule(self: &Arc<Self>) {
        let cell = self.clone();
        let activation = self.shared.guests.spawn(async move { cell.activate() });
        // Detached: what it did is in the cell.
        drop(activation);
    }

    /// Handles what waits, until nothing does or others must have their turn.
    fn activate(self: &Arc<Self>) {
        let mut inner = self.inner.lock();
        let Inner { turn: Some(_), .. } = *inner else { return };
        // The clock is read once for each turn: it is a tenth of what a short turn costs.
        let mut now = self.shared.clock.now();
        let begun = now;
        let mut handled = 0;
        loop {
            let step = self.step(&mut now, &mut inner);
            handled += usize::from(step == Step::Handled);
            match step {
                Step::Over => break,
                Step::Handled if handled >= ACTIVATION_LEN_MAX || now - begun >= ACTIVATION_TIME_MAX => {
                    self.schedule();
                    break;
                }
                Step::Handled | Step::Again => {}
            }
        }
        self.show(now, &inner);
    }

    fn step(self: &Arc<Self>, now: &mut Time, inner: &mut Inner) -> Step {
        if !inner.effects.is_empty() {
            self.carry_out(*now, inner);
        }
        let Inner { turn: Some(turn), effects, .. } = inner else { return Step::Over };
        if self.killed.load(Ordering::Acquire) && turn.ended().is_none() {
            let reason = self.kill_reason.lock().clone().unwrap_or_default();
            turn.kill(&reason, effects);
        }
        self.retry_held(turn);
        if turn.taken() == 0 {
            self.mailbox.drain(turn.accept(), ACTIVATION_LEN_MAX);
        }
        let next = turn.next(*now, effects);
        if !effects.is_empty() {
            self.carry_out(*now, inner);
            // What was carried out may have changed what comes next.
            if !matches!(next, Next::Handle | Next::Start { .. }) {
                return Step::Again;
            }
        }
        match next {
            Next::Handle => {
                *now = self.handle(inner);
                Step::Handled
            }
            Next::Start { incarnation } => {
                *now = self.start(inner, incarnation);
                Step::Handled
            }
            Next::Rest if self.mailbox.rest() => Step::Over,
            Next::Rest => Step::Again,
            Next::AwaitRoom(due) => self.await_room(inner, *now, due),
            Next::Pause(until) => {
                self.shared.timers.at(until, Due::Look(Arc::downgrade(self)));
                self.park()
            }
            Next::Ended => {
                self.end(inner);
                Step::Over
            }
        }
    }

    fn park(&self) -> Step {
        if self.mailbox.park() { Step::Over } else { Step::Again }
    }

    fn handle(self: &Arc<Self>, inner: &mut Inner) -> Time {
        let Inner { turn: Some(turn), instance: Some(instance), effects, .. } = inner else {
            unreachable!("a turn says `Handle` only while it has an instance");
        };
        let outbox = turn.outbox();
        let (envelope, attempt) = turn.current().expect("a turn that says `Handle` has a current envelope");
        let result = instance.handle(envelope, attempt, outbox);
        let now = self.shared.clock.now();
        turn.finish(now, result, effects);
        self.carry_out(now, inner);
        now
    }

    fn first_instance(&self, start: &Start) -> Result<Instance, Fault> {
        let port = Port {
            shared: self.shared.clone(),
            address: self.address,
            class: start.class.clone(),
            mailbox: self.mailbox.clone(),
            killed: self.killed.clone(),
        };
        let identity = sandbox::Identity {
            address: self.address,
            class: start.class.clone(),
            source: start.source.hash(),
        };
        start.source.instantiate(identity, Arc::new(port), self.shared.limits.clone())
    }

    fn start(self: &Arc<Self>, inner: &mut Inner, incarnation: u32) -> Time {
        let Inner { turn: Some(turn), start: Some(start), instance, effects, .. } = inner else {
            unreachable!("a turn says `Start` only after `instantiate`");
        };
        let outbox = turn.outbox();
        start.init.incarnation = incarnation;
        let made = match instance.take() {
            Some(lost) => lost.renew(),
            None => self.first_instance(start),
        };
        let started = made.map_err(Failure::Fault);
        let result = started.and_then(|mut fresh| {
            let outbox = fresh.start(&start.init, outbox)?;
            *instance = Some(fresh);
            Ok(outbox)
        });
        let now = self.shared.clock.now();
        turn.finish_start(now, result, effects);
        self.carry_out(now, inner);
        now
    }

    /// Waits for receivers that have no room. A receiver that made room before it knew of the wait is tried again
    /// by the caller.
    fn await_room(self: &Arc<Self>, inner: &mut Inner, now: Time, due: Time) -> Step {
        let Some(turn) = &mut inner.turn else { return Step::Over };
        for receiver in turn.awaited() {
            match self.shared.router.get(receiver) {
                Some(Route::Actor(cell)) => cell.mailbox.await_room(self),
                Some(Route::Endpoint(endpoint)) => endpoint.mailbox().await_room(self),
                Some(Route::Ask(_)) | None => {}
            }
        }
        self.retry_held(turn);
        if turn.awaited().next().is_none() {
            return Step::Again;
        }
        let look = due.min(now + HOLD_RETRY_PERIOD);
        self.shared.timers.at(look, Due::Look(Arc::downgrade(self)));
        self.park()
    }

    fn retry_held(self: &Arc<Self>, turn: &mut Turn) {
        turn.retry_held(|envelope| match self.deliver(None, envelope) {
            Push::Full(envelope) => Some(envelope),
            Push::Gone(envelope) => {
                self.shared.router.gone(&envelope);
                None
            }
            Push::Queued | Push::Activate => None,
        });
    }

    fn carry_out(self: &Arc<Self>, now: Time, inner: &mut Inner) {
        while !inner.effects.is_empty() {
            let mut effects = std::mem::take(&mut inner.effects);
            for effect in effects.drain(..) {
                self.carry_out_one(now, inner, effect);
            }
            // Keep the larger of the two lists for the next turn.
            if inner.effects.is_empty() {
                inner.effects = effects;
            }
        }
    }

    fn carry_out_one(self: &Arc<Self>, now: Time, inner: &mut Inner, effect: ActorEffect) {
        match effect {
            ActorEffect::Route(envelope) => self.route(now, inner, envelope),
            ActorEffect::EnterPending(child) => {
                // The slot was taken when the handler asked for the child.
                let cell = Self::pending(self.shared.clone(), child);
                self.shared.router.enter(child, Route::Actor(cell));
            }
            ActorEffect::Create(child) => {
                self.shared.event(Event::ChildCreated { parent: self.address, child });
            }
            ActorEffect::SetTimer { due, wakeup } => {
                let id = wakeup.id;
                let key = self.shared.timers.at(due, Due::Wakeup(Arc::downgrade(self), wakeup));
                inner.timers.insert(id, key);
            }
            ActorEffect::CancelTimer(id) => {
                if let Some(key) = inner.timers.remove(&id) {
                    self.shared.timers.cancel(key);
                }
            }
            ActorEffect::DeadLetter(envelope, reason) => self.shared.router.dead_letter(&envelope, &reason),
            ActorEffect::Started => self.shared.event(Event::ActorStarted { address: self.address }),
            ActorEffect::Exiting { with_children } => {
                self.mailbox.take_notices_only();
                self.shared.event(Event::ActorExiting { address: self.address, with_children });
            }
            ActorEffect::Restarted(restart) => {
                self.shared.counters.restarts.fetch_add(1, Ordering::Relaxed);
                let text = format!("restarted as incarnation {}: {}", restart.incarnation, restart.reason);
                self.log(inner, Level::WARN, &text);
            }
            ActorEffect::Failed(text) => {
                self.shared.counters.poisoned.fetch_add(1, Ordering::Relaxed);
                self.log(inner, Level::WARN, &text);
            }
            ActorEffect::CloseMailbox => self.close(inner),
        }
    }

    fn close(&self, inner: &mut Inner) {
        inner.instance = None;
        for (_, key) in inner.timers.drain() {
            self.shared.timers.cancel(key);
        }
        let left = self.mailbox.close();
        let Inner { turn: Some(turn), effects, .. } = inner else { return };
        for envelope in left {
            turn.refuse(envelope, effects);
        }
    }

    fn log(&self, inner: &Inner, level: Level, text: &str) {
        let class = inner.start.as_ref().map_or("", |start| &*start.class);
        self.shared.log.actor(self.address, class, level, "turn", text);
    }

    fn route(self: &Arc<Self>, now: Time, inner: &mut Inner, envelope: Envelope) {
        let turn = inner.turn.as_mut().expect("only a cell with a turn routes");
        if turn.holds_for(envelope.target) {
            turn.hold(now, envelope);
            return;
        }
        let mut known = Known { routes: &mut inner.known, next: &mut inner.known_next };
        match self.deliver(Some(&mut known), envelope) {
            Push::Full(envelope) => turn.hold(now, envelope),
            Push::Gone(envelope) => self.shared.router.gone(&envelope),
            Push::Queued | Push::Activate => {}
        }
    }

    fn deliver(self: &Arc<Self>, known: Option<&mut Known<'_>>, envelope: Envelope) -> Push {
        let target = envelope.target;
        if target == self.address {
            // What a handler sends to itself has had its place reserved when it was sent.
            let is_own_message = envelope.sender == target && matches!(envelope.body, Body::Message(_));
            return if is_own_message { self.push_reserved(envelope) } else { self.push(envelope) };
        }
        let Some(known) = known else {
            return match self.shared.router.get(target) {
                Some(route) => route.push(envelope),
                None => Push::Gone(envelope),
            };
        };
        known.push(envelope, &self.shared)
    }

    fn end(self: &Arc<Self>, inner: &mut Inner) {
        let Some(reason) = inner.turn.as_ref().and_then(Turn::ended).cloned() else { return };
        let counters = inner.turn.as_ref().map(Turn::counters).unwrap_or_default();
        self.shared.counters.turns_of_ended.fetch_add(counters.turns, Ordering::Relaxed);
        self.shown.turns.store(0, Ordering::Relaxed);
        // Leave nothing behind that keeps others alive; the cell itself goes with its last reference.
        *inner = Inner::default();
        self.shared.router.remove(self.address);
        self.shared.event(Event::ActorEnded { address: self.address, reason });
    }

    fn show(&self, now: Time, inner: &Inner) {
        let Some(turn) = &inner.turn else { return };
        let counters = turn.counters();
        *self.shown.phase.lock() = Some(turn.phase(now));
        self.shown.incarnation.store(turn.incarnation(), Ordering::Relaxed);
        self.shown.turns.store(counters.turns, Ordering::Relaxed);
        self.shown.poisoned.store(counters.poisoned, Ordering::Relaxed);
        self.shown.wakeups.store(turn.wakeups() as u64, Ordering::Relaxed);
        self.shown.taken.store(turn.taken() as u64, Ordering::Relaxed);
    }

    /// Lets go of everything, when the node ends without the actor having ended.
    pub(crate) fn abandon(&self) {
        self.killed.store(true, Ordering::Release);
        if let Some(mut inner) = self.inner.try_lock() {
            *inner = Inner::default();
        }
    }

    /// How many turns it has had, at the end of the last activation.
    pub(crate) fn turns(&self) -> u64 {
        self.shown.turns.load(Ordering::Relaxed)
    }

    /// For status: as it was at the end of the last activation.
    pub(crate) fn shown(&self) -> Showing {
        let (len, bytes) = self.mailbox.size();
        Showing {
            phase: self.shown.phase.lock().unwrap_or(ActorPhase::Starting),
            incarnation: self.shown.incarnation.load(Ordering::Relaxed),
            turns: self.shown.turns.load(Ordering::Relaxed),
            poisoned: self.shown.poisoned.load(Ordering::Relaxed),
            wakeups: self.shown.wakeups.load(Ordering::Relaxed),
            mailbox_len: len as u64 + self.shown.taken.load(Ordering::Relaxed),
            mailbox_bytes: bytes as u64,
        }
    }
}

/// An actor as status shows it.
pub(crate) struct Showing {
    pub(crate) phase: ActorPhase,
    pub(crate) incarnation: u32,
    pub(crate) turns: u64,
    pub(crate) poisoned: u64,
    pub(crate) wakeups: u64,
    pub(crate) mailbox_len: u64,
    pub(crate) mailbox_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Handled,
    Again,
    Over,
}

/// The small cache of receivers. An entry may be of an actor that is gone: its mailbox says so.
struct Known<'a> {
    routes: &'a mut [Option<(ActorAddress, Route)>; KNOWN_LEN],
    next: &'a mut usize,
}

impl Known<'_> {
    fn push(&mut self, envelope: Envelope, shared: &Shared) -> Push {
        let is_target = |known: &&Option<(ActorAddress, Route)>| matches!(known, Some((address, _)) if *address == envelope.target);
        if let Some(Some((_, route))) = self.routes.iter().find(is_target) {
            return route.push(envelope);
        }
        let Some(route) = shared.router.get(envelope.target) else { return Push::Gone(envelope) };
        let target = envelope.target;
        let push = route.push(envelope);
        // An ask is answered once, so it is not worth a place.
        if !matches!(route, Route::Ask(_)) {
            self.routes[*self.next] = Some((target, route));
            *self.next = (*self.next + 1) % KNOWN_LEN;
        }
        push
    }
}
