//! Places for live actors. A place is room for one memory of an instance, so an actor takes as many as it has memories, and
//! nearly all take one. Whoever asks for an actor reserves them first, so that the machine's cap is met with an error and
//! not with a crash. The one count: each actor has at most one instance.
//!
//! ```text
//!  reserved ──► settled here: the places of an actor, until it has ended
//!          └──► settled nowhere, or its turn has failed: given back
//! ```
//!
//! Where its source is not loaded yet, nobody knows how many an actor takes: one is reserved, and the rest is taken when it
//! is settled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::limits::PENDING_MAX;
use thespian_core::question::MetBound;

/// The places of a node, counted.
pub(crate) struct Places {
    /// Both those of actors and those that are reserved.
    taken: AtomicUsize,
    max: usize,
    /// Actors that were asked for and are not decided about.
    pending: AtomicUsize,
    pending_max: usize,
    /// Those of them for which more than one place is reserved, and how many.
    many: Mutex<HashMap<ActorAddress, usize, RandomState>>,
    many_len: AtomicUsize,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            max,
            pending: AtomicUsize::new(0),
            pending_max: PENDING_MAX,
            many: Mutex::default(),
            many_len: AtomicUsize::new(0),
        }
    }

    /// Reserves so many places for an actor that is asked for.
    ///
    /// # Errors
    /// None, or too few, are left; or too many actors are asked for at one time.
    pub(crate) fn reserve(&self, address: ActorAddress, places: usize) -> Result<(), MetBound> {
        if !add(&self.pending, 1, self.pending_max) {
            return Err(MetBound::Pending);
        }
        if let Err(why) = self.take(places) {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            return Err(why);
        }
        if places != 1 {
            let mut many = self.many.lock();
            many.insert(address, places);
            self.many_len.store(many.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives back what was reserved for an actor that there will not be.
    pub(crate) fn give_back(&self, address: ActorAddress) {
        let reserved = self.forget(address);
        self.taken.fetch_sub(reserved, Ordering::Relaxed);
    }

    /// Makes of a reservation the places of an actor, which takes so many.
    ///
    /// # Errors
    /// More are missing than there are. What was reserved stays so.
    pub(crate) fn settle(
        self: &Arc<Self>,
        address: ActorAddress,
        places: usize,
    ) -> Result<TakenPlaces, MetBound> {
        let reserved = self.reserved(address);
        match places.checked_sub(reserved) {
            Some(0) => {}
            Some(missing) => self.take(missing)?,
            None => drop(self.taken.fetch_sub(reserved - places, Ordering::Relaxed)),
        }
        self.forget(address);
        Ok(TakenPlaces { of: self.clone(), len: places })
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }

    /// How many are those of actors, or reserved.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn take(&self, places: usize) -> Result<(), MetBound> {
        if add(&self.taken, places, self.max) {
            return Ok(());
        }
        Err(MetBound::Places { max: self.max, wanted: places })
    }

    fn reserved(&self, address: ActorAddress) -> usize {
        // Whoever reserved more than one has seen the length that it made, and so has whoever heard of the address.
        if self.many_len.load(Ordering::Relaxed) == 0 {
            return 1;
        }
        self.many.lock().get(&address).copied().unwrap_or(1)
    }

    /// The actor is decided about; says how many places were reserved for it.
    fn forget(&self, address: ActorAddress) -> usize {
        self.pending.fetch_sub(1, Ordering::Relaxed);
        if self.many_len.load(Ordering::Relaxed) == 0 {
            return 1;
        }
        let mut many = self.many.lock();
        let reserved = many.remove(&address).unwrap_or(1);
        self.many_len.store(many.len(), Ordering::Relaxed);
        reserved
    }
}

fn add(count: &AtomicUsize, more: usize, max: usize) -> bool {
    let next = |count: usize| count.checked_add(more).filter(|sum| *sum <= max);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

/// The places of an actor; given back when dropped.
pub(crate) struct TakenPlaces {
    of: Arc<Places>,
    len: usize,
}

impl Drop for TakenPlaces {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(self.len, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thespian_core::address::HostId;

    const fn actor(id: u128) -> ActorAddress {
        ActorAddress::new(HostId(1), id)
    }

    fn left(places: &Places) -> (usize, usize, usize) {
        (places.taken(), places.pending.load(Ordering::Relaxed), places.many.lock().len())
    }

    #[test]
    fn a_place_is_reserved_becomes_an_actors_and_comes_back_once() {
        let places = Arc::new(Places { pending_max: 2, ..Places::new(3) });
        assert!(places.reserve(actor(1), 1).is_ok() && places.reserve(actor(2), 1).is_ok());
        assert_eq!(places.reserve(actor(3), 1), Err(MetBound::Pending));
        let first = places.settle(actor(1), 1);
        assert!(places.reserve(actor(3), 1).is_ok());
        let second = places.settle(actor(2), 1);
        assert_eq!(places.reserve(actor(4), 1), Err(MetBound::Places { max: 3, wanted: 1 }));
        places.give_back(actor(3));
        assert!(places.reserve(actor(4), 1).is_ok());
        places.give_back(actor(4));
        drop((first, second));
        assert_eq!(left(&places), (0, 0, 0));
    }

    #[test]
    fn an_actor_of_three_memories_takes_three_places_and_gives_all_three_back() {
        let places = Arc::new(Places::new(8));
        assert!(places.reserve(actor(1), 3).is_ok() && places.reserve(actor(2), 3).is_ok());
        assert_eq!(places.reserve(actor(3), 3), Err(MetBound::Places { max: 8, wanted: 3 }));
        assert_eq!(left(&places), (6, 2, 2), "what is refused takes nothing");
        let first = places.settle(actor(1), 3);
        places.give_back(actor(2));
        assert_eq!(left(&places), (3, 0, 0));
        drop(first);
        assert_eq!(left(&places), (0, 0, 0));
    }

    #[test]
    fn whoever_was_reserved_another_number_has_what_it_takes_when_it_is_settled_or_nothing() {
        let places = Arc::new(Places::new(4));
        // Its source was not loaded yet.
        places.reserve(actor(1), 1).unwrap();
        let first = places.settle(actor(1), 3);
        assert_eq!(left(&places), (3, 0, 0));
        places.reserve(actor(2), 1).unwrap();
        assert!(places.settle(actor(2), 2).is_err());
        assert_eq!(left(&places), (4, 1, 0), "it keeps what was reserved");
        places.give_back(actor(2));
        drop(first);
        places.reserve(actor(3), 3).unwrap();
        let third = places.settle(actor(3), 1);
        assert_eq!(left(&places), (1, 0, 0));
        drop(third);
        assert_eq!(left(&places), (0, 0, 0));
    }
}
