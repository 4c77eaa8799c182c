//! What a node is made of, above the plane: everything that serves programs outside, and that carries out what is decided.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::budget::Purpose;
use thespian_core::source::SourceHash;

use crate::actor::Cells;
use crate::auditing::Auditor;
use crate::config::Authority;
use crate::desk::Desk;
use crate::endpoint::Endpoints;
use crate::ends::Ends;
use crate::grant::Grants;
use crate::library::Library;
use crate::plane::Plane;
use crate::plane::places::Payer;
use crate::policy::PolicyKeeper;
use crate::store::history::HistoryFile;

/// Shared by everything above the plane.
pub(crate) struct Inside {
    pub(crate) plane: Arc<Plane>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) cells: Cells,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) ends: Ends,
    pub(crate) library: Arc<Library>,
    pub(crate) policy: PolicyKeeper,
    /// Absent without a data directory.
    pub(crate) history: Option<Arc<HistoryFile>>,
    pub(crate) audit: Auditor,
    pub(crate) setup: Setup,
}

impl Inside {
    /// An address and a place for an actor that configuration names, of this source.
    ///
    /// # Errors
    /// There is no place now.
    pub(crate) fn place_for(&self, source: Option<SourceHash>) -> Result<ActorAddress, String> {
        let address = self.plane.new_address();
        let places = source.map_or(1, |source| self.library.places(source));
        let payer = Payer { account: self.plane.accounts.own().clone(), purpose: Purpose::OperatorsCreate };
        let place = self.plane.places.reserve(address, payer, places);
        place.map(|()| address).map_err(|met| met.to_string())
    }
}

/// How a node was set up: it stays so.
pub(crate) struct Setup {
    pub(crate) authority: Authority,
    /// The source of the actor that configuration names as the authority.
    pub(crate) appointed: Option<SourceHash>,
    pub(crate) guest_threads: usize,
    pub(crate) actors_max_reason: String,
    pub(crate) queued_bytes_max_reason: String,
    pub(crate) memory_bytes_max_reason: String,
}
