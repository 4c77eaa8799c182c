//! What the engine's pool has for each place, and other bounds on which files here agree.

use thespian_core::limits::{CLASS_CHECKS_MAX, MEMORIES_MAX, TABLES_MAX};

/// Structures of the runtime for all core instances of one component, in bytes.
pub(super) const INSTANCE_BYTES_MAX: usize = 1 << 20;
/// Tables for each place of the pool. An actor that has more for each of its memories takes more places.
const TABLES_PER_PLACE: u32 = 4;
/// Places beside those of actors: of a source that describes itself, and of classes that say where they can run.
pub(super) const EXTRA_PLACES: usize = MEMORIES_MAX as usize + CLASS_CHECKS_MAX;
/// Handles that the components of one instance may hold together: streams, pollables, resources of their own.
pub(super) const HANDLES_MAX: usize = 1_024;
/// Stack of wasm code, in bytes. Native stacks of 2 MiB, tokio's default, hold it with ease.
pub(super) const WASM_STACK_BYTES: usize = 512 << 10;

// Whichever is more: no source takes more places than are kept for its description, or for the checks of classes.
const _: () = assert!(TABLES_MAX.div_ceil(TABLES_PER_PLACE) <= MEMORIES_MAX);
const _: () = assert!(MEMORIES_MAX as usize <= CLASS_CHECKS_MAX);

/// The tables of a pool of so many places.
pub(super) const fn tables(places: u32) -> u32 {
    places.saturating_mul(TABLES_PER_PLACE)
}

/// The places that an instance takes: one for each memory, unless it has so many tables that they take more.
pub(super) fn places(memories: u32, tables: u32) -> usize {
    memories.max(tables.div_ceil(TABLES_PER_PLACE)).max(1) as usize
}
