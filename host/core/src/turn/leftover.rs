//! What becomes of an envelope that nobody takes: its receiver ended before, was decided never to be, or is not there.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use crate::address::ActorAddress;
use crate::envelope::{Body, Envelope, ExitReason, Poisoned};
use crate::message::Message;

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
    /// Messages to an actor that never started come back as poison; for others see [`Self::undelivered`]. Notices end with
    /// their receiver.
    #[must_use]
    pub fn of(envelope: Envelope, reason: &ExitReason, has_started: bool) -> Self {
        let Envelope { target, sender, body } = envelope;
        match body {
            Body::Message(original) if !has_started => {
                let details = match reason {
                    ExitReason::NeverStarted(why) => format!("the actor never started: {why}"),
                    other => format!("the actor never started: {other}"),
                };
                Self::poison(sender, target, details, original)
            }
            body if body.is_mail() => {
                Self::undelivered(Envelope { target, sender, body }, &ended_before(reason))
            }
            _ => Self::Nothing,
        }
    }

    /// Goes on with what its receiver does not get, for this reason. A question comes back to who asks, and would wait for its answer;
    /// everything else is a dead letter.
    #[must_use]
    pub fn undelivered(envelope: Envelope, reason: &str) -> Self {
        let Envelope { target, sender, body } = envelope;
        match body {
            Body::Message(original) if original.is_question_of(sender) => {
                Self::poison(sender, target, reason.to_string(), original)
            }
            body => Self::DeadLetter(Envelope { target, sender, body }, reason.to_string()),
        }
    }

    fn poison(to: ActorAddress, of: ActorAddress, details: String, original: Message) -> Self {
        let body = Body::Poisoned(Box::new(Poisoned { target: of, details, original }));
        Self::Poison(Envelope { target: to, sender: of, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;
    use crate::envelope::ExitRequest;
    use crate::message::REQUEST_HEADER;

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

    #[test]
    fn a_question_that_nobody_takes_comes_back_to_who_asks_and_its_answer_does_not() {
        let reason = ExitReason::Requested;
        let asked_by = |asker: ActorAddress| Message {
            headers: Some([(REQUEST_HEADER.into(), format!("{asker}#5f.1").into())].into()),
            ..Message::json("Q", "")
        };
        let receiver = envelope(Body::ChildrenGone).target;
        let asker = envelope(Body::ChildrenGone).sender;
        let question = envelope(Body::Message(asked_by(asker)));
        for leftover in [
            Leftover::of(question.clone(), &reason, true),
            Leftover::undelivered(question, &ended_before(&reason)),
        ] {
            let Leftover::Poison(Envelope { target, sender, body: Body::Poisoned(poisoned) }) = leftover
            else {
                panic!("{leftover:?}");
            };
            assert_eq!((target, sender, poisoned.target), (asker, receiver, receiver));
            assert_eq!(poisoned.details, "the actor ended before it had handled the message (requested)");
            let again = envelope(Body::Poisoned(poisoned));
            assert!(matches!(Leftover::undelivered(again, ""), Leftover::DeadLetter(..)), "once");
        }
        let answer = envelope(Body::Message(asked_by(receiver)));
        assert!(matches!(Leftover::of(answer, &reason, true), Leftover::DeadLetter(..)));
    }

    fn vec_of(len: usize) -> alloc::vec::Vec<u8> {
        alloc::vec![0; len]
    }
}
