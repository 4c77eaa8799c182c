//! How often an actor may be restarted, and how long it pauses when that is spent.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::limits::{RESTART_PAUSE_MAX, RESTART_PAUSE_MIN, RESTART_WINDOW, RESTARTS_MAX};
use crate::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    Within,
    BudgetSpent,
}

#[derive(Debug, Default)]
pub(super) struct Restarts {
    recent: VecDeque<Time>,
    /// The last restart or the end of the last pause: from when on it is quiet.
    quiet_since: Time,
    pause: Option<Duration>,
    paused_until: Option<Time>,
}

impl Restarts {
    /// Counts one restart. A pause is no sign of health, so only a window after it with no restart lets the next pauses
    /// begin small again.
    pub(super) fn note(&mut self, now: Time) -> Restart {
        while self.recent.front().is_some_and(|then| now.since(*then) >= RESTART_WINDOW) {
            self.recent.pop_front();
        }
        if now.since(self.quiet_since) >= RESTART_WINDOW {
            self.pause = None;
        }
        self.quiet_since = now;
        if self.recent.len() >= RESTARTS_MAX {
            return Restart::BudgetSpent;
        }
        self.recent.push_back(now);
        Restart::Within
    }

    /// Begins the next pause: twice as long as the one before.
    pub(super) fn pause(&mut self, now: Time) {
        let pause = self.pause.map_or(RESTART_PAUSE_MIN, |last| (last * 2).min(RESTART_PAUSE_MAX));
        self.pause = Some(pause);
        self.paused_until = Some(now + pause);
        self.quiet_since = now + pause;
    }

    /// Until when the actor pauses, if it does.
    pub(super) fn paused_until(&self, now: Time) -> Option<Time> {
        self.paused_until.filter(|until| now < *until)
    }

    /// Whether the pauses have grown as far as they do.
    pub(super) fn has_paused_longest(&self) -> bool {
        self.pause == Some(RESTART_PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_hundred_restarts_in_ten_seconds_are_within_the_budget() {
        let mut restarts = Restarts::default();
        let mut now = Time(0);
        for _ in 0..RESTARTS_MAX {
            assert_eq!(restarts.note(now), Restart::Within);
            now = now + Duration::from_millis(50);
        }
        assert_eq!(restarts.note(now), Restart::BudgetSpent);
        now = Time(0) + RESTART_WINDOW;
        assert_eq!(restarts.note(now), Restart::Within, "the first is forgotten");
        assert_eq!(restarts.note(now), Restart::BudgetSpent, "the second is not");
    }

    #[test]
    fn pauses_double_from_ten_milliseconds_to_ten_seconds_and_stay_there() {
        let mut restarts = Restarts::default();
        let mut now = Time(0);
        let mut pauses = Vec::new();
        while pauses.len() < 13 {
            while restarts.note(now) == Restart::Within {}
            assert_eq!(restarts.has_paused_longest(), pauses.len() > 10);
            restarts.pause(now);
            let until = restarts.paused_until(now).unwrap();
            pauses.push((until - now).as_millis());
            now = until;
            assert_eq!(restarts.paused_until(now), None);
        }
        assert_eq!(pauses[..4], [10, 20, 40, 80]);
        assert_eq!(pauses[9..], [5_120, 10_000, 10_000, 10_000]);
    }

    #[test]
    fn pauses_begin_small_again_after_a_quiet_time_that_no_pause_is_part_of() {
        let mut restarts = Restarts::default();
        let mut now = Time(0);
        for _ in 0..20 {
            while restarts.note(now) == Restart::Within {}
            restarts.pause(now);
            now = restarts.paused_until(now).unwrap();
        }
        now = now + (RESTART_WINDOW - SECOND);
        restarts.note(now);
        assert!(restarts.has_paused_longest(), "not quiet for long enough");
        now = now + RESTART_WINDOW;
        while restarts.note(now) == Restart::Within {}
        restarts.pause(now);
        assert_eq!(restarts.paused_until(now), Some(now + RESTART_PAUSE_MIN));
    }
}
