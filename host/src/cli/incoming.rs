//! What reached an endpoint, for people and for programs.

use std::io;

use anyhow::Result;
use serde_json::{Map, Value, json};
use thespian_core::message::{Encoding, Message};
use thespian_core::wire::control::Incoming;

use super::outcome::Poison;
use super::output::{Output, Style, hex, plain, plain_lines, plain_record, pretty_json};

/// How much of a payload that is no JSON is shown to people, in bytes; --json has all of it.
const SHOWN_BYTES: usize = 4 << 10;

/// Prints a message. One that came back as poison is the error of whoever waited for it.
pub(super) fn show(incoming: &Incoming, output: &Output) -> Result<()> {
    if output.is_json() {
        output.json(&as_json(incoming))?;
    }
    match incoming {
        Incoming::Message { sender, message } => {
            if !output.is_json() {
                show_message(message, &format!("from {sender}"), output)?;
            }
            Ok(())
        }
        Incoming::Poisoned(poisoned) => {
            let type_name = &poisoned.original.type_name;
            let text =
                format!("`{type_name}` came back from {} as poison: {}", poisoned.target, poisoned.details);
            Err(Poison(text).into())
        }
    }
}

fn show_message(message: &Message, from: &str, output: &Output) -> io::Result<()> {
    let type_name = plain(&message.type_name);
    output.line(format_args!(
        "{} {}",
        output.paint(Style::Bold, &type_name),
        output.paint(Style::Dim, from)
    ))?;
    for (name, value) in message.headers.iter().flatten() {
        output.line(format_args!("    {}: {}", plain(name), plain(value)))?;
    }
    // Only the head of a message begins at the margin, or its text could pass itself off as messages of others. JSON
    // can't: it has no line feeds of its own.
    if json(message).is_some() {
        return output.line(body(message));
    }
    output.line(format_args!("    {}", plain_record(&body(message))))
}

/// A message's payload, so that a person can read it.
pub(super) fn body(message: &Message) -> String {
    if let Some(json) = json(message) {
        return plain_lines(&pretty_json(json)).into_owned();
    }
    let text = std::str::from_utf8(&message.payload).ok();
    match (&message.encoding, text) {
        (Encoding::Text, Some(text)) => plain_lines(text).into_owned(),
        (encoding, text) => {
            let len = message.payload.len();
            let shown = &message.payload[..len.min(SHOWN_BYTES)];
            let more = if shown.len() < len { " … (cut; --json shows all)" } else { "" };
            let is_readable =
                text.is_some_and(|text| !text.contains(|char: char| char.is_control() && char != '\n'));
            let bytes = if is_readable { shown.escape_ascii().to_string() } else { hex(shown) };
            format!("{}, {len} bytes: {bytes}{more}", plain(encoding_name(encoding)))
        }
    }
}

/// Its payload, if that is JSON.
fn json(message: &Message) -> Option<&str> {
    let text = std::str::from_utf8(&message.payload).ok().filter(|_| message.encoding == Encoding::Json);
    text.filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// The same in one line.
pub(super) fn one_line(message: &Message) -> String {
    let text = std::str::from_utf8(&message.payload).ok();
    match text.filter(|_| message.encoding == Encoding::Json && message.payload.len() <= SHOWN_BYTES) {
        Some(text) => plain(text).into_owned(),
        None => body(message).replace('\n', " "),
    }
}

const fn encoding_name(encoding: &Encoding) -> &str {
    match encoding {
        Encoding::Json => "json",
        Encoding::Cbor => "cbor",
        Encoding::Text => "text",
        Encoding::Bytes => "bytes",
        Encoding::Other(name) => name,
    }
}

/// For programs: `payload` where it is JSON or text, else `payload_hex`.
pub(super) fn as_json(incoming: &Incoming) -> Value {
    match incoming {
        Incoming::Message { sender, message } => {
            json!({"kind": "message", "sender": sender, "message": message_json(message)})
        }
        Incoming::Poisoned(poisoned) => json!({
            "kind": "poison",
            "target": poisoned.target,
            "details": poisoned.details,
            "message": message_json(&poisoned.original),
        }),
    }
}

fn message_json(message: &Message) -> Value {
    let mut object = Map::new();
    object.insert("type".into(), json!(message.type_name));
    object.insert("encoding".into(), json!(encoding_name(&message.encoding)));
    let payload = match message.encoding {
        Encoding::Json => serde_json::from_slice(&message.payload).ok(),
        Encoding::Text => std::str::from_utf8(&message.payload).ok().map(|text| json!(text)),
        _ => None,
    };
    match payload {
        Some(payload) => object.insert("payload".into(), payload),
        None => object.insert("payload_hex".into(), json!(hex(&message.payload))),
    };
    if let Some(headers) = &message.headers {
        let pairs = headers.iter().map(|(name, value)| json!([name, value]));
        object.insert("headers".into(), pairs.collect());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_has_a_form_that_a_person_can_read() {
        assert_eq!(body(&Message::json("T", r#"{"a":1}"#)), "{\n  \"a\": 1\n}");
        assert_eq!(body(&Message::json("T", "{broken")), "json, 7 bytes: {broken");
        assert_eq!(body(&Message::bytes("T", "say \"hi\"")), "bytes, 8 bytes: say \\\"hi\\\"");
        assert_eq!(body(&Message::bytes("T", vec![0, 255])), "bytes, 2 bytes: 00ff");
        let long = body(&Message::bytes("T", vec![b'x'; SHOWN_BYTES + 1]));
        assert!(long.ends_with("x … (cut; --json shows all)"));
    }
}
