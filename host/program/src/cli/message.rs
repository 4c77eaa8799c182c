//! A message as it is given on the command line.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::de::IgnoredAny;
use thespian_core::limits::{ERROR_TEXT_LEN_MAX, MESSAGE_BYTES_MOST, cut};
use thespian_core::message::{Encoding, Message, MessageError};

use super::given;
use super::outcome::Usage;

/// A word for what is read from files and stdin here, for errors.
const WHAT: &str = "a message";

#[derive(Args)]
pub(super) struct MessageArgs {
    /// The message's type name, which selects the receiver's handler.
    #[arg(value_name = "TYPE")]
    type_name: String,
    /// The message as JSON; `-` reads it from stdin [default: null].
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    payload: Option<String>,
    /// The message is this text.
    #[arg(long, value_name = "TEXT", conflicts_with = "payload")]
    text: Option<String>,
    /// The message is the bytes of this file; `-` reads stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["payload", "text"])]
    bytes_file: Option<PathBuf>,
}

impl MessageArgs {
    pub(super) fn message(&self) -> Result<Message> {
        if let Some(text) = &self.text {
            return Ok(with_encoding(Message::json(&self.type_name, text.clone()), Encoding::Text));
        }
        if let Some(file) = &self.bytes_file {
            check_size(&self.type_name, file)?;
            return Ok(Message::bytes(&self.type_name, given::read(file, WHAT, MESSAGE_BYTES_MOST)?));
        }
        match self.payload.as_deref() {
            None => json(&self.type_name, "null"),
            Some("-") => {
                let bytes = given::read(Path::new("-"), WHAT, MESSAGE_BYTES_MOST)?;
                let text = String::from_utf8(bytes)
                    .map_err(|_| Usage("what is on stdin is not UTF-8; --bytes-file - sends bytes".into()))?;
                json(&self.type_name, &text)
            }
            Some(text) => json(&self.type_name, text),
        }
    }
}

/// Refuses a file whose size says that no node takes it as a message, before it is read.
fn check_size(type_name: &str, file: &Path) -> Result<()> {
    // Why one can't be read is told when it is.
    let Ok(metadata) = std::fs::metadata(file) else { return Ok(()) };
    let payload = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let size = Message::bytes(type_name, "").cost().saturating_add(payload);
    if metadata.is_file() && size > MESSAGE_BYTES_MOST {
        let type_name = type_name.into();
        return Err(
            Usage(MessageError::TooBig { type_name, size, max: MESSAGE_BYTES_MOST }.to_string()).into()
        );
    }
    Ok(())
}

/// A message whose payload is `text`, as it was written.
pub(super) fn json(type_name: &str, text: &str) -> Result<Message> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let hint = "; a JSON string has double quotes inside the shell's: '\"like this\"', and --text sends plain text";
        let shown = cut(text.to_string(), ERROR_TEXT_LEN_MAX);
        return Err(Usage(format!("the message `{shown}` is not JSON: {error}{hint}")).into());
    }
    Ok(Message::json(type_name, text.to_string()))
}

fn with_encoding(message: Message, encoding: Encoding) -> Message {
    Message { encoding, ..message }
}
