//! A thread of the pool: work after work, as long as it has a seat.

use std::sync::Arc;

use super::bell::Bell;
use super::seats::{Pool, Work};
use super::stint::Stint;

/// Works on this thread, which was called to have a seat, as long as it is needed.
pub(super) fn serve(pool: &Arc<Pool>) {
    pool.has_come();
    let bell = Bell::of_this_thread();
    let mut has_seat = true;
    while let Some((ticket, work)) = pool.next(&bell, has_seat) {
        let flow = ticket.flow();
        let stint = Stint::of_worker(pool, ticket);
        has_seat = match work {
            Work::Actor(cell) => stint.run(cell),
            Work::Call(call) => stint.call(flow, call),
            Work::Turn(_) => unreachable!("it has a thread of its own"),
        };
    }
}
