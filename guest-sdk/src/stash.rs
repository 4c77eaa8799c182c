//! A stash: messages that an actor can't handle in the state that it is in, kept for a later one.

use std::fmt;

use crate::context::Context;
use crate::failure::Result;
use crate::incoming::Incoming;
use crate::message::{Message, RawMessage};
use crate::parts::{Field, Kind, Ledger, Part, Standing};
use crate::replay::Replay;

/// Messages that are held back, unless it is said otherwise: more than a state that passes should see.
pub(crate) const HELD_MAX: usize = 1_000;

/// Messages that an actor keeps for a later state: a field of its state, named by `#[actor(parts(...))]`.
///
/// A state machine is an enum in the actor's state, and handlers that say [`when`](macro@crate::actor#states) they take a
/// message; there is no `become`, as other actor systems have it: a state is entered by setting the field. What one state
/// can't handle it puts into the stash; whoever enters the next state lets everything go:
///
/// ```
/// use thespian::prelude::*;
///
/// #[message]
/// struct Open;
/// #[message]
/// struct Enter;
/// #[message]
/// struct Welcome;
///
/// #[derive(Default, PartialEq)]
/// enum Door {
///     #[default]
///     Closed,
///     Open,
/// }
///
/// #[derive(Default)]
/// struct House { door: Door, stash: Stash }
///
/// #[actor(parts(stash))]
/// impl House {
///     fn is_open(&self) -> bool {
///         self.door == Door::Open
///     }
///
///     #[receive]
///     fn open(&mut self, _: Open) {
///         self.door = Door::Open;
///         self.stash.unstash_all();
///     }
///
///     #[receive(when = Self::is_open)]
///     fn welcome(&mut self, _: Enter) -> Welcome {
///         Welcome
///     }
///
///     /// In every other state.
///     #[receive]
///     fn wait(&mut self, enter: Enter, ctx: &mut Context) -> Result {
///         self.stash.put(ctx, &enter)
///     }
/// }
/// # let mut house = thespian::testing::TestActor::<House>::start()?;
/// # house.tell("a", &Enter)?;
/// # assert_eq!(house.state().stash.len(), 1);
/// # house.tell("key", &Open)?;
/// # Ok::<(), thespian::Error>(())
/// ```
///
/// Each message comes to its handler in a turn of its own, in the order in which they were put, with the sender that it
/// had: [`Context::sender`], [`Context::reply`] and a returned message are as they would have been. Messages that
/// come meanwhile wait behind them; events of the host and answers to [`crate::Requests`] do not.
///
/// # Where it fails
///
/// A message that fails when it is let go has its second attempt, and then goes back to its sender as poison, also where it
/// traps. What is put in a turn that fails is not kept: that message takes its usual way. A full stash refuses what is put,
/// and so it goes back as poison; and so does what waits when the actor exits. A trap loses what the stash still has, like
/// everything else that the actor knew, and of that nobody hears.
#[doc(alias = "become")]
pub struct Stash(Replay);

impl Default for Stash {
    fn default() -> Self {
        Self::bounded(HELD_MAX)
    }
}

impl fmt::Debug for Stash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stash").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Stash {
    /// At most this many messages, those included that were let go and are not handled yet.
    #[must_use]
    pub fn bounded(len_max: usize) -> Self {
        Self(Replay::new("thespian/unstash", Kind::Stash, len_max))
    }

    /// Keeps the message that is being handled.
    ///
    /// # Errors
    /// The stash is full, or it is none of the actor's parts.
    pub fn put<M: Message>(&mut self, ctx: &Context, message: &M) -> Result {
        self.0.keep(RawMessage::of(message)?, ctx)
    }

    /// Keeps the message that is being handled, as it came.
    ///
    /// # Errors
    /// The stash is full, or it is none of the actor's parts.
    pub fn put_raw(&mut self, ctx: &Context, message: RawMessage) -> Result {
        self.0.keep(message, ctx)
    }

    /// Lets everything go when this turn succeeds. What is put afterwards in the same turn goes along.
    pub const fn unstash_all(&mut self) {
        self.0.release();
    }

    /// How many messages are kept, those not counted that were let go.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.kept()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Ledger for Stash {
    fn begin(&mut self, again: bool) {
        self.0.begin(again);
    }

    fn end(&mut self, succeeded: bool) {
        self.0.end(succeeded);
    }

    fn standing(&mut self) -> &mut Standing {
        self.0.standing()
    }
}

impl<A> Part<A> for Stash {
    fn offer(
        actor: &mut A,
        part: Field<A, Self>,
        incoming: Incoming,
        ctx: &mut Context,
    ) -> Result<Option<Incoming>> {
        part(actor).0.offer(incoming, ctx)
    }

    fn finish(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) -> Result {
        part(actor).0.finish(ctx)
    }

    fn leave(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) {
        part(actor).0.leave(ctx);
    }
}
