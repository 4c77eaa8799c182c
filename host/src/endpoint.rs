//! Where programs outside receive: endpoints, and the aliases under which they ask.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::{ENDPOINT_BYTES_MAX, ENDPOINT_LEN_MAX, NAMED_ENDPOINTS_MAX};
use thespian_core::mailbox::{MailboxLimits, Push, QueueBudget};
use thespian_core::wire::control::Incoming;
use tokio::sync::{Notify, oneshot};

use crate::mailbox::SharedMailbox;

/// The queue of one outside program.
pub(crate) struct Endpoint {
    pub(crate) address: ActorAddress,
    mailbox: SharedMailbox,
    arrived: Notify,
}

impl Endpoint {
    pub(crate) fn new(address: ActorAddress, budget: Arc<QueueBudget>) -> Self {
        let limits = MailboxLimits { len_max: ENDPOINT_LEN_MAX, bytes_max: ENDPOINT_BYTES_MAX };
        Self { address, mailbox: SharedMailbox::new(limits, budget), arrived: Notify::new() }
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
}

impl AskSlot {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> (Self, oneshot::Receiver<AskResult>) {
        let (sender, receiver) = oneshot::channel();
        (Self { endpoint, waiting: Mutex::new(Some(sender)) }, receiver)
    }

    pub(crate) fn push(&self, envelope: Envelope) -> Push {
        if !matches!(envelope.body, Body::Message(_) | Body::Poisoned(_)) {
            return Push::Queued;
        }
        let asker = self.waiting.lock().take();
        match asker {
            Some(asker) if !asker.is_closed() => {
                let Some(answer) = incoming(envelope) else { return Push::Queued };
                if let Err(Ok(late)) = asker.send(Ok(answer)) {
                    // The asker left in this very moment: its endpoint may still listen.
                    return self.endpoint.push(outgoing(late, self.endpoint.address));
                }
                Push::Queued
            }
            _ => self.endpoint.push(envelope),
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
