//! What an instance may ask of its actor's host.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::capability::Capabilities;
use thespian_core::outbox::Means;
use tracing::Level;

use super::orders::Orders;
use crate::plane::mailbox::SharedMailbox;
use crate::sandbox::ActorHost;
use crate::shared::Shared;

/// One actor's side of the imports. It knows the actor's queue but not its cell, so an instance keeps nothing alive
/// that keeps it.
pub(crate) struct Port {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: ActorAddress,
    pub(crate) class: Arc<str>,
    pub(crate) mailbox: Arc<SharedMailbox>,
    pub(crate) orders: Arc<Orders>,
}

impl Means for Port {
    fn new_address(&self) -> ActorAddress {
        self.shared.new_address()
    }

    fn take_place(&self) -> bool {
        self.shared.slots.take()
    }

    fn give_places(&self, len: usize) {
        self.shared.slots.give_back(len);
    }

    fn reserve_self(&self, cost: usize) -> bool {
        self.mailbox.reserve(cost)
    }

    fn release_self(&self, len: usize, cost: usize) {
        self.mailbox.release(len, cost);
    }
}

impl ActorHost for Port {
    fn capabilities(&self) -> Arc<Capabilities> {
        self.shared.capabilities()
    }

    fn log(&self, level: Level, target: &str, text: &str) {
        self.shared.log.actor(self.address, &self.class, level, target, text);
    }

    fn log_enabled(&self, level: Level) -> bool {
        self.orders.log_enabled(level)
    }

    fn is_killed(&self) -> bool {
        self.orders.is_killed()
    }
}
