//! What an instance may ask of its actor's host.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::capability::Capabilities;
use thespian_core::outbox::Means;
use tracing::Level;

use super::ground::Ground;
use super::orders::Orders;
use crate::plane::mailbox::SharedMailbox;
use crate::sandbox::ActorHost;

/// An actor's side of the imports. It knows the actor's queue but not its cell, so an instance keeps nothing alive
/// that keeps it.
pub(super) struct Port {
    pub(super) ground: Arc<Ground>,
    pub(super) address: ActorAddress,
    pub(super) class: Arc<str>,
    pub(super) mailbox: Arc<SharedMailbox>,
    pub(super) orders: Arc<Orders>,
}

impl Means for Port {
    fn new_address(&self) -> ActorAddress {
        self.ground.plane.new_address()
    }

    fn take_place(&self) -> bool {
        self.ground.plane.places.reserve().is_ok()
    }

    fn give_places(&self, len: usize) {
        self.ground.plane.places.give_back(len);
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
        self.ground.capabilities()
    }

    fn log(&self, level: Level, target: &str, text: &str) {
        self.ground.plane.log.actor(self.address, &self.class, level, target, text);
    }

    fn log_enabled(&self, level: Level) -> bool {
        self.orders.log_enabled(level)
    }

    fn is_killed(&self) -> bool {
        self.orders.is_killed()
    }
}
