//! A node of thespian-host, to be embedded or run as a program.
//!
//! A node runs on threads of its own, so it can be started under any asynchronous runtime, or under none:
//!
//! ```
//! use thespian_core::message::Message;
//! use thespian_core::wire::control::Incoming;
//! use thespian_host::config::{Authority, NodeConfig};
//! use thespian_host::node::Node;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Trusts every source: for development only. By default a node loads nothing.
//! let node = Node::start(NodeConfig { authority: Authority::TrustAll, ..NodeConfig::default() })?;
//! let client = node.client();
//! let component = std::fs::read(thespian_guests::HELLO)?; // examples/01-hello
//! node.runtime().block_on(async {
//!     let source = client.load("hello", component, |_| {}).await?;
//!     let hello = client.create(&source.hash.to_string(), "Hello").await?;
//!     let answer = client.ask(hello, Message::json("Greet", r#"{"name": "Ada"}"#), None).await?;
//!     let Incoming::Message { message, .. } = answer else { panic!("poison: {answer:?}") };
//!     assert_eq!(&message.payload[..], br#"{"text":"Hello, Ada!"}"#);
//!     node.stop().await;
//!     Ok(())
//! })
//! # }
//! ```
//!
//! What its actors and the node itself log comes as events of `tracing`, with the targets `actor` and `node`, from a thread
//! of the node's own: a subscriber may take as long as it likes, and holds up no actor. So one that is set for a thread alone
//! (`tracing::subscriber::with_default`) sees none of them. While it falls behind, at most a mebibyte waits for it; what is
//! missing beyond that is told to it where it is missing, and counted in the node's status.

// Said here in words, before a dependency says it in a hundred lines of its own.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!(
    "thespian-host runs on Linux on x86-64 or aarch64 only: it reserves guests' memory, reads threads' CPU time and \
     asks who is at the other end of a socket in Linux's ways. Elsewhere, run it in a Linux container or virtual \
     machine. Actors (the crate `thespian`) and `thespian-core` build on every platform."
);

mod actor;
mod answers;
mod appointing;
mod apps;
mod auditing;
pub mod client;
mod compiles;
pub mod config;
mod cpu_time;
pub mod descriptors;
mod desk;
mod endpoint;
mod ends;
mod grant;
mod hands;
pub mod input;
mod inside;
pub mod judge;
mod library;
mod loads;
mod log;
mod memory;
pub mod node;
mod node_fault;
mod offers;
pub mod outlet;
mod output;
mod perform;
mod plane;
mod policy;
mod pool;
mod remembering;
pub mod sandbox;
mod seal;
pub mod session;
pub mod shell;
mod shortage;
pub mod signing;
mod status;
pub mod store;
pub mod transport;
pub mod typed_text;
pub mod watchdog;
