//! What an address that was asked for with a create comes to stand for, and how to run an actor.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Requirement;
use crate::fate::{ChildrenAtRestart, OnTrap};
use crate::limits::{ERROR_TEXT_LEN_MAX, cut};
use crate::log_level::LogLevel;
use crate::message::Message;
use crate::source::{LowerLimits, Rights, SourceHash, Transient};

/// The decision about an address that was asked for with a create.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// Run the actor here, in the place that was taken for it; answered by `ActorStarted` or `ActorEnded`.
    Here(Box<Plan>),
    /// No actor will ever run under it, for this reason. Its place goes back, and what waits for it to its senders. If the
    /// address was entered, answered by `ActorEnded`.
    Nowhere(String),
}

impl Settled {
    /// The decision that there will be no actor, cut to what an error's text may have.
    pub fn nowhere(why: &impl ToString) -> Self {
        Self::Nowhere(cut(why.to_string(), ERROR_TEXT_LEN_MAX))
    }
}

/// How to run an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The address of the actor.
    pub address: ActorAddress,
    /// Its creator, if that is an actor.
    pub parent: Option<ActorAddress>,
    /// Where its code is.
    pub source: SourceHash,
    /// The name of its class.
    pub class: String,
    /// Fate of the actor after a trap.
    pub on_trap: OnTrap,
    /// Fate of its children when a fresh instance takes the place of a trapped one.
    pub children_at_restart: ChildrenAtRestart,
    /// Whether its parent hears of restarts.
    pub watch_restarts: bool,
    /// Requirements of its creator.
    pub requirements: Vec<Requirement>,
    /// Its global name.
    pub name: Option<Box<str>>,
    /// Whether and when it ends of itself.
    pub transient: Option<Transient>,
    /// Rights that it has besides what all may ask of the host.
    pub rights: Rights,
    /// The limits of the actor, below the node's.
    pub limits: LowerLimits,
    /// The message for its start.
    pub init: Option<Message>,
    /// How much of what it writes to the log is kept.
    pub log_level: LogLevel,
}
