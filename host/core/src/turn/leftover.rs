//! What becomes of an envelope that was still waiting when its receiver ended, or was decided never to be.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::envelope::{Body, Envelope, ExitReason, Poisoned};

/// Said of an actor that ended for this reason while something still waited for it, or was handled by it.
pub(super) fn ended_before(reason: &ExitReason) -> String {
    format!("the actor ended before it had handled the message ({reason})")
}

/// An envelope that nobody will handle, as it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// Goes back to its sender, as this.
    Poison(Envelope),
    /// Can't go back, for this reason.
    DeadLetter(Envelope, String),
    /// Ends with its receiver: a notice.
    Nothing,
}

impl Leftover {
    /// Messages to an actor that never started come back as poison, others become dead letters. Notices end with their
    /// receiver.
    #[must_use]
    pub fn of(envelope: Envelope, reason: &ExitReason, has_started: bool) -> Self {
        let Envelope { target, sender, body } = envelope;
        match body {
            Body::Message(original) if !has_started => {
                let details = match reason {
                    ExitReason::NeverStarted(why) => format!("the actor never started: {why}"),
                    other => format!("the actor never started: {other}"),
                };
                let poisoned = Poisoned { target, details, original };
                Self::Poison(Envelope {
                    target: sender,
                    sender: target,
                    body: Body::Poisoned(Box::new(poisoned)),
                })
            }
            body if body.is_mail() => {
                Self::DeadLetter(Envelope { target, sender, body }, ended_before(reason))
            }
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{ActorAddress, HostId};
    use crate::envelope::ExitRequest;
    use crate::message::Message;
    use alloc::string::ToString;

    fn envelope(body: Body) -> Envelope {
        let address = |id| ActorAddress::new(HostId(1), id);
        Envelope { target: address(1), sender: address(2), body }
    }

    #[test]
    fn a_message_to_an_actor_that_never_was_comes_back_and_every_other_mail_is_a_dead_letter() {
        let reason = ExitReason::NeverStarted("no such class".to_string());
        let message = envelope(Body::Message(Message::bytes("M", vec_of(3))));
        let Leftover::Poison(poison) = Leftover::of(message.clone(), &reason, false) else {
            panic!("a message comes back");
        };
        assert_eq!((poison.target, poison.sender), (message.sender, message.target));
        let Body::Poisoned(poisoned) = &poison.body else { panic!("{poison:?}") };
        assert_eq!(poisoned.details, "the actor never started: no such class");
        assert!(matches!(Leftover::of(poison.clone(), &reason, false), Leftover::DeadLetter(..)));
        assert!(matches!(Leftover::of(message, &reason, true), Leftover::DeadLetter(..)));
        let notice = envelope(Body::ExitRequest(ExitRequest { recursive: true }));
        assert_eq!(Leftover::of(notice, &reason, false), Leftover::Nothing);
    }

    fn vec_of(len: usize) -> alloc::vec::Vec<u8> {
        alloc::vec![0; len]
    }
}
