//! Actor code by hash: what a source is, and its way from offer to judgement to use.

pub mod admission;
pub mod authority;
mod check;
mod effect;
mod event;
pub mod foreign;
mod lower_limits;
pub mod manifest;
mod name;
pub mod policy;
pub mod registry;
mod rights;
mod state;
mod verdict;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::capability::Requirement;
use crate::fate::{ChildrenAtRestart, OnTrap};
pub use check::ClassCheck;
pub use effect::{JudgeWish, SourceEffect};
pub use event::{SourceEvent, Unusable};
pub use lower_limits::{LowerLimitError, LowerLimits};
pub use name::{
    NamePattern, ParseNameError, ParsePatternError, ParseVersionError, SourceName, SourceVersion,
};
pub use rights::{Rights, UnknownRight};
pub use state::SourceState;
pub use verdict::{JudgedBy, OfferId, SourceOutcome, Verdict};

/// Names a source: the SHA-256 of its bytes as submitted. Its text is 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceHash(pub [u8; 32]);

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not the hash of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a source hash has 64 lower-case hex digits")]
pub struct ParseHashError;

impl FromStr for SourceHash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        let digits = text.as_bytes();
        let mut hash = [0; 32];
        if digits.len() != 64 {
            return Err(ParseHashError);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
        }
        Ok(Self(hash))
    }
}

const fn hex_value(digit: u8) -> Result<u8, ParseHashError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseHashError),
    }
}

impl Serialize for SourceHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SourceHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

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
