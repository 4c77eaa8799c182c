//! Creates that wait: for their source, or to hear whether their class can run here.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::limits::{CREATES_WAITING_BYTES_MAX, CREATES_WAITING_MAX};
use crate::message::Message;
use crate::outbox::CreateOptions;
use crate::question::{CreatorRights, MetBound, Refusal};
use crate::source::SourceHash;

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
    waiting: BTreeMap<ActorAddress, Create>,
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
    pub(super) fn wait(&mut self, address: ActorAddress, create: Create) -> Result<(), Refusal> {
        let cost = create.cost();
        if self.waiting.len() >= CREATES_WAITING_MAX {
            return Err(Refusal::LimitReached(MetBound::CreatesWaiting));
        }
        if self.bytes + cost > CREATES_WAITING_BYTES_MAX {
            return Err(Refusal::LimitReached(MetBound::CreatesWaitingBytes));
        }
        self.bytes += cost;
        self.waiting.insert(address, create);
        Ok(())
    }

    /// Takes out the create of this actor, if it waits.
    pub(super) fn take(&mut self, address: ActorAddress) -> Option<Create> {
        let create = self.waiting.remove(&address)?;
        self.bytes -= create.cost();
        Some(create)
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn bytes_counted_anew(&self) -> usize {
        self.waiting.values().map(Create::cost).sum()
    }

    pub(super) fn contains(&self, address: ActorAddress) -> bool {
        self.waiting.contains_key(&address)
    }

    pub(super) fn addresses(&self) -> Vec<ActorAddress> {
        self.waiting.keys().copied().collect()
    }
}
