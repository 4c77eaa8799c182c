//! Between whom a question is: the one who has it, and whoever it was asked for.

use crate::address::Address;
use crate::context::Context;
use crate::event::QuestionId;
use crate::reply::ReplyTo;

/// The one who has a question.
pub(super) enum Askee {
    Actor(Address),
    /// The host, by its name for it.
    Host(QuestionId),
}

impl Askee {
    pub(super) fn is_actor(&self, address: &str) -> bool {
        matches!(self, Self::Actor(asked) if asked.as_str() == address)
    }
}

/// Whoever a question was asked for: hears if the continuation fails.
#[derive(Clone)]
pub(super) struct Concerned {
    /// The actor itself, where it asks of its own accord.
    pub(super) to: ReplyTo,
    /// Whether the continuation runs as if what `to` had sent were being handled still.
    pub(super) is_answered: bool,
}

impl Concerned {
    /// Whoever sent what is being handled, or whoever that was done for.
    pub(super) fn by(ctx: &Context, type_name: &str) -> Self {
        let itself = || ReplyTo { address: ctx.me().clone(), request: None, type_name: type_name.into() };
        let sender = || if ctx.handled.is_empty() { itself() } else { ctx.reply_to() };
        Self { to: ctx.concerned.clone().unwrap_or_else(sender), is_answered: false }
    }
}
