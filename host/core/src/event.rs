//! What happened: everything that `Admin` is told. What there is to tell of a concern stands with the concern.

use crate::life::ActorEvent;
use crate::question::{Origin, Question};
use crate::source::SourceEvent;

/// Something that happened, in the past tense.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Something happened to a source.
    Source(SourceEvent),
    /// Something happened to an actor, or it did something.
    Actor(ActorEvent),
    /// Somebody asked for something.
    Asked {
        /// The asker, for the answer.
        origin: Origin,
        /// The question itself.
        question: Question,
    },
    /// Nobody waits for this answer any more.
    Withdrawn(Origin),
    /// The time of [`crate::admin::Admin::deadline`] has come.
    TimePassed,
}

impl From<SourceEvent> for Event {
    fn from(event: SourceEvent) -> Self {
        Self::Source(event)
    }
}

impl From<ActorEvent> for Event {
    fn from(event: ActorEvent) -> Self {
        Self::Actor(event)
    }
}
