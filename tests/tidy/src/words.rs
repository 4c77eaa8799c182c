//! Words that are not ours, and texts that must not stay.

use std::collections::BTreeMap;

use crate::modules::Modules;
use crate::settle;
use crate::source::{File, files, host_files, rust_files, words};

/// A word that an identifier must not have as a part, and what to say in its place.
const EVERYWHERE: &[(&str, &str)] = &[
    ("cluster", "Convention"),
    ("deploy", "load"),
    ("inbox", "Mailbox"),
    ("nack", "PoisonMessage"),
    ("packet", "Envelope, or frame on the wire"),
    ("plugin", "source"),
];

/// As above, where the outside world's own words have no business.
const IN_CORE: &[(&str, &str)] = &[
    ("bounce", "PoisonMessage"),
    ("remote", "Peer"),
    ("scheduler", "placement"),
    ("server", "Peer, or Node"),
    ("spawn", "create"),
    ("worker", "Cell"),
];

/// Names of modules that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];

#[test]
fn one_word_for_one_thing() {
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| !file.is_generated() && !file.is_under("tests/tidy")) {
        let core = file.is_under("host/core/src");
        let banned = || EVERYWHERE.iter().chain(IN_CORE.iter().filter(|_| core));
        for (word, at) in words(&file.code) {
            for part in parts(word) {
                if let Some((_, ours)) =
                    banned().find(|(theirs, _)| part == *theirs || part == format!("{theirs}s"))
                {
                    problems.push(format!("{} `{word}`: say {ours}", file.place(at.start)));
                }
            }
        }
        if let Some((_, ours)) = banned().find(|(theirs, _)| file.stem() == *theirs) {
            problems.push(format!("{}: say {ours}", file.path));
        }
    }
    settle(
        "Thespian's word wherever it has one, the field's where it has none, never two words for one thing: who \
         searches for a word finds all of it. The glossary in ARCHITECTURE.md has the words.",
        &problems,
    );
}

#[test]
fn one_thing_for_one_word() {
    let houses =
        [&["host/core/src", "host/src", "host/program/src"][..], &["guest-sdk/src", "guest-sdk/macros/src"]];
    let found = houses.map(|sources| {
        declared_twice(&sources.iter().map(|src| Modules::under(src, files())).collect::<Vec<_>>())
    });
    let problems: Vec<String> = found.into_iter().flat_map(BTreeMap::into_values).flatten().collect();
    settle(
        "One thing for one word: the name of a type or a trait is declared once in the host and its core, and once in the \
         SDK, so that a reader who meets it knows which one is meant. Name this one for what makes it different:",
        &problems,
    );
}

/// Names of types and traits that people gave to several, with all places.
fn declared_twice(crates: &[Modules<'_>]) -> BTreeMap<String, Vec<String>> {
    let mut declared = BTreeMap::<String, Vec<String>>::new();
    for modules in crates {
        for module in &modules.modules {
            let (file, _) = modules.files[module.file];
            for name in module.types.iter().filter(|_| !file.is_generated()) {
                declared.entry(name.text.to_owned()).or_default().push(format!(
                    "{} declares `{}`",
                    file.place(name.at),
                    name.text
                ));
            }
        }
    }
    declared.retain(|_, places| places.len() > 1);
    declared
}

#[test]
fn a_name_that_is_declared_twice_is_found() {
    let text = "mod m { pub trait A { type C; } struct B; } enum A { B } impl T for A { type C = u8; } fn f(b: B) {}\n\
                #[cfg(test)] struct B;";
    let files = [File::new("src/lib.rs".to_owned(), text.to_owned())];
    let found = declared_twice(&[Modules::under("src", &files)]);
    assert_eq!(
        found.into_iter().map(|(name, places)| (name, places.len())).collect::<Vec<_>>(),
        [("A".to_owned(), 2)]
    );
}

#[test]
fn modules_are_named_for_what_is_inside() {
    let problems: Vec<String> = rust_files()
        .filter(|file| EMPTY_NAMES.contains(&file.stem()))
        .map(|file| file.path.clone())
        .collect();
    settle("Such a name fits anything, so everything ends up there. Name the thought:", &problems);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not trip over itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| !file.path.ends_with(".md") && !file.is_generated()) {
        for (number, line) in file.text.lines().enumerate() {
            if words(line).any(|(word, _)| marks.contains(&word)) {
                problems.push(format!("{}:{}", file.path, number + 1));
            }
        }
        if file.code.contains(concat!("to", "do!")) || file.code.contains(concat!("unimple", "mented!")) {
            problems.push(format!("{} has a stub", file.path));
        }
    }
    settle(
        "A note to do it later is read by no one. Do it, or open an issue and say what holds today.",
        &problems,
    );
}

#[test]
fn no_line_that_ships_asks_whether_it_is_done_wrong() {
    const WORDS: [&str; 3] = ["is_made", "mistake", "thespian_mistakes"];
    let mut problems = Vec::new();
    for file in host_files().chain(rust_files().filter(|file| file.is_under("host/core/src"))) {
        let asks = words(&file.code).filter(|(word, _)| WORDS.contains(word));
        problems.extend(asks.map(|(word, at)| format!("{} names {word}", file.place(at.start))));
    }
    settle(
        "A rule that ships has its right lines only. What a test is to notice when it is done wrong stands in \
         tests/mistakes/table.rs, and is put into a copy.",
        &problems,
    );
}

#[test]
fn no_path_of_one_machine() {
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let mut problems = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if paths.iter().any(|path| line.contains(path)) {
                problems.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    settle("These name a folder that exists on one machine only:", &problems);
}

/// `ActorRef` and `actor_ref` are `actor`, `ref`.
fn parts(word: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_lower = false;
    for char in word.chars() {
        if char == '_' || (char.is_uppercase() && after_lower) {
            parts.push(String::new());
        }
        if char != '_' {
            parts.last_mut().unwrap().extend(char.to_lowercase());
        }
        after_lower = char.is_lowercase();
    }
    parts
}

#[test]
fn words_are_taken_apart() {
    assert_eq!(parts("ActorRef"), ["actor", "ref"]);
    assert_eq!(parts("PID_MAX"), ["pid", "max"]);
}
