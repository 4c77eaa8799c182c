//! Messages that an actor must have before it is ready, and everything else that waits for them.

use std::fmt;

use crate::context::Context;
use crate::failure::Result;
use crate::incoming::{Came, Incoming};
use crate::message::{Message, RawMessage};
use crate::parts::{Field, Kind, Ledger, Part, Standing};
use crate::replay::Replay;
use crate::stash::HELD_MAX;

/// The messages that an actor of class `A` needs before any other: a field of its state, named by `#[actor(parts(...))]`.
///
/// ```
/// use thespian::prelude::*;
///
/// #[message]
/// struct Prices { of_tea: u64 }
/// #[message]
/// struct Greeting { text: String }
/// #[message]
/// struct Order;
/// #[message]
/// struct Bill { text: String }
///
/// struct Shop { initializing: Initializing<Self>, price: u64, greeting: String }
///
/// #[actor(parts(initializing))]
/// impl Shop {
///     #[start]
///     fn new() -> Self {
///         let initializing = Initializing::new(Self::opened).needs::<Prices>().needs::<Greeting>();
///         Self { initializing, price: 0, greeting: String::new() }
///     }
///
///     #[receive]
///     fn prices(&mut self, prices: Prices) {
///         self.price = prices.of_tea;
///     }
///
///     #[receive]
///     fn greeting(&mut self, greeting: Greeting) {
///         self.greeting = greeting.text;
///     }
///
///     fn opened(&mut self, ctx: &mut Context) -> Result {
///         info!(ctx, "open");
///         Ok(())
///     }
///
///     #[receive]
///     fn order(&mut self, _: Order) -> Bill {
///         Bill { text: format!("{} That is {}.", self.greeting, self.price) }
///     }
/// }
/// ```
///
/// The needed messages go to their handlers as they come, in any order, and more than once if they come so. Everything
/// else waits. When the last of them is handled, the callback given to [`Initializing::new`] runs in the same turn; then what
/// waited comes to its handlers, in order, one message for each turn, with the sender that it had. Events of the host and
/// answers to [`crate::Requests`] never wait.
///
/// What waits is bounded, 1,000 messages unless [`Initializing::bounded`] says otherwise, and shares the fate of what is in
/// a [`crate::Stash`]. An actor that lost its instance to a trap needs its messages again.
pub struct Initializing<A> {
    /// Each with whether it was handled.
    needs: Vec<(&'static str, bool)>,
    ready: fn(&mut A, &mut Context) -> Result,
    replay: Replay,
    /// The needed message that this turn handles.
    current: Option<usize>,
}

impl<A> fmt::Debug for Initializing<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initializing").field("needs", &self.needs).finish_non_exhaustive()
    }
}

impl<A> Initializing<A> {
    /// Runs `ready` when everything is there.
    pub fn new(ready: fn(&mut A, &mut Context) -> Result) -> Self {
        let mut replay = Replay::new("thespian/initialized", Kind::Initializing, HELD_MAX);
        replay.standing().enter();
        Self { needs: Vec::new(), ready, replay, current: None }
    }

    /// Nothing else is handled before a message of type `M`.
    #[must_use]
    pub fn needs<M: Message>(mut self) -> Self {
        self.needs.push((M::TYPE_NAME, false));
        self
    }

    /// At most this many messages wait; what is more goes back to its sender as poison.
    #[must_use]
    pub const fn bounded(mut self, len_max: usize) -> Self {
        self.replay.set_len_max(len_max);
        self
    }

    /// Whether everything that is needed has come.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.needs.iter().all(|(_, came)| *came)
    }

    /// Whether the turn under way brings the last one.
    fn completes(&self) -> bool {
        let others = |(place, (_, came)): (usize, &(&str, bool))| *came || Some(place) == self.current;
        !self.is_ready() && self.current.is_some() && self.needs.iter().enumerate().all(others)
    }
}

impl<A> Ledger for Initializing<A> {
    fn begin(&mut self, again: bool) {
        self.current = None;
        self.replay.begin(again);
    }

    fn end(&mut self, succeeded: bool) {
        if let (true, Some(place)) = (succeeded, self.current) {
            self.needs[place].1 = true;
        }
        self.replay.end(succeeded);
    }

    fn standing(&mut self) -> &mut Standing {
        self.replay.standing()
    }
}

impl<A> Part<A> for Initializing<A> {
    fn offer(
        actor: &mut A,
        part: Field<A, Self>,
        incoming: Incoming,
        ctx: &mut Context,
    ) -> Result<Option<Incoming>> {
        let this = part(actor);
        if this.is_ready() {
            return this.replay.offer(incoming, ctx);
        }
        match incoming.0 {
            Came::Message(message) => {
                this.current = this.needs.iter().position(|(name, _)| *name == message.type_name);
                if this.current.is_some() {
                    return Ok(Some(Incoming(Came::Message(message))));
                }
                this.replay.keep(RawMessage::from_wit(message), ctx).map(|()| None)
            }
            came => this.replay.offer(Incoming(came), ctx),
        }
    }

    fn finish(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) -> Result {
        let this = part(actor);
        if this.completes() {
            this.replay.release();
            (this.ready)(actor, ctx)?;
        }
        part(actor).replay.finish(ctx)
    }

    fn leave(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) {
        part(actor).replay.leave(ctx);
    }
}
