//! Messages: types to payloads and back.

mod finite;

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::thespian::actor::types as wit;
use crate::failure::{Error, Result};
use finite::Finite;

/// How a payload is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON: what everything can read.
    Json,
    /// CBOR, by RFC 8949.
    Cbor,
    /// Text in UTF-8.
    Text,
    /// Bytes that only sender and receiver understand.
    Bytes,
    /// Another, by its media type.
    Other(String),
}

impl Encoding {
    pub(crate) fn to_wit(&self) -> wit::EncodingParam<'_> {
        match self {
            Self::Json => wit::EncodingParam::Json,
            Self::Cbor => wit::EncodingParam::Cbor,
            Self::Text => wit::EncodingParam::Text,
            Self::Bytes => wit::EncodingParam::Bytes,
            Self::Other(name) => wit::EncodingParam::Other(name),
        }
    }

    /// As people call it.
    fn name(&self) -> &str {
        match self {
            Self::Json => "JSON",
            Self::Cbor => "CBOR",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Other(name) => name,
        }
    }

    pub(crate) fn from_wit(encoding: wit::EncodingResult) -> Self {
        match encoding {
            wit::EncodingResult::Json => Self::Json,
            wit::EncodingResult::Cbor => Self::Cbor,
            wit::EncodingResult::Text => Self::Text,
            wit::EncodingResult::Bytes => Self::Bytes,
            wit::EncodingResult::Other(name) => Self::Other(name),
        }
    }
}

/// A type that actors can send. Implemented by [`message`](macro@crate::message).
#[diagnostic::on_unimplemented(message = "`{Self}` is no message", note = "put `#[message]` on it")]
pub trait Message: Sized {
    /// Selects the receiver's handler.
    const TYPE_NAME: &'static str;
    /// How its payload is written.
    const ENCODING: Encoding;

    /// The payload of this value.
    ///
    /// # Errors
    /// The value has no form in its encoding.
    fn encode(&self) -> Result<Cow<'_, [u8]>>;

    /// The value that a payload holds.
    ///
    /// # Errors
    /// It holds none of this type.
    fn decode(encoding: &Encoding, payload: Vec<u8>) -> Result<Self>;
}

/// A type that a field of a message can have.
#[diagnostic::on_unimplemented(
    message = "a message can't hold a `{Self}`",
    label = "serde can't write and read it",
    note = "put `#[message]` on a type of your own; a type of another crate can be held if that crate has a feature `serde`; \
            else write what it says into fields of other types"
)]
#[doc(hidden)]
pub trait Holdable {}

// What can be read but not written is rare, and serde's own words are for it.
impl<T: DeserializeOwned> Holdable for T {}

/// Asks whether a message can hold a `T`.
#[doc(hidden)]
pub const fn holds<T: Holdable>() {}

/// A message of any type, undecoded. As the parameter of a handler: whatever no other handler takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// Its type name.
    pub type_name: String,
    /// How its payload is written.
    pub encoding: Encoding,
    /// The payload as it is sent.
    pub payload: Vec<u8>,
    /// Headers, as names with values.
    pub headers: Vec<(String, String)>,
}

impl RawMessage {
    /// The undecoded form of a message.
    ///
    /// # Errors
    /// The value has no form in its encoding.
    pub fn of<M: Message>(message: &M) -> Result<Self> {
        Ok(Self {
            type_name: M::TYPE_NAME.to_string(),
            encoding: M::ENCODING,
            payload: message.encode()?.into_owned(),
            headers: Vec::new(),
        })
    }

    /// A word of an actor to itself, as what a wakeup brings: no handler is given it.
    pub(crate) fn signal(type_name: &str, text: impl Into<Vec<u8>>) -> Self {
        let (type_name, payload) = (type_name.to_string(), text.into());
        Self { type_name, encoding: Encoding::Text, payload, headers: Vec::new() }
    }

    /// As a message of type `M`, if it is one.
    ///
    /// # Errors
    /// It is, but its payload can't be decoded.
    pub fn decode<M: Message>(self) -> Option<Result<M>> {
        (self.type_name == M::TYPE_NAME).then(|| M::decode(&self.encoding, self.payload))
    }

    /// As [`RawMessage::decode`], where the message is still needed. Copies the payload only if it is of type `M`.
    pub fn decoded<M: Message>(&self) -> Option<Result<M>> {
        (self.type_name == M::TYPE_NAME).then(|| M::decode(&self.encoding, self.payload.clone()))
    }

    /// Its headers, as [`RawMessage::to_wit`] has them.
    pub(crate) fn headers_to_wit(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    pub(crate) fn to_wit<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> wit::MessageParam<'a> {
        wit::MessageParam {
            type_name: &self.type_name,
            encoding: self.encoding.to_wit(),
            payload: &self.payload,
            headers: (!headers.is_empty()).then_some(headers),
        }
    }

    pub(crate) fn into_wit(self) -> wit::MessageResult {
        wit::MessageResult {
            type_name: self.type_name,
            encoding: match self.encoding {
                Encoding::Json => wit::EncodingResult::Json,
                Encoding::Cbor => wit::EncodingResult::Cbor,
                Encoding::Text => wit::EncodingResult::Text,
                Encoding::Bytes => wit::EncodingResult::Bytes,
                Encoding::Other(name) => wit::EncodingResult::Other(name),
            },
            payload: self.payload,
            headers: (!self.headers.is_empty()).then_some(self.headers),
        }
    }

    pub(crate) fn from_wit(message: wit::MessageResult) -> Self {
        Self {
            type_name: message.type_name,
            encoding: Encoding::from_wit(message.encoding),
            payload: message.payload,
            headers: message.headers.unwrap_or_default(),
        }
    }
}

impl From<wit::MessageParam<'_>> for RawMessage {
    fn from(message: wit::MessageParam<'_>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_string(), (*value).to_string());
        Self {
            type_name: message.type_name.to_string(),
            encoding: match message.encoding {
                wit::EncodingParam::Json => Encoding::Json,
                wit::EncodingParam::Cbor => Encoding::Cbor,
                wit::EncodingParam::Text => Encoding::Text,
                wit::EncodingParam::Bytes => Encoding::Bytes,
                wit::EncodingParam::Other(name) => Encoding::Other(name.to_string()),
            },
            payload: message.payload.to_vec(),
            headers: message.headers.unwrap_or_default().iter().map(owned).collect(),
        }
    }
}

/// Whether a message is one that the host takes, which has at most `max` bytes. It counts as the host does, which would end
/// the instance of a guest that hands over much more than a message may have.
#[inline(always)]
pub(crate) fn check_size(
    type_name: &str,
    encoding: &Encoding,
    payload_len: usize,
    headers: &[(String, String)],
    max: usize,
) -> Result {
    /// Bytes that the host counts for a message beside its texts and its payload.
    const MESSAGE_BYTES: usize = 192;
    /// Bytes that the host counts for a header beside its texts.
    const HEADER_BYTES: usize = 32;

    if type_name.is_empty() {
        return Err(nameless());
    }
    let encoding = if let Encoding::Other(name) = encoding { name.len() } else { 0 };
    let headers: usize = headers.iter().map(|(name, value)| HEADER_BYTES + name.len() + value.len()).sum();
    let size = MESSAGE_BYTES + type_name.len() + encoding + payload_len + headers;
    if size <= max { Ok(()) } else { Err(too_big(type_name, size, max)) }
}

#[cold]
fn nameless() -> Error {
    Error::poison("a message has a type name, and this one's is empty")
}

#[cold]
fn too_big(type_name: &str, size: usize, max: usize) -> Error {
    Error::poison(format!(
        "the message `{type_name}` takes {size} bytes; at most {max} are allowed (message-bytes-max)"
    ))
}

/// A payload in JSON.
#[doc(hidden)]
pub fn encode_json<T: Serialize>(name: &str, value: &T) -> Result<Cow<'static, [u8]>> {
    match serde_json::to_vec(&Finite(value)) {
        Ok(payload) => Ok(Cow::Owned(payload)),
        Err(error) => Err(unencodable(name, &error.to_string())),
    }
}

/// The value of a payload in JSON.
#[doc(hidden)]
pub fn decode_json<T: DeserializeOwned>(name: &str, encoding: &Encoding, payload: &[u8]) -> Result<T> {
    match encoding {
        Encoding::Json | Encoding::Text => {
            serde_json::from_slice(payload).map_err(|error| undecodable(name, &error.to_string()))
        }
        other => Err(undecodable(name, &format!("its encoding is {}, not JSON", other.name()))),
    }
}

/// A payload in CBOR.
#[cfg(feature = "cbor")]
#[doc(hidden)]
pub fn encode_cbor<T: Serialize>(name: &str, value: &T) -> Result<Cow<'static, [u8]>> {
    let mut payload = Vec::new();
    match ciborium::into_writer(value, &mut payload) {
        Ok(()) => Ok(Cow::Owned(payload)),
        Err(error) => Err(unencodable(name, &error.to_string())),
    }
}

/// The value of a payload in CBOR. JSON will do too: it is what people write at a shell.
#[cfg(feature = "cbor")]
#[doc(hidden)]
pub fn decode_cbor<T: DeserializeOwned>(name: &str, encoding: &Encoding, payload: &[u8]) -> Result<T> {
    match encoding {
        Encoding::Cbor => {
            ciborium::from_reader(payload).map_err(|error| undecodable(name, &error.to_string()))
        }
        Encoding::Json => decode_json(name, encoding, payload),
        other => Err(undecodable(name, &format!("its encoding is {}, not CBOR", other.name()))),
    }
}

/// The text of a payload. A JSON string will do too: it is what people write at a shell.
#[doc(hidden)]
pub fn decode_text(name: &str, encoding: &Encoding, payload: Vec<u8>) -> Result<String> {
    if *encoding == Encoding::Json {
        return decode_json(name, encoding, &payload);
    }
    String::from_utf8(payload).map_err(|error| undecodable(name, &error.to_string()))
}

/// A second attempt would say the same.
#[cold]
fn unencodable(name: &str, why: &str) -> Error {
    Error::poison(["`", name, "` can't be encoded: ", why].concat())
}

#[cold]
fn undecodable(name: &str, why: &str) -> Error {
    Error::poison(["`", name, "` can't be decoded: ", why].concat())
}
