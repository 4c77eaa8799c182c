//! What an actor is told when it starts.

use crate::address::Address;
use crate::bindings::thespian::actor::types as wit;
use crate::capability::{Attributes, Requirement};
use crate::message::RawMessage;

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
