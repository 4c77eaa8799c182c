//! What a node is made of, above the plane: everything that serves programs outside, and that carries out what is decided.

use std::sync::Arc;

use crate::actor::Cells;
use crate::config::Authority;
use crate::desk::Desk;
use crate::endpoint::Endpoints;
use crate::ends::Ends;
use crate::grant::Grants;
use crate::library::Library;
use crate::plane::Plane;
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
    pub(crate) setup: Setup,
}

/// How a node was set up: it stays so.
pub(crate) struct Setup {
    pub(crate) authority: Authority,
    pub(crate) guest_threads: usize,
    pub(crate) actors_max_reason: String,
    pub(crate) queued_bytes_max_reason: String,
    pub(crate) memory_bytes_max_reason: String,
}
