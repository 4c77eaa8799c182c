//! Tests of actors without a host, in a plain `cargo test`.
//!
//! ```
//! use thespian::prelude::*;
//! use thespian::testing::TestActor;
//!
//! #[message]
//! struct Add { n: i64 }
//! #[message]
//! struct Total { value: i64 }
//!
//! #[derive(Default)]
//! struct Counter { value: i64 }
//!
//! #[actor]
//! impl Counter {
//!     #[receive]
//!     fn add(&mut self, add: Add) -> Total {
//!         self.value += add.n;
//!         Total { value: self.value }
//!     }
//! }
//!
//! let mut counter = TestActor::<Counter>::start()?;
//! counter.tell("a", &Add { n: 2 })?;
//! let effects = counter.tell("b", &Add { n: 3 })?;
//! assert_eq!(effects[0].sent::<Total>("b").unwrap().value, 5);
//! # Ok::<(), thespian::Error>(())
//! ```

pub mod hosting;
mod record;
mod sources;
mod sourcing;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::actor::{Actor, begin};
use crate::address::Address;
use crate::bindings::thespian::actor::types as wit;
use crate::capability::Attributes;
use crate::class::ChildrenAtRestart;
use crate::context::Context;
use crate::event::{ExitReason, QuestionId, WakeupId};
use crate::failure::Result;
use crate::host::around::{Host, Hosted};
use crate::hosting::Child;
use crate::incoming::Came;
use crate::init::Init;
use crate::instance::turn_of;
use crate::log::Level;
use crate::message::{Message, RawMessage};
use crate::timing;

use record::{Record, TurnKind};
use sources::TestSources;

pub use record::Effect;

/// An actor under test. Its own address is `me`, its parent's is `parent`; its children are `child-1` and so on.
#[derive(Debug)]
pub struct TestActor<A> {
    actor: A,
    ctx: Context,
    started: Vec<Effect>,
    logs: Vec<(Level, String)>,
    failed_for: Option<(Address, RawMessage)>,
    /// Those that it created and has not heard the end of, as a host lists them.
    children: Vec<Child>,
    clock: Clock,
    sources: Rc<RefCell<TestSources>>,
}

/// The time of a test, and what is due when: by its time, and for one time in the order of the asking.
#[derive(Debug, Default)]
struct Clock {
    now: Duration,
    pending: BTreeMap<(Duration, WakeupId), Effect>,
}

/// The shortest delay of a wakeup, as a host has it.
const DELAY_MIN: Duration = Duration::from_millis(1);

impl Clock {
    /// Notes which wakeups a turn that succeeded has asked for and taken back.
    fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Wakeup { id, delay, .. } => {
                    self.pending.insert((self.now + DELAY_MIN.max(*delay), *id), effect.clone());
                }
                Effect::CancelWakeup { id } => drop(self.take(*id)),
                _ => {}
            }
        }
    }

    /// Takes a wakeup out of those that are pending, with its time.
    fn take(&mut self, id: WakeupId) -> Option<(Duration, Effect)> {
        let key = *self.pending.keys().find(|(_, known)| *known == id)?;
        self.pending.remove(&key).map(|wakeup| (key.0, wakeup))
    }

    /// The first that is due by then.
    fn first_until(&self, until: Duration) -> Option<Effect> {
        self.pending.first_key_value().filter(|((due, _), _)| *due <= until).map(|(_, wakeup)| wakeup.clone())
    }
}

/// How to start an actor under test.
#[derive(Debug)]
pub struct TestStart {
    pub(crate) init: Init,
    children: Vec<Child>,
    clock: Clock,
    sources: Rc<RefCell<TestSources>>,
}

impl Default for TestStart {
    fn default() -> Self {
        Self {
            init: Init {
                class: String::new(),
                me: "me".into(),
                parent: Some("parent".into()),
                global_name: None,
                source: "0".repeat(64),
                incarnation: 1,
                capabilities: Attributes::default(),
                requirements: Vec::new(),
                message: None,
                message_bytes_max: 16 << 20,
            },
            children: Vec::new(),
            clock: Clock::default(),
            sources: Rc::default(),
        }
    }
}

impl TestStart {
    /// With a message for its start.
    ///
    /// # Errors
    /// The value has no form in its encoding.
    pub fn init<M: Message>(mut self, message: &M) -> Result<Self> {
        self.init.message = Some(RawMessage::of(message)?);
        Ok(self)
    }

    /// On a host that has these capabilities.
    #[must_use]
    pub fn capabilities(mut self, capabilities: impl Into<Attributes>) -> Self {
        self.init.capabilities = capabilities.into();
        self
    }

    /// Created from outside: without a parent.
    #[must_use]
    pub fn without_parent(mut self) -> Self {
        self.init.parent = None;
        self
    }

    /// Under this global name: without a parent.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.init.global_name = Some(name.into());
        self.without_parent()
    }

    /// As this instance of its address.
    #[must_use]
    pub const fn incarnation(mut self, incarnation: u32) -> Self {
        self.init.incarnation = incarnation;
        self
    }

    /// On a host that takes messages of so many bytes; 16 MiB unless it is said.
    #[must_use]
    pub const fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.init.message_bytes_max = bytes;
        self
    }

    /// Starts the actor.
    ///
    /// # Errors
    /// As the actor says.
    pub fn start<A: Actor>(self) -> Result<TestActor<A>> {
        let Self { mut init, mut children, mut clock, sources } = self;
        init.class = A::CLASS.to_string();
        let mut ctx = Context::new(init);
        let mut logs = Vec::new();
        let start = || begin::<A>(&mut ctx);
        let about = Around { kind: TurnKind::Start, children: &children, sources: &sources };
        let (actor, started) = turn(&mut logs, &mut None, &mut clock, about, start)?;
        note_children(&mut children, &started);
        Ok(TestActor { actor, ctx, started, logs, failed_for: None, children, clock, sources })
    }
}

/// The host around a turn.
struct Around<'a> {
    kind: TurnKind,
    children: &'a [Child],
    sources: &'a Rc<RefCell<TestSources>>,
}

/// Runs one turn. What it asked for counts only if it succeeds; what it logged counts always.
fn turn<T>(
    logs: &mut Vec<(Level, String)>,
    failed_for: &mut Option<(Address, RawMessage)>,
    clock: &mut Clock,
    Around { kind, children, sources }: Around<'_>,
    handler: impl FnOnce() -> Result<T>,
) -> Result<(T, Vec<Effect>)> {
    let record = Rc::new(RefCell::new(Record::new(kind, children, clock.now, sources.clone())));
    let host: Rc<RefCell<dyn Host>> = Rc::<RefCell<Record>>::clone(&record);
    let hosted = Hosted::by(host);
    let outcome = handler();
    drop(hosted);
    let Record { effects, logs: written, fails_for, .. } = record.take();
    logs.extend(written);
    *failed_for = fails_for.or_else(|| failed_for.take()).filter(|_| outcome.is_err());
    let value = outcome?;
    clock.note(&effects);
    for effect in &effects {
        if let Effect::Judge { offer, .. } = effect {
            sources.borrow_mut().judged(offer.number());
        }
    }
    Ok((value, effects))
}

/// Changes the list of its children as a turn that asked for this does.
fn note_children(children: &mut Vec<Child>, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::Create { address, create } => {
                let label = create.label.clone().unwrap_or_default();
                children.push(Child { address: address.clone(), label });
            }
            Effect::KeepChildren => children.clear(),
            _ => {}
        }
    }
}

impl<A: Actor> TestActor<A> {
    /// Starts an actor.
    ///
    /// # Errors
    /// As the actor says.
    pub fn start() -> Result<Self> {
        TestStart::default().start()
    }

    /// Effects that its start asked for.
    #[must_use]
    pub fn started(&self) -> &[Effect] {
        &self.started
    }

    /// The actor's state.
    #[must_use]
    pub const fn state(&self) -> &A {
        &self.actor
    }

    /// Has it trap: a fresh instance takes its place, which finds the children of the one before, unless its class ends
    /// them, and is given the wakeups that it asked for.
    ///
    /// # Errors
    /// As the fresh instance's start says.
    pub fn trapped(self) -> Result<Self> {
        let mut init = self.ctx.init;
        init.incarnation += 1;
        let children = match A::CHILDREN_AT_RESTART {
            ChildrenAtRestart::Keep => self.children,
            ChildrenAtRestart::End => Vec::new(),
        };
        TestStart { init, children, clock: self.clock, sources: self.sources }.start()
    }

    /// Gives it a message; returns what it asks for.
    ///
    /// # Errors
    /// As its handler says, or it has none. Nothing is then asked for.
    pub fn tell<M: Message>(&mut self, sender: &str, message: &M) -> Result<Vec<Effect>> {
        self.tell_raw(sender, RawMessage::of(message)?, 1)
    }

    /// Gives it a message of any form, as this attempt.
    ///
    /// # Errors
    /// As [`TestActor::tell`].
    pub fn tell_raw(&mut self, sender: &str, message: RawMessage, attempt: u32) -> Result<Vec<Effect>> {
        self.deliver(sender, attempt, Came::Message(message.into_wit()))
    }

    /// The wakeup that it asked for by this effect is due: what it would be given then, it is given now.
    ///
    /// # Errors
    /// As its handler says.
    ///
    /// # Panics
    /// The effect is no wakeup.
    pub fn wake(&mut self, wakeup: &Effect) -> Result<Vec<Effect>> {
        let Effect::Wakeup { id, delay, payload } = wakeup else { panic!("this is no wakeup: {wakeup:?}") };
        if let Some((due, _)) = self.clock.take(*id) {
            self.clock.now = self.clock.now.max(due);
        }
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let payload = payload.clone().map(RawMessage::into_wit);
        let event = wit::Event::Wakeup(wit::Wakeup { id: id.0, delay, payload });
        let Self { ctx, logs, failed_for, children, clock, sources, .. } = self;
        let about = Around { kind: TurnKind::Plain, children, sources };
        match turn(logs, failed_for, clock, about, || timing::event(event, ctx))? {
            (Some(came), _) => self.deliver("me", 1, came),
            (None, effects) => Ok(effects),
        }
    }

    /// Lets time pass. What it has asked to be woken for, or to be sent, comes in the order in which it is due, also what it
    /// asks for meanwhile. Returns what all these turns ask for.
    ///
    /// # Errors
    /// As the first handler that fails says. Time then stands where that was due, and the next call goes on behind it.
    pub fn advance(&mut self, by: Duration) -> Result<Vec<Effect>> {
        let until = self.clock.now + by;
        let mut effects = Vec::new();
        while let Some(wakeup) = self.clock.first_until(until) {
            effects.extend(self.wake(&wakeup)?);
        }
        self.clock.now = until;
        Ok(effects)
    }

    /// A child ended.
    ///
    /// # Errors
    /// As its handler says.
    pub fn child_exited(&mut self, child: &Address, reason: ExitReason) -> Result<Vec<Effect>> {
        let exit = wit::ActorExit { address: child.to_string(), reason: reason.into() };
        self.notify(child.as_str(), wit::Event::ChildExited(exit))
    }

    /// As [`TestActor::child_exited`], for the second time, after a turn that failed.
    ///
    /// # Errors
    /// As its handler says.
    pub fn child_exited_again(&mut self, child: &Address, reason: ExitReason) -> Result<Vec<Effect>> {
        let exit = wit::ActorExit { address: child.to_string(), reason: reason.into() };
        self.deliver(child.as_str(), 2, Came::Event(wit::Event::ChildExited(exit)))
    }

    /// A child that it watches trapped and lives on, as this instance.
    ///
    /// # Errors
    /// As its handler says.
    pub fn child_restarted(
        &mut self,
        child: &Address,
        incarnation: u32,
        reason: &str,
    ) -> Result<Vec<Effect>> {
        let reason = reason.to_string();
        let restart = wit::ActorRestart { address: child.to_string(), incarnation, reason };
        self.notify(child.as_str(), wit::Event::ChildRestarted(restart))
    }

    /// A message that it sent to `target` came back.
    ///
    /// # Errors
    /// As its handler says.
    pub fn poisoned<M: Message>(&mut self, target: &str, details: &str, original: &M) -> Result<Vec<Effect>> {
        let original = RawMessage::of(original)?.into_wit();
        let poisoned = wit::Poisoned { target: target.to_string(), details: details.to_string(), original };
        self.notify(target, wit::Event::Poisoned(poisoned))
    }

    /// Answers this message for its receiver, by way of what [`crate::Requests`] know an answer.
    ///
    /// # Errors
    /// As [`TestActor::tell`].
    ///
    /// # Panics
    /// The effect is no message.
    pub fn answer<M: Message>(&mut self, question: &Effect, answer: &M) -> Result<Vec<Effect>> {
        let Effect::Send { to, message } = question else { panic!("this is no message: {question:?}") };
        let mut answer = RawMessage::of(answer)?;
        answer.headers.clone_from(&message.headers);
        self.tell_raw(to.as_str(), answer, 1)
    }

    /// This message comes back: whom it was sent to could not handle it.
    ///
    /// # Errors
    /// As its handler says.
    ///
    /// # Panics
    /// The effect is no message.
    pub fn came_back(&mut self, sent: &Effect, details: &str) -> Result<Vec<Effect>> {
        let Effect::Send { to, message } = sent else { panic!("this is no message: {sent:?}") };
        let (target, details) = (to.to_string(), details.to_string());
        let original = message.clone().into_wit();
        self.notify(to.as_str(), wit::Event::Poisoned(wit::Poisoned { target, details, original }))
    }

    /// Asks the actor to exit.
    ///
    /// # Errors
    /// As its handler says.
    pub fn exit_requested(&mut self, recursive: bool) -> Result<Vec<Effect>> {
        self.notify("parent", wit::Event::ExitRequested(wit::ExitRequest { recursive }))
    }

    /// An actor that it monitors ended.
    ///
    /// # Errors
    /// As its handler says.
    pub fn actor_down(&mut self, address: &Address, reason: ExitReason) -> Result<Vec<Effect>> {
        let exit = wit::ActorExit { address: address.to_string(), reason: reason.into() };
        self.notify(address.as_str(), wit::Event::ActorDown(exit))
    }

    /// A message from `sender` to `target` could not be delivered.
    ///
    /// # Errors
    /// As its handler says.
    pub fn dead_letter<M: Message>(
        &mut self,
        target: &str,
        sender: &str,
        reason: &str,
        original: &M,
    ) -> Result<Vec<Effect>> {
        let letter = wit::DeadLetter {
            target: target.to_string(),
            sender: sender.to_string(),
            reason: reason.to_string(),
            original: RawMessage::of(original)?.into_wit(),
        };
        self.notify(target, wit::Event::DeadLetter(letter))
    }

    /// Its question after the actor of a global name is answered.
    ///
    /// # Errors
    /// As its handler says.
    pub fn named(
        &mut self,
        question: QuestionId,
        name: &str,
        outcome: std::result::Result<&str, &str>,
    ) -> Result<Vec<Effect>> {
        let outcome = outcome.map(str::to_string).map_err(str::to_string);
        let named = wit::NamedActor { request: question.0, name: name.to_string(), outcome };
        self.notify("me", wit::Event::Named(named))
    }

    /// Its question after a status is answered.
    ///
    /// # Errors
    /// As its handler says.
    pub fn status(
        &mut self,
        question: QuestionId,
        outcome: std::result::Result<&str, &str>,
    ) -> Result<Vec<Effect>> {
        let outcome = outcome.map(str::to_string).map_err(str::to_string);
        self.notify("me", wit::Event::Status(wit::StatusAnswer { request: question.0, outcome }))
    }

    /// Whoever hears that the last turn failed, if it fails for good, and of which message: where that was said by
    /// [`Context::fails_for`], and is not the sender of what was handled.
    #[must_use]
    pub const fn failed_for(&self) -> Option<(&Address, &RawMessage)> {
        match &self.failed_for {
            Some((to, original)) => Some((to, original)),
            None => None,
        }
    }

    /// Records that it has logged since the last call, also in turns that failed.
    pub fn take_logs(&mut self) -> Vec<(Level, String)> {
        std::mem::take(&mut self.logs)
    }

    fn notify(&mut self, about: &str, event: wit::Event) -> Result<Vec<Effect>> {
        self.deliver(about, 1, Came::Event(event))
    }

    fn deliver(&mut self, sender: &str, attempt: u32, came: Came) -> Result<Vec<Effect>> {
        let Self { actor, ctx, logs, failed_for, children, clock, sources, .. } = self;
        // What a turn that did not get to its end has left.
        ctx.end_timing(false);
        let is_exit = matches!(came, Came::Event(wit::Event::ExitRequested(_)));
        let kind = if is_exit { TurnKind::Exit } else { TurnKind::Plain };
        // A second attempt that does not say for whom it fails does so for whom the first did.
        if attempt == 1 {
            *failed_for = None;
        }
        if let Came::Event(wit::Event::ChildExited(exit)) = &came {
            children.retain(|child| child.address.as_str() != exit.address);
        }
        let handler = || turn_of(actor, ctx, sender.into(), attempt, came);
        let about = Around { kind, children, sources };
        let ((), effects) = turn(logs, failed_for, clock, about, handler)?;
        note_children(children, &effects);
        Ok(effects)
    }
}
