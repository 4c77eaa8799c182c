//! What the status of a node, its sources and its actors is made of, and a record of its log.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::address::{ActorAddress, HostId};
use crate::capability::Capabilities;
use crate::envelope::ExitReason;
use crate::limits::ActorLimits;
use crate::log_level::LogLevel;
use crate::source::admission::Admission;
use crate::source::{
    LowerLimits, Rights, RunHash, SourceHash, SourceInfo, SourceName, SourceState, SourceVersion,
};
use crate::turn::ActorPhase;

/// Conditions that a listed actor meets: all that are set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorFilter {
    /// The name of a class.
    pub class: Option<String>,
    /// A source: its hash or an unambiguous beginning of it.
    pub source: Option<String>,
    /// A phase of its life.
    pub phase: Option<ActorPhase>,
    /// A global name.
    pub name: Option<String>,
}

/// A page of a list of actors. Each page is true for a moment of its own, the list that they make is not: an actor that
/// came or went meanwhile is in it or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorPage {
    /// In order of address: at most `ACTORS_PAGE_LEN_MAX`, and fewer where a filter let some not pass, or none.
    pub actors: Vec<ActorStatus>,
    /// Where the next page begins: after this address. Absent in the last.
    pub more_after: Option<ActorAddress>,
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its program version.
    pub version: String,
    /// The host's name.
    pub host: HostId,
    /// Its process id.
    pub pid: u32,
    /// How long it has run, in ms.
    pub uptime_ms: u64,
    /// The judge of sources that configuration names: `none`, `keys`, `actor`, `trust-all` or `custom`.
    pub authority: String,
    /// The actor that judges now, if one does.
    pub authority_actor: Option<ActorAddress>,
    /// How often an actor said something of an offer, or wanted to be the authority, that was not its to say.
    pub verdicts_ignored: u64,
    /// The capabilities of the host.
    pub capabilities: Capabilities,
    /// Whether it is stopping.
    pub stopping: bool,
    /// The number of live actors.
    pub actors: u64,
    /// How many it can have, of one memory each.
    pub actors_max: u64,
    /// How many of these places are taken: one for each memory of an actor, and those kept for actors that are asked for.
    pub places_taken: u64,
    /// The reason for that number.
    pub actors_max_reason: String,
    /// Sources that can be created from.
    pub sources_loaded: u64,
    /// Sources that it knows: those too that are judged or compiled, refused, or unloaded.
    pub sources_known: u64,
    /// The first of them; at most `STATUS_SOURCES_MAX`.
    pub first_sources: Vec<SourceBrief>,
    /// Where sources are compiled.
    pub compiler: CompilerStatus,
    /// Global names that are taken.
    pub names: u64,
    /// The first of them; at most `STATUS_NAMES_MAX`.
    pub first_names: Vec<NameStatus>,
    /// The actor that is given the dead letters.
    pub dead_letter_handler: Option<ActorAddress>,
    /// Endpoints of programs outside.
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
    /// The most that they may draw from it.
    pub queued_bytes_max: u64,
    /// The whole of which that budget is a share.
    pub queued_bytes_max_reason: String,
    /// The memory that it may take, and who has it.
    pub memory: MemoryStatus,
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
    /// The limits of each actor.
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
    /// The longest time for which one thread had the control plane to itself since the start, in µs of its
    /// CPU time. One in so many times is measured.
    pub desk_us_max: u64,
}

/// The memory of a node, as far as anybody can make it grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryStatus {
    /// Bytes in use, or drawn for what may come.
    pub bytes: u64,
    /// As many as it may take.
    pub bytes_max: u64,
    /// The reason for that number.
    pub bytes_max_reason: String,
    /// Bytes that places of ended actors keep for the next ones, at most: they are not among those in use.
    pub kept_bytes: u64,
    /// Bytes of each of its parts, by their names.
    pub parts: Vec<PartStatus>,
    /// Everything that programs outside have of it, together.
    pub programs: UseStatus,
}

/// A part of a node that has memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartStatus {
    /// The name of the part.
    pub name: String,
    /// Bytes that it has.
    pub bytes: u64,
}

/// Everything that somebody has of a node, now and at worst since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseStatus {
    /// Memory, in bytes, with what is queued.
    pub memory_bytes: u64,
    /// The most that it ever was.
    pub memory_bytes_most: u64,
    /// Bytes that wait in queues.
    pub queued_bytes: u64,
    /// The most that they ever were.
    pub queued_bytes_most: u64,
    /// Places of actors.
    pub places: u64,
    /// The most that they ever were.
    pub places_most: u64,
    /// How often memory or a place was refused.
    pub refusals: u64,
    /// CPU time of actors, in µs.
    pub cpu_us: u64,
}

/// Where a node compiles sources, and what stands between the compiler and the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompilerStatus {
    /// The program that is started for each source, with bounds on its memory and CPU time; absent: it is the node's own
    /// process, which has none.
    pub program: Option<String>,
    /// Whether the kernel closes the file system to it.
    pub landlock: bool,
    /// Whether the kernel refuses it every call but those that computing takes.
    pub seccomp: bool,
    /// Sources that were refused since the start because the compiler failed on them, for a defect of its own.
    pub failures: u64,
}

/// A source as the node knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The source's name.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is on its way.
    pub state: SourceState,
    /// Its classes and what else it says of itself, once that is known.
    pub info: Option<SourceInfo>,
    /// Live actors created from it.
    pub actors: u64,
    /// The rights of its actors, besides those of all.
    pub rights: Rights,
    /// Everything that its actors have of the node together.
    pub uses: UseStatus,
}

/// A source, with who judged it and what its actors may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The same as in the list of sources.
    pub status: SourceStatus,
    /// Its judge, in words; absent: it is not approved.
    pub judged_by: Option<String>,
    /// The bytes that run, where its authority has put others in the place of those that were submitted.
    pub runs: Option<RunHash>,
    /// Its admission by keys.
    pub admission: Option<Admission>,
    /// The limits of its actors, where they are below the node's.
    pub limits: LowerLimits,
    /// The text of its manifest; absent: it came with none.
    pub manifest: Option<String>,
    /// The hash of that text.
    pub manifest_sha256: Option<SourceHash>,
    /// How many signature files came with it.
    pub signatures: u64,
}

/// A source that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingSource {
    /// The source's name.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where whoever loads it receives: a program outside, or an actor.
    pub loader: Option<ActorAddress>,
    /// Its name, by its manifest: nobody has looked whether somebody signed that.
    pub name: Option<SourceName>,
    /// Its version, likewise.
    pub version: Option<SourceVersion>,
    /// The rights that it wants, of those that its loader lets it have.
    pub wants: Rights,
    /// The limits that its actors can do with, where they are below the node's.
    pub limits: LowerLimits,
    /// For how long it may still be judged, in ms.
    pub left_ms: u64,
}

/// The policy by which signed sources are judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStatus {
    /// The path of its file.
    pub path: String,
    /// The text that is in force; absent: none is.
    pub text: Option<String>,
    /// The reason why none is, or why the file's was not put into force.
    pub problem: Option<String>,
}

/// An actor as the node knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorStatus {
    /// The actor's address.
    pub address: ActorAddress,
    /// The actor's class.
    pub class: String,
    /// The actor's source.
    pub source: SourceHash,
    /// Its creator; absent for actors created from outside or under a name.
    pub parent: Option<ActorAddress>,
    /// Its global name.
    pub name: Option<String>,
    /// The phase of its life.
    pub phase: ActorPhase,
    /// The number of its instance; the first was 1.
    pub incarnation: u32,
    /// How often an instance was made in place of a trapped one, also where it could not start.
    pub restarts: u64,
    /// Messages that wait for it.
    pub mailbox_len: u64,
    /// Bytes that wait for it.
    pub mailbox_bytes: u64,
    /// Turns it has had.
    pub turns: u64,
    /// Messages it could not handle.
    pub poisoned: u64,
    /// Wakeups it has pending.
    pub wakeups: u64,
    /// Its children that live.
    pub children: u64,
    /// Whether its creator has left it behind.
    pub is_orphan: bool,
    /// Messages it has sent.
    pub sent: u64,
    /// Messages of its own that became dead letters.
    pub undelivered: u64,
    /// How long its turns took together, in µs of wall time: with what the machine did meanwhile.
    pub busy_us: u64,
    /// Linear memory of its instance, in bytes; 0 where it has none.
    pub memory_bytes: u64,
    /// How much of what it writes to the log is kept.
    pub log_level: LogLevel,
    /// For how long it has been in the turn that is under way, in ms; absent where none is, or a short one.
    pub in_turn_ms: Option<u64>,
    /// For how long the oldest of its messages has waited at least, in ms: since the host first took it, or those before
    /// it, up. That which a turn handles counts. Absent where none waits.
    pub oldest_ms: Option<u64>,
    /// The reason why it handles nothing now, and for how long, where that is known.
    pub waits: Option<ActorWait>,
}

/// An actor that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedActor {
    /// The address that it had.
    pub address: ActorAddress,
    /// The class that it had.
    pub class: String,
    /// The reason of its end.
    pub reason: ExitReason,
}

/// A message that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The address that it was for.
    pub target: ActorAddress,
    /// The address that sent it.
    pub sender: ActorAddress,
    /// Its type name.
    pub type_name: String,
    /// The reason why it could not be delivered.
    pub reason: String,
}

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Its number, from 1 in the order of arrival; a gap is what a slow follower missed.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// `TRACE`, `DEBUG`, `INFO`, `WARN` or `ERROR`.
    pub level: String,
    /// The actor that wrote it; absent for the node's own.
    pub actor: Option<ActorAddress>,
    /// The actor's class.
    pub class: Option<String>,
    /// Its subject: a module, `stdout` or `stderr`.
    pub target: String,
    /// The text; control bytes are escaped.
    pub text: String,
}

/// A turn that is under way and takes long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongTurn {
    /// The actor whose turn it is.
    pub actor: ActorAddress,
    /// The actor's class.
    pub class: String,
    /// For how long, in ms.
    pub in_turn_ms: u64,
    /// For how long the oldest of its messages has waited at least, in ms.
    pub oldest_ms: Option<u64>,
}

/// A source, for short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceBrief {
    /// The source's name.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
    /// Where it is on its way.
    pub state: SourceState,
}

/// A global name that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameStatus {
    /// The name itself.
    pub name: String,
    /// Whose it is; it may not have started yet.
    pub address: ActorAddress,
}

/// The reason why an actor handles nothing now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorWait {
    /// The reason, in words.
    pub why: String,
    /// For how long at most, in ms.
    pub left_ms: u64,
    /// Receivers without room, the first of them.
    pub receivers: Vec<ActorAddress>,
}

/// An actor and its children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorReport {
    /// The actor that was asked about.
    pub actor: ActorStatus,
    /// Its children; at most `STATUS_CHILDREN_MAX`.
    pub children: Vec<ActorStatus>,
}

/// How much actors write to the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevelsStatus {
    /// Those for which nothing else is set.
    pub node: LogLevel,
    /// The level of the configuration for them.
    pub configured: LogLevel,
    /// Sources with a level of their own.
    pub sources: Vec<SourceLogLevel>,
    /// Actors with a level of their own.
    pub actors: Vec<ActorLogLevel>,
}

/// How much the actors of a source write to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLogLevel {
    /// The source's name.
    pub source: SourceHash,
    /// The level of its actors.
    pub level: LogLevel,
}

/// How much an actor writes to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorLogLevel {
    /// The actor's address.
    pub actor: ActorAddress,
    /// The actor's level.
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
    /// The place's name.
    pub name: String,
    /// Records or lines that did not get there.
    pub lost: u64,
}

/// A place at which the node listens for an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantStatus {
    /// Where it listens.
    pub listen: String,
    /// The actor that its connections are messages to.
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
    /// The address to write to.
    pub address: ActorAddress,
    /// The other end.
    pub peer: String,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Messages that the actor has yet to handle.
    pub unhandled: u64,
    /// Messages that wait to be written.
    pub unwritten: u64,
}
