//! What the status of a node and of an actor is made of, besides the two themselves.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::control::{ActorStatus, DeadLetter, EndedActor, SourceState};
use crate::address::{ActorAddress, HostId};
use crate::capability::Capabilities;
use crate::limits::ActorLimits;
use crate::log_level::LogLevel;
use crate::source::SourceHash;

/// How a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its program version.
    pub version: String,
    /// Its name.
    pub host: HostId,
    /// Its process id.
    pub pid: u32,
    /// How long it has run, in ms.
    pub uptime_ms: u64,
    /// Who judges sources: `none` or `trust-all`.
    pub authority: String,
    /// What it has.
    pub capabilities: Capabilities,
    /// Whether it is stopping.
    pub stopping: bool,
    /// Live actors.
    pub actors: u64,
    /// How many it can have.
    pub actors_max: u64,
    /// What sets that number.
    pub actors_max_reason: String,
    /// Sources that can be created from.
    pub sources_loaded: u64,
    /// Sources that it knows: those too that are judged or compiled, refused, or unloaded.
    pub sources_known: u64,
    /// The first of them; at most `STATUS_SOURCES_MAX`.
    pub first_sources: Vec<SourceBrief>,
    /// Global names that are taken.
    pub names: u64,
    /// The first of them; at most `STATUS_NAMES_MAX`.
    pub first_names: Vec<NameStatus>,
    /// Who is given the dead letters.
    pub dead_letter_handler: Option<ActorAddress>,
    /// Outside endpoints.
    pub endpoints: u64,
    /// Messages handed to actors since the start.
    pub messages: u64,
    /// Messages that came back as poison.
    pub poisoned: u64,
    /// Messages that could not be delivered.
    pub dead_letters: u64,
    /// Instances that were made in place of trapped ones, also those that could not start.
    pub restarts: u64,
    /// Bytes that wait in mailboxes, as far as they are drawn from the node's budget.
    pub queued_bytes: u64,
    /// The budget.
    pub queued_bytes_max: u64,
    /// What it is a share of.
    pub queued_bytes_max_reason: String,
    /// The newest dead letters, newest first.
    pub recent_dead_letters: Vec<DeadLetter>,
    /// The actors that ended last, newest first.
    pub recent_ended: Vec<EndedActor>,
    /// Places at which it listens for actors.
    pub listeners: u64,
    /// Connections that are messages to actors.
    pub connections: u64,
    /// Threads that run actors.
    pub guest_threads: u64,
    /// Turns that spin: they have outlived their slice and share what others leave over.
    pub runaways: u64,
    /// The longest turns under way, the longest first; at most `STATUS_LONG_TURNS_MAX`.
    pub long_turns: Vec<LongTurn>,
    /// What each actor may use.
    pub limits: ActorLimits,
    /// How much actors write to the log for which nothing else is set.
    pub log_level: LogLevel,
    /// The log file, if there is one.
    pub log_file: Option<LogFileStatus>,
    /// Where else it goes: to `tracing`, and to outputs of the program around the node.
    pub log_outlets: Vec<LogOutletStatus>,
    /// Live actors that their creators left behind.
    pub orphans: u64,
    /// The first of them; at most `STATUS_ORPHANS_MAX`.
    pub first_orphans: Vec<ActorAddress>,
}

/// A turn that is under way and takes long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongTurn {
    /// Whose.
    pub actor: ActorAddress,
    /// Its class.
    pub class: String,
    /// For how long, in ms.
    pub in_turn_ms: u64,
    /// For how long the oldest of its messages has waited at least, in ms.
    pub oldest_ms: Option<u64>,
}

/// A source, for short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceBrief {
    /// Its name.
    pub hash: SourceHash,
    /// What its submitter says of it.
    pub label: String,
    /// Where it is on its way.
    pub state: SourceState,
}

/// A global name that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameStatus {
    /// The name.
    pub name: String,
    /// Whose it is; it may not have started yet.
    pub address: ActorAddress,
}

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

/// Another place to which a node's log goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOutletStatus {
    /// Which.
    pub name: String,
    /// Records or lines that did not get there.
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
