//! What the attribute `actor` makes of an `impl` block.

use crate::bindings::thespian::actor::types::Event;
use crate::context::Context;
use crate::create::OnTrap;
use crate::event::{ChildActorExited, ChildActorRestarted, ExitRequest, PoisonMessage, Wakeup};
use crate::failure::{Error, Result};
use crate::message::{Encoding, Message, RawMessage};
use crate::source::Requirement;

/// A class of actors. Implemented by [`actor`](macro@crate::actor).
pub trait Actor: Sized + 'static {
    /// The name by which it is created.
    const CLASS: &'static str;
    /// The type names of the messages that it takes.
    const RECEIVES: &'static [&'static str];
    /// What becomes of an actor whose instance trapped.
    const ON_TRAP: OnTrap;

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
}

/// What came for an actor, until a handler takes it.
#[derive(Debug)]
pub struct Incoming(pub(crate) Event);

impl Incoming {
    /// There is no handler: an event can be ignored, a message can't.
    ///
    /// # Errors
    /// It is a message.
    pub fn unhandled<A: Actor>(self) -> Result {
        let Event::Message(message) = self.0 else { return Ok(()) };
        let takes = if A::RECEIVES.is_empty() { "nothing".to_string() } else { A::RECEIVES.join(", ") };
        Err(Error::poison(format!("`{}` takes no `{}`; it takes {takes}", A::CLASS, message.type_name)))
    }
}

/// What a handler's first parameter can be: a message, or an event of the host.
pub trait Receive: Sized {
    /// The message's type name; events have none.
    const TYPE_NAME: Option<&'static str>;

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
        matches!(&incoming.0, Event::Message(message) if message.type_name == M::TYPE_NAME)
    }

    fn take(incoming: Incoming) -> Result<Self> {
        match incoming.0 {
            Event::Message(message) => M::decode(&Encoding::from_wit(message.encoding), message.payload),
            _ => Err(not_accepted()),
        }
    }
}

impl Receive for RawMessage {
    const TYPE_NAME: Option<&'static str> = None;

    fn accepts(incoming: &Incoming) -> bool {
        matches!(incoming.0, Event::Message(_))
    }

    fn take(incoming: Incoming) -> Result<Self> {
        match incoming.0 {
            Event::Message(message) => Ok(Self::from_wit(message)),
            _ => Err(not_accepted()),
        }
    }
}

macro_rules! receive_event {
    ($type:ty, $case:ident) => {
        impl Receive for $type {
            const TYPE_NAME: Option<&'static str> = None;

            fn accepts(incoming: &Incoming) -> bool {
                matches!(incoming.0, Event::$case(_))
            }

            fn take(incoming: Incoming) -> Result<Self> {
                match incoming.0 {
                    Event::$case(event) => Ok(event.into()),
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
receive_event!(PoisonMessage, Poisoned);

fn not_accepted() -> Error {
    Error::poison("a handler was called for what it does not take")
}

/// What a handler can give back: nothing, a message for the sender, or a failure.
pub trait IntoReply {
    /// Sends what there is to send.
    ///
    /// # Errors
    /// The handler failed, or its message can't be sent.
    fn reply(self, ctx: &mut Context) -> Result;
}

impl IntoReply for () {
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
    fn reply(self, ctx: &mut Context) -> Result {
        self.map_err(Into::into)?.reply(ctx)
    }
}
