//! Envelopes, with sender, receiver and content: everything that can lie in a mailbox.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::ActorAddress;
use crate::limits::{ERROR_TEXT_LEN_MAX, cut};
use crate::message::{ENVELOPE_COST, Message};
use crate::source::SourceHash;

/// Reason for which a message to nobody is a dead letter, and for which there is nobody to hear the end of.
pub const NOBODY_THERE: &str = "there is no actor at this address";
/// Said of whoever is on its way out, and takes no messages any more.
pub const EXITING: &str = "the actor is exiting";

/// A thing for one receiver from one sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The receiver that it is for.
    pub target: ActorAddress,
    /// The sender; for notices of the host, the actor that they are about.
    pub sender: ActorAddress,
    /// The content of the envelope.
    pub body: Body,
}

/// The content of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A message of an actor or of an outside program.
    Message(Message),
    /// A message came back.
    Poisoned(Box<Poisoned>),
    /// The receiver is to exit.
    ExitRequest(ExitRequest),
    /// A wakeup is due.
    Wakeup(Box<Wakeup>),
    /// A child of the receiver ended.
    ChildExited(Box<ActorExit>),
    /// A child of the receiver trapped and lives on.
    ChildRestarted(Box<ActorRestart>),
    /// An actor that the receiver monitors ended.
    ActorDown(Box<ActorExit>),
    /// Something could not be delivered, and the receiver handles dead letters.
    DeadLetter(Box<DeadEnvelope>),
    /// A question after a named actor is answered.
    Named(Box<NamedActor>),
    /// A question after the status is answered.
    Status(Box<StatusAnswer>),
    /// A source that the receiver loads is loaded, or refused.
    LoadAnswered(Box<LoadAnswer>),
    /// A source can be created from, or no longer, and the receiver hears of that.
    SourceUpdate(Box<SourceUpdate>),
    /// There are offers of sources that the receiver is to judge. However many come, one of these waits.
    SourceOffered(Box<SourceOffered>),
    /// The receiver is exiting and has no children left. For the receiver's turn, not for its handler.
    ChildrenGone,
}

impl Body {
    /// Whether it has a reserved slot in every mailbox, because losing it would break a promise. Notices of
    /// restarts have none: a child that restarts for ever could fill its parent's memory with them. What a full
    /// parent refuses is held by the child, which has to wait.
    #[must_use]
    pub const fn has_reserved_slot(&self) -> bool {
        matches!(
            self,
            Self::ExitRequest(_)
                | Self::ChildExited(_)
                | Self::ActorDown(_)
                | Self::Named(_)
                | Self::Status(_)
                | Self::LoadAnswered(_)
                | Self::SourceOffered(_)
                | Self::ChildrenGone
        )
    }

    /// Bytes that it takes in a queue. Reserved slots are bounded by their count instead: one exit
    /// request, one sign of offers, one notice for each child and one for the last, the caps on monitors and questions.
    #[must_use]
    pub fn cost(&self) -> usize {
        match self {
            Self::Message(message) => message.cost(),
            Self::Poisoned(poisoned) => poisoned.cost(),
            Self::ChildRestarted(restart) => ENVELOPE_COST + restart.reason.len(),
            Self::DeadLetter(letter) => letter.original.cost() + letter.reason.len(),
            Self::SourceUpdate(update) => ENVELOPE_COST + update.label.len(),
            _ => 0,
        }
    }

    /// Whether somebody wrote what is in it: a loss if it can't be delivered. A notice of the host is no loss when
    /// its receiver is gone.
    #[must_use]
    pub const fn is_mail(&self) -> bool {
        matches!(self, Self::Message(_) | Self::Poisoned(_))
    }

    /// Name that a dead letter gives it: its message's type name, or what kind of notice it is.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Self::Message(message) => &message.type_name,
            Self::Poisoned(poisoned) => &poisoned.original.type_name,
            Self::ExitRequest(_) => "thespian:exit-request",
            Self::Wakeup(_) => "thespian:wakeup",
            Self::ChildExited(_) => "thespian:child-exited",
            Self::ChildRestarted(_) => "thespian:child-restarted",
            Self::ActorDown(_) => "thespian:actor-down",
            Self::DeadLetter(_) => "thespian:dead-letter",
            Self::Named(_) => "thespian:named",
            Self::Status(_) => "thespian:status",
            Self::LoadAnswered(answer) => answer.type_name(),
            Self::SourceUpdate(_) => "thespian:source-update",
            Self::SourceOffered(_) => "thespian:validate-source",
            Self::ChildrenGone => "thespian:children-gone",
        }
    }
}

/// A message that its receiver could not handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poisoned {
    /// The actor that failed on it.
    pub target: ActorAddress,
    /// The reason of the failure.
    pub details: String,
    /// The message as it was sent.
    pub original: Message,
}

impl Poisoned {
    /// Room that it takes in a queue, in bytes.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.original.cost() + self.details.len()
    }
}

/// Whoever is to hear if a turn fails for good, in place of the sender of what it handles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailsFor {
    /// The actor or program that hears.
    pub target: ActorAddress,
    /// The message that it gets back.
    pub original: Message,
}

/// A request to exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitRequest {
    /// Whether the receiver's children exit first.
    pub recursive: bool,
}

/// A wakeup that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wakeup {
    /// Unique among the wakeups of the actor.
    pub id: u64,
    /// The delay that was asked for.
    pub delay: Duration,
    /// The message that was given along.
    pub payload: Option<Message>,
}

/// An actor's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorExit {
    /// The actor that is gone.
    pub address: ActorAddress,
    /// The reason of its end.
    pub reason: ExitReason,
}

/// An actor that trapped and lives on in a fresh instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorRestart {
    /// The actor that was restarted.
    pub address: ActorAddress,
    /// The number of its instance now; the first was 1.
    pub incarnation: u32,
    /// The fault that ended the instance before.
    pub reason: String,
}

/// A message that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEnvelope {
    /// The receiver that it was for.
    pub target: ActorAddress,
    /// The actor or program that sent it.
    pub sender: ActorAddress,
    /// The reason why it could not be delivered.
    pub reason: String,
    /// The message as it was sent.
    pub original: Message,
}

impl DeadEnvelope {
    /// The dead letter of an envelope that could not be delivered: of poison the message that
    /// came back. Nothing of notices: their loss is nobody's, and a dead letter of a dead letter would have no end.
    #[must_use]
    pub fn of(envelope: &Envelope, reason: &str) -> Option<Self> {
        let (original, reason) = match &envelope.body {
            Body::Message(message) => (message, reason.to_string()),
            Body::Poisoned(poisoned) => {
                let Poisoned { target, details, original } = &**poisoned;
                (original, format!("{reason}; it came back from {target}: {details}"))
            }
            _ => return None,
        };
        let Envelope { target, sender, .. } = *envelope;
        Some(Self { target, sender, reason, original: original.clone() })
    }
}

/// The answer to a question after a named actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedActor {
    /// The number of the question.
    pub request: u64,
    /// The global name in question.
    pub name: Box<str>,
    /// The one actor of that name, or why there is none.
    pub outcome: Result<ActorAddress, String>,
}

impl NamedActor {
    /// The answer to an actor that asked for this name; a refusal is cut to what an error's text may have.
    #[must_use]
    pub fn new(request: u64, name: &str, outcome: Result<ActorAddress, impl ToString>) -> Self {
        let outcome = outcome.map_err(|refusal| cut(refusal.to_string(), ERROR_TEXT_LEN_MAX));
        Self { request, name: name.into(), outcome }
    }
}

/// The answer to a question after the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusAnswer {
    /// The number of the question.
    pub request: u64,
    /// The status as JSON, or why there is none.
    pub outcome: Result<String, String>,
}

/// The answer to the load of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadAnswer {
    /// The number of the question.
    pub request: u64,
    /// The source's name.
    pub hash: SourceHash,
    /// That it can be created from, or why not.
    pub outcome: Result<(), String>,
}

impl LoadAnswer {
    /// The type name of the message by which an actor is told.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.outcome {
            Ok(()) => "thespian:source-loaded",
            Err(_) => "thespian:source-refused",
        }
    }
}

/// A source can be created from, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceUpdate {
    /// The source's name.
    pub hash: SourceHash,
    /// Its submitter's words about it, or its authority's.
    pub label: String,
    /// Whether it can be created from.
    pub is_loaded: bool,
}

/// An offer that the receiver is to judge, of perhaps several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOffered {
    /// The hash of what is offered.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
}

/// The reason of an actor's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitReason {
    /// The actor was asked to exit.
    Requested,
    /// The actor failed, in a way that its class does not survive.
    Failed(String),
    /// The host ended it.
    Killed(String),
    /// The actor never ran.
    NeverStarted(String),
    /// Its host no longer has what it requires.
    Unfit(String),
    /// When or why is not known: there is no actor at the address.
    Unknown,
}

impl ExitReason {
    /// The same with its text cut to `len_max` bytes.
    #[must_use]
    pub fn cut(self, len_max: usize) -> Self {
        match self {
            Self::Requested => Self::Requested,
            Self::Failed(why) => Self::Failed(cut(why, len_max)),
            Self::Killed(why) => Self::Killed(cut(why, len_max)),
            Self::NeverStarted(why) => Self::NeverStarted(cut(why, len_max)),
            Self::Unfit(why) => Self::Unfit(cut(why, len_max)),
            Self::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("requested"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Killed(why) => write!(f, "killed: {why}"),
            Self::NeverStarted(why) => write!(f, "never started: {why}"),
            Self::Unfit(why) => write!(f, "unfit: {why}"),
            Self::Unknown => f.write_str(NOBODY_THERE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;

    #[test]
    fn a_dead_letter_is_made_of_mail_and_says_what_came_back() {
        let [target, sender, other] = [1, 2, 3].map(|id| ActorAddress::new(HostId(1), id));
        let original = Message::json("M", "{}");
        let letter = |body| DeadEnvelope::of(&Envelope { target, sender, body }, "why");
        let expected = DeadEnvelope { target, sender, reason: "why".to_string(), original: original.clone() };
        assert_eq!(letter(Body::Message(original.clone())), Some(expected.clone()));
        let poisoned = Poisoned { target: other, details: "no".to_string(), original };
        let reason = format!("why; it came back from {other}: no");
        assert_eq!(
            letter(Body::Poisoned(Box::new(poisoned))),
            Some(DeadEnvelope { reason, ..expected.clone() })
        );
        assert_eq!(letter(Body::DeadLetter(Box::new(expected))), None);
        assert_eq!(letter(Body::ExitRequest(ExitRequest { recursive: true })), None);
    }
}
