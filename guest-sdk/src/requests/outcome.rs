//! What becomes of a question: an answer of the wanted type, or the reason why there is none.

use std::fmt;

use crate::bindings::thespian::actor::types::MessageResult;
use crate::event::{ExitReason, PoisonMessage};
use crate::failure::Result;
use crate::incoming::{Came, Incoming, Receive};
use crate::message::RawMessage;
use crate::reply::{self, REQUEST_HEADER};

/// The reason why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// None came in time.
    TimedOut,
    /// The question came back: whoever had it failed on it or refused it, or nobody was there to receive it.
    Poisoned(Box<PoisonMessage>),
    /// A child was asked that ended after it had the question.
    TargetGone(ExitReason),
    /// The answer is of another type than the continuation takes.
    Unexpected(RawMessage),
    /// The answer can't be decoded: why.
    Undecodable(String),
    /// The global name has no actor, and none could be created: why.
    NoActor(String),
    /// Whoever asked exits: the continuation runs in its exit turn, to tell those who wait.
    Exiting,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no answer came in time"),
            Self::Poisoned(poison) => write!(f, "the question came back: {}", poison.details),
            Self::TargetGone(reason) => write!(f, "whoever was asked is gone: {reason}"),
            Self::Unexpected(answer) => write!(f, "the answer is of another type: `{}`", answer.type_name),
            Self::Undecodable(why) => f.write_str(why),
            Self::NoActor(why) => write!(f, "there is no actor of that name: {why}"),
            Self::Exiting => f.write_str("the actor that asked exits"),
        }
    }
}

impl std::error::Error for RequestError {}

/// The answer as the continuation takes it.
pub(super) fn taken<R: Receive>(incoming: Incoming) -> Result<R, RequestError> {
    if R::accepts(&incoming) {
        return R::take(incoming).map_err(|error| RequestError::Undecodable(error.reason().to_string()));
    }
    match RawMessage::take(incoming) {
        Ok(raw) => Err(RequestError::Unexpected(raw)),
        Err(error) => Err(RequestError::Undecodable(error.reason().to_string())),
    }
}

/// The answer, as a continuation is given it.
pub(super) fn answered(answer: MessageResult) -> Incoming {
    let mut answer = RawMessage::from_wit(answer);
    reply::take_header(&mut answer.headers, REQUEST_HEADER);
    Incoming(Came::Message(answer.into_wit()))
}
