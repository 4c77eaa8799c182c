//! What can be asked of a host, by whom, and what is answered: the mind's own words, which no wire freezes.
//!
//! A face makes questions of what it was sent or told, and words of the answers. Sources are named by whole hashes here:
//! what a person typed is looked up by the face.

mod refusal;

pub use refusal::{Killer, MetBound, NoHost, Refusal, Unmet};

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Value;
use crate::envelope::ExitReason;
use crate::log_level::{LevelScope, LogLevel, LogLevels};
use crate::outbox::{CreateChild, CreateOptions};
use crate::post::StandingActor;
use crate::role::Role;
use crate::source::admission::ReadPapers;
use crate::source::policy::Policy;
use crate::source::{OfferId, PersonsApproval, Rights, SourceHash, SourceInfo, SourceOutcome};
use crate::utc::UtcTime;

/// Names a question from outside, for its answer. The host makes it and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asker(pub u64);

/// Names a question by where it comes from and where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// A program outside.
    Client(Asker),
    /// An actor, which is answered by a notice.
    Actor {
        /// The actor that asks.
        address: ActorAddress,
        /// Its own name for the question.
        request: u64,
    },
}

impl Origin {
    /// The actor that asks, if one does.
    #[must_use]
    pub const fn actor(self) -> Option<ActorAddress> {
        match self {
            Self::Actor { address, .. } => Some(address),
            Self::Client(_) => None,
        }
    }
}

/// Everything that a host can be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// May actors be created from this source? The host keeps its bytes until told to forget them.
    Load(Box<Offer>),
    /// Let no more actors be created from a source.
    Unload {
        /// The source, as the face found it.
        source: SourceHash,
    },
    /// The same until the next start: what was admitted stays so.
    SetAside {
        /// The source, as the face found it.
        source: SourceHash,
    },
    /// Approve an offer that waits for a person, and say when it can be created from.
    Approve {
        /// The source, as the face found it.
        source: SourceHash,
        /// The rights that it has then.
        approval: PersonsApproval,
    },
    /// Refuse an offer that waits for a person.
    Refuse {
        /// The source, as the face found it.
        source: SourceHash,
        /// The reason, which its loader is told.
        why: String,
    },
    /// Create the actor that configuration names as the authority.
    Appoint {
        /// Its address. A place was taken for it.
        address: ActorAddress,
    },
    /// Have these actors run from here on: created now, and anew when they end.
    Stand(Vec<StandingActor>),
    /// Create an actor; where it has a global name, it may exist already.
    Create(Box<NewActor>),
    /// Find the actor of a global name, or create it.
    CreateNamed {
        /// The global name, of a length that can be used.
        name: Box<str>,
        /// The actor to create, if there is none of that name. A place was taken for it.
        child: Box<CreateChild>,
    },
    /// Ask an actor to exit, and say when it is gone.
    Exit {
        /// The actor that is to exit.
        target: ActorAddress,
        /// Whether its children exit first.
        recursive: bool,
    },
    /// Kill an actor and its children, and say when it is gone.
    Kill {
        /// The actor that is to end.
        target: ActorAddress,
    },
    /// Kill all actors of a source and their children, and say how many that were.
    KillSource {
        /// The source, as the face found it.
        source: SourceHash,
    },
    /// Stop the host in order, and say when its actors are gone.
    Stop,
    /// Keep more or less in the log.
    SetLogLevel {
        /// The actors that it is for.
        scope: LevelScope,
        /// How much; absent: as if it had never been set.
        level: Option<LogLevel>,
    },
    /// Change what the host has.
    UpdateCapability {
        /// The capability's name.
        name: String,
        /// Its new value; absent: the host has it no longer.
        value: Option<Value>,
    },
    /// Judge all sources by another policy, and from then on those that are offered.
    SetPolicy(Box<NewPolicy>),
    /// Take the clock for right, though something was admitted later than it shows.
    AcceptClock {
        /// The wall clock's time.
        now: UtcTime,
    },
    /// Show how an actor or the host is.
    Status {
        /// The actor; absent: the host.
        about: Option<ActorAddress>,
    },
}

/// A source that somebody offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The hash of its bytes.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
    /// Its size in bytes.
    pub size: u64,
    /// The rights that whoever offers it gives its actors where nobody else has a say, besides those of all: an operator may give
    /// them.
    pub given: Rights,
    /// The rights that it may have of those that its manifest wants; absent: all.
    pub allowed: Option<Rights>,
    /// Whether it comes with a manifest.
    pub has_manifest: bool,
    /// Whether an operator means it to be an older version than one before.
    pub is_downgrade: bool,
    /// Where whoever offers it receives; absent: it was there before, or configuration names it.
    pub by: Option<ActorAddress>,
}

/// A policy, and what was found in the papers of the sources that are known.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPolicy {
    /// The policy itself.
    pub policy: Policy,
    /// The papers of those sources, held against its keys, with the offers that they came with.
    pub papers: BTreeMap<SourceHash, (OfferId, ReadPapers)>,
    /// The wall clock's time.
    pub now: UtcTime,
    /// Whether only to say what would become of them.
    pub is_trial: bool,
}

/// An actor that a program outside asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewActor {
    /// Its address, if it is created: nobody has entered it yet. A place for an actor was taken for it.
    pub address: ActorAddress,
    /// Its source, or why the face found none: the actor of a name that is taken is the answer all the same.
    pub source: Result<SourceHash, Refusal>,
    /// Its class; absent where the source has only one.
    pub class: Option<String>,
    /// Everything else that its creator asks for.
    pub options: CreateOptions,
    /// Its global name; the actor that has it already is the answer, whatever else is asked for.
    pub name: Option<String>,
    /// The rights that its creator lets it have of those of its source.
    pub creator: CreatorRights,
}

/// The most that an actor gets of its source's rights: nobody creates what may more than they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatorRights {
    /// These, which the creator has.
    Own(Rights),
    /// All that its source was admitted with by somebody else than an operator who gave them: whoever may load sources could have
    /// loaded that one.
    Admitted,
}

impl CreatorRights {
    /// Those of a program that came in by a door of this role.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Operate => Self::Own(Rights::ALL),
            Role::Load => Self::Admitted,
            Role::Talk | Role::Read => Self::Own(Rights::NONE),
        }
    }
}

/// An answer that is no refusal.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done, with nothing to add.
    Done,
    /// The actor that was asked for.
    Created(Found),
    /// The source can be created from.
    Loaded {
        /// The source's name.
        hash: SourceHash,
        /// Its classes and what else it says of itself.
        info: Box<SourceInfo>,
        /// Whether it was loaded before.
        already: bool,
        /// Compile time in µs; 0 if its code came from the cache.
        compile_us: u64,
    },
    /// The actor is gone.
    Ended {
        /// The reason of its end.
        reason: ExitReason,
    },
    /// Actors of a source are ended.
    Killed {
        /// How many there were.
        actors: usize,
    },
    /// Each approved source, with what becomes of it.
    Outcomes(Vec<SourceOutcome>),
    /// How much actors write to the log from now on.
    LogLevels(Box<LogLevels>),
}

/// An actor, for those who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The actor's address.
    pub address: ActorAddress,
    /// The actor's source.
    pub source: SourceHash,
    /// The actor's class.
    pub class: String,
    /// Whether it had the name before it was asked for.
    pub already: bool,
}

/// A step of a load, before its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadStep {
    /// The authority judges the source.
    Judging,
    /// A person is to judge it, which takes as long as it takes.
    Pending,
    /// The source is compiled and asked what it offers.
    Compiling,
}
