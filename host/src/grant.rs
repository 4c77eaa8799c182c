//! What an operator lets actors have of the outside: places at which the node listens, whose connections are messages to
//! an actor. Each ends with its actor, or when the operator takes it back.

mod connection;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::connection::{CloseReason, ListenRule, idle_time};
use thespian_core::limits::{TCP_IDLE_TIME_DEFAULT, TCP_LISTENER_CONNECTIONS_MAX};
use thespian_core::wire::control::{ControlError, GrantStatus};
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::Level;

use crate::descriptors::Shares;
use crate::node_fault::{Entrance, FaultWatch};
use crate::plane::Plane;
use crate::shortage::Shortage;
use crate::transport::ByteListener;

use connection::{Connections, Terms};

/// How long to wait when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The grants of a node.
pub(crate) struct Grants {
    plane: Arc<Plane>,
    faults: Arc<FaultWatch>,
    shortage: Arc<Shortage>,
    rules: Vec<ListenRule>,
    io: Handle,
    open: Mutex<BTreeMap<SocketAddr, Arc<Grant>>>,
    /// How many are open: actors end often, and most nodes have no grant.
    open_len: AtomicUsize,
    listeners: Arc<Semaphore>,
    listeners_max: usize,
    connections_max: usize,
    places: Arc<Semaphore>,
}

/// A place at which the node listens for an actor.
struct Grant {
    listen: SocketAddr,
    terms: Terms,
    /// Told when it listens no more.
    is_deaf: Notify,
    places: Arc<Semaphore>,
    accepted: AtomicU64,
    connections: Connections,
    _place: OwnedSemaphorePermit,
}

impl Grants {
    pub(crate) fn new(
        plane: Arc<Plane>,
        faults: Arc<FaultWatch>,
        rules: Vec<ListenRule>,
        shares: &Shares,
        shortage: Arc<Shortage>,
        io: Handle,
    ) -> Self {
        let (listeners_max, connections_max) = (shares.tcp_listeners, shares.tcp_connections);
        Self {
            plane,
            faults,
            shortage,
            rules,
            io,
            open: Mutex::default(),
            open_len: AtomicUsize::new(0),
            listeners: Arc::new(Semaphore::new(listeners_max)),
            listeners_max,
            connections_max,
            places: Arc::new(Semaphore::new(connections_max)),
        }
    }

    pub(crate) fn list(&self) -> Vec<GrantStatus> {
        self.open.lock().values().map(|grant| grant.status()).collect()
    }

    pub(crate) fn listeners(&self) -> usize {
        self.open_len.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections_max - self.places.available_permits()
    }

    /// Lets connections to `listen` be messages to an actor.
    pub(crate) async fn open(
        self: &Arc<Self>,
        listen: String,
        actor: ActorAddress,
        idle_ms: Option<u64>,
    ) -> Result<GrantStatus, ControlError> {
        let address = parse(&listen)?;
        self.check(address)?;
        let idle_max = idle_time(idle_ms.map_or(TCP_IDLE_TIME_DEFAULT, Duration::from_millis))
            .map_err(ControlError::Invalid)?;
        if !self.plane.table.has_actor(actor) {
            return Err(ControlError::TargetDead { target: actor });
        }
        let place = self.listeners.clone().try_acquire_owned().map_err(|_| {
            let max = self.listeners_max;
            ControlError::LimitReached(format!("it listens at {max} places for actors already"))
        })?;
        // Sockets belong to the runtime that they are made in.
        let listener =
            self.io.spawn(ByteListener::bind(address)).await.map_err(|_| ControlError::ShuttingDown)?;
        let failed = |error: std::io::Error| ControlError::ListenFailed { listen, reason: error.to_string() };
        let listener = listener.map_err(failed)?;
        let grant = Arc::new(Grant {
            listen: listener.address(),
            terms: Terms::new(actor, idle_max),
            is_deaf: Notify::new(),
            places: Arc::new(Semaphore::new(
                TCP_LISTENER_CONNECTIONS_MAX.min(self.connections_max.div_ceil(2)),
            )),
            accepted: AtomicU64::new(0),
            connections: Mutex::default(),
            _place: place,
        });
        let mut open = self.open.lock();
        open.insert(grant.listen, grant.clone());
        self.open_len.store(open.len(), Ordering::Release);
        drop(open);
        // Entered before it looks once more: an actor that ends after this finds its grant.
        if !self.plane.table.has_actor(actor) {
            self.take(grant.listen);
            return Err(ControlError::TargetDead { target: actor });
        }
        let status = grant.status();
        self.plane.log.node(Level::INFO, "grant", &format!("listens at {} for {actor}", grant.listen));
        self.faults.spawn(&self.io, "a listener of an actor", grant.accept(self.clone(), listener));
        Ok(status)
    }

    /// Takes a grant back; returns when its listener is closed.
    pub(crate) async fn revoke(&self, listen: &str) -> Result<(), ControlError> {
        let address = parse(listen)?;
        let grant = self.take(address);
        let grant = grant.ok_or_else(|| ControlError::NoSuchGrant { listen: address.to_string() })?;
        grant.terms.end(CloseReason::Revoked);
        grant.is_deaf.notified().await;
        Ok(())
    }

    /// Takes back what the actor was granted.
    pub(crate) fn actor_ended(&self, actor: ActorAddress) {
        if self.open_len.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut open = self.open.lock();
        open.retain(|_, grant| {
            let is_its = grant.terms.actor == actor;
            if is_its {
                grant.terms.end(CloseReason::ActorEnded);
            }
            !is_its
        });
        self.open_len.store(open.len(), Ordering::Release);
    }

    /// Takes back everything: the node ends without its actors having ended.
    pub(crate) fn end_all(&self) {
        for grant in std::mem::take(&mut *self.open.lock()).into_values() {
            grant.terms.end(CloseReason::ActorEnded);
        }
        self.open_len.store(0, Ordering::Release);
    }

    fn take(&self, listen: SocketAddr) -> Option<Arc<Grant>> {
        let mut open = self.open.lock();
        let grant = open.remove(&listen);
        self.open_len.store(open.len(), Ordering::Release);
        grant
    }

    fn check(&self, listen: SocketAddr) -> Result<(), ControlError> {
        if self.rules.iter().any(|rule| rule.allows(listen)) {
            return Ok(());
        }
        let allow = listen.ip().to_string();
        Err(ControlError::ListenNotAllowed { listen: listen.to_string(), allow })
    }
}

fn parse(listen: &str) -> Result<SocketAddr, ControlError> {
    listen.parse().map_err(|_| {
        ControlError::Invalid(format!(
            "`{listen}` is no address to listen at; one looks like `127.0.0.1:8080`"
        ))
    })
}

impl Grant {
    async fn accept(self: Arc<Self>, grants: Arc<Grants>, listener: ByteListener) {
        // Dropped with this task, and so are the connections.
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let admitted = async {
                let own = self.places.clone().acquire_owned().await;
                let own = own.expect("nobody closes this semaphore");
                let stream = listener.accept().await;
                // Only then: a listener at which nobody calls takes no place of others.
                let place = grants.places.clone().acquire_owned().await;
                (stream, own, place.expect("nobody closes this semaphore"))
            };
            let (stream, own, place) = tokio::select! {
                admitted = admitted => admitted,
                _ = self.terms.ended() => break,
            };
            match stream {
                Ok(stream) => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    let (plane, faults, grant) = (grants.plane.clone(), grants.faults.clone(), self.clone());
                    connections.spawn(async move {
                        let serve = connection::serve(&plane, &grant.terms, &grant.connections, stream);
                        faults.watch(Entrance::Task("a connection of an actor"), serve).await;
                        drop((own, place));
                    });
                }
                Err(error) => {
                    drop((own, place));
                    grants.shortage.tell(&grants.plane.log, "grant", &error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        let reason = self.terms.ended().await;
        grants.plane.log.node(Level::INFO, "grant", &format!("listens at {} no more: {reason}", self.listen));
        self.is_deaf.notify_one();
        while connections.join_next().await.is_some() {}
    }

    fn status(&self) -> GrantStatus {
        GrantStatus {
            listen: self.listen.to_string(),
            actor: self.terms.actor,
            idle_ms: u64::try_from(self.terms.idle_max.as_millis()).unwrap_or(u64::MAX),
            accepted: self.accepted.load(Ordering::Relaxed),
            connections: self.connections.lock().values().map(|connection| connection.status()).collect(),
        }
    }
}
