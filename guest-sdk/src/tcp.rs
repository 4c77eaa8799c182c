//! TCP connections, for actors that an operator granted some with `thespian-host grant tcp`.
//!
//! A connection is an address. What comes from it is messages with that address as their sender: one [`Opened`], any
//! number of [`Data`], one [`Closed`], which is the last. To write, send [`Data`] to the address, or any message in
//! bytes or text; to close, ask it to exit: what was written before is still sent.
//!
//! ```
//! use thespian::prelude::*;
//! use thespian::tcp;
//!
//! #[derive(Default)]
//! pub struct Echo;
//!
//! #[actor]
//! impl Echo {
//!     #[receive]
//!     fn opened(&mut self, _: tcp::Opened) {}
//!
//!     #[receive]
//!     fn data(&mut self, data: tcp::Data, ctx: &mut Context) -> Result {
//!         if data.0.starts_with(b"bye") {
//!             let connection = ctx.sender().clone();
//!             return ctx.request_exit(&connection, true);
//!         }
//!         ctx.reply(&data)
//!     }
//!
//!     #[receive]
//!     fn closed(&mut self, _: tcp::Closed) {}
//! }
//!
//! let mut echo = thespian::testing::TestActor::<Echo>::start()?;
//! let effects = echo.tell("connection", &tcp::Data(b"hi".to_vec()))?;
//! assert_eq!(effects[0].sent::<tcp::Data>("connection").unwrap().0, b"hi");
//! # Ok::<(), thespian::Error>(())
//! ```
//!
//! The host reads on only while few of a connection's messages are unhandled, so a slow actor slows its peers down and
//! loses nothing. A failed turn that was to handle [`Data`] closes the connection: the stream would have a hole.

use crate::message;

/// A new connection: its first message.
#[message(name = "tcp/opened")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The other end: an IP address and a port.
    pub peer: String,
    /// The host's end of it.
    pub local: String,
}

/// Bytes that came, in order; of any length, since TCP knows no messages. Or bytes to be written.
#[message(name = "tcp/data", encoding = "bytes")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data(pub Vec<u8>);

/// The end of a connection: its last message. What the actor wrote before it handled this is still sent, if the peer
/// reads it.
#[message(name = "tcp/closed")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// In a word: `peer` (it sends no more), `requested` (an actor asked the connection to exit), `revoked`, `idle`,
    /// `lost` (the peer read too slowly), `unhandled` (a turn failed) or `broken`.
    pub reason: String,
    /// The same for people.
    pub details: String,
}
