//! Offers that are in the hands of actors: what they read of them, and what they put in their place. `Admin` says what comes in
//! and what goes out; an actor sees what is in its own.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::source::{HandOver, OfferId, RunHash, SourceHash};
use tokio::sync::OwnedSemaphorePermit;

use crate::offers::{GrowingSource, Rooms, SourceBytes};
use crate::sandbox::{OfferInHands, PartError};
use crate::signing::SourcePapers;

/// The offers in the hands of actors.
pub(crate) struct OffersInHands {
    rooms: Arc<Rooms>,
    held: Mutex<HashMap<SourceHash, HeldOffer>>,
}

/// An offer in the hands of an actor.
struct HeldOffer {
    judge: ActorAddress,
    offer: OfferInHands,
    bytes: Bytes,
    /// The bytes that the actor puts in the place of those.
    put: Option<GrowingSource>,
    /// The same, once it has judged.
    replaced: Option<SourceBytes>,
    /// Whoever was there before the start has memory for its bytes as long as this.
    _turn: Option<OwnedSemaphorePermit>,
}

impl OffersInHands {
    pub(crate) fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms, held: Mutex::default() }
    }

    /// Puts an offer into the hands of an actor, if `is_wanted` still; it is in no other's from here on.
    pub(crate) fn put_into(
        &self,
        HandOver { to, hash, offer, label, rights, loader }: HandOver,
        (bytes, papers): (Bytes, &SourcePapers),
        turn: Option<OwnedSemaphorePermit>,
        is_wanted: impl FnOnce() -> bool,
    ) -> bool {
        let SourcePapers { manifest, signatures } = papers.clone();
        let size = bytes.len() as u64;
        let offer = OfferInHands { id: offer, hash, size, label, rights, manifest, signatures, loader };
        let held = HeldOffer { judge: to, offer, bytes, put: None, replaced: None, _turn: turn };
        // Whoever lets go of it looks here after it has become unwanted.
        let mut all = self.held.lock();
        let is_wanted = is_wanted();
        if is_wanted {
            all.insert(hash, held);
        }
        is_wanted
    }

    /// Moves an offer on from one actor to another; false if it is in nobody's hands. What was put in its place goes.
    pub(crate) fn move_on(&self, hash: SourceHash, offer: OfferId, to: ActorAddress) -> bool {
        let mut all = self.held.lock();
        let Some(held) = all.get_mut(&hash).filter(|held| held.offer.id == offer) else { return false };
        (held.judge, held.put, held.replaced) = (to, None, None);
        true
    }

    /// Lets go of what was judged, or is not to be judged any more. Returns what runs in its place, if it is this.
    pub(crate) fn let_go(&self, hash: SourceHash, runs: Option<RunHash>) -> Option<SourceBytes> {
        let held = self.held.lock().remove(&hash)?;
        held.replaced.filter(|bytes| runs == Some(RunHash(bytes.hash())))
    }

    /// The first offer in the hands of an actor behind this one.
    pub(crate) fn next(&self, judge: ActorAddress, after: OfferId) -> Option<OfferInHands> {
        let all = self.held.lock();
        let its = all.values().filter(|held| held.judge == judge && held.offer.id > after);
        its.min_by_key(|held| held.offer.id).map(|held| held.offer.clone())
    }

    /// Bytes of an offer.
    ///
    /// # Errors
    /// It is not in this actor's hands.
    pub(crate) fn read(
        &self,
        judge: ActorAddress,
        offer: OfferId,
        at: u64,
        len: usize,
    ) -> Result<Bytes, PartError> {
        self.with(judge, offer, |held| {
            let size = held.bytes.len();
            let at = usize::try_from(at).map_or(size, |at| at.min(size));
            held.bytes.slice(at..size.min(at.saturating_add(len)))
        })
    }

    /// Puts bytes in the place of an offer's: from the beginning anew, or behind what was put so far. None at the beginning takes
    /// back what was put.
    ///
    /// # Errors
    /// It is not in this actor's hands, there would be a gap, or there is no room.
    pub(crate) fn replace(
        &self,
        judge: ActorAddress,
        offer: OfferId,
        at: u64,
        part: &[u8],
    ) -> Result<(), PartError> {
        self.with(judge, offer, |held| {
            if at == 0 {
                (held.put, held.replaced) = (None, None);
            }
            if at == 0 && part.is_empty() {
                return Ok(());
            }
            held.put.get_or_insert_with(|| GrowingSource::new(self.rooms.clone(), judge)).put(at, part)
        })?
    }

    /// Names what was put in the place of an offer's bytes.
    pub(crate) fn replaced(&self, judge: ActorAddress, offer: OfferId) -> Option<RunHash> {
        let take = |held: &mut HeldOffer| held.put.take_if(|put| !put.is_empty());
        if let Some(put) = self.with(judge, offer, take).ok().flatten() {
            // Not under the lock, which the desk takes too: it takes as long as all of it takes to be read.
            let whole = put.whole(SourcePapers::default()).ok()?;
            self.with(judge, offer, |held| held.replaced = Some(whole)).ok()?;
        }
        let name = |held: &mut HeldOffer| held.replaced.as_ref().map(|bytes| RunHash(bytes.hash()));
        self.with(judge, offer, name).ok().flatten()
    }

    fn with<T>(
        &self,
        judge: ActorAddress,
        offer: OfferId,
        work: impl FnOnce(&mut HeldOffer) -> T,
    ) -> Result<T, PartError> {
        let mut all = self.held.lock();
        let mut its = all.values_mut().filter(|held| held.judge == judge);
        its.find(|held| held.offer.id == offer).map(work).ok_or(PartError::NotInHands(offer))
    }
}

#[cfg(test)]
mod tests {
    use thespian_core::address::HostId;
    use thespian_core::source::Rights;

    use super::*;

    const JUDGE: ActorAddress = ActorAddress::new(HostId(0), 1);
    const OTHER: ActorAddress = ActorAddress::new(HostId(0), 2);
    const HASH: SourceHash = SourceHash([1; 32]);

    fn hand_over(offer: OfferId) -> HandOver {
        let (label, rights) = (String::new(), Rights::NONE);
        HandOver { to: JUDGE, hash: HASH, offer, label, rights, loader: None }
    }

    fn hands() -> OffersInHands {
        let hands = OffersInHands::new(Arc::default());
        let bytes = (Bytes::from_static(b"sealed"), &SourcePapers::default());
        assert!(hands.put_into(hand_over(OfferId(3)), bytes, None, || true));
        hands
    }

    #[test]
    fn an_offer_is_read_by_the_actor_that_has_it_and_by_no_other() {
        let hands = hands();
        let read = |judge, at, len| hands.read(judge, OfferId(3), at, len);
        assert_eq!(read(JUDGE, 0, 100).unwrap(), "sealed");
        assert_eq!(read(JUDGE, 4, 1).unwrap(), "e");
        for beyond in [6, 7, u64::MAX] {
            assert_eq!(read(JUDGE, beyond, usize::MAX).unwrap(), "");
        }
        assert_eq!(read(OTHER, 0, 1), Err(PartError::NotInHands(OfferId(3))));
        assert!(hands.next(JUDGE, OfferId(2)).is_some() && hands.next(JUDGE, OfferId(3)).is_none());
        assert!(hands.next(OTHER, OfferId(0)).is_none());
    }

    #[test]
    fn what_runs_in_its_place_is_what_was_there_when_it_was_judged() {
        let hands = hands();
        assert_eq!(hands.replaced(JUDGE, OfferId(3)), None);
        hands.replace(JUDGE, OfferId(3), 0, b"opened").unwrap();
        assert!(hands.replace(OTHER, OfferId(3), 0, b"evil").is_err());
        let runs = hands.replaced(JUDGE, OfferId(3));
        assert!(runs.is_some());
        // Of what comes later nothing is added to that.
        assert_eq!(hands.replace(JUDGE, OfferId(3), 6, b"x"), Err(PartError::Gap { at: 6, len: 0 }));
        let left = hands.let_go(HASH, runs).expect("it was kept");
        assert_eq!(left.bytes(), "opened");
        assert_eq!(hands.read(JUDGE, OfferId(3), 0, 1), Err(PartError::NotInHands(OfferId(3))));
    }

    #[test]
    fn what_was_put_in_its_place_is_taken_back_by_nothing_at_its_beginning() {
        let hands = hands();
        for is_named in [false, true] {
            hands.replace(JUDGE, OfferId(3), 0, b"opened").unwrap();
            assert!(!is_named || hands.replaced(JUDGE, OfferId(3)).is_some());
            hands.replace(JUDGE, OfferId(3), 0, b"").unwrap();
            assert_eq!(hands.replaced(JUDGE, OfferId(3)), None);
        }
    }

    #[test]
    fn another_actor_gets_it_as_it_was_submitted_and_what_is_not_wanted_any_more_comes_to_nobody() {
        let hands = hands();
        hands.replace(JUDGE, OfferId(3), 0, b"opened").unwrap();
        assert!(!hands.move_on(HASH, OfferId(4), OTHER), "another offer");
        assert!(hands.move_on(HASH, OfferId(3), OTHER));
        assert_eq!(hands.replaced(OTHER, OfferId(3)), None);
        assert!(hands.next(JUDGE, OfferId(0)).is_none());
        assert!(hands.let_go(HASH, None).is_none());
        let bytes = (Bytes::from_static(b"late"), &SourcePapers::default());
        assert!(!hands.put_into(hand_over(OfferId(3)), bytes, None, || false));
        assert!(hands.next(JUDGE, OfferId(0)).is_none());
    }
}
