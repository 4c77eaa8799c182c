//! Asking from inside: a question, a deadline, and the method that goes on with the answer.

mod continuation;
mod outcome;
mod parties;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::time::Duration;

use crate::address::Address;
use crate::bindings::thespian::actor::types::{Event, MessageResult};
use crate::context::Context;
use crate::create::Create;
use crate::event::{ChildActorExited, ExitReason, NamedActor, PoisonMessage, QuestionId, WakeupId};
use crate::failure::{Error, Result};
use crate::incoming::{Came, Incoming, Receive};
use crate::message::{Message, RawMessage};
use crate::parts::{Field, Kind, Ledger, Part, Standing};
use crate::reply::{self, REQUEST_HEADER, ReplyTo};
use crate::returned::IntoReply;

use continuation::{Continuation, Ended, continuation, run, run_apart};
use outcome::answered;
use parties::{Askee, Concerned};

pub use outcome::RequestError;

/// Questions that may be open at one time, unless [`Requests::bounded`] says otherwise: a tenth of the wakeups that a
/// host lets an actor have, so that deadlines leave room for others.
const OPEN_MAX: usize = 1_000;

/// The type name of a deadline's payload.
const DEADLINE: &str = "thespian/deadline";

/// The type name that stands for that of a question to the host, where nobody else has a continuation's failure to hear of.
const CREATE_NAMED: &str = "create-named";

/// Names an open question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

struct Open<A> {
    id: u64,
    to: Askee,
    deadline: WakeupId,
    asked: Asked<A>,
}

/// Everything that follows from a question.
struct Asked<A> {
    then: Continuation<A>,
    concerned: Concerned,
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
///         let question = PriceOf { item: order.item };
///         let within = Duration::from_secs(5);
///         self.requests.ask_for(ctx.reply_to(), ctx, &self.stock, &question, within, Self::priced)?;
///         Ok(())
///     }
///
///     /// What it returns goes to the customer; its error goes there as poison.
///     fn priced(&mut self, price: Result<Price, RequestError>, _: &mut Context) -> Result<Confirmed> {
///         Ok(Confirmed { text: format!("that is {} cents", price?.cents) })
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
/// as a turn of its own; where it is a method, `Self::on_answer` will do. That of [`Requests::ask_for`] goes on where the
/// handler left off, with the asker as [`Context::sender`]; that of [`Requests::ask`] has the answer's sender there. Nothing
/// waits meanwhile: the actor handles other messages.
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
/// A continuation that fails runs once more, as a handler does, and then the question is closed. Whoever it was asked for
/// hears, by poison, also of a trap: that is the asker of `ask_for`; after `ask` it is whoever sent what was being handled,
/// and where that was nobody, the actor itself gets its question back. Whoever answered hears nothing: nothing is wrong with
/// the answer. A question that is asked in a turn which fails was never asked. An actor can't ask itself. A question to one
/// that is not there comes back at once.
///
/// When the actor exits, each open question ends as [`RequestError::Exiting`], before the handler of the
/// [`crate::ExitRequest`] runs: so whoever waits for what would have followed can be told. A continuation that fails then
/// refuses what its question was asked for, and takes nothing else along: there is no second attempt at an exit turn. An
/// answer that it has given before stands, and the refusal follows it. Where the exit turn traps, nothing of it happens: of
/// those who wait only the one hears whose continuation ran last.
///
/// When a child exits, the questions to it end in the same way: one continuation that fails takes neither the others along
/// nor the notice, which goes on to the supervisor and the handler. If these fail, what was told the last asker is lost, and it
/// hears of that failure; the other continuations run again in the next turn.
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
    /// Those to children that are gone, until a turn that ends them succeeds.
    gone: Vec<(u64, ExitReason)>,
    /// The question to the host whose answer came in this turn, or in the one before if that failed.
    heard: Option<QuestionId>,
    /// Questions to the host that had their end before its answer: no handler is to hear that.
    unheard: Vec<QuestionId>,
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
        let question = RawMessage::of(question)?;
        let concerned = Concerned::by(ctx, &question.type_name);
        self.ask_raw(ctx, to, question, within, Asked { then: continuation(then), concerned, unmarked: None })
    }

    /// As [`Requests::ask`], on behalf of `asker`, most often [`Context::reply_to`]. What the continuation returns goes
    /// there, as what a handler returns goes to the sender, and its error as poison; [`Context::sender`] is the asker.
    ///
    /// # Errors
    /// As [`Requests::ask`].
    pub fn ask_for<M: Message, R: Receive, T: IntoReply>(
        &mut self,
        asker: ReplyTo,
        ctx: &mut Context,
        to: &Address,
        question: &M,
        within: Duration,
        then: impl Fn(&mut A, Result<R, RequestError>, &mut Context) -> T + 'static,
    ) -> Result<RequestId> {
        let then = continuation(move |actor: &mut A, outcome, ctx: &mut Context| {
            then(actor, outcome, ctx).reply(ctx)
        });
        let concerned = Concerned { to: asker, is_answered: true };
        self.ask_raw(ctx, to, RawMessage::of(question)?, within, Asked { then, concerned, unmarked: None })
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
        let question = RawMessage::of(question)?;
        let concerned = Concerned::by(ctx, &question.type_name);
        let unmarked: Option<fn(&Incoming) -> bool> = Some(R::accepts);
        self.ask_raw(ctx, to, question, within, Asked { then: continuation(then), concerned, unmarked })
    }

    /// Asks for the one actor of a global name, and goes on in `then` with its address, or without it when `within` has
    /// passed. If there is none, it is created as `create` says, with the host as its parent: as by [`Create::named`],
    /// whose answer here goes to no handler.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thespian::prelude::*;
    ///
    /// #[message] struct Order { item: String }
    ///
    /// # #[derive(Default)] struct Stock;
    /// # #[actor] impl Stock {}
    /// #[derive(Default)] struct Shop { requests: Requests<Self> }
    ///
    /// #[actor(parts(requests))]
    /// impl Shop {
    ///     #[receive]
    ///     fn order(&mut self, order: Order, ctx: &mut Context) -> Result {
    ///         let stock = Create::of::<Stock>();
    ///         self.requests.named(ctx, "stock", stock, Duration::from_secs(5), move |_, stock, ctx| {
    ///             ctx.send(&stock?, &order)
    ///         })?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Create::named`]; or too many questions are open, the actor exits, or this is none of its parts.
    pub fn named(
        &mut self,
        ctx: &mut Context,
        name: &str,
        create: Create,
        within: Duration,
        then: impl Fn(&mut A, Result<Address, RequestError>, &mut Context) -> Result + 'static,
    ) -> Result<RequestId> {
        self.check(ctx)?;
        let concerned = Concerned::by(ctx, CREATE_NAMED);
        let to = Askee::Host(create.named(name, ctx)?);
        let then = continuation(move |actor, found: Result<NamedActor, RequestError>, ctx| {
            then(actor, found.and_then(|named| named.outcome.map_err(RequestError::NoActor)), ctx)
        });
        let name = self.name(self.next, ctx.me());
        self.open(ctx, to, name, within, Asked { then, concerned, unmarked: None })
    }

    fn ask_raw(
        &mut self,
        ctx: &mut Context,
        to: &Address,
        mut question: RawMessage,
        within: Duration,
        asked: Asked<A>,
    ) -> Result<RequestId> {
        self.check(ctx)?;
        if to == ctx.me() {
            return Err(Error::poison(
                "an actor can't ask itself: it could not tell the question from its answer",
            ));
        }
        let name = self.name(self.next, ctx.me());
        question.headers.push((REQUEST_HEADER.to_string(), name.clone()));
        ctx.send_raw(to, &question)?;
        self.open(ctx, Askee::Actor(to.clone()), name, within, asked)
    }

    /// Whether another question can be asked.
    fn check(&mut self, ctx: &Context) -> Result {
        self.standing.check(ctx)?;
        if ctx.is_exiting() {
            return Err(Error::poison("an actor that exits can't ask: no answer would reach it"));
        }
        if self.open.len() >= self.open_max {
            return Err(Error::poison(format!("{} questions are open, and no more may be", self.open_max)));
        }
        Ok(())
    }

    /// Notes a question that is asked, and sets its deadline.
    fn open(
        &mut self,
        ctx: &mut Context,
        to: Askee,
        name: String,
        within: Duration,
        asked: Asked<A>,
    ) -> Result<RequestId> {
        let deadline = ctx.wakeup_after_raw(within, RawMessage::signal(DEADLINE, name))?;
        let id = self.next;
        self.next += 1;
        self.open.push(Open { id, to, deadline, asked });
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
            gone: Vec::new(),
            heard: None,
            unheard: Vec::new(),
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

    /// The continuation of a question that ends in this turn, and whoever it is for: also hears if the turn fails.
    fn end(&mut self, id: u64, ctx: &mut Context) -> Option<Ended<A>> {
        let ended = self.close(id, ctx)?;
        // Where nobody can hear, because the address is none, nobody does.
        let _ = ctx.fails_for(&ended.1.to);
        Some(ended)
    }

    /// As `end`, in a turn that is about something else: if it fails, that is nothing to this question.
    fn close(&mut self, id: u64, ctx: &mut Context) -> Option<Ended<A>> {
        let open = &self.open[self.place(id).ok()?];
        if self.is_ended(id) {
            return None;
        }
        // Those of an actor that exits never come.
        if !ctx.is_exiting() {
            ctx.cancel_wakeup(open.deadline);
        }
        self.closing.push(id);
        Some((Rc::clone(&open.asked.then), open.asked.concerned.clone()))
    }

    /// The first question that this message, without the header, answers.
    fn answered_by(&self, incoming: &Incoming, ctx: &Context) -> Option<u64> {
        let answers = |open: &&Open<A>| {
            open.to.is_actor(ctx.sender.as_str())
                && open.asked.unmarked.is_some_and(|accepts| accepts(incoming))
                && !self.is_ended(open.id)
        };
        self.open.iter().find(answers).map(|open| open.id)
    }

    /// The open question that the host knows by this name.
    fn asked_host(&self, question: QuestionId) -> Option<u64> {
        let is_it = |open: &&Open<A>| matches!(open.to, Askee::Host(asked) if asked == question);
        self.open.iter().find(is_it).map(|open| open.id)
    }

    /// Forgets questions that have had their end.
    fn forget(&mut self, closed: &[u64]) {
        let (heard, unheard) = (self.heard.take(), &mut self.unheard);
        self.open.retain(|open| {
            let is_closed = closed.contains(&open.id);
            if let Askee::Host(question) = open.to
                && is_closed
            {
                unheard.push(question);
            }
            !is_closed
        });
        unheard.retain(|question| heard != Some(*question));
    }

    fn asked_of(&self, address: &str) -> Vec<u64> {
        let is_asked = |open: &&Open<A>| open.to.is_actor(address) && !self.is_ended(open.id);
        self.open.iter().filter(is_asked).map(|open| open.id).collect()
    }
}

/// The asker's name for this question, or for the question that this answers.
fn name_of(message: &MessageResult) -> Option<&str> {
    reply::header(message.headers.as_deref().unwrap_or_default(), REQUEST_HEADER)
}

impl<A> Ledger for Requests<A> {
    fn begin(&mut self, again: bool) {
        self.standing.confirm();
        // What a turn that failed has ended comes again, or never: the host tells of nothing twice.
        let closing = std::mem::take(&mut self.closing);
        if !again {
            let is_over = |id: &&u64| !self.gone.iter().any(|(gone, _)| gone == *id);
            let over: Vec<_> = closing.iter().filter(is_over).copied().collect();
            self.forget(&over);
        }
        self.fresh_from = self.next;
    }

    fn end(&mut self, succeeded: bool) {
        let mut closed = std::mem::take(&mut self.cancelled);
        if succeeded {
            closed.append(&mut self.closing);
            self.forget(&closed);
        } else {
            self.open.retain(|open| open.id < self.fresh_from);
        }
        let open = &self.open;
        self.gone.retain(|(id, _)| open.binary_search_by_key(id, |open| open.id).is_ok());
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
        for (id, reason) in part(actor).gone.clone() {
            if let Some(ended) = part(actor).close(id, ctx) {
                run_apart(actor, ended, RequestError::TargetGone(reason), ctx);
            }
        }
        let requests = part(actor);
        let name = match &incoming.0 {
            Came::Message(_) => {
                let Some(id) = requests.answered_by(&incoming, ctx) else { return Ok(Some(incoming)) };
                let ended = requests.end(id, ctx);
                return ended.map_or(Ok(()), |ended| run(actor, ended, Ok(incoming), ctx)).map(|()| None);
            }
            Came::Answer(answer) => name_of(answer),
            Came::Signal(signal) if signal.type_name == DEADLINE => std::str::from_utf8(&signal.payload).ok(),
            Came::Event(Event::Poisoned(poisoned)) => {
                name_of(&poisoned.original).filter(|name| reply::is_mine(name, ctx.me()))
            }
            Came::Event(Event::Named(named)) => {
                let question = QuestionId(named.request);
                return answered_by_host(actor, part, question, incoming, ctx);
            }
            Came::Event(Event::ChildExited(exit)) => {
                child_exited(actor, part, exit.clone().into(), ctx);
                return Ok(Some(incoming));
            }
            _ => None,
        };
        let Some(id) = name.and_then(|name| requests.number(name, ctx.me())) else {
            // The other two end unhandled.
            let is_lost = name.is_some() && ctx.attempt() > 1 && ctx.incarnation() > 1;
            return match incoming.0 {
                Came::Event(Event::Poisoned(_)) if is_lost => Err(Error::lost()),
                came => Ok(Some(Incoming(came))),
            };
        };
        let Some(ended) = requests.end(id, ctx) else {
            let what = match incoming.0 {
                Came::Answer(_) => "answer",
                Came::Event(_) => return Ok(Some(incoming)),
                _ => "deadline",
            };
            crate::debug!(ctx, "a late {what}, from {}, is dropped", ctx.sender());
            return Ok(None);
        };
        let outcome = match incoming.0 {
            Came::Answer(answer) => Ok(answered(answer)),
            Came::Event(Event::Poisoned(poisoned)) => {
                Err(RequestError::Poisoned(Box::new(PoisonMessage::from(poisoned))))
            }
            _ => Err(RequestError::TimedOut),
        };
        run(actor, ended, outcome, ctx).map(|()| None)
    }

    fn leave(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) {
        let open: Vec<_> = part(actor).open.iter().map(|open| open.id).collect();
        for id in open {
            if let Some(ended) = part(actor).end(id, ctx) {
                ctx.tells_of_exit |= run_apart(actor, ended, RequestError::Exiting, ctx);
            }
        }
    }
}

/// Ends what was asked of the host. An answer to what this part has not asked goes on.
fn answered_by_host<A: 'static>(
    actor: &mut A,
    part: Field<A, Requests<A>>,
    question: QuestionId,
    answer: Incoming,
    ctx: &mut Context,
) -> Result<Option<Incoming>> {
    let requests = part(actor);
    requests.heard = Some(question);
    if requests.unheard.contains(&question) {
        crate::debug!(ctx, "a late answer, from the host, is dropped");
        return Ok(None);
    }
    let Some(id) = requests.asked_host(question) else { return Ok(Some(answer)) };
    let ended = requests.end(id, ctx);
    ended.map_or(Ok(()), |ended| run(actor, ended, Ok(answer), ctx)).map(|()| None)
}

/// Ends what was asked of a child that is gone.
fn child_exited<A: 'static>(
    actor: &mut A,
    part: Field<A, Requests<A>>,
    exit: ChildActorExited,
    ctx: &mut Context,
) {
    let asked = part(actor).asked_of(exit.address.as_str());
    // A turn fails for the last of them: the others go on in the next, if this one does.
    let others = asked.iter().take(asked.len().saturating_sub(1));
    part(actor).gone.extend(others.map(|id| (*id, exit.reason.clone())));
    for id in asked {
        if let Some(ended) = part(actor).end(id, ctx) {
            run_apart(actor, ended, RequestError::TargetGone(exit.reason.clone()), ctx);
        }
    }
}
