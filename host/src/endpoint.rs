//! Where programs outside receive: endpoints, and the aliases under which they ask.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::budget::Account;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::{
    ENDPOINT_BYTES_MAX, ENDPOINT_LEN_MAX, NAMED_ENDPOINT_IDLE_MAX, NAMED_ENDPOINTS_MAX,
};
use thespian_core::mailbox::{MailboxLimits, Push};
use thespian_core::wire::control::Incoming;
use tokio::sync::{Notify, oneshot};

use crate::plane::Plane;
use crate::plane::mailbox::SharedMailbox;
use crate::plane::receiver::Receiver;
use crate::plane::sleeper::Sleeper;

/// The queue of one outside program.
pub(crate) struct Endpoint {
    pub(crate) address: ActorAddress,
    mailbox: SharedMailbox,
    arrived: Notify,
    /// Bytes of answers that wait to be read by who asked at it.
    answers_bytes: AtomicUsize,
}

impl Endpoint {
    pub(crate) fn new(address: ActorAddress, account: Arc<Account>) -> Self {
        let limits = MailboxLimits { len_max: ENDPOINT_LEN_MAX, bytes_max: ENDPOINT_BYTES_MAX };
        Self {
            address,
            mailbox: SharedMailbox::new(limits, account),
            arrived: Notify::new(),
            answers_bytes: AtomicUsize::new(0),
        }
    }

    /// The oldest that is there.
    pub(crate) fn take(&self) -> Option<Incoming> {
        let mut one = VecDeque::with_capacity(1);
        self.mailbox.drain(&mut one, 1);
        one.pop_front().and_then(incoming)
    }

    /// The next that comes. A listener that is dropped while it waits takes nothing.
    pub(crate) async fn next(&self) -> Incoming {
        loop {
            let arrived = self.arrived.notified();
            if let Some(incoming) = self.take() {
                // Another listener may wait for the one behind it.
                if self.mailbox.size().0 > 0 {
                    self.arrived.notify_one();
                }
                return incoming;
            }
            arrived.await;
        }
    }

    /// Makes room for an answer, whose asker may not read it soon. A single one always has room.
    fn reserve_answer(&self, cost: usize) -> bool {
        let with_it =
            |bytes: usize| (bytes == 0 || bytes + cost <= ENDPOINT_BYTES_MAX).then_some(bytes + cost);
        self.answers_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_it).is_ok()
    }
}

impl Receiver for Endpoint {
    /// Takes messages and poison; what the host tells actors means nothing out here.
    fn push(&self, envelope: Envelope) -> Push {
        if !matches!(envelope.body, Body::Message(_) | Body::Poisoned(_)) {
            return Push::Queued;
        }
        self.mailbox.push_for(&self.arrived, envelope)
    }

    fn await_room(&self, address: ActorAddress, sender: Arc<dyn Sleeper>) {
        self.mailbox.await_room(address, sender);
    }

    fn size(&self) -> (usize, usize) {
        self.mailbox.size()
    }
}

struct Named {
    endpoint: Arc<Endpoint>,
    sessions: usize,
    /// Runs while nobody uses it. Weakly known to its alarm, so that who comes back calls it off.
    idle: Option<Arc<Idle>>,
}

/// A named endpoint that is forgotten unless somebody comes back to it.
struct Idle {
    endpoints: Weak<Endpoints>,
    name: String,
}

impl Sleeper for Idle {
    fn wake(self: Arc<Self>) {
        if let Some(endpoints) = self.endpoints.upgrade() {
            endpoints.forget(&self);
        }
    }
}

/// The endpoints of a node. Those with a name outlive their connections for a while, so that separate commands can share
/// one.
pub(crate) struct Endpoints {
    plane: Arc<Plane>,
    open_len: AtomicUsize,
    named: Mutex<HashMap<String, Named>>,
}

impl Endpoints {
    pub(crate) fn new(plane: Arc<Plane>) -> Self {
        Self { plane, open_len: AtomicUsize::new(0), named: Mutex::default() }
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.open_len.load(Ordering::Relaxed)
    }

    /// A new endpoint for an outside program.
    pub(crate) fn open(&self) -> Arc<Endpoint> {
        let address = self.plane.new_address();
        let endpoint = Arc::new(Endpoint::new(address, self.plane.accounts.outside().clone()));
        self.open_len.fetch_add(1, Ordering::Relaxed);
        self.plane.table.enter(address, endpoint.clone());
        endpoint
    }

    /// Leaves nothing of an endpoint behind: what still waits in it becomes dead letters.
    pub(crate) fn close(&self, endpoint: &Endpoint) {
        self.open_len.fetch_sub(1, Ordering::Relaxed);
        self.plane.table.remove(endpoint.address);
        for envelope in endpoint.mailbox.close() {
            self.plane.undelivered(envelope, "its receiver, an outside program, left");
        }
    }

    /// The endpoint of this name. `None`: there are as many as may be.
    pub(crate) fn join(&self, name: &str) -> Option<Arc<Endpoint>> {
        let mut named = self.named.lock();
        if !named.contains_key(name) && named.len() >= NAMED_ENDPOINTS_MAX {
            return None;
        }
        let entry = named.entry(name.to_string()).or_insert_with(|| Named {
            endpoint: self.open(),
            sessions: 0,
            idle: None,
        });
        entry.sessions += 1;
        entry.idle = None;
        Some(entry.endpoint.clone())
    }

    /// A connection that used it is gone. If it was the last, the endpoint is forgotten after a while.
    pub(crate) fn leave(self: &Arc<Self>, name: &str) {
        let mut named = self.named.lock();
        let Some(entry) = named.get_mut(name) else { return };
        entry.sessions -= 1;
        if entry.sessions == 0 {
            let idle = Arc::new(Idle { endpoints: Arc::downgrade(self), name: name.to_string() });
            let sleeper: Arc<dyn Sleeper> = idle.clone();
            entry.idle = Some(idle);
            self.plane.alarms.after(NAMED_ENDPOINT_IDLE_MAX, Arc::downgrade(&sleeper));
        }
    }

    /// Forgets an endpoint that nobody came back to since this was set.
    fn forget(&self, idle: &Arc<Idle>) {
        let mut named = self.named.lock();
        let is_idle = |named: &mut Named| named.idle.as_ref().is_some_and(|set| Arc::ptr_eq(set, idle));
        let forgotten = named.get_mut(&idle.name).is_some_and(is_idle).then(|| named.remove(&idle.name));
        drop(named);
        if let Some(Some(forgotten)) = forgotten {
            self.close(&forgotten.endpoint);
        }
    }
}

pub(crate) fn incoming(envelope: Envelope) -> Option<Incoming> {
    match envelope.body {
        Body::Message(message) => Some(Incoming::Message { sender: envelope.sender, message }),
        Body::Poisoned(poisoned) => Some(Incoming::Poisoned(*poisoned)),
        _ => None,
    }
}

/// The reason why an ask ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    TimedOut,
    /// The message became a dead letter.
    TargetDead,
}

pub(crate) type AskResult = Result<Incoming, NoAnswer>;

/// An ask: an alias of its endpoint. The first answer ends it; later ones go to the endpoint.
pub(crate) struct AskSlot {
    endpoint: Arc<Endpoint>,
    waiting: Mutex<Option<oneshot::Sender<AskResult>>>,
    /// The cost of the answer that waits to be read.
    answer_bytes: AtomicUsize,
}

impl AskSlot {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> (Self, oneshot::Receiver<AskResult>) {
        let (sender, receiver) = oneshot::channel();
        (Self { endpoint, waiting: Mutex::new(Some(sender)), answer_bytes: AtomicUsize::new(0) }, receiver)
    }

    fn answer(&self, envelope: Envelope) -> Push {
        let mut waiting = self.waiting.lock();
        let Some(asker) = waiting.take_if(|asker| !asker.is_closed()) else {
            drop(waiting);
            return self.endpoint.push(envelope);
        };
        let cost = envelope.body.cost();
        if !self.endpoint.reserve_answer(cost) {
            *waiting = Some(asker);
            return Push::Full(envelope);
        }
        drop(waiting);
        self.answer_bytes.store(cost, Ordering::Release);
        let Some(answer) = incoming(envelope) else { return Push::Queued };
        match asker.send(Ok(answer)) {
            // The asker left in this very moment: its endpoint may still listen.
            Err(Ok(late)) => {
                self.forget_answer();
                self.endpoint.push(outgoing(late, self.endpoint.address))
            }
            _ => Push::Queued,
        }
    }

    /// The asker has read the answer, if there was one, or has left.
    pub(crate) fn forget_answer(&self) {
        let bytes = self.answer_bytes.swap(0, Ordering::Acquire);
        if bytes > 0 {
            self.endpoint.answers_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    fn end(&self, why: NoAnswer) {
        if let Some(asker) = self.waiting.lock().take() {
            // An asker that left needs no answer.
            let _ = asker.send(Err(why));
        }
    }
}

impl Receiver for AskSlot {
    fn push(&self, envelope: Envelope) -> Push {
        match envelope.body {
            Body::Message(_) | Body::Poisoned(_) => self.answer(envelope),
            _ => Push::Queued,
        }
    }

    /// An ask is answered once.
    fn is_lasting(&self) -> bool {
        false
    }

    fn undelivered(&self) {
        self.end(NoAnswer::TargetDead);
    }

    /// There will be no answer.
    fn let_go(&self) {
        drop(self.waiting.lock().take());
    }
}

impl Sleeper for AskSlot {
    /// Its time is over.
    fn wake(self: Arc<Self>) {
        self.end(NoAnswer::TimedOut);
    }
}

/// The envelope that it came in.
pub(crate) fn outgoing(incoming: Incoming, target: ActorAddress) -> Envelope {
    match incoming {
        Incoming::Message { sender, message } => Envelope { target, sender, body: Body::Message(message) },
        Incoming::Poisoned(poisoned) => {
            Envelope { target, sender: poisoned.target, body: Body::Poisoned(Box::new(poisoned)) }
        }
    }
}
