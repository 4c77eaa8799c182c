//! What a program outside asks of a node, and what it is answered.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::ActorAddress;
use crate::capability::{Requirement, Value};
use crate::envelope::{ExitReason, Poisoned};
use crate::fate::OnTrap;
use crate::log_level::LogLevel;
use crate::message::Message;
use crate::role::Role;
use crate::source::{Rights, SourceHash, SourceInfo};
pub use crate::source::{SourceOutcome, SourceState};
pub use crate::turn::ActorPhase;
use crate::utc::UtcTime;
pub use crate::wire::control_error::ControlError;
use crate::wire::hello::VERSION_BEFORE;
pub use crate::wire::status::{
    ActorFilter, ActorLogLevel, ActorPage, ActorReport, ActorStatus, ActorWait, CompilerStatus,
    ConnectionStatus, DeadLetter, EndedActor, GrantStatus, LogFileStatus, LogLevelsStatus, LogOutletStatus,
    LogRecord, LongTurn, MemoryStatus, NameStatus, NodeStatus, PartStatus, PendingSource, PolicyStatus,
    SourceBrief, SourceLogLevel, SourceReport, SourceStatus, UseStatus,
};

/// A frame from a client, after its hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClientFrame {
    /// A question. `id` is the client's and is unique among those under way.
    Request {
        /// Names the question in its answer.
        id: u64,
        /// The request that is made.
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
        /// The number of the question.
        id: u64,
    },
}

/// A frame from a node, after its welcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NodeFrame {
    /// The answer to a question: its last frame.
    Reply {
        /// The number of the question.
        id: u64,
        /// The answer, or why there is none.
        reply: Result<Reply, ControlError>,
    },
    /// How far a load is.
    Progress {
        /// The load's id.
        id: u64,
        /// The step that the load has reached.
        progress: LoadProgress,
    },
    /// Log records for a `Logs` question that follows.
    Log {
        /// The number of the question.
        id: u64,
        /// The records, in order.
        records: Vec<LogRecord>,
    },
    /// The last frame before the node closes the connection, and why it does.
    Closing {
        /// A text that says what was wrong.
        reason: String,
    },
}

impl NodeFrame {
    /// The same for a client that speaks `version`.
    #[must_use]
    pub fn for_version(self, version: u16) -> Self {
        match self {
            Self::Reply { id, reply } if version == VERSION_BEFORE => {
                Self::Reply { id, reply: reply.map(Reply::before).map_err(ControlError::before) }
            }
            Self::Progress { id, progress } if version == VERSION_BEFORE => {
                Self::Progress { id, progress: progress.before() }
            }
            frame => frame,
        }
    }
}

impl Reply {
    /// The same in the words of the version before, which knows fewer rights.
    fn before(self) -> Self {
        match self {
            Self::Sources(mut sources) => {
                sources.iter_mut().for_each(|source| source.rights = source.rights.of_version_1());
                Self::Sources(sources)
            }
            other => other,
        }
    }
}

/// A question to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Send a message. Answered by `Done` when it is in the mailbox.
    Tell {
        /// The actor that it is for.
        target: ActorAddress,
        /// The message itself.
        message: Message,
    },
    /// Send a message and wait for the first answer to it, wherever it comes from.
    Ask {
        /// The actor that it is for.
        target: ActorAddress,
        /// The message itself.
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
        /// Words of its submitter: its file's name.
        info: String,
        /// Its size in bytes.
        size: u64,
        /// Rights of its actors, besides what all may ask of the node.
        rights: Rights,
    },
    /// Let no more actors be created from a source.
    Unload {
        /// The source: its hash or an unambiguous beginning of it.
        source: String,
    },
    /// List the sources.
    Sources,
    /// List the actors that a filter lets pass, in order of address, page by page.
    Actors {
        /// The page before ended with this address; absent: the first page.
        after: Option<ActorAddress>,
        /// Conditions of being listed.
        filter: ActorFilter,
    },
    /// Ask an actor to exit, in its mailbox's order.
    Exit {
        /// The actor that is meant.
        target: ActorAddress,
        /// Whether its children exit first.
        recursive: bool,
        /// Whether to answer only when it is gone.
        wait: bool,
    },
    /// End an actor and its children now. Answered when it is gone.
    Kill {
        /// The actor that is meant.
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
        /// The actor that it is granted to.
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
        /// The actors that it is set for.
        scope: LogScope,
        /// How much; absent: as if it had never been set.
        level: Option<LogLevel>,
    },
    /// How one actor and its children are. They are not called for it.
    Actor {
        /// The actor that is meant.
        target: ActorAddress,
    },
    /// End all actors of a source, and their children, now. Answered when all are told.
    KillSource {
        /// The source: its hash or an unambiguous beginning of it.
        source: String,
    },
    /// Load a source that comes with a manifest: its bytes follow in `Chunk` frames.
    LoadSigned {
        /// Words of its submitter: its file's name.
        info: String,
        /// Its size in bytes.
        size: u64,
        /// The bytes of its manifest.
        manifest: Bytes,
        /// The bytes of the manifest's signature files.
        signatures: Vec<Bytes>,
        /// The rights that it may have of those that its manifest wants; absent: all.
        allow: Option<Rights>,
        /// Whether it is meant to be an older version than one before.
        downgrade: bool,
    },
    /// Everything about one source: who judged it, by which papers, and what it may do.
    Source {
        /// The source: its hash or an unambiguous beginning of it.
        source: String,
    },
    /// The policy by which signed sources are judged.
    Policy,
    /// Say what would become of the sources under another policy. Nothing is changed.
    CheckPolicy {
        /// The text of the policy; absent: what its file says now.
        text: Option<String>,
    },
    /// Put what the policy's file says into force.
    ReloadPolicy,
    /// Change the policy's file, and put it into force.
    EditPolicy(PolicyChange),
    /// Take the clock for right, though something was admitted later than it shows.
    AcceptClock,
    /// List the sources that wait for a person.
    Pending,
    /// Approve a source that waits for a person. Answered when it can be created from.
    Approve {
        /// The source: its hash or an unambiguous beginning of it.
        source: String,
        /// The rights that it has, of those that it wants.
        allow: Rights,
    },
    /// Refuse a source that waits for a person.
    Refuse {
        /// The source: its hash or an unambiguous beginning of it.
        source: String,
        /// The reason, which its loader is told.
        why: String,
    },
    /// The last records of the audit log, the oldest first.
    Audit {
        /// As many at most; a node shows no more than `AUDIT_SHOWN_MAX`.
        last: u64,
    },
    /// Let no more actors be created from a source until the next start.
    SetAside {
        /// The source: its hash or an unambiguous beginning of it.
        source: String,
    },
}

/// A change of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyChange {
    /// Trust a key; one of the same name gives way to it.
    TrustKey {
        /// Shown in place of its number.
        name: String,
        /// The second line of minisign's public key file.
        public: String,
        /// Patterns of the names that it may sign.
        sources: Vec<String>,
        /// The most that it gives.
        rights: Rights,
        /// Likewise of limits, by name.
        limits: Vec<(String, u64)>,
        /// The moment from which on it counts no more, in seconds since 1970.
        expires: Option<UtcTime>,
    },
    /// Trust a key no more, and never again.
    RevokeKey {
        /// Its name in the policy, or its text.
        key: String,
        /// Whether actors of sources that are no longer admitted end now.
        kill: bool,
    },
    /// Let nobody load a source, whoever has signed it.
    RevokeSource {
        /// The whole hash of its bytes.
        source: SourceHash,
        /// Whether its actors end now.
        kill: bool,
    },
}

impl Request {
    /// Its name, and the role that it takes.
    #[must_use]
    pub const fn needs(&self) -> (&'static str, Role) {
        match self {
            Self::Tell { .. } => ("tell", Role::Talk),
            Self::Ask { .. } => ("ask", Role::Talk),
            Self::Listen { .. } => ("listen", Role::Talk),
            Self::Create(_) => ("create", Role::Talk),
            // Rights are an operator's to give: its actors may do with them what the other roles may not.
            Self::Load { rights, .. } if rights.any() => ("load with rights", Role::Operate),
            Self::Load { .. } => ("load", Role::Load),
            Self::Unload { .. } => ("unload", Role::Load),
            Self::Sources => ("sources", Role::Read),
            Self::Actors { .. } => ("actors", Role::Read),
            Self::Exit { .. } => ("exit", Role::Operate),
            Self::Kill { .. } => ("kill", Role::Operate),
            Self::Logs { .. } => ("logs", Role::Read),
            Self::Status => ("status", Role::Read),
            Self::Stop => ("stop", Role::Operate),
            Self::UpdateCapability { .. } => ("update-capability", Role::Operate),
            Self::GrantTcp { .. } => ("grant-tcp", Role::Operate),
            Self::Grants => ("grants", Role::Read),
            Self::Revoke { .. } => ("revoke", Role::Operate),
            Self::LogLevels => ("log-levels", Role::Read),
            Self::SetLogLevel { .. } => ("set-log-level", Role::Operate),
            Self::Actor { .. } => ("actor", Role::Read),
            Self::KillSource { .. } => ("kill-source", Role::Operate),
            // What is replaced may have had its reason to be.
            Self::LoadSigned { downgrade: true, .. } => ("load an older version", Role::Operate),
            Self::LoadSigned { .. } => ("load-signed", Role::Load),
            Self::Source { .. } => ("source", Role::Read),
            Self::Policy => ("policy", Role::Read),
            // Work that whoever asks can make as long as they like.
            Self::CheckPolicy { text: Some(_) } => ("check another policy", Role::Operate),
            Self::CheckPolicy { text: None } => ("check-policy", Role::Read),
            Self::ReloadPolicy => ("reload-policy", Role::Operate),
            Self::EditPolicy(_) => ("edit-policy", Role::Operate),
            Self::AcceptClock => ("accept-clock", Role::Operate),
            Self::Pending => ("pending", Role::Read),
            Self::Approve { .. } => ("approve", Role::Operate),
            Self::Refuse { .. } => ("refuse", Role::Operate),
            Self::Audit { .. } => ("audit", Role::Read),
            Self::SetAside { .. } => ("set-aside", Role::Load),
        }
    }

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

/// The actors for which a log level is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogScope {
    /// Every actor for which none of the others is set.
    Node,
    /// The actors of a source: its hash or an unambiguous beginning of it.
    Source(String),
    /// A single actor.
    Actor(ActorAddress),
}

/// An actor to be created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateActor {
    /// The source: its hash or an unambiguous beginning of it.
    pub source: String,
    /// The class; absent where the source has only one.
    pub class: Option<String>,
    /// Requirements of its host, besides those of its class.
    pub requirements: Vec<Requirement>,
    /// A message for its start.
    pub init: Option<Message>,
    /// Fate of the actor after a trap; absent: what its class says.
    pub on_trap: Option<OnTrap>,
    /// Its global name; the actor that has it already is the answer, whatever else is asked for.
    pub name: Option<String>,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The request is carried out.
    Done,
    /// A message came for an `Ask` or a `Listen`.
    Received(Incoming),
    /// The new actor.
    Created {
        /// The address of the actor.
        address: ActorAddress,
        /// The hash of its source.
        source: SourceHash,
        /// The name of its class.
        class: String,
        /// Whether it had the name already, and nothing was created.
        already: bool,
    },
    /// The source that was loaded, or was already.
    Loaded(LoadedSource),
    /// The sources, by hash.
    Sources(Vec<SourceStatus>),
    /// A page of the actors.
    Actors(ActorPage),
    /// How an actor ended.
    Ended {
        /// The reason for it.
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
    /// Actors of a source are ended.
    Killed {
        /// How many there were.
        actors: u64,
    },
    /// Everything about one source.
    Source(alloc::boxed::Box<SourceReport>),
    /// The policy by which signed sources are judged.
    Policy(PolicyStatus),
    /// The sources, with what becomes of each under a policy.
    Outcomes(Vec<SourceOutcome>),
    /// The sources that wait for a person, the first that is overdue first.
    Pending(Vec<PendingSource>),
    /// Records of the audit log, each a line of JSON.
    Audit(Vec<String>),
}

/// A message or poison that reached an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Incoming {
    /// A message from an actor or a program.
    Message {
        /// The address of its sender.
        sender: ActorAddress,
        /// The message itself.
        message: Message,
    },
    /// A message of this client came back.
    Poisoned(Poisoned),
}

impl Incoming {
    /// The type of the message that came, or that came back.
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
    /// The hash of its bytes.
    pub hash: SourceHash,
    /// The classes that it offers, and the SDK it was made with.
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
    /// The source is compiled and asked what it offers.
    Compiling,
    /// A person is to judge it, which takes as long as it takes.
    Pending,
}

impl LoadProgress {
    /// The same in the words of the version before, which knows no persons.
    const fn before(self) -> Self {
        match self {
            Self::Pending => Self::Judging,
            other => other,
        }
    }
}
