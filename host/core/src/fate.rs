//! What broke, and what follows.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use crate::envelope::FailsFor;
use crate::outbox::OutboxError;

/// A bound that a turn ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// CPU time of the turn.
    Cpu,
    /// Wall time of the turn.
    Wall,
    /// Growth of memory or of a table was refused.
    Memory,
    /// More bytes were handed to the host in one call than a message may have.
    Copy,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "the turn used more CPU time than it may",
            Self::Wall => "the turn took longer than it may",
            Self::Memory => "the actor needed more memory than it may have",
            Self::Copy => "the turn handed over more bytes at once than a message may have",
        })
    }
}

/// The fault that ended an instance, which can't be called again after any of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The code trapped: a panic, an abort, a stack overflow, a call that the sandbox refuses.
    Trap(String),
    /// The turn was ended because a bound was reached.
    Budget(Budget, String),
    /// The actor was killed while the turn ran.
    Killed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(reason) => write!(f, "trapped: {reason}"),
            Self::Budget(budget, detail) if detail.is_empty() => write!(f, "{budget}"),
            Self::Budget(budget, detail) => write!(f, "{budget} ({detail})"),
            Self::Killed => f.write_str("killed"),
        }
    }
}

/// A bound that refused a turn something, which went on all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An import refused. Apart, since it is rare and large, and the outcome of each turn is as large as a failure.
    Import(Box<OutboxError>),
    /// Growth of memory or of a table was refused.
    Memory,
}

impl Bound {
    /// Whether these words say so already.
    fn is_named_in(&self, words: &str) -> bool {
        match self {
            Self::Import(error) => words.contains(&error.to_string()),
            Self::Memory => false,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Import(error) => write!(f, "an import refused: {error}"),
            Self::Memory => f.write_str("it was refused more memory"),
        }
    }
}

/// The way in which a turn failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The handler returned `err`: the instance lives on, as the handler left it.
    Returned {
        /// The handler's words.
        reason: String,
        /// Whether it asks for the message once more.
        retry: bool,
        /// The first bound that refused it something before, if any did: trying again would meet it again. Whether it
        /// failed for that, its words alone can say.
        met: Option<Bound>,
    },
    /// The instance is lost.
    Fault(Fault),
}

impl Failure {
    /// Whether the same message may be tried once more.
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        match self {
            Self::Returned { retry, met, .. } => *retry && met.is_none(),
            Self::Fault(Fault::Trap(_)) => true,
            Self::Fault(Fault::Budget(..) | Fault::Killed) => false,
        }
    }
}

/// A turn that failed, and whoever is to hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The way in which it failed.
    pub failure: Failure,
    /// Whoever it failed for, if that is not the sender of what it handled.
    pub fails_for: Option<Box<FailsFor>>,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { failure, fails_for: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned { reason, met: Some(bound), .. } if !bound.is_named_in(reason) => {
                write!(f, "{reason} (before that {bound})")
            }
            Self::Returned { reason, .. } => f.write_str(reason),
            Self::Fault(fault) => write!(f, "{fault}"),
        }
    }
}

/// The fate of an actor whose instance is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnTrap {
    /// A fresh instance takes its place; with the restart budget spent, after a pause.
    #[default]
    Restart,
    /// As `Restart`, but a spent budget ends the actor.
    RestartWithinBudget,
    /// The actor ends.
    Exit,
}

/// The fate of the children of an actor whose instance is lost, where the actor goes on in a fresh one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChildrenAtRestart {
    /// The children live on, and the fresh instance can ask for them.
    #[default]
    Keep,
    /// The children end before the fresh instance starts, which hears of none of them.
    End,
}
