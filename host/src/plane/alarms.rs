//! Wakes things when they are due: one task for all alarms of a node.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::time::Time;
use thespian_core::timers::{TimerKey, Timers};
use tokio::sync::Notify;

use super::clock::Clock;
use super::sleeper::Sleeper;

/// The alarms of a node. Weak: an alarm keeps nothing alive that it is set for.
pub(crate) struct Alarms {
    clock: Clock,
    schedule: Mutex<Schedule>,
    sooner: Notify,
}

#[derive(Default)]
struct Schedule {
    timers: Timers<Weak<dyn Sleeper>>,
    /// Until when the task sleeps. It may be earlier than the next alarm, whose predecessor was taken back: waking
    /// once in vain costs less than waking the task for every alarm that is set and taken back, as each ask does.
    asleep_until: Option<Time>,
}

impl Alarms {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, schedule: Mutex::default(), sooner: Notify::new() }
    }

    /// Sets an alarm anew, or the first time.
    pub(crate) fn set(&self, before: Option<TimerKey>, due: Time, sleeper: Weak<dyn Sleeper>) -> TimerKey {
        let mut schedule = self.schedule.lock();
        let forgotten = before.and_then(|key| schedule.timers.remove(key));
        let key = schedule.timers.insert(due, sleeper);
        let is_sooner = schedule.asleep_until.is_none_or(|until| due < until);
        if is_sooner {
            schedule.asleep_until = Some(due);
        }
        drop(schedule);
        drop(forgotten);
        if is_sooner {
            self.sooner.notify_one();
        }
        key
    }

    pub(crate) fn after(&self, delay: Duration, sleeper: Weak<dyn Sleeper>) -> TimerKey {
        self.set(None, self.clock.now() + delay, sleeper)
    }

    pub(crate) fn cancel(&self, key: TimerKey) {
        let cancelled = self.schedule.lock().timers.remove(key);
        drop(cancelled);
    }

    /// Returns when so much time has passed. Works under any runtime, unlike tokio's.
    pub(crate) async fn sleep(&self, length: Duration) {
        let over = Arc::new(Notify::new());
        let sleeper: Arc<dyn Sleeper> = over.clone();
        let key = self.after(length, Arc::downgrade(&sleeper));
        // Who stops waiting leaves no alarm behind.
        let _cancelled = Alarm { alarms: self, key };
        over.notified().await;
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(&self) {
        loop {
            self.fire();
            match self.fall_asleep() {
                Some(due) => {
                    let due = tokio::time::sleep_until(self.clock.instant(due).into());
                    tokio::select! { () = due => {}, () = self.sooner.notified() => {} }
                }
                None => self.sooner.notified().await,
            }
        }
    }

    fn fall_asleep(&self) -> Option<Time> {
        let mut schedule = self.schedule.lock();
        schedule.asleep_until = schedule.timers.next_due();
        schedule.asleep_until
    }

    fn fire(&self) {
        let now = self.clock.now();
        loop {
            let due = self.schedule.lock().timers.pop_due(now);
            let Some((_, sleeper)) = due else { return };
            if let Some(sleeper) = sleeper.upgrade() {
                sleeper.ring(now);
            }
        }
    }
}

/// An alarm that nobody waits for any more when this is dropped.
struct Alarm<'a> {
    alarms: &'a Alarms,
    key: TimerKey,
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.alarms.cancel(self.key);
    }
}
