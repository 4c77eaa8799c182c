//! The one actor that an instance is, and its turns.

use std::cell::RefCell;

use crate::actor::{self, Guest, Live};
use crate::address::Address;
use crate::bindings::thespian::actor::types as wit;
use crate::context::{Context, Life};
use crate::failure::{Error, Result};
#[cfg(target_family = "wasm")]
use crate::host::{self, Ask};
use crate::incoming::Came;
use crate::init::Init;
#[cfg(target_family = "wasm")]
use crate::log::Level;
use crate::{parts, timing};

/// Runs one turn, whoever the host is.
// What came is large, and moved once for each call that is one.
#[inline(always)]
pub(crate) fn turn_of(
    live: &mut dyn Live,
    ctx: &mut Context,
    sender: Address,
    attempt: u32,
    came: Came,
) -> Result {
    let incoming = ctx.begin(sender, attempt, came);
    parts::forget_new();
    let is_exit_turn = ctx.life == Life::ExitTurn;
    if ctx.has_parts {
        live.each_part(&mut |part| part.begin(attempt > 1));
        if is_exit_turn {
            live.leave(ctx);
        }
    }
    let mut outcome = live.receive(incoming, ctx);
    if let Err(error) = &outcome
        && is_exit_turn
        && ctx.tells_of_exit
    {
        // What this turn asks for includes the last word to those who wait, and there is no other turn for it.
        crate::warn!(ctx, "in its exit turn: {error}");
        outcome = Ok(());
    }
    if outcome.is_ok() {
        outcome = actor::check_parts(live, ctx);
    }
    if ctx.has_parts {
        live.each_part(&mut |part| part.end(outcome.is_ok()));
    }
    ctx.end_timing(outcome.is_ok());
    outcome
}

/// An actor between its turns.
pub(crate) struct LiveActor {
    live: Box<dyn Live>,
    ctx: Context,
}

impl LiveActor {
    pub(crate) fn start(guests: &[Guest], init: wit::ActorInit) -> std::result::Result<Self, wit::Failure> {
        let init = Init::from(init);
        let Some(guest) = guests.iter().find(|guest| guest.name == init.class) else {
            return Err(no_class(guests, &init.class).into_failure());
        };
        let mut ctx = Context::new(init);
        let live = (guest.start)(&mut ctx).map_err(Error::into_failure)?;
        Ok(Self { live, ctx })
    }

    pub(crate) fn turn(
        &mut self,
        sender: String,
        attempt: u32,
        came: Came,
    ) -> std::result::Result<(), wit::Failure> {
        turn_of(&mut *self.live, &mut self.ctx, sender.into(), attempt, came).map_err(Error::into_failure)
    }

    pub(crate) fn event(&mut self, delivery: wit::Delivery) -> std::result::Result<(), wit::Failure> {
        match timing::event(delivery.event, &mut self.ctx).map_err(Error::into_failure)? {
            Some(came) => self.turn(delivery.sender, delivery.attempt, came),
            None => Ok(()),
        }
    }
}

thread_local! {
    /// The one actor that this instance is.
    static ACTOR: RefCell<Option<LiveActor>> = const { RefCell::new(None) };
}

/// Makes this instance an actor. A panic becomes one record of the log, and with it the reason of the trap; Rust's own
/// hook writes three lines to the standard error, in a dozen calls of the host. If the class can't start there is none, and every turn says so.
#[doc(hidden)]
pub fn start(guests: &[Guest], init: wit::ActorInit) -> std::result::Result<(), wit::Failure> {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        let record = Ask::Log { level: Level::Error, target: "panic", text: &text };
        // A log never refuses.
        let _ = host::ask(record);
    }));
    ACTOR.set(Some(LiveActor::start(guests, init)?));
    Ok(())
}

#[cold]
fn no_class(guests: &[Guest], class: &str) -> Error {
    let names: Vec<_> = guests.iter().map(|guest| guest.name).collect();
    Error::poison(["the source has no class `", class, "`; it has `", &names.join("`, `"), "`"].concat())
}

/// Runs one turn, for a message.
#[doc(hidden)]
pub fn handle_message(
    sender: String,
    attempt: u32,
    message: wit::MessageResult,
) -> std::result::Result<(), wit::Failure> {
    turn(|instance| instance.turn(sender, attempt, Came::Message(message)))
}

/// Runs one turn, for what the host tells.
#[doc(hidden)]
pub fn handle_event(delivery: wit::Delivery) -> std::result::Result<(), wit::Failure> {
    turn(|instance| instance.event(delivery))
}

fn turn(
    turn: impl FnOnce(&mut LiveActor) -> std::result::Result<(), wit::Failure>,
) -> std::result::Result<(), wit::Failure> {
    ACTOR.with_borrow_mut(|actor| match actor {
        Some(instance) => turn(instance),
        None => Err(Error::poison("the actor has not started").into_failure()),
    })
}
