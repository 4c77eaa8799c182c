//! Asking from inside: a question, a deadline, and the method that goes on with the answer.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::time::Duration;

use crate::address::Address;
use crate::bindings::thespian::actor::types::{Event, MessageResult};
use crate::context::Context;
use crate::event::{ChildActorExited, ExitReason, PoisonMessage, WakeupId};
use crate::failure::{Error, Result};
use crate::incoming::{Came, Incoming, Receive};
use crate::message::{Encoding, Message, RawMessage};
use crate::parts::{Field, Kind, Ledger, Part, Standing};
use crate::reply::{self, PoisonNotice, REQUEST_HEADER};

/// Questions that may be open at one time, unless [`Requests::bounded`] says otherwise: a tenth of the wakeups that a
/// host lets an actor have, so that deadlines leave room for others.
const OPEN_MAX: usize = 1_000;

/// The type name of a deadline's payload.
const DEADLINE: &str = "thespian/deadline";

/// The reason why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// None came in time.
    TimedOut,
    /// Whoever had the question failed on it.
    Poisoned(PoisonNotice),
    /// Whoever was asked is gone. Known of children only; of others the deadline tells.
    TargetGone(ExitReason),
    /// The answer is of another type than the continuation takes.
    Unexpected(RawMessage),
    /// The answer can't be decoded: why.
    Undecodable(String),
    /// Whoever asked exits: the continuation runs in its exit turn, to tell those who wait.
    Exiting,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no answer came in time"),
            Self::Poisoned(notice) => write!(f, "the question came back: {}", notice.details),
            Self::TargetGone(reason) => write!(f, "whoever was asked is gone: {reason}"),
            Self::Unexpected(answer) => write!(f, "the answer is of another type: `{}`", answer.type_name),
            Self::Undecodable(why) => f.write_str(why),
            Self::Exiting => f.write_str("the actor that asked exits"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Names an open question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

type Continuation<A> = Rc<dyn Fn(&mut A, Result<Incoming, RequestError>, &mut Context) -> Result>;

struct Open<A> {
    id: u64,
    to: Address,
    deadline: WakeupId,
    then: Continuation<A>,
    /// A test of an answer that comes without the header.
    unmarked: Option<fn(&Incoming) -> bool>,
}

/// The open questions of an actor of class `A`: a field of its state, named by `#[actor(parts(...))]`.
///
/// ```
/// use std::time::Duration;
/// use thespian::prelude::*;
///
/// #[message]
/// struct PriceOf { item: String }
/// #[message]
/// struct Price { cents: u64 }
/// #[message]
/// struct Order { item: String }
/// #[message]
/// struct Confirmed { text: String }
///
/// struct Shop { stock: Address, requests: Requests<Self> }
///
/// #[actor(parts(requests))]
/// impl Shop {
///     # #[start] fn new() -> Self { Self { stock: "stock".into(), requests: Requests::default() } }
///     #[receive]
///     fn order(&mut self, order: Order, ctx: &mut Context) -> Result {
///         let customer = ctx.reply_to();
///         let question = PriceOf { item: order.item };
///         self.requests.ask(ctx, &self.stock, &question, Duration::from_secs(5), move |shop, price, ctx| {
///             shop.priced(&customer, price, ctx)
///         })?;
///         Ok(())
///     }
///
///     fn priced(&mut self, customer: &ReplyTo, price: Result<Price, RequestError>, ctx: &mut Context) -> Result {
///         let text = match price {
///             Ok(price) => format!("that is {} cents", price.cents),
///             Err(error) => format!("we can't say: {error}"),
///         };
///         ctx.answer(customer, &Confirmed { text })
///     }
/// }
///
/// let mut shop = thespian::testing::TestActor::<Shop>::start()?;
/// let asked = shop.tell("customer", &Order { item: "tea".into() })?;
/// let effects = shop.answer(&asked[0], &Price { cents: 250 })?;
/// assert_eq!(effects[1].sent::<Confirmed>("customer").unwrap().text, "that is 250 cents");
/// # Ok::<(), thespian::Error>(())
/// ```
///
/// Each question has exactly one end: an answer or a [`RequestError`], whichever comes first. The continuation then runs
/// as a turn of its own, with the answer's sender as [`Context::sender`]; where it is a method, `Self::on_answer` will do.
/// Nothing waits meanwhile: the actor handles other messages.
///
/// # How an answer is known
///
/// By the header [`REQUEST_HEADER`](crate::REQUEST_HEADER), which the question has and the answer must have too. A returned
/// message, [`Context::reply`] and [`Context::answer`] see to that; so whoever gets a [`crate::ReplyTo`] can answer, not
/// only who was asked. An actor that is written without this crate copies the
/// header, or is asked with [`Requests::ask_unmarked`]. The name in it can't be guessed, so
/// nobody answers who has not seen the question.
///
/// An answer never reaches an ordinary handler. One that comes after the question's end is dropped, with a record in the
/// log at level debug; and so is each that comes after a trap, for with the instance all its questions are gone. Whoever
/// asked this actor then hears of its own deadline.
///
/// # Where it fails
///
/// A continuation that fails runs once more, as a handler does, and then the question is closed. A question that is
/// asked in a turn which fails was never asked. An actor can't ask itself.
///
/// When the actor exits, each open question ends as [`RequestError::Exiting`], before the handler of the
/// [`crate::ExitRequest`] runs: so whoever waits for what would have followed can be told. A continuation that fails then
/// is a warning in the log, and takes nothing else along: there is no second attempt at an exit turn.
pub struct Requests<A> {
    /// Open questions, by ascending id.
    open: Vec<Open<A>>,
    next: u64,
    /// Questions from here on are of this turn.
    fresh_from: u64,
    /// Whose continuation ran in this turn, or in the one before if that failed.
    closing: Vec<u64>,
    /// Those taken back in this turn.
    cancelled: Vec<u64>,
    open_max: usize,
    /// Tells the questions of this instance from those of others at the same address.
    salt: Option<u64>,
    standing: Standing,
}

impl<A> Default for Requests<A> {
    fn default() -> Self {
        Self::bounded(OPEN_MAX)
    }
}

impl<A> fmt::Debug for Requests<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl<A: 'static> Requests<A> {
    /// Asks `to`, and goes on in `then` with the answer, or without it when `within` has passed. An answer of any type is
    /// taken by a continuation for a [`RawMessage`].
    ///
    /// # Errors
    /// As [`Context::send`]; or too many questions are open, the actor exits, or this is none of its parts.
    pub fn ask<M: Message, R: Receive>(
        &mut self,
        ctx: &mut Context,
        to: &Address,
        question: &M,
        within: Duration,
        then: impl Fn(&mut A, Result<R, RequestError>, &mut Context) -> Result + 'static,
    ) -> Result<RequestId> {
        self.ask_raw(ctx, to, RawMessage::of(question)?, within, continuation(then), None)
    }

    /// As [`Requests::ask`], of an actor that does not copy the header: its next message of type `R` is the answer, and
    /// the first of several open questions is the one that it answers. Where that actor also sends such messages of its
    /// own accord, they are mistaken for answers.
    ///
    /// # Errors
    /// As [`Requests::ask`].
    pub fn ask_unmarked<M: Message, R: Receive>(
        &mut self,
        ctx: &mut Context,
        to: &Address,
        question: &M,
        within: Duration,
        then: impl Fn(&mut A, Result<R, RequestError>, &mut Context) -> Result + 'static,
    ) -> Result<RequestId> {
        self.ask_raw(ctx, to, RawMessage::of(question)?, within, continuation(then), Some(R::accepts))
    }

    fn ask_raw(
        &mut self,
        ctx: &mut Context,
        to: &Address,
        mut question: RawMessage,
        within: Duration,
        then: Continuation<A>,
        unmarked: Option<fn(&Incoming) -> bool>,
    ) -> Result<RequestId> {
        self.standing.check(ctx)?;
        if ctx.is_exiting() {
            return Err(Error::poison("an actor that exits can't ask: no answer would reach it"));
        }
        if to == ctx.me() {
            return Err(Error::poison(
                "an actor can't ask itself: it could not tell the question from its answer",
            ));
        }
        if self.open.len() >= self.open_max {
            return Err(Error::poison(format!("{} questions are open, and no more may be", self.open_max)));
        }
        let id = self.next;
        let name = self.name(id, ctx.me());
        let deadline = RawMessage {
            type_name: DEADLINE.to_string(),
            encoding: Encoding::Text,
            payload: name.clone().into_bytes(),
            headers: Vec::new(),
        };
        question.headers.push((REQUEST_HEADER.to_string(), name));
        ctx.send_raw(to, &question)?;
        let deadline = ctx.wakeup_after_raw(within, deadline)?;
        self.next += 1;
        self.open.push(Open { id, to: to.clone(), deadline, then, unmarked });
        Ok(RequestId(id))
    }
}

impl<A> Requests<A> {
    /// None yet, and at most this many at one time.
    #[must_use]
    pub const fn bounded(open_max: usize) -> Self {
        Self {
            open: Vec::new(),
            next: 0,
            fresh_from: 0,
            closing: Vec::new(),
            cancelled: Vec::new(),
            open_max,
            salt: None,
            standing: Standing::new(Kind::Requests),
        }
    }

    /// How many are open.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a question back: its continuation never runs. Nothing happens if it is closed already. Whoever was asked does
    /// not hear of it.
    pub fn cancel(&mut self, ctx: &mut Context, id: RequestId) {
        if let Ok(place) = self.place(id.0) {
            ctx.cancel_wakeup(self.open[place].deadline);
            self.cancelled.push(id.0);
        }
    }

    fn is_ended(&self, id: u64) -> bool {
        self.closing.contains(&id) || self.cancelled.contains(&id)
    }

    fn place(&self, id: u64) -> Result<usize, usize> {
        self.open.binary_search_by_key(&id, |open| open.id)
    }

    /// The name of a question: `ADDRESS#SALT.ID`.
    fn name(&mut self, id: u64, me: &Address) -> String {
        let salt = *self.salt.get_or_insert_with(|| RandomState::new().build_hasher().finish());
        format!("{me}#{salt:x}.{id}")
    }

    /// The number in a name that is of this instance.
    fn number(&self, name: &str, me: &Address) -> Option<u64> {
        let (salt, id) = name.strip_prefix(me.as_str())?.strip_prefix('#')?.split_once('.')?;
        (Some(u64::from_str_radix(salt, 16).ok()?) == self.salt).then(|| id.parse().ok())?
    }

    /// The continuation of a question that ends in this turn.
    fn end(&mut self, id: u64, ctx: &mut Context) -> Option<Continuation<A>> {
        let open = &self.open[self.place(id).ok()?];
        if self.is_ended(id) {
            return None;
        }
        // Those of an actor that exits never come.
        if !ctx.is_exiting() {
            ctx.cancel_wakeup(open.deadline);
        }
        self.closing.push(id);
        Some(Rc::clone(&open.then))
    }

    /// The first question that this message, without the header, answers.
    fn answered_by(&self, incoming: &Incoming, ctx: &Context) -> Option<u64> {
        let answers = |open: &&Open<A>| {
            open.to == ctx.sender
                && open.unmarked.is_some_and(|accepts| accepts(incoming))
                && !self.is_ended(open.id)
        };
        self.open.iter().find(answers).map(|open| open.id)
    }

    fn asked_of(&self, address: &str) -> Vec<u64> {
        self.open.iter().filter(|open| open.to.as_str() == address).map(|open| open.id).collect()
    }
}

/// A continuation that takes an answer as it came.
fn continuation<A: 'static, R: Receive>(
    then: impl Fn(&mut A, Result<R, RequestError>, &mut Context) -> Result + 'static,
) -> Continuation<A> {
    Rc::new(move |actor, outcome, ctx| then(actor, outcome.and_then(taken::<R>), ctx))
}

/// The answer as the continuation takes it.
fn taken<R: Receive>(incoming: Incoming) -> Result<R, RequestError> {
    if R::accepts(&incoming) {
        return R::take(incoming).map_err(|error| RequestError::Undecodable(error.reason().to_string()));
    }
    match RawMessage::take(incoming) {
        Ok(raw) => Err(RequestError::Unexpected(raw)),
        Err(error) => Err(RequestError::Undecodable(error.reason().to_string())),
    }
}

/// The asker's name for this question, or for the question that this answers.
fn name_of(message: &MessageResult) -> Option<&str> {
    reply::header(message.headers.as_deref().unwrap_or_default(), REQUEST_HEADER)
}

/// The outcome that an answer tells: a notice of poison is none.
fn outcome(answer: MessageResult) -> Result<Incoming, RequestError> {
    let mut answer = RawMessage::from_wit(answer);
    reply::take_header(&mut answer.headers, REQUEST_HEADER);
    match answer.decoded::<PoisonNotice>() {
        Some(Ok(notice)) => Err(RequestError::Poisoned(notice)),
        _ => Ok(Incoming(Came::Message(answer.into_wit()))),
    }
}

impl<A> Ledger for Requests<A> {
    fn begin(&mut self, again: bool) {
        self.standing.confirm();
        // What a turn that failed has ended comes again, or never: the host tells of nothing twice.
        let closing = std::mem::take(&mut self.closing);
        if !again {
            self.open.retain(|open| !closing.contains(&open.id));
        }
        self.fresh_from = self.next;
    }

    fn end(&mut self, succeeded: bool) {
        let cancelled = std::mem::take(&mut self.cancelled);
        if succeeded {
            let closing = std::mem::take(&mut self.closing);
            self.open.retain(|open| !closing.contains(&open.id) && !cancelled.contains(&open.id));
        } else {
            self.open.retain(|open| open.id < self.fresh_from);
        }
    }

    fn standing(&mut self) -> &mut Standing {
        &mut self.standing
    }
}

impl<A: 'static> Part<A> for Requests<A> {
    fn offer(
        actor: &mut A,
        part: Field<A, Self>,
        incoming: Incoming,
        ctx: &mut Context,
    ) -> Result<Option<Incoming>> {
        let requests = part(actor);
        let name = match &incoming.0 {
            Came::Message(_) => {
                let Some(id) = requests.answered_by(&incoming, ctx) else { return Ok(Some(incoming)) };
                let then = requests.end(id, ctx);
                return then.map_or(Ok(()), |then| then(actor, Ok(incoming), ctx)).map(|()| None);
            }
            Came::Answer(answer) => name_of(answer),
            Came::Signal(signal) if signal.type_name == DEADLINE => std::str::from_utf8(&signal.payload).ok(),
            Came::Event(Event::Poisoned(poisoned)) => name_of(&poisoned.original),
            Came::Event(Event::ChildExited(exit)) => {
                let gone = requests.asked_of(&exit.address);
                return child_exited(actor, part, gone, incoming, ctx);
            }
            _ => None,
        };
        let Some(id) = name.and_then(|name| requests.number(name, ctx.me())) else {
            return Ok(Some(incoming));
        };
        let then = requests.end(id, ctx);
        let (outcome, what) = match incoming.0 {
            Came::Answer(answer) => (outcome(answer), "answer"),
            Came::Event(Event::Poisoned(poisoned)) => {
                let Some(then) = then else {
                    return Ok(Some(Incoming(Came::Event(Event::Poisoned(poisoned)))));
                };
                let poison = PoisonMessage::from(poisoned);
                return then(actor, Err(RequestError::Poisoned(poison.into())), ctx).map(|()| None);
            }
            _ => (Err(RequestError::TimedOut), "deadline"),
        };
        match then {
            Some(then) => then(actor, outcome, ctx)?,
            None => crate::debug!(ctx, "a late {what}, from {}, is dropped", ctx.sender()),
        }
        Ok(None)
    }

    fn leave(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) {
        let open: Vec<_> = part(actor).open.iter().map(|open| open.id).collect();
        for id in open {
            let Some(then) = part(actor).end(id, ctx) else { continue };
            ctx.tells_of_exit = true;
            if let Err(error) = then(actor, Err(RequestError::Exiting), ctx) {
                crate::warn!(ctx, "in its exit turn, where a question ends without an answer: {error}");
            }
        }
    }
}

/// Ends what was asked of a child that is gone, and passes the notice on.
fn child_exited<A: 'static>(
    actor: &mut A,
    part: Field<A, Requests<A>>,
    gone: Vec<u64>,
    incoming: Incoming,
    ctx: &mut Context,
) -> Result<Option<Incoming>> {
    let Came::Event(Event::ChildExited(exit)) = incoming.0 else { return Ok(Some(incoming)) };
    let reason = ChildActorExited::from(exit.clone()).reason;
    for id in gone {
        if let Some(then) = part(actor).end(id, ctx) {
            then(actor, Err(RequestError::TargetGone(reason.clone())), ctx)?;
        }
    }
    Ok(Some(Incoming(Came::Event(Event::ChildExited(exit)))))
}
