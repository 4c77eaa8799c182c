//! What full receivers refused: kept with the sender, in order for each receiver, for a bounded time.

use alloc::collections::{BTreeMap, VecDeque};

use crate::address::ActorAddress;
use crate::envelope::Envelope;
use crate::limits::HOLD_TIME_MAX;
use crate::time::Time;

/// Bounded by what one turn can send, since the next turn waits until it is empty.
#[derive(Debug, Default)]
pub(super) struct Held {
    queues: BTreeMap<ActorAddress, VecDeque<Envelope>>,
    due: Option<Time>,
}

impl Held {
    pub(super) fn push(&mut self, now: Time, envelope: Envelope) {
        self.due.get_or_insert(now + HOLD_TIME_MAX);
        self.queues.entry(envelope.target).or_default().push_back(envelope);
    }

    pub(super) fn has(&self, target: ActorAddress) -> bool {
        self.queues.contains_key(&target)
    }

    /// When what is held expires, if anything is.
    pub(super) const fn due(&self) -> Option<Time> {
        self.due
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Envelope> + use<> {
        self.due = None;
        core::mem::take(&mut self.queues).into_values().flatten()
    }

    /// `offer` returns what is still refused.
    pub(super) fn retry(&mut self, mut offer: impl FnMut(Envelope) -> Option<Envelope>) {
        self.queues.retain(|_, queue| {
            while let Some(envelope) = queue.pop_front() {
                if let Some(refused) = offer(envelope) {
                    queue.push_front(refused);
                    return true;
                }
            }
            false
        });
        if self.queues.is_empty() {
            self.due = None;
        }
    }

    /// Each receiver once.
    pub(super) fn targets(&self) -> impl Iterator<Item = ActorAddress> {
        self.queues.keys().copied()
    }
}
