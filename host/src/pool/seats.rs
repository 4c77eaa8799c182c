//! Who has a seat, who waits for one, and which thread is called. Everything under one lock, which is taken once or twice in
//! a stint.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use thespian_core::limits::RUNAWAYS_MAX;
use thespian_core::run_queue::{Lane, RunQueue, RunawayBounds, Ticket};
use thespian_core::source::SourceHash;
use thespian_core::time::Time;
use thespian_core::turn::Buffers;

use super::bell::{Bell, Given};
use super::meter::Meter;
use crate::node_fault::{Entrance, FaultWatch};
use crate::plane::clock::Clock;

/// Pushes under one lock.
const PUSHES_AT_ONCE: usize = 64;

/// An actor, as what is activated.
pub(crate) trait Activated: Send + Sync {
    /// Whose share its time is.
    fn flow(&self) -> SourceHash;

    /// The lane of that share in which it waits.
    fn lane(&self) -> Lane;

    /// Handles what waits, until nothing does or others must have their turn. `begun` is when the first of the activations
    /// on this thread began that follow on each other, `now` when this one begins. Returns the time at its end, or nothing
    /// where the node has a fault.
    fn activate(self: Arc<Self>, begun: Time, now: Time, buffers: &mut Buffers) -> Option<Time>;
}

/// Something that runs code of a source, or is done for it, and is no actor's turn.
pub(super) type SourceCall = Box<dyn FnOnce() + Send>;

/// Work that waits for a seat.
pub(super) enum Work {
    /// An actor is to be activated.
    Actor(Arc<dyn Activated>),
    /// Something else that runs code of a source.
    Call(SourceCall),
    /// A turn is to go on, on a thread that it has.
    Turn(Arc<Bell>),
}

/// A piece of work, and who is charged.
pub(super) type Charged = (Ticket<SourceHash>, Work);

/// The threads of a node's actors. They live until it is closed.
pub(crate) struct Pool {
    pub(super) clock: Clock,
    seats: usize,
    state: Mutex<PoolState>,
    /// Seats that nobody has, as somebody saw them a moment ago.
    free: AtomicUsize,
    /// Whether something waits for a seat, likewise.
    is_crowded: AtomicBool,
    /// Whether a turn runs near a program that waits for it.
    near_is_taken: AtomicBool,
    faults: Arc<FaultWatch>,
    /// The work of a thread.
    serve: fn(&Arc<Self>),
}

/// Whoever has it has the threads: with it they end.
pub(crate) struct PoolOwner(Arc<Pool>);

impl PoolOwner {
    pub(crate) const fn pool(&self) -> &Arc<Pool> {
        &self.0
    }
}

impl Drop for PoolOwner {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The one stint at a time that runs on a thread for other things than actors: so another such thread is always free of
/// guests, whatever they do.
pub(super) struct Near(pub(super) Arc<Pool>);

impl Drop for Near {
    fn drop(&mut self) {
        self.0.near_is_taken.store(false, Ordering::Release);
    }
}

pub(super) struct PoolState {
    pub(super) queue: RunQueue<SourceHash, Work>,
    pub(super) free_seats: usize,
    /// Threads without work, the one that was last at work on top.
    sleeping: Vec<Arc<Bell>>,
    /// Whether a thread was called that has not come yet: it calls the next one if it does not do for all.
    is_called: bool,
    pub(super) is_closed: bool,
}

/// The state of the pool while it is locked. Whoever was given something by then is rung for when the lock is gone.
pub(super) struct Locked<'a> {
    pool: &'a Arc<Pool>,
    state: Option<MutexGuard<'a, PoolState>>,
    /// Few at one time: mostly none.
    ring: Vec<Arc<Bell>>,
    dropped: Vec<Work>,
}

impl Pool {
    /// Starts threads for so many seats.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        seats: usize,
        clock: Clock,
        faults: Arc<FaultWatch>,
        serve: fn(&Arc<Self>),
    ) -> io::Result<PoolOwner> {
        // Where there are two, one stays free of turns that spin.
        let bounds = RunawayBounds { all_max: RUNAWAYS_MAX, running_max: seats.saturating_sub(1).max(1) };
        let state = PoolState {
            queue: RunQueue::new(bounds),
            free_seats: 0,
            sleeping: Vec::new(),
            is_called: false,
            is_closed: false,
        };
        let pool = PoolOwner(Arc::new(Self {
            clock,
            seats,
            state: Mutex::new(state),
            free: AtomicUsize::new(0),
            is_crowded: AtomicBool::new(false),
            near_is_taken: AtomicBool::new(false),
            faults,
            serve,
        }));
        for _ in 0..seats {
            pool.0.begin_thread()?;
        }
        Ok(pool)
    }

    /// A thread with a seat.
    fn begin_thread(self: &Arc<Self>) -> io::Result<()> {
        let pool = self.clone();
        let thread = thread::Builder::new().name("thespian-actor".to_owned()).spawn(move || {
            // A fault of the pool's own is the end of the node, which would miss the seat.
            pool.faults.guard(Entrance::Task("a thread of the actors"), || (pool.serve)(&pool))
        });
        thread.map(drop)
    }

    /// Has an actor activated on any thread.
    pub(crate) fn push(self: &Arc<Self>, cell: Arc<dyn Activated>) {
        self.lock().push_actor(cell);
    }

    /// Has actors activated on any thread. They may be as many as a turn can send to: others have the lock in between.
    pub(super) fn push_all(self: &Arc<Self>, cells: VecDeque<Arc<dyn Activated>>) {
        let mut cells = cells.into_iter().peekable();
        while cells.peek().is_some() {
            let mut locked = self.lock();
            cells.by_ref().take(PUSHES_AT_ONCE).for_each(|cell| locked.push_actor(cell));
        }
    }

    /// Has code of a source called that is no actor's turn.
    pub(crate) fn call(self: &Arc<Self>, flow: SourceHash, call: impl FnOnce() + Send + 'static) {
        self.lock().push(flow, Lane::Start, Work::Call(Box::new(call)));
    }

    /// Whether work of a source may run that never waits here.
    pub(super) fn may_go_ahead(&self, flow: SourceHash) -> bool {
        self.state.lock().queue.may_go_ahead(flow)
    }

    /// Has work that belongs near its asker run there: one at a time, and none of a source that has had more than its due.
    pub(super) fn enter_near(self: &Arc<Self>, flow: SourceHash) -> Option<Near> {
        if self.near_is_taken.swap(true, Ordering::Acquire) {
            return None;
        }
        let near = Near(self.clone());
        self.may_go_ahead(flow).then_some(near)
    }

    /// Has something done for a source before what waits, also where the source may start no turn: it is to be short.
    pub(crate) fn call_first(self: &Arc<Self>, flow: SourceHash, call: impl FnOnce() + Send + 'static) {
        let mut locked = self.lock();
        if !locked.state().is_closed {
            locked.state().queue.push_first(flow, Work::Call(Box::new(call)));
            locked.dispatch();
        }
    }

    /// Turns that have outlived their slice and not ended.
    pub(crate) fn runaways(&self) -> usize {
        self.state.lock().queue.runaways()
    }

    /// CPU time that turns of a source have used, and all that came of them.
    pub(crate) fn used(&self, source: SourceHash) -> Duration {
        self.state.lock().queue.used(source)
    }

    /// Nobody asks any more what a source has used.
    pub(crate) fn forget_used(&self, source: SourceHash) {
        self.state.lock().queue.forget_used(source);
    }

    /// Makes turns that wait for a seat look whether their actor was killed. Without it they look ten times a second.
    pub(crate) fn wake_runaways(&self) {
        let waiting: Vec<_> = self.state.lock().waiting_turns();
        waiting.iter().for_each(|bell| bell.ring());
    }

    /// Ends the threads, each when it has done what it is at. What waits does not run any more.
    fn close(self: &Arc<Self>) {
        let mut locked = self.lock();
        let state = locked.state();
        state.is_closed = true;
        let sleeping = std::mem::take(&mut state.sleeping);
        let waiting = state.waiting_turns();
        let dropped = state.queue.clear();
        locked.dropped = dropped;
        for bell in sleeping {
            bell.give(Given::Seat);
            locked.ring.push(bell);
        }
        locked.ring.extend(waiting);
    }

    /// Whether nobody has a seat or waits for one.
    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        let state = self.state.lock();
        state.free_seats == self.seats && state.queue.is_empty()
    }

    /// Whether others wait for a seat: then an actor handles what was there when its activation began.
    pub(crate) fn is_crowded(&self) -> bool {
        self.is_crowded.load(Ordering::Relaxed)
    }

    pub(super) fn has_free_seat(&self) -> bool {
        self.free.load(Ordering::Relaxed) > 0
    }

    pub(super) fn lock(self: &Arc<Self>) -> Locked<'_> {
        Locked { pool: self, state: Some(self.state.lock()), ring: Vec::new(), dropped: Vec::new() }
    }

    /// A thread that was called has come.
    pub(super) fn has_come(&self) {
        self.state.lock().is_called = false;
    }

    /// Waits for work. `None`: the thread is needed no more.
    pub(super) fn next(self: &Arc<Self>, bell: &Arc<Bell>, mut has_seat: bool) -> Option<Charged> {
        loop {
            let mut locked = self.lock();
            if locked.state().is_closed {
                return None;
            }
            if !has_seat && locked.state().free_seats > 0 {
                locked.state().free_seats -= 1;
                has_seat = true;
            }
            if has_seat && let Some(job) = locked.take_for_seat() {
                locked.dispatch();
                return Some(job);
            }
            locked.dispatch();
            let state = locked.state();
            if state.sleeping.len() >= self.seats {
                return None;
            }
            state.sleeping.push(bell.clone());
            drop(locked);
            match bell.wait() {
                Given::Seat => {}
                Given::Turn(_) => unreachable!("no turn is under way on it"),
            }
            self.has_come();
            has_seat = true;
        }
    }
}

impl PoolState {
    fn waiting_turns(&self) -> Vec<Arc<Bell>> {
        let bell = |work: &Work| if let Work::Turn(bell) = work { Some(bell.clone()) } else { None };
        self.queue.waiting_runaways().filter_map(bell).collect()
    }
}

impl Locked<'_> {
    pub(super) fn state(&mut self) -> &mut PoolState {
        self.state.as_mut().expect("it is locked until it is dropped")
    }

    fn push_actor(&mut self, cell: Arc<dyn Activated>) {
        let (flow, lane) = (cell.flow(), cell.lane());
        self.push(flow, lane, Work::Actor(cell));
    }

    pub(super) fn push(&mut self, flow: SourceHash, lane: Lane, work: Work) {
        let state = self.state();
        if state.is_closed {
            self.dropped.push(work);
            return;
        }
        state.queue.push(flow, lane, work);
        self.dispatch();
    }

    /// The next work for a thread that has a seat. Where a turn is to go on, that has the seat, and there is none.
    fn take_for_seat(&mut self) -> Option<Charged> {
        match self.state().queue.pop() {
            Some((ticket, Work::Turn(bell))) => {
                bell.give(Given::Turn(ticket));
                self.ring.push(bell);
                None
            }
            Some(charged) => Some(charged),
            None => {
                self.state().free_seats += 1;
                None
            }
        }
    }

    /// Gives free seats to those who can use them: to turns that wait, and else to one thread, which sees to the rest.
    pub(super) fn dispatch(&mut self) {
        while self.state().free_seats > 0 {
            let state = self.state();
            match state.queue.peek() {
                Some(Work::Turn(_)) => {
                    state.free_seats -= 1;
                    let none = self.take_for_seat();
                    debug_assert!(none.is_none(), "it was seen to be a turn");
                }
                Some(Work::Actor(_) | Work::Call(_)) => {
                    if state.is_called || !self.call_thread() {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    /// Calls a thread, which then has one of the free seats. False where the system gives none: the next look tries again.
    fn call_thread(&mut self) -> bool {
        let pool = self.pool;
        let state = self.state();
        state.free_seats -= 1;
        state.is_called = true;
        if let Some(bell) = state.sleeping.pop() {
            bell.give(Given::Seat);
            self.ring.push(bell);
        } else if pool.begin_thread().is_err() {
            let state = self.state();
            state.free_seats += 1;
            state.is_called = false;
            return false;
        }
        true
    }

    /// A stint is over, or its turn waits: everybody in it is charged.
    pub(super) fn settle(&mut self, meter: &mut Meter) {
        meter.pay(&mut self.state().queue);
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            self.pool.free.store(state.free_seats, Ordering::Relaxed);
            let is_crowded = !state.queue.is_empty() && state.free_seats == 0;
            // Mostly it stays, and every activation reads it.
            if self.pool.is_crowded.load(Ordering::Relaxed) != is_crowded {
                self.pool.is_crowded.store(is_crowded, Ordering::Relaxed);
            }
            drop(state);
        }
        self.ring.iter().for_each(|bell| bell.ring());
    }
}
