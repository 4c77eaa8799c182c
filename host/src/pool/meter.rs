//! Whom the time of a stint is charged to.

use std::time::Duration;

use thespian_core::limits::{HEAVY_TIME_MIN, METER_CPU_TIME_MIN};
use thespian_core::run_queue::{Lane, RunQueue, Ticket};
use thespian_core::source::SourceHash;
use thespian_core::time::Time;

use crate::cpu_time;

/// Time that work of one lane has used.
struct UsedTime {
    flow: SourceHash,
    lane: Lane,
    used: Duration,
}

/// Measures a stint, piece by piece. By the clock, as that is cheap; where it says much, by the time of the thread: a thread
/// that the system had stopped is charged for nothing.
pub(super) struct Meter {
    /// Where the stint came from the queue: its guess is corrected.
    ticket: Option<Ticket<SourceHash>>,
    /// Whose piece is under way.
    current: Option<(SourceHash, Lane)>,
    since: Time,
    /// Whose piece has a turn that is charged by itself, and whether one was.
    apart: Option<(SourceHash, Lane)>,
    was_apart: bool,
    parts: Vec<UsedTime>,
    /// The CPU time of the thread when it was last read, and what was used by the clock since then.
    cpu: Duration,
    used: Duration,
}

impl Meter {
    pub(super) const fn new() -> Self {
        Self {
            ticket: None,
            current: None,
            since: Time(0),
            apart: None,
            was_apart: false,
            parts: Vec::new(),
            cpu: Duration::ZERO,
            used: Duration::ZERO,
        }
    }

    /// A stint begins.
    pub(super) fn begin(&mut self, ticket: Option<Ticket<SourceHash>>, now: Time) {
        debug_assert!(self.ticket.is_none() && self.parts.is_empty(), "the last stint is paid");
        self.current = None;
        self.ticket = ticket;
        self.since = now;
        (self.apart, self.was_apart) = (None, false);
        self.cpu = cpu_time::of_this_thread();
        self.used = Duration::ZERO;
    }

    /// A piece begins, where the last one ended.
    pub(super) const fn begin_piece(&mut self, flow: SourceHash, lane: Lane) {
        self.current = Some((flow, lane));
    }

    /// The piece is over, or is charged so far; in which lane its like is to wait the next time.
    pub(super) fn end_piece(&mut self, now: Time) -> Lane {
        let used = now.since(self.since);
        self.since = now;
        let Some((flow, lane)) = self.current else { return Lane::Light };
        // The last ones first; there are few.
        match self.parts.iter_mut().rev().find(|part| (part.flow, part.lane) == (flow, lane)) {
            Some(part) => part.used += used,
            None => self.parts.push(UsedTime { flow, lane, used }),
        }
        let before = self.used;
        self.used += used;
        let of_turn = if std::mem::take(&mut self.was_apart) { Lane::Runaway } else { lane };
        // It has used no more than went by: mostly that is so little that the thread's time need not be asked for.
        let cpu =
            if used < HEAVY_TIME_MIN { used } else { used.min(self.cpu_since().saturating_sub(before)) };
        of_turn.behind(cpu)
    }

    /// The turn goes on after a wait, which is nobody's time. From here on it is charged by itself.
    pub(super) fn begin_apart(&mut self) {
        self.apart = self.current.take().or(self.apart);
    }

    /// The turn that was charged by itself is over, and what is left of its piece goes on.
    pub(super) fn end_apart(&mut self, now: Time) {
        self.current = self.apart.take().or(self.current);
        self.was_apart = true;
        self.since = now;
        self.cpu = cpu_time::of_this_thread();
        self.used = Duration::ZERO;
    }

    /// CPU time since the clock of the thread was read.
    fn cpu_since(&self) -> Duration {
        cpu_time::of_this_thread().saturating_sub(self.cpu)
    }

    /// Charges everybody in it.
    pub(super) fn pay<T>(&mut self, queue: &mut RunQueue<SourceHash, T>) {
        let (mut of, mut per) = (1, 1);
        if self.used >= METER_CPU_TIME_MIN {
            // Each is charged so much of what the clock says.
            let cpu = self.cpu_since();
            self.cpu += cpu;
            (of, per) = (cpu.min(self.used).as_nanos(), self.used.as_nanos());
        }
        self.used = Duration::ZERO;
        let share = |used: Duration| {
            Duration::from_nanos(u64::try_from(used.as_nanos() * of / per).unwrap_or(u64::MAX))
        };
        let mut of_ticket = Duration::ZERO;
        let is_its = |part: &UsedTime, ticket: &Ticket<SourceHash>| {
            (part.flow, part.lane) == (ticket.flow(), ticket.lane())
        };
        for part in self.parts.drain(..) {
            match &self.ticket {
                Some(ticket) if is_its(&part, ticket) => of_ticket += share(part.used),
                _ => queue.spend(part.flow, part.lane, share(part.used)),
            }
        }
        if let Some(ticket) = self.ticket.take() {
            queue.charge(ticket, of_ticket);
        }
    }
}
