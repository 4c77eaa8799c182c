//! What a class says of its actors: what becomes of one that traps, and of its children, when one ends of itself, and which hosts suit them.

use std::time::Duration;

use crate::bindings::thespian::actor::types as wit;
use crate::capability::{Attributes, Requirement};

/// The fate of an actor whose instance trapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTrap {
    /// A fresh instance takes its place; after 100 restarts in 10 s it pauses.
    #[default]
    Restart,
    /// As `Restart`, but a spent restart budget ends the actor.
    RestartWithinBudget,
    /// The actor ends.
    Exit,
}

/// The fate of an actor's children, where a fresh instance takes the place of one that trapped:
/// `#[actor(children_at_restart = "end")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChildrenAtRestart {
    /// The children live on, and the fresh instance finds them by [`crate::Context::children`].
    #[default]
    Keep,
    /// The children end before the fresh instance starts, which hears of none of them.
    End,
}

impl ChildrenAtRestart {
    /// Words for it among all that a class says of itself.
    pub(crate) fn to_wit(self) -> Vec<(String, wit::ValueResult)> {
        match self {
            Self::Keep => Vec::new(),
            Self::End => {
                vec![("children-at-restart".to_string(), wit::ValueResult::Text("end".to_string()))]
            }
        }
    }
}

impl From<wit::OnTrap> for OnTrap {
    fn from(on_trap: wit::OnTrap) -> Self {
        match on_trap {
            wit::OnTrap::Restart => Self::Restart,
            wit::OnTrap::RestartWithinBudget => Self::RestartWithinBudget,
            wit::OnTrap::Exit => Self::Exit,
        }
    }
}

impl OnTrap {
    pub(crate) const fn to_wit(self) -> wit::OnTrap {
        match self {
            Self::Restart => wit::OnTrap::Restart,
            Self::RestartWithinBudget => wit::OnTrap::RestartWithinBudget,
            Self::Exit => wit::OnTrap::Exit,
        }
    }
}

/// When an actor ends of itself: `#[actor(transient(after_ms = 500))]`, `#[actor(transient(idle_ms = 500))]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transient {
    /// This long after its first message.
    After(Duration),
    /// When no message came for this long.
    Idle(Duration),
}

impl Transient {
    pub(crate) fn to_wit(self) -> wit::Transient {
        let nanos = |length: Duration| u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        match self {
            Self::After(length) => wit::Transient::After(nanos(length)),
            Self::Idle(length) => wit::Transient::Idle(nanos(length)),
        }
    }
}

/// The message that a class starts with: the first parameter of its `#[start]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitMessage {
    /// The type name of the message.
    pub type_name: &'static str,
    /// Whether the class starts without it too.
    pub is_optional: bool,
}

impl InitMessage {
    pub(crate) fn to_wit(self) -> (String, wit::ValueResult) {
        let name = if self.is_optional { "init-optional" } else { "init" };
        (name.to_string(), wit::ValueResult::Text(self.type_name.to_string()))
    }
}

/// A class's own check whether a host that has this suits its actors, where their creator and the class require that.
/// It is asked where all that is required holds, in an instance of its own in which nothing can be asked of the host.
/// It must give the same answer to the same question.
pub type Accepts = fn(host: &Attributes, required: &[Requirement]) -> bool;
