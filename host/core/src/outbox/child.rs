//! What a creator says of a new actor.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Requirement;
use crate::fate::OnTrap;
use crate::message::Message;
use crate::source::SourceHash;

/// A child to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateChild {
    /// Its address, already given to the creator.
    pub address: ActorAddress,
    /// Where its class is; `None` is the creator's own source.
    pub source: Option<SourceHash>,
    /// The name of its class.
    pub class: String,
    /// Options that its creator gave.
    pub options: CreateOptions,
}

/// Options that a creator may give for a new actor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateOptions {
    /// Requirements of its host, besides those of its class.
    pub requirements: Vec<Requirement>,
    /// A message for its start.
    pub init: Option<Message>,
    /// Fate of the actor after a trap; `None` is what its class says.
    pub on_trap: Option<OnTrap>,
    /// Whether the creator hears of restarts.
    pub watch_restarts: bool,
    /// The creator's own word for it, by which it knows it again; empty where it gave none.
    pub label: Box<str>,
}
