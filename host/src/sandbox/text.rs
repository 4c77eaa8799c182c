//! Text that guests wrote, made fit for people: cut, and without what could steer a terminal.

use std::borrow::Cow;

use thespian_core::limits::{ERROR_TEXT_LEN_MAX, TYPE_NAME_LEN_MAX};
use thespian_core::text;

/// Guest text for an error: at most [`ERROR_TEXT_LEN_MAX`] bytes.
pub(super) fn for_error(text: &str) -> String {
    inert_cut(text, ERROR_TEXT_LEN_MAX).into_owned()
}

/// The engine's words on a component for an error: one line of at most [`ERROR_TEXT_LEN_MAX`] bytes. They may quote the component's
/// own, and show bytes in a line each.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<_> = cut(text, ERROR_TEXT_LEN_MAX).split_whitespace().collect();
    inert_cut(&words.join(" "), ERROR_TEXT_LEN_MAX).into_owned()
}

/// [`inert`], and at most `len_max` bytes of it: escapes are longer than what they stand for.
pub(super) fn inert_cut(text: &str, len_max: usize) -> Cow<'_, str> {
    match inert(cut(text, len_max)) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(mut text) => {
            text.truncate(text.floor_char_boundary(len_max));
            Cow::Owned(text)
        }
    }
}

/// The longest prefix of at most `len_max` bytes that is whole characters.
pub(super) fn cut(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

/// The text with an escape in place of each character that would act on a terminal instead of being shown. Lines and
/// columns are no harm where it is kept; who shows them knows what they would do there.
pub(super) fn inert(text: &str) -> Cow<'_, str> {
    text::escaped(text, |character| !matches!(character, '\n' | '\t') && text::acts(character))
}

/// A name out of a component, for an error.
pub(super) fn shown(name: &str) -> String {
    text::inert(cut(name, TYPE_NAME_LEN_MAX)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_characters_and_disarms() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(inert("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(inert("\u{1b}[31mred\u{202e}\0"), r"\u{1b}[31mred\u{202e}\u{0}");
        assert_eq!(
            one_line("bad magic: [\n    0x0,\n    0x61,\n] \u{1b}[31m"),
            r"bad magic: [ 0x0, 0x61, ] \u{1b}[31m"
        );
        for long in ["é", "\u{1b}", "\u{e0041}"] {
            for text in [for_error(&long.repeat(10_000)), one_line(&long.repeat(10_000))] {
                assert!(
                    (ERROR_TEXT_LEN_MAX - 8..=ERROR_TEXT_LEN_MAX).contains(&text.len()),
                    "{}",
                    text.len()
                );
            }
        }
    }
}
