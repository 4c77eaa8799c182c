//! Creates that wait: for their source, or to hear whether their class can run here.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::limits::{CREATES_WAITING_BYTES_MAX, CREATES_WAITING_MAX, NOT_APPROVED_TIME_MAX};
use crate::message::Message;
use crate::outbox::CreateOptions;
use crate::question::{CreatorRights, MetBound, Refusal};
use crate::source::SourceHash;
use crate::time::Time;

/// A create that is not yet planned or not yet answered.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) parent: Option<ActorAddress>,
    pub(super) source: SourceHash,
    /// Absent where the only class of the source is meant.
    pub(super) class: Option<String>,
    pub(super) options: CreateOptions,
    pub(super) creator: CreatorRights,
}

/// The creates that wait, within bounds.
#[derive(Debug, Default)]
pub(super) struct Births {
    /// With when they have waited for a person for long enough.
    waiting: BTreeMap<ActorAddress, (Create, Time)>,
    dues: BTreeSet<(Time, ActorAddress)>,
    /// Bytes that their init messages take.
    bytes: usize,
}

impl Create {
    fn cost(&self) -> usize {
        self.options.init.as_ref().map_or(0, Message::cost)
    }
}

impl Births {
    /// Lets a create wait.
    ///
    /// # Errors
    /// Too many do, or their init messages are too large together: it does not wait.
    pub(super) fn wait(&mut self, now: Time, address: ActorAddress, create: Create) -> Result<(), Refusal> {
        let cost = create.cost();
        if self.waiting.len() >= CREATES_WAITING_MAX {
            return Err(Refusal::LimitReached(MetBound::CreatesWaiting));
        }
        if self.bytes + cost > CREATES_WAITING_BYTES_MAX {
            return Err(Refusal::LimitReached(MetBound::CreatesWaitingBytes));
        }
        self.bytes += cost;
        let due = now + NOT_APPROVED_TIME_MAX;
        self.dues.insert((due, address));
        self.waiting.insert(address, (create, due));
        Ok(())
    }

    /// Takes out the create of this actor, if it waits.
    pub(super) fn take(&mut self, address: ActorAddress) -> Option<Create> {
        let (create, due) = self.waiting.remove(&address)?;
        self.dues.remove(&(due, address));
        self.bytes -= create.cost();
        Some(create)
    }

    /// Takes out the creates that have waited for a person for long enough, if it is one that they wait for, with their
    /// sources. Each is asked about once.
    pub(super) fn take_dues(&mut self, now: Time) -> Vec<(ActorAddress, SourceHash)> {
        let mut due = Vec::new();
        while let Some((_, address)) = self.dues.first().copied().filter(|(due, _)| *due <= now) {
            self.dues.pop_first();
            due.extend(self.waiting.get(&address).map(|(create, _)| (address, create.source)));
        }
        due
    }

    /// When the first of them has waited for that long.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.dues.first().map(|(due, _)| *due)
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn bytes_counted_anew(&self) -> usize {
        self.waiting.values().map(|(create, _)| create.cost()).sum()
    }

    pub(super) fn contains(&self, address: ActorAddress) -> bool {
        self.waiting.contains_key(&address)
    }

    pub(super) fn addresses(&self) -> Vec<ActorAddress> {
        self.waiting.keys().copied().collect()
    }
}
