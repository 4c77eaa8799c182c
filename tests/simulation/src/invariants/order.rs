//! For each pair of sender and receiver, messages are handled in the order in which they were sent, or refused; and
//! nobody refuses in the name of another.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};

use super::messages::{is_refusal, number};

#[derive(Default)]
pub(crate) struct Order {
    last_handled: BTreeMap<(ActorAddress, ActorAddress), u64>,
}

impl Order {
    /// An actor, or a program outside, is given an envelope for the first time.
    pub(crate) fn received(&mut self, envelope: &Envelope) -> Option<String> {
        let Envelope { target, sender, body } = envelope;
        let message = match body {
            Body::Message(message) => message,
            Body::Poisoned(poisoned) if is_refusal(&poisoned.original) => {
                if poisoned.target != *sender {
                    return Some(format!("{sender} refuses in the name of {}", poisoned.target));
                }
                &poisoned.original
            }
            _ => return None,
        };
        let id = number(message);
        let last = self.last_handled.insert((*sender, *target), id).unwrap_or_default();
        (id <= last).then(|| format!("{target} gets {id} from {sender} after {last}"))
    }
}
