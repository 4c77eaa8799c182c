//! Write actors for thespian-host.
//!
//! An actor is a struct, which is its state, and a handler for each type of message. A crate of actors compiles to a
//! WebAssembly component with `cargo build --target wasm32-wasip2` and nothing else; a host loads the component and
//! runs every actor in an instance of its own.
//!
//! ```
//! use thespian::prelude::*;
//!
//! #[message]
//! pub struct Greet {
//!     pub name: String,
//! }
//!
//! #[message]
//! pub struct Greeting {
//!     pub text: String,
//! }
//!
//! #[derive(Default)]
//! pub struct Hello;
//!
//! #[actor]
//! impl Hello {
//!     #[receive]
//!     fn greet(&mut self, greet: Greet) -> Greeting {
//!         Greeting { text: format!("Hello, {}!", greet.name) }
//!     }
//! }
//!
//! source!(Hello);
//!
//! // Without a host, in a plain test:
//! let mut hello = thespian::testing::TestActor::<Hello>::start()?;
//! let effects = hello.tell("asker", &Greet { name: "Ada".into() })?;
//! assert_eq!(effects[0].sent::<Greeting>("asker").unwrap().text, "Hello, Ada!");
//! # Ok::<(), thespian::Error>(())
//! ```
//!
//! # Messages
//!
//! [`message`](macro@message) makes a type one that actors can send. Its payload is JSON; `#[message(encoding =
//! "bytes")]` on a struct around a `Vec<u8>` sends the bytes as they are, `"text"` does so for a `String`, and
//! `"cbor"` (a feature of this crate) is compact and knows byte strings. The type's name selects the receiver's
//! handler; `#[message(name = "shop/order")]` gives another. A part of a message, a struct inside, needs serde's two
//! traits, which `#[message]` gives it too. At a shell people write JSON: types in text and CBOR take it as well.
//!
//! # Starts
//!
//! An actor is made by `Default`, or by a method with `#[start]`. That may take the message that the actor is created with,
//! [`Create::init`] gives it along; without it, or with another, no actor starts:
//!
//! ```
//! # use thespian::prelude::*;
//! #[message]
//! struct Login { name: String }
//!
//! struct Session { name: String }
//!
//! #[actor]
//! impl Session {
//!     #[start]
//!     fn new(login: Login, ctx: &mut Context) -> Self {
//!         info!(ctx, "{} came", login.name);
//!         Self { name: login.name }
//!     }
//! }
//!
//! let login = Login { name: "Ada".into() };
//! let session: thespian::testing::TestActor<Session> = thespian::testing::TestStart::default().init(&login)?.start()?;
//! assert_eq!(session.state().name, "Ada");
//! # Ok::<(), thespian::Error>(())
//! ```
//!
//! # Handlers
//!
//! [`actor`](macro@actor) on an `impl` block makes its `#[receive]` methods handlers, each for the type of its first
//! parameter. A second parameter, `ctx: &mut Context`, is for whatever the actor does besides changing its state: send,
//! create, be woken, exit. A returned message goes to the sender. Handlers may return `Result`, and `?` works on
//! every error: the host then delivers the message once more, and if it fails again returns it to its sender as
//! poison. [`Error::poison`] skips the second attempt. What a failed turn asked for does not happen. Where a bound of
//! the host refuses something ([`Error::is_exhausted`]), a handler may also go on without it.
//!
//! Events of the host are received in the same way: [`Wakeup`], [`ExitRequest`], [`ChildActorExited`],
//! [`ChildActorRestarted`], [`ActorDown`], [`PoisonMessage`], [`DeadEnvelope`], [`NamedActor`], [`StatusAnswer`], and of sources
//! [`LoadedSource`], [`SourceUpdate`] and [`ValidateSource`]. They are ignored where there is no handler. A message without a
//! handler goes back to its sender as poison that names what the actor does take; to ignore what is unknown, write so:
//!
//! ```
//! # use thespian::prelude::*;
//! # #[derive(Default)] struct Patient;
//! #[actor]
//! impl Patient {
//!     #[receive]
//!     fn rest(&mut self, _: RawMessage) {}
//! }
//! ```
//!
//! `#[receive(when = Self::is_open)]` is a handler for some of the actor's states: [`actor`](macro@actor#states) has the
//! rules, and [`Stash`] the state machine of which other actor systems say `become`.
//!
//! # Time
//!
//! [`Context::send_after`] sends the actor a message later, and [`Context::send_every`] again and again: they come to the handler
//! of their type like any other. [`Context::cancel_timer`] takes them back.
//!
//! # Parts
//!
//! What more than one handler is needed for, a *part* does: a field of the actor's state that sees what came first,
//! named by `#[actor(parts(...))]`. [`Requests`] asks other actors, [`Stash`] and [`Initializing`] hold messages back,
//! [`Supervisor`] replaces children, [`SourceAuthority`] judges what is loaded. What an actor does not take goes to its *base*, a field that is an actor itself:
//!
//! ```
//! # use thespian::prelude::*;
//! # #[message] struct Add { n: u64 }
//! # #[message] struct Who;
//! # #[message] struct Name { name: String }
//! #[derive(Default)]
//! struct Counter { count: u64 }
//!
//! #[actor]
//! impl Counter {
//!     #[receive]
//!     fn add(&mut self, add: Add) {
//!         self.count += add.n;
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Department { counter: Counter }
//!
//! #[actor(base = counter)]
//! impl Department {
//!     #[receive]
//!     fn who(&mut self, _: Who) -> Name {
//!         Name { name: "the department".into() }
//!     }
//! }
//! # let mut department = thespian::testing::TestActor::<Department>::start()?;
//! # department.tell("a", &Add { n: 2 })?;
//! # assert_eq!(department.state().counter.count, 2);
//! # Ok::<(), thespian::Error>(())
//! ```
//!
//! A handler that does more than its base calls that itself: `self.counter.add(add)`. An event of the host, too, goes to
//! the base only if the actor has no handler for it. [`Troupe`] makes a class many workers at one address.
//!
//! # A whole class
//!
//! An account of a bank: created with a message, it asks another actor within a deadline, and refuses what it can't do.
//!
//! ```
//! use std::time::Duration;
//!
//! use thespian::prelude::*;
//!
//! /// The message that an account is created with.
//! #[message]
//! struct Open {
//!     owner: String,
//!     auditor: Address,
//! }
//!
//! #[message]
//! struct Deposit {
//!     cents: u64,
//! }
//!
//! #[message]
//! struct Withdraw {
//!     cents: u64,
//! }
//!
//! /// Asks the auditor, who has five seconds to send `Approved`.
//! #[message]
//! struct Approve {
//!     owner: String,
//!     cents: u64,
//! }
//!
//! #[message]
//! struct Approved;
//!
//! #[message]
//! struct Balance {
//!     cents: u64,
//!     refused: Option<String>,
//! }
//!
//! struct Account {
//!     cents: u64,
//!     open: Open,
//!     requests: Requests<Self>,
//! }
//!
//! #[actor(parts(requests))]
//! impl Account {
//!     #[start]
//!     fn new(open: Open) -> Self {
//!         Self { cents: 0, open, requests: Requests::default() }
//!     }
//!
//!     #[receive]
//!     fn deposit(&mut self, deposit: Deposit) -> Balance {
//!         self.cents += deposit.cents;
//!         Balance { cents: self.cents, refused: None }
//!     }
//!
//!     #[receive]
//!     fn withdraw(&mut self, Withdraw { cents }: Withdraw, ctx: &mut Context) -> Result {
//!         let Some(left) = self.cents.checked_sub(cents) else {
//!             return Err(Error::poison(format!("there are {} cents", self.cents)));
//!         };
//!         let (customer, within) = (ctx.reply_to(), Duration::from_secs(5));
//!         let approve = Approve { owner: self.open.owner.clone(), cents };
//!         self.requests.ask(ctx, &self.open.auditor, &approve, within, move |account, answer, ctx| {
//!             let refused = answer.map(|Approved| ()).err().map(|error| error.to_string());
//!             let back = refused.as_ref().map_or(0, |_| cents);
//!             ctx.answer(&customer, &Balance { cents: account.cents + back, refused })?;
//!             account.cents += back;
//!             Ok(())
//!         })?;
//!         self.cents = left;
//!         Ok(())
//!     }
//! }
//!
//! source!(Account);
//! #
//! # use thespian::testing::{TestActor, TestStart};
//! #
//! # let open = Open { owner: "Ada".into(), auditor: "auditor".into() };
//! # let mut account: TestActor<Account> = TestStart::default().init(&open)?.start()?;
//! # account.tell("Ada", &Deposit { cents: 500 })?;
//! # let error = account.tell("Ada", &Withdraw { cents: 501 }).unwrap_err();
//! # assert_eq!(error.reason(), "there are 500 cents");
//! # let asked = account.tell("Ada", &Withdraw { cents: 200 })?;
//! # let answered = account.answer(&asked[0], &Approved)?;
//! # assert_eq!(answered[1].sent::<Balance>("Ada").unwrap().cents, 300);
//! # account.tell("Ada", &Withdraw { cents: 200 })?;
//! # let balance: Balance = account.advance(Duration::from_secs(5))?[1].sent("Ada").unwrap();
//! # assert_eq!((balance.cents, balance.refused.as_deref()), (300, Some("no answer came in time")));
//! # Ok::<(), thespian::Error>(())
//! ```
//!
//! # Traps
//!
//! A panic is a trap: the instance is lost and a fresh one takes its place. So prefer `?` to `unwrap`. A fresh instance is the
//! usual answer to a crash; `on_trap = "exit"` is for actors that somebody replaces, as a [`Supervisor`] does.
//!
//! # Children
//!
//! They live on when their creator traps, and the fresh instance finds them by [`Context::children`], with the labels of
//! [`Create::label`]: a start looks there before it creates any, as [`Supervisor`] does by itself. Where children are
//! worth nothing without what their creator knew, its class says `#[actor(children_at_restart = "end")]`: then they end
//! before the fresh instance starts, which creates them as at first.

// The attributes name this crate as its users do.
extern crate self as thespian;

mod actor;
mod address;
mod authority;
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::semicolon_if_nothing_returned,
    clippy::use_self,
    reason = "generated by wit-bindgen, whose style is its own"
)]
pub mod bindings;
mod capability;
mod class;
mod context;
mod create;
mod dispatch;
mod event;
mod failure;
mod host;
mod hosting;
mod incoming;
mod init;
mod initializing;
mod instance;
mod log;
mod message;
mod names;
mod parts;
mod replay;
mod reply;
mod requests;
mod returned;
mod source;
mod sources;
mod stash;
mod supervisor;
pub mod tcp;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod timers;
mod timing;
mod troupe;

pub use actor::Actor;
pub use address::Address;
pub use authority::{Judge, SourceAuthority};
pub use capability::{Attributes, Clause, Requirement, Value};
pub use class::{Accepts, ChildrenAtRestart, InitMessage, OnTrap, Transient};
pub use context::Context;
pub use create::Create;
pub use event::{
    ActorDown, ChildActorExited, ChildActorRestarted, DeadEnvelope, ExitReason, ExitRequest, NamedActor,
    PoisonMessage, QuestionId, StatusAnswer, Wakeup, WakeupId,
};
pub use failure::{Error, Result};
pub use hosting::Child;
pub use incoming::{Incoming, Receive};
pub use init::StartsWith;
pub use initializing::Initializing;
pub use log::Level;
pub use message::{Encoding, Message, RawMessage};
pub use parts::{Field, Part};
pub use reply::{REQUEST_HEADER, ReplyTo};
pub use requests::{RequestError, RequestId, Requests};
pub use returned::{IntoReply, IntoStart};
pub use sources::{
    Approval, LoadSource, LoadedSource, OfferId, SourceOffer, SourceReader, SourceUpdate, SourceWriter,
    ValidateSource,
};
pub use stash::Stash;
pub use supervisor::{ChildStatus, Children, RestartType, Shutdown, Strategy, Supervisor, WhichChildren};
pub use thespian_macros::{actor, message};
pub use timers::Timer;
pub use troupe::{AskTroupeStatus, Troupe, TroupeSettings, TroupeStatus, Troupers, UpdateTroupeSettings};

/// Names for the code that the attributes make.
#[doc(hidden)]
pub mod private {
    pub use crate::actor::{Guest, base_receives, init};
    pub use crate::dispatch::not_now;
    pub use crate::instance::{handle_event, handle_message, start};
    #[cfg(feature = "cbor")]
    pub use crate::message::{decode_cbor, encode_cbor};
    pub use crate::message::{decode_json, decode_text, encode_json, holds};
    pub use crate::names::{count_merged, count_names, differ, merged, names};
    pub use crate::parts::{Ledger, attempt, part_receives};
    pub use crate::returned::replied;
    pub use crate::source::{accepts, describe};
    pub use crate::troupe::TROUPE_TAKES;
    pub use serde;
    pub use std::borrow::Cow;
}

/// Everything that an actor's crate needs: `use thespian::prelude::*;`.
pub mod prelude {
    pub use crate::{
        ActorDown, Address, Approval, Attributes, ChildActorExited, ChildActorRestarted, Clause, Context,
        Create, DeadEnvelope, Error, ExitReason, ExitRequest, Initializing, Level, LoadSource, LoadedSource,
        Message, NamedActor, OnTrap, PoisonMessage, QuestionId, RawMessage, ReplyTo, RequestError, Requests,
        Requirement, Result, SourceAuthority, SourceOffer, SourceUpdate, Stash, StatusAnswer, Timer,
        ValidateSource, Value, Wakeup, WakeupId, actor, message, source,
    };
    pub use crate::{debug, error, info, trace, warn};
}
