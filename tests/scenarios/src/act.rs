//! What a scenario is made of.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

/// One behaviour.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The promise, as a sentence; with the row's number in front, if it is a row of the table.
    pub name: String,
    /// What is not clear from the steps.
    #[serde(default)]
    pub why: String,
    /// Bounds of an actor that are not the usual.
    #[serde(default)]
    pub limits: Limits,
    /// How many actors the host can have.
    pub actors_max: Option<usize>,
    /// What the host has.
    #[serde(default)]
    pub capabilities: Map<String, Value>,
    /// What is done, and what must be seen.
    pub steps: Vec<Value>,
}

/// Bounds of an actor, by their names in core; absent: the usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in core")]
pub struct Limits {
    pub mailbox_len_max: Option<usize>,
    pub message_bytes_max: Option<usize>,
    pub outbox_len_max: Option<usize>,
}

fn probe() -> String {
    "Probe".to_string()
}

const fn yes() -> bool {
    true
}

/// An actor to be created from outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// What it is called in what follows.
    #[serde(default, rename = "as")]
    pub name: String,
    /// Its class, of the probe's source; absent: `Probe`. `null` names none.
    #[serde(default = "named_probe")]
    pub class: Option<String>,
    /// Capabilities that its host must have, with these values.
    #[serde(default)]
    pub requires: Map<String, Value>,
    /// The words that it is started with.
    pub init: Option<String>,
    /// Whether a trap ends it, whatever its class says.
    #[serde(default)]
    pub ends_on_trap: bool,
    /// It is refused, with these words.
    pub fails: Option<Value>,
}

#[expect(clippy::unnecessary_wraps, reason = "a default of the field's type")]
fn named_probe() -> Option<String> {
    Some(probe())
}

/// A message from outside.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its type.
    pub type_name: String,
    /// Its payload: JSON, if it is as it should be.
    pub payload: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    pub(crate) to: String,
    /// Steps for a probe.
    #[serde(rename = "do")]
    steps: Option<Value>,
    message: Option<String>,
    payload: Option<Value>,
    /// A payload that is no JSON.
    raw: Option<String>,
    pub(crate) hears: Option<Value>,
    pub(crate) within_ms: Option<u64>,
    pub(crate) fails: Option<Value>,
}

impl Told {
    pub(crate) fn message(&self) -> Message {
        match (&self.steps, &self.message) {
            (Some(steps), _) => message("Run", &json!({ "steps": steps })),
            (None, Some(type_name)) => {
                let payload = self.payload.as_ref().map_or_else(|| "{}".to_string(), Value::to_string);
                let payload = self.raw.clone().unwrap_or(payload);
                Message { type_name: type_name.clone(), payload }
            }
            (None, None) => message("Run", &json!({ "steps": [] })),
        }
    }
}

pub(crate) fn message(type_name: &str, payload: &Value) -> Message {
    Message { type_name: type_name.to_string(), payload: payload.to_string() }
}

/// One step of a scenario.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Act {
    /// Create an actor from outside.
    Create(Create),
    /// Have a probe create a child.
    Child {
        of: String,
        #[serde(rename = "as")]
        name: String,
        /// As in the probe's step; absent: a probe.
        create: Option<Value>,
    },
    /// Send a message.
    Tell(Told),
    /// Send a message and hear the answer.
    Ask(Told),
    /// Hear a message.
    Listen { hears: Value, within_ms: Option<u64> },
    /// Have a probe report until the report is as it should be.
    Report {
        of: String,
        shows: Value,
        /// And not before this time after the last `clock`.
        not_before_ms: Option<u64>,
    },
    /// Look at the host until it is as it should be.
    Status { shows: Value },
    /// It answers to an `Echo`.
    Answers(String),
    /// All of these are different.
    Differ(Vec<Value>),
    /// There is nobody at this address.
    Gone(String),
    /// Have an actor exit.
    Exit {
        who: String,
        #[serde(default = "yes")]
        recursive: bool,
        ends: Option<Value>,
        fails: Option<Value>,
    },
    /// Kill an actor.
    Kill { who: String, ends: Option<Value>, fails: Option<Value> },
    /// The same for each of these.
    Each(Each),
    /// Time counts from here.
    Clock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Each {
    #[serde(deserialize_with = "list")]
    pub(crate) of: Vec<Value>,
    #[serde(rename = "as")]
    pub(crate) name: String,
    pub(crate) steps: Vec<Value>,
}

/// A list, or how many times: `3` is `[0, 1, 2]`.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(list) => Ok(list),
        Value::Number(len) => Ok((0..len.as_u64().unwrap_or(0)).map(Value::from).collect()),
        // A list that an earlier step found; it is put in before this is done.
        Value::String(name) if name.starts_with('$') => Ok(Vec::new()),
        other => Err(serde::de::Error::custom(format!("a list or a number was expected, not {other}"))),
    }
}

/// Whether a step is one.
#[cfg(test)]
pub(crate) fn check(step: &Value) -> Result<(), serde_json::Error> {
    let act: Act = serde_json::from_value(step.clone())?;
    if let Act::Each(each) = act {
        each.steps.iter().try_for_each(check)?;
    }
    Ok(())
}
