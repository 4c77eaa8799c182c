//! What memory is drawn for, and why it may be refused.

use crate::limits::{CREATE_PERCENT_MAX, GROWTH_PERCENT_MAX, LOAD_PERCENT_MAX};

/// The purpose for which memory is drawn: the less is left, the less of them it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Something that lives already grows.
    Growth,
    /// An actor makes another.
    Create,
    /// An operator, or a program in their name, makes an actor.
    OperatorsCreate,
    /// A source is loaded.
    Load,
    /// An operator looks, ends and unloads.
    Control,
}

impl Purpose {
    /// How much of `max` may be in use with it.
    pub(super) const fn ceiling(self, max: usize) -> usize {
        let percent = match self {
            Self::Growth => GROWTH_PERCENT_MAX,
            Self::Create | Self::OperatorsCreate => CREATE_PERCENT_MAX,
            Self::Load => LOAD_PERCENT_MAX,
            Self::Control => 100,
        };
        // Exact for all that a machine has, and without an overflow for what no machine has.
        max / 100 * percent + max % 100 * percent / 100
    }

    pub(super) const fn is_operators(self) -> bool {
        matches!(self, Self::OperatorsCreate | Self::Load | Self::Control)
    }
}

/// The bound that a draw has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// There is too little left in the node.
    Node,
    /// The rest is for other sources.
    Share,
}

/// A part of the node that has memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryPart {
    /// Memories and tables of instances.
    Instances,
    /// Things that the host keeps for each actor besides.
    Actors,
    /// Messages that wait, or are on their way.
    Queues,
    /// Code of sources, and their bytes.
    Sources,
    /// The compiler's processes.
    Compiling,
    /// Frames of programs that are on their way in.
    Frames,
}

impl MemoryPart {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Instances, Self::Actors, Self::Queues, Self::Sources, Self::Compiling, Self::Frames];

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Actors => "actors",
            Self::Queues => "queues",
            Self::Sources => "sources",
            Self::Compiling => "compiling",
            Self::Frames => "frames",
        }
    }
}

/// Memory that can't be had, and the bound that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Short {
    /// The node has too little left.
    #[error("{used} of the {max} bytes that this node may take are in use (`memory-budget-bytes`)")]
    Node {
        /// Bytes in use.
        used: usize,
        /// Bytes that there are.
        max: usize,
    },
    /// The rest is for other sources.
    #[error(
        "its source has {has} of the {max} bytes that this node may take (`memory-budget-bytes`), and what is left is for others"
    )]
    Share {
        /// Bytes that the source has.
        has: usize,
        /// Bytes that the node has.
        max: usize,
    },
}
