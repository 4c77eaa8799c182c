//! Who is to hear the answer to a message, and how an answer finds its question.
//!
//! A question that is asked with [`crate::Requests`] has a header, and whatever is sent in answer to it has the same
//! one. That is all an actor must do that is written without this crate: copy the header.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::context::Context;
use crate::event::PoisonMessage;
use crate::failure::Result;
use crate::host;
use crate::message;
use crate::message::{Encoding, Message, RawMessage};

/// The header of questions and of their answers. Its value begins with the address of the asker.
pub const REQUEST_HEADER: &str = "thespian-request";

/// Where the answer to a message is to go. It can be kept for a later turn, or sent to another actor that will answer:
/// the asker's [`crate::Requests`] know either for the answer.
///
/// ```
/// use thespian::ReplyTo;
/// use thespian::prelude::*;
///
/// #[message]
/// struct Price { cents: u64 }
/// #[message]
/// struct PriceOf { item: String }
/// #[message]
/// struct LookUp { item: String, reply_to: ReplyTo }
///
/// struct Shop { stock: Address }
///
/// #[actor]
/// impl Shop {
///     # #[start] fn new() -> Self { Self { stock: "stock".into() } }
///     #[receive]
///     fn price_of(&mut self, ask: PriceOf, ctx: &mut Context) -> Result {
///         let look_up = LookUp { item: ask.item, reply_to: ctx.reply_to() };
///         ctx.send(&self.stock, &look_up)
///     }
/// }
///
/// #[derive(Default)]
/// struct Stock;
///
/// #[actor]
/// impl Stock {
///     #[receive]
///     fn look_up(&mut self, ask: LookUp, ctx: &mut Context) -> Result {
///         ctx.answer(&ask.reply_to, &Price { cents: 250 })
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// Who asked.
    pub address: Address,
    /// What it calls the question.
    pub(crate) request: Option<Box<str>>,
}

/// Tells the sender of a message that it came to nothing, where the host can't: the message was stashed, held or handed
/// to a worker of a troupe before it failed. What [`PoisonMessage`] is for a message that fails where it arrives. To
/// [`crate::Requests`] both are [`crate::RequestError::Poisoned`].
#[message]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonNotice {
    /// Who failed on it.
    pub target: Address,
    /// Why.
    pub details: String,
    /// Which type it was of.
    pub type_name: String,
}

impl From<PoisonMessage> for PoisonNotice {
    fn from(poison: PoisonMessage) -> Self {
        Self { target: poison.target, details: poison.details, type_name: poison.original.type_name }
    }
}

/// The value of the header of this name.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Takes the header of this name out.
pub(crate) fn take_header(headers: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let place = headers.iter().position(|(known, _)| known == name)?;
    Some(headers.remove(place).1)
}

/// Whether the question of this name was asked by `me`.
pub(crate) fn is_mine(request: &str, me: &Address) -> bool {
    request.strip_prefix(me.as_str()).is_some_and(|rest| rest.starts_with('#'))
}

/// Sends `message`, in answer to the question of this name if there is one. Each call that is one more costs every message
/// a few nanoseconds: there is but that below.
#[inline(always)]
pub(crate) fn send<M: Message>(ctx: &Context, to: &Address, request: Option<&str>, message: &M) -> Result {
    let payload = message.encode()?;
    match request {
        None => send_plain(ctx, to, M::TYPE_NAME, &M::ENCODING, &payload),
        Some(request) => send_named(ctx, to, request, M::TYPE_NAME, M::ENCODING, payload.into_owned()),
    }
}

/// Once for all types of messages; so below.
#[inline(never)]
fn send_plain(ctx: &Context, to: &Address, type_name: &str, encoding: &Encoding, payload: &[u8]) -> Result {
    ctx.check_size(type_name, encoding, payload.len(), &[])?;
    host::send(to, type_name, encoding, payload)
}

#[inline(never)]
fn send_named(
    ctx: &Context,
    to: &Address,
    request: &str,
    type_name: &str,
    encoding: Encoding,
    payload: Vec<u8>,
) -> Result {
    let headers = vec![(REQUEST_HEADER.to_string(), request.to_string())];
    let message = RawMessage { type_name: type_name.to_string(), encoding, payload, headers };
    ctx.check_message(&message)?;
    host::send_raw(to, &message)
}

impl Context {
    /// Where the answer to what is being handled is to go, for an answer that this handler can't give yet, or that
    /// another actor will give.
    #[must_use]
    pub fn reply_to(&self) -> ReplyTo {
        ReplyTo { address: self.sender.clone(), request: self.request.clone() }
    }

    /// Answers a message of an earlier turn, or of another actor's.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn answer<M: Message>(&mut self, to: &ReplyTo, message: &M) -> Result {
        self.note_answer(&to.address, to.request.as_deref());
        send(self, &to.address, to.request.as_deref(), message)
    }
}
