//! What the host tells an actor.

use std::fmt;
use std::time::Duration;

use crate::address::Address;
use crate::bindings::thespian::actor::types as wit;
use crate::failure::Result;
use crate::message::{Message, RawMessage};

/// Names a wakeup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WakeupId(pub(crate) u64);

/// Names a question to the host; its answer carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub(crate) u64);

/// A wakeup that was asked for is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wakeup {
    /// As `wakeup_after` returned it.
    pub id: WakeupId,
    /// The delay that was asked for.
    pub delay: Duration,
    /// The message that was given along.
    pub payload: Option<RawMessage>,
}

impl Wakeup {
    /// The message that was given along, if it is of type `M`.
    ///
    /// # Errors
    /// It is, but can't be decoded.
    pub fn payload<M: Message>(&self) -> Option<Result<M>> {
        self.payload.as_ref().and_then(RawMessage::decoded)
    }
}

/// The actor is to exit: its last ordinary turn. It can clean up and send, but not refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitRequest {
    /// Whether its children exit first.
    pub recursive: bool,
}

/// The reason for an actor's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The actor was asked to exit.
    Requested,
    /// The actor failed, in a way that its class does not survive.
    Failed(String),
    /// The host ended it.
    Killed(String),
    /// The actor never ran.
    NeverStarted(String),
    /// Its host is gone.
    HostLost(String),
    /// Its host no longer has what it requires.
    Unfit(String),
    /// Any other end: a word for it, and an explanation.
    Other(String, String),
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("requested"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Killed(why) => write!(f, "killed: {why}"),
            Self::NeverStarted(why) => write!(f, "never started: {why}"),
            Self::HostLost(why) => write!(f, "host lost: {why}"),
            Self::Unfit(why) => write!(f, "unfit: {why}"),
            Self::Other(word, why) => write!(f, "{word}: {why}"),
        }
    }
}

/// A child ended. Comes exactly once for each child, as the last thing from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildActorExited {
    /// The actor that is gone.
    pub address: Address,
    /// The reason for its end.
    pub reason: ExitReason,
}

/// A child trapped and lives on in a fresh instance. Comes only for children created with `watch_restarts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildActorRestarted {
    /// The child that lives on.
    pub address: Address,
    /// The number of its instance now.
    pub incarnation: u32,
    /// The fault that ended the instance before.
    pub reason: String,
}

/// A message of this actor came back: its receiver could not handle it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonMessage {
    /// The actor that failed on it.
    pub target: Address,
    /// The reason of the failure.
    pub details: String,
    /// The message as it was sent.
    pub original: RawMessage,
}

/// An actor that this one monitors ended. Comes exactly once, as the last thing from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorDown {
    /// The actor that is gone.
    pub address: Address,
    /// The reason for its end.
    pub reason: ExitReason,
}

/// A message that could not be delivered; for the actor that handles dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEnvelope {
    /// The receiver that it was for.
    pub target: Address,
    /// The actor that sent it.
    pub sender: Address,
    /// The reason why it could not be delivered.
    pub reason: String,
    /// The message as it was sent.
    pub original: RawMessage,
}

/// The answer to [`crate::Create::named`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedActor {
    /// The question that is answered.
    pub question: QuestionId,
    /// The global name that was asked for.
    pub name: String,
    /// The one actor of that name, or why there is none.
    pub outcome: std::result::Result<Address, String>,
}

/// The answer to [`crate::Context::request_status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusAnswer {
    /// The question that is answered.
    pub question: QuestionId,
    /// The status as JSON, or why there is none.
    pub outcome: std::result::Result<String, String>,
}

impl From<ExitReason> for wit::ExitReason {
    fn from(reason: ExitReason) -> Self {
        match reason {
            ExitReason::Requested => Self::Requested,
            ExitReason::Failed(why) => Self::Failed(why),
            ExitReason::Killed(why) => Self::Killed(why),
            ExitReason::NeverStarted(why) => Self::NeverStarted(why),
            ExitReason::HostLost(why) => Self::HostLost(why),
            ExitReason::Unfit(why) => Self::Unfit(why),
            ExitReason::Other(word, why) => Self::Other((word, why)),
        }
    }
}

impl From<wit::Wakeup> for Wakeup {
    fn from(wakeup: wit::Wakeup) -> Self {
        Self {
            id: WakeupId(wakeup.id),
            delay: Duration::from_nanos(wakeup.delay),
            payload: wakeup.payload.map(RawMessage::from_wit),
        }
    }
}

impl From<wit::ExitRequest> for ExitRequest {
    fn from(request: wit::ExitRequest) -> Self {
        Self { recursive: request.recursive }
    }
}

impl From<wit::ExitReason> for ExitReason {
    fn from(reason: wit::ExitReason) -> Self {
        match reason {
            wit::ExitReason::Requested => Self::Requested,
            wit::ExitReason::Failed(why) => Self::Failed(why),
            wit::ExitReason::Killed(why) => Self::Killed(why),
            wit::ExitReason::NeverStarted(why) => Self::NeverStarted(why),
            wit::ExitReason::HostLost(why) => Self::HostLost(why),
            wit::ExitReason::Unfit(why) => Self::Unfit(why),
            wit::ExitReason::Other((word, why)) => Self::Other(word, why),
        }
    }
}

impl From<wit::ActorExit> for ChildActorExited {
    fn from(exit: wit::ActorExit) -> Self {
        Self { address: exit.address.into(), reason: exit.reason.into() }
    }
}

impl From<wit::ActorExit> for ActorDown {
    fn from(exit: wit::ActorExit) -> Self {
        Self { address: exit.address.into(), reason: exit.reason.into() }
    }
}

impl From<wit::DeadLetter> for DeadEnvelope {
    fn from(letter: wit::DeadLetter) -> Self {
        Self {
            target: letter.target.into(),
            sender: letter.sender.into(),
            reason: letter.reason,
            original: RawMessage::from_wit(letter.original),
        }
    }
}

impl From<wit::NamedActor> for NamedActor {
    fn from(named: wit::NamedActor) -> Self {
        let outcome = named.outcome.map(Address::from);
        Self { question: QuestionId(named.request), name: named.name, outcome }
    }
}

impl From<wit::StatusAnswer> for StatusAnswer {
    fn from(answer: wit::StatusAnswer) -> Self {
        Self { question: QuestionId(answer.request), outcome: answer.outcome }
    }
}

impl From<wit::ActorRestart> for ChildActorRestarted {
    fn from(restart: wit::ActorRestart) -> Self {
        Self { address: restart.address.into(), incarnation: restart.incarnation, reason: restart.reason }
    }
}

impl From<wit::Poisoned> for PoisonMessage {
    fn from(poisoned: wit::Poisoned) -> Self {
        Self {
            target: poisoned.target.into(),
            details: poisoned.details,
            original: RawMessage::from_wit(poisoned.original),
        }
    }
}
