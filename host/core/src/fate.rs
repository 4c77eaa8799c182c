//! What broke, and what follows.

use alloc::string::String;
use core::fmt;

/// A bound that a turn ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// CPU time of the turn.
    Cpu,
    /// Wall time of the turn.
    Wall,
    /// Growth of memory or of a table was refused.
    Memory,
    /// The outbox was full.
    Outbox,
    /// More bytes were handed to the host in one call than a message may have.
    Copy,
    /// Too many turns were spinning at once.
    Overloaded,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "the turn used more CPU time than it may",
            Self::Wall => "the turn took longer than it may",
            Self::Memory => "the actor needed more memory than it may have",
            Self::Outbox => "the turn asked for more than its outbox holds",
            Self::Copy => "the turn handed over more bytes at once than a message may have",
            Self::Overloaded => "the host has too many spinning actors to let one more spin",
        })
    }
}

/// What ended an instance. After any of these it can't be called again.
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

/// Why a turn did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The handler returned `err`: the instance lives on, as the handler left it.
    Returned {
        /// The handler's words.
        reason: String,
        /// Whether it asks for the message once more.
        retry: bool,
        /// The bound that an import refused over before, if any: trying again would meet it again.
        budget: Option<Budget>,
    },
    /// The instance is lost.
    Fault(Fault),
}

impl Failure {
    /// Whether the same message may be tried once more.
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        match self {
            Self::Returned { retry, budget, .. } => *retry && budget.is_none(),
            Self::Fault(Fault::Trap(_)) => true,
            Self::Fault(Fault::Budget(..) | Fault::Killed) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned { reason, budget: None, .. } => f.write_str(reason),
            Self::Returned { reason, budget: Some(budget), .. } => write!(f, "{reason} ({budget})"),
            Self::Fault(fault) => write!(f, "{fault}"),
        }
    }
}

/// What becomes of an actor whose instance is lost.
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
