//! For each pair of sender and receiver, messages are handled in the order in which they were sent.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};

use super::messages::number;

#[derive(Default)]
pub(crate) struct Order {
    last_handled: BTreeMap<(ActorAddress, ActorAddress), u64>,
}

impl Order {
    /// An actor, or a program outside, is given an envelope for the first time.
    pub(crate) fn received(&mut self, envelope: &Envelope) -> Option<String> {
        let Envelope { target, sender, body } = envelope;
        let Body::Message(message) = body else { return None };
        let id = number(message);
        let last = self.last_handled.insert((*sender, *target), id).unwrap_or_default();
        (id <= last).then(|| format!("{target} gets {id} from {sender} after {last}"))
    }
}
