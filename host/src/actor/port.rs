//! What an instance may ask of its actor's host.

use std::sync::Arc;

use bytes::Bytes;
use thespian_core::address::ActorAddress;
use thespian_core::budget::{Account, Purpose};
use thespian_core::capability::Capabilities;
use thespian_core::outbox::{Means, NoPlace};
use thespian_core::question::MetBound;
use thespian_core::source::{OfferId, RunHash, SourceHash};
use tracing::Level;

use super::ground::Ground;
use super::orders::Orders;
use crate::plane::mailbox::SharedMailbox;
use crate::plane::places::Payer;
use crate::sandbox::{ActorHost, OfferInHands, PartError, SourceParts};
use crate::signing::SourcePapers;

/// An actor's side of the imports. It knows the actor's queue but not its cell, so an instance keeps nothing alive
/// that keeps it.
pub(super) struct Port {
    pub(super) ground: Arc<Ground>,
    pub(super) address: ActorAddress,
    pub(super) class: Arc<str>,
    /// Places that an actor of its own source takes.
    pub(super) own_places: usize,
    /// The purpose for which its memory is drawn when it is made.
    pub(super) birth: Purpose,
    pub(super) mailbox: Arc<SharedMailbox>,
    pub(super) orders: Arc<Orders>,
}

impl Means for Port {
    fn new_address(&self) -> ActorAddress {
        self.ground.plane.new_address()
    }

    fn take_place(&self, address: ActorAddress, source: Option<SourceHash>) -> Result<(), NoPlace> {
        let Ground { plane, library, .. } = &*self.ground;
        let places = source.map_or(self.own_places, |source| library.places(source));
        let payer = Payer { account: self.mailbox.account().clone(), purpose: Purpose::Create };
        plane.places.reserve(address, payer, places).map_err(|met| match met {
            MetBound::PlacesOfSource { .. } => NoPlace::Source(places),
            _ => NoPlace::Host(places),
        })
    }

    fn give_place(&self, address: ActorAddress) {
        self.ground.plane.places.give_back(address);
    }

    fn account(&self) -> &Arc<Account> {
        self.mailbox.account()
    }

    fn reserve_self(&self, cost: usize) -> bool {
        self.mailbox.reserve(cost)
    }

    fn release_self(&self, len: usize, cost: usize) {
        self.mailbox.release(len, cost);
    }

    fn drop_load(&self, request: u64) {
        drop(self.ground.library.loads.take(self.address, request));
    }
}

impl SourceParts for Port {
    fn next_offer(&self, after: OfferId) -> Option<OfferInHands> {
        self.ground.library.hands.next(self.address, after)
    }

    fn read(&self, offer: OfferId, at: u64, len: usize) -> Result<Bytes, PartError> {
        self.ground.library.hands.read(self.address, offer, at, len)
    }

    fn replace(&self, offer: OfferId, at: u64, part: &[u8]) -> Result<(), PartError> {
        self.ground.library.hands.replace(self.address, offer, at, part)
    }

    fn replaced(&self, offer: OfferId) -> Option<RunHash> {
        self.ground.library.hands.replaced(self.address, offer)
    }

    fn give(&self, at: u64, part: &[u8]) -> Result<(), PartError> {
        self.ground.library.loads.give(self.address, at, part)
    }

    fn given(
        &self,
        manifest: Option<Vec<u8>>,
        signatures: Vec<Vec<u8>>,
    ) -> Result<(SourceHash, u64), PartError> {
        let signatures = signatures.into_iter().map(Bytes::from).collect();
        let papers = SourcePapers { manifest: manifest.map(Bytes::from), signatures };
        self.ground.library.loads.given(self.address, papers)
    }

    fn stage(&self, request: u64) {
        self.ground.library.loads.stage(self.address, request);
    }
}

impl ActorHost for Port {
    fn birth(&self) -> Purpose {
        self.birth
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.ground.capabilities()
    }

    fn log(&self, level: Level, target: &str, text: &str) {
        self.ground.plane.log.actor(self.address, &self.class, level, target, text);
    }

    fn sources(&self) -> &dyn SourceParts {
        self
    }

    fn log_enabled(&self, level: Level) -> bool {
        self.orders.log_enabled(level)
    }

    fn is_killed(&self) -> bool {
        self.orders.is_killed()
    }
}
