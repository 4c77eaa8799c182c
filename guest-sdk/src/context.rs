//! What an actor can do besides changing its state.

use std::fmt::Display;
use std::time::Duration;

use crate::actor::Actor;
use crate::address::Address;
use crate::create::Create;
use crate::failure::Result;
use crate::host::{self, Level};
use crate::message::{Message, RawMessage};
use crate::reply;
use crate::source::{Attributes, Init, Requirement, Value};

/// Names a wakeup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WakeupId(pub(crate) u64);

/// An actor's side of its host, during one turn. What it asks for happens when the handler returns without an error,
/// and not at all otherwise; only the log is written at once.
#[derive(Debug)]
pub struct Context {
    pub(crate) init: Init,
    pub(crate) sender: Address,
    pub(crate) attempt: u32,
    /// What the sender calls what is being handled, if it is a question.
    pub(crate) request: Option<Box<str>>,
    /// Whether the worker of a troupe goes on with its job after this turn.
    pub(crate) is_working: bool,
}

impl Context {
    pub(crate) fn new(init: Init) -> Self {
        Self { sender: init.me.clone(), init, attempt: 1, request: None, is_working: false }
    }

    /// This actor's own address.
    #[must_use]
    pub fn me(&self) -> &Address {
        &self.init.me
    }

    /// Who sent what is being handled. In `start` and for events of the host: the actor itself, or whom the event is
    /// about.
    #[must_use]
    pub fn sender(&self) -> &Address {
        &self.sender
    }

    /// 1, and 2 when the same message is delivered once more after a failure.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The creator, if that is an actor.
    #[must_use]
    pub fn parent(&self) -> Option<&Address> {
        self.init.parent.as_ref()
    }

    /// The class that this actor was created as.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.init.class
    }

    /// The hash of the source that it comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.init.source
    }

    /// 1 for the first instance at this address; more after a trap.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.init.incarnation
    }

    /// What the host has.
    #[must_use]
    pub const fn capabilities(&self) -> &Attributes {
        &self.init.capabilities
    }

    /// What the host has under this name.
    #[must_use]
    pub fn capability(&self, name: &str) -> Option<&Value> {
        self.init.capabilities.get(name)
    }

    /// What the creator required of the host.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.init.requirements
    }

    /// The message that the creator gave along, if it is of type `M`.
    ///
    /// # Errors
    /// It is, but can't be decoded.
    pub fn init<M: Message>(&self) -> Option<Result<M>> {
        self.init.message.as_ref().and_then(RawMessage::decoded)
    }

    /// Sends a message. In order for each receiver.
    ///
    /// # Errors
    /// `to` is no address, or a bound is reached.
    pub fn send<M: Message>(&mut self, to: &Address, message: &M) -> Result {
        host::send(to, M::TYPE_NAME, &M::ENCODING, &message.encode()?)
    }

    /// Sends a message that is already encoded.
    ///
    /// # Errors
    /// As [`Context::send`]; also where its type name belongs to the host.
    pub fn send_raw(&mut self, to: &Address, message: &RawMessage) -> Result {
        host::send_raw(to, message)
    }

    /// Sends a message to whoever sent what is being handled.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn reply<M: Message>(&mut self, message: &M) -> Result {
        reply::send(&self.sender, self.request.as_deref(), message)
    }

    /// Creates a child of a class of this source. Its address can be used at once. If the child never runs, a
    /// [`crate::ChildActorExited`] says why.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn create<A: Actor>(&mut self) -> Result<Address> {
        Create::of::<A>().spawn(self)
    }

    /// Wakes this actor once, not before `delay` has passed.
    ///
    /// # Errors
    /// Too many wakeups are pending.
    pub fn wakeup_after(&mut self, delay: Duration) -> Result<WakeupId> {
        host::wakeup(delay, None)
    }

    /// As [`Context::wakeup_after`]; `payload` comes back with the wakeup.
    ///
    /// # Errors
    /// Too many wakeups are pending.
    pub fn wakeup_after_with<M: Message>(&mut self, delay: Duration, payload: &M) -> Result<WakeupId> {
        host::wakeup(delay, Some(RawMessage::of(payload)?))
    }

    pub(crate) fn wakeup_after_raw(&mut self, delay: Duration, payload: RawMessage) -> Result<WakeupId> {
        host::wakeup(delay, Some(payload))
    }

    /// Takes a wakeup back that has not come yet.
    pub fn cancel_wakeup(&mut self, id: WakeupId) {
        host::cancel_wakeup(id);
    }

    /// Asks this actor itself to exit, after the messages that it already has, and its children before it.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn exit(&mut self) -> Result {
        host::request_exit(&self.init.me, true)
    }

    /// Asks an actor to exit, after the messages that it already has.
    ///
    /// # Errors
    /// `target` is no address, or a bound is reached.
    pub fn request_exit(&mut self, target: &Address, recursive: bool) -> Result {
        host::request_exit(target, recursive)
    }

    /// While handling an [`crate::ExitRequest`]: lets the children live on.
    ///
    /// # Errors
    /// In any other turn.
    pub fn keep_children(&mut self) -> Result {
        host::keep_children()
    }

    /// Writes to the host's log, at once. The macros [`crate::info!`] and its siblings make the text only where it
    /// would be kept.
    pub fn log(&self, level: Level, text: impl Display) {
        host::log(level, &self.init.class, &text.to_string());
    }

    /// Whether a record of this level would be kept.
    #[must_use]
    pub fn log_enabled(&self, level: Level) -> bool {
        host::log_enabled(level)
    }
}
