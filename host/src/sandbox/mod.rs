//! Runs the code of actors: untrusted WebAssembly components, each in an instance of its own, bounded in time,
//! memory and everything else it can ask for.
//!
//! An [`Engine`] compiles bytes into a [`Source`], a source makes [`Instance`]s, and an instance turns one
//! envelope after the other into an outbox or a failure. What an instance needs of its surroundings it gets
//! through [`ActorHost`]. Only this module names wasmtime.

mod bindings;
mod cache;
mod convert;
mod engine;
mod fault;
mod function;
mod host;
mod imports;
mod inspect;
mod instance;
mod limiter;
mod log;
mod preempt;
mod source;
mod state;
mod text;
mod wasi;

pub use engine::{Bound, Capacity, Engine, EngineConfig, EngineError};
pub use host::{ActorHost, EngineLog, Identity};
pub use instance::{ActorInit, Instance};
pub use source::{Source, SourceError};
