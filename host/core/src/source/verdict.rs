//! What an authority says of an offer.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::admission::{Admission, check_classes};
use super::{LowerLimits, Rights, SourceHash, SourceInfo};
use crate::address::ActorAddress;

/// The limit of an actor's memory, as it is named in configuration.
const MEMORY_BYTES_MAX: &str = "memory-bytes-max";

/// Names one offer of a source: the same bytes may be offered again, and are judged anew then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId(pub u64);

/// Names the bytes that run: their SHA-256. They are those that were submitted, unless an authority has put others in their place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunHash(pub SourceHash);

impl fmt::Display for RunHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RunHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An approval: what may run, and what it may do. A refusal is a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rights of its actors, besides what all may ask of their host.
    pub rights: Rights,
    /// The limits of its actors, below the node's.
    pub limits: LowerLimits,
    /// The bytes that run, where they are not those that were submitted.
    #[serde(default)]
    pub runs: Option<RunHash>,
    /// Its judge's words about it, in place of its submitter's.
    #[serde(default)]
    pub label: Option<String>,
    /// The judge of it.
    pub judged_by: JudgedBy,
}

/// The approval of an actor that is the authority, as it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorsApproval {
    /// Its word for the source, in place of its submitter's.
    pub label: Option<String>,
    /// The rights that it would give the source's actors.
    pub rights: Rights,
    /// The limits of the source's actors, below the node's.
    pub limits: LowerLimits,
    /// The bytes that are to run, where they are not those that were submitted.
    pub runs: Option<RunHash>,
}

impl Verdict {
    /// Whether a source is what it was approved as: it has said so itself only now.
    ///
    /// # Errors
    /// It describes other classes, or its actors could not begin within their limits.
    pub fn suits(&self, info: &SourceInfo) -> Result<(), String> {
        let named = match &self.judged_by {
            JudgedBy::Keys(admission) => admission.classes.as_ref(),
            JudgedBy::Person { classes } => classes.as_ref(),
            JudgedBy::Nobody | JudgedBy::Program | JudgedBy::Actor(_) | JudgedBy::Configuration => None,
        };
        if let Some(named) = named {
            let described: Vec<String> = info.classes.iter().map(|class| class.name.clone()).collect();
            check_classes(named, &described)?;
        }
        match self.limits.get(MEMORY_BYTES_MAX) {
            Some(most) if most < info.memory_bytes => Err(format!(
                "each of its actors begins with {} bytes of memory, and may have {most} (`{MEMORY_BYTES_MAX}`)",
                info.memory_bytes
            )),
            _ => Ok(()),
        }
    }
}

/// An actor that is the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorJudge {
    /// The address of the actor.
    pub address: ActorAddress,
    /// The source of the actor.
    pub source: SourceHash,
}

/// The judge who approved a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgedBy {
    /// Nobody looked: `trust-all`.
    #[default]
    Nobody,
    /// Keys that the policy trusts.
    Keys(Box<Admission>),
    /// A judge of the program that has the node in it.
    Program,
    /// An actor that was the authority, of this source.
    Actor(SourceHash),
    /// The node's configuration: it is the source of the authority itself.
    Configuration,
    /// A person, whom the node asked.
    Person {
        /// Its classes, which must be those that it describes; absent: its manifest does not say.
        classes: Option<Vec<String>>,
    },
}

impl fmt::Display for JudgedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody: every source is trusted"),
            Self::Person { .. } => f.write_str("a person, by `approve`"),
            Self::Program => f.write_str("the program that has the node in it"),
            Self::Actor(source) => write!(f, "an actor of source {source}"),
            Self::Configuration => f.write_str("the node's configuration, as its authority"),
            Self::Keys(admission) => {
                f.write_str(if admission.signers.len() == 1 { "key " } else { "keys " })?;
                for (at, name) in admission.signers.iter().enumerate() {
                    write!(f, "{}`{name}`", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// A source under a policy: whether it stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOutcome {
    /// The source's name.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
    /// Live actors created from it.
    pub actors: u64,
    /// The rights that it has, or why it is not admitted.
    pub outcome: Result<Rights, String>,
}
