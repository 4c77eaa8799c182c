//! What the status of a node and of an actor is made of, besides the two themselves.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::control::ActorStatus;
use crate::address::ActorAddress;
use crate::log_level::LogLevel;
use crate::source::SourceHash;

/// Why an actor handles nothing now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorWait {
    /// Why.
    pub why: String,
    /// For how long at most, in ms.
    pub left_ms: u64,
    /// Receivers without room, the first of them.
    pub receivers: Vec<ActorAddress>,
}

/// An actor and its children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorReport {
    /// The actor.
    pub actor: ActorStatus,
    /// Its children; at most `STATUS_CHILDREN_MAX`.
    pub children: Vec<ActorStatus>,
}

/// How much actors write to the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevelsStatus {
    /// Those for which nothing else is set.
    pub node: LogLevel,
    /// What the configuration says for them.
    pub configured: LogLevel,
    /// Sources with a level of their own.
    pub sources: Vec<SourceLogLevel>,
    /// Actors with a level of their own.
    pub actors: Vec<ActorLogLevel>,
}

/// How much the actors of a source write to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLogLevel {
    /// Which source.
    pub source: SourceHash,
    /// How much.
    pub level: LogLevel,
}

/// How much an actor writes to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorLogLevel {
    /// Who.
    pub actor: ActorAddress,
    /// How much.
    pub level: LogLevel,
}

/// The file to which a node writes its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFileStatus {
    /// Where it is.
    pub path: String,
    /// Its size at which it becomes the old one, in bytes.
    pub bytes_max: u64,
    /// Records that are not in it: they came too fast, or it could not be written.
    pub lost: u64,
}

/// A place at which the node listens for an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantStatus {
    /// Where it listens.
    pub listen: String,
    /// Whom its connections are messages to.
    pub actor: ActorAddress,
    /// How long a connection may be idle, in ms.
    pub idle_ms: u64,
    /// Connections that it has taken.
    pub accepted: u64,
    /// Those that are open.
    pub connections: Vec<ConnectionStatus>,
}

/// A connection that is messages to an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// What to write to.
    pub address: ActorAddress,
    /// The other end.
    pub peer: String,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Messages that the actor has yet to handle.
    pub unhandled: u64,
    /// Messages that wait to be written.
    pub unwritten: u64,
}
