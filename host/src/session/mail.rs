//! What a program outside sends, asks and listens for, under the address of its endpoint.
//!
//! An ask is sent under an alias of its own, so that its answer is told from everything else:
//!
//! ```text
//!  ask ──► alias entered ──► first answer to the alias, its time is over, or its message is a dead letter: answered
//!                                              │
//!                                              ▼
//!          later answers to the alias go to the endpoint, where `listen` finds them, until the alias is forgotten
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::{ASK_TIME_DEFAULT, ASKS_REMEMBERED_MAX, TELL_TIME_MAX};
use thespian_core::mailbox::Push;
use thespian_core::message::Message;
use thespian_core::timers::TimerKey;
use thespian_core::wire::control::{ControlError, Incoming, Reply};
use tokio::sync::oneshot;

use crate::endpoint::{AskResult, AskSlot, Endpoint, NoAnswer, outgoing};
use crate::inside::Inside;
use crate::plane::Plane;
use crate::plane::mailbox::RoomWait;
use crate::plane::receiver::Receiver as _;
use crate::plane::sleeper::Sleeper;
use crate::pool::near;

/// The mail of a program outside.
pub(super) struct Mail {
    inside: Arc<Inside>,
    endpoint: Arc<Endpoint>,
    /// Answered asks, whose later answers go to the endpoint.
    answered: Mutex<VecDeque<ActorAddress>>,
    /// Whether it is used on the node's own threads, and not on those of a program that embeds the node.
    is_near: bool,
    /// Asks under way.
    asks: AtomicUsize,
}

impl Mail {
    pub(super) fn new(inside: Arc<Inside>, endpoint: Arc<Endpoint>, is_near: bool) -> Self {
        Self { inside, endpoint, answered: Mutex::default(), is_near, asks: AtomicUsize::new(0) }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn plane(&self) -> &Plane {
        &self.inside.plane
    }

    pub(super) async fn tell(&self, target: ActorAddress, message: Message) -> Result<Reply, ControlError> {
        self.check(&message)?;
        let body = Body::Message(message);
        let envelope = Envelope { target, sender: self.endpoint.address, body };
        self.deliver(envelope, TELL_TIME_MAX).await.map(|()| Reply::Done)
    }

    pub(super) async fn ask(
        &self,
        target: ActorAddress,
        message: Message,
        timeout_ms: Option<u64>,
    ) -> Result<Reply, ControlError> {
        self.check(&message)?;
        let plane = self.plane();
        let timeout = timeout_ms.map_or(ASK_TIME_DEFAULT, Duration::from_millis);
        let alias = plane.new_address();
        let (slot, answer) = AskSlot::new(self.endpoint.clone());
        let slot = Arc::new(slot);
        let sleeper: Arc<dyn Sleeper> = slot.clone();
        let timer = plane.alarms.after(timeout, Arc::downgrade(&sleeper));
        plane.table.enter(alias, slot.clone());
        self.asks.fetch_add(1, Ordering::Relaxed);
        let mut ask = Ask { mail: self, alias, timer, slot, answer };
        let envelope = Envelope { target, sender: ask.alias, body: Body::Message(message) };
        self.deliver(envelope, timeout).await?;
        match (&mut ask.answer).await {
            Ok(Ok(incoming)) => Ok(Reply::Received(incoming)),
            Ok(Err(NoAnswer::TargetDead)) => Err(ControlError::TargetDead { target }),
            Ok(Err(NoAnswer::TimedOut)) => Err(timed_out(timeout)),
            Err(_) => Err(self.inside.desk.why_closed()),
        }
    }

    pub(super) async fn listen(&self, timeout_ms: Option<u64>) -> Result<Reply, ControlError> {
        let timed_out = async {
            match timeout_ms.map(Duration::from_millis) {
                Some(timeout) => {
                    self.plane().alarms.sleep(timeout).await;
                    timed_out(timeout)
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What is there already is handed out first, also by a node that has stopped.
            biased;
            incoming = self.endpoint.next() => Ok(Reply::Received(incoming)),
            () = self.inside.desk.stopped() => Err(self.inside.desk.why_closed()),
            timed_out = timed_out => Err(timed_out),
        }
    }

    /// A message that was taken from the endpoint, or answers an ask, does not reach its client.
    pub(super) fn not_taken(&self, message: Incoming, why: &str) {
        let envelope = outgoing(message, self.endpoint.address);
        self.plane().undelivered(envelope, why);
    }

    /// The program leaves: no answer to an ask of it goes to the endpoint any more.
    pub(super) fn forget_aliases(&self) {
        for alias in self.answered.lock().drain(..) {
            self.plane().table.remove(alias);
        }
    }

    /// Puts an envelope into its target's mailbox, waiting for room for as long as `timeout`.
    async fn deliver(&self, mut envelope: Envelope, timeout: Duration) -> Result<(), ControlError> {
        let plane = self.plane();
        let target = envelope.target;
        let deadline = plane.clock.now() + timeout;
        let mut wait = RoomWait::new();
        let mut held = None;
        loop {
            // Several at once are for the threads of actors to share.
            let is_alone = self.is_near && self.asks.load(Ordering::Relaxed) == 1;
            let push = if is_alone { near(|| plane.deliver(envelope)) } else { plane.deliver(envelope) };
            envelope = match push {
                Push::Queued | Push::Activate => return Ok(()),
                Push::Gone(_) | Push::Moved(_) => return Err(ControlError::TargetDead { target }),
                Push::Full(_) if plane.clock.now() >= deadline => {
                    return Err(ControlError::MailboxFull { target });
                }
                Push::Full(envelope) => envelope,
            };
            if held.is_none() {
                // It waits here in place of the mailbox, and counts as it would there.
                held = Some(HeldMail::new(plane, &envelope).ok_or(ControlError::MailboxFull { target })?);
            }
            plane.alarms.sleep(wait.next().min(deadline - plane.clock.now())).await;
        }
    }

    pub(super) fn check(&self, message: &Message) -> Result<(), ControlError> {
        let checked = message.check(self.inside.cells.limits().message_bytes_max);
        checked.map(|_| ()).map_err(|error| ControlError::Invalid(error.to_string()))
    }
}

/// A program's message that waits for room, as it counts to what is queued.
struct HeldMail<'a> {
    plane: &'a Plane,
    bytes: usize,
}

impl<'a> HeldMail<'a> {
    /// None where the node's queues are full as well.
    fn new(plane: &'a Plane, envelope: &Envelope) -> Option<Self> {
        let bytes = envelope.body.cost();
        let outside = plane.accounts.outside();
        if !outside.draw_queued(bytes) {
            outside.count_refusal();
            return None;
        }
        Some(Self { plane, bytes })
    }
}

impl Drop for HeldMail<'_> {
    fn drop(&mut self) {
        self.plane.accounts.outside().give_back_queued(self.bytes);
    }
}

pub(super) fn timed_out(timeout: Duration) -> ControlError {
    ControlError::TimedOut { timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) }
}

/// An ask under way. Afterwards its alias stays for a while, for answers after the first.
struct Ask<'a> {
    mail: &'a Mail,
    alias: ActorAddress,
    timer: TimerKey,
    slot: Arc<AskSlot>,
    answer: oneshot::Receiver<AskResult>,
}

impl Drop for Ask<'_> {
    fn drop(&mut self) {
        self.mail.asks.fetch_sub(1, Ordering::Relaxed);
        self.mail.plane().alarms.cancel(self.timer);
        self.answer.close();
        // Who asked left when the answer was there already: it goes where later ones go.
        if let Ok(Ok(late)) = self.answer.try_recv() {
            let endpoint = &self.mail.endpoint;
            if let Push::Full(late) | Push::Gone(late) = endpoint.push(outgoing(late, endpoint.address)) {
                self.mail.plane().undelivered(late, "its receiver, an outside program, left");
            }
        }
        self.slot.forget_answer();
        let mut answered = self.mail.answered.lock();
        answered.push_back(self.alias);
        if answered.len() > ASKS_REMEMBERED_MAX
            && let Some(oldest) = answered.pop_front()
        {
            self.mail.plane().table.remove(oldest);
        }
    }
}
