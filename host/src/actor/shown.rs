//! What status shows of an actor, kept apart so that it can be read while a turn runs: as it was at the end of the last
//! activation.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::time::Time;
use thespian_core::turn::{Turn, Wait};
use thespian_core::wire::control::ActorPhase;

/// Written by the activation, read by whoever asks.
#[derive(Default)]
pub(super) struct Shown {
    phase: AtomicU8,
    incarnation: AtomicU32,
    restarts: AtomicU64,
    turns: AtomicU64,
    poisoned: AtomicU64,
    wakeups: AtomicU64,
    taken: AtomicU64,
    sent: AtomicU64,
    busy_ns: AtomicU64,
    memory_bytes: AtomicU64,
    undelivered: AtomicU64,
    /// Only where the phase is one of waiting: others need no lock.
    wait: Mutex<Option<Wait>>,
}

/// An actor as status shows it.
pub(crate) struct Showing {
    pub(crate) phase: ActorPhase,
    pub(crate) incarnation: u32,
    pub(crate) restarts: u64,
    pub(crate) turns: u64,
    pub(crate) poisoned: u64,
    pub(crate) wakeups: u64,
    /// Envelopes that it has taken out of its mailbox and not handled yet.
    pub(crate) taken: u64,
    pub(crate) sent: u64,
    pub(crate) undelivered: u64,
    pub(crate) busy: Duration,
    pub(crate) memory_bytes: u64,
    pub(crate) wait: Option<Wait>,
}

impl Showing {
    /// One that is no more.
    pub(crate) const fn ended() -> Self {
        Self {
            phase: ActorPhase::Exiting,
            incarnation: 0,
            restarts: 0,
            turns: 0,
            poisoned: 0,
            wakeups: 0,
            taken: 0,
            sent: 0,
            undelivered: 0,
            busy: Duration::ZERO,
            memory_bytes: 0,
            wait: None,
        }
    }
}

/// The first is what an actor is that was never activated.
const PHASES: [ActorPhase; 5] =
    [ActorPhase::Starting, ActorPhase::Running, ActorPhase::Held, ActorPhase::Paused, ActorPhase::Exiting];

const fn waits(phase: u8) -> bool {
    phase == ActorPhase::Held as u8 || phase == ActorPhase::Paused as u8
}

impl Shown {
    /// Notes how an actor is at the end of an activation.
    pub(super) fn note(&self, woken: Time, now: Time, turn: &Turn, memory_bytes: usize) {
        let counters = turn.counters();
        let phase = turn.phase(now) as u8;
        let before = self.phase.swap(phase, Ordering::Relaxed);
        if waits(phase) || waits(before) {
            *self.wait.lock() = turn.waits(now);
        }
        self.incarnation.store(turn.incarnation(), Ordering::Relaxed);
        self.restarts.store(counters.restarts, Ordering::Relaxed);
        self.turns.store(counters.turns, Ordering::Relaxed);
        self.poisoned.store(counters.poisoned, Ordering::Relaxed);
        self.wakeups.store(turn.wakeups() as u64, Ordering::Relaxed);
        self.taken.store(turn.taken() as u64, Ordering::Relaxed);
        self.sent.store(counters.sent, Ordering::Relaxed);
        self.memory_bytes.store(memory_bytes as u64, Ordering::Relaxed);
        // One activation at a time, so nobody else writes it.
        let busy_ns = self.busy_ns.load(Ordering::Relaxed);
        self.busy_ns.store(busy_ns + now.0.saturating_sub(woken.0), Ordering::Relaxed);
    }

    /// What the actor sent has become a dead letter.
    pub(super) fn note_undelivered(&self) {
        self.undelivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// The turns of an actor that has ended: counted elsewhere from now on.
    pub(super) fn take_turns(&self) -> u64 {
        self.turns.swap(0, Ordering::Relaxed)
    }

    pub(super) fn showing(&self) -> Showing {
        let phase = self.phase.load(Ordering::Relaxed);
        Showing {
            phase: PHASES.get(usize::from(phase)).copied().unwrap_or(ActorPhase::Starting),
            incarnation: self.incarnation.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            turns: self.turns(),
            poisoned: self.poisoned.load(Ordering::Relaxed),
            wakeups: self.wakeups.load(Ordering::Relaxed),
            taken: self.taken.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            undelivered: self.undelivered.load(Ordering::Relaxed),
            busy: Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed)),
            memory_bytes: self.memory_bytes.load(Ordering::Relaxed),
            wait: if waits(phase) { self.wait.lock().clone() } else { None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_found_by_its_number() {
        for phase in PHASES {
            assert_eq!(PHASES[usize::from(phase as u8)], phase);
        }
    }
}
