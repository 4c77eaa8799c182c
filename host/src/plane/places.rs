//! Places for live actors. Whoever asks for an actor reserves a place first, so that the machine's cap is met with an error
//! and not with a crash. The one count of actors: each has at most one instance.
//!
//! ```text
//!  reserved ──► settled here: the place of an actor, until it has ended
//!          └──► settled nowhere, or its turn has failed: given back
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use thespian_core::limits::PENDING_MAX;

/// The places of a node, counted.
pub(crate) struct Places {
    /// Both those of actors and those that are reserved.
    taken: AtomicUsize,
    max: usize,
    reserved: AtomicUsize,
    reserved_max: usize,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self { taken: AtomicUsize::new(0), max, reserved: AtomicUsize::new(0), reserved_max: PENDING_MAX }
    }

    /// Reserves a place for an actor that is asked for.
    ///
    /// # Errors
    /// Says that there is none, and how many there are.
    pub(crate) fn reserve(&self) -> Result<(), String> {
        if !add_one(&self.reserved, self.reserved_max) {
            return Err(format!("{} actors that were asked for are not decided about", self.reserved_max));
        }
        if !add_one(&self.taken, self.max) {
            self.reserved.fetch_sub(1, Ordering::Relaxed);
            return Err(format!("it runs {} actors and can map no more", self.max));
        }
        Ok(())
    }

    /// Gives back what was reserved for actors that there will not be.
    pub(crate) fn give_back(&self, count: usize) {
        self.reserved.fetch_sub(count, Ordering::Relaxed);
        self.taken.fetch_sub(count, Ordering::Relaxed);
    }

    /// Makes of a reservation the place of an actor.
    pub(crate) fn settle(self: &Arc<Self>) -> TakenPlace {
        self.reserved.fetch_sub(1, Ordering::Relaxed);
        TakenPlace(self.clone())
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }
}

fn add_one(count: &AtomicUsize, max: usize) -> bool {
    let next = |count: usize| (count < max).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

/// The place of an actor; given back when dropped.
pub(crate) struct TakenPlace(Arc<Places>);

impl Drop for TakenPlace {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_reserved_becomes_an_actors_and_comes_back_once() {
        let places = Arc::new(Places { reserved_max: 2, ..Places::new(3) });
        assert!(places.reserve().is_ok() && places.reserve().is_ok());
        assert_eq!(places.reserve().unwrap_err(), "2 actors that were asked for are not decided about");
        let first = places.settle();
        assert!(places.reserve().is_ok());
        let second = places.settle();
        assert_eq!(places.reserve().unwrap_err(), "it runs 3 actors and can map no more");
        places.give_back(1);
        assert!(places.reserve().is_ok());
        places.give_back(1);
        drop((first, second));
        assert_eq!((places.taken.load(Ordering::Relaxed), places.reserved.load(Ordering::Relaxed)), (0, 0));
    }
}
