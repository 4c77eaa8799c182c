//! What a start and a handler can give back.

use crate::actor::Actor;
use crate::context::Context;
use crate::failure::{Error, Result};
use crate::incoming::Receive;
use crate::message::Message;

/// A type that a `#[start]` can give back: the actor, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "a start can't return `{Self}`",
    label = "neither the actor nor a `Result` of it",
    note = "a start is `fn name(init: Type, ctx: &mut Context) -> Self`, or `-> Result<Self>`",
    note = "`Error::poison(text)` makes an error of a text"
)]
pub trait IntoStart<A> {
    /// The actor, if it starts.
    ///
    /// # Errors
    /// It can't start.
    fn start(self) -> Result<A>;
}

impl<A: Actor> IntoStart<A> for A {
    fn start(self) -> Result<A> {
        Ok(self)
    }
}

impl<A: Actor, E: Into<Error>> IntoStart<A> for Result<A, E> {
    fn start(self) -> Result<A> {
        self.map_err(Into::into)
    }
}

/// Replies with what a handler for an `R` gave back. That nobody waits for an answer to an event, the attribute says where it can see
/// it; this is for types by other names.
///
/// # Errors
/// The handler failed, or its message can't be sent.
#[doc(hidden)]
#[inline]
pub fn replied<R: Receive, T: IntoReply>(returned: T, ctx: &mut Context) -> Result {
    const {
        assert!(
            !(R::IS_EVENT && T::IS_ANSWER),
            "the handler of an event returns nothing or `Result`: nobody waits for an answer to it"
        );
    }
    returned.reply(ctx)
}

/// A type that a handler can give back: nothing, a message for the sender, or a failure.
#[diagnostic::on_unimplemented(
    message = "a handler can't return `{Self}`",
    label = "no answer to a message",
    note = "a handler returns nothing, a type with `#[message]`, an `Option` of one, or a `Result` of these",
    note = "the error of a `Result` is `thespian::Error`, or any type that implements `std::error::Error`; \
            `Error::poison(text)` makes one of a text"
)]
pub trait IntoReply {
    /// Whether it can be a message.
    #[doc(hidden)]
    const IS_ANSWER: bool = true;

    /// Sends what there is to send.
    ///
    /// # Errors
    /// The handler failed, or its message can't be sent.
    fn reply(self, ctx: &mut Context) -> Result;
}

impl IntoReply for () {
    const IS_ANSWER: bool = false;

    fn reply(self, _: &mut Context) -> Result {
        Ok(())
    }
}

impl<M: Message> IntoReply for M {
    fn reply(self, ctx: &mut Context) -> Result {
        ctx.reply(&self)
    }
}

impl<M: Message> IntoReply for Option<M> {
    fn reply(self, ctx: &mut Context) -> Result {
        self.map_or(Ok(()), |message| ctx.reply(&message))
    }
}

impl<T: IntoReply, E: Into<Error>> IntoReply for Result<T, E> {
    const IS_ANSWER: bool = T::IS_ANSWER;

    fn reply(self, ctx: &mut Context) -> Result {
        self.map_err(Into::into)?.reply(ctx)
    }
}
