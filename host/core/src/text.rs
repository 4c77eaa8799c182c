//! Text that guests, clients and peers wrote, on its way to a reader's terminal: which characters would be obeyed there
//! in place of being shown.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::Write as _;

/// Control characters, and those that turn the direction of writing.
#[must_use]
pub fn acts(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same JSON, in which no character acts on a terminal. JSON itself asks for that only below U+0020; those above can
/// stand in its strings alone, where an escape means the same.
#[must_use]
pub fn inert_json(json: &str) -> Cow<'_, str> {
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut inert = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if acts(character) {
            // Writing to a String can't fail. None of them lies beyond U+FFFF.
            let _ = write!(inert, "\\u{:04x}", u32::from(character));
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
    }
}
