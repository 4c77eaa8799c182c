//! The threads on which actors run, and the *seats* that they need for it: as many as cores. Threads are cheap, so a turn that
//! takes long keeps its own and gives away the seat.
//!
//! ```text
//!  schedule ─► next on this thread, or behind it ─┐ a free seat, its time is spent, a long turn
//!  push ──────────────────────────────────────────┴─► run queue ─► a thread with a seat: a stint
//!                                                         ▲            │ outlives its slice
//!                                                         └────────────┘ waits there for a seat, as all others
//! ```
//!
//! Who runs next is core's to say (`run_queue.rs`). It does not know what an actor is.

mod bell;
mod meter;
mod runaway;
mod seats;
mod stint;
mod worker;

use std::io;
use std::sync::Arc;

use crate::node_fault::FaultWatch;
use crate::plane::clock::Clock;
pub(crate) use seats::{Activated, Pool, PoolOwner};
pub(crate) use stint::{LaneNote, begin_piece, end_piece, has_next, let_go, near, schedule};

/// Starts threads for so many seats.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn start(seats: usize, clock: Clock, faults: Arc<FaultWatch>) -> io::Result<PoolOwner> {
    Pool::start(seats, clock, faults, worker::serve)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use thespian_core::run_queue::Lane;
    use thespian_core::source::SourceHash;
    use thespian_core::time::Time;
    use thespian_core::turn::Buffers;

    use super::*;
    use crate::log::LogStore;
    use crate::sandbox::Threads as _;

    fn pool(seats: usize) -> PoolOwner {
        let log = LogStore::start(None).expect("a thread for the log");
        start(seats, Clock::start(), Arc::new(FaultWatch::new(log))).expect("threads")
    }

    fn wait_until(what: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !what() {
            assert!(Instant::now() < deadline, "waited too long");
            thread::yield_now();
        }
    }

    const FLOWS: u8 = 5;

    fn flow(number: usize) -> SourceHash {
        SourceHash([u8::try_from(number % usize::from(FLOWS)).expect("they are few"); 32])
    }

    /// Does what its number says.
    struct Act {
        pool: Arc<Pool>,
        number: usize,
        ended: Arc<AtomicUsize>,
    }

    impl Activated for Act {
        fn flow(&self) -> SourceHash {
            flow(self.number)
        }

        fn lane(&self) -> Lane {
            if self.number.is_multiple_of(2) { Lane::Light } else { Lane::Start }
        }

        fn activate(self: Arc<Self>, _: Time, now: Time, _: &mut Buffers) -> Option<Time> {
            begin_piece(self.flow(), self.lane());
            if self.number % 7 < 3 {
                // Two levels of others are made active.
                for child in 0..self.number % 7 {
                    let Self { pool, ended, .. } = &*self;
                    let number = 3 + 7 * child;
                    schedule(pool, Arc::new(Self { pool: pool.clone(), number, ended: ended.clone() }));
                }
            }
            if self.number % 11 == 3 {
                self.pool.clone().let_others_go();
                let mut runaway = self.pool.clone().outlived(self.flow());
                (0..3).for_each(|nth| runaway.pass(&|| self.number % 2 == 1 && nth == 1));
            }
            let_go(&self.pool);
            end_piece(now);
            self.ended.fetch_add(1, Ordering::Relaxed);
            Some(now)
        }
    }

    #[test]
    fn all_that_is_pushed_is_run_once_and_every_seat_comes_back() {
        const EACH: usize = 3_000;
        const PUSHERS: usize = 3;
        let owner = pool(2);
        let pool = owner.pool();
        let ended = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..PUSHERS {
                scope.spawn(|| {
                    for number in 0..EACH {
                        pool.push(Arc::new(Act { pool: pool.clone(), number, ended: ended.clone() }));
                        if number % 100 == 0 {
                            let ended = ended.clone();
                            pool.call_first(flow(number), move || {
                                ended.fetch_add(1, Ordering::Relaxed);
                            });
                        }
                    }
                });
            }
        });
        let children: usize = (0..EACH).map(|number| number % 7).filter(|rest| *rest < 3).sum();
        let all = PUSHERS * (EACH + EACH / 100 + children);
        wait_until(|| ended.load(Ordering::Relaxed) == all);
        wait_until(|| pool.is_at_rest());
        assert_eq!((ended.load(Ordering::Relaxed), pool.runaways()), (all, 0));
    }

    #[test]
    fn turns_that_spin_leave_a_seat_and_all_of_them_go_on() {
        let owner = pool(2);
        let running = AtomicUsize::new(0);
        thread::scope(|scope| {
            for number in 0..16 {
                let (pool, running) = (owner.pool(), &running);
                scope.spawn(move || {
                    let mut runaway = pool.clone().outlived(flow(number));
                    for _ in 0..20 {
                        runaway.pass(&|| false);
                        assert_eq!(
                            running.fetch_add(1, Ordering::SeqCst),
                            0,
                            "one of two seats is for others"
                        );
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        wait_until(|| owner.pool().is_at_rest());
        assert_eq!(owner.pool().runaways(), 0);
    }

    #[test]
    fn a_turn_that_waits_and_is_killed_leaves_at_once() {
        let owner = pool(2);
        let pool = owner.pool();
        let mut first = pool.clone().outlived(flow(0));
        first.pass(&|| false);
        let killed = AtomicBool::new(false);
        thread::scope(|scope| {
            let waits =
                scope.spawn(|| pool.clone().outlived(flow(1)).pass(&|| killed.load(Ordering::SeqCst)));
            wait_until(|| pool.runaways() == 2);
            killed.store(true, Ordering::SeqCst);
            pool.wake_runaways();
            waits.join().expect("it leaves");
        });
        assert_eq!(pool.runaways(), 1);
        drop(first);
        wait_until(|| pool.is_at_rest());
    }
}
