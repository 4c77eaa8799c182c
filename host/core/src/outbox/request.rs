//! What a turn can ask for, and what anybody may ask for in an actor, a name and a capability.

use alloc::boxed::Box;
use core::time::Duration;

use super::child::{CreateChild, CreateOptions};
use super::error::OutboxError;
use crate::address::ActorAddress;
use crate::capability::{Requirement, Value};
use crate::envelope::Poisoned;
use crate::life::ActorEvent;
use crate::limits::{
    CAPABILITY_TEXT_LEN_MAX, CHILD_LABEL_LEN_MAX, CLASS_NAME_LEN_MAX, GLOBAL_NAME_LEN_MAX,
    REQUIREMENTS_BYTES_MAX,
};
use crate::message::Message;
use crate::question::Offer;

/// A thing that a turn asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnRequest {
    /// Send a message.
    Send {
        /// The receiver of the message.
        target: ActorAddress,
        /// The message to send.
        message: Message,
    },
    /// Give a message back as poison.
    Refuse {
        /// The actor or program that hears.
        target: ActorAddress,
        /// The poison, in the name of this actor.
        poisoned: Box<Poisoned>,
    },
    /// Create a child.
    Create(Box<CreateChild>),
    /// Ask an actor, or the sender itself, to exit.
    Exit {
        /// The actor that is meant.
        target: ActorAddress,
        /// Whether its children exit first.
        recursive: bool,
    },
    /// Wake this actor later.
    Wakeup {
        /// Unique among its wakeups.
        id: u64,
        /// From the commit on.
        delay: Duration,
        /// To be given back.
        payload: Option<Message>,
    },
    /// Take a wakeup back.
    CancelWakeup {
        /// The id of the wakeup.
        id: u64,
    },
    /// Tell this actor when another ends.
    Monitor(ActorAddress),
    /// Do so no longer.
    Demonitor(ActorAddress),
    /// Find the actor of a global name, or create it.
    CreateNamed {
        /// Names the question in its answer.
        request: u64,
        /// The global name.
        name: Box<str>,
        /// The actor that it is to be, if there is none.
        child: Box<CreateChild>,
    },
    /// Load a source, whose bytes the host has.
    Load {
        /// Names the question in its answer.
        request: u64,
        /// The source, as it is offered.
        offer: Box<Offer>,
    },
    /// Show the status of an actor, or of the host.
    RequestStatus {
        /// Names the question in its answer.
        request: u64,
        /// Of whom; `None` is the host.
        about: Option<ActorAddress>,
    },
    /// Tell `Admin` what the actor did: nothing else comes of it.
    Tell(ActorEvent),
}

/// Checks the name of a class, where it is declared and where it is asked for.
///
/// # Errors
/// It is empty or too long.
pub const fn check_class_name(name: &str) -> Result<(), OutboxError> {
    if name.is_empty() || name.len() > CLASS_NAME_LEN_MAX { Err(OutboxError::ClassName) } else { Ok(()) }
}

/// Checks what anybody may ask for in a new actor.
///
/// # Errors
/// The class has no name, or a text is longer than a host keeps for each of its actors.
pub fn check_create(class: &str, options: &CreateOptions) -> Result<(), OutboxError> {
    check_class_name(class)?;
    if options.requirements.iter().map(Requirement::cost).sum::<usize>() > REQUIREMENTS_BYTES_MAX {
        return Err(OutboxError::RequirementsTooBig);
    }
    if options.label.len() > CHILD_LABEL_LEN_MAX {
        return Err(OutboxError::Label);
    }
    Ok(())
}

/// Checks a global name.
///
/// # Errors
/// It is empty or too long.
pub const fn check_global_name(name: &str) -> Result<(), OutboxError> {
    if name.is_empty() || name.len() > GLOBAL_NAME_LEN_MAX { Err(OutboxError::GlobalName) } else { Ok(()) }
}

/// Checks a capability that somebody wants a host to have.
///
/// # Errors
/// Its name is empty, or it or its text is too long.
pub fn check_capability(name: &str, value: Option<&Value>) -> Result<(), OutboxError> {
    let is_long = |text: &str| text.len() > CAPABILITY_TEXT_LEN_MAX;
    if name.is_empty() || is_long(name) || matches!(value, Some(Value::Text(text)) if is_long(text)) {
        return Err(OutboxError::Capability);
    }
    Ok(())
}
