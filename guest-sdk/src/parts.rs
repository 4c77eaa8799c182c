//! Parts of an actor that see what came before its handlers do: open requests, a stash, a supervisor.
//!
//! A part is a field of the actor's state, named by `#[actor(parts(...))]`. A turn of an actor with parts:
//!
//! ```text
//! begin (all parts) -> offer (one after the other, until one takes it) -> the handler -> finish (all) -> end (all)
//!        └ in the exit turn: leave (all)
//! ```
//!
//! What a failed turn asked for does not happen, but what it did to the actor's state stays. So a part that keeps account
//! of what it asked for takes it back at the `end` of such a turn. Whether what came to it will come once more, the host
//! decides, by rules that are its own. A part does not guess: it knows when the next turn begins, for a second attempt
//! comes before anything else.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use crate::address::Address;
use crate::bindings::thespian::actor::types::{Event, MessageResult, Wakeup};
use crate::context::{Context, Life};
use crate::failure::{Error, Result};
use crate::incoming::{Came, Incoming};
use crate::reply::{self, REQUEST_HEADER};

/// Begins the type names of what a part sends its own actor.
pub(crate) const SIGNAL: &str = "thespian/";

/// Where an actor has a part.
pub type Field<A, P> = fn(&mut A) -> &mut P;

/// The account that a part keeps from turn to turn.
#[doc(hidden)]
pub trait Ledger {
    /// A turn begins. If the last one failed, what came to it is over, unless it comes `again` now.
    fn begin(&mut self, again: bool);

    /// The turn is over: what it asked for happens, or it failed and nothing of it does.
    fn end(&mut self, succeeded: bool);

    /// Whether it is known to be a part.
    fn standing(&mut self) -> &mut Standing;

    /// The name by which it knows the actor's children, if it has them: no other may have the same.
    fn supervises_as(&self) -> Option<&str> {
        None
    }
}

/// A field of an actor that sees what came before the handlers do. Those that there are: [`crate::Requests`],
/// [`crate::Stash`], [`crate::Initializing`], [`crate::Supervisor`] and [`crate::SourceAuthority`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part of the actor `{A}`",
    note = "parts are fields of type `Requests<Self>`, `Stash`, `Initializing<Self>`, `Supervisor` or `SourceAuthority<Self>`"
)]
pub trait Part<A>: Ledger + Sized {
    /// The type names of the messages that it takes.
    const RECEIVES: &'static [&'static str] = &[];

    /// Itself, as all parts have it in common.
    #[doc(hidden)]
    fn ledger(&mut self) -> &mut dyn Ledger
    where
        Self: 'static,
    {
        self
    }

    /// Takes what came, passes it on, or replaces it.
    ///
    /// # Errors
    /// It is taken, and that fails.
    fn offer(
        actor: &mut A,
        part: Field<A, Self>,
        incoming: Incoming,
        ctx: &mut Context,
    ) -> Result<Option<Incoming>>;

    /// Ends the handling of what came: the last chance to ask for something, or to fail.
    ///
    /// # Errors
    /// The turn fails after all.
    fn finish(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) -> Result {
        let _ = (actor, part, ctx);
        Ok(())
    }

    /// The actor exits: whoever waits for something that the part holds is told. It can't fail, for there is no second
    /// attempt at an exit turn.
    fn leave(actor: &mut A, part: Field<A, Self>, ctx: &mut Context) {
        let _ = (actor, part, ctx);
    }
}

/// Whether a part is among the fields that `#[actor(parts(...))]` names: one that is not would never see what comes.
#[doc(hidden)]
#[derive(Debug)]
pub struct Standing {
    kind: Kind,
    /// Whether a turn began for it.
    is_named: bool,
    /// The number by which it is known again in the turn in which it came to be; 0 before.
    number: u64,
}

/// The kinds of parts, for what there is to say of one that is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Initializing,
    Requests,
    SourceAuthority,
    Stash,
    Supervisor,
}

thread_local! {
    /// Parts that came to be in the turn under way, and must be among the actor's at its end.
    static NEW: RefCell<Vec<(u64, Kind)>> = const { RefCell::new(Vec::new()) };
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    /// Whether anything did: in most turns nothing does, and they are to cost nothing more.
    static IS_ANY_NEW: Cell<bool> = const { Cell::new(false) };
}

impl Standing {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, is_named: false, number: 0 }
    }

    /// A turn began for it.
    pub(crate) const fn confirm(&mut self) {
        self.is_named = true;
    }

    /// Checks a part that is used. In a start it may be on its way into its field.
    pub(crate) fn check(&mut self, ctx: &Context) -> Result {
        if self.is_named {
            return Ok(());
        }
        if ctx.life != Life::Starts {
            return Err(self.kind.not_named(ctx.class()));
        }
        self.enter();
        Ok(())
    }

    /// The number by which it is found among the parts.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Notes a part that came to be, and is to be the actor's by the end of the turn.
    pub(crate) fn enter(&mut self) {
        if self.number == 0 {
            self.number = NUMBER.get() + 1;
            NUMBER.set(self.number);
            NEW.with_borrow_mut(|new| new.push((self.number, self.kind)));
            IS_ANY_NEW.set(true);
        }
    }
}

impl Kind {
    #[cold]
    fn not_named(self, class: &str) -> Error {
        let (name, field, problem) = match self {
            Self::Initializing => ("Initializing", "initializing", "holds nothing back"),
            Self::Requests => ("Requests", "requests", "never hears an answer"),
            Self::SourceAuthority => ("SourceAuthority", "authority", "judges no source"),
            Self::Stash => ("Stash", "stash", "never lets a message go"),
            Self::Supervisor => ("Supervisor", "supervisor", "never hears that a child ended"),
        };
        let text = ["a `", name, "` that is no part of `", class, "` ", problem];
        let help = ["; name its field: `#[actor(parts(", field, "))]`"];
        Error::poison([text.concat(), help.concat()].concat())
    }
}

/// Forgets what came to be in a turn that did not get to its end.
#[inline]
pub(crate) fn forget_new() {
    if IS_ANY_NEW.replace(false) {
        NEW.with_borrow_mut(Vec::clear);
    }
}

/// Whether anything came to be in this turn.
#[inline]
pub(crate) fn is_any_new() -> bool {
    IS_ANY_NEW.get()
}

/// Looks among the parts for what came to be in this turn.
///
/// # Errors
/// It is none of them.
#[cold]
pub(crate) fn check_new(class: &str, mut is_part: impl FnMut(u64) -> bool) -> Result {
    IS_ANY_NEW.set(false);
    match NEW.take().into_iter().find(|(number, _)| !is_part(*number)) {
        Some((_, kind)) => Err(kind.not_named(class)),
        None => Ok(()),
    }
}

/// Two supervisors of an actor can't tell their children apart.
#[cold]
pub(crate) fn same_name(class: &str, name: &str) -> Error {
    let text = ["two supervisors of `", class, "` are called `", name, "`; give each a name of its own: "];
    Error::poison([&*text.concat(), "`Supervisor::new(...).named(\"...\")`"].concat())
}

/// A stretch of a turn that `return` and `?` leave.
#[doc(hidden)]
pub fn attempt(stretch: impl FnOnce() -> Result) -> Result {
    stretch()
}

/// The type names that a part takes; the field says which type it is.
#[doc(hidden)]
#[must_use]
pub const fn part_receives<A, P: Part<A>>(_: Field<A, P>) -> &'static [&'static str] {
    P::RECEIVES
}

impl Context {
    /// Notes whose turn it is, and tells what is for handlers from what is for parts alone.
    #[inline(always)]
    pub(crate) fn begin(&mut self, sender: Address, attempt: u32, came: Came) -> Incoming {
        self.sender = sender;
        self.attempt = attempt;
        self.request = None;
        self.handled = Cow::Borrowed("");
        self.life = match came {
            Came::Event(Event::ExitRequested(_)) => Life::ExitTurn,
            _ if self.life.is_exiting() => Life::Exits,
            _ => Life::Runs,
        };
        Incoming(match came {
            Came::Message(message) => self.classified(message),
            Came::Event(Event::Wakeup(Wakeup { payload: Some(payload), .. })) if is_signal(&payload) => {
                Came::Signal(payload)
            }
            Came::Event(Event::Poisoned(poisoned))
                if self.sender == self.init.me && is_signal(&poisoned.original) =>
            {
                Came::SignalFailed(poisoned)
            }
            other => other,
        })
    }

    fn classified(&mut self, message: MessageResult) -> Came {
        if self.sender == self.init.me && is_signal(&message) {
            return Came::Signal(message);
        }
        let headers = message.headers.as_deref().unwrap_or_default();
        match reply::header(headers, REQUEST_HEADER) {
            Some(request) if reply::is_mine(request, &self.init.me) => Came::Answer(message),
            Some(request) => {
                self.request = Some(request.into());
                Came::Message(message)
            }
            None => Came::Message(message),
        }
    }
}

fn is_signal(message: &MessageResult) -> bool {
    message.type_name.starts_with(SIGNAL)
}
