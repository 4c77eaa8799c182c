//! One outside program's presence at a node: what it may ask, and how it is answered. The same for a program that
//! embeds the node and for one behind a socket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use thespian_core::address::ActorAddress;
use thespian_core::admin::Admin;
use thespian_core::envelope::{Body, Envelope, ExitRequest};
use thespian_core::event::{Asker, Event};
use thespian_core::limits::{
    ASK_TIME_DEFAULT, ASKS_REMEMBERED_MAX, CREATE_TIME_MAX, LABEL_LEN_MAX, LOG_BATCH_BYTES, LOG_BATCH_LEN,
    NAMED_ENDPOINT_IDLE_MAX, SOURCE_BYTES_MAX, TELL_TIME_MAX,
};
use thespian_core::mailbox::Push;
use thespian_core::message::Message;
use thespian_core::source::{Rights, SourceHash};
use thespian_core::timers::TimerKey;
use thespian_core::wire::control::{
    ControlError, CreateActor, Incoming, LoadProgress, LogRecord, Reply, Request,
};
use thespian_core::wire::hello::{HelloError, Welcome};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::actor::{Cell, near};
use crate::desk::{Answerer, NodeEvent};
use crate::endpoint::{AskResult, AskSlot, Endpoint, NoAnswer, outgoing};
use crate::grant;
use crate::plane::alarms::Due;
use crate::plane::mailbox::RoomWait;
use crate::plane::table::Route;
use crate::shared::Shared;

/// What comes before an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// How far a load is.
    Progress(LoadProgress),
    /// Log records, in order.
    Log(Vec<LogRecord>),
}

/// Where updates go. Bounded: who does not take them slows its own question only.
pub type Updates = mpsc::Sender<Update>;

/// Length of an endpoint's name, in bytes: it is typed by people.
const ENDPOINT_NAME_LEN_MAX: usize = 64;

struct Inner {
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
    name: Option<String>,
    welcome: Welcome,
    /// Answered asks, whose later answers go to the endpoint.
    answered: Mutex<VecDeque<ActorAddress>>,
    /// Whether it is used on the node's own threads, and not on those of a program that embeds the node.
    is_near: bool,
    /// Asks under way.
    asks: AtomicUsize,
}

/// One client's presence at a node: its endpoint, its asks and its listens. Dropping the last clone leaves nothing
/// behind, but for a named endpoint, which waits ten minutes for its client to come back.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

/// Opens sessions at a node, for those who serve others.
#[derive(Clone)]
pub(crate) struct SessionOpener(pub(crate) Arc<Shared>);

impl SessionOpener {
    pub(crate) fn open(&self, endpoint: Option<&str>) -> Result<Session, HelloError> {
        Session::open(self.0.clone(), endpoint, true)
    }
}

impl Session {
    /// `is_near`: it is used on the node's own threads, not on those of a program that embeds the node.
    pub(crate) fn open(shared: Arc<Shared>, name: Option<&str>, is_near: bool) -> Result<Self, HelloError> {
        let endpoint = match name {
            None => shared.new_endpoint(),
            Some(name) => {
                check_endpoint_name(name)?;
                let joined = shared.named.join(name, || shared.new_endpoint());
                joined.ok_or_else(|| HelloError::Endpoint("the node keeps as many as it can".to_string()))?
            }
        };
        let welcome = Welcome {
            node_version: env!("CARGO_PKG_VERSION").to_string(),
            host: shared.host,
            endpoint: endpoint.address,
        };
        let name = name.map(str::to_string);
        let inner = Inner {
            shared,
            endpoint,
            name,
            welcome,
            is_near,
            asks: AtomicUsize::new(0),
            answered: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Who answers, and where this client receives.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.inner.welcome
    }

    /// Answers every question but `Load`. Questions are independent; dropping the future takes one back.
    ///
    /// # Errors
    /// As each question documents.
    pub async fn answer(&self, request: Request, updates: &Updates) -> Result<Reply, ControlError> {
        match request {
            Request::Tell { target, message } => self.tell(target, message).await,
            Request::Ask { target, message, timeout_ms } => self.ask(target, message, timeout_ms).await,
            Request::Listen { timeout_ms } => self.listen(timeout_ms).await,
            Request::Create(create) => self.create(create).await,
            Request::Load { .. } => {
                Err(ControlError::Invalid("a load needs the bytes of the source".to_string()))
            }
            Request::Unload { source } => {
                self.question(|asker| Event::UnloadAsked { asker, source }, None, None).await
            }
            Request::Sources => self.look(|admin, _| Ok(Reply::Sources(admin.sources().status()))).await,
            Request::Actors => {
                self.look(|admin, shared| Ok(Reply::Actors(crate::status::actors(admin, shared)))).await
            }
            Request::Exit { target, recursive, wait: true } => {
                self.question(|asker| Event::ExitAsked { asker, target, recursive }, None, None).await
            }
            Request::Exit { target, recursive, wait: false } => self.exit(target, recursive),
            Request::Kill { target } => {
                self.question(|asker| Event::KillAsked { asker, target }, None, None).await
            }
            Request::Logs { actor, last, follow } => self.logs(actor, last, follow, updates).await,
            Request::Status => {
                let status = |admin: &Admin, shared: &Shared| Box::new(crate::status::node(admin, shared));
                self.look(move |admin, shared| Ok(Reply::Status(status(admin, shared)))).await
            }
            Request::Stop => {
                self.inner.shared.note_stopping();
                match self.question(|asker| Event::StopAsked { asker }, None, None).await {
                    // It has stopped before the question reached it, which is what was asked for.
                    Err(ControlError::ShuttingDown) => Ok(Reply::Done),
                    answer => answer,
                }
            }
            Request::LogLevels => {
                self.look(|admin, _| Ok(Reply::LogLevels(Box::new(admin.log_levels_status())))).await
            }
            Request::SetLogLevel { scope, level } => {
                let event = |asker| Event::LogLevelAsked { asker, scope, level };
                self.question(event, None, None).await
            }
            Request::Actor { target } => {
                let report = move |admin: &Admin, shared: &Shared| {
                    let report = crate::status::report(admin, shared, target);
                    report.map(|report| Reply::Actor(Box::new(report)))
                };
                self.look(report).await
            }
            Request::UpdateCapability { name, value } => {
                let update = |asker| Event::CapabilityUpdated { asker: Some(asker), name, value };
                self.question(update, None, None).await
            }
            Request::GrantTcp { listen, actor, idle_ms } => {
                grant::open(&self.inner.shared, listen, actor, idle_ms).await.map(Reply::Granted)
            }
            Request::Grants => Ok(Reply::Grants(self.inner.shared.grants.list())),
            Request::Revoke { listen } => {
                self.inner.shared.grants.revoke(&listen).await.map(|()| Reply::Done)
            }
        }
    }

    /// Offers a source and waits until it is loaded.
    ///
    /// # Errors
    /// `SourceRefused` says who refused it and why.
    pub async fn load(
        &self,
        info: String,
        bytes: Bytes,
        rights: Rights,
        updates: &Updates,
    ) -> Result<Reply, ControlError> {
        let size = bytes.len();
        if size > SOURCE_BYTES_MAX {
            let text = format!("it has {size} bytes; at most {SOURCE_BYTES_MAX} are allowed");
            return Err(ControlError::Upload(text));
        }
        check_label(&info)?;
        let hash = SourceHash(Sha256::digest(&bytes).into());
        let event = |asker| Event::SourceOffered { asker, hash, label: info, size: size as u64, rights };
        self.question(event, Some(bytes), Some(updates.clone())).await
    }

    async fn question(
        &self,
        event: impl FnOnce(Asker) -> Event,
        offered: Option<Bytes>,
        updates: Option<Updates>,
    ) -> Result<Reply, ControlError> {
        let shared = &self.inner.shared;
        let asker = shared.new_asker();
        let (reply, answer) = oneshot::channel();
        let asked =
            NodeEvent::Asked { asker, answerer: Answerer { reply, updates }, event: event(asker), offered };
        let mut left = AskerLeft { shared, asker: Some(asker) };
        shared.desk.tell(shared, asked);
        let answer = answer.await;
        left.asker = None;
        answer.unwrap_or(Err(ControlError::ShuttingDown))
    }

    async fn look(
        &self,
        view: impl FnOnce(&Admin, &Shared) -> Result<Reply, ControlError> + Send + 'static,
    ) -> Result<Reply, ControlError> {
        let (reply, answer) = oneshot::channel();
        let shared = self.inner.shared.clone();
        let look = Box::new(move |admin: &Admin| {
            // Who asked may have left.
            let _ = reply.send(view(admin, &shared));
        });
        self.inner.shared.desk.tell(&self.inner.shared, NodeEvent::Look(look));
        answer.await.unwrap_or(Err(ControlError::ShuttingDown))
    }

    async fn tell(&self, target: ActorAddress, message: Message) -> Result<Reply, ControlError> {
        self.check(&message)?;
        let body = Body::Message(message);
        let envelope = Envelope { target, sender: self.inner.endpoint.address, body };
        self.deliver(envelope, TELL_TIME_MAX).await.map(|()| Reply::Done)
    }

    async fn ask(
        &self,
        target: ActorAddress,
        message: Message,
        timeout_ms: Option<u64>,
    ) -> Result<Reply, ControlError> {
        self.check(&message)?;
        let shared = &self.inner.shared;
        let timeout = timeout_ms.map_or(ASK_TIME_DEFAULT, Duration::from_millis);
        let alias = shared.new_address();
        let (slot, answer) = AskSlot::new(self.inner.endpoint.clone());
        let slot = Arc::new(slot);
        let timer = shared.timers.after(timeout, Due::AskTimedOut(Arc::downgrade(&slot)));
        shared.router.enter(alias, Route::Ask(slot.clone()));
        self.inner.asks.fetch_add(1, Ordering::Relaxed);
        let mut ask = Ask { session: &self.inner, alias, timer, slot, answer };
        let envelope = Envelope { target, sender: ask.alias, body: Body::Message(message) };
        self.deliver(envelope, timeout).await?;
        match (&mut ask.answer).await {
            Ok(Ok(incoming)) => Ok(Reply::Received(incoming)),
            Ok(Err(NoAnswer::TargetDead)) => Err(ControlError::TargetDead { target }),
            Ok(Err(NoAnswer::TimedOut)) => Err(timed_out(timeout)),
            Err(_) => Err(ControlError::ShuttingDown),
        }
    }

    async fn listen(&self, timeout_ms: Option<u64>) -> Result<Reply, ControlError> {
        let timed_out = async {
            match timeout_ms.map(Duration::from_millis) {
                Some(timeout) => {
                    self.inner.shared.timers.sleep(timeout).await;
                    timed_out(timeout)
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What is there already is handed out first, also by a node that has stopped.
            biased;
            incoming = self.inner.endpoint.next() => Ok(Reply::Received(incoming)),
            () = self.inner.shared.stopped() => Err(ControlError::ShuttingDown),
            timed_out = timed_out => Err(timed_out),
        }
    }

    async fn create(&self, create: CreateActor) -> Result<Reply, ControlError> {
        if let Some(init) = &create.init {
            self.check(init)?;
        }
        let shared = &self.inner.shared;
        if !shared.slots.take() {
            let max = shared.slots.max();
            return Err(ControlError::LimitReached(format!("it runs {max} actors and can map no more")));
        }
        let address = shared.new_address();
        // One with a name may exist already: `Admin` says.
        if create.name.is_none() {
            Cell::enter_pending(shared, address);
        }
        let created = self.question(|asker| Event::CreateAsked { asker, address, create }, None, None);
        tokio::select! {
            biased;
            created = created => created,
            () = self.inner.shared.timers.sleep(CREATE_TIME_MAX) => Err(timed_out(CREATE_TIME_MAX)),
        }
    }

    fn exit(&self, target: ActorAddress, recursive: bool) -> Result<Reply, ControlError> {
        let Some(cell) = self.inner.shared.router.actor(target) else {
            return Err(ControlError::TargetDead { target });
        };
        let body = Body::ExitRequest(ExitRequest { recursive });
        cell.push(Envelope { target, sender: self.inner.endpoint.address, body });
        Ok(Reply::Done)
    }

    async fn logs(
        &self,
        actor: Option<ActorAddress>,
        last: Option<u64>,
        follow: bool,
        updates: &Updates,
    ) -> Result<Reply, ControlError> {
        let (kept, mut following) = self.inner.shared.log.follow(actor);
        let skipped =
            last.map_or(0, |last| kept.len().saturating_sub(usize::try_from(last).unwrap_or(usize::MAX)));
        let mut kept = &kept[skipped..];
        while !kept.is_empty() {
            let (batch, rest) = kept.split_at(batch_len(kept));
            pass_on(updates, batch).await?;
            kept = rest;
        }
        if !follow {
            return Ok(Reply::Done);
        }
        loop {
            let record = tokio::select! {
                // What was written before the end is passed on before it.
                biased;
                record = following.recv() => record,
                () = self.inner.shared.stopped() => return Err(ControlError::ShuttingDown),
            };
            match record {
                Ok(record) => {
                    let mut bytes = record.text.len();
                    let mut batch = vec![record];
                    while batch.len() < LOG_BATCH_LEN
                        && bytes < LOG_BATCH_BYTES
                        && let Ok(record) = following.try_recv()
                    {
                        bytes += record.text.len();
                        batch.push(record);
                    }
                    batch.retain(|record| actor.is_none() || record.actor == actor);
                    if !batch.is_empty() {
                        pass_on(updates, &batch).await?;
                    }
                }
                // The gap shows in the numbers of the records.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(ControlError::ShuttingDown),
            }
        }
    }

    /// A message that was taken from the endpoint, or answers an ask, does not reach its client.
    pub(crate) fn not_taken(&self, message: Incoming, why: &str) {
        let envelope = outgoing(message, self.inner.endpoint.address);
        self.inner.shared.router.dead_letter(&envelope, why);
    }

    /// Puts an envelope into its target's mailbox, waiting for room for as long as `timeout`.
    async fn deliver(&self, mut envelope: Envelope, timeout: Duration) -> Result<(), ControlError> {
        let shared = &self.inner.shared;
        let target = envelope.target;
        let deadline = shared.clock.now() + timeout;
        let mut wait = RoomWait::new();
        loop {
            let Some(route) = shared.router.get(target) else {
                return Err(ControlError::TargetDead { target });
            };
            // Several at once are for the threads of actors to share.
            let is_alone = self.inner.is_near && self.inner.asks.load(Ordering::Relaxed) == 1;
            let push = if is_alone { near(|| route.push(envelope)) } else { route.push(envelope) };
            envelope = match push {
                Push::Queued | Push::Activate => return Ok(()),
                Push::Gone(_) => return Err(ControlError::TargetDead { target }),
                Push::Full(_) if shared.clock.now() >= deadline => {
                    return Err(ControlError::MailboxFull { target });
                }
                Push::Full(envelope) => envelope,
            };
            shared.timers.sleep(wait.next().min(deadline - shared.clock.now())).await;
        }
    }

    fn check(&self, message: &Message) -> Result<(), ControlError> {
        let checked = message.check(self.inner.shared.limits.message_bytes_max);
        checked.map(|_| ()).map_err(|error| ControlError::Invalid(error.to_string()))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for alias in self.answered.lock().drain(..) {
            self.shared.router.remove(alias);
        }
        match &self.name {
            None => self.shared.close_endpoint(&self.endpoint),
            Some(name) => {
                if let Some(generation) = self.shared.named.leave(name) {
                    let shared = Arc::downgrade(&self.shared);
                    let due = Due::ForgetEndpoint { shared, name: name.clone(), generation };
                    self.shared.timers.after(NAMED_ENDPOINT_IDLE_MAX, due);
                }
            }
        }
    }
}

/// One ask under way. Afterwards its alias stays for a while, for answers after the first.
struct Ask<'a> {
    session: &'a Inner,
    alias: ActorAddress,
    timer: TimerKey,
    slot: Arc<AskSlot>,
    answer: oneshot::Receiver<AskResult>,
}

impl Drop for Ask<'_> {
    fn drop(&mut self) {
        self.session.asks.fetch_sub(1, Ordering::Relaxed);
        self.session.shared.timers.cancel(self.timer);
        self.answer.close();
        // Who asked left when the answer was there already: it goes where later ones go.
        if let Ok(Ok(late)) = self.answer.try_recv() {
            let endpoint = &self.session.endpoint;
            if let Push::Full(late) | Push::Gone(late) = endpoint.push(outgoing(late, endpoint.address)) {
                self.session.shared.router.dead_letter(&late, "its receiver, an outside program, left");
            }
        }
        self.slot.forget_answer();
        let mut answered = self.session.answered.lock();
        answered.push_back(self.alias);
        if answered.len() > ASKS_REMEMBERED_MAX
            && let Some(oldest) = answered.pop_front()
        {
            self.session.shared.router.remove(oldest);
        }
    }
}

/// Tells `Admin` when a question is taken back.
struct AskerLeft<'a> {
    shared: &'a Arc<Shared>,
    asker: Option<Asker>,
}

impl Drop for AskerLeft<'_> {
    fn drop(&mut self) {
        if let Some(asker) = self.asker {
            self.shared.event(Event::AskerLeft { asker });
        }
    }
}

/// How many of these records go into one frame: at least one.
fn batch_len(records: &[Arc<LogRecord>]) -> usize {
    let mut bytes = 0;
    let has_room = |record: &&Arc<LogRecord>| {
        let has_room = bytes < LOG_BATCH_BYTES;
        bytes += record.text.len();
        has_room
    };
    records.iter().take(LOG_BATCH_LEN).take_while(has_room).count()
}

async fn pass_on(updates: &Updates, records: &[Arc<LogRecord>]) -> Result<(), ControlError> {
    let records = records.iter().map(|record| LogRecord::clone(record)).collect();
    updates.send(Update::Log(records)).await.map_err(|_| ControlError::Cancelled)
}

/// Every listing of sources repeats it.
pub(crate) fn check_label(label: &str) -> Result<(), ControlError> {
    if label.len() > LABEL_LEN_MAX {
        let len = label.len();
        let text = format!("its name has {len} bytes; at most {LABEL_LEN_MAX} are allowed");
        return Err(ControlError::Upload(text));
    }
    Ok(())
}

fn timed_out(timeout: Duration) -> ControlError {
    ControlError::TimedOut { timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) }
}

fn check_endpoint_name(name: &str) -> Result<(), HelloError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > ENDPOINT_NAME_LEN_MAX || !name.bytes().all(is_plain) {
        let text = format!("a name has 1 to {ENDPOINT_NAME_LEN_MAX} letters, digits, `-`, `_` or `.`");
        return Err(HelloError::Endpoint(text));
    }
    Ok(())
}
