//! Bounds on what one component is made of, which the engine's pool, the limiter and a trap's words agree on.

/// Core instances of one component. Rust and C have 3 or 4, interpreters with dynamic linking some 20.
pub(super) const CORE_INSTANCES_MAX: u32 = 64;
/// Tables of one component.
pub(super) const TABLES_MAX: u32 = 4;
/// Memories of one component: one actor, one memory. More would halve the number of actors.
pub(super) const MEMORIES_MAX: u32 = 1;
/// Stack of wasm code, in bytes. Native stacks of 2 MiB, tokio's default, hold it with ease.
pub(super) const WASM_STACK_BYTES: usize = 512 << 10;
