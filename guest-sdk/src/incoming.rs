//! What comes for an actor, and the types by which its handlers take it.

use crate::bindings::thespian::actor::types::{Event, MessageResult, Poisoned};
use crate::event::{
    ActorDown, ChildActorExited, ChildActorRestarted, DeadEnvelope, ExitRequest, NamedActor, PoisonMessage,
    StatusAnswer, Wakeup,
};
use crate::failure::{Error, Result};
use crate::message::{Encoding, Message, RawMessage};
use crate::sources::{LoadedSource, SourceUpdate, ValidateSource};

/// Something that came for an actor, until a handler takes it.
#[derive(Debug)]
pub struct Incoming(pub(crate) Came);

/// A message, or what the host tells.
#[derive(Debug)]
pub(crate) enum Came {
    Message(MessageResult),
    Event(Event),
    /// To a question of this actor: for its [`crate::Requests`], and never for a handler.
    Answer(MessageResult),
    /// A word of a part to its own actor.
    Signal(MessageResult),
    /// The turn of such a one failed for good: which, and why.
    SignalFailed(Poisoned),
}

/// A type of a handler's first parameter: a message, or an event of the host.
#[diagnostic::on_unimplemented(
    message = "a handler can't take a `{Self}`",
    label = "neither a message nor an event",
    note = "put `#[message]` on a type of your own; `RawMessage` takes any message; \
            events are `Wakeup`, `ExitRequest`, `ChildActorExited`, `ChildActorRestarted`, `ActorDown`, \
            `PoisonMessage`, `DeadEnvelope`, `NamedActor`, `StatusAnswer`, `ValidateSource`, `SourceUpdate` and \
            `LoadedSource`"
)]
pub trait Receive: Sized {
    /// The message's type name; events have none.
    const TYPE_NAME: Option<&'static str>;

    /// Whether it is an event, to which nobody waits for an answer.
    #[doc(hidden)]
    const IS_EVENT: bool = false;

    /// Whether this is what came.
    fn accepts(incoming: &Incoming) -> bool;

    /// Takes what came, as this type.
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
receive_event!(ValidateSource, ValidateSource);
receive_event!(SourceUpdate, SourceUpdate);

impl Receive for LoadedSource {
    const TYPE_NAME: Option<&'static str> = None;
    const IS_EVENT: bool = true;

    fn accepts(incoming: &Incoming) -> bool {
        matches!(&incoming.0, Came::Event(Event::Other(message))
            if [Self::LOADED, Self::REFUSED].contains(&&*message.type_name))
    }

    fn take(incoming: Incoming) -> Result<Self> {
        match incoming.0 {
            Came::Event(Event::Other(message)) => message.try_into(),
            _ => Err(not_accepted()),
        }
    }
}

fn not_accepted() -> Error {
    Error::poison("a handler was called for what it does not take")
}
