//! What could not be delivered or handled: how much it was, the last of it, and which actor wants to be given it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use thespian_core::address::ActorAddress;
use thespian_core::limits::DEAD_LETTERS_KEPT;
use thespian_core::wire::control::DeadLetter;

/// The dead letters of a node.
#[derive(Default)]
pub(crate) struct DeadLetters {
    count: AtomicU64,
    recent: Mutex<VecDeque<DeadLetter>>,
    handler: RwLock<Option<ActorAddress>>,
}

impl DeadLetters {
    /// Counts a dead letter, and keeps it among the last.
    pub(super) fn add(&self, letter: DeadLetter) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut recent = self.recent.lock();
        recent.truncate(DEAD_LETTERS_KEPT - 1);
        recent.push_front(letter);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The last, newest first.
    pub(crate) fn recent(&self) -> Vec<DeadLetter> {
        self.recent.lock().iter().cloned().collect()
    }

    pub(crate) fn set_handler(&self, handler: Option<ActorAddress>) {
        *self.handler.write() = handler;
    }

    pub(super) fn handler(&self) -> Option<ActorAddress> {
        *self.handler.read()
    }
}
