//! What an instance may ask of its actor's host.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::capability::Capabilities;
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

impl ActorHost for Port {
    fn new_address(&self) -> ActorAddress {
        self.shared.new_address()
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.shared.capabilities()
    }

    fn reserve_actor(&self) -> bool {
        self.shared.slots.take()
    }

    fn release_actors(&self, count: usize) {
        self.shared.slots.give_back(count);
    }

    fn reserve_own_mailbox(&self, cost: usize) -> bool {
        self.mailbox.reserve(cost)
    }

    fn release_own_mailbox(&self, len: usize, cost: usize) {
        self.mailbox.release(len, cost);
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
