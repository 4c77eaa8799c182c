//! A node of thespian-host, to be embedded or run as a program.

// Said here in words, before a dependency says it in a hundred lines of its own.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!(
    "thespian-host runs on Linux on x86-64 or aarch64 only: it reserves guests' memory, reads threads' CPU time and \
     asks who is at the other end of a socket in Linux's ways. Elsewhere, run it in a Linux container or virtual \
     machine. Actors (the crate `thespian`) and `thespian-core` build on every platform."
);

mod actor;
pub mod client;
mod clock;
pub mod config;
mod endpoint;
mod log;
mod mailbox;
pub mod node;
mod perform;
mod router;
pub mod sandbox;
pub mod session;
mod shared;
pub mod shell;
mod status;
pub mod store;
mod timer;
pub mod transport;
