//! Wakes things when they are due: one task for all timers of a node.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::envelope::Wakeup;
use thespian_core::time::Time;
use thespian_core::timers::{TimerKey, Timers};
use tokio::sync::Notify;

use crate::actor::Cell;
use crate::endpoint::AskSlot;
use crate::plane::clock::Clock;
use crate::shared::Shared;

/// What a timer does when it is due. Weak: a timer keeps nothing alive.
pub(crate) enum Due {
    /// Puts the wakeup into the actor's mailbox.
    Wakeup(Weak<Cell>, Box<Wakeup>),
    /// Lets the actor look at what it waits for.
    Look(Weak<Cell>),
    /// Ends an ask without an answer.
    AskTimedOut(Weak<AskSlot>),
    /// Lets a waiting future look again.
    Notify(Weak<Notify>),
    /// Forgets a named endpoint that nobody came back to.
    ForgetEndpoint { shared: Weak<Shared>, name: String, generation: u64 },
}

/// The timers of a node.
pub(crate) struct TimerService {
    clock: Clock,
    state: Mutex<State>,
    sooner: Notify,
}

#[derive(Default)]
struct State {
    timers: Timers<Due>,
    /// Until when the task sleeps. It may be earlier than the next timer, whose predecessor was taken back: waking
    /// once in vain costs less than waking the task for every timer that is set and taken back, as each ask does.
    asleep_until: Option<Time>,
}

impl TimerService {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), sooner: Notify::new() }
    }

    pub(crate) fn at(&self, due: Time, what: Due) -> TimerKey {
        let mut state = self.state.lock();
        let key = state.timers.insert(due, what);
        let is_sooner = state.asleep_until.is_none_or(|until| due < until);
        if is_sooner {
            state.asleep_until = Some(due);
        }
        drop(state);
        if is_sooner {
            self.sooner.notify_one();
        }
        key
    }

    pub(crate) fn after(&self, delay: Duration, what: Due) -> TimerKey {
        self.at(self.clock.now() + delay, what)
    }

    pub(crate) fn cancel(&self, key: TimerKey) {
        let cancelled = self.state.lock().timers.remove(key);
        drop(cancelled);
    }

    /// Returns when so much time has passed. Works under any runtime, unlike tokio's.
    pub(crate) async fn sleep(&self, length: Duration) {
        let over = Arc::new(Notify::new());
        let key = self.after(length, Due::Notify(Arc::downgrade(&over)));
        // Who stops waiting leaves no timer behind.
        let _cancelled = Alarm { timers: self, key };
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
        let mut state = self.state.lock();
        state.asleep_until = state.timers.next_due();
        state.asleep_until
    }

    fn fire(&self) {
        let now = self.clock.now();
        loop {
            let due = self.state.lock().timers.pop_due(now);
            match due.map(|(_, what)| what) {
                None => return,
                Some(Due::Wakeup(cell, wakeup)) => {
                    if let Some(cell) = cell.upgrade() {
                        cell.wakeup(wakeup);
                    }
                }
                Some(Due::Look(cell)) => {
                    if let Some(cell) = cell.upgrade() {
                        cell.wake();
                    }
                }
                Some(Due::AskTimedOut(slot)) => {
                    if let Some(slot) = slot.upgrade() {
                        slot.time_out();
                    }
                }
                Some(Due::Notify(notify)) => {
                    if let Some(notify) = notify.upgrade() {
                        notify.notify_one();
                    }
                }
                Some(Due::ForgetEndpoint { shared, name, generation }) => {
                    if let Some(shared) = shared.upgrade() {
                        shared.forget_endpoint(&name, generation);
                    }
                }
            }
        }
    }
}

/// A timer that nobody waits for any more when this is dropped.
struct Alarm<'a> {
    timers: &'a TimerService,
    key: TimerKey,
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.timers.cancel(self.key);
    }
}
