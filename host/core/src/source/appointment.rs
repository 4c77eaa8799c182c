//! The actor that a node's configuration names as its authority: it is created when the node starts, and created anew whenever it
//! ends. No other takes its place.

use alloc::string::String;

use super::SourceHash;
use crate::address::ActorAddress;
use crate::message::Message;
use crate::pauses::Pauses;
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
    pauses: Pauses,
    /// When the next is to be created.
    due: Option<Time>,
}

impl Appointment {
    /// An office that nobody holds yet.
    #[must_use]
    pub fn new(source: SourceHash, class: Option<String>, init: Option<Message>) -> Self {
        Self { source, class, init, holder: None, pauses: Pauses::default(), due: None }
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
        self.pauses.begin(now);
        (self.holder, self.due) = (Some(address), None);
    }

    /// Nobody holds it any more: the next is created after a pause, which doubles as long as none of them lasts.
    pub fn vacate(&mut self, now: Time) {
        self.holder = None;
        self.due = Some(now + self.pauses.end(now));
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
    use crate::limits::RESTART_PAUSE_MIN;

    #[test]
    fn whoever_ends_is_followed_once_after_a_pause() {
        let mut office = Appointment::new(SourceHash([1; 32]), None, None);
        let holder = ActorAddress::new(HostId(1), 1);
        office.begin(Time(5), holder);
        assert!(office.is_held_by(holder) && office.deadline().is_none());
        office.vacate(Time(6));
        assert!(office.is_vacant() && !office.take_due(Time(6)));
        let due = office.deadline().expect("another is to follow");
        assert_eq!(due, Time(6) + RESTART_PAUSE_MIN);
        assert!(office.take_due(due) && !office.take_due(due), "due once");
    }
}
