//! Sources that actors load: what they give of them, until `Admin` hears of the load.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::limits::GIVEN_IDLE_MAX;
use thespian_core::source::SourceHash;
use thespian_core::time::Time;

use crate::offers::{GrowingSource, Rooms, SourceBytes};
use crate::plane::clock::Clock;
use crate::sandbox::PartError;
use crate::signing::SourcePapers;

/// The sources that actors are about to load, with those that they have asked for in a turn that is not over.
pub(crate) struct Loads {
    rooms: Arc<Rooms>,
    clock: Clock,
    /// With when it came.
    given: Mutex<HashMap<ActorAddress, (Time, GivenSource)>>,
    /// Sources by the actors that load them, and the numbers of their questions.
    staged: Mutex<HashMap<(ActorAddress, u64), SourceBytes>>,
}

/// A source, as far as its actor has given it.
enum GivenSource {
    Part(GrowingSource),
    Whole(SourceBytes),
}

impl Loads {
    pub(crate) fn new(rooms: Arc<Rooms>, clock: Clock) -> Self {
        Self { rooms, clock, given: Mutex::default(), staged: Mutex::default() }
    }

    /// Takes a part from `at` on.
    ///
    /// # Errors
    /// There would be a gap, or there is no room.
    pub(crate) fn give(&self, loader: ActorAddress, at: u64, part: &[u8]) -> Result<(), PartError> {
        match self.put(loader, at, part) {
            Err(PartError::NoRoom(_)) if self.drop_idle(self.clock.now()) => self.put(loader, at, part),
            outcome => outcome,
        }
    }

    fn put(&self, loader: ActorAddress, at: u64, part: &[u8]) -> Result<(), PartError> {
        let mut all = self.given.lock();
        let mut source = match all.remove(&loader) {
            Some((_, GivenSource::Part(source))) => source,
            // What was named is another: this begins anew.
            Some((_, GivenSource::Whole(_))) | None => GrowingSource::new(self.rooms.clone(), loader),
        };
        let outcome = source.put(at, part);
        all.insert(loader, (self.clock.now(), GivenSource::Part(source)));
        outcome
    }

    /// Drops what actors have begun to give and left lying, for others need the room. Whether there was any.
    pub(crate) fn drop_idle(&self, now: Time) -> bool {
        let mut all = self.given.lock();
        let before = all.len();
        all.retain(|_, (since, _)| now.since(*since) < GIVEN_IDLE_MAX);
        all.len() < before
    }

    /// Names what was given, and its size. It comes with these papers.
    ///
    /// # Errors
    /// Nothing was given, or the papers are beyond a bound.
    pub(crate) fn given(
        &self,
        loader: ActorAddress,
        papers: SourcePapers,
    ) -> Result<(SourceHash, u64), PartError> {
        papers.check().map_err(|error| PartError::Papers(error.to_string()))?;
        let source = match self.given.lock().remove(&loader) {
            Some((_, GivenSource::Part(source))) if !source.is_empty() => source,
            _ => return Err(PartError::Nothing),
        };
        // Not under the lock: it takes as long as all of it takes to be read.
        let source = source.whole(papers)?;
        let named = (source.hash(), source.size());
        self.given.lock().insert(loader, (self.clock.now(), GivenSource::Whole(source)));
        Ok(named)
    }

    /// Keeps what was named for the load that this question asks for.
    pub(crate) fn stage(&self, loader: ActorAddress, request: u64) {
        if let Some((_, GivenSource::Whole(source))) = self.given.lock().remove(&loader) {
            self.staged.lock().insert((loader, request), source);
        }
    }

    /// Takes out what a question asks for: it is asked, or dropped.
    pub(crate) fn take(&self, loader: ActorAddress, request: u64) -> Option<SourceBytes> {
        self.staged.lock().remove(&(loader, request))
    }

    /// An actor is no more.
    pub(crate) fn actor_ended(&self, loader: ActorAddress) {
        self.given.lock().remove(&loader);
        self.staged.lock().retain(|(by, _), _| *by != loader);
    }
}

#[cfg(test)]
mod tests {
    use thespian_core::address::HostId;
    use thespian_core::limits::OFFERED_BYTES_MAX;

    use super::*;

    const LOADER: ActorAddress = ActorAddress::new(HostId(0), 1);

    #[test]
    fn what_is_given_is_loaded_once_and_what_comes_next_begins_anew() {
        let loads = Loads::new(Arc::default(), Clock::start());
        assert_eq!(loads.given(LOADER, SourcePapers::default()), Err(PartError::Nothing));
        loads.give(LOADER, 0, b"sour").unwrap();
        loads.give(LOADER, 4, b"ce").unwrap();
        let (hash, size) = loads.given(LOADER, SourcePapers::default()).unwrap();
        assert_eq!(size, 6);
        loads.stage(LOADER, 7);
        assert_eq!(loads.given(LOADER, SourcePapers::default()), Err(PartError::Nothing));
        let staged = loads.take(LOADER, 7).expect("it is there");
        assert_eq!((staged.hash(), staged.bytes()), (hash, "source".into()));
        assert!(loads.take(LOADER, 7).is_none());

        // Named, and then something else is given.
        loads.give(LOADER, 0, b"one").unwrap();
        loads.given(LOADER, SourcePapers::default()).unwrap();
        assert_eq!(loads.give(LOADER, 3, b"x"), Err(PartError::Gap { at: 3, len: 0 }));
    }

    #[test]
    fn nothing_is_left_of_an_actor_that_ends() {
        let rooms = Arc::<Rooms>::default();
        let loads = Loads::new(rooms.clone(), Clock::start());
        loads.give(LOADER, 0, b"one").unwrap();
        loads.given(LOADER, SourcePapers::default()).unwrap();
        loads.stage(LOADER, 1);
        loads.give(LOADER, 0, b"two").unwrap();
        loads.actor_ended(LOADER);
        assert!(loads.take(LOADER, 1).is_none());
        assert_eq!(loads.given(LOADER, SourcePapers::default()), Err(PartError::Nothing));
        assert_eq!(Arc::strong_count(&rooms), 2, "its room is given back");
    }

    #[test]
    fn what_was_begun_and_left_lying_keeps_no_room_from_others() {
        let rooms = Arc::<Rooms>::default();
        let loads = Loads::new(rooms.clone(), Clock::start());
        let full = OFFERED_BYTES_MAX - 3;
        let rest = rooms.take(LOADER, full, 0).unwrap_or_else(|error| panic!("{error}"));
        loads.give(LOADER, 0, b"one").unwrap();
        let other = ActorAddress::new(HostId(0), 2);
        assert!(matches!(loads.give(other, 0, b"two"), Err(PartError::NoRoom(_))));
        assert!(!loads.drop_idle(loads.clock.now()), "it came just now");
        assert!(loads.drop_idle(loads.clock.now() + GIVEN_IDLE_MAX));
        loads.give(other, 0, b"two").unwrap();
        drop(rest);
    }
}
