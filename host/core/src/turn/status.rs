//! How an actor is, as others may see it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::phase::ActorPhase;
use super::{Phase, Turn};
use crate::address::ActorAddress;
use crate::envelope::{Body, Envelope};
use crate::limits::{CHILD_BYTES, MONITOR_BYTES, QUESTION_BYTES, STATUS_RECEIVERS_MAX};
use crate::message::Message;
use crate::time::Time;

/// Payload of a message of which an activation takes no more than a few KiB in all.
const SMALL_PAYLOAD_BYTES: usize = 256;

/// Counts of what an actor has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Turns that returned, with `ok` or not.
    pub turns: u64,
    /// Messages that it could not handle.
    pub poisoned: u64,
    /// Instances after the first, also those that could not start.
    pub restarts: u64,
    /// Messages that it sent.
    pub sent: u64,
}

/// The reason for which an actor handles nothing now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Until when at most.
    pub until: Time,
    /// The reason in words.
    pub why: String,
    /// Receivers without room, the first of them.
    pub receivers: Vec<ActorAddress>,
}

impl Turn {
    /// The phase that status shows.
    #[must_use]
    pub fn phase(&self, now: Time) -> ActorPhase {
        match self.phase {
            Phase::Starting => ActorPhase::Starting,
            Phase::Exiting(_) | Phase::Ending(_) => ActorPhase::Exiting,
            Phase::Running if self.held.due().is_some() => ActorPhase::Held,
            Phase::Running if self.awaits_children || self.restarts.paused_until(now).is_some() => {
                ActorPhase::Paused
            }
            Phase::Running => ActorPhase::Running,
        }
    }

    /// The reason for which it handles nothing now, where it is held or paused.
    #[must_use]
    pub fn waits(&self, now: Time) -> Option<Wait> {
        if let Some(until) = self.held.due() {
            let receivers = self.held.targets().take(STATUS_RECEIVERS_MAX).collect();
            return Some(Wait {
                until,
                why: "the receivers of its last messages are full".to_string(),
                receivers,
            });
        }
        let until = self.restarts.paused_until(now)?;
        Some(Wait { until, why: self.why_it_pauses(), receivers: Vec::new() })
    }

    /// The number of its instance; the first is 1, and before it 0.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// Counts of what it has done so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Wakeups it has pending.
    #[must_use]
    pub fn wakeups(&self) -> usize {
        self.wakeups.len()
    }

    /// Memory that it takes from turn to turn, in bytes: for its wakeups and its questions, and for those whose end it is to hear
    /// of.
    #[inline]
    pub(super) fn kept_bytes(&self) -> usize {
        let has_none = self.wakeups.is_empty() && self.monitored.is_empty() && self.asked.is_empty();
        if has_none && self.children.is_empty() {
            return 0;
        }
        let ends = self.monitored.len() * MONITOR_BYTES + self.children.len() * CHILD_BYTES;
        self.wakeups.kept_bytes() + ends + self.asked.len() * QUESTION_BYTES
    }

    /// Whether none of the envelopes that it has taken from its mailbox and not handled is large, as mostly.
    #[inline]
    pub(super) fn has_taken_little(&self) -> bool {
        let is_small = |envelope: &Envelope| match &envelope.body {
            Body::Message(message) => {
                message.headers.is_none() && message.payload.len() <= SMALL_PAYLOAD_BYTES
            }
            _ => false,
        };
        self.batch.iter().all(is_small)
    }

    /// Bytes of the envelopes that it has taken from its mailbox and not handled.
    pub(super) fn taken_bytes(&self) -> usize {
        let bytes = |envelope: &Envelope| match &envelope.body {
            // Of a wakeup that waits nothing is in the mailbox, and so it costs nothing there.
            Body::Wakeup(wakeup) => wakeup.payload.as_ref().map_or(0, Message::cost),
            body => body.cost(),
        };
        let concerned = self.current.iter().filter_map(|current| current.fails_for.as_ref());
        let concerned: usize = concerned.map(|concerned| concerned.original.cost()).sum();
        let current = self.current.iter().map(|current| &current.envelope);
        concerned + self.batch.iter().chain(current).map(bytes).sum::<usize>()
    }

    /// Envelopes it has taken from its mailbox and not handled yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.batch.len() + usize::from(self.current.is_some())
    }
}
