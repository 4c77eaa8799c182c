//! JSON that an actor or a person wrote, as it was written: its names in their order, all that are there, its numbers in
//! all their digits. A parser would keep none of it. Only the white space between the tokens is ours.

use serde::de::IgnoredAny;
use thespian_core::limits::{PRETTY_BYTES_MAX, PRETTY_DEPTH_MAX};
use thespian_core::text::inert_json;

/// Spaces of one level.
const INDENT: usize = 2;

/// The text, if it is JSON.
pub(super) fn json(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<IgnoredAny>(text).is_ok().then_some(text)
}

/// A part of a text that is laid out.
enum Part<'a> {
    Token(&'a str),
    /// A token behind which a reader wants a space.
    Colon,
    /// A line begins, at this depth.
    Line(usize),
}

/// In one line, without white space.
pub(super) fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    lay_out(json, |part| match part {
        Part::Token(token) => text.push_str(token),
        Part::Colon => text.push(':'),
        Part::Line(_) => {}
    });
    text
}

/// With a line for each member, if anybody would read that; else in one line. What stands in its strings is inert.
pub(super) fn for_people(json: &str) -> String {
    let (mut len, mut depth) = (0_usize, 0);
    lay_out(json, |part| match part {
        Part::Token(token) => len += token.len(),
        Part::Colon => len += 2,
        Part::Line(level) => {
            depth = depth.max(level);
            len = len.saturating_add(1 + level * INDENT);
        }
    });
    if depth > PRETTY_DEPTH_MAX || len > PRETTY_BYTES_MAX {
        return inert_json(&compact(json)).into_owned();
    }
    let mut text = String::with_capacity(len);
    lay_out(json, |part| match part {
        Part::Token(token) => text.push_str(&inert_json(token)),
        Part::Colon => text.push_str(": "),
        Part::Line(level) => {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', level * INDENT));
        }
    });
    text
}

/// The tokens of `json`, which is known to be some, and where a line for each member would begin.
fn lay_out<'a>(json: &'a str, mut put: impl FnMut(Part<'a>)) {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&first) = bytes.get(at) {
        let end = token_end(bytes, at);
        let token = &json[at..end];
        at = end;
        match first {
            _ if is_space(first) => {}
            b'{' | b'[' => {
                put(Part::Token(token));
                while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
                    at += 1;
                }
                if let Some(b'}' | b']') = bytes.get(at) {
                    put(Part::Token(&json[at..=at]));
                    at += 1;
                } else {
                    depth += 1;
                    put(Part::Line(depth));
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                put(Part::Line(depth));
                put(Part::Token(token));
            }
            b',' => {
                put(Part::Token(token));
                put(Part::Line(depth));
            }
            b':' => put(Part::Colon),
            _ => put(Part::Token(token)),
        }
    }
}

/// Where the token, or the white space, ends that begins at `start`.
fn token_end(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start + 1..];
    match bytes[start] {
        b'"' => {
            let mut is_escaped = false;
            let is_end = |byte: &u8| {
                let is_end = *byte == b'"' && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                is_end
            };
            rest.iter().position(is_end).map_or(bytes.len(), |at| start + at + 2)
        }
        first if is_mark(first) || is_space(first) => start + 1,
        // A number or a word.
        _ => {
            let is_end = |byte: &u8| is_mark(*byte) || is_space(*byte) || *byte == b'"';
            rest.iter().position(is_end).map_or(bytes.len(), |at| start + at + 1)
        }
    }
}

const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':')
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_order_and_its_digits() {
        let text = r#"{"b":[1, {}, [ ]],"a":"x:\",{","n":123456789012345678901234567890}"#;
        let pretty = for_people(text);
        let lines: Vec<_> = pretty.lines().collect();
        let expected = [
            "{",
            "  \"b\": [",
            "    1,",
            "    {},",
            "    []",
            "  ],",
            r#"  "a": "x:\",{","#,
            "  \"n\": 123456789012345678901234567890",
            "}",
        ];
        assert_eq!(lines, expected);
        assert_eq!(for_people(" null "), "null");
    }

    #[test]
    fn compact_json_is_the_same_but_for_white_space_between_its_tokens() {
        let text = "\t{ \"a b\" : [ 1E400 ,18446744073709551616,\r\n0.1000000000000000055511151231257827,-0 ],\n\
                    \"a b\":\"x\\\\\", \"\\\"\" : \" \\\" : , \" }\n";
        let compacted = compact(text);
        let expected = "{\"a b\":[1E400,18446744073709551616,0.1000000000000000055511151231257827,-0],\
                        \"a b\":\"x\\\\\",\"\\\"\":\" \\\" : , \"}";
        assert_eq!(compacted, expected);
        assert_eq!(json(compacted.as_bytes()), Some(compacted.as_str()));
        assert_eq!(compact(&compacted), compacted);
    }

    #[test]
    fn what_is_nested_deeply_or_long_is_shown_in_one_line() {
        let nested = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(json(nested.as_bytes()), Some(nested.as_str()));
        assert_eq!(for_people(&nested), nested);
        let levels = |count| "[".repeat(count) + "1" + &"]".repeat(count);
        assert_eq!(for_people(&levels(PRETTY_DEPTH_MAX)).lines().count(), 2 * PRETTY_DEPTH_MAX + 1);
        assert_eq!(for_people(&levels(PRETTY_DEPTH_MAX + 1)).lines().count(), 1);
        let long = format!("[{}1]", "1,".repeat(PRETTY_BYTES_MAX / 4));
        assert_eq!(for_people(&long), long);
    }

    #[test]
    fn what_stands_in_strings_is_inert_and_still_json() {
        let text = "{\"\u{9b}\u{202e}\":\"\u{feff}\"}";
        let shown = for_people(text);
        assert_eq!(shown, "{\n  \"\\u009b\\u202e\": \"\\ufeff\"\n}");
        let parse = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&shown), parse(text));
    }
}
