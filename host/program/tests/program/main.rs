//! The program as people and scripts use it: real processes, real data directories, real sockets.
#![expect(clippy::unwrap_used, reason = "a test")]

mod actors;
mod apps;
mod compiling;
mod configuration;
mod demo;
mod descriptors;
mod faces;
mod grants;
mod guide;
mod help;
mod input;
mod lifetime;
mod logging;
mod messages;
mod persons;
mod process;
mod restarts;
mod signing;
mod statuses;
mod stopped;
mod stuck;
mod tcp;
