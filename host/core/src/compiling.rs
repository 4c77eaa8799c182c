//! Whose source is compiled next, and what that may take.
//!
//! ```text
//!  enter ─► waiting ── a seat is free, and its loader has none ──► running ── leave ──►
//!              │                                                    ▲  │
//!              │ waits too long, and is shorter: it takes the seat  │  │ of whoever has run longest
//!              └────────────────────────────────────────────────────┤  ▼
//!                                   its seat is given back ◄────── paused
//! ```

#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::address::ActorAddress;
use crate::limits::{
    COMPILE_CPU_BASE, COMPILE_CPU_PER_MIB, COMPILE_MEMORY_BASE_BYTES, COMPILE_MEMORY_BYTES_MOST,
    COMPILE_MEMORY_FACTOR, COMPILE_TIME_PER_MIB, COMPILE_WAIT_MAX, COMPILES_AT_ONCE_MAX, COMPILES_PAUSED_MAX,
};
use crate::time::Time;

const MIB: u64 = 1 << 20;

/// Memory and time that one compile may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileBounds {
    /// Memory of the compiler's process, without its program, in bytes.
    pub memory_bytes: u64,
    /// Its CPU time.
    pub cpu: Duration,
}

/// Bounds that an operator has set for every compile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompileLimits {
    /// The bound on memory, in bytes; absent: it depends on the component's size.
    pub memory_bytes_max: Option<u64>,
    /// The bound on CPU time, in ms; absent: it depends on the component's size.
    pub cpu_ms_max: Option<u64>,
}

impl CompileBounds {
    /// Those for a component of so many bytes, on a node that may take `budget_bytes` of memory.
    #[must_use]
    pub fn of(bytes: u64, limits: CompileLimits, budget_bytes: u64) -> Self {
        let by_size = COMPILE_MEMORY_BASE_BYTES + COMPILE_MEMORY_FACTOR * bytes;
        let memory_bytes =
            limits.memory_bytes_max.unwrap_or(by_size.min(COMPILE_MEMORY_BYTES_MOST).min(budget_bytes / 2));
        let cpu = limits
            .cpu_ms_max
            .map_or(COMPILE_CPU_BASE + per_mib(COMPILE_CPU_PER_MIB, bytes), Duration::from_millis);
        Self { memory_bytes, cpu }
    }
}

/// `length` for each mebibyte.
fn per_mib(length: Duration, bytes: u64) -> Duration {
    let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(nanos.saturating_mul(bytes) / MIB)
}

/// A compile that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompileId(u64);

/// Something to do about a compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileEffect {
    /// Let it begin.
    Start(CompileId),
    /// Stop its process where it is.
    Pause(CompileId),
    /// Let its process go on.
    Resume(CompileId),
}

/// How compiles share what there is for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileSeats {
    /// Compiles that run at one time.
    pub at_once: usize,
    /// Compiles that are stopped for the sake of others at one time.
    pub paused_max: usize,
    /// Memory that all which have begun may take together, in bytes. A single one may always begin.
    pub memory_bytes_max: u64,
}

impl CompileSeats {
    /// Those where each compile is a process, which can be stopped, on a node that may take `budget_bytes` of memory.
    #[must_use]
    pub const fn of_processes(budget_bytes: u64) -> Self {
        Self {
            at_once: COMPILES_AT_ONCE_MAX,
            paused_max: COMPILES_PAUSED_MAX,
            memory_bytes_max: budget_bytes / 2,
        }
    }

    /// Compiles are work of the node's own process, and nothing can stop one.
    pub const WITHIN: Self = Self { at_once: 1, paused_max: 0, memory_bytes_max: u64::MAX };
}

#[derive(Debug)]
struct Job {
    loader: ActorAddress,
    /// Memory that it may take, in bytes: it counts from its begin to its end.
    memory_bytes: u64,
    /// How long an honest component of its size takes.
    expected: Duration,
    state: JobState,
}

#[derive(Debug)]
enum JobState {
    Waiting { since: Time },
    Running { since: Time, before: Duration },
    Paused { ran: Duration },
}

impl Job {
    fn ran(&self, now: Time) -> Duration {
        match self.state {
            JobState::Waiting { .. } => Duration::ZERO,
            JobState::Running { since, before } => before + now.since(since),
            JobState::Paused { ran } => ran,
        }
    }

    /// When it has run for so long without a pause that it may have one, and is known to take longer than `length`: a small
    /// component may be a costly one.
    fn longer_at(&self, length: Duration) -> Option<Time> {
        let JobState::Running { since, before } = self.state else { return None };
        let more = if self.expected > length { Duration::ZERO } else { length.saturating_sub(before) };
        Some(since + more.max(COMPILE_WAIT_MAX))
    }

    const fn is_running(&self) -> bool {
        matches!(self.state, JobState::Running { .. })
    }
}

/// All compiles that are asked for and have not ended.
#[derive(Debug)]
pub struct CompileQueue {
    seats: CompileSeats,
    /// In the order in which they came.
    jobs: BTreeMap<CompileId, Job>,
    last: u64,
}

impl CompileQueue {
    /// Nobody waits yet.
    #[must_use]
    pub const fn new(seats: CompileSeats) -> Self {
        Self { seats, jobs: BTreeMap::new(), last: 0 }
    }

    /// `loader` wants a component of so many bytes compiled, for which the compiler may take so much memory. It must leave,
    /// however that ends.
    pub fn enter(
        &mut self,
        now: Time,
        loader: ActorAddress,
        bytes: u64,
        memory_bytes: u64,
        effects: &mut Vec<CompileEffect>,
    ) -> CompileId {
        self.last += 1;
        let id = CompileId(self.last);
        let expected = per_mib(COMPILE_TIME_PER_MIB, bytes);
        self.jobs.insert(id, Job { loader, memory_bytes, expected, state: JobState::Waiting { since: now } });
        self.tick(now, effects);
        id
    }

    /// A compile has ended, or nobody wants it any more.
    pub fn leave(&mut self, now: Time, id: CompileId, effects: &mut Vec<CompileEffect>) {
        self.jobs.remove(&id);
        self.tick(now, effects);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Time, effects: &mut Vec<CompileEffect>) {
        while self.running() < self.seats.at_once
            && let Some(id) = self.next()
        {
            self.seat(now, id, effects);
        }
        while let Some((overdue, longest)) = self.exchange(now) {
            let job = self.jobs.get_mut(&longest).expect("it was found among them");
            job.state = JobState::Paused { ran: job.ran(now) };
            effects.push(CompileEffect::Pause(longest));
            self.seat(now, overdue, effects);
        }
    }

    /// When time alone changes something: a compile may take the seat of another.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        if self.paused() >= self.seats.paused_max {
            return None;
        }
        let waiting = self.jobs.values().filter(|job| self.may_sit(job));
        waiting.filter_map(|job| self.exchange_at(job)).min()
    }

    /// When a compile that waits may take the seat of one that runs.
    fn exchange_at(&self, waiting: &Job) -> Option<Time> {
        let JobState::Waiting { since } = waiting.state else { return None };
        let longer = self.jobs.values().filter_map(|job| job.longer_at(waiting.expected)).min();
        longer.map(|longer| longer.max(since + COMPILE_WAIT_MAX))
    }

    fn seat(&mut self, now: Time, id: CompileId, effects: &mut Vec<CompileEffect>) {
        let job = self.jobs.get_mut(&id).expect("it was found among them");
        effects.push(match job.state {
            JobState::Paused { .. } => CompileEffect::Resume(id),
            JobState::Waiting { .. } | JobState::Running { .. } => CompileEffect::Start(id),
        });
        job.state = JobState::Running { since: now, before: job.ran(now) };
    }

    /// Whoever gets the next free seat: the first that came, be it that it waits or that it had to give up its own. So nobody
    /// waits for all that come later, however short they are.
    fn next(&self) -> Option<CompileId> {
        self.jobs.iter().find(|(_, job)| self.may_sit(job)).map(|(id, _)| *id)
    }

    /// Whether there is nothing but a seat that it lacks.
    fn may_sit(&self, job: &Job) -> bool {
        match job.state {
            JobState::Running { .. } => false,
            JobState::Paused { .. } => true,
            JobState::Waiting { .. } => !self.has_seat(job.loader) && self.has_memory(job.memory_bytes),
        }
    }

    fn has_memory(&self, more_bytes: u64) -> bool {
        let begun = self.jobs.values().filter(|job| !matches!(job.state, JobState::Waiting { .. }));
        let taken = begun.fold(0_u64, |sum, job| sum.saturating_add(job.memory_bytes));
        taken == 0 || taken.saturating_add(more_bytes) <= self.seats.memory_bytes_max
    }

    /// A compile that has waited for too long, and one that takes longer: the shortest, and the longest.
    fn exchange(&self, now: Time) -> Option<(CompileId, CompileId)> {
        if self.paused() >= self.seats.paused_max {
            return None;
        }
        let is_overdue = |job: &Job| self.may_sit(job) && self.exchange_at(job).is_some_and(|at| at <= now);
        let overdue = self.jobs.iter().filter(|(_, job)| is_overdue(job));
        let (shortest, waiting) = overdue.min_by_key(|(_, job)| job.expected)?;
        let longer = |job: &Job| job.longer_at(waiting.expected).is_some_and(|at| at <= now);
        let longer = self.jobs.iter().filter(|(_, job)| longer(job));
        let (longest, _) = longer.max_by_key(|(_, job)| job.expected.max(job.ran(now)))?;
        Some((*shortest, *longest))
    }

    fn running(&self) -> usize {
        self.jobs.values().filter(|job| job.is_running()).count()
    }

    fn paused(&self) -> usize {
        self.jobs.values().filter(|job| matches!(job.state, JobState::Paused { .. })).count()
    }

    /// Whether a compile of this loader has begun.
    fn has_seat(&self, loader: ActorAddress) -> bool {
        self.jobs.values().any(|job| job.loader == loader && !matches!(job.state, JobState::Waiting { .. }))
    }
}
