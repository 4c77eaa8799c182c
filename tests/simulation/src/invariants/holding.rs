//! What a full receiver refused waits no longer than it may, and meanwhile its sender has no turn.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::{HOLD_RETRY_PERIOD, HOLD_TIME_MAX};
use thespian_core::time::Time;

use super::messages::number;

/// Something that a full receiver refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    Message(u64),
    Poison(u64),
    Restart(u32),
    /// It has a reserved slot, so it can't be.
    Never,
}

impl Held {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        match &envelope.body {
            Body::Message(message) => Self::Message(number(message)),
            Body::Poisoned(poisoned) => Self::Poison(number(&poisoned.original)),
            Body::ChildRestarted(restart) => Self::Restart(restart.incarnation),
            _ => Self::Never,
        }
    }
}

/// What one sender holds, and since when.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    held: BTreeMap<Held, Time>,
}

impl Holding {
    pub(crate) fn refused(&mut self, held: Held, now: Time) {
        self.held.entry(held).or_insert(now);
    }

    /// It is held no longer.
    pub(crate) fn settled(&mut self, sender: ActorAddress, held: Held, now: Time) -> Option<String> {
        let time = now.since(self.held.remove(&held)?);
        (time > HOLD_TIME_MAX + HOLD_RETRY_PERIOD).then(|| format!("{sender} held {held:?} for {time:?}"))
    }

    /// The guest is called.
    pub(crate) fn called(&self, me: ActorAddress) -> Option<String> {
        (!self.held.is_empty()).then(|| format!("{me} is called while it holds messages: {:?}", self.held))
    }
}
