//! What an actor is told when it starts, and the message that its start takes of that.

use crate::address::Address;
use crate::bindings::thespian::actor::types as wit;
use crate::capability::{Attributes, Requirement};
use crate::class::InitMessage;
use crate::failure::{Error, Result};
use crate::message::{Message, RawMessage};

/// All that an actor is told when it starts.
#[derive(Clone, Debug)]
pub(crate) struct Init {
    pub(crate) class: String,
    pub(crate) me: Address,
    pub(crate) parent: Option<Address>,
    pub(crate) global_name: Option<String>,
    pub(crate) source: String,
    pub(crate) incarnation: u32,
    pub(crate) capabilities: Attributes,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) message: Option<RawMessage>,
    /// The bytes that the host takes as one message, if it says so.
    pub(crate) message_bytes_max: usize,
}

impl From<wit::ActorInit> for Init {
    fn from(init: wit::ActorInit) -> Self {
        Self {
            class: init.class,
            me: init.me.into(),
            parent: init.parent.map(Address::from),
            global_name: init.global_name,
            source: init.source,
            incarnation: init.incarnation,
            capabilities: Attributes::from_wit(init.capabilities),
            requirements: Requirement::all_from_wit(init.requirements),
            message: init.init.map(RawMessage::from_wit),
            message_bytes_max: message_bytes_max(&init.extra),
        }
    }
}

fn message_bytes_max(extra: &[(String, wit::ValueResult)]) -> usize {
    let said = extra.iter().find_map(|(name, value)| match value {
        wit::ValueResult::Integer(bytes) if name == "message-bytes-max" => usize::try_from(*bytes).ok(),
        _ => None,
    });
    said.unwrap_or(usize::MAX)
}

/// A type that the first parameter of a `#[start]` can have: a message, or an `Option` of one that may be absent.
#[diagnostic::on_unimplemented(
    message = "a start can't take a `{Self}`",
    label = "neither a message nor an `Option` of one",
    note = "a start is `fn name(init: Type, ctx: &mut Context) -> Self`; either parameter may be left out",
    note = "put `#[message]` on a type of your own"
)]
pub trait StartsWith: Sized {
    /// The message that it takes.
    const INIT: InitMessage;

    /// Takes the message that an actor of this class was created with.
    ///
    /// # Errors
    /// There is none, it is of another type, or it can't be decoded.
    fn taken(given: Option<&RawMessage>, class: &str) -> Result<Self>;
}

impl<M: Message> StartsWith for M {
    const INIT: InitMessage = InitMessage { type_name: M::TYPE_NAME, is_optional: false };

    fn taken(given: Option<&RawMessage>, class: &str) -> Result<Self> {
        match decoded(Self::INIT, given, class)? {
            Some(message) => Ok(message),
            None => Err(not_given(Self::INIT, given, class)),
        }
    }
}

impl<M: Message> StartsWith for Option<M> {
    const INIT: InitMessage = InitMessage { type_name: M::TYPE_NAME, is_optional: true };

    fn taken(given: Option<&RawMessage>, class: &str) -> Result<Self> {
        decoded(Self::INIT, given, class)
    }
}

fn decoded<M: Message>(init: InitMessage, given: Option<&RawMessage>, class: &str) -> Result<Option<M>> {
    check_init(init, given, class)?;
    let message = given.and_then(RawMessage::decoded::<M>).transpose();
    message.map_err(|error| {
        Error::poison([error.reason(), "; `", class, "` starts with `", init.type_name, "`"].concat())
    })
}

/// Whether the class can start with what it was given.
///
/// # Errors
/// It can't.
pub(crate) fn check_init(init: InitMessage, given: Option<&RawMessage>, class: &str) -> Result {
    let can_start = given.map_or(init.is_optional, |given| given.type_name == init.type_name);
    if can_start { Ok(()) } else { Err(not_given(init, given, class)) }
}

#[cold]
fn not_given(init: InitMessage, given: Option<&RawMessage>, class: &str) -> Error {
    let or_without = if init.is_optional { " or without a message" } else { "" };
    let came = match given {
        Some(other) => ["`", &other.type_name, "`"].concat(),
        None => "no message: `Create::init` gives it along, or `create --init` at a shell".to_string(),
    };
    let takes = ["`", class, "` starts with `", init.type_name, "`", or_without];
    Error::poison([&takes.concat(), ", and was given ", &came].concat())
}
