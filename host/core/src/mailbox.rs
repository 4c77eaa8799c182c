//! The queue of one receiver: bounded by count and by bytes, with reserved slots for what must not be lost, and
//! the answer to "who activates the receiver?". The host puts a lock around it; push, drain and close share it.

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;

use crate::budget::{Account, Loan};
use crate::envelope::{Body, Envelope};
use crate::limits::DRAIN_BYTES_MAX;
use crate::time::Time;

/// How much one mailbox may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxLimits {
    /// Messages that may wait.
    pub len_max: usize,
    /// Their cost in bytes. A single message always fits into an empty mailbox.
    pub bytes_max: usize,
}

/// The outcome of a push.
#[derive(Debug, PartialEq, Eq)]
pub enum Push {
    /// The envelope is in the mailbox; the receiver is, or will be, looking.
    Queued,
    /// The envelope is in the mailbox, and the caller must activate the receiver.
    Activate,
    /// There is no room. The envelope comes back.
    Full(Envelope),
    /// The receiver takes no more. The envelope comes back.
    Gone(Envelope),
    /// Its address stands for something else by now: whoever looks it up again finds what. The envelope comes back.
    Moved(Envelope),
}

/// Pushes one envelope after the other until one is refused, which comes back. Nothing behind that one is taken out of
/// `run`.
pub fn push_each(
    run: &mut (impl Iterator<Item = Envelope> + ?Sized),
    mut push: impl FnMut(Envelope) -> Push,
) -> Push {
    for envelope in run {
        match push(envelope) {
            Push::Queued | Push::Activate => {}
            refused @ (Push::Full(_) | Push::Gone(_) | Push::Moved(_)) => return refused,
        }
    }
    Push::Queued
}

/// The moment at which a receiver's alarm went off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The time by the clock.
    pub at: Time,
    /// The number of envelopes that had ever come by then. They were there before anything that fell due at that time.
    pub pushed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intake {
    /// Takes everything that fits.
    Open,
    /// The receiver is exiting: only notices get in.
    NoticesOnly,
    /// The receiver is gone.
    Closed,
    /// Everything was moved out: this is not the receiver's mailbox any more.
    Moved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// Nobody looks: the next push must activate the receiver.
    Idle,
    /// An activation is scheduled or under way. `again`: a wake came meanwhile.
    Active { again: bool },
    /// The receiver waits for something else than a message; only a wake activates it.
    Parked,
}

/// The queue of one receiver.
#[derive(Debug)]
pub struct Mailbox {
    queue: VecDeque<Envelope>,
    limits: MailboxLimits,
    intake: Intake,
    activity: Activity,
    len: usize,
    bytes: usize,
    loan: Loan,
    exit_requested: bool,
    /// A sign of offers waits, which stands for all that come meanwhile.
    offers_waiting: bool,
    /// Somebody was refused since room was last announced.
    refused: bool,
    /// The number of envelopes that were ever taken out: with those that wait, all that ever came.
    taken: u64,
    /// The alarm went off, and the receiver has not heard of it.
    mark: Option<Mark>,
}

impl Mailbox {
    /// A mailbox whose receiver is about to be activated: pushes wait for it.
    #[must_use]
    pub const fn pending(limits: MailboxLimits) -> Self {
        Self {
            queue: VecDeque::new(),
            limits,
            intake: Intake::Open,
            activity: Activity::Active { again: false },
            len: 0,
            bytes: 0,
            loan: Loan::new(),
            exit_requested: false,
            offers_waiting: false,
            refused: false,
            taken: 0,
            mark: None,
        }
    }

    /// Lets no more wait than the lower of these and its own. What waits already stays.
    pub fn lower(&mut self, limits: MailboxLimits) {
        self.limits.len_max = self.limits.len_max.min(limits.len_max);
        self.limits.bytes_max = self.limits.bytes_max.min(limits.bytes_max);
    }

    /// Puts an envelope at the end.
    pub fn push(&mut self, envelope: Envelope, account: &Account) -> Push {
        let reserved = envelope.body.has_reserved_slot();
        match self.intake {
            Intake::Closed => return Push::Gone(envelope),
            Intake::Moved => return Push::Moved(envelope),
            Intake::NoticesOnly if !reserved => return Push::Gone(envelope),
            _ => {}
        }
        if is_exit_request(&envelope) {
            // One slot is reserved for the first; a second changes nothing.
            if core::mem::replace(&mut self.exit_requested, true) {
                return Push::Queued;
            }
            self.queue.push_back(envelope);
            // Also a receiver that waits for something else than a message looks at it.
            return if self.wake() { Push::Activate } else { self.activated() };
        }
        if is_offer(&envelope) && core::mem::replace(&mut self.offers_waiting, true) {
            return Push::Queued;
        }
        if !reserved && !self.reserve(envelope.body.cost(), account) {
            // Who is refused for want of budget is not helped by room here: told of it, it would come back at once, and
            // for ever if it is the receiver itself.
            self.refused |= !self.fits(envelope.body.cost());
            return Push::Full(envelope);
        }
        self.queue.push_back(envelope);
        self.activated()
    }

    /// Keeps room for a message of this cost, for [`Self::push_reserved`]. False when there is none.
    pub fn reserve(&mut self, cost: usize, account: &Account) -> bool {
        if !self.fits(cost) {
            return false;
        }
        let bytes = self.bytes + cost;
        if !self.loan.cover_queued(bytes, account) {
            return false;
        }
        self.len += 1;
        self.bytes = bytes;
        true
    }

    /// Whether it is within this mailbox's own bounds.
    fn fits(&self, cost: usize) -> bool {
        self.len < self.limits.len_max && (self.len == 0 || self.bytes + cost <= self.limits.bytes_max)
    }

    /// Gives room back that was kept by [`Self::reserve`].
    pub fn release(&mut self, len: usize, cost: usize, account: &Account) {
        if !matches!(self.intake, Intake::Closed | Intake::Moved) {
            self.len -= len;
            self.bytes -= cost;
            self.loan.shrink_queued(self.bytes, account);
        }
    }

    /// Puts an envelope at the end for which [`Self::reserve`] kept room.
    pub fn push_reserved(&mut self, envelope: Envelope, account: &Account) -> Push {
        if self.intake != Intake::Open {
            self.release(1, envelope.body.cost(), account);
            return Push::Gone(envelope);
        }
        self.queue.push_back(envelope);
        self.activated()
    }

    fn activated(&mut self) -> Push {
        if self.activity == Activity::Idle {
            self.activity = Activity::Active { again: false };
            Push::Activate
        } else {
            Push::Queued
        }
    }

    /// Moves up to `max` envelopes, oldest first, to the end of `batch`, and about `DRAIN_BYTES_MAX` bytes of them.
    /// Returns whether those who were refused should try again: it is then at most half full, so that they do not
    /// come back for a place or two.
    pub fn drain(&mut self, batch: &mut VecDeque<Envelope>, max: usize, account: &Account) -> bool {
        let before = self.queue.len();
        if batch.is_empty() && self.queue.len() <= max && self.bytes <= DRAIN_BYTES_MAX {
            // All at once, with their memory: an idle mailbox keeps none, and what is allocated for the next message is
            // what was freed last, which is still in the cache.
            *batch = core::mem::take(&mut self.queue);
            batch.iter().for_each(|envelope| self.uncount(envelope));
        } else {
            let bytes_min = self.bytes.saturating_sub(DRAIN_BYTES_MAX);
            for _ in 0..max {
                let Some(envelope) = self.queue.pop_front() else { break };
                self.uncount(&envelope);
                batch.push_back(envelope);
                if self.bytes <= bytes_min {
                    break;
                }
            }
        }
        self.taken += (before - self.queue.len()) as u64;
        self.drained(account)
    }

    /// Moves everything up to an exit request to the end of `batch`, if there is one. Returns the same.
    pub fn drain_to_exit_request(&mut self, batch: &mut VecDeque<Envelope>, account: &Account) -> bool {
        // Mostly there is none, and then nobody searches.
        let at = self.exit_requested.then(|| self.queue.iter().position(is_exit_request)).flatten();
        let Some(at) = at else { return false };
        for _ in 0..=at {
            let Some(envelope) = self.queue.pop_front() else { break };
            self.uncount(&envelope);
            batch.push_back(envelope);
            self.taken += 1;
        }
        self.drained(account)
    }

    #[inline]
    fn drained(&mut self, account: &Account) -> bool {
        self.loan.shrink_queued(self.bytes, account);
        if self.queue.is_empty() && self.queue.capacity() > 1_024 {
            self.queue.shrink_to(64);
        }
        let half_empty = self.len <= self.limits.len_max / 2 && self.bytes <= self.limits.bytes_max / 2;
        half_empty && core::mem::take(&mut self.refused)
    }

    fn uncount(&mut self, envelope: &Envelope) {
        if !envelope.body.has_reserved_slot() {
            self.len -= 1;
            self.bytes -= envelope.body.cost();
        } else if is_offer(envelope) {
            self.offers_waiting = false;
        }
    }

    /// The receiver has nothing left to do. False: something came meanwhile, or it has not heard of its alarm; look again.
    pub fn rest(&mut self) -> bool {
        let woken = core::mem::replace(&mut self.activity, Activity::Active { again: false });
        let has_mark = self.mark.is_some();
        if has_mark || !self.queue.is_empty() || woken == (Activity::Active { again: true }) {
            return false;
        }
        self.activity = Activity::Idle;
        true
    }

    /// The receiver waits for something else than a message. False: a wake came meanwhile, look again.
    pub fn park(&mut self) -> bool {
        if self.activity == (Activity::Active { again: true }) {
            self.activity = Activity::Active { again: false };
            return false;
        }
        self.activity = Activity::Parked;
        true
    }

    /// Something happened that the receiver must look at. True: the caller must activate it.
    pub fn wake(&mut self) -> bool {
        match self.activity {
            Activity::Idle | Activity::Parked => {
                self.activity = Activity::Active { again: false };
                true
            }
            Activity::Active { .. } => {
                self.activity = Activity::Active { again: true };
                false
            }
        }
    }

    /// The receiver's alarm has gone off. What is in the mailbox now was there before; what comes from here on was not.
    /// True: the caller must activate the receiver, whatever it waits for.
    pub fn ring(&mut self, at: Time) -> bool {
        // A mark that the receiver has not heard of yet goes: this one stands for all that has fallen due by now.
        self.mark = Some(Mark { at, pushed: self.taken + self.queue.len() as u64 });
        self.wake()
    }

    /// When the alarm went off, if it did since this was last asked.
    pub const fn take_mark(&mut self) -> Option<Mark> {
        self.mark.take()
    }

    /// From now on only notices get in: the receiver is exiting.
    pub fn take_notices_only(&mut self) {
        if self.intake == Intake::Open {
            self.intake = Intake::NoticesOnly;
        }
    }

    /// Moves everything out, for whoever the address stands for from now on: what is in the queue, its bounds, and that
    /// its receiver is about to be activated. Whoever comes later than this is told so.
    #[must_use]
    pub fn move_out(&mut self) -> Self {
        let left_here = Self { intake: Intake::Moved, ..Self::pending(self.limits) };
        core::mem::replace(self, left_here)
    }

    /// Has another account pay for what waits here from now on: its receiver's, and no longer that of whoever made it.
    pub fn hand_over(&mut self, from: &Account, to: &Account) {
        self.loan.hand_queued(from, to);
    }

    /// Whether everything was moved out.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        self.intake == Intake::Moved
    }

    /// Nothing gets in any more. Returns what was still there.
    pub fn close(&mut self, account: &Account) -> VecDeque<Envelope> {
        self.intake = Intake::Closed;
        (self.len, self.bytes) = (0, 0);
        self.loan.shrink_queued(0, account);
        core::mem::take(&mut self.queue)
    }

    /// Messages that wait, and room that is kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no message waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Their cost in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

const fn is_offer(envelope: &Envelope) -> bool {
    matches!(envelope.body, Body::SourceOffered(_))
}

const fn is_exit_request(envelope: &Envelope) -> bool {
    matches!(envelope.body, Body::ExitRequest(_))
}
