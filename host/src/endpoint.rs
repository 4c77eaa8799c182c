//! Where programs outside receive: endpoints, and the aliases under which they ask.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::{ENDPOINT_BYTES_MAX, ENDPOINT_LEN_MAX, NAMED_ENDPOINTS_MAX};
use thespian_core::mailbox::{MailboxLimits, Push, QueueBudget};
use thespian_core::wire::control::Incoming;
use tokio::sync::{Notify, oneshot};

use crate::plane::mailbox::SharedMailbox;

/// The queue of one outside program.
pub(crate) struct Endpoint {
    pub(crate) address: ActorAddress,
    mailbox: SharedMailbox,
    arrived: Notify,
    /// Bytes of answers that wait to be read by who asked at it.
    answers_bytes: AtomicUsize,
}

impl Endpoint {
    pub(crate) fn new(address: ActorAddress, budget: Arc<QueueBudget>) -> Self {
        let limits = MailboxLimits { len_max: ENDPOINT_LEN_MAX, bytes_max: ENDPOINT_BYTES_MAX };
        Self {
            address,
            mailbox: SharedMailbox::new(limits, budget),
            arrived: Notify::new(),
            answers_bytes: AtomicUsize::new(0),
        }
    }

    /// Takes messages and poison; what the host tells actors means nothing out here.
    pub(crate) fn push(&self, envelope: Envelope) -> Push {
        if !matches!(envelope.body, Body::Message(_) | Body::Poisoned(_)) {
            return Push::Queued;
        }
        let push = self.mailbox.push(envelope);
        if matches!(push, Push::Queued | Push::Activate) {
            self.arrived.notify_one();
        }
        push
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

    pub(crate) fn mailbox(&self) -> &SharedMailbox {
        &self.mailbox
    }
}

struct Named {
    endpoint: Arc<Endpoint>,
    sessions: usize,
    /// Counts the joins: an old timer must not end an endpoint that was joined since.
    generation: u64,
}

/// The endpoints that outlive their connections for a while, so that separate commands can share one.
#[derive(Default)]
pub(crate) struct NamedEndpoints {
    named: Mutex<HashMap<String, Named>>,
}

impl NamedEndpoints {
    /// The endpoint of this name; a new one is entered by `enter`. `None`: there are as many as may be.
    pub(crate) fn join(&self, name: &str, enter: impl FnOnce() -> Arc<Endpoint>) -> Option<Arc<Endpoint>> {
        let mut named = self.named.lock();
        if !named.contains_key(name) && named.len() >= NAMED_ENDPOINTS_MAX {
            return None;
        }
        let entry = named.entry(name.to_string()).or_insert_with(|| Named {
            endpoint: enter(),
            sessions: 0,
            generation: 0,
        });
        entry.sessions += 1;
        entry.generation += 1;
        Some(entry.endpoint.clone())
    }

    /// A connection that used it is gone. If it was the last, the generation for [`Self::forget`].
    pub(crate) fn leave(&self, name: &str) -> Option<u64> {
        let mut named = self.named.lock();
        let entry = named.get_mut(name)?;
        entry.sessions -= 1;
        (entry.sessions == 0).then_some(entry.generation)
    }

    /// Takes the endpoint out, if nobody joined it since.
    pub(crate) fn forget(&self, name: &str, generation: u64) -> Option<Arc<Endpoint>> {
        let mut named = self.named.lock();
        let entry = named.get(name)?;
        if entry.sessions > 0 || entry.generation != generation {
            return None;
        }
        named.remove(name).map(|entry| entry.endpoint)
    }
}

pub(crate) fn incoming(envelope: Envelope) -> Option<Incoming> {
    match envelope.body {
        Body::Message(message) => Some(Incoming::Message { sender: envelope.sender, message }),
        Body::Poisoned(poisoned) => Some(Incoming::Poisoned(*poisoned)),
        _ => None,
    }
}

/// Why an ask ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    TimedOut,
    /// The message became a dead letter.
    TargetDead,
}

pub(crate) type AskResult = Result<Incoming, NoAnswer>;

/// One ask: an alias of its endpoint. The first answer ends it; later ones go to the endpoint.
pub(crate) struct AskSlot {
    endpoint: Arc<Endpoint>,
    waiting: Mutex<Option<oneshot::Sender<AskResult>>>,
    /// What the answer costs that waits to be read.
    answer_bytes: AtomicUsize,
}

impl AskSlot {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> (Self, oneshot::Receiver<AskResult>) {
        let (sender, receiver) = oneshot::channel();
        (Self { endpoint, waiting: Mutex::new(Some(sender)), answer_bytes: AtomicUsize::new(0) }, receiver)
    }

    pub(crate) fn push(&self, envelope: Envelope) -> Push {
        if !matches!(envelope.body, Body::Message(_) | Body::Poisoned(_)) {
            return Push::Queued;
        }
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

    /// Who asked has read the answer, if there was one, or has left.
    pub(crate) fn forget_answer(&self) {
        let bytes = self.answer_bytes.swap(0, Ordering::Acquire);
        if bytes > 0 {
            self.endpoint.answers_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    pub(crate) fn time_out(&self) {
        self.end(NoAnswer::TimedOut);
    }

    pub(crate) fn target_is_dead(&self) {
        self.end(NoAnswer::TargetDead);
    }

    fn end(&self, why: NoAnswer) {
        if let Some(asker) = self.waiting.lock().take() {
            // An asker that left needs no answer.
            let _ = asker.send(Err(why));
        }
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
