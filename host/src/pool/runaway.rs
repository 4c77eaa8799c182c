//! A turn that has outlived its slice: it keeps its thread, and waits for a seat among all others when its quantum is over.

use std::sync::Arc;
use std::time::Duration;

use thespian_core::limits::RUNAWAY_LOOK_PERIOD;
use thespian_core::run_queue::{Lane, Ticket};
use thespian_core::source::SourceHash;
use thespian_core::time::Time;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::bell::{Bell, Given};
use super::seats::{Pool, Work};
use super::stint;
use crate::cpu_time;
use crate::sandbox::{Outlived, Threads};

impl Threads for Pool {
    fn let_others_go(self: Arc<Self>) {
        stint::let_all_go(&self);
    }

    fn outlived(self: Arc<Self>, source: SourceHash) -> Box<dyn Outlived> {
        Box::new(Runaway {
            pool: self,
            flow: source,
            bell: Bell::of_this_thread(),
            has_begun: false,
            charged: None,
        })
    }
}

/// A turn that others take turns with. Its thread may be one of the pool's, or of whoever calls a guest otherwise: that has no
/// seat of its own.
struct Runaway {
    pool: Arc<Pool>,
    flow: SourceHash,
    bell: Arc<Bell>,
    has_begun: bool,
    /// Where it has a seat as a runaway: who is charged, and since when.
    charged: Option<Quantum>,
}

/// The time in which a turn has a seat that it was given.
struct Quantum {
    ticket: Ticket<SourceHash>,
    since: Time,
    /// The CPU time of the thread by then.
    cpu: Duration,
}

impl Quantum {
    fn begin(ticket: Ticket<SourceHash>, since: Time) -> Self {
        Self { ticket, since, cpu: cpu_time::of_this_thread() }
    }

    /// Ends it; who is charged, and for how long: not for the time in which the system had stopped the thread.
    fn end(self, now: Time) -> (Ticket<SourceHash>, Duration) {
        let cpu = cpu_time::of_this_thread().saturating_sub(self.cpu);
        (self.ticket, now.since(self.since).min(cpu))
    }
}

impl Outlived for Runaway {
    fn pass(&mut self, is_killed: &dyn Fn() -> bool) {
        let had_seat = stint::give_seat_away() | self.charged.is_some();
        let now = self.pool.clock.now();
        let quantum = self.charged.take().map(|quantum| quantum.end(now));
        let mut locked = self.pool.lock();
        stint::with_meter(|meter| {
            let _heavy = meter.end_piece(now);
            locked.settle(meter);
        });
        let state = locked.state();
        if let Some((ticket, used)) = quantum {
            state.queue.charge(ticket, used);
        }
        if !self.has_begun {
            state.queue.begin_runaway(self.flow);
            self.has_begun = true;
        }
        state.free_seats += usize::from(had_seat);
        locked.push(self.flow, Lane::Runaway, Work::Turn(self.bell.clone()));
        drop(locked);
        hand_off(|| self.wait(is_killed));
    }
}

impl Runaway {
    fn wait(&mut self, is_killed: &dyn Fn() -> bool) {
        loop {
            if let Some(Given::Turn(ticket)) = self.bell.take() {
                let now = self.pool.clock.now();
                self.charged = Some(Quantum::begin(ticket, now));
                stint::take_seat();
                return;
            }
            let mut locked = self.pool.lock();
            let is_closed = locked.state().is_closed;
            if is_closed || is_killed() {
                let is_it = |work: &Work| matches!(work, Work::Turn(bell) if Arc::ptr_eq(bell, &self.bell));
                let taken = locked.state().queue.take_back(self.flow, Lane::Runaway, is_it);
                if taken.is_some() || is_closed {
                    // It goes on to its end, which is near, without a seat.
                    return;
                }
                // It was given one in this moment.
                continue;
            }
            // Where the system had no thread for whoever is next, this tries again.
            locked.dispatch();
            drop(locked);
            self.bell.wait_for_ring(RUNAWAY_LOOK_PERIOD);
        }
    }
}

impl Drop for Runaway {
    fn drop(&mut self) {
        if !self.has_begun {
            return;
        }
        let now = self.pool.clock.now();
        let quantum = self.charged.take().map(|quantum| quantum.end(now));
        let mut locked = self.pool.lock();
        let state = locked.state();
        if let Some((ticket, used)) = quantum {
            state.queue.charge(ticket, used);
            // A thread of the pool keeps the seat for what comes next.
            state.free_seats += usize::from(!stint::keeps_seat());
        }
        state.queue.end_runaway(self.flow);
        locked.dispatch();
        drop(locked);
        stint::with_meter(|meter| meter.end_apart(now));
    }
}

/// Runs `wait` while another thread takes over the queue of this worker, if it is one of a runtime.
fn hand_off(wait: impl FnOnce()) {
    match Handle::try_current() {
        // On a thread of such a runtime that is no worker it just calls `wait`; on other runtimes it would panic.
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(wait);
        }
        _ => wait(),
    }
}
