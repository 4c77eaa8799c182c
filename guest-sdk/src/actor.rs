//! A class of actors: what it must say of itself, how a source lists it, and how an actor of it begins.

use crate::bindings::thespian::actor::types as wit;
use crate::capability::Requirement;
use crate::class::{Accepts, ChildrenAtRestart, InitMessage, OnTrap, Transient};
use crate::context::Context;
use crate::failure::Result;
use crate::incoming::Incoming;
use crate::init::StartsWith;
use crate::parts::{self, Field, Ledger};

/// A class of actors. Implemented by [`actor`](macro@crate::actor).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no class of actors",
    note = "put `#[actor]` on an `impl {Self}` block with its handlers"
)]
pub trait Actor: Sized + 'static {
    /// The name by which it is created.
    const CLASS: &'static str;
    /// The type names of the messages that it takes.
    const RECEIVES: &'static [&'static str];
    /// As which it is listed in its source: as a troupe, where its attribute says so.
    #[doc(hidden)]
    const GUEST: Guest = Guest::of::<Self>();
    /// The fate of an actor whose instance trapped.
    const ON_TRAP: OnTrap;

    /// The fate of its children, where a fresh instance takes the place of one that trapped.
    const CHILDREN_AT_RESTART: ChildrenAtRestart = ChildrenAtRestart::Keep;

    /// Whether and when its actors end of themselves.
    const TRANSIENT: Option<Transient>;

    /// The message that it starts with, where its `#[start]` takes one.
    const INIT: Option<InitMessage> = None;

    /// Its own check whether a host suits it: the function with `#[accepts]`.
    const ACCEPTS: Option<Accepts> = None;

    /// Capabilities that its host must have.
    #[must_use]
    fn requires() -> Vec<Requirement>;

    /// The new actor.
    ///
    /// # Errors
    /// It can't start.
    fn start(ctx: &mut Context) -> Result<Self>;

    /// Lets the right handler have what came.
    ///
    /// # Errors
    /// As the handler says, or there is none.
    fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result;

    /// Whether it can have parts, of its own or of its base. Without any, a turn does nothing for them.
    #[doc(hidden)]
    const HAS_PARTS: bool = false;

    /// Shows its parts, and those of its base.
    #[doc(hidden)]
    fn each_part(&mut self, each: &mut dyn FnMut(&mut dyn Ledger)) {
        let _ = each;
    }

    /// Its exit turn begins: its parts, and those of its base, tell whoever waits for it.
    #[doc(hidden)]
    fn leave(&mut self, ctx: &mut Context) {
        let _ = ctx;
    }
}

/// A live actor, whatever its class.
pub(crate) trait Live {
    fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result;
    fn each_part(&mut self, each: &mut dyn FnMut(&mut dyn Ledger));
    fn leave(&mut self, ctx: &mut Context);
}

impl<A: Actor> Live for A {
    fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result {
        Actor::receive(self, incoming, ctx)
    }

    fn each_part(&mut self, each: &mut dyn FnMut(&mut dyn Ledger)) {
        Actor::each_part(self, each);
    }

    fn leave(&mut self, ctx: &mut Context) {
        Actor::leave(self, ctx);
    }
}

/// The message that an actor was created with, as the first parameter of its start.
///
/// # Errors
/// There is none, it is of another type, or it can't be decoded.
#[doc(hidden)]
pub fn init<T: StartsWith>(ctx: &Context) -> Result<T> {
    T::taken(ctx.init.message.as_ref(), ctx.class())
}

/// Makes an actor.
pub(crate) fn begin<A: Actor>(ctx: &mut Context) -> Result<A> {
    parts::forget_new();
    ctx.has_parts = A::HAS_PARTS;
    ctx.inherits_children = A::CHILDREN_AT_RESTART == ChildrenAtRestart::Keep;
    let mut actor = A::start(ctx)?;
    check_parts(&mut actor, ctx)?;
    ctx.end_timing(true);
    Ok(actor)
}

/// Whether what came to be as a part is one.
#[inline]
pub(crate) fn check_parts(live: &mut dyn Live, ctx: &Context) -> Result {
    if !parts::is_any_new() {
        return Ok(());
    }
    parts::check_new(ctx.class(), |number| {
        let mut is_there = false;
        live.each_part(&mut |part| is_there |= part.standing().number() == number);
        is_there
    })?;
    let mut names = Vec::new();
    live.each_part(&mut |part| names.extend(part.supervises_as().map(str::to_string)));
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(parts::same_name(ctx.class(), &pair[0])),
        None => Ok(()),
    }
}

/// A class in the list of a source: how it is described and started.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Guest {
    pub(crate) name: &'static str,
    pub(crate) describe: fn() -> wit::ActorClass,
    pub(crate) start: fn(&mut Context) -> Result<Box<dyn Live>>,
    pub(crate) accepts: Option<Accepts>,
}

impl Guest {
    /// The class `A`.
    #[must_use]
    pub const fn of<A: Actor>() -> Self {
        Self {
            name: A::CLASS,
            describe: describe_class::<A>,
            start: |ctx| Ok(Box::new(begin::<A>(ctx)?)),
            accepts: A::ACCEPTS,
        }
    }
}

fn describe_class<A: Actor>() -> wit::ActorClass {
    wit::ActorClass {
        name: A::CLASS.to_string(),
        requires: A::requires().into_iter().map(Requirement::into_wit).collect(),
        custom_placement: A::ACCEPTS.is_some(),
        on_trap: A::ON_TRAP.to_wit(),
        troupe: None,
        transient: A::TRANSIENT.map(Transient::to_wit),
        stateful: false,
        receives: A::RECEIVES.iter().map(ToString::to_string).collect(),
        extra: A::CHILDREN_AT_RESTART.to_wit().into_iter().chain(A::INIT.map(InitMessage::to_wit)).collect(),
    }
}

/// The type names that an actor's base takes.
#[doc(hidden)]
#[must_use]
pub const fn base_receives<A, B: Actor>(_: Field<A, B>) -> &'static [&'static str] {
    B::RECEIVES
}
