//! Messages as types of the calling program, in JSON.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::Poisoned;
use thespian_core::message::{Encoding, Message};
use thespian_core::wire::control::Incoming;

use super::{Client, ClientError};

/// A type that actors know by a name, and that travels as JSON: what `#[message]` makes of a type in the guest SDK.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use thespian_host::client::Typed;
/// #[derive(Serialize)]
/// struct Greet { name: String }
///
/// impl Typed for Greet {
///     const TYPE_NAME: &'static str = "Greet";
/// }
/// ```
pub trait Typed {
    /// The message's type name, by which its receiver's handler is found.
    const TYPE_NAME: &'static str;
}

/// A typed message was not sent, or its answer is none of the type that was expected.
#[derive(Debug, thiserror::Error)]
pub enum TypedError {
    /// The message was not delivered, or not answered.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The actor could not handle it.
    #[error("`{}` came back from {} as poison: {}", .0.original.type_name, .0.target, .0.details)]
    Poisoned(Box<Poisoned>),
    /// The message has no form in JSON; it was not sent.
    #[error("`{type_name}` has no form in JSON: {error}")]
    Encode {
        /// Its type name.
        type_name: &'static str,
        /// The error of the codec.
        error: serde_json::Error,
    },
    /// The answer is another message than the one that was expected.
    #[error("the answer is a `{came}`, where a `{expected}` was expected")]
    Unexpected {
        /// The type name that came.
        came: String,
        /// The type name that was expected.
        expected: &'static str,
    },
    /// The answer can't be decoded.
    #[error("the answer `{type_name}` can't be decoded: {error}")]
    Decode {
        /// Its type name.
        type_name: &'static str,
        /// The error of the codec.
        error: serde_json::Error,
    },
}

impl Client {
    /// As [`Client::tell`], with a message that is a type of this program.
    ///
    /// # Errors
    /// See [`TypedError`].
    pub async fn tell_typed<M: Typed + Serialize>(
        &self,
        target: ActorAddress,
        message: &M,
    ) -> Result<(), TypedError> {
        Ok(self.tell(target, encode(message)?).await?)
    }

    /// As [`Client::ask`], with a question and an answer that are types of this program.
    ///
    /// # Errors
    /// See [`TypedError`].
    pub async fn ask_typed<Q: Typed + Serialize, A: Typed + DeserializeOwned>(
        &self,
        target: ActorAddress,
        question: &Q,
        timeout: Option<Duration>,
    ) -> Result<A, TypedError> {
        decode(self.ask(target, encode(question)?, timeout).await?)
    }
}

fn encode<M: Typed + Serialize>(message: &M) -> Result<Message, TypedError> {
    let payload = serde_json::to_vec(message);
    let payload = payload.map_err(|error| TypedError::Encode { type_name: M::TYPE_NAME, error })?;
    Ok(Message {
        type_name: M::TYPE_NAME.into(),
        encoding: Encoding::Json,
        payload: payload.into(),
        headers: None,
    })
}

fn decode<A: Typed + DeserializeOwned>(incoming: Incoming) -> Result<A, TypedError> {
    match incoming {
        Incoming::Poisoned(poisoned) => Err(TypedError::Poisoned(Box::new(poisoned))),
        Incoming::Message { message, .. } if *message.type_name == *A::TYPE_NAME => {
            serde_json::from_slice(&message.payload)
                .map_err(|error| TypedError::Decode { type_name: A::TYPE_NAME, error })
        }
        Incoming::Message { message, .. } => {
            Err(TypedError::Unexpected { came: message.type_name.to_string(), expected: A::TYPE_NAME })
        }
    }
}
