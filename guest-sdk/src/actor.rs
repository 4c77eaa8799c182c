//! What the attribute `actor` makes of an `impl` block.

use crate::bindings::thespian::actor::types::{Event, MessageResult, Poisoned};
use crate::context::Context;
use crate::create::OnTrap;
use crate::event::{
    ActorDown, ChildActorExited, ChildActorRestarted, DeadEnvelope, ExitRequest, NamedActor, PoisonMessage,
    StatusAnswer, Wakeup,
};
use crate::failure::{Error, Result};
use crate::host::Level;
use crate::hosting::Transient;
use crate::message::{Encoding, Message, RawMessage};
use crate::parts::Ledger;
use crate::source::{Accepts, Guest, Requirement};

/// A class of actors. Implemented by [`actor`](macro@crate::actor).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no class of actors",
    note = "put `#[actor]` on an `impl {Self}` block with its handlers"
)]
pub trait Actor: Sized + 'static {
    /// The name by which it is created.
    const CLASS: &'static str;
    /// The type names of the messages that it takes.
    const RECEIVES: &'static [&'static str];
    /// As which it is listed in its source: as a troupe, where its attribute says so.
    #[doc(hidden)]
    const GUEST: Guest = Guest::of::<Self>();
    /// What becomes of an actor whose instance trapped.
    const ON_TRAP: OnTrap;

    /// Whether and when its actors end of themselves.
    const TRANSIENT: Option<Transient>;

    /// Its own check whether a host suits it: the function with `#[accepts]`.
    const ACCEPTS: Option<Accepts> = None;

    /// What its host must have.
    #[must_use]
    fn requires() -> Vec<Requirement>;

    /// The new actor.
    ///
    /// # Errors
    /// It can't start.
    fn start(ctx: &mut Context) -> Result<Self>;

    /// Lets the right handler have what came.
    ///
    /// # Errors
    /// As the handler says, or there is none.
    fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result;

    /// Whether it can have parts, of its own or of its base. Without any, a turn does nothing for them.
    #[doc(hidden)]
    const HAS_PARTS: bool = false;

    /// Shows its parts, and those of its base.
    #[doc(hidden)]
    fn each_part(&mut self, each: &mut dyn FnMut(&mut dyn Ledger)) {
        let _ = each;
    }

    /// Its exit turn begins: its parts, and those of its base, tell whoever waits for it.
    #[doc(hidden)]
    fn leave(&mut self, ctx: &mut Context) {
        let _ = ctx;
    }
}

/// What came for an actor, until a handler takes it.
#[derive(Debug)]
pub struct Incoming(pub(crate) Came);

/// A message, or what the host tells.
#[derive(Debug)]
pub(crate) enum Came {
    Message(MessageResult),
    Event(Event),
    /// To a question of this actor: for its [`crate::Requests`], and never for a handler.
    Answer(MessageResult),
    /// What a part told its own actor.
    Signal(MessageResult),
    /// The turn of such a one failed for good: which, and why.
    SignalFailed(Poisoned),
}

impl Incoming {
    /// What came, for the handler of class `A` that accepts it.
    ///
    /// # Errors
    /// Its payload can't be decoded.
    pub fn take<R: Receive, A: Actor>(self) -> Result<R> {
        R::take(self).map_err(|error| undecodable::<A>(&error))
    }

    /// There is no handler: an event can be ignored, a message can't. What is for parts alone and none took, the log tells.
    ///
    /// # Errors
    /// It is a message.
    pub fn unhandled<A: Actor>(self, ctx: &Context) -> Result {
        match self.0 {
            Came::Message(message) => return Err(unhandled(&message.type_name, A::CLASS, A::RECEIVES)),
            Came::Event(_) => {}
            Came::Answer(answer) => untaken("the answer", &answer.type_name, ctx),
            Came::Signal(signal) => untaken("the signal", &signal.type_name, ctx),
            Came::SignalFailed(poisoned) => untaken("the signal", &poisoned.original.type_name, ctx),
        }
        Ok(())
    }
}

/// Something for a part that is not there. After a trap that is as it should be: it was for one that is lost.
#[cold]
fn untaken(what: &str, type_name: &str, ctx: &Context) {
    let level = if ctx.incarnation() > 1 { Level::Debug } else { Level::Warn };
    if ctx.log_enabled(level) {
        let class = ctx.class();
        ctx.log(
            level,
            format_args!("{what} `{type_name}` from {} is for no part of `{class}`", ctx.sender()),
        );
    }
}

#[cold]
fn unhandled(type_name: &str, class: &str, receives: &[&str]) -> Error {
    let takes = if receives.is_empty() { "no messages".to_string() } else { listed(receives) };
    Error::unhandled(["`", class, "` takes no `", type_name, "`; it takes ", &takes].concat())
}

/// Takes the way of what has no handler, where a handler of class `A` may take it in another state: whoever sent a message
/// that also the base does not take hears that this is a matter of the state.
///
/// # Errors
/// It ends unhandled, or the base fails.
#[doc(hidden)]
pub fn not_now<A: Actor>(
    is_for_another_state: bool,
    incoming: Incoming,
    unhandled: impl FnOnce(Incoming) -> Result,
) -> Result {
    let type_name = match &incoming.0 {
        Came::Message(message) if is_for_another_state => message.type_name.clone(),
        _ => return unhandled(incoming),
    };
    unhandled(incoming).map_err(|error| {
        if !error.is_unhandled() {
            return error;
        }
        Error::unhandled(
            ["`", A::CLASS, "` takes no `", &type_name, "` now; it may in another state"].concat(),
        )
    })
}

#[cold]
fn undecodable<A: Actor>(error: &Error) -> Error {
    told_what_it_takes(error.reason(), A::CLASS, A::RECEIVES)
}

fn told_what_it_takes(reason: &str, class: &str, receives: &[&str]) -> Error {
    Error::poison([reason, "; `", class, "` takes ", &listed(receives)].concat())
}

/// `` `Greet`, `Farewell` ``
fn listed(names: &[&str]) -> String {
    ["`", &names.join("`, `"), "`"].concat()
}

/// What a handler's first parameter can be: a message, or an event of the host.
#[diagnostic::on_unimplemented(
    message = "a handler can't take a `{Self}`",
    label = "neither a message nor an event",
    note = "put `#[message]` on a type of your own; `RawMessage` takes any message; \
            events are `Wakeup`, `ExitRequest`, `ChildActorExited`, `ChildActorRestarted`, `ActorDown`, \
            `PoisonMessage`, `DeadEnvelope`, `NamedActor` and `StatusAnswer`"
)]
pub trait Receive: Sized {
    /// The message's type name; events have none.
    const TYPE_NAME: Option<&'static str>;

    /// Whether it is an event, to which nobody waits for an answer.
    #[doc(hidden)]
    const IS_EVENT: bool = false;

    /// Whether this is what came.
    fn accepts(incoming: &Incoming) -> bool;

    /// What came, as this.
    ///
    /// # Errors
    /// Its payload can't be decoded.
    fn take(incoming: Incoming) -> Result<Self>;
}

impl<M: Message> Receive for M {
    const TYPE_NAME: Option<&'static str> = Some(M::TYPE_NAME);

    fn accepts(incoming: &Incoming) -> bool {
        matches!(&incoming.0, Came::Message(message) if message.type_name == M::TYPE_NAME)
    }

    fn take(incoming: Incoming) -> Result<Self> {
        match incoming.0 {
            Came::Message(message) => M::decode(&Encoding::from_wit(message.encoding), message.payload),
            _ => Err(not_accepted()),
        }
    }
}

impl Receive for RawMessage {
    const TYPE_NAME: Option<&'static str> = None;

    fn accepts(incoming: &Incoming) -> bool {
        matches!(incoming.0, Came::Message(_))
    }

    fn take(incoming: Incoming) -> Result<Self> {
        match incoming.0 {
            Came::Message(message) => Ok(Self::from_wit(message)),
            _ => Err(not_accepted()),
        }
    }
}

macro_rules! receive_event {
    ($type:ty, $case:ident) => {
        impl Receive for $type {
            const TYPE_NAME: Option<&'static str> = None;
            const IS_EVENT: bool = true;

            fn accepts(incoming: &Incoming) -> bool {
                matches!(incoming.0, Came::Event(Event::$case(_)))
            }

            fn take(incoming: Incoming) -> Result<Self> {
                match incoming.0 {
                    Came::Event(Event::$case(event)) => Ok(event.into()),
                    _ => Err(not_accepted()),
                }
            }
        }
    };
}

receive_event!(Wakeup, Wakeup);
receive_event!(ExitRequest, ExitRequested);
receive_event!(ChildActorExited, ChildExited);
receive_event!(ChildActorRestarted, ChildRestarted);
receive_event!(ActorDown, ActorDown);
receive_event!(PoisonMessage, Poisoned);
receive_event!(DeadEnvelope, DeadLetter);
receive_event!(NamedActor, Named);
receive_event!(StatusAnswer, Status);

fn not_accepted() -> Error {
    Error::poison("a handler was called for what it does not take")
}

/// What a `#[start]` can give back: the actor, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "a start can't return `{Self}`",
    label = "neither the actor nor a `Result` of it",
    note = "a start is `fn name(ctx: &mut Context) -> Self`, or `-> Result<Self>`",
    note = "`Error::poison(text)` makes an error of a text"
)]
pub trait IntoStart<A> {
    /// The actor.
    ///
    /// # Errors
    /// It can't start.
    fn start(self) -> Result<A>;
}

impl<A: Actor> IntoStart<A> for A {
    fn start(self) -> Result<A> {
        Ok(self)
    }
}

impl<A: Actor, E: Into<Error>> IntoStart<A> for Result<A, E> {
    fn start(self) -> Result<A> {
        self.map_err(Into::into)
    }
}

/// What a handler for an `R` gave back. That nobody waits for an answer to an event, the attribute says where it can see
/// it; this is for types by other names.
///
/// # Errors
/// The handler failed, or its message can't be sent.
#[doc(hidden)]
#[inline]
pub fn replied<R: Receive, T: IntoReply>(returned: T, ctx: &mut Context) -> Result {
    const {
        assert!(
            !(R::IS_EVENT && T::IS_ANSWER),
            "the handler of an event returns nothing or `Result`: nobody waits for an answer to it"
        );
    }
    returned.reply(ctx)
}

/// What a handler can give back: nothing, a message for the sender, or a failure.
#[diagnostic::on_unimplemented(
    message = "a handler can't return `{Self}`",
    label = "no answer to a message",
    note = "a handler returns nothing, a type with `#[message]`, an `Option` of one, or a `Result` of these",
    note = "the error of a `Result` is `thespian::Error`, or any type that implements `std::error::Error`; \
            `Error::poison(text)` makes one of a text"
)]
pub trait IntoReply {
    /// Whether it can be a message.
    #[doc(hidden)]
    const IS_ANSWER: bool = true;

    /// Sends what there is to send.
    ///
    /// # Errors
    /// The handler failed, or its message can't be sent.
    fn reply(self, ctx: &mut Context) -> Result;
}

impl IntoReply for () {
    const IS_ANSWER: bool = false;

    fn reply(self, _: &mut Context) -> Result {
        Ok(())
    }
}

impl<M: Message> IntoReply for M {
    fn reply(self, ctx: &mut Context) -> Result {
        ctx.reply(&self)
    }
}

impl<M: Message> IntoReply for Option<M> {
    fn reply(self, ctx: &mut Context) -> Result {
        self.map_or(Ok(()), |message| ctx.reply(&message))
    }
}

impl<T: IntoReply, E: Into<Error>> IntoReply for Result<T, E> {
    const IS_ANSWER: bool = T::IS_ANSWER;

    fn reply(self, ctx: &mut Context) -> Result {
        self.map_err(Into::into)?.reply(ctx)
    }
}
