//! A mailbox under its lock, with those who wait for room in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::Envelope;
use thespian_core::mailbox::{Mailbox, MailboxLimits, Push, QueueBudget, push_each};

use crate::actor::Cell;

/// The first wait for room in a full mailbox; it doubles.
const ROOM_WAIT_MIN: Duration = Duration::from_millis(1);
/// The longest such wait.
const ROOM_WAIT_MAX: Duration = Duration::from_millis(50);

/// How long who is no actor waits before it looks again whether a mailbox has room.
pub(crate) struct RoomWait(Duration);

impl RoomWait {
    pub(crate) const fn new() -> Self {
        Self(ROOM_WAIT_MIN)
    }

    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(ROOM_WAIT_MAX);
        wait
    }
}

struct State {
    mailbox: Mailbox,
    /// At most one entry for each sender that holds something for this receiver.
    waiting: BTreeMap<ActorAddress, Arc<Cell>>,
}

/// Push, drain and close share one lock.
pub(crate) struct SharedMailbox {
    state: Mutex<State>,
    budget: Arc<QueueBudget>,
}

impl SharedMailbox {
    pub(crate) fn new(limits: MailboxLimits, budget: Arc<QueueBudget>) -> Self {
        let state = State { mailbox: Mailbox::pending(limits), waiting: BTreeMap::new() };
        Self { state: Mutex::new(state), budget }
    }

    pub(crate) fn push(&self, envelope: Envelope) -> Push {
        self.state.lock().mailbox.push(envelope, &self.budget)
    }

    /// Pushes one envelope after the other, under one lock, until one is refused. Also returns whether the receiver
    /// must be activated.
    pub(crate) fn push_run(&self, run: &mut impl Iterator<Item = Envelope>) -> (bool, Push) {
        let mut state = self.state.lock();
        let mut activate = false;
        let push = push_each(run, |envelope| {
            let push = state.mailbox.push(envelope, &self.budget);
            activate |= push == Push::Activate;
            push
        });
        (activate, push)
    }

    pub(crate) fn push_reserved(&self, envelope: Envelope) -> Push {
        self.state.lock().mailbox.push_reserved(envelope, &self.budget)
    }

    pub(crate) fn reserve(&self, cost: usize) -> bool {
        self.state.lock().mailbox.reserve(cost, &self.budget)
    }

    pub(crate) fn release(&self, len: usize, cost: usize) {
        self.state.lock().mailbox.release(len, cost, &self.budget);
    }

    /// Takes envelopes out; if that made enough room, those who waited for it try again. Whether messages are left.
    pub(crate) fn drain(&self, batch: &mut VecDeque<Envelope>, max: usize) -> bool {
        self.take_out(|mailbox, budget| mailbox.drain(batch, max, budget))
    }

    /// Takes out what is there up to an exit request, if one is.
    pub(crate) fn drain_to_exit_request(&self, batch: &mut VecDeque<Envelope>) {
        self.take_out(|mailbox, budget| mailbox.drain_to_exit_request(batch, budget));
    }

    #[inline]
    fn take_out(&self, take: impl FnOnce(&mut Mailbox, &QueueBudget) -> bool) -> bool {
        let mut state = self.state.lock();
        let has_room = take(&mut state.mailbox, &self.budget);
        let is_left = !state.mailbox.is_empty();
        if has_room {
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            wake_all(waiting);
        }
        is_left
    }

    /// Lets `sender` be woken when there is room, or never will be.
    pub(crate) fn await_room(&self, sender: &Arc<Cell>) {
        self.state.lock().waiting.insert(sender.address(), sender.clone());
    }

    pub(crate) fn rest(&self) -> bool {
        self.state.lock().mailbox.rest()
    }

    pub(crate) fn park(&self) -> bool {
        self.state.lock().mailbox.park()
    }

    pub(crate) fn wake(&self) -> bool {
        self.state.lock().mailbox.wake()
    }

    pub(crate) fn take_notices_only(&self) {
        self.state.lock().mailbox.take_notices_only();
    }

    pub(crate) fn close(&self) -> VecDeque<Envelope> {
        let mut state = self.state.lock();
        let left = state.mailbox.close(&self.budget);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        wake_all(waiting);
        left
    }

    /// Messages that wait, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.mailbox.len(), state.mailbox.bytes())
    }
}

fn wake_all(waiting: BTreeMap<ActorAddress, Arc<Cell>>) {
    for sender in waiting.into_values() {
        sender.wake();
    }
}
