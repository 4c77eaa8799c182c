//! Actors as the host runs them: a cell per actor, activated when there is something to do.

mod cell;
mod cells;
mod ground;
mod orders;
mod port;
mod shown;

pub(crate) use cell::Start;
pub(crate) use cells::Cells;
pub(crate) use ground::Ground;
