//! What an actor is doing, for people and programs that look.

use serde::{Deserialize, Serialize};

/// The phase of an actor's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorPhase {
    /// Its `start` has not returned.
    Starting,
    /// Ready for messages.
    Running,
    /// Waiting until receivers have room for what it sent.
    Held,
    /// Waiting for its next instance, because it was restarted too often, the last could not start, or its children are to
    /// end first.
    Paused,
    /// Asked to exit, and waiting for its children.
    Exiting,
}
