//! Why an outbox refuses what a turn asks for.

use alloc::format;
use alloc::string::String;

use crate::budget::Short;
use crate::limits::{
    CAPABILITY_TEXT_LEN_MAX, CHILD_LABEL_LEN_MAX, CLASS_NAME_LEN_MAX, GLOBAL_NAME_LEN_MAX, QUESTIONS_MAX,
    REQUIREMENTS_BYTES_MAX, SOURCE_LABEL_LEN_MAX,
};
use crate::message::MessageError;

/// The host has no place, or too few, for an actor that is asked for, of so many memories: it takes a place for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// There are too few.
    #[error("the host has no room for more actors{}", of_memories(*.0))]
    Host(usize),
    /// The rest is for other sources.
    #[error("its source has as many of the host's places as it may; what is left is for others{}", of_memories(*.0))]
    Source(usize),
}

fn of_memories(places: usize) -> String {
    if places == 1 {
        return String::new();
    }
    format!(
        " of this source: each takes {places} places, as many as it has memories; it has room when others have ended"
    )
}

/// Reasons for which an outbox refuses a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// The message can't be sent by anybody.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The class's name is empty or too long.
    #[error("a class has a name of 1 to {CLASS_NAME_LEN_MAX} bytes")]
    ClassName,
    /// The requirements are too big.
    #[error("the requirements of an actor may take {REQUIREMENTS_BYTES_MAX} bytes")]
    RequirementsTooBig,
    /// The label of a child is no text, or too long.
    #[error("the `label` of a child is a text of at most {CHILD_LABEL_LEN_MAX} bytes")]
    Label,
    /// Too many children live, or have ended without the actor having heard of it.
    #[error("at most {max} children may live, or have ended unheard of")]
    TooManyChildren {
        /// The bound that is reached.
        max: usize,
    },
    /// No entry is left.
    #[error("the outbox is full: a turn may ask for {max} things")]
    Full {
        /// The bound that is reached.
        max: usize,
    },
    /// No room for the bytes is left.
    #[error("the outbox is full: the messages of a turn may take {max} bytes")]
    FullOfBytes {
        /// The bound that is reached.
        max: usize,
    },
    /// The host runs as many actors as it can.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// The actor's own mailbox has no room for what it sends itself.
    #[error(
        "the actor's own mailbox is full (`mailbox-len-max`, `mailbox-bytes-max`), or what waits in all of them may take no more \
         (`memory-budget-bytes`)"
    )]
    OwnMailboxFull,
    /// The memory that the node, or the actor's source, may take is spent.
    #[error("no memory for it: {0}")]
    NoMemory(#[from] Short),
    /// Too many wakeups are pending.
    #[error("at most {max} wakeups may be pending")]
    TooManyWakeups {
        /// The bound that is reached.
        max: usize,
    },
    /// The payloads of the pending wakeups are too big together.
    #[error("the payloads of pending wakeups may take {max} bytes")]
    WakeupsTooBig {
        /// The bound that is reached.
        max: usize,
    },
    /// Too many actors are monitored.
    #[error("at most {max} actors may be monitored")]
    TooManyMonitors {
        /// The bound that is reached.
        max: usize,
    },
    /// Too many questions to the host are open.
    #[error("at most {QUESTIONS_MAX} questions to the host may be open")]
    TooManyQuestions,
    /// The global name can't be used.
    #[error("a global name has 1 to {GLOBAL_NAME_LEN_MAX} bytes")]
    GlobalName,
    /// The actor's source was loaded without this right.
    #[error("its source was loaded without the right to `{0}`")]
    NoRight(&'static str),
    /// The capability can't be had.
    #[error("a capability has a name of 1 to {CAPABILITY_TEXT_LEN_MAX} bytes, and a text of at most as many")]
    Capability,
    /// The label of a source is too long.
    #[error("the label of a source has at most {SOURCE_LABEL_LEN_MAX} bytes")]
    SourceLabel,
    /// Only an exit turn can keep the children.
    #[error("only possible while handling an exit request")]
    NotExiting,
    /// A start fails for nobody else.
    #[error("only possible while handling something, and not in a start")]
    NothingHandled,
    /// An actor that exits creates nobody: who would end them?
    #[error("the actor is exiting")]
    Exiting,
}

/// How a guest is told that its outbox refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The actor may not ask for it, or not now.
    Denied,
    /// A bound is the cause, which may have room another time.
    Exhausted,
    /// Nobody could ask for it: an argument is wrong.
    Invalid,
}

impl OutboxError {
    /// How a guest is told.
    #[must_use]
    pub const fn kind(&self) -> Refused {
        match self {
            Self::NoRight(_) | Self::Exiting => Refused::Denied,
            Self::Message(
                MessageError::NoTypeName | MessageError::Reserved | MessageError::TypeNameTooLong { .. },
            )
            | Self::ClassName
            | Self::RequirementsTooBig
            | Self::Label
            | Self::GlobalName
            | Self::Capability
            | Self::SourceLabel
            | Self::NotExiting
            | Self::NothingHandled => Refused::Invalid,
            Self::Message(MessageError::TooBig { .. })
            | Self::TooManyChildren { .. }
            | Self::Full { .. }
            | Self::FullOfBytes { .. }
            | Self::NoPlace(_)
            | Self::NoMemory(_)
            | Self::OwnMailboxFull
            | Self::TooManyWakeups { .. }
            | Self::WakeupsTooBig { .. }
            | Self::TooManyMonitors { .. }
            | Self::TooManyQuestions => Refused::Exhausted,
        }
    }
}
