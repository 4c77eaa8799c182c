//! What full receivers refused: kept with the sender, in order for each receiver, for a bounded time.

use alloc::collections::{BTreeMap, VecDeque};

use crate::address::ActorAddress;
use crate::envelope::Envelope;
use crate::limits::HOLD_TIME_MAX;
use crate::time::Time;

/// Bounded by what one turn can send, since the next turn waits until it is empty; and for all actors together by the
/// node's budget of queued bytes, on which [`super::Actor`] draws for it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;
    use crate::envelope::Body;
    use crate::message::Message;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::time::Duration;

    fn address(id: u128) -> ActorAddress {
        ActorAddress::new(HostId(1), id)
    }

    fn envelope(target: u128, text: &str) -> Envelope {
        let body = Body::Message(Message::json(text, ""));
        Envelope { target: address(target), sender: address(9), body }
    }

    fn name(envelope: &Envelope) -> String {
        envelope.body.type_name().to_string()
    }

    fn held() -> Held {
        let mut held = Held::default();
        for (target, text) in [(1, "1a"), (2, "2a"), (1, "1b"), (2, "2b")] {
            held.push(Time(0), envelope(target, text));
        }
        held
    }

    #[test]
    fn each_receiver_gets_its_own_in_order_and_a_full_one_holds_up_no_other() {
        let mut held = held();
        let mut accepted = Vec::new();
        held.retry(|envelope| {
            if envelope.target == address(1) {
                return Some(envelope);
            }
            accepted.push(name(&envelope));
            None
        });
        assert_eq!(accepted, ["2a", "2b"]);
        assert!(held.has(address(1)) && !held.has(address(2)));
        held.retry(|envelope| {
            accepted.push(name(&envelope));
            None
        });
        assert_eq!(accepted, ["2a", "2b", "1a", "1b"], "what was refused is still the first");
        assert_eq!(held.due(), None);
    }

    #[test]
    fn the_hold_ends_with_its_first_envelope_and_takes_all_out_in_order() {
        let mut held = held();
        held.push(Time(0) + Duration::from_secs(1), envelope(3, "3a"));
        assert_eq!(held.due(), Some(Time(0) + HOLD_TIME_MAX));
        let all: Vec<_> = held.take_all().map(|envelope| name(&envelope)).collect();
        assert_eq!(all, ["1a", "1b", "2a", "2b", "3a"]);
        assert_eq!((held.due(), held.targets().next()), (None, None));
    }
}
