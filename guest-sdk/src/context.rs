//! What an actor can do besides changing its state.

mod sending;

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use crate::address::Address;
use crate::capability::{Attributes, Requirement, Value};
use crate::event::WakeupId;
use crate::failure::{Error, Result};
use crate::host::{self, Answer, Ask};
use crate::init::Init;
use crate::log::Level;
use crate::message::{self, Message, RawMessage};
use crate::reply::ReplyTo;
use crate::timers::Account;

/// An actor's side of its host, during one turn. What it asks for happens when the handler returns without an error,
/// and not at all otherwise; only the log is written at once.
#[derive(Debug)]
pub struct Context {
    pub(crate) init: Init,
    pub(crate) sender: Address,
    pub(crate) attempt: u32,
    /// The sender's name for what is being handled, if that is a question.
    pub(crate) request: Option<Box<str>>,
    /// The type name of the message that a handler has taken.
    pub(crate) handled: Cow<'static, str>,
    /// Whoever a continuation of [`crate::Requests`] runs for, where that is not the sender.
    pub(crate) concerned: Option<ReplyTo>,
    /// Whether the worker of a troupe goes on with its job after this turn.
    pub(crate) is_working: bool,
    /// Whose job that is.
    pub(crate) work: Option<Work>,
    pub(crate) life: Life,
    /// Whether this actor's class can have parts.
    pub(crate) has_parts: bool,
    /// Whether the children of an instance that is lost are those of the next.
    pub(crate) inherits_children: bool,
    /// Whether the children live on: said in an exit turn.
    keeps_children: bool,
    /// Whether somebody is told in this exit turn that the actor exits: then it must not fail.
    pub(crate) tells_of_exit: bool,
    /// Messages that come again and again; absent in most actors.
    pub(crate) timers: Option<Box<dyn Account<Self>>>,
}

/// For whom a worker of a troupe works.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) from: ReplyTo,
    pub(crate) is_answered: bool,
    /// The leader, while it hears, and the header by which it knows the job.
    pub(crate) leader: Option<(Address, (String, String))>,
    /// Whether the job fails if this turn does.
    pub(crate) is_at_stake: bool,
}

impl Work {
    #[cold]
    fn note_answer(&mut self, to: &Address, request: Option<&str>) {
        self.is_answered |= self.is_for(to, request);
    }

    fn is_for(&self, to: &Address, request: Option<&str>) -> bool {
        self.from.address == *to && self.from.request.as_deref() == request
    }

    /// The job is at stake, if it is that of `to`. Its leader, and what that is to hear in place of `to`.
    fn stake(&mut self, to: &ReplyTo) -> Option<(Address, RawMessage)> {
        if !self.is_for(&to.address, to.request.as_deref()) {
            return None;
        }
        self.is_at_stake = true;
        let (leader, header) = self.leader.clone()?;
        let mut original = to.original();
        original.headers.push(header);
        Some((leader, original))
    }
}

/// How far an actor is with its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The actor is made, by its start.
    Starts,
    Runs,
    /// The actor handles an exit request.
    ExitTurn,
    /// The exit request is handled, and the ends of children are heard of.
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
            handled: Cow::Borrowed(""),
            concerned: None,
            is_working: false,
            work: None,
            life: Life::Starts,
            has_parts: false,
            inherits_children: true,
            keeps_children: false,
            tells_of_exit: false,
            timers: None,
        }
    }

    /// This actor's own address.
    #[must_use]
    pub fn me(&self) -> &Address {
        &self.init.me
    }

    /// The sender of what is being handled. In `start` and for events of the host: the actor itself, or whom the event is
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

    /// A worker's job is over, if it is that of `to`, who has been refused.
    pub(crate) fn end_work_for(&mut self, to: &ReplyTo) {
        if self.work.as_ref().is_some_and(|work| work.is_for(&to.address, to.request.as_deref())) {
            self.is_working = false;
        }
    }

    /// Whether this is the start of an instance that has the children of the one before.
    pub(crate) fn is_successor(&self) -> bool {
        self.incarnation() > 1 && self.life == Life::Starts && self.inherits_children
    }

    /// Whether it may create an actor: nobody would end what one creates that exits.
    pub(crate) fn check_may_create(&self) -> Result {
        if self.life == Life::Exits || self.life == Life::ExitTurn && !self.keeps_children {
            return Err(Error::poison("denied: the actor is exiting"));
        }
        Ok(())
    }

    pub(crate) fn check_message(&self, message: &RawMessage) -> Result {
        let RawMessage { type_name, encoding, payload, headers } = message;
        message::check_size(type_name, encoding, payload.len(), headers, self.init.message_bytes_max)
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

    /// Everything that the host has.
    #[must_use]
    pub const fn capabilities(&self) -> &Attributes {
        &self.init.capabilities
    }

    /// The host's value under this name.
    #[must_use]
    pub fn capability(&self, name: &str) -> Option<&Value> {
        self.init.capabilities.get(name)
    }

    /// The creator's requirements of the host.
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

    /// Wakes this actor once, not before `delay` has passed.
    ///
    /// # Errors
    /// Too many wakeups are pending.
    pub fn wakeup_after(&mut self, delay: Duration) -> Result<WakeupId> {
        wakeup(delay, None)
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
        wakeup(delay, Some(&payload))
    }

    /// Takes a wakeup back that has not come yet.
    pub fn cancel_wakeup(&mut self, id: WakeupId) {
        // Nothing refuses it.
        let _ = host::ask(Ask::CancelWakeup { id: id.0 });
    }

    /// Asks this actor itself to exit, after the messages that it already has, and its children before it.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn exit(&mut self) -> Result {
        host::ask(Ask::RequestExit { target: self.init.me.as_str(), recursive: true }).map(drop)
    }

    /// Asks an actor to exit, after the messages that it already has.
    ///
    /// # Errors
    /// `target` is no address, or a bound is reached.
    pub fn request_exit(&mut self, target: &Address, recursive: bool) -> Result {
        host::ask(Ask::RequestExit { target: target.as_str(), recursive }).map(drop)
    }

    /// While handling an [`crate::ExitRequest`]: lets the children live on.
    ///
    /// # Errors
    /// In any other turn.
    pub fn keep_children(&mut self) -> Result {
        host::ask(Ask::KeepChildren)?;
        self.keeps_children = true;
        Ok(())
    }

    /// Has this actor exit as [`crate::ExitReason::Failed`], for a reason that its parent hears, and whoever monitors it.
    /// Its [`crate::ExitRequest`] comes next, before all messages that wait, and its children exit before it. What else
    /// this turn asks for is done. Where the actor exits already, it is the reason that this changes.
    ///
    /// ```
    /// # use thespian::prelude::*;
    /// # #[message] struct Refused { why: String }
    /// # #[derive(Default)] struct Agent;
    /// #[actor]
    /// impl Agent {
    ///     #[receive]
    ///     fn refused(&mut self, refused: Refused, ctx: &mut Context) -> Result {
    ///         ctx.fail(format!("the licence is not accepted: {}", refused.why))
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// No host is around.
    pub fn fail(&mut self, reason: impl Display) -> Result {
        host::ask(Ask::Fail { reason: &reason.to_string() }).map(drop)
    }

    /// Writes to the host's log, at once. The macros [`crate::info!`] and its siblings make the text only where it
    /// would be kept.
    pub fn log(&self, level: Level, text: impl Display) {
        let text = text.to_string();
        // A log never refuses.
        let _ = host::ask(Ask::Log { level, target: &self.init.class, text: &text });
    }

    /// Whether a record of this level would be kept.
    #[must_use]
    pub fn log_enabled(&self, level: Level) -> bool {
        matches!(host::ask(Ask::LogEnabled { level }), Ok(Answer::Kept(true)))
    }
}

fn wakeup(delay: Duration, payload: Option<&RawMessage>) -> Result<WakeupId> {
    let headers = payload.map(RawMessage::headers_to_wit).unwrap_or_default();
    let payload = payload.map(|message| message.to_wit(&headers));
    let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
    host::ask(Ask::WakeupAfter { delay_ns, payload }).map(|answer| WakeupId(answer.number()))
}
