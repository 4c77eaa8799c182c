//! Bounds on the memories and tables of an instance, each kind in sum, and what they draw on the account of its source. A
//! refused growth is noted: if the turn then fails, that is why.

use std::sync::Arc;

use thespian_core::budget::{Account, MemoryPart, Purpose, Short};
use thespian_core::limits::{ActorLimits, CORE_INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENT_BYTES, TABLES_MAX};
use wasmtime::ResourceLimiter;

/// Memory of the engine that is in what each actor draws for being one ([`ACTOR_BYTES`](thespian_core::limits::ACTOR_BYTES)), in
/// bytes.
const ORDINARY_ENGINE_BYTES: usize = 8 << 10;

/// The bounds on an instance's memory and tables, what it has of them, and whether it was refused anything.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_bytes_max: usize,
    table_elements_max: usize,
    memory_bytes: usize,
    table_elements: usize,
    /// Memory that the engine has for the instance besides these, as far as it was drawn, in bytes.
    engine_bytes: usize,
    account: Arc<Account>,
    /// The purpose of the next growth: to be made, at first.
    purpose: Purpose,
    /// The growth that was let in last: of which, and how much.
    last: Option<(Kind, usize)>,
    refused: Option<NoGrowth>,
}

/// Things that can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Memory,
    Table,
}

/// So much of it, in bytes.
const fn kind_bytes(kind: Kind, size: usize) -> usize {
    match kind {
        Kind::Memory => size,
        Kind::Table => size.saturating_mul(TABLE_ELEMENT_BYTES),
    }
}

/// The growth that was refused last.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum NoGrowth {
    /// Growth of its memories to this many bytes.
    #[error("{wanted} bytes of memory wanted, {max} allowed")]
    Memory { wanted: usize, max: usize },
    /// Growth of its tables to this many elements.
    #[error("{wanted} table elements wanted, {max} allowed")]
    Table { wanted: usize, max: usize },
    /// There is none left, for this source or at all.
    #[error("{wanted} bytes of memory more wanted: {short}")]
    Spent { wanted: usize, short: Short },
}

impl Limiter {
    /// Bounds the sum of all memories and the sum of all tables of one instance, which is made for this purpose.
    pub(super) fn new(limits: &ActorLimits, account: Arc<Account>, purpose: Purpose) -> Self {
        Self {
            memory_bytes_max: limits.memory_bytes_max,
            table_elements_max: limits.table_elements_max,
            memory_bytes: 0,
            table_elements: 0,
            engine_bytes: 0,
            account,
            purpose,
            last: None,
            refused: None,
        }
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
        self.last = None;
    }

    /// Draws for what the engine is about to allocate for the instance, as far as it is more than an ordinary one takes.
    ///
    /// # Errors
    /// There is not so much left. It is noted as a growth that was refused.
    pub(super) fn take_engine_bytes(&mut self, bytes: usize) -> Result<(), NoGrowth> {
        let more = bytes.saturating_sub(ORDINARY_ENGINE_BYTES);
        self.account.draw(MemoryPart::Instances, self.purpose, more).map_err(|short| {
            self.account.count_refusal();
            *self.refused.insert(NoGrowth::Spent { wanted: more, short })
        })?;
        self.engine_bytes += more;
        Ok(())
    }

    /// The instance is made: from here on it grows.
    pub(super) const fn begin_growth(&mut self) {
        self.purpose = Purpose::Growth;
    }

    /// Draws for a growth by so much, which the instance's own bounds allow.
    fn draw(&mut self, kind: Kind, more: usize) -> bool {
        let bytes = kind_bytes(kind, more);
        if let Err(short) = self.account.draw(MemoryPart::Instances, self.purpose, bytes) {
            self.account.count_refusal();
            self.refused = Some(NoGrowth::Spent { wanted: bytes, short });
            return false;
        }
        *self.size(kind) += more;
        self.last = Some((kind, more));
        true
    }

    /// The growth that was let in last did not come about.
    fn undo(&mut self, kind: Kind) {
        let Some((_, more)) = self.last.take_if(|(last, _)| *last == kind) else { return };
        let bytes = kind_bytes(kind, more);
        self.account.give_back(MemoryPart::Instances, bytes);
        *self.size(kind) -= more;
    }

    const fn size(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Memory => &mut self.memory_bytes,
            Kind::Table => &mut self.table_elements,
        }
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        let tables = kind_bytes(Kind::Table, self.table_elements);
        self.account.give_back(MemoryPart::Instances, self.memory_bytes + tables + self.engine_bytes);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let wanted = self.memory_bytes.saturating_add(more);
        self.last = None;
        if wanted > self.memory_bytes_max {
            self.refused = Some(NoGrowth::Memory { wanted, max: self.memory_bytes_max });
            return Ok(false);
        }
        // Beyond the maximum that the memory itself declares, the guest refuses itself: no fault of a bound.
        Ok(maximum.is_some_and(|maximum| desired > maximum) || self.draw(Kind::Memory, more))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.undo(Kind::Memory);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let wanted = self.table_elements.saturating_add(more);
        self.last = None;
        if wanted > self.table_elements_max {
            self.refused = Some(NoGrowth::Table { wanted, max: self.table_elements_max });
            return Ok(false);
        }
        Ok(maximum.is_some_and(|maximum| desired > maximum) || self.draw(Kind::Table, more))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.undo(Kind::Table);
        Ok(())
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
