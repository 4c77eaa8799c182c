//! What an actor can do besides changing its state.

use std::fmt::Display;
use std::time::Duration;

use crate::actor::Actor;
use crate::address::Address;
use crate::create::Create;
use crate::failure::{Error, Result};
use crate::host::{self, Level};
use crate::message::{Encoding, Message, RawMessage};
use crate::reply::{self, REQUEST_HEADER, ReplyTo};
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
    /// Whose job that is.
    pub(crate) work: Option<Work>,
    pub(crate) life: Life,
    /// Whether this actor's class can have parts.
    pub(crate) has_parts: bool,
    /// Whether the children live on: said in an exit turn.
    keeps_children: bool,
    /// Whether somebody is told in this exit turn that the actor exits: then it must not fail.
    pub(crate) tells_of_exit: bool,
}

/// For whom a worker of a troupe works.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) from: ReplyTo,
    pub(crate) is_answered: bool,
}

impl Work {
    #[cold]
    fn note_answer(&mut self, to: &Address, request: Option<&str>) {
        self.is_answered |= self.from.address == *to && self.from.request.as_deref() == request;
    }
}

#[cold]
fn nameless() -> Error {
    Error::poison("a message has a type name, and this one's is empty")
}

#[cold]
fn too_big(type_name: &str, size: usize, max: usize) -> Error {
    Error::poison(format!(
        "the message `{type_name}` takes {size} bytes; at most {max} are allowed (message-bytes-max)"
    ))
}

/// How far an actor is with its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It is made, by its start.
    Starts,
    Runs,
    /// It handles an exit request.
    ExitTurn,
    /// It has handled it, and hears of the ends of its children.
    Exits,
}

impl Life {
    pub(crate) const fn is_exiting(self) -> bool {
        matches!(self, Self::ExitTurn | Self::Exits)
    }
}

impl Context {
    pub(crate) fn new(init: Init) -> Self {
        Self {
            sender: init.me.clone(),
            init,
            attempt: 1,
            request: None,
            is_working: false,
            work: None,
            life: Life::Starts,
            has_parts: false,
            keeps_children: false,
            tells_of_exit: false,
        }
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

    /// Whether this actor exits: from the turn on that handles its [`crate::ExitRequest`]. It then hears of nothing but the
    /// ends of its children, asks nobody and creates nobody.
    #[must_use]
    pub const fn is_exiting(&self) -> bool {
        self.life.is_exiting()
    }

    /// Whether it may create an actor: nobody would end what one creates that exits.
    pub(crate) fn check_create(&self, create: &Create) -> Result {
        if self.life == Life::Exits || self.life == Life::ExitTurn && !self.keeps_children {
            return Err(Error::poison("denied: the actor is exiting"));
        }
        create.init.as_ref().map_or(Ok(()), |message| self.check_message(message))
    }

    pub(crate) fn check_message(&self, message: &RawMessage) -> Result {
        self.check_size(&message.type_name, &message.encoding, message.payload.len(), &message.headers)
    }

    /// Whether a message is one that the host takes. It counts as the host does, which would end the instance of a guest
    /// that hands over much more than a message may have.
    #[inline(always)]
    pub(crate) fn check_size(
        &self,
        type_name: &str,
        encoding: &Encoding,
        payload_len: usize,
        headers: &[(String, String)],
    ) -> Result {
        /// What the host counts for a message beside its texts and its payload.
        const MESSAGE_BYTES: usize = 192;
        /// What it counts for a header beside its texts.
        const HEADER_BYTES: usize = 32;

        if type_name.is_empty() {
            return Err(nameless());
        }
        let encoding = if let Encoding::Other(name) = encoding { name.len() } else { 0 };
        let headers: usize =
            headers.iter().map(|(name, value)| HEADER_BYTES + name.len() + value.len()).sum();
        let size = MESSAGE_BYTES + type_name.len() + encoding + payload_len + headers;
        let max = self.init.message_bytes_max;
        if size <= max { Ok(()) } else { Err(too_big(type_name, size, max)) }
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
    /// `to` is no address, or a bound is reached, such as that on the size of a message.
    pub fn send<M: Message>(&mut self, to: &Address, message: &M) -> Result {
        self.note_answer(to, None);
        reply::send(self, to, None, message)
    }

    /// Sends a message that is already encoded.
    ///
    /// # Errors
    /// As [`Context::send`]; also where its type name belongs to the host.
    pub fn send_raw(&mut self, to: &Address, message: &RawMessage) -> Result {
        self.note_answer(to, reply::header(&message.headers, REQUEST_HEADER));
        self.check_message(message)?;
        host::send_raw(to, message)
    }

    /// Whoever works for `to` has answered, if this is to the question.
    #[inline(always)]
    pub(crate) fn note_answer(&mut self, to: &Address, request: Option<&str>) {
        if let Some(work) = &mut self.work {
            work.note_answer(to, request);
        }
    }

    /// Sends a message to whoever sent what is being handled.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn reply<M: Message>(&mut self, message: &M) -> Result {
        if self.work.is_some() {
            let to = self.reply_to();
            self.note_answer(&to.address, to.request.as_deref());
        }
        reply::send(self, &self.sender, self.request.as_deref(), message)
    }

    /// Creates a child of a class of this source. Its address can be used at once. If the child never runs, a
    /// [`crate::ChildActorExited`] says why.
    ///
    /// # Errors
    /// A bound is reached, or the actor exits; in its exit turn it can create once it has said
    /// [`Context::keep_children`].
    pub fn create<A: Actor>(&mut self) -> Result<Address> {
        Create::of::<A>().create(self)
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
        self.wakeup_after_raw(delay, RawMessage::of(payload)?)
    }

    pub(crate) fn wakeup_after_raw(&mut self, delay: Duration, payload: RawMessage) -> Result<WakeupId> {
        self.check_message(&payload)?;
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
        host::keep_children()?;
        self.keeps_children = true;
        Ok(())
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
