//! The mind of thespian-host: every rule of actors, sources and hosts, as plain state machines.
//!
//! Nothing here reads a clock, opens a socket, runs WebAssembly or draws a random number. Time is an argument,
//! addresses and everything else from outside arrive in events, and what is to be done comes back as effects. So the
//! very code that ships is the code that simulation runs.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod address;
pub mod admin;
pub mod askers;
pub mod budget;
pub mod capability;
pub mod children;
pub mod compiling;
pub mod concern;
pub mod connection;
pub mod dead_letters;
pub mod descriptors;
pub mod effect;
pub mod envelope;
pub mod event;
pub mod family;
pub mod fate;
pub mod life;
pub mod limits;
pub mod log_level;
pub mod mailbox;
pub mod message;
pub mod monitors;
pub mod names;
pub mod outbox;
pub mod pauses;
pub mod plan;
pub mod post;
pub mod posts;
pub mod question;
pub mod role;
pub mod run_queue;
pub mod source;
pub mod suitability;
pub mod text;
pub mod time;
pub mod timers;
pub mod turn;
pub mod utc;
pub mod wire;
