//! Code as tokens: words, `::`, lifetimes and single signs. What is inside a string or a comment is none.

use crate::source::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// The byte where it begins.
    pub(crate) at: usize,
}

impl Token<'_> {
    pub(crate) fn is_word(&self) -> bool {
        words(self.text).next().is_some() && !self.text.starts_with('\'')
    }
}

/// The tokens of code whose comments and literals are blanked.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(char) = code[at..].chars().next() {
        let rest = &code[at..];
        let len = if rest.starts_with("::") {
            2
        } else if char == '\'' {
            1 + word_len(&rest[1..])
        } else {
            word_len(rest).max(char.len_utf8())
        };
        if !char.is_whitespace() {
            found.push(Token { text: &rest[..len], at });
        }
        at += len;
    }
    found
}

fn word_len(text: &str) -> usize {
    words(text).next().filter(|(_, at)| at.start == 0).map_or(0, |(word, _)| word.len())
}

/// The index behind the bracket, of whichever kind, that closes the one at `start`.
pub(crate) fn group_end(tokens: &[Token<'_>], start: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth <= 1 => return index + 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The index behind the item that goes on at `start`: behind its semicolon, or, for an item `with_body`, behind the
/// brace that closes the body.
pub(crate) fn item_end(tokens: &[Token<'_>], start: usize, with_body: bool) -> usize {
    let mut index = start;
    while let Some(token) = tokens.get(index) {
        match token.text {
            ";" => return index + 1,
            "{" if with_body => return group_end(tokens, index),
            "(" | "[" | "{" => index = group_end(tokens, index),
            _ => index += 1,
        }
    }
    tokens.len()
}

/// A name that a `use` brings, and the path that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import<'a> {
    /// `*` for all that is there.
    pub(crate) name: &'a str,
    pub(crate) path: Vec<&'a str>,
    pub(crate) at: usize,
}

/// Names that the `use` brings whose tree begins at `start`.
pub(crate) fn imports<'a>(tokens: &[Token<'a>], start: usize) -> Vec<Import<'a>> {
    let mut found = Vec::new();
    use_tree(tokens, start, &[], &mut found);
    found
}

/// Returns the index behind the tree.
fn use_tree<'a>(
    tokens: &[Token<'a>],
    start: usize,
    prefix: &[&'a str],
    found: &mut Vec<Import<'a>>,
) -> usize {
    let mut path = prefix.to_vec();
    let mut index = start;
    while let Some(token) = tokens.get(index) {
        match token.text {
            "::" | "$" => index += 1,
            "*" => {
                found.push(Import { name: "*", path, at: token.at });
                return index + 1;
            }
            "{" => {
                let end = group_end(tokens, index);
                index += 1;
                while index + 1 < end {
                    index = use_tree(&tokens[..end - 1], index, &path, found);
                    index += usize::from(tokens[index.min(end - 1)].text == ",");
                }
                return end;
            }
            _ if token.is_word() => {
                path.push(token.text);
                index += 1;
                if tokens.get(index).is_some_and(|next| next.text == "::") {
                    continue;
                }
                return leaf(tokens, index, path, found);
            }
            _ => return index + 1,
        }
    }
    tokens.len()
}

fn leaf<'a>(tokens: &[Token<'a>], end: usize, mut path: Vec<&'a str>, found: &mut Vec<Import<'a>>) -> usize {
    if path.len() > 1 && path.last() == Some(&"self") {
        path.pop();
    }
    let at = tokens[end - 1].at;
    let renamed = tokens.get(end).filter(|next| next.text == "as").and_then(|_| tokens.get(end + 1));
    let name = renamed.map_or(path[path.len() - 1], |name| name.text);
    found.push(Import { name, path, at });
    if renamed.is_some() { end + 2 } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_taken_apart() {
        let found: Vec<&str> = tokens("a::b<'c>(d_1){e!}").iter().map(|token| token.text).collect();
        assert_eq!(found, ["a", "::", "b", "<", "'c", ">", "(", "d_1", ")", "{", "e", "!", "}"]);
    }

    #[test]
    fn an_item_ends_where_it_ends() {
        let code = tokens("fn f(x: [u8; 2]) { ; } const A: u8 = { 1; 2 }; end");
        let body = item_end(&code, 0, true);
        assert_eq!(code[body].text, "const");
        assert_eq!(code[item_end(&code, body, false)].text, "end");
    }

    #[test]
    fn a_use_brings_names_of_paths() {
        let code = tokens("use crate::a::{self, b::{C as D, E}, f::*,}; use g;");
        let found: Vec<_> =
            imports(&code, 1).into_iter().map(|import| (import.name, import.path.join("::"))).collect();
        let expected =
            [("a", "crate::a"), ("D", "crate::a::b::C"), ("E", "crate::a::b::E"), ("*", "crate::a::f")];
        assert_eq!(found, expected.map(|(name, path)| (name, path.to_owned())));
    }
}
