//! A message as it is given on the command line.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::de::IgnoredAny;
use thespian_core::message::{Encoding, Message};

use super::outcome::Usage;

#[derive(Args)]
pub(super) struct MessageArgs {
    /// The message's type name, which selects the receiver's handler.
    #[arg(value_name = "TYPE")]
    type_name: String,
    /// The message as JSON; `-` reads it from stdin [default: null].
    #[arg(value_name = "JSON")]
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
            return Ok(Message::bytes(&self.type_name, read(file)?));
        }
        match self.payload.as_deref() {
            None => json(&self.type_name, "null"),
            Some("-") => {
                let bytes = read(Path::new("-"))?;
                let text = String::from_utf8(bytes)
                    .map_err(|_| Usage("what is on stdin is not UTF-8; --bytes-file - sends bytes".into()))?;
                json(&self.type_name, &text)
            }
            Some(text) => json(&self.type_name, text),
        }
    }
}

/// A message whose payload is `text`, as it was written.
pub(super) fn json(type_name: &str, text: &str) -> Result<Message> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let hint = "; a JSON string has double quotes inside the shell's: '\"like this\"', and --text sends plain text";
        return Err(Usage(format!("the message `{text}` is not JSON: {error}{hint}")).into());
    }
    Ok(Message::json(type_name, text.to_string()))
}

fn with_encoding(message: Message, encoding: Encoding) -> Message {
    Message { encoding, ..message }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("can't read stdin")?;
        return Ok(bytes);
    }
    std::fs::read(file).with_context(|| format!("can't read {}", file.display()))
}
