//! The threads on which actors run, and the *seats* that they need for it: as many as cores. Threads are cheap, so a turn that
//! takes long keeps its own and gives away the seat.
//!
//! ```text
//!  schedule ─► next on this thread, or behind it ─┐ a free seat, its time is spent, a long turn
//!  push ──────────────────────────────────────────┴─► run queue ─► a thread with a seat: a stint
//!                                                         ▲            │ outlives its slice
//!                                                         └────────────┘ waits there for a seat, as all others
//! ```
//!
//! Who runs next is core's to say ([`RunQueue`]). It does not know what an actor is.

mod bell;
mod meter;
mod runaway;
mod seats;
mod stint;
mod worker;

use std::io;

use crate::plane::clock::Clock;
pub(crate) use seats::{Activated, Pool, PoolOwner};
pub(crate) use stint::{LaneNote, begin_piece, end_piece, has_next, let_go, near, schedule};

/// Starts threads for so many seats.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn start(seats: usize, clock: Clock) -> io::Result<PoolOwner> {
    Pool::start(seats, clock, worker::serve)
}
