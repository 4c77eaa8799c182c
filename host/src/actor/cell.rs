//! One actor: its queue, its instance and its rules. Core's [`Actor`] decides; the cell calls wasm, routes and wakes.
//!
//! An idle cell has no task and no stack. A push that finds it idle schedules one activation, which handles what
//! waits, bounded by count and by time, and lets others go first when that is spent.
//!
//! ```text
//!              settled here
//!                 │
//!                 ▼
//!    ┌───────► scheduled ◄───────────────────┐ its count or time is spent, or another is to run first
//!    │            │                          │
//!    │            ▼                          │
//!    │         active: step, step, step ... ─┤
//!    │            │            │             │
//!    │            │ nothing    │ it waits    └──► ended: it lets go of everything, leaves the table,
//!    │ push, wake │ waits      │ for room, time   and tells `Admin`
//!    │            ▼            ▼
//!    └────────── idle        parked ── wake, exit request ──► scheduled
//! ```
//!
//! What an activation locks, nobody else waits for: effects and status use what lies beside it ([`Orders`], [`Shown`] and
//! the mailbox). Else an effect, which may be carried out in the middle of another actor's activation, could wait for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::budget::{Account, Purpose};
use thespian_core::envelope::{Envelope, ExitReason};
use thespian_core::fate::{Failed, Failure, Fault};
use thespian_core::life::ActorEvent;
use thespian_core::limits::{ACTIVATION_LEN_MAX, ACTIVATION_TIME_MAX, ActorLimits};
use thespian_core::log_level::LogLevel;
use thespian_core::mailbox::{Mark, Push};
use thespian_core::outbox::Outbox;
use thespian_core::run_queue::Lane;
use thespian_core::source::{Rights, SourceHash};
use thespian_core::time::Time;
use thespian_core::timers::TimerKey;
use thespian_core::turn::{Actor, ActorEffect, Buffers, Doer, Identity, Step};
use tracing::Level;

use super::ground::Ground;
use super::orders::Orders;
use super::port::Port;
use super::shown::{Showing, Shown};
use crate::desk;
use crate::node_fault::Entrance;
use crate::plane::mailbox::SharedMailbox;
use crate::plane::places::TakenPlaces;
use crate::plane::receiver::Receiver;
use crate::plane::sleeper::Sleeper;
use crate::pool::{self, Activated, LaneNote};
use crate::sandbox::{ActorInit, Instance, Occupant, Source};

/// How to make an actor's instance, first and after each trap.
pub(crate) struct Start {
    pub(crate) identity: Identity,
    pub(crate) source: Source,
    pub(crate) class: Arc<str>,
    pub(crate) init: ActorInit,
    pub(crate) rights: Rights,
    pub(crate) limits: Arc<ActorLimits>,
}

/// Receivers that an actor wrote to last: most actors write to few.
const KNOWN_LEN: usize = 4;

/// A receiver that an actor wrote to, by its address.
type Known = (ActorAddress, Arc<dyn Receiver>);

/// All that only the activation touches.
#[derive(Default)]
struct Life {
    actor: Option<Actor>,
    hands: Hands,
}

/// The means to carry out an actor's effects, beside its cell.
#[derive(Default)]
struct Hands {
    start: Option<Start>,
    instance: Option<Instance>,
    /// The actor's one alarm, as it was set last. It may have gone off.
    alarm: Option<TimerKey>,
    /// The small cache of receivers. One of them may be gone: its mailbox says so.
    known: [Option<Known>; KNOWN_LEN],
    known_next: usize,
    /// Since when messages are in the mailbox that were left there when it was emptied last.
    left_since: Option<Time>,
    /// Given back when the actor has ended, not when its last reference is gone.
    _places: Option<TakenPlaces>,
}

/// An actor as the host runs it.
pub(crate) struct Cell {
    ground: Arc<Ground>,
    address: ActorAddress,
    source: SourceHash,
    birth: Purpose,
    lane: LaneNote,
    mailbox: Arc<SharedMailbox>,
    orders: Arc<Orders>,
    /// The node has ended.
    abandoned: AtomicBool,
    kill_reason: Mutex<Option<String>>,
    life: Mutex<Life>,
    shown: Shown,
}

impl Cell {
    /// An actor that nobody has activated yet, around the mailbox in which messages wait for it.
    pub(super) fn new(
        ground: Arc<Ground>,
        places: TakenPlaces,
        mailbox: SharedMailbox,
        start: Start,
        level: LogLevel,
    ) -> Arc<Self> {
        let orders = Orders::default();
        orders.set_log_level(level);
        orders.set_rights(start.rights);
        let (address, source) = (start.identity.me, start.source.hash());
        let actor = Actor::new(start.identity);
        let birth = places.purpose();
        let hands = Hands { start: Some(start), _places: Some(places), ..Hands::default() };
        Arc::new(Self {
            ground,
            address,
            source,
            birth,
            lane: LaneNote::default(),
            mailbox: Arc::new(mailbox),
            orders: Arc::new(orders),
            abandoned: AtomicBool::new(false),
            kill_reason: Mutex::default(),
            life: Mutex::new(Life { actor: Some(actor), hands }),
            shown: Shown::default(),
        })
    }

    pub(super) const fn address(&self) -> ActorAddress {
        self.address
    }

    /// Ends the actor at its next tick or turn boundary.
    pub(super) fn kill(self: &Arc<Self>, reason: String) {
        let mut killed = self.kill_reason.lock();
        let is_first = killed.is_none();
        killed.get_or_insert(reason);
        drop(killed);
        self.orders.kill();
        let is_activated_here = self.mailbox.wake();
        if is_first || is_activated_here {
            // It may wait among others for long. Where an activation is under way, that sees it at its next tick, or has seen too
            // early that nobody had killed it: this one comes behind it.
            let cell = self.clone();
            self.ground.pool.call_first(self.source, move || {
                let now = cell.ground.plane.clock.now();
                let _end = Activated::activate(cell, now, now, &mut Buffers::default());
            });
        }
    }

    /// Lets the actor start again: its children are gone.
    pub(super) fn let_start(self: &Arc<Self>) {
        self.orders.let_start();
        self.clone().wake();
    }

    /// Has the actor look at what waits for it.
    fn schedule(self: &Arc<Self>) {
        pool::schedule(&self.ground.pool, self.clone());
    }

    /// Handles what waits, until nothing does or others must have their turn.
    fn work(self: &Arc<Self>, begun: Time, woken: Time, buffers: &mut Buffers) {
        // The thread may be in the middle of another actor's activation: two of them would wait for each other.
        debug_assert!(!desk::is_carrying_out(), "no effect activates an actor");
        // The clock is read once for each turn: it is a tenth of what a short turn costs.
        let (mut life, woken) = match self.life.try_lock() {
            Some(life) => (life, woken),
            // Behind the activation of one that was killed, which may have been later.
            None => (self.life.lock(), self.ground.plane.clock.now()),
        };
        let mut now = woken;
        let Life { actor: Some(actor), hands } = &mut *life else { return };
        self.shown.begin(woken);
        actor.borrow(buffers);
        let mut carrier = Carrier { cell: self, hands, woken, ended: None };
        let mut handled = 0;
        loop {
            let step = actor.step(&mut now, &mut carrier);
            handled += usize::from(step == Step::Handled);
            match step {
                Step::Over => break,
                // The end of one that was killed waits for nobody: its source may be kept from starting turns.
                Step::Handled if self.orders.is_killed() => {}
                Step::Handled if handled >= ACTIVATION_LEN_MAX || now - begun >= ACTIVATION_TIME_MAX => {
                    self.schedule();
                    break;
                }
                Step::Aside => {
                    self.ground.pool.push(self.clone());
                    break;
                }
                Step::Handled if actor.turn().waiting() == 0 && self.more_came_while_others_wait() => {
                    self.ground.pool.push(self.clone());
                    break;
                }
                Step::Handled | Step::Again => {}
            }
        }
        let Carrier { ended, .. } = carrier;
        actor.give_back(buffers, self.mailbox.account());
        self.show(woken, now, &life);
        if let Some(reason) = ended {
            self.end(&mut life, reason);
        } else if let Life { actor: Some(actor), hands } = &mut *life
            && actor.turn().ended().is_some()
        {
            // It waits for receivers of its last messages, and needs no instance for that.
            hands.instance = None;
        }
    }

    /// Whether messages came meanwhile, be it from the actor itself, that are to wait as those of others do.
    fn more_came_while_others_wait(&self) -> bool {
        self.ground.pool.is_crowded() && self.mailbox.size().0 > 0
    }

    /// Leaves nothing behind that keeps others alive; the cell itself goes with its last reference.
    fn end(&self, life: &mut Life, reason: ExitReason) {
        let turns = self.shown.take_turns();
        self.ground.totals.turns_of_ended.fetch_add(turns, Ordering::Relaxed);
        if let Some(key) = life.hands.alarm {
            self.ground.plane.alarms.cancel(key);
        }
        // First: who hears of the end may count on the place.
        *life = Life::default();
        self.ground.plane.table.remove(self.address);
        self.ground.desk.tell(ActorEvent::Ended { address: self.address, reason });
    }

    fn show(&self, woken: Time, now: Time, life: &Life) {
        if let Some(actor) = &life.actor {
            let memory = life.hands.instance.as_ref().map_or(0, Instance::memory_bytes);
            self.shown.note(woken, now, actor.turn(), life.hands.left_since, memory);
        }
    }

    /// Actors that know each other would keep each other alive. Whoever abandons does not wait for an activation under
    /// way: that looks once more when it is over.
    fn let_go_if_abandoned(&self) {
        if self.abandoned.load(Ordering::SeqCst)
            && let Some(mut life) = self.life.try_lock()
        {
            *life = Life::default();
        }
    }

    /// How many turns it has had, at the end of the last activation.
    pub(super) fn turns(&self) -> u64 {
        self.shown.turns()
    }

    /// For status: as it was at the end of the last activation.
    pub(super) fn shown(&self, now: Time) -> Showing {
        self.shown.showing(now)
    }

    /// For how long it has been in the turn under way, if that is a long one, and how old its oldest message is.
    pub(super) fn long_turn(&self, now: Time) -> Option<(Duration, Option<Duration>)> {
        self.shown.in_turn(now).map(|length| (length, self.shown.oldest(now)))
    }

    /// Keeps more or less of what it writes to the log, from now on.
    pub(super) fn set_log_level(&self, level: LogLevel) {
        self.orders.set_log_level(level);
    }

    pub(super) fn set_rights(&self, rights: Rights) {
        self.orders.set_rights(rights);
    }
}

impl Receiver for Cell {
    fn push(&self, envelope: Envelope) -> Push {
        self.mailbox.push(envelope)
    }

    fn push_run(&self, run: &mut dyn Iterator<Item = Envelope>) -> (bool, Push) {
        self.mailbox.push_run(run)
    }

    fn activate(self: Arc<Self>) {
        self.schedule();
    }

    fn await_room(&self, address: ActorAddress, sender: Arc<dyn Sleeper>) {
        self.mailbox.await_room(address, sender);
    }

    fn size(&self) -> (usize, usize) {
        self.mailbox.size()
    }

    fn is_actor(&self) -> bool {
        true
    }

    fn let_go(&self) {
        self.orders.kill();
        self.abandoned.store(true, Ordering::SeqCst);
        drop(self.mailbox.close());
        self.let_go_if_abandoned();
    }
}

impl Sleeper for Cell {
    fn wake(self: Arc<Self>) {
        if self.mailbox.wake() {
            self.schedule();
        }
    }

    fn ring(self: Arc<Self>, at: Time) {
        if self.mailbox.ring(at) {
            self.schedule();
        }
    }
}

impl Activated for Cell {
    fn flow(&self) -> SourceHash {
        self.source
    }

    fn lane(&self) -> Lane {
        self.lane.get()
    }

    fn activate(self: Arc<Self>, begun: Time, now: Time, buffers: &mut Buffers) -> Option<Time> {
        let faults = self.ground.desk.faults();
        // After a fault nothing more is decided, wherever an activation waits for its thread.
        if faults.first().is_some() {
            return None;
        }
        pool::begin_piece(self.source, self.lane.get());
        faults.guard(Entrance::Actor(self.address), || self.work(begun, now, buffers))?;
        self.let_go_if_abandoned();
        // With all that its turns brought about, be it at the desk.
        let end = self.ground.plane.clock.now();
        self.lane.set(pool::end_piece(end));
        Some(end)
    }
}

fn first_instance(cell: &Cell, start: &Start) -> Result<Instance, Fault> {
    let port = Port {
        ground: cell.ground.clone(),
        address: cell.address,
        class: start.class.clone(),
        own_places: start.source.places(),
        birth: cell.birth,
        mailbox: cell.mailbox.clone(),
        orders: cell.orders.clone(),
    };
    let occupant =
        Occupant { address: cell.address, class: start.class.clone(), source: start.source.hash() };
    start.source.instantiate(occupant, Arc::new(port), start.limits.clone())
}

/// Does what an actor asks for, during one activation.
struct Carrier<'a> {
    cell: &'a Arc<Cell>,
    hands: &'a mut Hands,
    /// When the activation began.
    woken: Time,
    ended: Option<ExitReason>,
}

impl Carrier<'_> {
    fn log(&self, text: &str) {
        let class = self.hands.start.as_ref().map_or("", |start| &*start.class);
        self.cell.ground.plane.log.actor(self.cell.address, class, Level::WARN, "turn", text);
    }

    fn await_room(&self, receiver: ActorAddress) {
        if let Some(receiver) = self.cell.ground.plane.table.get(receiver) {
            receiver.await_room(self.cell.address, self.cell.clone());
        }
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
        self.cell.ground.plane.clock.now()
    }

    fn others_wait(&mut self) -> bool {
        pool::has_next()
    }

    fn account(&self) -> &Account {
        self.cell.mailbox.account()
    }

    fn kill_reason(&mut self) -> Option<String> {
        let killed = self.cell.orders.is_killed();
        killed.then(|| self.cell.kill_reason.lock().clone().unwrap_or_default())
    }

    fn rights(&self) -> Rights {
        self.cell.orders.rights()
    }

    fn may_start(&mut self) -> bool {
        self.cell.orders.take_may_start()
    }

    fn start(&mut self, incarnation: u32, outbox: Box<Outbox>) -> Result<Box<Outbox>, Failed> {
        pool::let_go(&self.cell.ground.pool);
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

    fn handle(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        waiting: usize,
        outbox: Box<Outbox>,
    ) -> Result<Box<Outbox>, Failed> {
        self.cell.shown.note_taken(waiting);
        // The turn may take long: whoever was made active before does not wait for it.
        pool::let_go(&self.cell.ground.pool);
        let instance =
            self.hands.instance.as_mut().expect("a turn says `Handle` only while it has an instance");
        instance.handle(envelope, attempt, outbox)
    }

    fn drain(&mut self, batch: &mut VecDeque<Envelope>, len_max: usize) -> Option<Mark> {
        let (is_left, mark) = self.cell.mailbox.drain(batch, len_max);
        // To look for an alarm is not to empty it.
        if len_max > 0 {
            self.hands.left_since = is_left.then_some(self.woken);
        }
        mark
    }

    fn drain_to_exit_request(&mut self, batch: &mut VecDeque<Envelope>) -> Option<Mark> {
        self.cell.mailbox.drain_to_exit_request(batch)
    }

    fn rest(&mut self) -> bool {
        self.cell.mailbox.rest()
    }

    fn park(&mut self) -> bool {
        self.cell.mailbox.park()
    }

    fn close(&mut self) -> VecDeque<Envelope> {
        self.cell.mailbox.close()
    }

    fn deliver_to_self(&mut self, envelope: Envelope, has_place: bool) -> Push {
        // No activation is wanted: it is under way.
        let mailbox = &self.cell.mailbox;
        if has_place { mailbox.push_reserved(envelope) } else { mailbox.push(envelope) }
    }

    fn deliver(&mut self, target: ActorAddress, run: &mut impl Iterator<Item = Envelope>) -> Push {
        let Hands { known, known_next, .. } = &mut *self.hands;
        if let Some(place) = known.iter_mut().find(|known| is_of(known, target))
            && let Some((_, receiver)) = place
        {
            let push = receiver.deliver_run(run);
            if matches!(push, Push::Moved(_)) {
                *place = None;
            }
            return push;
        }
        let Some(receiver) = self.cell.ground.plane.table.get(target) else {
            return run.next().map_or(Push::Queued, Push::Gone);
        };
        let push = receiver.deliver_run(run);
        if receiver.is_lasting() {
            known[*known_next] = Some((target, receiver));
            *known_next = (*known_next + 1) % KNOWN_LEN;
        }
        push
    }

    fn perform(&mut self, effect: ActorEffect) {
        let Ground { plane, totals, desk, .. } = &*self.cell.ground;
        match effect {
            // The place was taken when the handler asked for the child.
            ActorEffect::EnterPending(child) => {
                self.cell.ground.enter_pending(child, self.cell.mailbox.account().clone());
            }
            ActorEffect::Tell(event) => desk.tell(*event),
            ActorEffect::SetAlarm(at) => {
                let sleeper: Weak<dyn Sleeper> = Arc::downgrade(self.cell) as _;
                self.hands.alarm = Some(plane.alarms.set(self.hands.alarm, at, sleeper));
            }
            ActorEffect::AwaitRoom(receiver) => self.await_room(receiver),
            ActorEffect::DeadLetter(envelope, reason) => {
                self.note_undelivered(&envelope);
                plane.dead_letter(&envelope, &reason);
            }
            ActorEffect::Undelivered(envelope, reason) => {
                self.note_undelivered(&envelope);
                plane.undelivered(envelope, &reason);
            }
            ActorEffect::Gone(envelope) => {
                self.note_undelivered(&envelope);
                plane.gone(envelope);
            }
            ActorEffect::Exiting { with_children } => {
                self.cell.mailbox.take_notices_only();
                desk.tell(ActorEvent::Exiting { address: self.cell.address, with_children });
            }
            ActorEffect::Ended(reason) => self.ended = Some(reason),
            ActorEffect::Restarted(restart) => {
                totals.restarts.fetch_add(1, Ordering::Relaxed);
                self.log(&format!("restarted as incarnation {}: {}", restart.incarnation, restart.reason));
            }
            ActorEffect::Failed(text) | ActorEffect::ExitFailed(text) => self.log(&text),
            ActorEffect::Poisoned => plane.count_poison(),
            ActorEffect::StartFailed(text) => {
                totals.restarts.fetch_add(1, Ordering::Relaxed);
                self.log(&text);
            }
        }
    }
}

fn is_of(known: &Option<Known>, target: ActorAddress) -> bool {
    known.as_ref().is_some_and(|(address, _)| *address == target)
}
