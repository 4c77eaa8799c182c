//! Finds the receiver of an envelope: one look-up. Messages never visit `Admin`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use thespian_core::address::ActorAddress;

use super::receiver::Receiver;

/// The routing table of a node.
pub(crate) struct Table {
    receivers: DashMap<ActorAddress, Arc<dyn Receiver>, RandomState>,
    is_closed: AtomicBool,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { receivers: DashMap::with_hasher(RandomState::default()), is_closed: AtomicBool::new(false) }
    }

    /// Adds a receiver. A receiver that comes when the node has ended is let go at once.
    pub(crate) fn enter(&self, address: ActorAddress, receiver: Arc<dyn Receiver>) {
        self.receivers.insert(address, receiver);
        if self.is_closed() {
            self.let_go();
        }
    }

    pub(crate) fn remove(&self, address: ActorAddress) {
        self.receivers.remove(&address);
    }

    pub(crate) fn get(&self, address: ActorAddress) -> Option<Arc<dyn Receiver>> {
        self.receivers.get(&address).map(|receiver| receiver.clone())
    }

    /// Whether there is such an actor on this node.
    pub(crate) fn has_actor(&self, address: ActorAddress) -> bool {
        self.receivers.get(&address).is_some_and(|receiver| receiver.is_actor())
    }

    /// Lets go of everything: the node ends. Actors that know each other would otherwise keep each other alive.
    pub(crate) fn clear(&self) {
        // Before it looks: what is entered after that looks itself.
        self.is_closed.store(true, Ordering::SeqCst);
        self.let_go();
    }

    /// Whether the node has let go of everything, and of all that comes later.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    fn let_go(&self) {
        let mut receivers = Vec::new();
        self.receivers.retain(|_, receiver| {
            receivers.push(receiver.clone());
            false
        });
        // With none of the table's locks in hand: an address that is being settled has its own, and waits for these.
        receivers.iter().for_each(|receiver| receiver.let_go());
    }
}
