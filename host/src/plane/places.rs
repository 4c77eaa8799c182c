//! Places for live actors. A place is room for one memory of an instance, so an actor takes as many as it has memories, and
//! nearly all take one. Whoever asks for an actor reserves them first, so that the machine's cap is met with an error and
//! not with a crash. The one count: each actor has at most one instance.
//!
//! ```text
//!  reserved, for whoever asks ──► settled here: the places of an actor, which its source pays, until it has ended
//!                            └──► settled nowhere, or its turn has failed: given back
//! ```
//!
//! Where its source is not loaded yet, nobody knows how many an actor takes: one is reserved, and the rest is taken when it
//! is settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use thespian_core::address::ActorAddress;
use thespian_core::budget::{Account, MemoryPart, Met, Purpose};
use thespian_core::limits::{ACTOR_BYTES, PENDING_MAX};
use thespian_core::question::MetBound;

/// The party that asks for an actor, and draws for it until it is decided about.
#[derive(Clone)]
pub(crate) struct Payer {
    pub(crate) account: Arc<Account>,
    /// An operator's where a program asks, and not an actor.
    pub(crate) purpose: Purpose,
}

/// The places of a node.
pub(crate) struct Places {
    /// Actors that were asked for and are not decided about, with what is reserved for each.
    pending: DashMap<ActorAddress, (Payer, usize), RandomState>,
    pending_len: AtomicUsize,
    pending_max: usize,
}

impl Places {
    pub(super) fn new() -> Self {
        Self {
            pending: DashMap::with_hasher(RandomState::default()),
            pending_len: AtomicUsize::new(0),
            pending_max: PENDING_MAX,
        }
    }

    /// Reserves so many places for an actor that is asked for.
    ///
    /// # Errors
    /// None, or too few, are left, for this payer or at all; or too many actors are asked for at one time.
    pub(crate) fn reserve(&self, address: ActorAddress, payer: Payer, places: usize) -> Result<(), MetBound> {
        let next = |len: usize| (len < self.pending_max).then_some(len + 1);
        if self.pending_len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_err() {
            return Err(MetBound::Pending);
        }
        if let Err(met) = payer.account.take_places(places, payer.purpose) {
            self.pending_len.fetch_sub(1, Ordering::Relaxed);
            return Err(refused(&payer.account, met, places));
        }
        self.pending.insert(address, (payer, places));
        Ok(())
    }

    /// Gives back what was reserved for an actor that there will not be.
    pub(crate) fn give_back(&self, address: ActorAddress) {
        if let Some((payer, places)) = self.forget(address) {
            payer.account.give_places(places);
        }
    }

    /// Makes of a reservation the places of an actor, which takes so many, and so many bytes besides: its source pays.
    ///
    /// # Errors
    /// More is missing than there is, for this source or at all. What was reserved stays so.
    pub(crate) fn settle(
        &self,
        address: ActorAddress,
        source: &Arc<Account>,
        places: usize,
        bytes: usize,
    ) -> Result<TakenPlaces, MetBound> {
        let mut pending = self
            .pending
            .get_mut(&address)
            .expect("whoever asks for an actor has reserved places for it, and it is decided about once");
        let (Payer { account: payer, purpose }, reserved) = pending.value_mut();
        let purpose = *purpose;
        match places.checked_sub(*reserved) {
            Some(0) => {}
            Some(missing) => {
                payer.take_places(missing, purpose).map_err(|met| refused(payer, met, places))?;
            }
            None => payer.give_places(*reserved - places),
        }
        *reserved = places;
        if !Arc::ptr_eq(payer, source) {
            payer.hand_places(source, places, purpose).map_err(|met| refused(source, met, places))?;
        }
        let bytes = ACTOR_BYTES + bytes;
        if let Err(short) = source.draw(MemoryPart::Actors, purpose, bytes) {
            source.count_refusal();
            if !Arc::ptr_eq(payer, source) {
                // Back to whoever gives them back.
                let _ = source.hand_places(payer, places, Purpose::OperatorsCreate);
            }
            return Err(MetBound::Memory(short));
        }
        drop(pending);
        self.forget(address);
        Ok(TakenPlaces { of: source.clone(), places, bytes, purpose })
    }

    /// The actor is decided about; says what was reserved for it.
    fn forget(&self, address: ActorAddress) -> Option<(Payer, usize)> {
        let reserved = self.pending.remove(&address).map(|(_, reserved)| reserved);
        if reserved.is_some() {
            self.pending_len.fetch_sub(1, Ordering::Relaxed);
        }
        reserved
    }
}

#[cold]
fn refused(account: &Account, met: Met, wanted: usize) -> MetBound {
    account.count_refusal();
    let max = account.budget().bounds().places;
    match met {
        Met::Node => MetBound::Places { max, wanted },
        Met::Share => MetBound::PlacesOfSource { has: account.has().places, max },
    }
}

/// The places of an actor, and what it takes of the host's memory besides its own; given back when dropped.
pub(crate) struct TakenPlaces {
    of: Arc<Account>,
    places: usize,
    bytes: usize,
    purpose: Purpose,
}

impl TakenPlaces {
    /// The purpose for which they were taken: an operator's is another than an actor's.
    pub(crate) const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

impl Drop for TakenPlaces {
    fn drop(&mut self) {
        self.of.give_places(self.places);
        self.of.give_back(MemoryPart::Actors, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thespian_core::address::HostId;
    use thespian_core::budget::{BudgetBounds, NodeBudget};

    const fn actor(id: u128) -> ActorAddress {
        ActorAddress::new(HostId(1), id)
    }

    fn payer(places: usize) -> Payer {
        let bounds = BudgetBounds { memory_bytes: 1 << 30, queued_bytes: 0, places };
        Payer { account: Arc::new(Account::new(NodeBudget::new(bounds))), purpose: Purpose::Create }
    }

    fn left(places: &Places, payer: &Payer) -> (usize, usize, usize) {
        let used = payer.account.budget().used();
        assert_eq!(places.pending.len(), places.pending_len.load(Ordering::Relaxed));
        (used.places, places.pending.len(), used.memory_bytes)
    }

    #[test]
    fn a_place_is_reserved_becomes_an_actors_and_comes_back_once() {
        let (places, payer) = (Places { pending_max: 2, ..Places::new() }, payer(3));
        let reserve = |id| places.reserve(actor(id), payer.clone(), 1);
        let settle =
            |id| places.settle(actor(id), &payer.account, 1, 100).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((reserve(1), reserve(2), reserve(3)), (Ok(()), Ok(()), Err(MetBound::Pending)));
        let first = settle(1);
        assert_eq!(reserve(3), Ok(()));
        let second = settle(2);
        assert_eq!(reserve(4), Err(MetBound::Places { max: 3, wanted: 1 }));
        places.give_back(actor(3));
        assert_eq!(reserve(4), Ok(()));
        places.give_back(actor(4));
        places.give_back(actor(4));
        assert_eq!(left(&places, &payer), (2, 0, 2 * (ACTOR_BYTES + 100)));
        drop((first, second));
        assert_eq!(left(&places, &payer), (0, 0, 0));
    }

    #[test]
    fn an_actor_of_three_memories_takes_three_places_and_gives_all_three_back() {
        let (places, payer) = (Places::new(), payer(7));
        let reserve = |id| places.reserve(actor(id), payer.clone(), 3);
        assert_eq!((reserve(1), reserve(2)), (Ok(()), Ok(())));
        assert_eq!(reserve(3), Err(MetBound::Places { max: 7, wanted: 3 }));
        assert_eq!(left(&places, &payer), (6, 2, 0), "what is refused takes nothing");
        let first = places.settle(actor(1), &payer.account, 3, 0);
        places.give_back(actor(2));
        assert_eq!(left(&places, &payer), (3, 0, ACTOR_BYTES));
        drop(first);
        assert_eq!(left(&places, &payer), (0, 0, 0));
    }

    #[test]
    fn whoever_was_reserved_another_number_has_what_it_takes_when_it_is_settled_or_nothing() {
        let (places, payer) = (Places::new(), payer(4));
        // Its source was not loaded yet.
        assert_eq!(places.reserve(actor(1), payer.clone(), 1), Ok(()));
        let first = places.settle(actor(1), &payer.account, 3, 0);
        assert_eq!(left(&places, &payer), (3, 0, ACTOR_BYTES));
        assert_eq!(places.reserve(actor(2), payer.clone(), 1), Ok(()));
        assert!(places.settle(actor(2), &payer.account, 2, 0).is_err());
        assert_eq!(left(&places, &payer), (4, 1, ACTOR_BYTES), "it keeps what was reserved");
        places.give_back(actor(2));
        drop(first);
        assert_eq!(places.reserve(actor(3), payer.clone(), 3), Ok(()));
        let third = places.settle(actor(3), &payer.account, 1, 0);
        assert_eq!(left(&places, &payer), (1, 0, ACTOR_BYTES));
        drop(third);
        assert_eq!(left(&places, &payer), (0, 0, 0));
    }

    #[test]
    fn an_actor_is_paid_by_its_source_whoever_has_asked_for_it() {
        let (places, payer) = (Places::new(), payer(80));
        let source = Arc::new(Account::new(payer.account.budget().clone()));
        assert_eq!(places.reserve(actor(1), payer.clone(), 2), Ok(()));
        let taken = places.settle(actor(1), &source, 2, 0);
        assert_eq!((payer.account.has().places, source.has().places), (0, 2));
        assert_eq!(places.reserve(actor(2), payer.clone(), 2), Ok(()));
        assert!(matches!(places.settle(actor(2), &source, 2, 1 << 30), Err(MetBound::Memory(_))));
        assert_eq!((payer.account.has().places, source.has().places), (2, 2), "whoever asked has them still");
        places.give_back(actor(2));
        drop(taken);
        assert_eq!(left(&places, &payer), (0, 0, 0));
    }
}
