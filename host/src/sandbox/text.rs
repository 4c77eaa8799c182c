//! Text that guests wrote, made fit for people: cut, and without what could steer a terminal.

use std::borrow::Cow;

use thespian_core::limits::ERROR_TEXT_LEN_MAX;
use thespian_core::text;

/// Guest text for an error: at most [`ERROR_TEXT_LEN_MAX`] bytes.
pub(super) fn for_error(text: &str) -> String {
    inert(cut(text, ERROR_TEXT_LEN_MAX)).into_owned()
}

/// The longest prefix of at most `len_max` bytes that is whole characters.
pub(super) fn cut(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

/// The text with a mark in place of each character that would act on a terminal instead of being shown.
pub(super) fn inert(text: &str) -> Cow<'_, str> {
    if text.contains(acts) { Cow::Owned(text.replace(acts, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Lines and columns are no harm.
fn acts(character: char) -> bool {
    !matches!(character, '\n' | '\t') && text::acts(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_characters_and_disarms() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(inert("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(inert("\u{1b}[31mred\u{202e}\0"), "\u{fffd}[31mred\u{fffd}\u{fffd}");
        assert!(for_error(&"é".repeat(10_000)).len() <= ERROR_TEXT_LEN_MAX);
    }
}
