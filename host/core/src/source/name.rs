//! What people call a source: its name, its version, and patterns of names.

use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::{SOURCE_NAME_LEN_MAX, SOURCE_VERSION_LEN_MAX};

/// The name of a source among those of its people: `shop/orders`. Versions of it have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceName(String);

/// The text is no name of a source, or no pattern of such names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name of a source: parts of `a-z`, `0-9`, `.`, `_` and `-` that begin with a letter or digit, joined by \
     `/`, at most {SOURCE_NAME_LEN_MAX} bytes"
)]
pub struct ParseNameError(String);

fn are_parts(text: &str, is_part: impl Fn(&str) -> bool) -> bool {
    text.len() <= SOURCE_NAME_LEN_MAX && text.split('/').all(is_part)
}

fn is_of_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

impl FromStr for SourceName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let is_part = |part: &str| {
            part.bytes().all(is_of_name)
                && part.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        };
        let is_name = are_parts(text, is_part);
        is_name.then(|| Self(text.into())).ok_or_else(|| ParseNameError(cut(text)))
    }
}

/// As much of it as tells which one is meant.
fn cut(text: &str) -> String {
    crate::text::inert(&text.chars().take(64).collect::<String>()).into_owned()
}

impl TryFrom<String> for SourceName {
    type Error = ParseNameError;

    fn try_from(text: String) -> Result<Self, ParseNameError> {
        text.parse()
    }
}

impl From<SourceName> for String {
    fn from(name: SourceName) -> Self {
        name.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names of sources: as a name, where `*` stands for any characters of one part. `shop/*` is all of `shop`, and nothing below
/// its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(String);

/// The text is no pattern of names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no pattern of names: parts of `a-z`, `0-9`, `.`, `_`, `-` and `*`, joined by `/`, at most \
     {SOURCE_NAME_LEN_MAX} bytes; `*` stands for any characters within a part"
)]
pub struct ParsePatternError(String);

impl NamePattern {
    /// Whether a name is one of them.
    #[must_use]
    pub fn covers(&self, name: &SourceName) -> bool {
        let (mut patterns, mut parts) = (self.0.split('/'), name.0.split('/'));
        loop {
            match (patterns.next(), parts.next()) {
                (None, None) => return true,
                (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
                _ => return false,
            }
        }
    }
}

/// Whether what stands between the stars comes in this order: the first at the start, the last at the end.
fn part_matches(pattern: &str, part: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == part };
    let Some(mut left) = part.strip_prefix(first) else { return false };
    let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in between.split('*') {
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    left.len() >= last.len() && left.ends_with(last)
}

impl FromStr for NamePattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, ParsePatternError> {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| is_of_name(byte) || byte == b'*');
        let is_pattern = are_parts(text, is_part);
        is_pattern.then(|| Self(text.into())).ok_or_else(|| ParsePatternError(cut(text)))
    }
}

impl TryFrom<String> for NamePattern {
    type Error = ParsePatternError;

    fn try_from(text: String) -> Result<Self, ParsePatternError> {
        text.parse()
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of a source. Ordered as people count: digits by their value, a number before text, and what has more behind it
/// after what ends there: `1.9` before `1.10`, and `1.0` before `1.0.1` and `1.0-rc1`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceVersion(String);

/// The text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no version: 1 to {SOURCE_VERSION_LEN_MAX} letters, digits, `.`, `_`, `-`, `+` and `~`, as in `1.4.2`"
)]
pub struct ParseVersionError(String);

impl FromStr for SourceVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let is_of_version =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'~');
        let is_version =
            (1..=SOURCE_VERSION_LEN_MAX).contains(&text.len()) && text.bytes().all(is_of_version);
        is_version.then(|| Self(text.into())).ok_or_else(|| ParseVersionError(cut(text)))
    }
}

impl TryFrom<String> for SourceVersion {
    type Error = ParseVersionError;

    fn try_from(text: String) -> Result<Self, ParseVersionError> {
        text.parse()
    }
}

impl From<SourceVersion> for String {
    fn from(version: SourceVersion) -> Self {
        version.0
    }
}

impl fmt::Display for SourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes the run of digits, or of other characters, with which a text begins.
fn split_run(text: &str) -> (&str, &str) {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let first = text.bytes().next().is_some_and(is_digit);
    let end = text.bytes().position(|byte| is_digit(byte) != first).unwrap_or(text.len());
    text.split_at(end)
}

/// Compares by value, also numbers that no integer holds.
fn compare_runs(one: &str, other: &str) -> Ordering {
    let is_number = |run: &str| run.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    match (is_number(one), is_number(other)) {
        (true, true) => {
            let [one, other] = [one, other].map(|run| run.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => one.cmp(other),
    }
}

impl Ord for SourceVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut one, mut other) = (self.0.as_str(), other.0.as_str());
        while !one.is_empty() && !other.is_empty() {
            let ((run, rest), (other_run, other_rest)) = (split_run(one), split_run(other));
            match compare_runs(run, other_run) {
                Ordering::Equal => (one, other) = (rest, other_rest),
                unequal => return unequal,
            }
        }
        one.len().min(1).cmp(&other.len().min(1))
    }
}

impl PartialOrd for SourceVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Equal in order, not in letters: `1.0` and `1.00` are one version.
impl PartialEq for SourceVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SourceVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn covers(pattern: &str, name: &str) -> bool {
        pattern.parse::<NamePattern>().unwrap().covers(&name.parse().unwrap())
    }

    #[test]
    fn a_star_stays_within_its_part() {
        for (pattern, name) in [
            ("shop/*", "shop/orders"),
            ("*", "orders"),
            ("shop/pay*", "shop/pay"),
            ("shop/pay*", "shop/payments"),
            ("*/*", "shop/orders"),
            ("shop/*-*-eu", "shop/till-2-eu"),
            ("a*b*c", "abc"),
            ("a*bc", "abcbc"),
            ("shop/orders", "shop/orders"),
        ] {
            assert!(covers(pattern, name), "{pattern} covers {name}");
        }
        for (pattern, name) in [
            ("shop/*", "shop"),
            ("shop/*", "shop/eu/orders"),
            ("*", "shop/orders"),
            ("shop/*", "shop2/orders"),
            ("shop/pay*", "shop/orders"),
            ("a*ba", "aba0"),
            ("ab*ba", "aba"),
            ("shop/orders", "shop/orders2"),
        ] {
            assert!(!covers(pattern, name), "{pattern} does not cover {name}");
        }
    }

    #[test]
    fn names_and_patterns_are_held_to_their_letters() {
        let long = "a".repeat(SOURCE_NAME_LEN_MAX + 1);
        for text in ["", "/", "a/", "/a", "a//b", "A", ".a", "..", "a/../b", "a b", "ä", "a*", "a\n", &long]
        {
            assert!(text.parse::<SourceName>().is_err(), "{text}");
        }
        for text in ["", "/", "a//b", "A*", "[a]", "a?", "{a,b}", "!a", &long] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
        assert!("\u{1b}[2J".parse::<SourceName>().unwrap_err().to_string().is_ascii());
    }

    #[test]
    fn versions_are_ordered_as_people_count() {
        let ordered = [
            "0",
            "0.1",
            "0.9",
            "0.10",
            "1",
            "1.0",
            "1.0-rc1",
            "1.0.1",
            "1.0a",
            "1.2",
            "1.10",
            "1.010.1",
            "2026.11.28",
            "99999999999999999999998",
            "99999999999999999999999",
            "alpha",
            "beta",
        ]
        .map(|text| text.parse::<SourceVersion>().unwrap());
        for (at, one) in ordered.iter().enumerate() {
            for (beside, other) in ordered.iter().enumerate() {
                assert_eq!(one.cmp(other), at.cmp(&beside), "{one} and {other}");
            }
        }
        let same = |one: &str, other: &str| one.parse::<SourceVersion>().unwrap() == other.parse().unwrap();
        assert!(same("1.0", "1.00") && same("01", "1") && !same("1.0", "1.0.0"));
    }

    #[test]
    fn versions_are_held_to_their_letters() {
        for text in ["", " ", "1 0", "1/0", "ä", &"1".repeat(SOURCE_VERSION_LEN_MAX + 1)] {
            assert!(text.parse::<SourceVersion>().is_err(), "{text}");
        }
    }
}
