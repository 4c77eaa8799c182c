//! How a file looks: its opening, its size, its functions' size, where it may be unsafe.

use crate::settle;
use crate::source::{braces_len, files, rust_files, words};

const FILE_LINES_MAX: usize = 600;
const FN_LINES_MAX: usize = 80;

/// Files that are longer, and the length they may not pass. Only ever lower a number.
const LONG_FILES: &[(&str, usize)] = &[];

/// Functions that are longer: file, name, and the length they may not pass. Only ever lower a number.
const LONG_FNS: &[(&str, &str, usize)] = &[];

/// Files that may say `unsafe`, how often, and why no safe way does it.
const UNSAFE: &[(&str, usize, &str)] = &[
    (
        "host/src/sandbox/code.rs",
        1,
        "Component::deserialize trusts its bytes; they are the compiler's own, or checked against the cache's key first",
    ),
    (
        "host/src/sandbox/confine.rs",
        1,
        "descriptors that a program was started with can be closed by their numbers only",
    ),
    (
        "tests/hostile/src/allocator.rs",
        2,
        "mimalloc has a name for giving memory back that its crate does not have; the declaration, and the call",
    ),
    (
        "tests/guests/hostile/src/raw.rs",
        5,
        "a guest that declares imports in order to call them past the SDK; it runs in the sandbox only",
    ),
];

#[test]
fn every_file_opens_with_what_it_is_for() {
    let problems: Vec<String> = rust_files()
        .filter(|file| !file.is_generated() && !file.text.starts_with("//!"))
        // Tests beside the code are opened by the module that they test.
        .filter(|file| file.stem() != "tests")
        .map(|file| file.path.clone())
        .collect();
    settle(
        "A file opens with `//!`: what it decides or does, and what it refuses to know. It is the first thing that a \
         newcomer reads. These open with something else:",
        &problems,
    );
}

#[test]
fn no_file_is_too_long_to_read_at_once() {
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| !file.is_generated()) {
        let len = file.text.lines().count();
        let exception = LONG_FILES.iter().find(|(path, _)| *path == file.path).map(|(_, max)| *max);
        if len > exception.unwrap_or(FILE_LINES_MAX) {
            problems.push(format!("{} has {len} lines", file.path));
        }
        if exception.is_some_and(|max| len <= FILE_LINES_MAX || len < max) {
            problems.push(format!("{} has {len} lines now: lower or remove its exception", file.path));
        }
    }
    settle(
        &format!(
            "A file beyond {FILE_LINES_MAX} lines holds more than one thought. Split it by thought, or move its \
                  tests to a file of their own (foo/tests.rs)."
        ),
        &problems,
    );
}

#[test]
fn no_function_is_too_long_to_see_at_once() {
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| !file.is_generated()) {
        for (name, start, len) in functions(&file.code) {
            let exception = LONG_FNS.iter().find(|(path, long, _)| *path == file.path && *long == name);
            let exception = exception.map(|(_, _, max)| *max);
            if len > exception.unwrap_or(FN_LINES_MAX) {
                problems.push(format!("{} {name} has {len} lines", file.place(start)));
            }
            if exception.is_some_and(|max| len <= FN_LINES_MAX || len < max) {
                problems
                    .push(format!("{} {name} has {len} lines now: lower or remove its exception", file.path));
            }
        }
    }
    settle(
        &format!(
            "A function beyond {FN_LINES_MAX} lines can't be seen at once, so nobody checks it whole. Give its \
                  steps names."
        ),
        &problems,
    );
}

#[test]
fn unsafe_code_is_where_it_was_argued_for() {
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| !file.is_generated()) {
        let count = words(&file.code).filter(|(word, _)| *word == "unsafe").count();
        let allowed = UNSAFE.iter().find(|(path, _, _)| *path == file.path).map_or(0, |(_, max, _)| *max);
        if count > allowed {
            problems.push(format!("{} says `unsafe` {count} times, {allowed} are argued for", file.path));
        }
    }
    settle(
        "We run code that nobody trusts; memory safety is what stands between it and the host. An `unsafe` is entered \
         in tests/tidy/src/shape.rs with the reason why no safe way does it.",
        &problems,
    );
}

#[test]
fn every_package_takes_the_common_lints() {
    let problems: Vec<String> = files()
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml") && file.text.contains("version.workspace = true"))
        .filter(|file| !file.text.contains("[lints]\nworkspace = true"))
        .map(|file| file.path.clone())
        .collect();
    settle(
        "One list of lints, in the root's Cargo.toml, holds for all. Add `[lints] workspace = true` to:",
        &problems,
    );
}

/// Name, place and number of lines of every function that has a body.
fn functions(code: &str) -> Vec<(&str, usize, usize)> {
    let all: Vec<_> = words(code).collect();
    let mut found = Vec::new();
    for pair in all.windows(2) {
        let [(keyword, start), (name, end)] = pair else { continue };
        // A type such as `fn(u8) -> u8` has no name right behind the keyword.
        if *keyword != "fn" || !code[start.end..end.start].trim().is_empty() {
            continue;
        }
        if let Some(body) = body(&code[end.end..]) {
            let lines = code[start.start..end.end + body].lines().count();
            found.push((*name, start.start, lines));
        }
    }
    found
}

/// From behind a function's name to the end of its body, if it has one.
fn body(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some(at + braces_len(&code[at..])),
            _ => {}
        }
    }
    None
}

#[test]
fn functions_are_found_whole() {
    let code = "fn a(x: [u8; 2]) -> u8 {\n if y { z }\n}\ntrait T { fn b(); fn c() {} }\ntype F = fn(u8);";
    let found: Vec<_> = functions(code).into_iter().map(|(name, _, len)| (name, len)).collect();
    assert_eq!(found, [("a", 3), ("c", 1)]);
}
