//! Judging sources: one for each turn, however many are offered.

use std::fmt;
use std::time::Duration;

use crate::bindings::thespian::actor::types::{Event, MessageResult};
use crate::context::Context;
use crate::failure::Result;
use crate::incoming::{Came, Incoming};
use crate::message::RawMessage;
use crate::parts::{Field, Kind, Ledger, Part, Standing};
use crate::sources::{Approval, OfferId, SourceOffer};

/// The type name of the signal after which the next is judged.
pub(crate) const NEXT: &str = "thespian/judge";
/// How long to wait for room in the actor's own mailbox.
const NO_ROOM_FOR: Duration = Duration::from_millis(100);

/// Says what becomes of a source: an error refuses it, and whoever loads it is told why.
pub type Judge<A> = fn(&mut A, &SourceOffer, &mut Context) -> Result<Approval>;

/// The judgements of an actor of class `A` that is the Source Authority of its host: a field of its state, named by
/// `#[actor(parts(...))]`. What is loaded comes to one function:
///
/// ```
/// use thespian::prelude::*;
///
/// struct Gate { authority: SourceAuthority<Self> }
///
/// #[actor(parts(authority))]
/// impl Gate {
///     #[start]
///     fn new() -> Self {
///         Self { authority: SourceAuthority::new(Self::judge) }
///     }
///
///     fn judge(&mut self, offer: &SourceOffer, _: &mut Context) -> Result<Approval> {
///         if offer.size > 1_000_000 {
///             return Err(Error::poison("only sources of a megabyte are let in here"));
///         }
///         Ok(Approval::new().limit("memory-bytes-max", 16 << 20))
///     }
/// }
///
/// let mut gate = thespian::testing::TestActor::<Gate>::start()?;
/// let effects = gate.source_offered("small.wasm", b"\0asm".to_vec())?;
/// assert!(matches!(&effects[..], [thespian::testing::Effect::Judge { verdict: Ok(_), .. }]));
/// # Ok::<(), thespian::Error>(())
/// ```
///
/// A host's configuration names the actor (`--authority actor`), or one whose source has the right registers itself by
/// [`Context::register_authority`]. Each source has a turn of its own. One on which that fails for good, by a trap or by a spent
/// bound, is refused, and the next comes. The function may read the source piece by piece, and put other bytes in its place: see
/// [`SourceOffer`].
///
/// It answers in its own turn. An authority that has to ask another first has no such part: it takes [`crate::ValidateSource`],
/// goes through [`Context::next_offer`], asks by [`crate::Requests`], and says by [`Context::judge_source`] what becomes of an offer
/// when it has the answer.
pub struct SourceAuthority<A> {
    judge: Judge<A>,
    /// Offers that were judged and may still be in the actor's hands, for the host hears of it when the turn is over.
    judged: Vec<OfferId>,
    /// The one that this turn judges.
    current: Option<OfferId>,
    /// Whether a signal is on its way.
    is_running: bool,
    /// The same at the end of this turn.
    runs_on: bool,
    standing: Standing,
}

impl<A> fmt::Debug for SourceAuthority<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceAuthority").field("judged", &self.judged).finish_non_exhaustive()
    }
}

impl<A> SourceAuthority<A> {
    /// Has `judge` say what becomes of each source.
    pub fn new(judge: Judge<A>) -> Self {
        let mut standing = Standing::new(Kind::SourceAuthority);
        standing.enter();
        Self { judge, judged: Vec::new(), current: None, is_running: false, runs_on: false, standing }
    }

    /// The first that is not judged yet. What is in the actor's hands no more is forgotten.
    fn next(&mut self, ctx: &Context) -> Option<OfferId> {
        let (mut next, mut held, mut after) = (None, Vec::new(), None);
        while let Some(offer) = ctx.next_offer(after) {
            after = Some(offer.id);
            if self.judged.contains(&offer.id) {
                held.push(offer.id);
            } else if self.current != Some(offer.id) {
                next = next.or(Some(offer.id));
            }
        }
        self.judged = held;
        next
    }

    /// Has the next have a turn of its own, if there is one. The signal says which: where its turn fails, that one is refused.
    fn go_on(&mut self, ctx: &mut Context) -> Result {
        let next = self.next(ctx);
        self.runs_on = next.is_some();
        let Some(OfferId(number)) = next else { return Ok(()) };
        let me = ctx.me().clone();
        let signal = RawMessage::signal(NEXT, number.to_string());
        match ctx.send_raw(&me, &signal) {
            Err(error) if error.is_exhausted() => ctx.wakeup_after_raw(NO_ROOM_FOR, signal).map(drop),
            sent => sent,
        }
    }

    /// The offer of which a signal speaks, if it is still to be judged.
    fn meant(&self, signal: &MessageResult, ctx: &Context) -> Option<SourceOffer> {
        let number: u64 = std::str::from_utf8(&signal.payload).ok()?.parse().ok()?;
        let offer = ctx.next_offer(Some(OfferId(number.checked_sub(1)?)))?;
        (offer.id == OfferId(number) && !self.judged.contains(&offer.id)).then_some(offer)
    }
}

impl<A> Ledger for SourceAuthority<A> {
    fn begin(&mut self, _again: bool) {
        self.standing.confirm();
        self.current = None;
        self.runs_on = self.is_running;
    }

    fn end(&mut self, succeeded: bool) {
        let judged = self.current.take();
        // A signal whose turn failed comes once more, or its poison does: both go on.
        self.is_running = succeeded && self.runs_on;
        if succeeded {
            self.judged.extend(judged);
        }
    }

    fn standing(&mut self) -> &mut Standing {
        &mut self.standing
    }
}

impl<A> Part<A> for SourceAuthority<A> {
    fn offer(
        actor: &mut A,
        part: Field<A, Self>,
        incoming: Incoming,
        ctx: &mut Context,
    ) -> Result<Option<Incoming>> {
        let (signal, failed) = match incoming.0 {
            Came::Event(Event::ValidateSource(_)) => {
                if !part(actor).is_running {
                    part(actor).go_on(ctx)?;
                }
                return Ok(None);
            }
            Came::Signal(signal) if signal.type_name == NEXT => (signal, None),
            Came::SignalFailed(poisoned) if poisoned.original.type_name == NEXT => {
                (poisoned.original, Some(poisoned.details))
            }
            came => return Ok(Some(Incoming(came))),
        };
        if let Some(offer) = part(actor).meant(&signal, ctx) {
            part(actor).current = Some(offer.id);
            let verdict = match failed {
                Some(why) => Err(format!("its authority failed: {why}")),
                None => {
                    // Also where the signal came as a wakeup, of which nobody else would hear.
                    let me = ctx.me().clone();
                    ctx.fails_for_raw(&me, &RawMessage::from_wit(signal))?;
                    offer.take_back()?;
                    let judge = part(actor).judge;
                    judge(actor, &offer, ctx).map_err(|error| error.reason().to_string())
                }
            };
            ctx.judge_source(offer.id, verdict.as_ref().map_err(String::as_str))?;
        }
        part(actor).go_on(ctx)?;
        Ok(None)
    }
}
