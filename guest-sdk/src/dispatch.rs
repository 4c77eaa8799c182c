//! From what came to a handler: how a class takes it, and what becomes of what no handler takes.

use std::borrow::Cow;

use crate::actor::Actor;
use crate::context::Context;
use crate::failure::{Error, Result};
use crate::incoming::{Came, Incoming, Receive};
use crate::log::Level;

impl Incoming {
    /// Takes what came, for the handler of class `A` that accepts it.
    ///
    /// # Errors
    /// Its payload can't be decoded.
    pub fn take<R: Receive, A: Actor>(self, ctx: &mut Context) -> Result<R> {
        ctx.handled = match (R::TYPE_NAME, &self.0) {
            (Some(type_name), _) => Cow::Borrowed(type_name),
            (None, Came::Message(message)) => Cow::Owned(message.type_name.clone()),
            (None, _) => Cow::Borrowed(""),
        };
        R::take(self).map_err(|error| undecodable::<A>(&error))
    }

    /// There is no handler: an event can be ignored, a message can't. What is for parts alone and none took, the log tells.
    ///
    /// # Errors
    /// It is a message.
    pub fn unhandled<A: Actor>(self, ctx: &Context) -> Result {
        match self.0 {
            Came::Message(message) => return Err(unhandled(&message.type_name, A::CLASS, A::RECEIVES)),
            Came::Event(_) => {}
            // Whoever waited for it was lost by the first attempt, and with it what was to follow.
            Came::Answer(_) | Came::Signal(_) if ctx.attempt() > 1 => return Err(Error::lost()),
            Came::Answer(answer) => untaken("the answer", &answer.type_name, ctx),
            Came::Signal(signal) => untaken("the signal", &signal.type_name, ctx),
            Came::SignalFailed(poisoned) => untaken("the signal", &poisoned.original.type_name, ctx),
        }
        Ok(())
    }
}

/// Something for a part that is not there. After a trap that is as it should be: it was for one that is lost.
#[cold]
fn untaken(what: &str, type_name: &str, ctx: &Context) {
    let level = if ctx.incarnation() > 1 { Level::Debug } else { Level::Warn };
    if ctx.log_enabled(level) {
        let class = ctx.class();
        ctx.log(
            level,
            format_args!("{what} `{type_name}` from {} is for no part of `{class}`", ctx.sender()),
        );
    }
}

#[cold]
fn unhandled(type_name: &str, class: &str, receives: &[&str]) -> Error {
    let takes = if receives.is_empty() { "no messages".to_string() } else { listed(receives) };
    Error::unhandled(["`", class, "` takes no `", type_name, "`; it takes ", &takes].concat())
}

/// Takes the way of what has no handler, where a handler of class `A` may take it in another state: whoever sent a message
/// that also the base does not take hears that this is a matter of the state.
///
/// # Errors
/// It ends unhandled, or the base fails.
#[doc(hidden)]
pub fn not_now<A: Actor>(
    is_for_another_state: bool,
    incoming: Incoming,
    unhandled: impl FnOnce(Incoming) -> Result,
) -> Result {
    let type_name = match &incoming.0 {
        Came::Message(message) if is_for_another_state => message.type_name.clone(),
        _ => return unhandled(incoming),
    };
    unhandled(incoming).map_err(|error| {
        if !error.is_unhandled() {
            return error;
        }
        Error::unhandled(
            ["`", A::CLASS, "` takes no `", &type_name, "` now; it may in another state"].concat(),
        )
    })
}

#[cold]
fn undecodable<A: Actor>(error: &Error) -> Error {
    told_what_it_takes(error.reason(), A::CLASS, A::RECEIVES)
}

fn told_what_it_takes(reason: &str, class: &str, receives: &[&str]) -> Error {
    Error::poison([reason, "; `", class, "` takes ", &listed(receives)].concat())
}

/// The names in one text: `` `Greet`, `Farewell` ``.
fn listed(names: &[&str]) -> String {
    ["`", &names.join("`, `"), "`"].concat()
}
