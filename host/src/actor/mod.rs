//! Actors as the host runs them: a cell per actor, activated when there is something to do.

mod cell;
mod next;
mod orders;
mod port;
mod shown;

pub(crate) use cell::{Cell, Start};
pub(crate) use next::near;
pub(crate) use shown::Showing;
