//! What status shows of an actor, kept apart so that it can be read while a turn runs: as it was at the end of the last
//! activation.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::limits::LONG_TURN_MIN;
use thespian_core::time::Time;
use thespian_core::turn::{Turn, Wait};
use thespian_core::wire::control::ActorPhase;

/// Written by the activation, read by whoever asks. On cache lines of its own: beside it in the cell lies what every
/// sender reads, on other cores, and this is written at each turn.
#[derive(Default)]
#[repr(align(64))]
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
    /// When the activation under way began; 0: none is. A turn begins within `ACTIVATION_TIME_MAX` of it, so a long turn
    /// is as long as its activation, and no clock is read for it.
    awake_since_ns: AtomicU64,
    /// Since when the oldest message has waited at least; 0: none does.
    oldest_since_ns: AtomicU64,
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
    /// For how long the turn under way has run, if that is long.
    pub(crate) in_turn: Option<Duration>,
    /// For how long its oldest message has waited at least.
    pub(crate) oldest: Option<Duration>,
    pub(crate) wait: Option<Wait>,
}

impl Showing {
    /// An actor that is not yet decided about.
    pub(super) const fn pending() -> Self {
        Self::idle(ActorPhase::Starting)
    }

    /// An actor that is no more.
    pub(super) const fn ended() -> Self {
        Self::idle(ActorPhase::Exiting)
    }

    const fn idle(phase: ActorPhase) -> Self {
        Self {
            phase,
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
            in_turn: None,
            oldest: None,
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
    /// An activation begins.
    pub(super) fn begin(&self, woken: Time) {
        let woken = woken.0.max(1);
        self.awake_since_ns.store(woken, Ordering::Relaxed);
        if self.oldest_since_ns.load(Ordering::Relaxed) == 0 {
            self.oldest_since_ns.store(woken, Ordering::Relaxed);
        }
    }

    /// A turn begins. So many envelopes that were taken out of the mailbox wait behind it.
    pub(super) fn note_taken(&self, taken: usize) {
        self.taken.store(taken as u64, Ordering::Relaxed);
    }

    /// Notes how an actor is at the end of an activation. `left_since`: messages have been in its mailbox since then.
    pub(super) fn note(
        &self,
        woken: Time,
        now: Time,
        turn: &Turn,
        left_since: Option<Time>,
        memory_bytes: usize,
    ) {
        self.awake_since_ns.store(0, Ordering::Relaxed);
        if turn.waiting() == 0 {
            let oldest = left_since.map_or(0, |since| since.0.max(1));
            self.oldest_since_ns.store(oldest, Ordering::Relaxed);
        }
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
        self.taken.store(turn.waiting() as u64, Ordering::Relaxed);
        self.sent.store(counters.sent, Ordering::Relaxed);
        self.memory_bytes.store(memory_bytes as u64, Ordering::Relaxed);
        // One activation at a time, so nobody else writes it.
        let busy_ns = self.busy_ns.load(Ordering::Relaxed);
        self.busy_ns.store(busy_ns + now.0.saturating_sub(woken.0), Ordering::Relaxed);
    }

    /// A message that the actor sent has become a dead letter.
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

    /// For how long the turn under way has run, if that is long.
    pub(super) fn in_turn(&self, now: Time) -> Option<Duration> {
        since(&self.awake_since_ns, now).filter(|length| *length >= LONG_TURN_MIN)
    }

    /// For how long its oldest message has waited at least, if there is one.
    pub(super) fn oldest(&self, now: Time) -> Option<Duration> {
        since(&self.oldest_since_ns, now)
    }

    pub(super) fn showing(&self, now: Time) -> Showing {
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
            in_turn: self.in_turn(now),
            oldest: self.oldest(now),
            wait: if waits(phase) { self.wait.lock().clone() } else { None },
        }
    }
}

fn since(begun_ns: &AtomicU64, now: Time) -> Option<Duration> {
    let begun_ns = begun_ns.load(Ordering::Relaxed);
    (begun_ns > 0).then(|| Duration::from_nanos(now.0.saturating_sub(begun_ns)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use thespian_core::address::{ActorAddress, HostId};
    use thespian_core::envelope::{Body, Envelope};
    use thespian_core::fate::{ChildrenAtRestart, OnTrap};
    use thespian_core::message::Message;
    use thespian_core::turn::Identity;

    const MS: u64 = 1_000_000;

    fn turn() -> Turn {
        let me = ActorAddress::new(HostId(1), 1);
        Turn::new(Identity {
            me,
            parent: None,
            on_trap: OnTrap::Restart,
            children_at_restart: ChildrenAtRestart::Keep,
            watch_restarts: false,
            transient: None,
        })
    }

    #[test]
    fn a_long_turn_is_shown_while_it_runs_and_the_age_of_what_waits_goes_on_behind_it() {
        let (shown, idle) = (Shown::default(), turn());
        shown.begin(Time(5 * MS));
        assert_eq!(shown.in_turn(Time(6 * MS)), None, "a short one is not worth a word");
        assert_eq!(shown.in_turn(Time(1_405 * MS)), Some(Duration::from_millis(1_400)));
        assert_eq!(shown.oldest(Time(1_405 * MS)), Some(Duration::from_millis(1_400)));
        shown.note(Time(5 * MS), Time(2_005 * MS), &idle, Some(Time(5 * MS)), 0);
        assert_eq!(shown.in_turn(Time(2_100 * MS)), None);
        assert_eq!(shown.oldest(Time(2_105 * MS)), Some(Duration::from_millis(2_100)), "some were left");
        shown.begin(Time(2_200 * MS));
        assert_eq!(shown.oldest(Time(2_205 * MS)), Some(Duration::from_millis(2_200)));
        shown.note(Time(2_200 * MS), Time(2_201 * MS), &idle, None, 0);
        assert_eq!((shown.in_turn(Time(3_000 * MS)), shown.oldest(Time(3_000 * MS))), (None, None));
    }

    #[test]
    fn what_was_taken_and_is_not_handled_stays_the_oldest() {
        let (shown, mut busy) = (Shown::default(), turn());
        shown.begin(Time(MS));
        let me = ActorAddress::new(HostId(1), 1);
        let body = Body::Message(Message::json("M", "{}"));
        busy.take_in(|batch| {
            batch.push_back(Envelope { target: me, sender: me, body });
            None
        });
        shown.note(Time(MS), Time(2 * MS), &busy, None, 0);
        shown.begin(Time(50 * MS));
        assert_eq!(shown.oldest(Time(101 * MS)), Some(Duration::from_millis(100)));
    }

    #[test]
    fn every_phase_is_found_by_its_number() {
        for phase in PHASES {
            assert_eq!(PHASES[usize::from(phase as u8)], phase);
        }
    }
}
