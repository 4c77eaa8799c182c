//! Who is to hear the answer to a message, and how an answer finds its question.
//!
//! A question that is asked with [`crate::Requests`] has a header, and whatever is sent in answer to it has the same
//! one. That is all an actor must do that is written without this crate: copy the header.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::event::PoisonMessage;
use crate::message;

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
    /// The actor that asked.
    pub address: Address,
    /// The asker's name for the question.
    pub(crate) request: Option<Box<str>>,
}

/// Tells the sender of a message that it came to nothing, where the host can't: the message was stashed, held or handed
/// to a worker of a troupe before it failed. What [`PoisonMessage`] is for a message that fails where it arrives. To
/// [`crate::Requests`] both are [`crate::RequestError::Poisoned`].
#[message]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonNotice {
    /// The actor that failed on it.
    pub target: Address,
    /// The reason of the failure.
    pub details: String,
    /// The message's type name.
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
