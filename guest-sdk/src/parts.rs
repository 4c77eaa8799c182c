//! Parts of an actor that see what came before its handlers do: open requests, a stash, a supervisor.
//!
//! A part is a field of the actor's state, named by `#[actor(parts(...))]`. A turn of an actor with parts:
//!
//! ```text
//! begin (all parts) -> offer (one after the other, until one takes it) -> the handler -> finish (all) -> close (all)
//! ```
//!
//! What a failed turn asked for does not happen, but what it did to the actor's state stays. So a part that keeps account
//! of what it asked for takes it back in `close`.

use crate::actor::{Came, Incoming};
use crate::address::Address;
use crate::bindings::thespian::actor::types::{Event, MessageResult, Wakeup};
use crate::context::Context;
use crate::failure::Result;
use crate::reply::{self, REQUEST_HEADER};

/// Begins the type names of what a part sends its own actor.
pub(crate) const SIGNAL: &str = "thespian/";

/// Where an actor has a part.
pub type Field<A, P> = fn(&mut A) -> &mut P;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// What it asked for happens.
    Done,
    /// It failed, and what came will come once more.
    Retried,
    /// It failed for good.
    Failed,
}

impl TurnEnd {
    #[doc(hidden)]
    #[must_use]
    pub const fn of(outcome: &Result, ctx: &Context) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            // The host does not retry what met a bound: it would meet it again.
            Err(error) if ctx.attempt == 1 && error.may_retry() && !error.is_exhausted() => Self::Retried,
            Err(_) => Self::Failed,
        }
    }
}

/// A field of an actor that sees what came before the handlers do. Those that there are: [`crate::Requests`],
/// [`crate::Stash`], [`crate::Initializing`] and [`crate::Supervisor`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part of the actor `{A}`",
    note = "parts are fields of type `Requests<Self>`, `Stash`, `Initializing<Self>` or `Supervisor`"
)]
pub trait Part<A>: Sized {
    /// The type names of the messages that it takes.
    const RECEIVES: &'static [&'static str] = &[];

    /// A turn begins.
    fn begin(&mut self) {}

    /// What came, to be taken, passed on, or replaced.
    ///
    /// # Errors
    /// It is taken, and that fails.
    fn offer(
        actor: &mut A,
        part: Field<A, Self>,
        incoming: Incoming,
        ctx: &mut Context,
    ) -> Result<Option<Incoming>>;

    /// What came is handled; the last chance to ask for something, or to fail.
    ///
    /// # Errors
    /// The turn fails after all.
    fn finish(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) -> Result {
        let _ = (actor, part, ctx);
        Ok(())
    }

    /// The turn is over.
    fn close(&mut self, end: TurnEnd) {
        let _ = end;
    }
}

/// A stretch of a turn that `return` and `?` leave.
#[doc(hidden)]
pub fn attempt(stretch: impl FnOnce() -> Result) -> Result {
    stretch()
}

/// The type names that a part takes; the field says which type it is.
#[doc(hidden)]
#[must_use]
pub const fn part_receives<A, P: Part<A>>(_: Field<A, P>) -> &'static [&'static str] {
    P::RECEIVES
}

/// The type names that an actor's base takes.
#[doc(hidden)]
#[must_use]
pub const fn base_receives<A, B: crate::Actor>(_: Field<A, B>) -> &'static [&'static str] {
    B::RECEIVES
}

impl Context {
    /// Notes whose turn it is, and tells what is for handlers from what is for parts alone.
    pub(crate) fn begin(&mut self, sender: Address, attempt: u32, came: Came) -> Incoming {
        self.sender = sender;
        self.attempt = attempt;
        self.request = None;
        Incoming(match came {
            Came::Message(message) => self.classified(message),
            Came::Event(Event::Wakeup(Wakeup { payload: Some(payload), .. })) if is_signal(&payload) => {
                Came::Signal(payload)
            }
            Came::Event(Event::Poisoned(poisoned))
                if self.sender == self.init.me && is_signal(&poisoned.original) =>
            {
                Came::SignalFailed(poisoned)
            }
            other => other,
        })
    }

    fn classified(&mut self, message: MessageResult) -> Came {
        if self.sender == self.init.me && is_signal(&message) {
            return Came::Signal(message);
        }
        let headers = message.headers.as_deref().unwrap_or_default();
        match reply::header(headers, REQUEST_HEADER) {
            Some(request) if reply::is_mine(request, &self.init.me) => Came::Answer(message),
            Some(request) => {
                self.request = Some(request.into());
                Came::Message(message)
            }
            None => Came::Message(message),
        }
    }
}

fn is_signal(message: &MessageResult) -> bool {
    message.type_name.starts_with(SIGNAL)
}
