//! Why a question is not answered as it was asked: a case for each reason, so that whoever is told can act on it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::address::ActorAddress;
use crate::budget::Short;
use crate::capability::{Requirement, Value};
use crate::limits::{
    CAPABILITIES_LEN_MAX, CREATES_WAITING_BYTES_MAX, CREATES_WAITING_MAX, LOG_LEVEL_SOURCES_MAX,
    PENDING_BYTES_MAX, PENDING_MAX, PENDING_OFFERS_MAX, SOURCES_LEN_MAX,
};
use crate::outbox::OutboxError;
use crate::source::{Rights, SourceHash};

/// The reason for which there is no other answer. Its text is for people, also where an actor never started for it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No source has this hash.
    #[error("no source has the hash `{source_hash}`; `load` it first")]
    UnknownSource {
        /// The hash or its beginning, as it was given.
        source_hash: String,
    },
    /// Several sources begin so.
    #[error("{} sources begin with `{prefix}`; give more digits", .matches.len())]
    AmbiguousSource {
        /// The beginning, as it was given.
        prefix: String,
        /// Those that begin so.
        matches: Vec<SourceHash>,
    },
    /// The source is not approved, or can't be used.
    #[error("source {hash} was refused: {reason}")]
    SourceRefused {
        /// The source's name.
        hash: SourceHash,
        /// The judge's or the compiler's words.
        reason: String,
    },
    /// The source is in use, with fewer rights than are asked for.
    #[error(
        "source {hash} is in use without the rights {missing}, and loading it again gives none: unload it first"
    )]
    WantsMoreRights {
        /// The source's name.
        hash: SourceHash,
        /// Those that it has not.
        missing: Rights,
    },
    /// The source waits for a person, who has not judged it yet.
    #[error("source {hash} is not approved yet: an operator does so with `approve {hash}`")]
    NotApproved {
        /// The source's name.
        hash: SourceHash,
    },
    /// Nobody is asked about the source.
    #[error("source {hash} waits for no person: `sources pending` lists those that do")]
    NotPending {
        /// The source's name.
        hash: SourceHash,
    },
    /// The source is to have rights that it does not ask for.
    #[error(
        "source {hash} does not want the rights {unwanted}, or may not have them: `sources pending` shows what it wants"
    )]
    NotWanted {
        /// The source's name.
        hash: SourceHash,
        /// The rights that it does not want.
        unwanted: Rights,
    },
    /// The node's authority goes by no policy.
    #[error(
        "the authority of this node is `{authority}`, which goes by no policy: start it with `--authority keys`"
    )]
    NoPolicy {
        /// The authority that it has.
        authority: &'static str,
    },
    /// The policy can't be put into force. The one before still is.
    #[error("{why}")]
    PolicyRefused {
        /// The reason for it.
        why: String,
    },
    /// The source is that of the node's authority.
    #[error(
        "source {hash} is that of the node's authority, which its configuration names: start the node with another"
    )]
    OfTheAuthority {
        /// The source's name.
        hash: SourceHash,
    },
    /// No actor is to be created as the authority.
    #[error("the node's configuration names no actor as its authority, or that is there")]
    NotAppointed,
    /// The source was unloaded.
    #[error("source {hash} was unloaded; `load` it again")]
    SourceUnloaded {
        /// The source's name.
        hash: SourceHash,
    },
    /// The source has no such class.
    #[error("the source has no class `{class}`; it has {}", .classes.join(", "))]
    NoSuchClass {
        /// The class, as it was given.
        class: String,
        /// The classes that there are.
        classes: Vec<String>,
    },
    /// The source has several classes, and none was named.
    #[error("the source has several classes; name one of {}", .classes.join(", "))]
    ClassNeeded {
        /// The classes that there are.
        classes: Vec<String>,
    },
    /// No host suits the actor.
    #[error("{}", NoHost(.class, .unmet))]
    NoCompatibleHost {
        /// The class, as it was asked for.
        class: String,
        /// The clauses that do not hold, and the objections of the class.
        unmet: Vec<Unmet>,
    },
    /// The actor's start failed.
    #[error("the actor did not start: {reason}")]
    StartFailed {
        /// How the start ended.
        reason: String,
    },
    /// A bound of the host is reached.
    #[error("a limit of the node is reached: {0}")]
    LimitReached(MetBound),
    /// The question breaks a rule for what can be asked for at all.
    #[error(transparent)]
    Malformed(#[from] OutboxError),
    /// The host is stopping.
    #[error("the node is stopping")]
    ShuttingDown,
    /// There is no actor at the address: it ended, or never was.
    #[error("there is no actor at {target}")]
    TargetDead {
        /// The address that was given.
        target: ActorAddress,
    },
    /// The actor was killed before it could start.
    #[error("killed: {by}")]
    Killed {
        /// The killer of the actor.
        by: Killer,
    },
    /// The actor that wanted a child is gone.
    #[error("its creator is gone")]
    CreatorGone,
    /// The actor that wanted a child is exiting.
    #[error("its creator is exiting")]
    CreatorExiting,
    /// The actor that wanted a child is being killed.
    #[error("its creator is killed")]
    CreatorKilled,
    /// The program that wanted the actor left before it could start.
    #[error("who asked for it left")]
    AskerLeft,
    /// The actor that wanted the actor of a name is gone.
    #[error("who asked for it is gone")]
    AskerGone,
}

/// Has an actor killed: end without an exit turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killer {
    /// A person or a program outside.
    Operator,
    /// The actor that created it.
    Parent,
    /// The restart of the actor that created it.
    Restart,
    /// The time that an actor has for its exit.
    Patience,
    /// The end of the host.
    Stop,
}

impl fmt::Display for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "by an operator",
            Self::Parent => "by its parent",
            Self::Restart => "its parent starts again, without its children",
            Self::Patience => "its exit took too long",
            Self::Stop => "the node is stopping",
        })
    }
}

/// Something that a host lacks for an actor.
#[derive(Clone, Debug, PartialEq)]
pub enum Unmet {
    /// A clause does not hold here.
    Clause {
        /// The clause that does not hold.
        requirement: Requirement,
        /// The capability that this host has of that name.
        found: Option<Value>,
    },
    /// The class's own check objects, or failed.
    OwnCheck(String),
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clause { requirement, found: Some(value) } => {
                write!(f, "this host: {requirement} does not hold, it is {value}")
            }
            Self::Clause { requirement, found: None } => {
                write!(f, "this host: {requirement} does not hold, it has no such capability")
            }
            Self::OwnCheck(why) => write!(f, "this host: {why}"),
        }
    }
}

/// Says for which class no host is compatible, and why none is.
#[derive(Debug)]
pub struct NoHost<'a, T>(pub &'a str, pub &'a [T]);

impl<T: fmt::Display> fmt::Display for NoHost<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(class, unmet) = self;
        write!(f, "no compatible host for `{class}`: ")?;
        for (at, unmet) in unmet.iter().enumerate() {
            write!(f, "{}{unmet}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// A bound of the host that a question can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetBound {
    /// Sources that it knows.
    Sources,
    /// Creates that wait.
    CreatesWaiting,
    /// The init messages of creates that wait.
    CreatesWaitingBytes,
    /// Sources with a log level of their own.
    LogLevels,
    /// Capabilities that it has.
    Capabilities,
    /// Offers that wait for a person.
    PendingOffers,
    /// Actors that were asked for and are not decided about.
    Pending,
    /// Places for actors, of which each takes one for each of its memories.
    Places {
        /// As many as it has.
        max: usize,
        /// As many as are wanted.
        wanted: usize,
    },
    /// The places that a source may have, while others are there.
    PlacesOfSource {
        /// As many as it has.
        has: usize,
        /// As many as the host has.
        max: usize,
    },
    /// The memory that a node may take.
    Memory(Short),
}

impl fmt::Display for MetBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sources => write!(f, "it knows {SOURCES_LEN_MAX} sources"),
            Self::CreatesWaiting => write!(f, "{CREATES_WAITING_MAX} creates wait"),
            Self::CreatesWaitingBytes => {
                let bytes = "the init messages of creates that wait may take";
                write!(f, "{bytes} {CREATES_WAITING_BYTES_MAX} bytes")
            }
            Self::LogLevels => write!(f, "{LOG_LEVEL_SOURCES_MAX} sources have a log level of their own"),
            Self::Capabilities => write!(f, "it has {CAPABILITIES_LEN_MAX} capabilities"),
            Self::PendingOffers => write!(
                f,
                "{PENDING_OFFERS_MAX} sources wait for a person, or those that do have {PENDING_BYTES_MAX} bytes: load it when \
                 some of them are judged"
            ),
            Self::Pending => write!(f, "{PENDING_MAX} actors that were asked for are not decided about"),
            Self::Places { max, wanted: 1 } => {
                write!(f, "it has {max} places for actors and can map no more")
            }
            Self::Places { max, wanted } => write!(
                f,
                "it has {max} places for actors and can map no more: fewer than the {wanted} are left that an actor of this \
                 source takes, one for each of its memories; it has room when others have ended"
            ),
            Self::PlacesOfSource { has, max } => {
                write!(
                    f,
                    "its source has {has} of the {max} places for actors, and what is left is for others"
                )
            }
            Self::Memory(short) => short.fmt(f),
        }
    }
}
