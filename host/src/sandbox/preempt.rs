//! How spinning turns are kept from starving others: a ticker that moves the epoch, and a gate through which
//! turns that outlive their slice pass in rotation.
//!
//! A turn runs on a worker of the guests' runtime. wasm code looks at the engine's epoch at every loop and call;
//! when the epoch has moved past the store's deadline, the store calls back (`State::on_tick`). A turn that
//! has outlived its slice there becomes a *runaway*: it hands the queue of its worker to a fresh thread and from
//! then on runs only when the gate lets it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use thespian_core::limits::RUNAWAYS_MAX;
use thespian_core::time::awake;

/// How often the epoch moves.
const TICK: Duration = Duration::from_millis(1);
/// Ticks without any turn after which the ticker rests: long enough that regular traffic never wakes it.
const IDLE_TICKS: u32 = 100;
/// Ticks that a turn may see before it becomes a runaway.
pub(super) const SLICE_TICKS: u32 = 3;
/// Ticks for which a runaway keeps its place while others wait.
pub(super) const QUANTUM_TICKS: u32 = 10;
/// How long a handed-off worker stays away at least, so that another thread takes its queue meanwhile.
const HAND_OFF_PAUSE: Duration = Duration::from_micros(100);
/// How often a sleeping runaway looks whether it was killed, should nobody wake it.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// Moves the epoch of one engine while there are turns, and rests when there are none.
///
/// Nothing is lost between going to rest and a new turn. A turn sets `active` and then reads `resting`; the
/// ticker sets `resting` and then takes `active`. All four are sequentially consistent, so either the ticker
/// sees the turn, or the turn sees the ticker resting and wakes it. A turn that finds `active` set already
/// leaves it: whoever takes it then ticks at least [`IDLE_TICKS`] times more, and each call-back of the turn
/// comes here again. A call-back can't be missed either: a thread that was kept off its core meanwhile finds the
/// epoch past its deadline.
pub(super) struct Ticker {
    active: AtomicBool,
    resting: AtomicBool,
    /// For how long it has ticked, in ns: the clock by which the wall time of turns is bounded. It stands still while the
    /// process is stopped, and while there are no turns.
    awake_ns: AtomicU64,
    thread: Thread,
}

/// The ticker, as its thread finds it while somebody has it.
struct OwnTicker {
    ticker: std::sync::OnceLock<Weak<Ticker>>,
}

impl Ticker {
    /// Starts a thread that calls `tick` every millisecond; it ends with the returned handle.
    pub(super) fn start(tick: impl Fn() + Send + 'static) -> std::io::Result<Arc<Self>> {
        let own = Arc::new(OwnTicker { ticker: std::sync::OnceLock::new() });
        let theirs = Arc::clone(&own);
        let handle = thread::Builder::new().name("epoch".to_owned()).spawn(move || run(&theirs, &tick))?;
        let ticker = Arc::new(Self {
            active: AtomicBool::new(true),
            resting: AtomicBool::new(false),
            awake_ns: AtomicU64::new(0),
            thread: handle.thread().clone(),
        });
        let set = own.ticker.set(Arc::downgrade(&ticker));
        debug_assert!(set.is_ok(), "set once");
        ticker.thread.unpark();
        Ok(ticker)
    }

    /// A turn begins, or still runs.
    pub(super) fn touch(&self) {
        if !self.active.load(Ordering::SeqCst) {
            self.active.store(true, Ordering::SeqCst);
        }
        if self.resting.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Time that passed while it ticked and the process was not stopped. It goes forward before the epoch does, so whoever
    /// is called back finds all that is counted.
    pub(super) fn awake(&self) -> Duration {
        Duration::from_nanos(self.awake_ns.load(Ordering::Acquire))
    }

    #[cold]
    fn wake(&self) {
        self.resting.store(false, Ordering::SeqCst);
        self.thread.unpark();
    }

    #[cfg(test)]
    fn is_resting(&self) -> bool {
        self.resting.load(Ordering::SeqCst)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

fn run(own: &OwnTicker, tick: &dyn Fn()) {
    while own.ticker.get().is_none() {
        thread::park();
    }
    let mut idle_ticks = 0;
    let mut last = Instant::now();
    loop {
        #[expect(clippy::disallowed_methods, reason = "the tick is a time, not a wait for something")]
        thread::sleep(TICK);
        let Some(ticker) = own.ticker.get().and_then(Weak::upgrade) else { return };
        let now = Instant::now();
        let counts = awake(now - last, TICK).as_nanos();
        last = now;
        // Only this thread writes it.
        ticker.awake_ns.fetch_add(u64::try_from(counts).unwrap_or(u64::MAX), Ordering::Release);
        tick();
        if ticker.active.swap(false, Ordering::SeqCst) {
            idle_ticks = 0;
            continue;
        }
        idle_ticks += 1;
        if idle_ticks < IDLE_TICKS {
            continue;
        }
        ticker.resting.store(true, Ordering::SeqCst);
        if ticker.active.swap(false, Ordering::SeqCst) {
            ticker.resting.store(false, Ordering::SeqCst);
        } else {
            // Not to be held while resting: its owner must be able to end this thread.
            drop(ticker);
            if !rest(own) {
                return;
            }
            last = Instant::now();
        }
        idle_ticks = 0;
    }
}

/// Waits for [`Ticker::wake`]; false when the handle is gone.
fn rest(own: &OwnTicker) -> bool {
    loop {
        let Some(ticker) = own.ticker.get().and_then(Weak::upgrade) else { return false };
        if !ticker.resting.load(Ordering::SeqCst) {
            return true;
        }
        drop(ticker);
        thread::park();
    }
}

/// Lets a bounded number of runaways exist, and fewer run: the others wait in rotation.
pub(super) struct Gate {
    state: Mutex<GateState>,
    running_max: usize,
}

#[derive(Default)]
struct GateState {
    permits: usize,
    running: usize,
    queue: VecDeque<Arc<RotationSeat>>,
}

/// Where one runaway waits.
#[derive(Default)]
struct RotationSeat {
    called: AtomicBool,
    bell: Condvar,
}

/// A turn that has outlived its slice. Dropped at the end of the turn.
pub(super) struct Runaway {
    gate: Arc<Gate>,
    running: bool,
}

impl Gate {
    /// A gate for `guest_threads` cores: one of them stays free of runaways where there are two.
    pub(super) fn new(guest_threads: usize) -> Self {
        Self { state: Mutex::default(), running_max: guest_threads.saturating_sub(1).max(1) }
    }

    /// Makes a turn a runaway; `None` when there are too many.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Runaway> {
        let mut state = self.lock();
        if state.permits >= RUNAWAYS_MAX {
            return None;
        }
        state.permits += 1;
        Some(Runaway { gate: Arc::clone(self), running: false })
    }

    /// Wakes all that wait, so that those that were killed notice.
    pub(super) fn wake_all(&self) {
        for seat in &self.lock().queue {
            seat.bell.notify_one();
        }
    }

    /// Runaways at this moment.
    pub(super) fn runaways(&self) -> usize {
        self.lock().permits
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GateState {
    /// Gives a place that became free to whoever waits longest.
    fn pass_on(&mut self) {
        match self.queue.pop_front() {
            Some(next) => {
                next.called.store(true, Ordering::Relaxed);
                next.bell.notify_one();
            }
            None => self.running -= 1,
        }
    }
}

impl Runaway {
    /// Hands the queue of the worker on, gives the place at the gate to whoever waits, and waits for the next
    /// place; returns early where `is_killed`.
    pub(super) fn pass(&mut self, is_killed: impl Fn() -> bool) {
        hand_off(|| {
            #[expect(
                clippy::disallowed_methods,
                reason = "gives the core to others for a while; nothing is waited for"
            )]
            thread::sleep(HAND_OFF_PAUSE);
            self.take_turn(is_killed);
        });
    }

    fn take_turn(&mut self, is_killed: impl Fn() -> bool) {
        let gate = Arc::clone(&self.gate);
        let mut state = gate.lock();
        if self.running {
            if state.queue.is_empty() {
                return;
            }
            state.pass_on();
            self.running = false;
        } else if state.running < gate.running_max {
            state.running += 1;
            self.running = true;
            return;
        }
        let seat = Arc::new(RotationSeat::default());
        state.queue.push_back(Arc::clone(&seat));
        while !seat.called.load(Ordering::Relaxed) {
            if is_killed() {
                state.queue.retain(|other| !Arc::ptr_eq(other, &seat));
                return;
            }
            state = seat.bell.wait_timeout(state, SLEEP_MAX).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.running = true;
    }
}

impl Drop for Runaway {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.permits -= 1;
        if self.running {
            state.pass_on();
        }
    }
}

/// Runs `wait` while another thread takes over the queue of this worker, if this is one.
fn hand_off(wait: impl FnOnce()) {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        // On a thread of such a runtime that is no worker it just calls `wait`; on other runtimes it would panic.
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(wait);
        }
        _ => wait(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::time::Instant;

    fn wait_until(what: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !what() {
            assert!(Instant::now() < deadline, "waited too long");
            thread::yield_now();
        }
    }

    #[test]
    fn ticker_rests_when_idle_and_wakes_for_a_turn() {
        let ticks = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&ticks);
        let ticker = Ticker::start(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        for _ in 0..3 {
            wait_until(|| ticker.is_resting());
            let before = ticks.load(Ordering::Relaxed);
            ticker.touch();
            wait_until(|| ticks.load(Ordering::Relaxed) > before + 10);
        }
    }

    #[test]
    fn ticker_ends_with_its_handle_while_resting() {
        let alive = Arc::new(());
        let theirs = Arc::clone(&alive);
        let ticker = Ticker::start(move || {
            let _held = &theirs;
        })
        .unwrap();
        wait_until(|| ticker.is_resting());
        drop(ticker);
        wait_until(|| Arc::strong_count(&alive) == 1);
    }

    #[test]
    fn gate_lets_few_run_and_all_have_their_turn() {
        let gate = Arc::new(Gate::new(2));
        let running = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
                thread::spawn(move || {
                    let mut runaway = gate.admit().unwrap();
                    for _ in 0..20 {
                        runaway.pass(|| false);
                        assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(gate.runaways(), 0);
        assert_eq!(gate.lock().running, 0);
    }

    #[test]
    fn permits_are_bounded_and_given_back() {
        let gate = Arc::new(Gate::new(1));
        let all: Vec<_> = (0..RUNAWAYS_MAX).map(|_| gate.admit().unwrap()).collect();
        assert!(gate.admit().is_none());
        drop(all);
        assert!(gate.admit().is_some());
    }

    #[test]
    fn a_killed_sleeper_leaves_at_once() {
        let gate = Arc::new(Gate::new(2));
        let mut first = gate.admit().unwrap();
        first.pass(|| false);
        let killed = Arc::new(AtomicBool::new(false));
        let seat = {
            let (gate, killed) = (Arc::clone(&gate), Arc::clone(&killed));
            thread::spawn(move || gate.admit().unwrap().pass(|| killed.load(Ordering::SeqCst)))
        };
        wait_until(|| gate.lock().queue.len() == 1);
        killed.store(true, Ordering::SeqCst);
        gate.wake_all();
        seat.join().unwrap();
        assert_eq!(gate.runaways(), 1);
        assert_eq!(gate.lock().queue.len(), 0);
    }
}
