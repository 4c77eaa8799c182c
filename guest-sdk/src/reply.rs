//! Who is to hear the answer to a message, and how an answer finds its question.
//!
//! A question that is asked with [`crate::Requests`] has a header, and whatever is sent in answer to it has the same
//! one. That is all an actor must do that is written without this crate: copy the header.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::message::{Encoding, RawMessage};

/// The header of questions and of their answers. Its value begins with the address of the asker.
pub const REQUEST_HEADER: &str = "thespian-request";
/// The type name of a message that came back and was none: what is told by an event has no type.
const UNKNOWN: &str = "unknown";

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
    /// The type name of the message, for the poison that a refusal is.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(crate) type_name: Box<str>,
}

impl ReplyTo {
    /// The same for a message of this type.
    pub(crate) fn about(self, type_name: &str) -> Self {
        Self { type_name: type_name.into(), ..self }
    }

    /// The message that waits for the answer, without its payload, which nobody kept.
    pub(crate) fn original(&self) -> RawMessage {
        let type_name = if self.type_name.is_empty() { UNKNOWN } else { &self.type_name };
        let (type_name, encoding) = (type_name.to_string(), Encoding::Bytes);
        self.marked(RawMessage { type_name, encoding, payload: Vec::new(), headers: Vec::new() })
    }

    /// The message that waits for the answer, so that its sender knows it again.
    pub(crate) fn marked(&self, mut message: RawMessage) -> RawMessage {
        if let Some(request) = &self.request
            && header(&message.headers, REQUEST_HEADER).is_none()
        {
            message.headers.push((REQUEST_HEADER.to_string(), request.to_string()));
        }
        message
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
