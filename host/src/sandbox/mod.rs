//! Runs the code of actors: untrusted WebAssembly components, each in an instance of its own, bounded in time,
//! memory and everything else it can ask for.
//!
//! An [`Engine`] compiles bytes into a [`Source`], a source makes [`Instance`]s, and an instance turns one
//! envelope after the other into an outbox or a failure. What an instance needs of its surroundings it gets
//! through [`ActorHost`]. Only this module names wasmtime.

mod bindings;
mod bounds;
mod cache;
mod census;
mod code;
mod compile_answer;
mod compile_main;
mod compile_process;
mod compiler;
mod confine;
mod contract;
mod convert;
mod describe;
mod engine;
mod fault;
mod function;
mod host;
mod imports;
mod inspect;
mod instance;
mod limiter;
mod log;
mod machine;
mod outline;
mod parts;
mod preempt;
mod settings;
mod source;
mod source_error;
mod state;
mod text;
mod wasi;
mod workshop;

pub use compile_main::{THIS_PROGRAM, compile_if_asked};
pub use compile_process::{CompileControl, CompilerError};
pub use compiler::CompilerPlace;
pub use engine::{Engine, EngineConfig, EngineError};
pub use host::{ActorHost, EngineLog, Occupant};
#[cfg(any(test, fuzzing))]
pub use inspect::look_at;
pub use instance::{ActorInit, Instance};
pub use machine::{Capacity, CapacityBound};
pub use outline::{Outline, outline};
pub use parts::{NoParts, OfferInHands, PartError, SourceParts};
pub use preempt::{Outlived, Threads};
pub use source::Source;
pub use source_error::{SourceError, TooMuch};
