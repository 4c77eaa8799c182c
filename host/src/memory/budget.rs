//! How much of the memory that there is a node takes.

use std::sync::Arc;

use thespian_core::budget::{BudgetBounds, NodeBudget};
use thespian_core::limits::{MEMORY_BUDGET_PERCENT, QUEUED_PERCENT};

use super::Memory;

/// How much memory a node may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryBudget {
    /// The bound, in bytes.
    pub bytes_max: usize,
    /// The thing that sets it.
    pub reason: String,
}

impl MemoryBudget {
    /// So much as is wished, or the node's share of what there is.
    pub(crate) fn of(wished: Option<u64>, memory: &Memory) -> Self {
        let (bytes, reason) = match wished {
            Some(bytes) => (bytes, "the configuration".to_owned()),
            None => {
                let share = memory.bytes / 100 * MEMORY_BUDGET_PERCENT;
                (share, format!("{MEMORY_BUDGET_PERCENT} % of {}", memory.bound))
            }
        };
        Self { bytes_max: usize::try_from(bytes).unwrap_or(usize::MAX), reason }
    }
}

/// How much may wait in all mailboxes of a node together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueBound {
    /// The bound, in bytes.
    pub bytes_max: usize,
    /// The whole of which it is a share.
    pub reason: String,
}

impl QueueBound {
    pub(crate) fn of(memory: &MemoryBudget) -> Self {
        let bytes_max = memory.bytes_max / 100 * QUEUED_PERCENT;
        Self { bytes_max, reason: format!("{QUEUED_PERCENT} % of the node's memory") }
    }
}

/// Everything that a node has to share. How many places there are is not known yet.
pub(crate) fn budget(memory: &MemoryBudget, queued: &QueueBound) -> Arc<NodeBudget> {
    NodeBudget::new(BudgetBounds {
        memory_bytes: memory.bytes_max,
        queued_bytes: queued.bytes_max,
        places: usize::MAX,
    })
}
