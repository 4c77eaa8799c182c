//! What an actor has under way when a turn begins.

use crate::children::Children;
use crate::source::Rights;

/// How far an actor is on its way out when a turn begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaving {
    /// The actor stays.
    #[default]
    Stays,
    /// The turn handles an exit request.
    ExitTurn,
    /// The actor's exit turn is over.
    Exiting,
}

/// Everything an actor has under way when a turn begins: bounds count it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Pending wakeups, in number.
    pub wakeups: usize,
    /// The cost of their payloads, in bytes.
    pub wakeup_bytes: usize,
    /// The id of the next wakeup.
    pub next_wakeup: u64,
    /// Questions to the host that are open, in number.
    pub questions: usize,
    /// The id of the next question.
    pub next_question: u64,
    /// Children that live, or whose end the actor has not heard of.
    pub children: Children,
    /// Actors that it monitors.
    pub monitors: usize,
    /// Memory that all of it takes, in bytes.
    pub kept_bytes: usize,
    /// Whether the turn handles something: all do but a start.
    pub handles: bool,
    /// Whether the actor is about to end.
    pub leaving: Leaving,
    /// Things that the actor may ask of the host besides what all may.
    pub rights: Rights,
}
