//! Actors as the host runs them: a cell per actor, activated when there is something to do.

mod cell;
mod next;
mod port;

pub(crate) use cell::{Cell, Start};
pub(crate) use next::near;
