//! Lesson 3: typed messages there and back, and an input that fails.

mod code;

use thespian::prelude::*;

/// Asks an [`Encoder`] for the Morse code of a text.
#[message]
pub struct Encode {
    /// Letters, digits and blanks.
    pub text: String,
}

/// The answer of an [`Encoder`].
#[message]
pub struct Encoded {
    /// Letters with a blank between them, words with ` / `.
    pub morse: String,
}

/// Asks a [`Decoder`] for the text of Morse code.
#[message]
pub struct Decode {
    /// As [`Encoded::morse`].
    pub morse: String,
}

/// The answer of a [`Decoder`].
#[message]
pub struct Decoded {
    /// In capital letters, for Morse code has no others.
    pub text: String,
}

/// Text to Morse code.
#[derive(Default)]
pub struct Encoder;

#[actor]
impl Encoder {
    #[receive]
    fn encode(&mut self, message: Encode) -> Result<Encoded> {
        // What has no Morse code will have none at a second attempt: the message goes back at once.
        let morse = code::encode(&message.text).map_err(Error::poison)?;
        Ok(Encoded { morse })
    }
}

/// Morse code to text.
#[derive(Default)]
pub struct Decoder;

#[actor]
impl Decoder {
    #[receive]
    fn decode(&mut self, message: Decode) -> Result<Decoded> {
        let text = code::decode(&message.morse).map_err(Error::poison)?;
        Ok(Decoded { text })
    }
}

source!(Encoder, Decoder);

#[cfg(test)]
mod tests;
