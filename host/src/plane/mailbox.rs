//! A mailbox under its lock, with those who wait for room in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::budget::Account;
use thespian_core::envelope::Envelope;
use thespian_core::mailbox::{Mailbox, MailboxLimits, Mark, Push, push_each};
use thespian_core::time::Time;
use tokio::sync::Notify;

use super::sleeper::Sleeper;

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

/// The senders that hold something for a receiver, and wait for room there. Each is in it once.
type Waiters = BTreeMap<ActorAddress, Arc<dyn Sleeper>>;

struct Guarded {
    mailbox: Mailbox,
    waiters: Waiters,
}

/// Push, drain and close share one lock.
pub(crate) struct SharedMailbox {
    guarded: Mutex<Guarded>,
    /// That of its receiver, who pays for what waits.
    account: Arc<Account>,
}

impl SharedMailbox {
    pub(crate) fn new(limits: MailboxLimits, account: Arc<Account>) -> Self {
        let guarded = Guarded { mailbox: Mailbox::pending(limits), waiters: BTreeMap::new() };
        Self { guarded: Mutex::new(guarded), account }
    }

    pub(crate) const fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Another pays from now on for what waits here.
    pub(crate) fn hand_over(&mut self, account: Arc<Account>) {
        self.guarded.get_mut().mailbox.hand_over(&self.account, &account);
        self.account = account;
    }

    /// Lets no more wait than the lower of these and its own.
    pub(crate) fn lower(&mut self, limits: MailboxLimits) {
        self.guarded.get_mut().mailbox.lower(limits);
    }

    pub(crate) fn push(&self, envelope: Envelope) -> Push {
        self.guarded.lock().mailbox.push(envelope, &self.account)
    }

    /// Pushes an envelope for an owner that is a task and waits for `arrived`: nobody else has to activate it.
    pub(crate) fn push_for(&self, arrived: &Notify, envelope: Envelope) -> Push {
        match self.push(envelope) {
            Push::Queued | Push::Activate => {
                arrived.notify_one();
                Push::Queued
            }
            refused => refused,
        }
    }

    /// Pushes one envelope after the other, under one lock, until one is refused. Also returns whether the receiver
    /// must be activated.
    pub(crate) fn push_run(&self, run: &mut dyn Iterator<Item = Envelope>) -> (bool, Push) {
        let mut guarded = self.guarded.lock();
        let mut activate = false;
        let push = push_each(run, |envelope| {
            let push = guarded.mailbox.push(envelope, &self.account);
            activate |= push == Push::Activate;
            push
        });
        (activate, push)
    }

    pub(crate) fn push_reserved(&self, envelope: Envelope) -> Push {
        self.guarded.lock().mailbox.push_reserved(envelope, &self.account)
    }

    pub(crate) fn reserve(&self, cost: usize) -> bool {
        self.guarded.lock().mailbox.reserve(cost, &self.account)
    }

    pub(crate) fn release(&self, len: usize, cost: usize) {
        self.guarded.lock().mailbox.release(len, cost, &self.account);
    }

    /// Takes envelopes out; if that made enough room, those who waited for it try again. Returns whether messages are
    /// left, and when the alarm went off, if it did.
    pub(crate) fn drain(&self, batch: &mut VecDeque<Envelope>, max: usize) -> (bool, Option<Mark>) {
        self.take_out(|mailbox, account| mailbox.drain(batch, max, account))
    }

    /// Takes out what is there up to an exit request, if one is. Returns when the alarm went off, if it did.
    pub(crate) fn drain_to_exit_request(&self, batch: &mut VecDeque<Envelope>) -> Option<Mark> {
        self.take_out(|mailbox, account| mailbox.drain_to_exit_request(batch, account)).1
    }

    #[inline]
    fn take_out(&self, take: impl FnOnce(&mut Mailbox, &Account) -> bool) -> (bool, Option<Mark>) {
        let mut guarded = self.guarded.lock();
        let has_room = take(&mut guarded.mailbox, &self.account);
        let (is_left, mark) = (!guarded.mailbox.is_empty(), guarded.mailbox.take_mark());
        if has_room {
            let waiters = std::mem::take(&mut guarded.waiters);
            drop(guarded);
            wake_all(waiters);
        }
        (is_left, mark)
    }

    /// Lets `sender` be woken when there is room, or never will be. If this is not its receiver's mailbox any more, it is
    /// woken at once, and looks the receiver up again.
    pub(crate) fn await_room(&self, address: ActorAddress, sender: Arc<dyn Sleeper>) {
        let mut guarded = self.guarded.lock();
        if guarded.mailbox.is_moved() {
            drop(guarded);
            sender.wake();
        } else {
            guarded.waiters.insert(address, sender);
        }
    }

    /// Moves everything out, once: `take` gets the mailbox in which it goes on, and has to see to it that whoever looks
    /// the receiver up finds that, before it returns. Only then can others see that this one has been left; those who
    /// wait for room here look again.
    pub(crate) fn move_out(&self, take: impl FnOnce(Self)) {
        let mut guarded = self.guarded.lock();
        if guarded.mailbox.is_moved() {
            return;
        }
        let moved = Guarded { mailbox: guarded.mailbox.move_out(), waiters: BTreeMap::new() };
        take(Self { guarded: Mutex::new(moved), account: self.account.clone() });
        let waiters = std::mem::take(&mut guarded.waiters);
        drop(guarded);
        wake_all(waiters);
    }

    pub(crate) fn rest(&self) -> bool {
        self.guarded.lock().mailbox.rest()
    }

    pub(crate) fn park(&self) -> bool {
        self.guarded.lock().mailbox.park()
    }

    /// The receiver's alarm has gone off; whether it must be activated.
    pub(crate) fn ring(&self, at: Time) -> bool {
        self.guarded.lock().mailbox.ring(at)
    }

    pub(crate) fn wake(&self) -> bool {
        self.guarded.lock().mailbox.wake()
    }

    pub(crate) fn take_notices_only(&self) {
        self.guarded.lock().mailbox.take_notices_only();
    }

    pub(crate) fn close(&self) -> VecDeque<Envelope> {
        let mut guarded = self.guarded.lock();
        let left = guarded.mailbox.close(&self.account);
        let waiters = std::mem::take(&mut guarded.waiters);
        drop(guarded);
        wake_all(waiters);
        left
    }

    /// Messages that wait, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        let guarded = self.guarded.lock();
        (guarded.mailbox.len(), guarded.mailbox.bytes())
    }
}

fn wake_all(waiters: Waiters) {
    for sender in waiters.into_values() {
        sender.wake();
    }
}
