//! How a thread is called that waits for a seat.

use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::run_queue::Ticket;
use thespian_core::source::SourceHash;

/// Something that a thread is given while it waits.
pub(super) enum Given {
    /// A seat, for whatever is next.
    Seat,
    /// A seat for the turn that waits on it, and who is charged.
    Turn(Ticket<SourceHash>),
}

/// The bell of one thread, at which it waits.
pub(super) struct Bell {
    given: Mutex<Option<Given>>,
    thread: Thread,
}

impl Bell {
    pub(super) fn of_this_thread() -> Arc<Self> {
        Arc::new(Self { given: Mutex::new(None), thread: thread::current() })
    }

    /// Leaves something for the thread. Whoever gives holds the lock of the pool, and rings when it has let go of that.
    pub(super) fn give(&self, given: Given) {
        let before = self.given.lock().replace(given);
        debug_assert!(before.is_none(), "nothing is given twice");
    }

    /// Has the thread look.
    pub(super) fn ring(&self) {
        self.thread.unpark();
    }

    /// Takes what was given, if anything was.
    pub(super) fn take(&self) -> Option<Given> {
        self.given.lock().take()
    }

    /// Waits until something is given.
    pub(super) fn wait(&self) -> Given {
        loop {
            if let Some(given) = self.take() {
                return given;
            }
            thread::park();
        }
    }

    /// Waits until somebody rings, but not for longer than this.
    pub(super) fn wait_for_ring(&self, time_max: Duration) {
        if self.given.lock().is_none() {
            thread::park_timeout(time_max);
        }
    }
}
