//! The actor that a node's configuration names as its authority: it is created when the node starts, and created anew whenever it
//! ends. No other takes its place.

use alloc::string::String;
use core::time::Duration;

use super::SourceHash;
use crate::address::ActorAddress;
use crate::limits::{RESTART_PAUSE_MAX, RESTART_PAUSE_MIN, RESTART_WINDOW};
use crate::message::Message;
use crate::time::Time;

/// An office that an actor is to hold, and how it is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appointment {
    /// The source of the actor, which nobody has to judge.
    pub source: SourceHash,
    /// Its class; absent: the only one that the source has.
    pub class: Option<String>,
    /// The message that it starts with.
    pub init: Option<Message>,
    /// The actor that holds it, or is about to.
    holder: Option<ActorAddress>,
    /// When that was created.
    since: Time,
    pause: Option<Duration>,
    /// When the next is to be created.
    due: Option<Time>,
}

impl Appointment {
    /// An office that nobody holds yet.
    #[must_use]
    pub const fn new(source: SourceHash, class: Option<String>, init: Option<Message>) -> Self {
        Self { source, class, init, holder: None, since: Time(0), pause: None, due: None }
    }

    /// Whether this actor holds it, or is about to.
    #[must_use]
    pub fn is_held_by(&self, address: ActorAddress) -> bool {
        self.holder == Some(address)
    }

    /// Whether nobody holds it, or is about to.
    #[must_use]
    pub const fn is_vacant(&self) -> bool {
        self.holder.is_none()
    }

    /// An actor is created for it.
    pub fn begin(&mut self, now: Time, address: ActorAddress) {
        (self.holder, self.since, self.due) = (Some(address), now, None);
    }

    /// Nobody holds it any more: the next is created after a pause, which doubles as long as none of them lasts.
    pub fn vacate(&mut self, now: Time) {
        let lasted = self.holder.take().is_some() && now.since(self.since) >= RESTART_WINDOW;
        let last = self.pause.filter(|_| !lasted);
        let pause = last.map_or(RESTART_PAUSE_MIN, |last| (last * 2).min(RESTART_PAUSE_MAX));
        (self.pause, self.due) = (Some(pause), Some(now + pause));
    }

    /// When the next is to be created.
    #[must_use]
    pub const fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// Whether it is time to create the next. True once.
    pub fn take_due(&mut self, now: Time) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;

    #[test]
    fn whoever_does_not_last_is_followed_after_pauses_that_double_to_ten_seconds() {
        let mut office = Appointment::new(SourceHash([1; 32]), None, None);
        let holder = ActorAddress::new(HostId(1), 1);
        let mut now = Time(0);
        let mut pause = |lasts: Duration| {
            office.begin(now, holder);
            now = now + lasts;
            office.vacate(now);
            assert!(!office.is_held_by(holder) && !office.take_due(now));
            let due = office.deadline().expect("another is to follow");
            let pause = due - now;
            now = due;
            assert!(office.take_due(now) && !office.take_due(now), "due once");
            pause.as_millis()
        };
        let pauses: [u128; 12] = core::array::from_fn(|_| pause(Duration::ZERO));
        assert_eq!(pauses[..4], [10, 20, 40, 80]);
        assert_eq!(pauses[10..], [10_000, 10_000]);
        assert_eq!(pause(RESTART_WINDOW), 10, "one that lasted");
        assert_eq!(pause(Duration::ZERO), 20);
    }
}
