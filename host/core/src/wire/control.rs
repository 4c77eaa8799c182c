//! What a program outside asks of a node, and what it is answered.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::ActorAddress;
use crate::capability::{Requirement, Value};
use crate::envelope::{ExitReason, Poisoned};
use crate::fate::OnTrap;
use crate::log_level::{LogLevel, LogScope};
use crate::message::Message;
use crate::source::{Rights, SourceHash, SourceInfo};
pub use crate::wire::status::{
    ActorLogLevel, ActorReport, ActorWait, ConnectionStatus, GrantStatus, LogFileStatus, LogLevelsStatus,
    LogOutletStatus, LongTurn, NameStatus, NodeStatus, SourceBrief, SourceLogLevel,
};

/// A frame from a client, after its hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClientFrame {
    /// A question. `id` is the client's and is unique among those under way.
    Request {
        /// Names the question in its answer.
        id: u64,
        /// What is asked.
        request: Request,
    },
    /// A piece of the source that the load under `id` announced, in order.
    Chunk {
        /// The load's id.
        id: u64,
        /// At most `UPLOAD_CHUNK_BYTES`.
        data: Bytes,
    },
    /// Ends a question early: its answer is `Cancelled`, unless it is already on its way.
    Cancel {
        /// Which.
        id: u64,
    },
}

/// A frame from a node, after its welcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NodeFrame {
    /// The answer to a question: its last frame.
    Reply {
        /// The question.
        id: u64,
        /// The answer.
        reply: Result<Reply, ControlError>,
    },
    /// How far a load is.
    Progress {
        /// The load's id.
        id: u64,
        /// How far.
        progress: LoadProgress,
    },
    /// Log records for a `Logs` question that follows.
    Log {
        /// The question.
        id: u64,
        /// In order.
        records: Vec<LogRecord>,
    },
    /// The last frame before the node closes the connection, and why it does.
    Closing {
        /// What was wrong.
        reason: String,
    },
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Send a message. Answered by `Done` when it is in the mailbox.
    Tell {
        /// To whom.
        target: ActorAddress,
        /// What.
        message: Message,
    },
    /// Send a message and wait for the first answer to it, wherever it comes from.
    Ask {
        /// To whom.
        target: ActorAddress,
        /// What.
        message: Message,
        /// How long, in ms; absent: `ASK_TIME_DEFAULT`.
        timeout_ms: Option<u64>,
    },
    /// The next message that reaches this client's endpoint.
    Listen {
        /// How long, in ms; absent: until there is one.
        timeout_ms: Option<u64>,
    },
    /// Create an actor.
    Create(CreateActor),
    /// Load a source: its bytes follow in `Chunk` frames.
    Load {
        /// What its submitter says of it: its file name.
        info: String,
        /// Its size in bytes.
        size: u64,
        /// What its actors may ask of the node besides what all may.
        rights: Rights,
    },
    /// Let no more actors be created from a source.
    Unload {
        /// The source: its hash or an unambiguous beginning of it.
        source: String,
    },
    /// List the sources.
    Sources,
    /// List the actors.
    Actors,
    /// Ask an actor to exit, in its mailbox's order.
    Exit {
        /// Whom.
        target: ActorAddress,
        /// Whether its children exit first.
        recursive: bool,
        /// Whether to answer only when it is gone.
        wait: bool,
    },
    /// End an actor and its children now. Answered when it is gone.
    Kill {
        /// Whom.
        target: ActorAddress,
    },
    /// Log records: those kept, and with `follow` those to come.
    Logs {
        /// Only of this actor.
        actor: Option<ActorAddress>,
        /// Only the last so many of those kept.
        last: Option<u64>,
        /// Go on until cancelled.
        follow: bool,
    },
    /// How the node is.
    Status,
    /// Stop the node in order. Answered when its actors are gone.
    Stop,
    /// Change what the node has. Actors that it no longer fits exit.
    UpdateCapability {
        /// The capability's name.
        name: String,
        /// Its new value; absent: it has it no longer.
        value: Option<Value>,
    },
    /// Let connections to an address be messages to an actor, until it ends or the grant is revoked.
    GrantTcp {
        /// Where to listen: an IP address and a port, 0 for any that is free.
        listen: String,
        /// Whom to.
        actor: ActorAddress,
        /// How long a connection may be idle, in ms; absent: `TCP_IDLE_TIME_DEFAULT`.
        idle_ms: Option<u64>,
    },
    /// List the grants.
    Grants,
    /// Close a listener and its connections. Answered when it listens no more.
    Revoke {
        /// Where it listens.
        listen: String,
    },
    /// How much actors write to the log.
    LogLevels,
    /// Let actors write more or less to the log, from now on.
    SetLogLevel {
        /// Which actors.
        scope: LogScope,
        /// How much; absent: as if it had never been set.
        level: Option<LogLevel>,
    },
    /// How one actor and its children are. They are not called for it.
    Actor {
        /// Who.
        target: ActorAddress,
    },
}

impl Request {
    /// The message that it carries.
    #[must_use]
    pub const fn message(&self) -> Option<&Message> {
        match self {
            Self::Tell { message, .. } | Self::Ask { message, .. } => Some(message),
            Self::Create(create) => create.init.as_ref(),
            _ => None,
        }
    }
}

/// An actor to be created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateActor {
    /// The source: its hash or an unambiguous beginning of it.
    pub source: String,
    /// The class; absent where the source has only one.
    pub class: Option<String>,
    /// What its host must have, besides what its class requires.
    pub requirements: Vec<Requirement>,
    /// A message for its start.
    pub init: Option<Message>,
    /// What becomes of it after a trap; absent: what its class says.
    pub on_trap: Option<OnTrap>,
    /// Its global name; the actor that has it already is the answer, whatever else is asked for.
    pub name: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It is done.
    Done,
    /// What came for an `Ask` or a `Listen`.
    Received(Incoming),
    /// The new actor.
    Created {
        /// Its address.
        address: ActorAddress,
        /// Its source.
        source: SourceHash,
        /// Its class.
        class: String,
        /// Whether it had the name already, and nothing was created.
        already: bool,
    },
    /// The source that was loaded, or was already.
    Loaded(LoadedSource),
    /// The sources, by hash.
    Sources(Vec<SourceStatus>),
    /// The actors, parents before their children.
    Actors(Vec<ActorStatus>),
    /// How an actor ended.
    Ended {
        /// Why.
        reason: ExitReason,
    },
    /// How the node is.
    Status(alloc::boxed::Box<NodeStatus>),
    /// The new grant.
    Granted(GrantStatus),
    /// The grants, by where they listen.
    Grants(Vec<GrantStatus>),
    /// How much actors write to the log.
    LogLevels(alloc::boxed::Box<LogLevelsStatus>),
    /// How an actor and its children are.
    Actor(alloc::boxed::Box<ActorReport>),
}

/// What reached an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Incoming {
    /// A message.
    Message {
        /// Who sent it.
        sender: ActorAddress,
        /// What.
        message: Message,
    },
    /// A message of this client came back.
    Poisoned(Poisoned),
}

impl Incoming {
    /// What it is, or what came back.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Self::Message { message, .. } => &message.type_name,
            Self::Poisoned(poisoned) => &poisoned.original.type_name,
        }
    }
}

/// A source that can be created from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedSource {
    /// Its name.
    pub hash: SourceHash,
    /// What it offers.
    pub info: SourceInfo,
    /// Whether it was loaded before.
    pub already: bool,
    /// Compile time in µs; 0 if its code came from the cache.
    pub compile_us: u64,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadProgress {
    /// So many bytes have arrived.
    Received(u64),
    /// The authority judges it.
    Judging,
    /// It is compiled and asked what it offers.
    Compiling,
}

/// Where a source is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// Its authority has not judged it yet.
    Offered,
    /// It is approved and being compiled.
    Validating,
    /// It can be created from.
    Loaded,
    /// It can't be used, and why.
    Refused(String),
    /// It was unloaded.
    Unloaded,
}

/// A source as the node knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name.
    pub hash: SourceHash,
    /// What its submitter says of it.
    pub label: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is on its way.
    pub state: SourceState,
    /// What it offers, once it is known.
    pub info: Option<SourceInfo>,
    /// Live actors created from it.
    pub actors: u64,
    /// What its actors may ask of the node besides what all may.
    pub rights: Rights,
}

/// An actor as the node knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorStatus {
    /// Who.
    pub address: ActorAddress,
    /// Its class.
    pub class: String,
    /// Its source.
    pub source: SourceHash,
    /// Its creator; absent for actors created from outside or under a name.
    pub parent: Option<ActorAddress>,
    /// Its global name.
    pub name: Option<String>,
    /// What it is doing.
    pub phase: ActorPhase,
    /// Which instance it has; the first was 1.
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
    /// What it sent that became a dead letter.
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
    /// Why it handles nothing now, and for how long, where that is known.
    pub waits: Option<ActorWait>,
}

/// What an actor is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorPhase {
    /// Its `start` has not returned.
    Starting,
    /// It takes messages.
    Running,
    /// It waits until receivers have room for what it sent.
    Held,
    /// It waits for its next instance, because it was restarted too often, or the last could not start.
    Paused,
    /// It was asked to exit and waits for its children.
    Exiting,
}

/// An actor that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedActor {
    /// Who it was.
    pub address: ActorAddress,
    /// Its class.
    pub class: String,
    /// Why it ended.
    pub reason: ExitReason,
}

/// A message that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Whom it was for.
    pub target: ActorAddress,
    /// Who sent it.
    pub sender: ActorAddress,
    /// Its type name.
    pub type_name: String,
    /// Why it could not be delivered.
    pub reason: String,
}

/// One log record.
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
    /// What it is about: a module, `stdout` or `stderr`.
    pub target: String,
    /// The text; control bytes are escaped.
    pub text: String,
}

/// Why a question could not be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlError {
    /// No source has this hash.
    #[error("no source has the hash `{source_hash}`; `load` it first")]
    UnknownSource {
        /// As it was given.
        source_hash: String,
    },
    /// Several sources begin so.
    #[error("{} sources begin with `{prefix}`; give more digits", .matches.len())]
    AmbiguousSource {
        /// As it was given.
        prefix: String,
        /// Those that begin so.
        matches: Vec<SourceHash>,
    },
    /// The source can't be used.
    #[error("source {hash} was refused: {reason}")]
    SourceRefused {
        /// Which.
        hash: SourceHash,
        /// Why.
        reason: String,
    },
    /// The source was unloaded.
    #[error("source {hash} was unloaded; `load` it again")]
    SourceUnloaded {
        /// Which.
        hash: SourceHash,
    },
    /// The source is bigger than allowed, or its pieces do not add up.
    #[error("the source can't be taken: {0}")]
    Upload(String),
    /// The source has no such class.
    #[error("the source has no class `{class}`; it has {}", .classes.join(", "))]
    NoSuchClass {
        /// As it was given.
        class: String,
        /// What there is.
        classes: Vec<String>,
    },
    /// The class must be named.
    #[error("the source has several classes; name one of {}", .classes.join(", "))]
    ClassNeeded {
        /// What there is.
        classes: Vec<String>,
    },
    /// No host fits.
    #[error("no compatible host for `{class}`: {}", .unmet.join("; "))]
    NoCompatibleHost {
        /// The class.
        class: String,
        /// For each host what it lacks.
        unmet: Vec<String>,
    },
    /// The actor's start failed.
    #[error("the actor did not start: {reason}")]
    StartFailed {
        /// Why.
        reason: String,
    },
    /// A bound of the node is reached.
    #[error("a limit of the node is reached: {0}")]
    LimitReached(String),
    /// The node is stopping.
    #[error("the node is stopping")]
    ShuttingDown,
    /// There is no actor at the address: it ended, or never was.
    #[error("there is no actor at {target}")]
    TargetDead {
        /// Whom.
        target: ActorAddress,
    },
    /// The receiver has no room, and got none in time.
    #[error("the mailbox of {target} is full")]
    MailboxFull {
        /// Whom.
        target: ActorAddress,
    },
    /// No answer came in time.
    #[error("no answer within {timeout_ms} ms")]
    TimedOut {
        /// How long it waited.
        timeout_ms: u64,
    },
    /// The question makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The client took the question back.
    #[error("cancelled")]
    Cancelled,
    /// The operator does not let actors listen there. Nothing was changed.
    #[error(
        "this node does not let actors listen at {listen}; its operator can: start it with `--allow-listen {allow}`"
    )]
    ListenNotAllowed {
        /// Where.
        listen: String,
        /// What would allow it.
        allow: String,
    },
    /// The node can't listen there. Nothing was changed.
    #[error("can't listen at {listen}: {reason}")]
    ListenFailed {
        /// Where.
        listen: String,
        /// Why.
        reason: String,
    },
    /// The node does not listen there for any actor.
    #[error("no grant listens at {listen}")]
    NoSuchGrant {
        /// Where.
        listen: String,
    },
    /// The actor is gone, and the node remembers how it ended.
    #[error("there is no actor at {target} any more: it was a `{class}`, and it ended: {reason}")]
    ActorEnded {
        /// Who.
        target: ActorAddress,
        /// Its class.
        class: String,
        /// Why it ended.
        reason: ExitReason,
    },
}
