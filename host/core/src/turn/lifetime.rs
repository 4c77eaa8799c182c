//! Actors that end of themselves: a while after their first message, or when none came for a while.

use crate::source::Transient;
use crate::time::Time;

/// When an actor is over.
#[derive(Debug, Default)]
pub(super) struct Lifetime {
    transient: Option<Transient>,
    /// When it is over, as far as that is known. A message moves it, but no alarm: to move one for each message would
    /// cost as much as its turn.
    due: Option<Time>,
}

impl Lifetime {
    pub(super) const fn new(transient: Option<Transient>) -> Self {
        Self { transient, due: None }
    }

    /// The actor runs.
    pub(super) fn begin(&mut self, now: Time) {
        if let Some(Transient::Idle(length)) = self.transient {
            self.due = Some(now + length);
        }
    }

    /// The actor has handled a message.
    pub(super) fn used(&mut self, now: Time) {
        match self.transient {
            Some(Transient::After(length)) if self.due.is_none() => self.due = Some(now + length),
            Some(Transient::Idle(length)) => self.due = Some(now + length),
            _ => {}
        }
    }

    /// Whether the actor is to exit. `nothing_waits` says whether it has no envelope to handle: who has one is not idle.
    pub(super) fn is_over(&self, now: Time, nothing_waits: bool) -> bool {
        let may_end = nothing_waits || matches!(self.transient, Some(Transient::After(_)));
        may_end && self.due.is_some_and(|due| due <= now)
    }

    /// The end of a pause, or of the actor's time, if that is sooner.
    pub(super) fn ends_pause(&self, now: Time, until: Time) -> Time {
        let due = self.due.filter(|due| now < *due);
        due.map_or(until, |due| due.min(until))
    }

    /// When it is over, as far as that is known.
    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }
}
