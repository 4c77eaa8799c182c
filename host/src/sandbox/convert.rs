//! Types of the contract to and from those of the core. What goes to a guest is borrowed, never cloned.

use std::time::Duration;

use bytes::Bytes;
use thespian_core::capability::{Capabilities, Clause, Requirement, Value};
use thespian_core::envelope::{ExitReason, NOBODY_THERE};
use thespian_core::fate::OnTrap;
use thespian_core::limits::ActorLimits;
use thespian_core::message::{Encoding, Header, Message};
use thespian_core::outbox::{OutboxError, Refused};
use thespian_core::source::{ActorsApproval, LowerLimits, Rights, Transient};

use super::bindings::thespian::actor::logging;
use super::bindings::thespian::actor::{sources, types as wit};
use super::parts::{OfferInHands, PartError};
use super::text::{cut, inert};

/// Headers of one message, borrowed: most messages have none.
pub(super) type HeaderRefs<'a> = Option<Vec<(&'a str, &'a str)>>;

pub(super) fn header_refs(message: &Message) -> HeaderRefs<'_> {
    message.headers.as_ref().map(|headers| headers.iter().map(|(name, value)| (&**name, &**value)).collect())
}

pub(super) fn message_to_guest<'a>(
    message: &'a Message,
    headers: &'a HeaderRefs<'a>,
) -> wit::MessageParam<'a> {
    let encoding = match &message.encoding {
        Encoding::Json => wit::EncodingParam::Json,
        Encoding::Cbor => wit::EncodingParam::Cbor,
        Encoding::Text => wit::EncodingParam::Text,
        Encoding::Bytes => wit::EncodingParam::Bytes,
        Encoding::Other(name) => wit::EncodingParam::Other(name),
    };
    wit::MessageParam {
        type_name: &message.type_name,
        encoding,
        payload: &message.payload,
        headers: headers.as_deref(),
    }
}

pub(super) fn message_from_guest(message: wit::MessageResult) -> Message {
    let encoding = match message.encoding {
        wit::EncodingResult::Json => Encoding::Json,
        wit::EncodingResult::Cbor => Encoding::Cbor,
        wit::EncodingResult::Text => Encoding::Text,
        wit::EncodingResult::Bytes => Encoding::Bytes,
        wit::EncodingResult::Other(name) => Encoding::Other(name.into()),
    };
    let headers: Option<Box<[Header]>> =
        message.headers.filter(|headers| !headers.is_empty()).map(|headers| {
            headers.into_iter().map(|(name, value)| (name.into_boxed_str(), value.into_boxed_str())).collect()
        });
    Message { type_name: message.type_name.into(), encoding, payload: Bytes::from(message.payload), headers }
}

pub(super) fn exit_reason_to_guest(reason: &ExitReason) -> wit::ExitReason<'_> {
    match reason {
        ExitReason::Requested => wit::ExitReason::Requested,
        ExitReason::Failed(why) => wit::ExitReason::Failed(why),
        ExitReason::Killed(why) => wit::ExitReason::Killed(why),
        ExitReason::NeverStarted(why) => wit::ExitReason::NeverStarted(why),
        ExitReason::Unfit(why) => wit::ExitReason::Unfit(why),
        ExitReason::Unknown => wit::ExitReason::Other(("unknown", NOBODY_THERE)),
    }
}

/// The bound on the size of messages, told to an actor so that it need not try what would cost it its instance.
pub(super) fn message_bytes_max(limits: &ActorLimits) -> (&'static str, wit::ValueParam<'static>) {
    let bytes = i64::try_from(limits.message_bytes_max).unwrap_or(i64::MAX);
    ("message-bytes-max", wit::ValueParam::Integer(bytes))
}

fn value_to_guest(value: &Value) -> wit::ValueParam<'_> {
    match value {
        Value::Boolean(value) => wit::ValueParam::Boolean(*value),
        Value::Integer(value) => wit::ValueParam::Integer(*value),
        Value::Number(value) => wit::ValueParam::Number(*value),
        Value::Text(value) => wit::ValueParam::Text(value),
    }
}

pub(super) fn value_from_guest(value: wit::ValueResult) -> Result<Value, String> {
    Ok(match value {
        wit::ValueResult::Boolean(value) => Value::Boolean(value),
        wit::ValueResult::Integer(value) => Value::Integer(value),
        wit::ValueResult::Number(value) if value.is_nan() => return Err("a number is NaN".to_owned()),
        wit::ValueResult::Number(value) => Value::Number(value),
        wit::ValueResult::Text(value) => Value::Text(value),
    })
}

pub(super) fn capabilities_to_guest(capabilities: &Capabilities) -> Vec<(&str, wit::ValueParam<'_>)> {
    capabilities.iter().map(|(name, value)| (name.as_str(), value_to_guest(value))).collect()
}

/// The values that the `one-of` clauses of these requirements list, one vector for each requirement: what
/// [`requirements_to_guest`] borrows.
pub(super) fn listed_values(requirements: &[Requirement]) -> Vec<Vec<wit::ValueParam<'_>>> {
    let listed = |requirement: &'_ Requirement| match &requirement.clause {
        Clause::OneOf(values) => values.len(),
        _ => 0,
    };
    requirements
        .iter()
        .map(|requirement| {
            let mut values = Vec::with_capacity(listed(requirement));
            if let Clause::OneOf(all) = &requirement.clause {
                values.extend(all.iter().map(value_to_guest));
            }
            values
        })
        .collect()
}

pub(super) fn requirements_to_guest<'a>(
    requirements: &'a [Requirement],
    listed: &'a [Vec<wit::ValueParam<'a>>],
) -> Vec<wit::RequirementParam<'a>> {
    let clause = |clause: &'a Clause, values: &'a [wit::ValueParam<'a>]| match clause {
        Clause::IsTrue => wit::ClauseParam::IsTrue,
        Clause::Equals(value) => wit::ClauseParam::Equals(value_to_guest(value)),
        Clause::AtLeast(least) => wit::ClauseParam::AtLeast(*least),
        Clause::OneOf(_) => wit::ClauseParam::OneOf(values),
    };
    let pairs = requirements.iter().zip(listed);
    pairs
        .map(|(requirement, values)| wit::RequirementParam {
            name: &requirement.name,
            clause: clause(&requirement.clause, values),
        })
        .collect()
}

/// The requirements that a guest has of a host.
///
/// # Errors
/// With words for the guest, where a requirement makes no sense.
pub(super) fn requirements_from_guest(
    requirements: Vec<wit::RequirementResult>,
) -> Result<Vec<Requirement>, String> {
    requirements.into_iter().map(requirement_from_guest).collect()
}

fn requirement_from_guest(requirement: wit::RequirementResult) -> Result<Requirement, String> {
    let name = requirement.name;
    let clause = match requirement.clause {
        wit::ClauseResult::IsTrue => Ok(Clause::IsTrue),
        wit::ClauseResult::Equals(value) => value_from_guest(value).map(Clause::Equals),
        wit::ClauseResult::AtLeast(least) if least.is_nan() => Err("a number is NaN".to_owned()),
        wit::ClauseResult::AtLeast(least) => Ok(Clause::AtLeast(least)),
        wit::ClauseResult::OneOf(values) => {
            values.into_iter().map(value_from_guest).collect::<Result<_, _>>().map(Clause::OneOf)
        }
    };
    match clause {
        Ok(clause) => Ok(Requirement { name, clause }),
        Err(why) => Err(format!("the requirement `{name}` makes no sense: {why}")),
    }
}

pub(super) const fn on_trap_from_guest(on_trap: wit::OnTrap) -> OnTrap {
    match on_trap {
        wit::OnTrap::Restart => OnTrap::Restart,
        wit::OnTrap::RestartWithinBudget => OnTrap::RestartWithinBudget,
        wit::OnTrap::Exit => OnTrap::Exit,
    }
}

pub(super) const fn transient_from_guest(transient: wit::Transient) -> Transient {
    match transient {
        wit::Transient::After(nanos) => Transient::After(Duration::from_nanos(nanos)),
        wit::Transient::Idle(nanos) => Transient::Idle(Duration::from_nanos(nanos)),
    }
}

pub(super) const fn level_from_guest(level: logging::Level) -> tracing::Level {
    match level {
        logging::Level::Trace => tracing::Level::TRACE,
        logging::Level::Debug => tracing::Level::DEBUG,
        logging::Level::Info => tracing::Level::INFO,
        logging::Level::Warn => tracing::Level::WARN,
        logging::Level::Error => tracing::Level::ERROR,
    }
}

/// Nanoseconds for a guest; what does not fit (584 years) is the most that does.
pub(super) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

/// An offer for the actor in whose hands it is.
pub(super) fn offer_to_guest(offer: OfferInHands) -> sources::Offer {
    sources::Offer {
        id: offer.id.0,
        hash: offer.hash.to_string(),
        size: offer.size,
        label: offer.label,
        rights: offer.rights.names().map(str::to_owned).collect(),
        manifest: offer.manifest.map(Vec::from),
        signatures: offer.signatures.into_iter().map(Vec::from).collect(),
        loader: offer.loader.map(|loader| loader.to_string()),
    }
}

/// The rights of these names.
///
/// # Errors
/// There is no such right.
pub(super) fn rights_from_guest(names: &[String]) -> Result<Rights, String> {
    let mut rights = Rights::NONE;
    for name in names {
        rights.add(cut(name, 64).as_ref()).map_err(|error| error.to_string())?;
    }
    Ok(rights)
}

/// The approval of an actor that is the authority.
///
/// # Errors
/// There is no such right or limit.
pub(super) fn approval_from_guest(approval: sources::Approval) -> Result<ActorsApproval, String> {
    let rights = rights_from_guest(&approval.rights)?;
    let mut limits = LowerLimits::default();
    for (name, value) in &approval.limits {
        let wit::ValueResult::Integer(value) = value else {
            return Err(format!("the limit `{}` is no integer", cut(name, 64)));
        };
        let value = u64::try_from(*value).unwrap_or(0);
        limits.set(name, value).map_err(|error| error.to_string())?;
    }
    let label = approval.label.map(|label| inert(&label).into_owned());
    Ok(ActorsApproval { label, rights, limits, runs: None })
}

impl From<PartError> for wit::Error {
    fn from(error: PartError) -> Self {
        let text = error.to_string();
        match error {
            PartError::TooLong | PartError::NoRoom(_) => Self::Exhausted(text),
            PartError::NotInHands(_)
            | PartError::Gap { .. }
            | PartError::PartTooLong(_)
            | PartError::Nothing
            | PartError::Papers(_) => Self::Invalid(text),
        }
    }
}

impl From<OutboxError> for wit::Error {
    fn from(error: OutboxError) -> Self {
        let text = error.to_string();
        match error.kind() {
            Refused::Denied => Self::Denied(text),
            Refused::Exhausted => Self::Exhausted(text),
            Refused::Invalid => Self::Invalid(text),
        }
    }
}
