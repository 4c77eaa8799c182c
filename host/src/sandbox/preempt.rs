//! How spinning turns are kept from starving others: a ticker that moves the epoch, and what a turn tells the threads
//! on which turns run.
//!
//! wasm code looks at the engine's epoch at every loop and call; when the epoch has moved past the store's deadline, the
//! store calls back (`State::on_tick`). A turn that has outlived its slice there is a *runaway*: it gives its place to
//! others, and goes on when it is given one. Where turns run, and who is next, whoever has the threads decides.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use thespian_core::source::SourceHash;
use thespian_core::time::awake;

/// How often the epoch moves.
const TICK: Duration = Duration::from_millis(1);
/// Ticks without any turn after which the ticker rests: long enough that regular traffic never wakes it.
const IDLE_TICKS: u32 = 100;
/// Ticks that a turn may see before it becomes a runaway.
pub(super) const SLICE_TICKS: u32 = 3;
/// Ticks for which a runaway keeps its place while others wait.
pub(super) const QUANTUM_TICKS: u32 = 10;

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

/// The threads on which turns run, as far as turns that take long concern them.
pub trait Threads: Send + Sync {
    /// The turn under way on this thread is no short one: nobody is to wait behind it.
    fn let_others_go(self: Arc<Self>);

    /// The turn under way on this thread, of an actor of `source`, has outlived its slice.
    fn outlived(self: Arc<Self>, source: SourceHash) -> Box<dyn Outlived>;
}

/// A turn that has outlived its slice. Dropped at the end of the turn.
pub trait Outlived: Send {
    /// Lets others have its place, and waits for the next; returns early where `is_killed`.
    fn pass(&mut self, is_killed: &dyn Fn() -> bool);
}

/// Threads that nobody else needs.
pub(super) struct Alone;

impl Threads for Alone {
    fn let_others_go(self: Arc<Self>) {}

    fn outlived(self: Arc<Self>, _: SourceHash) -> Box<dyn Outlived> {
        Box::new(Self)
    }
}

impl Outlived for Alone {
    fn pass(&mut self, _: &dyn Fn() -> bool) {}
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
}
