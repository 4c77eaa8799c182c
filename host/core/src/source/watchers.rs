//! Actors that hear of the sources of their host: one notice for each that can be created from, and one when it no longer can.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;

use crate::address::ActorAddress;
use crate::askers::Askers;
use crate::concern::{Concern, End};
use crate::effect::Effects;
use crate::envelope::{Body, SourceUpdate};

/// The actors that hear of sources, while they live.
#[derive(Debug, Default)]
pub struct SourceWatchers(BTreeSet<ActorAddress>);

impl SourceWatchers {
    /// An actor wants to hear of them, or no longer. Whoever has not heard so far is told of those that are there.
    pub fn asked(
        &mut self,
        by: ActorAddress,
        watches: bool,
        loaded: impl Iterator<Item = SourceUpdate>,
        effects: &mut Effects,
    ) {
        if !watches {
            self.0.remove(&by);
        } else if self.0.insert(by) {
            loaded.for_each(|update| tell(by, update, effects));
        }
    }

    /// Tells all of them.
    pub fn tell(&self, update: &SourceUpdate, effects: &mut Effects) {
        self.0.iter().for_each(|watcher| tell(*watcher, update.clone(), effects));
    }
}

fn tell(watcher: ActorAddress, update: SourceUpdate, effects: &mut Effects) {
    effects.notify(watcher, watcher, Body::SourceUpdate(Box::new(update)));
}

impl Concern for SourceWatchers {
    fn ended(&mut self, end: End<'_>, _askers: &mut Askers, _effects: &mut Effects) {
        self.0.remove(&end.address);
    }
}
