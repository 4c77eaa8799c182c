//! Wakes things when they are due: one task for all timers of a node.

use std::sync::Weak;
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::envelope::Wakeup;
use thespian_core::time::Time;
use thespian_core::timers::{TimerKey, Timers};
use tokio::sync::Notify;

use crate::actor::Cell;
use crate::clock::Clock;
use crate::endpoint::AskSlot;
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
    timers: Mutex<Timers<Due>>,
    sooner: Notify,
}

impl TimerService {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, timers: Mutex::default(), sooner: Notify::new() }
    }

    pub(crate) fn at(&self, due: Time, what: Due) -> TimerKey {
        let mut timers = self.timers.lock();
        let is_first = timers.next_due().is_none_or(|next| due < next);
        let key = timers.insert(due, what);
        drop(timers);
        if is_first {
            self.sooner.notify_one();
        }
        key
    }

    pub(crate) fn after(&self, delay: Duration, what: Due) -> TimerKey {
        self.at(self.clock.now() + delay, what)
    }

    pub(crate) fn cancel(&self, key: TimerKey) {
        let cancelled = self.timers.lock().remove(key);
        drop(cancelled);
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(&self) {
        loop {
            self.fire();
            let next = self.timers.lock().next_due();
            match next {
                Some(due) => {
                    let due = tokio::time::sleep_until(self.clock.instant(due).into());
                    tokio::select! { () = due => {}, () = self.sooner.notified() => {} }
                }
                None => self.sooner.notified().await,
            }
        }
    }

    fn fire(&self) {
        let now = self.clock.now();
        loop {
            let due = self.timers.lock().pop_due(now);
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
