//! One actor: its queue, its instance and its rules. Core's [`Actor`] decides; the cell calls wasm, routes and wakes.
//!
//! An idle cell has no task and no stack. A push that finds it idle schedules one activation, which handles what
//! waits, bounded by count and by time, and lets others go first when that is spent.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::{ActorRestart, Body, Envelope, ExitReason, Wakeup};
use thespian_core::event::Event;
use thespian_core::fate::{Failure, Fault};
use thespian_core::limits::{ACTIVATION_LEN_MAX, ACTIVATION_TIME_MAX};
use thespian_core::log_level::LogLevel;
use thespian_core::mailbox::{Push, QueueBudget};
use thespian_core::outbox::Outbox;
use thespian_core::time::Time;
use thespian_core::timers::TimerKey;
use thespian_core::turn::{Actor, Doer, Identity, Step};
use tokio::runtime::Handle;
use tracing::Level;

use super::next::{self, Active, Near};
use super::orders::Orders;
use super::port::Port;
use super::shown::{Showing, Shown};
use crate::plane::alarms::Due;
use crate::plane::mailbox::SharedMailbox;
use crate::plane::table::Route;
use crate::sandbox::{self, ActorInit, Instance, Source};
use crate::shared::{Shared, Slot};

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
    actor: Option<Actor>,
    hands: Hands,
}

/// What carries out an actor's effects, beside its cell.
#[derive(Default)]
struct Hands {
    start: Option<Start>,
    instance: Option<Instance>,
    /// Of the wakeups that are not handled yet.
    timers: HashMap<u64, TimerKey>,
    /// The small cache of receivers. One of them may be gone: its mailbox says so.
    known: [Option<(ActorAddress, Route)>; KNOWN_LEN],
    known_next: usize,
    /// Since when messages are in the mailbox that were left there when it was emptied last.
    left_since: Option<Time>,
    /// Given back when the actor has ended, not when its last reference is gone.
    _slot: Option<Slot>,
}

/// One actor.
pub(crate) struct Cell {
    shared: Arc<Shared>,
    address: ActorAddress,
    mailbox: Arc<SharedMailbox>,
    orders: Arc<Orders>,
    /// The node has ended.
    abandoned: AtomicBool,
    kill_reason: Mutex<Option<String>>,
    inner: Mutex<Inner>,
    shown: Shown,
}

impl Cell {
    /// An actor that is not yet decided about; its mailbox takes messages. The caller has taken a slot for it.
    fn pending(shared: Arc<Shared>, address: ActorAddress) -> Arc<Self> {
        let mailbox = Arc::new(SharedMailbox::new(shared.mailbox_limits(), shared.budget.clone()));
        let hands = Hands { _slot: Some(Slot(shared.slots.clone())), ..Hands::default() };
        Arc::new(Self {
            shared,
            address,
            mailbox,
            orders: Arc::default(),
            abandoned: AtomicBool::new(false),
            kill_reason: Mutex::default(),
            inner: Mutex::new(Inner { actor: None, hands }),
            shown: Shown::default(),
        })
    }

    /// Enters the address of a pending actor, so that it can be sent to.
    pub(crate) fn enter_pending(shared: &Arc<Shared>, address: ActorAddress) {
        shared.router.enter(address, Route::Actor(Self::pending(shared.clone(), address)));
    }

    pub(crate) const fn address(&self) -> ActorAddress {
        self.address
    }

    /// Lets a pending actor run.
    pub(crate) fn instantiate(self: &Arc<Self>, start: Start) {
        let mut inner = self.inner.lock();
        inner.actor = Some(Actor::new(start.identity));
        inner.hands.start = Some(start);
        drop(inner);
        self.schedule();
    }

    /// Ends a pending actor that will never run.
    pub(crate) fn refuse(self: &Arc<Self>, identity: Identity, reason: String) {
        self.inner.lock().actor = Some(Actor::refused(identity, reason));
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

    /// Puts envelopes into the mailbox until one is refused.
    pub(crate) fn push_run(self: &Arc<Self>, run: &mut impl Iterator<Item = Envelope>) -> Push {
        let (activate, push) = self.mailbox.push_run(run);
        if activate {
            self.schedule();
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
        self.orders.kill();
        self.wake();
    }

    /// Has the actor look at what waits for it: on this thread right after the activation under way, if there is one
    /// and it has made no other actor active, else in a task of its own.
    fn schedule(self: &Arc<Self>) {
        if let Some(cell) = next::offer(self.clone()) {
            cell.begin_task();
        }
    }

    pub(super) fn begin_task(self: Arc<Self>) {
        let near = if next::is_near() { Near::enter(&self.shared) } else { None };
        let runtime = if near.is_some() { Handle::current() } else { self.shared.guests.clone() };
        let task = runtime.spawn(async move {
            self.run();
            drop(near);
        });
        // Detached: what it did is in the cells.
        drop(task);
    }

    /// Activates this actor, then the one that this made active, and so on, until others must have their turn.
    fn run(self: Arc<Self>) {
        let begun = self.shared.clock.now();
        let mut active = Active::begin();
        let mut cell = self;
        loop {
            let now = cell.activate(begun, &mut active);
            cell.let_go_if_abandoned();
            if now - begun >= ACTIVATION_TIME_MAX {
                return;
            }
            let Some(next) = active.take() else { return };
            cell = next;
        }
    }

    /// Handles what waits, until nothing does or others must have their turn. Returns the time at its end.
    fn activate(self: &Arc<Self>, begun: Time, active: &mut Active) -> Time {
        let mut inner = self.inner.lock();
        // The clock is read once for each turn: it is a tenth of what a short turn costs.
        let woken = self.shared.clock.now();
        let mut now = woken;
        let Inner { actor: Some(actor), hands } = &mut *inner else { return now };
        self.shown.begin(woken);
        actor.borrow(active.buffers());
        let mut carrier = Carrier { cell: self, hands, active, woken, ended: None };
        let mut handled = 0;
        loop {
            let step = actor.step(&mut now, &mut carrier);
            handled += usize::from(step == Step::Handled);
            match step {
                Step::Over => break,
                Step::Handled if handled >= ACTIVATION_LEN_MAX || now - begun >= ACTIVATION_TIME_MAX => {
                    self.schedule();
                    break;
                }
                Step::Aside => {
                    self.clone().begin_task();
                    break;
                }
                Step::Handled | Step::Again => {}
            }
        }
        let Carrier { active, ended, .. } = carrier;
        actor.give_back(active.buffers());
        self.show(woken, now, &inner);
        if let Some(reason) = ended {
            self.end(&mut inner, reason);
        } else if let Inner { actor: Some(actor), hands } = &mut *inner
            && actor.turn().ended().is_some()
        {
            // It waits for receivers of its last messages, and needs no instance for that.
            hands.instance = None;
        }
        now
    }

    /// Leaves nothing behind that keeps others alive; the cell itself goes with its last reference.
    fn end(&self, inner: &mut Inner, reason: ExitReason) {
        let turns = self.shown.take_turns();
        self.shared.counters.turns_of_ended.fetch_add(turns, Ordering::Relaxed);
        // First: who hears of the end may count on the place.
        *inner = Inner::default();
        self.shared.router.remove(self.address);
        self.shared.grants.actor_ended(self.address);
        self.shared.event(Event::ActorEnded { address: self.address, reason });
    }

    fn show(&self, woken: Time, now: Time, inner: &Inner) {
        if let Some(actor) = &inner.actor {
            let memory = inner.hands.instance.as_ref().map_or(0, Instance::memory_bytes);
            self.shown.note(woken, now, actor.turn(), inner.hands.left_since, memory);
        }
    }

    /// Lets go of everything, when the node ends without the actor having ended.
    pub(crate) fn abandon(&self) {
        self.orders.kill();
        self.abandoned.store(true, Ordering::SeqCst);
        drop(self.mailbox.close());
        self.let_go_if_abandoned();
    }

    /// Actors that know each other would keep each other alive. Whoever abandons does not wait for an activation under
    /// way: that looks once more when it is over.
    fn let_go_if_abandoned(&self) {
        if self.abandoned.load(Ordering::SeqCst)
            && let Some(mut inner) = self.inner.try_lock()
        {
            *inner = Inner::default();
        }
    }

    /// How many turns it has had, at the end of the last activation.
    pub(crate) fn turns(&self) -> u64 {
        self.shown.turns()
    }

    /// For status: as it was at the end of the last activation.
    pub(crate) fn shown(&self, now: Time) -> Showing {
        self.shown.showing(now)
    }

    /// For how long it has been in the turn under way, if that is a long one, and how old its oldest message is.
    pub(crate) fn long_turn(&self, now: Time) -> Option<(Duration, Option<Duration>)> {
        self.shown.in_turn(now).map(|length| (length, self.shown.oldest(now)))
    }

    /// Messages that wait in its mailbox, and their bytes.
    pub(crate) fn mailbox_size(&self) -> (usize, usize) {
        self.mailbox.size()
    }

    /// Keeps more or less of what it writes to the log, from now on.
    pub(crate) fn set_log_level(&self, level: LogLevel) {
        self.orders.set_log_level(level);
    }
}

fn first_instance(cell: &Cell, start: &Start) -> Result<Instance, Fault> {
    let port = Port {
        shared: cell.shared.clone(),
        address: cell.address,
        class: start.class.clone(),
        mailbox: cell.mailbox.clone(),
        orders: cell.orders.clone(),
    };
    let identity =
        sandbox::Identity { address: cell.address, class: start.class.clone(), source: start.source.hash() };
    start.source.instantiate(identity, Arc::new(port), cell.shared.limits.clone())
}

/// Does what an actor asks for, during one activation.
struct Carrier<'a> {
    cell: &'a Arc<Cell>,
    hands: &'a mut Hands,
    active: &'a mut Active,
    /// When the activation began.
    woken: Time,
    ended: Option<ExitReason>,
}

impl Carrier<'_> {
    fn log(&self, text: &str) {
        let class = self.hands.start.as_ref().map_or("", |start| &*start.class);
        self.cell.shared.log.actor(self.cell.address, class, Level::WARN, "turn", text);
    }

    /// Counts it, if it is mail of this actor.
    fn note_undelivered(&self, envelope: &Envelope) {
        if envelope.sender == self.cell.address && envelope.body.is_mail() {
            self.cell.shown.note_undelivered();
        }
    }
}

impl Doer for Carrier<'_> {
    fn now(&mut self) -> Time {
        self.cell.shared.clock.now()
    }

    fn others_wait(&mut self) -> bool {
        self.active.has_next()
    }

    fn budget(&self) -> &QueueBudget {
        &self.cell.shared.budget
    }

    fn kill_reason(&mut self) -> Option<String> {
        let killed = self.cell.orders.is_killed();
        killed.then(|| self.cell.kill_reason.lock().clone().unwrap_or_default())
    }

    fn start(&mut self, incarnation: u32, outbox: Box<Outbox>) -> Result<Box<Outbox>, Failure> {
        self.active.let_go();
        let lost = self.hands.instance.take();
        let Some(start) = &mut self.hands.start else {
            unreachable!("an actor starts only after `instantiate`");
        };
        start.init.incarnation = incarnation;
        let start = &*start;
        let made = match lost {
            Some(lost) => lost.renew(),
            None => first_instance(self.cell, start),
        };
        let mut fresh = made.map_err(Failure::Fault)?;
        let outbox = fresh.start(&start.init, outbox)?;
        self.hands.instance = Some(fresh);
        Ok(outbox)
    }

    fn begins(&mut self, waiting: usize) {
        self.cell.shown.note_taken(waiting);
    }

    fn handle(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        outbox: Box<Outbox>,
    ) -> Result<Box<Outbox>, Failure> {
        // The turn may take long: whoever was made active before does not wait for it.
        self.active.let_go();
        if let Body::Wakeup(wakeup) = &envelope.body {
            self.hands.timers.remove(&wakeup.id);
        }
        let instance =
            self.hands.instance.as_mut().expect("a turn says `Handle` only while it has an instance");
        instance.handle(envelope, attempt, outbox)
    }

    fn drain(&mut self, batch: &mut VecDeque<Envelope>, len_max: usize) {
        let is_left = self.cell.mailbox.drain(batch, len_max);
        self.hands.left_since = is_left.then_some(self.woken);
    }

    fn drain_to_exit_request(&mut self, batch: &mut VecDeque<Envelope>) {
        self.cell.mailbox.drain_to_exit_request(batch);
    }

    fn rest(&mut self) -> bool {
        self.cell.mailbox.rest()
    }

    fn park(&mut self) -> bool {
        self.cell.mailbox.park()
    }

    fn look_at(&mut self, at: Time) {
        self.cell.shared.timers.at(at, Due::Look(Arc::downgrade(self.cell)));
    }

    fn await_room(&mut self, receiver: ActorAddress) {
        match self.cell.shared.router.get(receiver) {
            Some(Route::Actor(cell)) => cell.mailbox.await_room(self.cell),
            Some(Route::Endpoint(endpoint)) => endpoint.mailbox().await_room(self.cell),
            Some(Route::Connection(connection)) => connection.mailbox().await_room(self.cell),
            Some(Route::Ask(_)) | None => {}
        }
    }

    fn exiting(&mut self, with_children: bool) {
        self.cell.mailbox.take_notices_only();
        self.tell(Event::ActorExiting { address: self.cell.address, with_children });
    }

    fn close(&mut self) -> VecDeque<Envelope> {
        for (_, key) in self.hands.timers.drain() {
            self.cell.shared.timers.cancel(key);
        }
        self.cell.mailbox.close()
    }

    fn end(&mut self, reason: ExitReason) {
        self.ended = Some(reason);
    }

    fn deliver(&mut self, envelope: Envelope) -> Push {
        let target = envelope.target;
        if target == self.cell.address {
            // What a handler sends to itself has had its place reserved when it was sent.
            let is_own_message = envelope.sender == target && matches!(envelope.body, Body::Message(_));
            return if is_own_message { self.cell.push_reserved(envelope) } else { self.cell.push(envelope) };
        }
        let mut envelope = Some(envelope);
        let mut run = std::iter::from_fn(|| envelope.take());
        self.deliver_run(target, &mut run)
    }

    fn deliver_run(&mut self, target: ActorAddress, run: &mut impl Iterator<Item = Envelope>) -> Push {
        let Hands { known, known_next, .. } = &mut *self.hands;
        if let Some(Some((_, route))) = known.iter().find(|known| is_route_to(known, target)) {
            return route.push_run(run);
        }
        let Some(route) = self.cell.shared.router.get(target) else {
            return run.next().map_or(Push::Queued, Push::Gone);
        };
        let push = route.push_run(run);
        // An ask is answered once, so it is not worth a place.
        if !matches!(route, Route::Ask(_)) {
            known[*known_next] = Some((target, route));
            *known_next = (*known_next + 1) % KNOWN_LEN;
        }
        push
    }

    fn gone(&mut self, envelope: Envelope) {
        self.note_undelivered(&envelope);
        self.cell.shared.router.gone(&envelope);
    }

    fn dead_letter(&mut self, envelope: Envelope, reason: &str) {
        self.note_undelivered(&envelope);
        self.cell.shared.router.dead_letter(&envelope, reason);
    }

    fn enter_pending(&mut self, child: ActorAddress) {
        // The slot was taken when the handler asked for the child.
        Cell::enter_pending(&self.cell.shared, child);
    }

    fn tell(&mut self, event: Event) {
        self.cell.shared.event(event);
    }

    fn set_timer(&mut self, due: Time, wakeup: Box<Wakeup>) {
        let id = wakeup.id;
        let key = self.cell.shared.timers.at(due, Due::Wakeup(Arc::downgrade(self.cell), wakeup));
        self.hands.timers.insert(id, key);
    }

    fn cancel_timer(&mut self, id: u64) {
        if let Some(key) = self.hands.timers.remove(&id) {
            self.cell.shared.timers.cancel(key);
        }
    }

    fn restarted(&mut self, restart: ActorRestart) {
        self.cell.shared.counters.restarts.fetch_add(1, Ordering::Relaxed);
        self.log(&format!("restarted as incarnation {}: {}", restart.incarnation, restart.reason));
    }

    fn failed(&mut self, text: &str) {
        self.cell.shared.counters.poisoned.fetch_add(1, Ordering::Relaxed);
        self.log(text);
    }

    fn exit_failed(&mut self, text: &str) {
        self.log(text);
    }

    fn start_failed(&mut self, text: &str) {
        self.cell.shared.counters.restarts.fetch_add(1, Ordering::Relaxed);
        self.log(text);
    }
}

fn is_route_to(known: &Option<(ActorAddress, Route)>, target: ActorAddress) -> bool {
    known.as_ref().is_some_and(|(address, _)| *address == target)
}
