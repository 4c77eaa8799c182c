//! What a node can be told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thespian_core::capability::Capabilities;
use thespian_core::connection::ListenRule;
use thespian_core::limits::ActorLimits;
use thespian_core::log_level::LogLevel;
use thespian_core::role::Role;
use thespian_core::source::SourceHash;
use thespian_core::source::authority::AuthorityKind;

use crate::judge::{Judge, SharedJudge};

/// The judge of sources that are offered to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// No one: every load is refused. Secure, and the default.
    #[default]
    None,
    /// Everything is approved. For development.
    TrustAll,
    /// Sources are approved that keys have signed which the policy trusts.
    Keys,
    /// An actor judges, which [`NodeConfig::authority_file`] says where to find.
    Actor,
    /// Sources wait until a person approves them, or refuses.
    Person,
    /// A judge of the program that has the node in it says.
    #[serde(skip)]
    Custom(SharedJudge),
}

impl Authority {
    /// As it is written in configuration and shown in status.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// As the node's rules have it.
    #[must_use]
    pub const fn kind(&self) -> AuthorityKind {
        match self {
            Self::None => AuthorityKind::None,
            Self::TrustAll => AuthorityKind::TrustAll,
            Self::Keys => AuthorityKind::Keys,
            Self::Actor => AuthorityKind::Actor,
            Self::Person => AuthorityKind::Person,
            Self::Custom(_) => AuthorityKind::Asked,
        }
    }

    /// A judge of the program's own.
    #[must_use]
    pub fn custom(judge: impl Judge + 'static) -> Self {
        Self::Custom(SharedJudge(Arc::new(judge)))
    }
}

/// The doors for programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ControlConfig {
    /// Whether the secrets for TCP stay the same from start to start.
    pub keep_tokens: bool,
    /// Sockets beside the node's own, for programs of other users or of another role.
    pub socket: Vec<ControlSocket>,
}

/// A further socket at which programs may control a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ControlSocket {
    /// Its path; in a directory where nobody else can put another in its place.
    pub path: PathBuf,
    /// The requests that whoever connects may make.
    pub role: Role,
    /// The mode of its file, which says who may connect: `0600` by default.
    #[serde(default)]
    pub mode: SocketMode,
    /// The group of its file, by name or number; absent: that of the node's process.
    pub group: Option<String>,
}

/// The permission bits of a socket's file. Written as octal text: `0660`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SocketMode(u32);

impl SocketMode {
    /// Its permission bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl Default for SocketMode {
    fn default() -> Self {
        Self(0o600)
    }
}

impl TryFrom<String> for SocketMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // Without its owner's, the node could not tell a socket that it has left behind from one that is in use.
        let bits = u32::from_str_radix(&text, 8).ok().filter(|bits| *bits <= 0o777 && bits & 0o600 == 0o600);
        let why =
            || format!("`{text}` is no mode: octal digits that let the owner read and write, as in `0660`");
        bits.map(Self).ok_or_else(why)
    }
}

impl From<SocketMode> for String {
    fn from(mode: SocketMode) -> Self {
        format!("{:04o}", mode.0)
    }
}

/// A source that a node loads at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// The file of the component.
    pub file: PathBuf,
    /// Its manifest; absent: that beside it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<PathBuf>,
    /// The rights of its actors, by their names; absent: none, or all that its manifest wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
}

/// Actors that run on a node as long as it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ActorConfig {
    /// The file of a source that is named beside it, or the whole hash of any.
    pub source: String,
    /// Their class; absent: the only one of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// A global name, for a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The message that they start with: a type name, and behind a `=` its content as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// Requirements of the host, as they are typed: `gpu`, `zone=eu`, `ram-gb>=8`.
    #[serde(default)]
    pub requires: Vec<String>,
    /// As many as there are to be.
    #[serde(default = "one")]
    pub count: u32,
}

const fn one() -> u32 {
    1
}

/// Settings of a node at its start. The default suits an embedded node: nothing on disk, no socket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NodeConfig {
    /// Private directory for the node's identity, its control socket and token, the compile cache, and the bytes of loaded
    /// sources. Made with mode 0700. Absent: an identity for this run, no control socket, nothing cached, and the bytes of a
    /// source are dropped once they are compiled: such a node has none to give to another.
    pub data_dir: Option<PathBuf>,
    /// Loopback address at which programs may control the node over TCP with the token file's secret.
    pub listen: Option<SocketAddr>,
    /// Further doors for programs, and whether their secrets stay.
    pub control: ControlConfig,
    /// Where actors may be granted TCP connections; empty: nowhere.
    pub allow_listen: Vec<ListenRule>,
    /// The judge of sources.
    pub authority: Authority,
    /// The component of the actor that is the authority, where that is `actor`. Nobody has to judge it, and it is created before
    /// anybody is served.
    pub authority_file: Option<PathBuf>,
    /// The hash that this component has to have; absent: any.
    pub authority_sha256: Option<SourceHash>,
    /// Its class; absent: the only one that it has.
    pub authority_class: Option<String>,
    /// The message that it starts with: a type name, and behind a `=` its content as JSON.
    pub authority_init: Option<String>,
    /// How long a source waits for its judgement, in ms, until it is refused; absent: two minutes, and a week for a person.
    pub judgement_ms_max: Option<u64>,
    /// The file with the policy by which keys are trusted; absent: `policy.toml` in the data directory. It belongs to the node's
    /// user or to root, and nobody else can change it.
    pub policy: Option<PathBuf>,
    /// Private directory for compiled code; absent: `cache` in the data directory, or none without that. Nodes of one user
    /// may share one: each then finds what another has compiled.
    pub cache_dir: Option<PathBuf>,
    /// Bytes of all sources together that are kept in the data directory; absent: 4 GiB.
    pub store_bytes_max: Option<u64>,
    /// A program that compiles sources when the node starts it, in a process with bounds of its own: `thespian-host`, or any
    /// that calls [`compile_if_asked`](crate::sandbox::compile_if_asked) before anything else; `/proc/self/exe` is the one
    /// that runs. Absent: the node compiles in its own process, where nothing can bound what the compiler takes, and so
    /// only sources of up to 8 MiB and of a simple shape, one at a time. The program `thespian-host` names itself. It takes
    /// Linux 5.9 or newer, and a process that does not ignore SIGCHLD nor waits for children that it has not started.
    #[serde(skip)]
    pub compiler: Option<PathBuf>,
    /// Memory that the node may take for its actors, what waits for them, its sources and their compilers, in bytes; absent: 60 %
    /// of what the machine or its control group has. What of the node can't grow comes on top: some 50 MiB.
    pub memory_budget_bytes: Option<u64>,
    /// Memory that the compiler's process may take, in bytes; absent: 512 MiB and 64 times the component's size, at most
    /// 3 GiB and half of what the node may take.
    pub compile_memory_bytes_max: Option<u64>,
    /// CPU time that the compiler's process may take, in ms; absent: 10 s and 3 s for each mebibyte of the component.
    pub compile_cpu_ms_max: Option<u64>,
    /// Live actors at most; absent: as many as the machine can map.
    pub actors_max: Option<usize>,
    /// Threads that run actors; absent: one per core.
    pub guest_threads: Option<usize>,
    /// How much of what actors write to the log is kept, until an operator says otherwise.
    pub actor_log_level: LogLevel,
    /// A file for the log; absent: there is none.
    pub log_file: Option<PathBuf>,
    /// Its size at which it becomes the old one, in bytes; absent: 10 MiB.
    pub log_file_bytes_max: Option<u64>,
    /// Sources that are loaded at the start.
    pub source: Vec<SourceConfig>,
    /// Actors that are created then, and anew when they end, but for those that somebody ends.
    pub actor: Vec<ActorConfig>,
    /// A directory of files with more of both, `*.toml`, read in order of name. What they name lies beside them.
    pub apps: Option<PathBuf>,
    /// Capabilities of this host, for actors that require them.
    pub capabilities: Capabilities,
    /// Limits of each actor: each within its range, which [`ActorLimits::check`] knows.
    pub limits: ActorLimits,
}
