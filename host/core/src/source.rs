//! Actor code by hash: what a source is, and its way from offer to judgement to use.

pub mod admission;
mod appointment;
pub mod authority;
mod check;
mod effect;
mod event;
pub mod foreign;
mod hash;
mod lower_limits;
pub mod manifest;
mod name;
mod pending;
pub mod policy;
pub mod registry;
mod rights;
mod state;
mod terms;
mod verdict;
mod watchers;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::capability::Requirement;
use crate::fate::{ChildrenAtRestart, OnTrap};
pub use appointment::Appointment;
pub use check::ClassCheck;
pub use effect::{HandOver, JudgeWish, RefusedSource, SourceEffect};
pub use event::{SourceEvent, Unusable};
pub use hash::{ParseHashError, SourceHash};
pub use lower_limits::{LowerLimitError, LowerLimits};
pub use name::{
    NamePattern, ParseNameError, ParsePatternError, ParseVersionError, SourceName, SourceVersion,
};
pub use pending::{PendingOffer, PersonsApproval};
pub use rights::{Rights, UnknownRight};
pub use state::SourceState;
pub use terms::OfferTerms;
pub use verdict::{ActorJudge, ActorsApproval, JudgedBy, OfferId, RunHash, SourceOutcome, Verdict};
pub use watchers::SourceWatchers;

/// Words of a source about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// Its name, for people.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// The SDK that it was written with.
    pub sdk: String,
    /// The classes that can be created from it.
    pub classes: Vec<ActorClass>,
    /// Memory with which each of its actors begins, in bytes: the host's word, and not its own.
    pub memory_bytes: u64,
}

/// A class of actors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorClass {
    /// The name by which it is created.
    pub name: String,
    /// Requirements of a host; all of them must hold.
    pub requires: Vec<Requirement>,
    /// Whether it must also be asked if a host suits it, because data can't say what it needs.
    pub custom_placement: bool,
    /// The fate of a trapped actor, unless its creator says otherwise.
    pub on_trap: OnTrap,
    /// Whether and when its actors end of themselves.
    pub transient: Option<Transient>,
    /// The type names of the messages it takes.
    pub receives: Vec<String>,
    /// The fate of the children of a trapped actor that goes on.
    pub children_at_restart: ChildrenAtRestart,
    /// The message that it starts with, if it says so.
    pub init: Option<InitMessage>,
}

/// The message that a class starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitMessage {
    /// The type name of the message.
    pub type_name: String,
    /// Whether the class starts without it too.
    pub is_optional: bool,
}

/// When an actor ends of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transient {
    /// This long after its first message.
    After(Duration),
    /// When no message came for this long.
    Idle(Duration),
}
