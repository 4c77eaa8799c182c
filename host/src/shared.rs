//! What the parts of a node's body share: the table, the clock, the timers, the log and the way to `Admin`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use rand::RngExt as _;
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::capability::Capabilities;
use thespian_core::envelope::ExitReason;
use thespian_core::event::{Asker, Event};
use thespian_core::limits::{ActorLimits, ENDED_KEPT, LOG_CLOSE_TIME_MAX};
use thespian_core::mailbox::{MailboxLimits, QueueBudget};
use thespian_core::text::inert;
use thespian_core::wire::control::EndedActor;
use tokio::sync::watch;
use tracing::Level;

use crate::config::Authority;
use crate::descriptors::{Shares, Shortage};
use crate::desk::{Desk, NodeEvent};
use crate::endpoint::{Endpoint, NamedEndpoints};
use crate::grant::Grants;
use crate::log::LogStore;
use crate::plane::alarms::TimerService;
use crate::plane::clock::Clock;
use crate::plane::table::{Route, Router};
use crate::sandbox::Engine;

/// What the node counts.
#[derive(Default)]
pub(crate) struct Counters {
    /// Those of actors that live are counted by each for itself: one number that every turn of every core changes
    /// would cost more than the turn's own bookkeeping.
    pub(crate) turns_of_ended: AtomicU64,
    pub(crate) poisoned: AtomicU64,
    pub(crate) restarts: AtomicU64,
}

/// What a node's shared part is made of.
pub(crate) struct Parts {
    pub(crate) host: HostId,
    pub(crate) clock: Clock,
    pub(crate) authority: Authority,
    pub(crate) limits: ActorLimits,
    pub(crate) capabilities: Capabilities,
    pub(crate) queued_bytes_max: usize,
    pub(crate) queued_bytes_max_reason: String,
    pub(crate) actors_max: usize,
    pub(crate) actors_max_reason: String,
    pub(crate) guests: tokio::runtime::Handle,
    pub(crate) grants: Grants,
    pub(crate) desk: Desk,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) guest_threads: usize,
    pub(crate) engine: Engine,
    pub(crate) log: Arc<LogStore>,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) shares: Shares,
}

/// Shared by everything in a node.
pub(crate) struct Shared {
    pub(crate) host: HostId,
    pub(crate) clock: Clock,
    pub(crate) authority: Authority,
    pub(crate) limits: Arc<ActorLimits>,
    /// As `Admin` has them, for actors that start.
    capabilities: RwLock<Arc<Capabilities>>,
    pub(crate) actors_max_reason: String,
    pub(crate) guest_threads: usize,
    pub(crate) engine: Engine,
    pub(crate) budget: Arc<QueueBudget>,
    pub(crate) queued_bytes_max_reason: String,
    pub(crate) router: Router,
    pub(crate) timers: TimerService,
    pub(crate) log: Arc<LogStore>,
    pub(crate) counters: Counters,
    ended: Mutex<VecDeque<EndedActor>>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) named: NamedEndpoints,
    pub(crate) grants: Grants,
    /// How many descriptors each use of them may take, and the word that there are none.
    pub(crate) shares: Shares,
    pub(crate) shortage: Shortage,
    /// Where activations run.
    pub(crate) guests: tokio::runtime::Handle,
    pub(crate) desk: Desk,
    stopping: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
    /// Whether an activation runs near a program that waits for it.
    pub(crate) near_is_taken: AtomicBool,
    next_asker: AtomicU64,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            host: parts.host,
            clock: parts.clock,
            authority: parts.authority,
            limits: Arc::new(parts.limits),
            capabilities: RwLock::new(Arc::new(parts.capabilities)),
            actors_max_reason: parts.actors_max_reason,
            guest_threads: parts.guest_threads,
            engine: parts.engine,
            budget: Arc::new(QueueBudget::new(parts.queued_bytes_max)),
            queued_bytes_max_reason: parts.queued_bytes_max_reason,
            router: Router::new(parts.log.clone()),
            timers: TimerService::new(parts.clock),
            log: parts.log,
            counters: Counters::default(),
            ended: Mutex::default(),
            slots: Arc::new(Slots { used: AtomicUsize::new(0), max: parts.actors_max }),
            named: NamedEndpoints::default(),
            grants: parts.grants,
            shares: parts.shares,
            shortage: Shortage::default(),
            guests: parts.guests,
            near_is_taken: AtomicBool::new(false),
            desk: parts.desk,
            stopping: parts.stopping,
            stopped: parts.stopped,
            next_asker: AtomicU64::new(1),
        }
    }

    /// What this host has.
    pub(crate) fn capabilities(&self) -> Arc<Capabilities> {
        self.capabilities.read().clone()
    }

    pub(crate) fn set_capabilities(&self, capabilities: Arc<Capabilities>) {
        *self.capabilities.write() = capabilities;
    }

    /// An actor without a parent has ended: its reason is for the log and the status.
    pub(crate) fn note_end(&self, address: ActorAddress, class: String, reason: ExitReason) {
        let level = if reason == ExitReason::Requested { Level::INFO } else { Level::WARN };
        self.log.actor(address, &class, level, "end", &inert(&reason.to_string()));
        let mut ended = self.ended.lock();
        ended.truncate(ENDED_KEPT - 1);
        ended.push_front(EndedActor { address, class, reason });
    }

    /// The actors that ended last, newest first.
    pub(crate) fn ended(&self) -> Vec<EndedActor> {
        self.ended.lock().iter().cloned().collect()
    }

    /// How an actor ended, if it is among the last and had no parent any more.
    pub(crate) fn ended_as(&self, address: ActorAddress) -> Option<EndedActor> {
        self.ended.lock().iter().find(|ended| ended.address == address).cloned()
    }

    /// An address that nobody can guess and that was never used.
    pub(crate) fn new_address(&self) -> ActorAddress {
        ActorAddress::new(self.host, rand::rng().random())
    }

    pub(crate) fn new_asker(&self) -> Asker {
        Asker(self.next_asker.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn mailbox_limits(&self) -> MailboxLimits {
        MailboxLimits { len_max: self.limits.mailbox_len_max, bytes_max: self.limits.mailbox_bytes_max }
    }

    /// A new endpoint for an outside program.
    pub(crate) fn new_endpoint(&self) -> Arc<Endpoint> {
        let address = self.new_address();
        let endpoint = Arc::new(Endpoint::new(address, self.budget.clone()));
        self.router.enter(address, Route::Endpoint(endpoint.clone()));
        endpoint
    }

    /// Leaves nothing of an endpoint behind: what still waits in it becomes dead letters.
    pub(crate) fn close_endpoint(&self, endpoint: &Endpoint) {
        self.router.remove(endpoint.address);
        for envelope in endpoint.mailbox().close() {
            self.router.dead_letter(&envelope, "its receiver, an outside program, left");
        }
    }

    pub(crate) fn forget_endpoint(&self, name: &str, generation: u64) {
        if let Some(endpoint) = self.named.forget(name, generation) {
            self.close_endpoint(&endpoint);
        }
    }

    /// The node begins to stop, or was asked to.
    pub(crate) fn note_stopping(&self) {
        self.stopping.send_if_modified(|stopping| !std::mem::replace(stopping, true));
    }

    /// Returns when the node has begun to stop, whoever asked for it.
    pub(crate) async fn stopping(&self) {
        // The sender is ours: there is no error.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Returns when the node has stopped, whoever asked for it.
    pub(crate) async fn stopped(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the node's task is gone, which is the same.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Returns when what was logged so far is where it goes. A disk that hangs is not waited for, nor a subscriber.
    pub(crate) async fn log_written(&self) {
        tokio::select! {
            biased;
            () = self.log.written() => {}
            () = self.timers.sleep(LOG_CLOSE_TIME_MAX) => {}
        }
    }

    /// Tells `Admin`. Once the node has stopped there is nobody to tell.
    pub(crate) fn event(self: &Arc<Self>, event: Event) {
        self.desk.tell(self, NodeEvent::Admin(event));
    }
}

/// Places for live actors. Whoever creates one takes a place first, so that the machine's cap is met with an error
/// and not with a crash.
pub(crate) struct Slots {
    used: AtomicUsize,
    max: usize,
}

impl Slots {
    pub(crate) fn take(&self) -> bool {
        let next = |used: usize| (used < self.max).then_some(used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    pub(crate) fn give_back(&self, count: usize) {
        self.used.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }
}

/// One place that was taken; given back when dropped.
pub(crate) struct Slot(pub(crate) Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.give_back(1);
    }
}
