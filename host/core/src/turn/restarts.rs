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
    pause: Option<Duration>,
    paused_until: Option<Time>,
}

impl Restarts {
    /// Counts one restart.
    pub(super) fn note(&mut self, now: Time) -> Restart {
        self.forget_old(now);
        if self.recent.len() >= RESTARTS_MAX {
            return Restart::BudgetSpent;
        }
        if self.recent.is_empty() {
            self.pause = None;
        }
        self.recent.push_back(now);
        Restart::Within
    }

    pub(super) fn is_spent(&mut self, now: Time) -> bool {
        self.note(now) == Restart::BudgetSpent
    }

    /// Begins the next pause: twice as long as the one before.
    pub(super) fn pause(&mut self, now: Time) {
        let pause = self.pause.map_or(RESTART_PAUSE_MIN, |last| (last * 2).min(RESTART_PAUSE_MAX));
        self.pause = Some(pause);
        self.paused_until = Some(now + pause);
    }

    /// Until when the actor pauses, if it does.
    pub(super) fn paused_until(&self, now: Time) -> Option<Time> {
        self.paused_until.filter(|until| now < *until)
    }

    fn forget_old(&mut self, now: Time) {
        while self.recent.front().is_some_and(|then| now.since(*then) > RESTART_WINDOW) {
            self.recent.pop_front();
        }
    }
}
