//! Reads the source text and holds it to the design: what a compiler can't see and a reviewer would have to repeat.
//!
//! Each test is one rule. Its message says why the rule is there and lists every place that breaks it. When a rule is
//! wrong for your case, change the rule here, in the same commit, and say why.
#![cfg(test)]

mod adding;
mod arrows;
mod comments;
mod guests;
mod house;
mod layers;
mod map;
mod modules;
mod shape;
mod source;
mod tokens;
mod words;

/// Fails with `why` and every one of `problems`.
#[track_caller]
fn settle(why: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{why}\n\n  {}\n", problems.join("\n  "));
}
