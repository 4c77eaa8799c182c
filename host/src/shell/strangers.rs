//! Connections that have not said who they are. A door has places for some: where they are all taken, whoever comes next takes that
//! of the one that has been silent for longest. So those who are silent keep nobody out, however many they are.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Part of the places that is kept for those who have to leave, and need a moment for it.
const LEAVING_DIVISOR: usize = 8;

/// The strangers at one door.
pub(super) struct Strangers {
    places: Arc<Semaphore>,
    silent_max: usize,
    /// Those who have said nothing yet, the first of them first.
    silent: Mutex<VecDeque<Arc<Notify>>>,
}

impl Strangers {
    pub(super) fn new(places: usize) -> Arc<Self> {
        let silent_max = places.saturating_sub((places / LEAVING_DIVISOR).max(1)).max(1);
        Arc::new(Self { places: Arc::new(Semaphore::new(places)), silent_max, silent: Mutex::default() })
    }

    /// A place for the next that comes.
    pub(super) async fn place(self: &Arc<Self>) -> StrangerPlace {
        let place = self.places.clone().acquire_owned().await;
        StrangerPlace { of: self.clone(), _place: place.expect("nobody closes this semaphore") }
    }
}

/// A place that nobody has come to yet.
pub(super) struct StrangerPlace {
    of: Arc<Strangers>,
    _place: OwnedSemaphorePermit,
}

impl StrangerPlace {
    /// Somebody has come. If there are too many, the one that has been silent for longest has to leave.
    pub(super) fn enter(self) -> Stranger {
        let told = Arc::new(Notify::new());
        let mut silent = self.of.silent.lock();
        silent.push_back(told.clone());
        let leaves = if silent.len() > self.of.silent_max { silent.pop_front() } else { None };
        drop(silent);
        if let Some(leaves) = leaves {
            leaves.notify_one();
        }
        Stranger { place: self, told }
    }
}

/// A connection that has said nothing yet. Dropped when it has, or is gone.
pub(super) struct Stranger {
    place: StrangerPlace,
    told: Arc<Notify>,
}

impl Stranger {
    /// Returns when others want its place.
    pub(super) async fn has_to_leave(&self) {
        self.told.notified().await;
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.place.of.silent.lock().retain(|told| !Arc::ptr_eq(told, &self.told));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn come(strangers: &Arc<Strangers>) -> Option<Stranger> {
        strangers.place().now_or_never().map(StrangerPlace::enter)
    }

    #[test]
    fn the_next_takes_the_place_of_who_has_been_silent_for_longest_and_of_nobody_who_has_spoken() {
        let strangers = Strangers::new(16);
        let mut all: Vec<_> = (0..14).map(|_| come(&strangers).expect("there is a place")).collect();
        assert!(all.iter().all(|stranger| stranger.has_to_leave().now_or_never().is_none()));
        // The first has said who it is.
        drop(all.remove(0));
        all.push(come(&strangers).expect("it has its place"));
        assert!(all.iter().all(|stranger| stranger.has_to_leave().now_or_never().is_none()));
        all.push(come(&strangers).expect("one is kept"));
        let leave: Vec<_> =
            all.iter().map(|stranger| stranger.has_to_leave().now_or_never().is_some()).collect();
        assert_eq!((leave[0], leave[1..].contains(&true)), (true, false));
    }

    #[test]
    fn those_who_have_to_leave_and_do_not_keep_the_door_and_no_more() {
        let strangers = Strangers::new(16);
        let all: Vec<_> = std::iter::from_fn(|| come(&strangers)).collect();
        assert_eq!(all.len(), 16);
        drop(all);
        assert!(come(&strangers).is_some() && strangers.silent.lock().is_empty());
    }
}
