//! Where programs outside receive: endpoints, and the aliases under which they ask.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::budget::{Account, Loan};
use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::{
    ENDPOINT_BYTES_MAX, ENDPOINT_LEN_MAX, NAMED_ENDPOINT_IDLE_MAX, NAMED_ENDPOINTS_MAX,
};
use thespian_core::mailbox::{MailboxLimits, Push};
use thespian_core::role::Role;
use thespian_core::time::Time;
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
    /// The answers that wait to be read by who asked at it.
    answers: Mutex<UnreadAnswers>,
}

/// How much waits to be read by those who asked.
#[derive(Default)]
struct UnreadAnswers {
    bytes: usize,
    loan: Loan,
}

impl Endpoint {
    pub(crate) fn new(address: ActorAddress, account: Arc<Account>) -> Self {
        let limits = MailboxLimits { len_max: ENDPOINT_LEN_MAX, bytes_max: ENDPOINT_BYTES_MAX };
        Self {
            address,
            mailbox: SharedMailbox::new(limits, account),
            arrived: Notify::new(),
            answers: Mutex::default(),
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
        let mut answers = self.answers.lock();
        let bytes = answers.bytes + cost;
        let fits = answers.bytes == 0 || bytes <= ENDPOINT_BYTES_MAX;
        let has_room = fits && answers.loan.cover_queued(bytes, self.mailbox.account());
        if has_room {
            answers.bytes = bytes;
        }
        has_room
    }

    /// An answer has been read, or will not be.
    fn release_answer(&self, cost: usize) {
        let mut answers = self.answers.lock();
        answers.bytes -= cost;
        let UnreadAnswers { bytes, loan } = &mut *answers;
        loan.shrink_queued(*bytes, self.mailbox.account());
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

/// The name of an endpoint, with the role of those who know it by that: who has another role finds another.
type EndpointName = (Role, String);

struct Named {
    endpoint: Arc<Endpoint>,
    sessions: usize,
    /// Runs while nobody uses it. Weakly known to its alarm, so that who comes back calls it off.
    idle: Option<Arc<Idle>>,
}

/// A named endpoint that is forgotten unless somebody comes back to it.
struct Idle {
    endpoints: Weak<Endpoints>,
    name: EndpointName,
    since: Time,
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
    named: Mutex<HashMap<EndpointName, Named>>,
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

    /// The endpoint of this name. Where a role has as many as it may, one goes for it that nobody uses. `None`: all are used.
    pub(crate) fn join(&self, role: Role, name: &str) -> Option<Arc<Endpoint>> {
        let name = (role, name.to_string());
        let mut named = self.named.lock();
        let is_new = !named.contains_key(&name);
        let is_full = is_new && named.keys().filter(|(of, _)| *of == role).count() >= NAMED_ENDPOINTS_MAX;
        let gone = if is_full { Some(take_abandoned(&mut named, role)?) } else { None };
        let entry =
            named.entry(name).or_insert_with(|| Named { endpoint: self.open(), sessions: 0, idle: None });
        entry.sessions += 1;
        entry.idle = None;
        let joined = entry.endpoint.clone();
        drop(named);
        if let Some(gone) = gone {
            self.close(&gone.endpoint);
        }
        Some(joined)
    }

    /// A connection that used it is gone. If it was the last, the endpoint is forgotten after a while.
    pub(crate) fn leave(self: &Arc<Self>, role: Role, name: &str) {
        let name = (role, name.to_string());
        let mut named = self.named.lock();
        let Some(entry) = named.get_mut(&name) else { return };
        entry.sessions -= 1;
        if entry.sessions == 0 {
            let since = self.plane.clock.now();
            let idle = Arc::new(Idle { endpoints: Arc::downgrade(self), name, since });
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

/// Takes out the endpoint of this role that nobody has used for longest, of those in which nothing waits if there are any.
fn take_abandoned(named: &mut HashMap<EndpointName, Named>, role: Role) -> Option<Named> {
    let order = |named: &Named| Some((named.endpoint.size().0 > 0, named.idle.as_ref()?.since));
    let of_role = named.iter().filter(|((of, _), _)| *of == role);
    let abandoned = of_role.filter_map(|(name, named)| Some((order(named)?, &name.1, name)));
    let name = abandoned.min_by_key(|(order, name, _)| (*order, *name))?.2.clone();
    named.remove(&name)
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
            self.endpoint.release_answer(bytes);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::LogStore;
    use thespian_core::message::Message;

    #[test]
    fn a_new_name_takes_the_place_of_one_that_nobody_uses_and_first_of_one_that_keeps_nothing() {
        let log = LogStore::start(None).expect("a thread for the log");
        let plane = Arc::new(Plane::with_places(1, log));
        let endpoints = Arc::new(Endpoints::new(plane.clone()));
        let join = |name: usize| endpoints.join(Role::Talk, &name.to_string());
        for name in 0..NAMED_ENDPOINTS_MAX {
            join(name).expect("there is room");
        }
        assert!(join(NAMED_ENDPOINTS_MAX).is_none(), "all are used");
        let kept = join(0).expect("it is there");
        let body = Body::Message(Message::bytes("M", vec![7]));
        assert_eq!(kept.push(Envelope { target: kept.address, sender: kept.address, body }), Push::Queued);
        (0..2).for_each(|_| endpoints.leave(Role::Talk, "0"));
        endpoints.leave(Role::Talk, "1");
        assert!(join(NAMED_ENDPOINTS_MAX).is_some());
        let named = |name: &str| endpoints.named.lock().contains_key(&(Role::Talk, name.to_string()));
        assert!(named("0") && !named("1"), "a message waits at the one that was left first");
        assert!(join(NAMED_ENDPOINTS_MAX + 1).is_some());
        assert!(!named("0"));
        assert_eq!(plane.dead_letters.count(), 1, "what waited is lost with a word");
        assert!(join(NAMED_ENDPOINTS_MAX + 2).is_none());
        assert!(endpoints.join(Role::Load, "0").is_some(), "another role has names of its own");
        assert_eq!(endpoints.len(), NAMED_ENDPOINTS_MAX + 1);
    }
}
