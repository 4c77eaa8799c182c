//! What: messages between actors.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::{ADDRESS_TEXT_LEN, ActorAddress};
use crate::limits::TYPE_NAME_LEN_MAX;

/// Type names that begin with this are the host's own; no one but the host can send one.
pub const RESERVED_PREFIX: &str = "thespian:";

/// The header of a question: the address of who asks, `#`, and the asker's name for it. An answer has the same.
pub const REQUEST_HEADER: &str = "thespian-request";

/// How a payload is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// JSON in UTF-8: the default.
    Json,
    /// CBOR, by RFC 8949.
    Cbor,
    /// Text in UTF-8.
    Text,
    /// Bytes that only sender and receiver understand.
    Bytes,
    /// Another encoding, by its media type.
    Other(Box<str>),
}

/// A header: a name and a value.
pub type Header = (Box<str>, Box<str>);

/// A message from one actor to another. Immutable; the payload is shared, not copied, when it is cloned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Selects the receiver's handler.
    pub type_name: Box<str>,
    /// How `payload` is written.
    pub encoding: Encoding,
    /// The content, as bytes.
    pub payload: Bytes,
    /// Trace context and the like.
    pub headers: Option<Box<[Header]>>,
}

/// The reason why a message can't be sent, by an actor or from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Its type has no name.
    #[error("a message needs a type name")]
    NoTypeName,
    /// The type name belongs to the host.
    #[error("type names that begin with `{RESERVED_PREFIX}` are the host's own")]
    Reserved,
    /// The type name is too long.
    #[error("the type name has {len} bytes; at most {TYPE_NAME_LEN_MAX} are allowed")]
    TypeNameTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The message is too big.
    #[error("the message `{type_name}` takes {size} bytes; at most {max} are allowed (`message-bytes-max`)")]
    TooBig {
        /// The name of its type.
        type_name: Box<str>,
        /// Its cost in bytes.
        size: usize,
        /// The bound that it exceeds.
        max: usize,
    },
}

/// Cost of a message beside its texts and payload: the envelope in its queue, in bytes.
pub(crate) const ENVELOPE_COST: usize = 192;

impl Message {
    /// A JSON message.
    #[must_use]
    pub fn json(type_name: &str, payload: impl Into<Bytes>) -> Self {
        Self { type_name: type_name.into(), encoding: Encoding::Json, payload: payload.into(), headers: None }
    }

    /// A message of raw bytes.
    #[must_use]
    pub fn bytes(type_name: &str, payload: impl Into<Bytes>) -> Self {
        Self {
            type_name: type_name.into(),
            encoding: Encoding::Bytes,
            payload: payload.into(),
            headers: None,
        }
    }

    /// Room that it takes in a queue, in bytes: this is counted by bounds in bytes.
    #[must_use]
    pub fn cost(&self) -> usize {
        let headers = self.headers.iter().flat_map(|headers| headers.iter());
        let headers: usize = headers.map(|(name, value)| 32 + name.len() + value.len()).sum();
        let encoding = match &self.encoding {
            Encoding::Other(name) => name.len(),
            _ => 0,
        };
        ENVELOPE_COST + self.type_name.len() + encoding + self.payload.len() + headers
    }

    /// Whether it may be sent where a message may cost `size_max` bytes; its cost.
    ///
    /// # Errors
    /// It breaks a rule that holds for actors and for programs outside alike.
    #[inline]
    pub fn check(&self, size_max: usize) -> Result<usize, MessageError> {
        if self.type_name.is_empty() {
            return Err(MessageError::NoTypeName);
        }
        if self.is_reserved() {
            return Err(MessageError::Reserved);
        }
        if self.type_name.len() > TYPE_NAME_LEN_MAX {
            return Err(MessageError::TypeNameTooLong { len: self.type_name.len() });
        }
        let size = self.cost();
        if size > size_max {
            return Err(MessageError::TooBig { type_name: self.type_name.clone(), size, max: size_max });
        }
        Ok(size)
    }

    /// Whether it is a question of this sender, who waits for its answer.
    #[must_use]
    pub fn is_question_of(&self, sender: ActorAddress) -> bool {
        let mut headers = self.headers.iter().flatten();
        let Some((_, name)) = headers.find(|(name, _)| &**name == REQUEST_HEADER) else { return false };
        let asker = &mut [0; ADDRESS_TEXT_LEN];
        name.strip_prefix(sender.write_text(asker)).is_some_and(|rest| rest.starts_with('#'))
    }

    /// Whether only the host may send this type.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.type_name.starts_with(RESERVED_PREFIX)
    }
}

/// How much of a payload `Debug` shows, in bytes.
const DEBUG_PAYLOAD_LEN: usize = 48;

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.payload[..self.payload.len().min(DEBUG_PAYLOAD_LEN)];
        let text = String::from_utf8_lossy(shown);
        let more = if self.payload.len() > shown.len() { "…" } else { "" };
        write!(f, "{}({:?}, {} B: {text:?}{more})", self.type_name, self.encoding, self.payload.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn every_text_that_a_sender_chooses_counts() {
        let mut message = Message::bytes("M", "payload");
        let cost = message.cost();
        message.encoding = Encoding::Other("x".repeat(1_000).into());
        message.headers = Some([("name".repeat(100).into(), "value".repeat(100).into())].into());
        assert!(message.cost() >= cost + 1_000 + 400 + 500);
    }

    #[test]
    fn a_question_is_known_by_its_askers_address_and_what_follows_it() {
        let [asker, other] = [1, 2].map(|id| ActorAddress::new(HostId(1), id));
        let headed = |name: &str, value: String| Message {
            headers: Some([("traceparent".into(), "00".into()), (name.into(), value.into())].into()),
            ..Message::json("M", "1")
        };
        let question = headed(REQUEST_HEADER, format!("{asker}#5f.1"));
        assert!(question.is_question_of(asker));
        assert!(!question.is_question_of(other), "it answers, or has been passed on");
        for no_question in [
            headed(REQUEST_HEADER, asker.to_string()),
            headed("other", format!("{asker}#1")),
            Message::json("M", "1"),
        ] {
            assert!(!no_question.is_question_of(asker), "{no_question:?}");
        }
    }

    #[test]
    fn a_message_that_can_not_be_sent_says_what_it_is_and_what_bounds_it() {
        let size_max = 1_000;
        let refused = |message: Message| message.check(size_max).unwrap_err().to_string();
        assert_eq!(refused(Message::json("", "1")), "a message needs a type name");
        assert!(refused(Message::json("thespian:exit", "1")).contains("are the host's own"));
        let long = "x".repeat(TYPE_NAME_LEN_MAX + 1);
        assert_eq!(
            refused(Message::json(&long, "1")),
            "the type name has 257 bytes; at most 256 are allowed"
        );
        let big = Message::bytes("Big", "x".repeat(size_max));
        let text = "the message `Big` takes 1195 bytes; at most 1000 are allowed (`message-bytes-max`)";
        assert_eq!(refused(big), text);
        let fits = Message::json("M", "1");
        assert_eq!(fits.check(size_max), Ok(fits.cost()));
    }
}
