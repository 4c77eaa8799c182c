//! Why a question of a program outside is not answered as it was asked.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::address::ActorAddress;
use crate::envelope::ExitReason;
use crate::question::{NoHost, Refusal};
use crate::role::Role;
use crate::source::{Rights, SourceHash};

/// The reason why a question could not be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlError {
    /// No source has this hash.
    #[error("{}", Refusal::UnknownSource { source_hash: (.source_hash).clone() })]
    UnknownSource {
        /// As it was given.
        source_hash: String,
    },
    /// Several sources begin so.
    #[error("{}", Refusal::AmbiguousSource { prefix: (.prefix).clone(), matches: (.matches).clone() })]
    AmbiguousSource {
        /// As it was given.
        prefix: String,
        /// Those that begin so.
        matches: Vec<SourceHash>,
    },
    /// The source can't be used.
    #[error("{}", Refusal::SourceRefused { hash: *.hash, reason: (.reason).clone() })]
    SourceRefused {
        /// The hash of the source.
        hash: SourceHash,
        /// The reason for it.
        reason: String,
    },
    /// The source was unloaded.
    #[error("{}", Refusal::SourceUnloaded { hash: *.hash })]
    SourceUnloaded {
        /// The hash of the source.
        hash: SourceHash,
    },
    /// The source is bigger than allowed, or its pieces do not add up.
    #[error("the source can't be taken: {0}")]
    Upload(String),
    /// The source has no such class.
    #[error("{}", Refusal::NoSuchClass { class: (.class).clone(), classes: (.classes).clone() })]
    NoSuchClass {
        /// As it was given.
        class: String,
        /// The classes that there are.
        classes: Vec<String>,
    },
    /// The class must be named.
    #[error("{}", Refusal::ClassNeeded { classes: (.classes).clone() })]
    ClassNeeded {
        /// The classes that there are.
        classes: Vec<String>,
    },
    /// No host fits.
    #[error("{}", NoHost(.class, .unmet))]
    NoCompatibleHost {
        /// The name of the class.
        class: String,
        /// For each host what it lacks.
        unmet: Vec<String>,
    },
    /// The actor's start failed.
    #[error("{}", Refusal::StartFailed { reason: (.reason).clone() })]
    StartFailed {
        /// The reason for it.
        reason: String,
    },
    /// A bound of the node is reached.
    #[error("a limit of the node is reached: {0}")]
    LimitReached(String),
    /// The node is stopping.
    #[error("{}", Refusal::ShuttingDown)]
    ShuttingDown,
    /// There is no actor at the address: it ended, or never was.
    #[error("{}", Refusal::TargetDead { target: *.target })]
    TargetDead {
        /// The actor that is meant.
        target: ActorAddress,
    },
    /// The receiver has no room, and got none in time.
    #[error(
        "the mailbox of {target} is full (`mailbox-len-max`, `mailbox-bytes-max`), or what waits in all of them may take no more \
         (`memory-budget-bytes`)"
    )]
    MailboxFull {
        /// The actor that is meant.
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
        /// The address to listen at.
        listen: String,
        /// The option that would allow it.
        allow: String,
    },
    /// The node can't listen there. Nothing was changed.
    #[error("can't listen at {listen}: {reason}")]
    ListenFailed {
        /// The address to listen at.
        listen: String,
        /// The reason for it.
        reason: String,
    },
    /// The node does not listen there for any actor.
    #[error("no grant listens at {listen}")]
    NoSuchGrant {
        /// The address to listen at.
        listen: String,
    },
    /// The actor is gone, and the node remembers how it ended.
    #[error("there is no actor at {target} any more: it was a `{class}`, and it ended: {reason}")]
    ActorEnded {
        /// The actor that is meant.
        target: ActorAddress,
        /// The name of its class.
        class: String,
        /// The reason of its end.
        reason: ExitReason,
    },
    /// The actor was killed before it could start. Nothing of it is left.
    #[error("killed: {by}")]
    Killed {
        /// The killer, in words.
        by: String,
    },
    /// The actor that wanted a child is gone.
    #[error("{}", Refusal::CreatorGone)]
    CreatorGone,
    /// The actor that wanted a child is exiting.
    #[error("{}", Refusal::CreatorExiting)]
    CreatorExiting,
    /// The actor that wanted a child is being killed.
    #[error("{}", Refusal::CreatorKilled)]
    CreatorKilled,
    /// The asker left before the actor could start: another that waits for the same actor is told.
    #[error("{}", Refusal::AskerLeft)]
    AskerLeft,
    /// The actor that wanted the actor of a name is gone.
    #[error("{}", Refusal::AskerGone)]
    AskerGone,
    /// The node has a fault of its own, and ends for it without order.
    #[error("the node ends for {fault}")]
    NodeFailed {
        /// The fault, in words.
        fault: String,
    },
    /// The connection's role is not enough. Nothing was changed.
    #[error("`{request}` takes the role `{needs}`, and this connection has the role `{has}`: {way}")]
    Forbidden {
        /// The name of the request.
        request: String,
        /// The role that it takes.
        needs: Role,
        /// The role of the connection.
        has: Role,
        /// Where the node lets in whoever has it, in words.
        way: String,
    },
    /// The source is in use, with fewer rights than are asked for. Nothing was changed.
    #[error("{}", Refusal::WantsMoreRights { hash: *.hash, missing: *.missing })]
    WantsMoreRights {
        /// The hash of the source.
        hash: SourceHash,
        /// The rights that it has not.
        missing: Rights,
    },
    /// The source waits for a person, who has not judged it yet.
    #[error("{}", Refusal::NotApproved { hash: *.hash })]
    NotApproved {
        /// The hash of the source.
        hash: SourceHash,
    },
}

impl ControlError {
    /// The same in the words of the version before.
    pub(super) fn before(self) -> Self {
        match self {
            later @ (Self::Forbidden { .. } | Self::WantsMoreRights { .. } | Self::NotApproved { .. }) => {
                Self::Invalid(later.to_string())
            }
            other => other,
        }
    }
}
