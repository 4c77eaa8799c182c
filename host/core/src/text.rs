//! Text that guests, clients and peers wrote, on its way to a reader: which characters a terminal would obey, or not show,
//! and what is shown in their place. Whatever people and programs are told passes here.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::Write as _;

/// Control characters, those that turn the direction of writing, those that end a line or a paragraph, and those that are
/// not seen. Selectors of a form are no such: they belong to the character before them.
#[must_use]
pub fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}'
        )
}

/// The text in one line, with an escape in place of each character that acts: `\n`, `\u{1b}`.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    escaped(text, acts)
}

/// The same of a text that may have several lines.
#[must_use]
pub fn inert_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| acts(character) && character != '\n')
}

/// The text with an escape in place of each character that is bad.
#[must_use]
pub fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_bad(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The same JSON, in which no character acts on a terminal. JSON itself asks for that only below U+0020; those
/// above can stand in its strings alone, where an escape means the same.
#[must_use]
pub fn inert_json(json: &str) -> Cow<'_, str> {
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut inert = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String can't fail.
                let _ = write!(inert, "\\u{unit:04x}");
            }
        } else {
            inert.push(character);
        }
    }
    Cow::Owned(inert)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_an_escape_in_json() {
        assert_eq!(inert_json(r#"{"a":"größer\n"}"#), r#"{"a":"größer\n"}"#);
        assert_eq!(inert_json("\"\u{9b}2J \u{7f}\u{202e}\""), r#""\u009b2J \u007f\u202e""#);
        assert_eq!(
            inert_json("\"\u{e0041}\u{feff}\""),
            r#""\udb40\udc41\ufeff""#,
            "in the two halves that JSON knows"
        );
    }

    #[test]
    fn what_acts_is_shown_as_an_escape_and_nothing_else_is() {
        assert_eq!(inert("a\x1b[2J\x07b\nc\td\r"), r"a\u{1b}[2J\u{7}b\nc\td\r");
        assert_eq!(inert_lines("a\nb\u{9b}"), "a\nb\\u{9b}");
        assert_eq!(inert("right \u{202e}to left\u{2066}"), r"right \u{202e}to left\u{2066}");
        assert_eq!(inert("un\u{200b}seen\u{feff}\u{e0041}"), r"un\u{200b}seen\u{feff}\u{e0041}");
        assert_eq!(inert("two\u{2028}lines"), r"two\u{2028}lines");
        let ordinary = "ordinary, größer, e\u{301}, 日本語\u{3000}, עברית, ❤\u{fe0f}, \\n \"quoted\"";
        assert_eq!(inert(ordinary), ordinary);
    }
}
