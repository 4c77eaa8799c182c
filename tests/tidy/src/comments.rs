//! Comments that document an item: each is read alone, in an editor's hover or among a search's results.

use crate::settle;
use crate::source::{File, is_ours_to_ship, rust_files};

/// Openings that refer to something that is not shown beside it.
const OPENINGS: [&str; 9] = ["who", "whom", "what", "which", "why", "it", "one", "by", "such"];
const WORDS_MIN: usize = 3;

#[test]
fn every_comment_on_an_item_stands_alone() {
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| is_ours_to_ship(file)) {
        let found = openings(file).filter(|(_, text)| !stands_alone(text));
        problems.extend(found.map(|(at, text)| format!("{} {text}", file.place(at))));
    }
    settle(
        "A `///` stands alone: it says its subject, in three words or more, and opens with none of who, whom, what, which, \
         why, it, one, by, such. Where it is shown, nothing else is. Each of these does not:",
        &problems,
    );
}

/// The first line of each item's comment in code that ships, and the byte where it begins.
fn openings(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let mut goes_on = false;
    file.text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let text = line.trim().strip_prefix("///").filter(|text| !text.starts_with('/'));
        let opens = text.is_some() && !std::mem::replace(&mut goes_on, text.is_some());
        goes_on = text.is_some();
        // In a string, or for tests: then there is no shipped code where the next code is.
        let behind = file.code[start..].find(|char: char| !char.is_whitespace());
        let ships = behind.is_some_and(|len| !file.shipped[start + len..].starts_with(char::is_whitespace));
        text.filter(|_| opens && ships).map(|text| (start, text.trim()))
    })
}

fn stands_alone(text: &str) -> bool {
    let words: Vec<&str> =
        text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).collect();
    let first = words.first().map_or(String::new(), |word| word.to_lowercase());
    let first = first
        .trim_matches(|char: char| !char.is_alphanumeric())
        .split(['\'', '’'])
        .next()
        .unwrap_or_default();
    words.len() >= WORDS_MIN && !OPENINGS.contains(&first)
}

#[test]
fn a_comment_that_stands_alone_is_known() {
    for text in
        ["The watcher takes it back.", "One-way streets only.", "Item of list.", "Whoever asks is told."]
    {
        assert!(stands_alone(text), "{text}");
    }
    for text in [
        "Who.",
        "Its name.",
        "It does so no longer.",
        "`One` of them all.",
        "*What* it is.",
        "It's not so.",
        "BY which way",
    ] {
        assert!(!stands_alone(text), "{text}");
    }
}

#[test]
fn first_lines_of_comments_are_found() {
    let text = "//! Not this.\n/// A.\n/// B.\n#[derive(C)]\nstruct S {\n    /// D.\n    f: u8,\n}\n//// E\n#[cfg(test)]\n/// F.\nmod m {\n /// G.\n fn g() {}\n}\n";
    let file = File::new("src/lib.rs".to_owned(), text.to_owned());
    assert_eq!(openings(&file).collect::<Vec<_>>(), [(14, "A."), (52, "D.")]);
}
