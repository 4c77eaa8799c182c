//! A stint: what a thread does before it looks at the queue again. One actor, then those that were made active meanwhile, for
//! a millisecond at most.
//!
//! Mostly a turn makes one other actor active, and is the last of its activation. The other then runs at once, on the same
//! thread, while the message is still in its cache. By way of the queue it would cost as much as the turn, and may wake another
//! core for nothing. So they stay here as long as nobody else could run them: where a seat is free, all but the first go to it;
//! and nobody stays behind a turn that takes long.

use std::cell::{Cell as Flag, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use thespian_core::limits::ACTIVATION_TIME_MAX;
use thespian_core::run_queue::{Lane, Ticket};
use thespian_core::source::SourceHash;
use thespian_core::time::Time;
use thespian_core::turn::Buffers;
use tokio::runtime::Handle;

use super::meter::Meter;
use super::seats::{Activated, Pool};

/// The lane in which an actor waits: it starts once, and then takes what it took last.
#[derive(Debug, Default)]
pub(crate) struct LaneNote(AtomicU8);

impl LaneNote {
    pub(crate) fn get(&self) -> Lane {
        match self.0.load(Ordering::Relaxed) {
            0 => Lane::Start,
            1 => Lane::Light,
            _ => Lane::Heavy,
        }
    }

    pub(crate) fn set(&self, lane: Lane) {
        let note = match lane {
            Lane::Start => 0,
            Lane::Light => 1,
            Lane::Heavy | Lane::Runaway => 2,
        };
        // Mostly it stays, and others read it.
        if self.0.load(Ordering::Relaxed) != note {
            self.0.store(note, Ordering::Relaxed);
        }
    }
}

/// Whether this thread has a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    /// The thread is none of the pool's.
    NotNeeded,
    Has,
    /// The turn under way waits for another, or ends without.
    GivenAway,
}

/// The stint under way on a thread.
struct UnderWay {
    is_stint: bool,
    seat: Seat,
    next: Option<Arc<dyn Activated>>,
    behind: VecDeque<Arc<dyn Activated>>,
    meter: Meter,
}

thread_local! {
    static IS_NEAR: Flag<bool> = const { Flag::new(false) };
    static BUFFERS: RefCell<Buffers> = RefCell::default();
    static UNDER_WAY: RefCell<UnderWay> = const {
        RefCell::new(UnderWay {
            is_stint: false,
            seat: Seat::NotNeeded,
            next: None,
            behind: VecDeque::new(),
            meter: Meter::new(),
        })
    };
}

/// Whoever `push` makes active runs on the runtime of the task that calls this, and so mostly on the same thread: a program
/// that waits for one answer then wakes no other core, twice. One at a time, and only while its source has had no more than its
/// due; others are activated among the actors.
pub(crate) fn near<T>(push: impl FnOnce() -> T) -> T {
    IS_NEAR.set(true);
    let pushed = push();
    IS_NEAR.set(false);
    pushed
}

/// Has an actor look at what waits for it: on this thread after the activation under way, if there is one, else on whichever
/// has a seat.
pub(crate) fn schedule(pool: &Arc<Pool>, cell: Arc<dyn Activated>) {
    let refused = UNDER_WAY.with_borrow_mut(|stint| stint.offer(pool, cell));
    let Some(cell) = refused else { return };
    if IS_NEAR.get()
        && let Some(near) = pool.enter_near(cell.flow())
    {
        let task = Handle::current().spawn(async move {
            Stint::begin(&near.0, None, Seat::NotNeeded).run(cell);
            drop(near);
        });
        // Detached: what it did is in the cells.
        drop(task);
    } else {
        pool.push(cell);
    }
}

impl UnderWay {
    /// Keeps `cell` for after the activation under way. Gives it back where there is none, or somebody else could run it.
    fn offer(&mut self, pool: &Pool, cell: Arc<dyn Activated>) -> Option<Arc<dyn Activated>> {
        if !self.is_stint {
            return Some(cell);
        }
        if self.next.is_none() {
            self.next = Some(cell);
        } else if pool.has_free_seat() {
            return Some(cell);
        } else {
            self.behind.push_back(cell);
        }
        None
    }

    fn take(&mut self) -> Option<Arc<dyn Activated>> {
        self.next.take().or_else(|| self.behind.pop_front())
    }

    /// Takes out all; mostly there are none, and nothing is allocated for them.
    fn take_all(&mut self) -> VecDeque<Arc<dyn Activated>> {
        let mut cells = std::mem::take(&mut self.behind);
        if let Some(next) = self.next.take() {
            cells.push_front(next);
        }
        cells
    }
}

/// A stint on a thread that has a seat or needs none.
pub(super) struct Stint<'a> {
    pool: &'a Arc<Pool>,
    begun: Time,
}

impl<'a> Stint<'a> {
    pub(super) fn of_worker(pool: &'a Arc<Pool>, ticket: Ticket<SourceHash>) -> Self {
        Self::begin(pool, Some(ticket), Seat::Has)
    }

    fn begin(pool: &'a Arc<Pool>, ticket: Option<Ticket<SourceHash>>, seat: Seat) -> Self {
        let begun = pool.clock.now();
        UNDER_WAY.with_borrow_mut(|stint| {
            stint.is_stint = true;
            stint.seat = seat;
            stint.meter.begin(ticket, begun);
        });
        Self { pool, begun }
    }

    /// Activates an actor, then those that this made active, and so on, until others must have their turn. Whether the thread
    /// has its seat still.
    pub(super) fn run(self, first: Arc<dyn Activated>) -> bool {
        let active = Active(self.pool);
        let mut buffers = BUFFERS.take();
        let (flow, mut cell, mut now) = (first.flow(), first, self.begun);
        while let Some(end) = cell.activate(self.begun, now, &mut buffers)
            && end - self.begun < ACTIVATION_TIME_MAX
            && let Some(next) = self.next(flow)
        {
            (cell, now) = (next, end);
        }
        BUFFERS.set(buffers);
        drop(active);
        keeps_seat()
    }

    /// Whoever runs next here. An actor of another source than the stint's does so only while that has had no more than its
    /// due: or two sources that wake each other's actors would have all the time there is.
    fn next(&self, flow: SourceHash) -> Option<Arc<dyn Activated>> {
        loop {
            let next = take()?;
            if next.flow() == flow || self.pool.may_go_ahead(next.flow()) {
                return Some(next);
            }
            self.pool.push(next);
        }
    }

    /// Calls what is no actor's turn, for a source. Whether the thread has its seat still.
    pub(super) fn call(self, flow: SourceHash, call: impl FnOnce()) -> bool {
        let active = Active(self.pool);
        begin_piece(flow, Lane::Start);
        call();
        end_piece(self.pool.clock.now());
        drop(active);
        keeps_seat()
    }
}

/// The stint is under way. When this is dropped, also by a panic, everybody is charged, and whoever is left goes to the queue.
struct Active<'a>(&'a Arc<Pool>);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let mut locked = self.0.lock();
        let cells = UNDER_WAY.with_borrow_mut(|stint| {
            stint.is_stint = false;
            locked.settle(&mut stint.meter);
            stint.take_all()
        });
        drop(locked);
        self.0.push_all(cells);
    }
}

/// An activation begins.
pub(crate) fn begin_piece(flow: SourceHash, lane: Lane) {
    UNDER_WAY.with_borrow_mut(|stint| stint.meter.begin_piece(flow, lane));
}

/// The activation is over; the lane in which the same actor is to wait next.
pub(crate) fn end_piece(now: Time) -> Lane {
    UNDER_WAY.with_borrow_mut(|stint| stint.meter.end_piece(now))
}

/// Whether somebody waits for the end of the activation under way.
pub(crate) fn has_next() -> bool {
    UNDER_WAY.with_borrow(|stint| stint.next.is_some() || !stint.behind.is_empty())
}

fn take() -> Option<Arc<dyn Activated>> {
    UNDER_WAY.with_borrow_mut(UnderWay::take)
}

/// A turn begins, which may take long: whoever is next runs elsewhere, if somebody can run it.
pub(crate) fn let_go(pool: &Arc<Pool>) {
    if pool.has_free_seat()
        && let Some(cell) = take()
    {
        pool.push(cell);
    }
}

/// Nobody is to wait behind the turn under way.
pub(super) fn let_all_go(pool: &Arc<Pool>) {
    let cells = UNDER_WAY.with_borrow_mut(UnderWay::take_all);
    pool.push_all(cells);
}

/// Whether this thread is one of the pool's and has a seat.
pub(super) fn keeps_seat() -> bool {
    UNDER_WAY.with_borrow(|stint| stint.seat == Seat::Has)
}

/// Gives the thread's seat away, if it has one: whether it had.
pub(super) fn give_seat_away() -> bool {
    UNDER_WAY.with_borrow_mut(|stint| {
        let had = stint.seat == Seat::Has;
        if had {
            stint.seat = Seat::GivenAway;
        }
        had
    })
}

/// The turn under way goes on with a seat that it was given, and is charged by itself.
pub(super) fn take_seat() {
    UNDER_WAY.with_borrow_mut(|stint| {
        if stint.seat == Seat::GivenAway {
            stint.seat = Seat::Has;
        }
        stint.meter.begin_apart();
    });
}

/// Does something with what measures the stint under way, if there is one.
pub(super) fn with_meter(work: impl FnOnce(&mut Meter)) {
    UNDER_WAY.with_borrow_mut(|stint| {
        if stint.is_stint {
            work(&mut stint.meter);
        }
    });
}
