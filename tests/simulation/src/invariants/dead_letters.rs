//! The last actor of a host that asked for dead letters has them, until it gives them up or ends; and only one with the
//! right to them is given any.

use std::collections::BTreeMap;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::envelope::{Body, Envelope};

use crate::host::Host;

#[derive(Default)]
pub(crate) struct DeadLetters {
    /// Actors that are to be given them.
    expected: BTreeMap<HostId, ActorAddress>,
}

impl DeadLetters {
    /// `Admin` hears that an actor wants them, or no longer.
    pub(crate) fn asked(&mut self, by: ActorAddress, handles: bool) {
        if handles {
            self.expected.insert(by.home, by);
        } else {
            self.ended(by);
        }
    }

    /// `Admin` hears of an end.
    pub(crate) fn ended(&mut self, address: ActorAddress) {
        self.expected.retain(|_, expected| *expected != address);
    }

    /// When `Admin` has handled what it heard.
    pub(crate) fn decided(&self, host: &Host) -> Option<String> {
        let (handler, expected) = (host.dead_letter_handler(), self.expected.get(&host.id()).copied());
        (handler != expected).then(|| format!("dead letters go to {handler:?}, not to {expected:?}"))
    }
}

/// An actor is given an envelope.
pub(crate) fn received(host: &Host, envelope: &Envelope) -> Option<String> {
    let target = envelope.target;
    // What lay in its mailbox when it lost the right stays there.
    let has_right = host.cells.get(&target).is_some_and(|cell| cell.born_with.dead_letters);
    (matches!(envelope.body, Body::DeadLetter(_)) && !has_right)
        .then(|| format!("{target} is given dead letters, and has no right to them"))
}
