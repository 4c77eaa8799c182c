//! Creating actors with options.

use crate::actor::Actor;
use crate::address::Address;
use crate::bindings::thespian::actor::lifecycle::CreateOptions;
use crate::bindings::thespian::actor::types as wit;
use crate::capability::{Clause, Requirement, Value};
use crate::class::OnTrap;
use crate::context::Context;
use crate::failure::Result;
use crate::host::{self, Ask};
use crate::message::{Message, RawMessage};

/// The option of a create that is its label.
pub(crate) const LABEL: &str = "label";

/// An actor to be created.
///
/// ```
/// # use thespian::prelude::*;
/// # #[message] struct Setup { size: u32 }
/// fn make(ctx: &mut Context, source: &str) -> Result<Address> {
///     Create::class("Worker").source(source).require("gpu", true).init(&Setup { size: 4 })?.create(ctx)
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    pub(crate) class: String,
    pub(crate) source: Option<String>,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) init: Option<RawMessage>,
    pub(crate) on_trap: Option<OnTrap>,
    pub(crate) watch_restarts: bool,
    pub(crate) label: Option<String>,
}

impl Create {
    /// An actor of this class, of the creator's own source.
    pub fn class(class: impl Into<String>) -> Self {
        Self {
            class: class.into(),
            source: None,
            requirements: Vec::new(),
            init: None,
            on_trap: None,
            watch_restarts: false,
            label: None,
        }
    }

    /// An actor of class `A`, of the creator's own source.
    #[must_use]
    pub fn of<A: Actor>() -> Self {
        Self::class(A::CLASS)
    }

    /// Of another source, by its hash.
    #[must_use]
    pub fn source(mut self, hash: impl Into<String>) -> Self {
        self.source = Some(hash.into());
        self
    }

    /// On a host whose capability `name` equals `value`.
    #[must_use]
    pub fn require(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let clause = match value.into() {
            Value::Boolean(true) => Clause::IsTrue,
            value => Clause::Equals(value),
        };
        self.require_that(name, clause)
    }

    /// On a host whose capability `name` is as `clause` says.
    #[must_use]
    pub fn require_that(mut self, name: impl Into<String>, clause: Clause) -> Self {
        self.requirements.push(Requirement { name: name.into(), clause });
        self
    }

    /// With a message for its start.
    ///
    /// # Errors
    /// The value has no form in its encoding.
    pub fn init<M: Message>(mut self, message: &M) -> Result<Self> {
        self.init = Some(RawMessage::of(message)?);
        Ok(self)
    }

    /// With this answer to a trap, in place of its class's.
    #[must_use]
    pub const fn on_trap(mut self, on_trap: OnTrap) -> Self {
        self.on_trap = Some(on_trap);
        self
    }

    /// Its creator hears of restarts, by [`crate::ChildActorRestarted`].
    #[must_use]
    pub const fn watch_restarts(mut self) -> Self {
        self.watch_restarts = true;
        self
    }

    /// With a word of its creator's own, of at most 64 bytes, by which [`Context::children`] tells it from others: also a
    /// fresh instance after a trap then knows who it is. The host makes nothing of it.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Creates it. Its address can be used at once.
    ///
    /// # Errors
    /// The source is no hash, the label is too long, a bound is reached, or the creator exits.
    pub fn create(self, ctx: &mut Context) -> Result<Address> {
        self.check(ctx)?;
        self.lend(|options| {
            let answer = host::ask(Ask::CreateActor { class: &self.class, options })?;
            Ok(answer.address().into())
        })
    }

    /// Lends all but the class for one call.
    pub(crate) fn lend<T>(&self, call: impl FnOnce(CreateOptions<'_>) -> T) -> T {
        let headers = self.init.as_ref().map(RawMessage::headers_to_wit).unwrap_or_default();
        let label = self.label.as_deref().map(|label| (LABEL, wit::ValueParam::Text(label)));
        Requirement::all_to_wit(&self.requirements, |requirements| {
            call(CreateOptions {
                source: self.source.as_deref(),
                requirements,
                init: self.init.as_ref().map(|message| message.to_wit(&headers)),
                on_trap: self.on_trap.map(OnTrap::to_wit),
                watch_restarts: self.watch_restarts,
                extra: label.as_slice(),
            })
        })
    }

    /// Whether this actor may ask for it.
    pub(crate) fn check(&self, ctx: &Context) -> Result {
        ctx.check_may_create()?;
        self.init.as_ref().map_or(Ok(()), |message| ctx.check_message(message))
    }
}

impl Context {
    /// Creates a child of a class of this source. Its address can be used at once. If the child never runs, a
    /// [`crate::ChildActorExited`] says why.
    ///
    /// # Errors
    /// A bound is reached, or the actor exits; in its exit turn it can create once it has said
    /// [`Context::keep_children`].
    pub fn create<A: Actor>(&mut self) -> Result<Address> {
        Create::of::<A>().create(self)
    }
}
