//! What reached an endpoint, for people and for programs.

use std::io;

use anyhow::Result;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use thespian_core::address::ActorAddress;
use thespian_core::message::{Encoding, Header, Message};
use thespian_core::wire::control::Incoming;

use super::json_text;
use super::outcome::Poison;
use super::output::{Output, Style, hex};

/// How much of a payload that is no JSON is shown to people, in bytes; --json has all of it.
const SHOWN_BYTES: usize = 4 << 10;

/// Prints a message. One that came back as poison is the error of whoever waited for it.
pub(super) fn show(incoming: &Incoming, output: &Output) -> Result<()> {
    if output.is_json() {
        output.json(&as_json(incoming)?)?;
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
    output.pieces(&[(Style::Bold, &message.type_name), (Style::Plain, " "), (Style::Dim, from)])?;
    for (name, value) in message.headers.iter().flatten() {
        output.line(format_args!("    {name}: {value}"))?;
    }
    match json(message) {
        // It has no line feeds of its own, so nothing in it can pass itself off as another message's head.
        Some(json) => output.block(&json_text::for_people(json)),
        None => output.record(&[(Style::Plain, "    ")], &other_body(message)),
    }
}

/// A payload that is no JSON, so that a person can read it.
fn other_body(message: &Message) -> String {
    let text = std::str::from_utf8(&message.payload).ok();
    match (&message.encoding, text) {
        (Encoding::Text, Some(text)) => text.to_string(),
        (encoding, text) => {
            let len = message.payload.len();
            let shown = &message.payload[..len.min(SHOWN_BYTES)];
            let more = if shown.len() < len { " … (cut; --json shows all)" } else { "" };
            let is_readable =
                text.is_some_and(|text| !text.contains(|char: char| char.is_control() && char != '\n'));
            let bytes = if is_readable { shown.escape_ascii().to_string() } else { hex(shown) };
            format!("{}, {len} bytes: {bytes}{more}", encoding_name(encoding))
        }
    }
}

/// Its payload, if that is JSON.
fn json(message: &Message) -> Option<&str> {
    if message.encoding == Encoding::Json { json_text::json(&message.payload) } else { None }
}

/// The payload in one line.
pub(super) fn one_line(message: &Message) -> String {
    match json(message) {
        Some(text) if text.len() <= SHOWN_BYTES => text.to_string(),
        Some(text) => json_text::compact(text),
        None => other_body(message).replace('\n', " "),
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

/// A message that reached an endpoint, for programs.
#[derive(Serialize)]
pub(super) struct IncomingJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
    kind: &'static str,
    message: ShownMessage<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<ActorAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<ActorAddress>,
}

/// `payload` where it is JSON, as it is, or text; else `payload_hex`.
#[derive(Serialize)]
struct ShownMessage<'a> {
    encoding: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<&'a [Header]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
    #[serde(rename = "type")]
    type_name: &'a str,
}

pub(super) fn as_json(incoming: &Incoming) -> serde_json::Result<IncomingJson<'_>> {
    Ok(match incoming {
        Incoming::Message { sender, message } => IncomingJson {
            kind: "message",
            sender: Some(*sender),
            message: message_json(message)?,
            target: None,
            details: None,
        },
        Incoming::Poisoned(poisoned) => IncomingJson {
            kind: "poison",
            sender: None,
            message: message_json(&poisoned.original)?,
            target: Some(poisoned.target),
            details: Some(&poisoned.details),
        },
    })
}

fn message_json(message: &Message) -> serde_json::Result<ShownMessage<'_>> {
    let payload = match &message.encoding {
        Encoding::Json => {
            json(message).map(|text| RawValue::from_string(json_text::compact(text))).transpose()?
        }
        Encoding::Text => std::str::from_utf8(&message.payload).ok().map(to_raw_value).transpose()?,
        _ => None,
    };
    let payload_hex = payload.is_none().then(|| hex(&message.payload));
    Ok(ShownMessage {
        encoding: encoding_name(&message.encoding),
        headers: message.headers.as_deref(),
        payload,
        payload_hex,
        type_name: &message.type_name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use thespian_core::address::HostId;

    #[test]
    fn every_payload_has_a_form_that_a_person_can_read() {
        assert_eq!(json(&Message::json("T", r#"{"a":1}"#)), Some(r#"{"a":1}"#));
        let body = |message: Message| {
            assert_eq!(json(&message), None);
            other_body(&message)
        };
        assert_eq!(body(Message::json("T", "{broken")), "json, 7 bytes: {broken");
        assert_eq!(body(Message::bytes("T", "say \"hi\"")), "bytes, 8 bytes: say \\\"hi\\\"");
        assert_eq!(body(Message::bytes("T", vec![0, 255])), "bytes, 2 bytes: 00ff");
        let long = body(Message::bytes("T", vec![b'x'; SHOWN_BYTES + 1]));
        assert!(long.ends_with("x … (cut; --json shows all)"));
    }

    #[test]
    fn a_payload_passes_to_programs_as_it_is() {
        let sender = ActorAddress::new(HostId(1), 2);
        let shown = |payload: &str| {
            let message = Message {
                headers: Some([("k".into(), "v".into())].into()),
                ..Message::json("T", payload.to_string())
            };
            serde_json::to_string(&as_json(&Incoming::Message { sender, message }).unwrap()).unwrap()
        };
        let nested = "[".repeat(100_000) + &"]".repeat(100_000);
        for payload in [
            "18446744073709551616",
            "0.10000000000000000555",
            "1E400",
            r#"{"a":1,"a":2}"#,
            r#""\ud800""#,
            &nested,
        ] {
            let expected = format!(
                r#"{{"kind":"message","message":{{"encoding":"json","headers":[["k","v"]],"payload":{payload},"type":"T"}},"sender":"{sender}"}}"#
            );
            assert_eq!(shown(payload), expected);
        }
        assert_eq!(shown("[1,\n 2]"), shown("[1,2]"), "a document has one line");
        assert!(shown("{broken").contains(r#""payload_hex":"7b62726f6b656e""#));
    }
}
