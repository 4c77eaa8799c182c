//! Bounds on the memories and tables of an instance, each kind in sum. A refused growth is noted: if the turn then fails, that is why.

use thespian_core::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
use wasmtime::ResourceLimiter;

/// The bounds on an instance's memory and tables, what it has of them, and whether it was refused anything.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_bytes_max: usize,
    table_elements_max: usize,
    memory_bytes: usize,
    table_elements: usize,
    refused: Option<NoGrowth>,
}

/// The growth that was refused last.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoGrowth {
    /// Growth of its memories to this many bytes.
    Memory { wanted: usize, max: usize },
    /// Growth of its tables to this many elements.
    Table { wanted: usize, max: usize },
}

impl std::fmt::Display for NoGrowth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory { wanted, max } => write!(f, "{wanted} bytes of memory wanted, {max} allowed"),
            Self::Table { wanted, max } => write!(f, "{wanted} table elements wanted, {max} allowed"),
        }
    }
}

impl Limiter {
    /// Bounds the sum of all memories and the sum of all tables of one instance.
    pub(super) const fn new(memory_bytes_max: usize, table_elements_max: usize) -> Self {
        Self { memory_bytes_max, table_elements_max, memory_bytes: 0, table_elements: 0, refused: None }
    }

    /// The size of the instance's memories.
    pub(super) const fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The growth that was refused since the last call of [`Self::forget`].
    pub(super) const fn refused(&self) -> Option<NoGrowth> {
        self.refused
    }

    /// A new turn begins.
    pub(super) const fn forget(&mut self) {
        self.refused = None;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        // Beyond the maximum that the memory itself declares, the guest refuses itself: no fault of a bound.
        if wanted > self.memory_bytes_max {
            self.refused = Some(NoGrowth::Memory { wanted, max: self.memory_bytes_max });
            return Ok(false);
        }
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.memory_bytes = wanted;
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted > self.table_elements_max {
            self.refused = Some(NoGrowth::Table { wanted, max: self.table_elements_max });
            return Ok(false);
        }
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.table_elements = wanted;
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}
