//! What all actors of a node stand on.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::RwLock;
use thespian_core::address::ActorAddress;
use thespian_core::budget::Account;
use thespian_core::capability::Capabilities;
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::MailboxLimits;
use tokio::runtime::Handle;

use crate::desk::Desk;
use crate::library::Library;
use crate::plane::Plane;
use crate::plane::mailbox::SharedMailbox;
use crate::plane::pending::Pending;
use crate::pool::Pool;

/// Numbers that the actors of a node count together. On cache lines of its own: every actor reads what lies beside it.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Totals {
    /// Those of actors that live are counted by each for itself: one number that every turn of every core changes
    /// would cost more than the turn's own bookkeeping.
    pub(super) turns_of_ended: AtomicU64,
    pub(super) restarts: AtomicU64,
}

/// Shared by all actors of a node.
pub(crate) struct Ground {
    pub(super) plane: Arc<Plane>,
    pub(super) desk: Arc<Desk>,
    /// The code of sources: how many places their actors take.
    pub(super) library: Arc<Library>,
    pub(super) limits: Arc<ActorLimits>,
    /// As `Admin` has them, for actors that start.
    capabilities: RwLock<Arc<Capabilities>>,
    /// Where activations run.
    pub(super) pool: Arc<Pool>,
    /// Where tasks run that are no activation.
    pub(super) tasks: Handle,
    pub(super) totals: Totals,
}

impl Ground {
    pub(crate) fn new(
        plane: Arc<Plane>,
        desk: Arc<Desk>,
        library: Arc<Library>,
        limits: ActorLimits,
        capabilities: Capabilities,
        pool: Arc<Pool>,
        tasks: Handle,
    ) -> Self {
        Self {
            plane,
            desk,
            library,
            limits: Arc::new(limits),
            capabilities: RwLock::new(Arc::new(capabilities)),
            pool,
            tasks,
            totals: Totals::default(),
        }
    }

    pub(super) fn capabilities(&self) -> Arc<Capabilities> {
        self.capabilities.read().clone()
    }

    pub(super) fn set_capabilities(&self, capabilities: Arc<Capabilities>) {
        *self.capabilities.write() = capabilities;
    }

    /// Enters the address of an actor that is not yet decided about. A place is reserved for it, and whoever asks for it pays
    /// for what waits there.
    pub(super) fn enter_pending(&self, address: ActorAddress, account: Arc<Account>) {
        let limits =
            MailboxLimits { len_max: self.limits.mailbox_len_max, bytes_max: self.limits.mailbox_bytes_max };
        let mailbox = SharedMailbox::new(limits, account);
        self.plane.table.enter(address, Arc::new(Pending::new(mailbox)));
    }
}
