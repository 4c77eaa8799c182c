//! Places for live actors. Whoever creates an actor takes a place first, so that the machine's cap is met with an error and
//! not with a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The places of a node, counted.
pub(crate) struct Places {
    taken: AtomicUsize,
    max: usize,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self { taken: AtomicUsize::new(0), max }
    }

    /// Takes a place; false when there is none left.
    pub(crate) fn take(&self) -> bool {
        let next = |taken: usize| (taken < self.max).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    pub(crate) fn give_back(&self, count: usize) {
        self.taken.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }
}

/// A place that was taken; given back when dropped.
pub(crate) struct TakenPlace(Arc<Places>);

impl TakenPlace {
    /// The place that somebody has taken before.
    pub(crate) const fn of(places: Arc<Places>) -> Self {
        Self(places)
    }
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        self.0.give_back(1);
    }
}
