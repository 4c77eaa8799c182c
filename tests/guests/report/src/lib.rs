//! What a probe tells of itself, in the one form that the probe writes and its tests read. An address is a text to the one,
//! and of core's type to the others.

use serde::{Deserialize, Serialize};

/// A message that came back to a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedPoison<A> {
    /// The actor that failed on it.
    pub target: A,
    /// Its reason.
    pub details: String,
    /// The message's type name.
    pub type_name: String,
    /// The message's payload, as text.
    pub payload: String,
}

/// A dead letter that a probe was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedDeadLetter<A> {
    /// The receiver that it was for.
    pub target: A,
    /// The actor that sent it.
    pub sender: A,
    /// The reason for which it was not delivered.
    pub reason: String,
    /// The message's type name.
    pub type_name: String,
    /// The message's payload, as text.
    pub payload: String,
}

/// A wakeup that came to a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Woken<A> {
    /// The text that was given along.
    pub tag: String,
    /// The delay that was asked for, in ms.
    pub ms: u64,
    /// The sender that the host names.
    pub sender: A,
}

/// What a probe is, and has seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report<A> {
    /// The probe's address.
    pub me: A,
    /// The sender of what it reports on.
    pub sender: A,
    /// The probe's creator, if that is an actor.
    pub parent: Option<A>,
    /// The probe's class.
    pub class: String,
    /// The hash of the probe's source.
    pub source: String,
    /// The number of the probe's instance.
    pub incarnation: u32,
    /// The words that it was given to start with.
    pub init: Option<String>,
    /// The words of this version of the probe.
    pub version: String,
    /// Every child, in the order of their creation.
    pub children: Vec<A>,
    /// Those of them that live, as the host lists them, with their labels.
    pub living: Vec<(A, String)>,
    /// Children that are gone, and the reasons.
    pub exits: Vec<(A, String)>,
    /// Children that were restarted, and the numbers of their instances.
    pub restarts: Vec<(A, u32)>,
    /// Messages that came back.
    pub poisons: Vec<ReportedPoison<A>>,
    /// Wakeups, as they came.
    pub wakeups: Vec<Woken<A>>,
    /// Numbers, as they came.
    pub numbers: Vec<u64>,
    /// Words, as they came.
    pub said: Vec<String>,
    /// Attempts of turns with steps to carry out.
    pub runs: u32,
    /// The probe's global name.
    pub global_name: Option<String>,
    /// Names of what the host has, as told at the start.
    pub capabilities: Vec<String>,
    /// Monitored actors that are gone, and the reasons.
    pub downs: Vec<(A, String)>,
    /// Dead letters, as they came.
    pub dead_letters: Vec<ReportedDeadLetter<A>>,
    /// Global names, and the actors that have them, or the reasons for none.
    pub named: Vec<(String, Result<A, String>)>,
    /// Answers to questions for a status.
    pub statuses: Vec<Result<String, String>>,
}
