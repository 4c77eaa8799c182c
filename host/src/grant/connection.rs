//! One connection: what is read becomes messages to its actor, what is sent to its address is written.
//!
//! ```text
//!            what is read ─► OPENED, DATA ... ─► the actor            what is sent here ─► queue ─► what is written
//!
//!  open ──► half closed (its peer has ended; the actor can still answer) ──┐
//!   │                                                                      │ all handled, or the actor closes it
//!   │ the actor closes it                                                  ▼
//!   ├─────────────────────────────────────────────────────► closing: the rest is written ─► parted
//!   │ broken, idle, revoked, its actor ended,                              │ not in time       │
//!   │ something written to it is lost                                      ▼                   ▼
//!   └──────────────────────────────────────────────────────────────────► reset ──────────► CLOSED ─► the actor
//! ```
//!
//! Reading and writing are one task. Every message from here carries one of a few permits, in its payload's memory: it
//! comes back when the message is gone, handled or not, and without one nothing more is read.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{FusedFuture, FutureExt};
use parking_lot::Mutex;
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::budget::Account;
use thespian_core::connection::{CLOSED, CloseReason, DATA, OPENED, Quiet};
use thespian_core::envelope::{Body, Envelope, Poisoned};
use thespian_core::limits::{TCP_CLOSE_TIME_MAX, TCP_UNHANDLED_MAX, TCP_WRITE_BYTES_MAX, TCP_WRITE_LEN_MAX};
use thespian_core::mailbox::{MailboxLimits, Push};
use thespian_core::message::{Encoding, Message};
use thespian_core::wire::control::ConnectionStatus;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, sleep_until, timeout};

use crate::plane::Plane;
use crate::plane::mailbox::{RoomWait, SharedMailbox};
use crate::plane::receiver::Receiver;
use crate::plane::sleeper::Sleeper;
use crate::transport::{ByteConnection, ByteReader, ByteWriter, Taken};

/// All permits: none is out.
const ALL: u32 = TCP_UNHANDLED_MAX as u32;

/// Terms that the connections of a grant have in common.
pub(super) struct Terms {
    /// The actor that hears of them.
    pub(super) actor: ActorAddress,
    pub(super) idle_max: Duration,
    /// The reason why the grant ends, once it does.
    ending: watch::Sender<Option<CloseReason>>,
}

impl Terms {
    pub(super) fn new(actor: ActorAddress, idle_max: Duration) -> Self {
        Self { actor, idle_max, ending: watch::Sender::new(None) }
    }

    /// Ends the grant and its connections.
    pub(super) fn end(&self, reason: CloseReason) {
        self.ending.send_replace(Some(reason));
    }

    /// Returns when the grant ends, with the reason.
    pub(super) async fn ended(&self) -> CloseReason {
        let mut ending = self.ending.subscribe();
        match ending.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(reason)) => reason.clone(),
            // The sender lives as long as this does.
            _ => CloseReason::ActorEnded,
        }
    }
}

/// The connections of a grant that are open.
pub(super) type Connections = Mutex<BTreeMap<ActorAddress, Arc<Connection>>>;

/// A connection as it stands in the routing table: the queue of what is to be written.
pub(super) struct Connection {
    address: ActorAddress,
    peer: SocketAddr,
    mailbox: SharedMailbox,
    arrived: Notify,
    /// Takes nothing more: what waits is the rest.
    is_closing: AtomicBool,
    /// Something written to it could not be kept.
    lost: Notify,
    /// Permits for the messages that the actor may have unhandled.
    permits: Arc<Semaphore>,
    quiet: Mutex<Quiet>,
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

impl Connection {
    fn new(address: ActorAddress, peer: SocketAddr, account: Arc<Account>, quiet: Quiet) -> Self {
        let limits = MailboxLimits { len_max: TCP_WRITE_LEN_MAX, bytes_max: TCP_WRITE_BYTES_MAX };
        Self {
            address,
            peer,
            mailbox: SharedMailbox::new(limits, account),
            arrived: Notify::new(),
            is_closing: AtomicBool::new(false),
            lost: Notify::new(),
            permits: Arc::new(Semaphore::new(TCP_UNHANDLED_MAX)),
            quiet: Mutex::new(quiet),
            read_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
        }
    }

    fn close_intake(&self) {
        self.mailbox.take_notices_only();
        // Behind it: who sees it knows that nothing comes any more.
        self.is_closing.store(true, Ordering::Release);
        self.arrived.notify_one();
    }

    /// The next that was sent here; `None` when all is written and nothing more comes.
    async fn next(&self) -> Option<Envelope> {
        loop {
            let arrived = self.arrived.notified();
            let is_closing = self.is_closing.load(Ordering::Acquire);
            let mut one = VecDeque::with_capacity(1);
            self.mailbox.drain(&mut one, 1);
            if let Some(envelope) = one.pop_front() {
                return Some(envelope);
            }
            if is_closing {
                return None;
            }
            arrived.await;
        }
    }

    fn unhandled(&self) -> usize {
        TCP_UNHANDLED_MAX - self.permits.available_permits()
    }

    pub(super) fn status(&self) -> ConnectionStatus {
        ConnectionStatus {
            address: self.address,
            peer: self.peer.to_string(),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            written_bytes: self.written_bytes.load(Ordering::Relaxed),
            unhandled: self.unhandled() as u64,
            unwritten: self.mailbox.size().0 as u64,
        }
    }
}

impl Receiver for Connection {
    /// Takes what can be written, what came back, and the request to exit; other notices mean nothing out here.
    fn push(&self, envelope: Envelope) -> Push {
        if !matches!(envelope.body, Body::Message(_) | Body::Poisoned(_) | Body::ExitRequest(_)) {
            return Push::Queued;
        }
        self.mailbox.push_for(&self.arrived, envelope)
    }

    fn await_room(&self, address: ActorAddress, sender: Arc<dyn Sleeper>) {
        self.mailbox.await_room(address, sender);
    }

    /// Takes no more: nothing may be written behind the gap.
    fn missed(&self) {
        self.mailbox.take_notices_only();
        self.lost.notify_one();
    }

    fn size(&self) -> (usize, usize) {
        self.mailbox.size()
    }
}

/// A payload, and the permit that comes back when nobody needs it any more.
struct Permitted {
    payload: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Permitted {
    fn as_ref(&self) -> &[u8] {
        &self.payload
    }
}

/// The actor takes no messages any more.
struct Gone;

/// A connection while it is served.
struct Served<'a> {
    plane: &'a Plane,
    terms: &'a Terms,
    connection: &'a Connection,
    local: SocketAddr,
    is_opened: AtomicBool,
    is_closed: AtomicBool,
}

/// Serves a connection until nothing of it is left and its actor has been told.
pub(super) async fn serve(plane: &Plane, terms: &Terms, open: &Connections, stream: ByteConnection) {
    let ByteConnection { peer, local, reader, mut writer } = stream;
    let address = plane.new_address();
    let quiet = Quiet::new(plane.clock.now(), terms.idle_max);
    let connection = Arc::new(Connection::new(address, peer, plane.accounts.outside().clone(), quiet));
    let listing = Listing::new(plane, open, &connection);
    let link = Served {
        plane,
        terms,
        connection: &connection,
        local,
        is_opened: AtomicBool::new(false),
        is_closed: AtomicBool::new(false),
    };
    let (reason, is_whole) = link.carry(&reader, &mut writer).await;
    if is_whole {
        part(&reader, &mut writer).await;
    } else {
        writer.reset();
    }
    // First: an actor that waits for room here takes no other message.
    drop((reader, listing));
    link.tell_closed(&reason).await;
}

/// A connection as others find it. Nothing is left when it is dropped, and what was not written becomes dead letters.
struct Listing<'a> {
    plane: &'a Plane,
    open: &'a Connections,
    connection: &'a Arc<Connection>,
}

impl<'a> Listing<'a> {
    fn new(plane: &'a Plane, open: &'a Connections, connection: &'a Arc<Connection>) -> Self {
        open.lock().insert(connection.address, connection.clone());
        plane.table.enter(connection.address, connection.clone());
        Self { plane, open, connection }
    }
}

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        self.open.lock().remove(&self.connection.address);
        self.plane.table.remove(self.connection.address);
        for envelope in self.connection.mailbox.close() {
            unwritten(self.plane, envelope);
        }
    }
}

fn unwritten(plane: &Plane, envelope: Envelope) {
    // What came back as poison was told when it did.
    if matches!(envelope.body, Body::Message(_)) {
        plane.undelivered(envelope, "the connection ended before it was written");
    }
}

impl Served<'_> {
    /// Passes on what comes, writes what is sent, until it ends; then, if that is in order, writes the rest. Says why it
    /// ended, and whether all was written.
    async fn carry(&self, reader: &ByteReader, writer: &mut ByteWriter) -> (CloseReason, bool) {
        let mut inbound = pin!(self.read(reader));
        let mut outbound = pin!(self.write(writer).fuse());
        let mut reason = tokio::select! {
            reason = &mut inbound => reason,
            reason = &mut outbound => reason,
            reason = self.cut_short() => reason,
        };
        if reason == CloseReason::Peer {
            // Its peer may still read: until the actor has handled the end, it can answer.
            let handled = async {
                self.tell_closed(&reason).await;
                let _all = self.connection.permits.acquire_many(ALL).await;
                reason.clone()
            };
            reason = tokio::select! {
                reason = handled => reason,
                reason = &mut outbound => reason,
                reason = self.cut_short() => reason,
            };
        }
        self.connection.close_intake();
        let mut is_whole = reason.is_orderly();
        if is_whole && !outbound.is_terminated() {
            // A peer that does not read can't hold up the end.
            let written = timeout(TCP_CLOSE_TIME_MAX, outbound).await;
            is_whole = written.is_ok_and(|ended| ended.is_orderly());
        }
        (reason, is_whole)
    }

    /// Returns when the connection ends by something else than its peer and its actor.
    async fn cut_short(&self) -> CloseReason {
        tokio::select! {
            reason = self.terms.ended() => reason,
            () = self.connection.lost.notified() => CloseReason::Lost,
            () = self.idle() => CloseReason::Idle,
        }
    }

    async fn idle(&self) {
        let look = || self.connection.quiet.lock().look(self.plane.clock.now(), self.connection.unhandled());
        while let Some(due) = look() {
            sleep_until(self.plane.clock.instant(due).into()).await;
        }
    }

    fn moved(&self) {
        self.connection.quiet.lock().moved(self.plane.clock.now());
    }

    async fn read(&self, reader: &ByteReader) -> CloseReason {
        let opened = json!({"peer": self.connection.peer, "local": self.local}).to_string();
        if self.tell(OPENED, Encoding::Json, opened.into_bytes()).await.is_err() {
            return CloseReason::ActorEnded;
        }
        self.is_opened.store(true, Ordering::Relaxed);
        let broken = |error: std::io::Error| CloseReason::Broken(error.to_string());
        loop {
            if let Err(error) = reader.ready().await {
                return broken(error);
            }
            let permit = self.permit().await;
            let bytes = match reader.take() {
                Ok(Taken::Bytes(bytes)) => bytes,
                Ok(Taken::Nothing) => continue,
                Ok(Taken::End) => return CloseReason::Peer,
                Err(error) => return broken(error),
            };
            self.connection.read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            self.moved();
            if self.deliver(DATA, Encoding::Bytes, bytes, permit).await.is_err() {
                return CloseReason::ActorEnded;
            }
        }
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        let permit = self.connection.permits.clone().acquire_owned().await;
        permit.expect("nobody closes this semaphore")
    }

    async fn tell(&self, type_name: &str, encoding: Encoding, payload: Vec<u8>) -> Result<(), Gone> {
        let permit = self.permit().await;
        self.deliver(type_name, encoding, payload, permit).await
    }

    /// Puts a message into the actor's mailbox, waiting for room for as long as it takes. Dropped before it returns, it
    /// has delivered nothing.
    async fn deliver(
        &self,
        type_name: &str,
        encoding: Encoding,
        payload: Vec<u8>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Gone> {
        let payload = Bytes::from_owner(Permitted { payload, _permit: permit });
        let message = Message { type_name: type_name.into(), encoding, payload, headers: None };
        let (target, sender) = (self.terms.actor, self.connection.address);
        let mut envelope = Envelope { target, sender, body: Body::Message(message) };
        let mut wait = RoomWait::new();
        loop {
            envelope = match self.plane.deliver(envelope) {
                Push::Queued | Push::Activate => return Ok(()),
                Push::Gone(_) | Push::Moved(_) => return Err(Gone),
                Push::Full(envelope) => envelope,
            };
            sleep(wait.next()).await;
        }
    }

    /// Tells the actor of the end: once, and only one who was told of the beginning.
    async fn tell_closed(&self, reason: &CloseReason) {
        if !self.is_opened.load(Ordering::Relaxed) || self.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let payload = json!({"reason": reason.word(), "details": reason.to_string()}).to_string();
        // An actor that is gone needs no word.
        let _ = self.tell(CLOSED, Encoding::Json, payload.into_bytes()).await;
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Writes what is sent to the connection until it ends. The reason says why it did; once nothing more is taken in,
    /// it means that all is written.
    async fn write(&self, writer: &mut ByteWriter) -> CloseReason {
        while let Some(envelope) = self.connection.next().await {
            match &envelope.body {
                Body::Message(message) if matches!(message.encoding, Encoding::Bytes | Encoding::Text) => {
                    let mut in_hand = InHand::new(self, envelope);
                    if let Err(error) = in_hand.write(writer).await {
                        return CloseReason::Broken(error.to_string());
                    }
                }
                Body::Message(_) => self.send_back(envelope),
                Body::Poisoned(poisoned) if self.is_past(poisoned) => {}
                Body::Poisoned(poisoned) => return CloseReason::Unhandled(poisoned.details.clone()),
                _ => return CloseReason::Requested,
            }
        }
        CloseReason::Requested
    }

    /// Gives a message that has no form as bytes back to its sender.
    fn send_back(&self, envelope: Envelope) {
        let Body::Message(original) = envelope.body else { return };
        let details = format!("a connection takes bytes and text, and `{}` is neither", original.type_name);
        let target = envelope.sender;
        let poisoned = Poisoned { target: self.connection.address, details, original };
        let sender = self.connection.address;
        let returned = Envelope { target, sender, body: Body::Poisoned(Box::new(poisoned)) };
        self.plane.send_back(returned);
    }

    /// Whether the connection ends anyhow.
    fn is_past(&self, poisoned: &Poisoned) -> bool {
        &*poisoned.original.type_name == CLOSED || self.connection.is_closing.load(Ordering::Acquire)
    }
}

/// Says that nothing more comes, and waits until its peer has read that: closed with something unread, the system would
/// take back what the peer has yet to read.
async fn part(reader: &ByteReader, writer: &mut ByteWriter) {
    let heard = async {
        writer.end().await;
        reader.discard().await;
    };
    let _ = timeout(TCP_CLOSE_TIME_MAX, heard).await;
}

/// A message that is being written. Its room in the queue is free when it is gone; dropped before its end, it is a dead letter.
struct InHand<'a> {
    link: &'a Served<'a>,
    envelope: Envelope,
    has_room: bool,
    is_written: bool,
}

impl<'a> InHand<'a> {
    fn new(link: &'a Served<'_>, envelope: Envelope) -> Self {
        // Should others have taken the room already, there is none to give back.
        let has_room = link.connection.mailbox.reserve(envelope.body.cost());
        Self { link, envelope, has_room, is_written: false }
    }

    async fn write(&mut self, writer: &mut ByteWriter) -> std::io::Result<()> {
        let Body::Message(message) = &self.envelope.body else { return Ok(()) };
        let mut rest = &message.payload[..];
        while !rest.is_empty() {
            let len = writer.write(rest).await?;
            rest = &rest[len..];
            self.link.connection.written_bytes.fetch_add(len as u64, Ordering::Relaxed);
            self.link.moved();
        }
        self.is_written = true;
        Ok(())
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        if self.has_room {
            self.link.connection.mailbox.release(1, self.envelope.body.cost());
        }
        if !self.is_written {
            unwritten(self.link.plane, self.envelope.clone());
        }
    }
}
