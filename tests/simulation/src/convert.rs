//! Types of core to and from those that the guest SDK takes, as the host's sandbox has them.

use std::time::Duration;

use thespian::RawMessage;
use thespian::bindings::thespian::actor::types as wit;
use thespian_core::capability::{Capabilities, Clause, Requirement, Value};
use thespian_core::envelope::{ActorExit, ActorRestart, Body, ExitReason, NOBODY_THERE};
use thespian_core::fate::{ChildrenAtRestart, OnTrap};
use thespian_core::message::{Encoding, Message};
use thespian_core::plan::Plan;
use thespian_core::source::Transient;

pub(crate) fn message(message: RawMessage) -> Message {
    let encoding = match message.encoding {
        thespian::Encoding::Json => Encoding::Json,
        thespian::Encoding::Cbor => Encoding::Cbor,
        thespian::Encoding::Text => Encoding::Text,
        thespian::Encoding::Bytes => Encoding::Bytes,
        thespian::Encoding::Other(name) => Encoding::Other(name.into()),
    };
    let headers = message.headers.into_iter().map(|(name, value)| (name.into(), value.into()));
    let headers: Vec<_> = headers.collect();
    let headers = (!headers.is_empty()).then(|| headers.into());
    Message { type_name: message.type_name.into(), encoding, payload: message.payload.into(), headers }
}

pub(crate) fn to_guest(message: &Message) -> wit::MessageResult {
    let encoding = match &message.encoding {
        Encoding::Json => wit::EncodingResult::Json,
        Encoding::Cbor => wit::EncodingResult::Cbor,
        Encoding::Text => wit::EncodingResult::Text,
        Encoding::Bytes => wit::EncodingResult::Bytes,
        Encoding::Other(name) => wit::EncodingResult::Other(name.to_string()),
    };
    let headers = message.headers.as_ref();
    let headers = headers
        .map(|headers| headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect());
    wit::MessageResult {
        type_name: message.type_name.to_string(),
        encoding,
        payload: message.payload.to_vec(),
        headers,
    }
}

pub(crate) fn value(value: thespian::Value) -> Value {
    match value {
        thespian::Value::Boolean(value) => Value::Boolean(value),
        thespian::Value::Integer(value) => Value::Integer(value),
        thespian::Value::Number(value) => Value::Number(value),
        thespian::Value::Text(value) => Value::Text(value),
    }
}

fn value_to_guest(value: &Value) -> wit::ValueResult {
    match value {
        Value::Boolean(value) => wit::ValueResult::Boolean(*value),
        Value::Integer(value) => wit::ValueResult::Integer(*value),
        Value::Number(value) => wit::ValueResult::Number(*value),
        Value::Text(value) => wit::ValueResult::Text(value.clone()),
    }
}

pub(crate) fn requirement(requirement: thespian::Requirement) -> Requirement {
    let clause = match requirement.clause {
        thespian::Clause::IsTrue => Clause::IsTrue,
        thespian::Clause::Equals(wanted) => Clause::Equals(value(wanted)),
        thespian::Clause::AtLeast(least) => Clause::AtLeast(least),
        thespian::Clause::OneOf(values) => Clause::OneOf(values.into_iter().map(value).collect()),
    };
    Requirement { name: requirement.name, clause }
}

pub(crate) fn requirement_to_guest(requirement: &Requirement) -> wit::RequirementResult {
    let clause = match &requirement.clause {
        Clause::IsTrue => wit::ClauseResult::IsTrue,
        Clause::Equals(wanted) => wit::ClauseResult::Equals(value_to_guest(wanted)),
        Clause::AtLeast(least) => wit::ClauseResult::AtLeast(*least),
        Clause::OneOf(values) => wit::ClauseResult::OneOf(values.iter().map(value_to_guest).collect()),
    };
    wit::RequirementResult { name: requirement.name.clone(), clause }
}

pub(crate) const fn on_trap(on_trap: wit::OnTrap) -> OnTrap {
    match on_trap {
        wit::OnTrap::Restart => OnTrap::Restart,
        wit::OnTrap::RestartWithinBudget => OnTrap::RestartWithinBudget,
        wit::OnTrap::Exit => OnTrap::Exit,
    }
}

pub(crate) fn children_at_restart(extra: &wit::AttributesResult) -> ChildrenAtRestart {
    match &extra[..] {
        [(name, wit::ValueResult::Text(word))] if name == "children-at-restart" && word == "end" => {
            ChildrenAtRestart::End
        }
        _ => ChildrenAtRestart::Keep,
    }
}

/// The label among the options of a create.
pub(crate) fn label(extra: wit::AttributesParam<'_>) -> Box<str> {
    match extra {
        [("label", wit::ValueParam::Text(label))] => (*label).into(),
        _ => Box::default(),
    }
}

pub(crate) const fn transient(transient: wit::Transient) -> Transient {
    match transient {
        wit::Transient::After(nanos) => Transient::After(Duration::from_nanos(nanos)),
        wit::Transient::Idle(nanos) => Transient::Idle(Duration::from_nanos(nanos)),
    }
}

fn exit(exit: &ActorExit) -> wit::ActorExit {
    let reason = match exit.reason.clone() {
        ExitReason::Requested => wit::ExitReason::Requested,
        ExitReason::Failed(why) => wit::ExitReason::Failed(why),
        ExitReason::Killed(why) => wit::ExitReason::Killed(why),
        ExitReason::NeverStarted(why) => wit::ExitReason::NeverStarted(why),
        ExitReason::Unfit(why) => wit::ExitReason::Unfit(why),
        ExitReason::Unknown => wit::ExitReason::Other(("unknown".to_string(), NOBODY_THERE.to_string())),
    };
    wit::ActorExit { address: exit.address.to_string(), reason }
}

pub(crate) fn capabilities(capabilities: &Capabilities) -> Vec<(String, wit::ValueResult)> {
    capabilities.iter().map(|(name, value)| (name.clone(), value_to_guest(value))).collect()
}

pub(crate) fn init(plan: &Plan, incarnation: u32, capabilities: &Capabilities) -> wit::ActorInit {
    wit::ActorInit {
        class: plan.class.clone(),
        me: plan.address.to_string(),
        parent: plan.parent.map(|parent| parent.to_string()),
        global_name: plan.name.as_deref().map(str::to_string),
        source: plan.source.to_string(),
        incarnation,
        capabilities: self::capabilities(capabilities),
        requirements: plan.requirements.iter().map(requirement_to_guest).collect(),
        init: plan.init.as_ref().map(to_guest),
        extra: Vec::new(),
    }
}

/// What an instance is told of a notice. `None`: nothing.
pub(crate) fn event(body: &Body) -> Option<wit::Event> {
    Some(match body {
        Body::Poisoned(poisoned) => wit::Event::Poisoned(wit::Poisoned {
            target: poisoned.target.to_string(),
            details: poisoned.details.clone(),
            original: to_guest(&poisoned.original),
        }),
        Body::ExitRequest(request) => {
            wit::Event::ExitRequested(wit::ExitRequest { recursive: request.recursive })
        }
        Body::Wakeup(wakeup) => wit::Event::Wakeup(wit::Wakeup {
            id: wakeup.id,
            delay: u64::try_from(wakeup.delay.as_nanos()).unwrap_or(u64::MAX),
            payload: wakeup.payload.as_ref().map(to_guest),
        }),
        Body::ChildExited(child) => wit::Event::ChildExited(exit(child)),
        Body::ActorDown(down) => wit::Event::ActorDown(exit(down)),
        Body::DeadLetter(letter) => wit::Event::DeadLetter(wit::DeadLetter {
            target: letter.target.to_string(),
            sender: letter.sender.to_string(),
            reason: letter.reason.clone(),
            original: to_guest(&letter.original),
        }),
        Body::Named(named) => wit::Event::Named(wit::NamedActor {
            request: named.request,
            name: named.name.to_string(),
            outcome: named.outcome.clone().map(|address| address.to_string()),
        }),
        Body::Status(status) => {
            wit::Event::Status(wit::StatusAnswer { request: status.request, outcome: status.outcome.clone() })
        }
        Body::ChildRestarted(restart) => {
            let ActorRestart { address, incarnation, reason } = &**restart;
            wit::Event::ChildRestarted(wit::ActorRestart {
                address: address.to_string(),
                incarnation: *incarnation,
                reason: reason.clone(),
            })
        }
        Body::LoadAnswered(_) | Body::SourceUpdate(_) | Body::SourceOffered(_) => {
            unreachable!("no actor of this run has to do with sources")
        }
        Body::Message(_) | Body::ChildrenGone => return None,
    })
}
