//! Whole lives of hosts, thousands of them, in an order that a seed chooses: the very `Admin`, `Actor`, `Mailbox`,
//! `Outbox` and `Timers` that ship, with scripted guests and virtual time. What must hold is in `invariants`, a file for
//! each promise. That each of them can fail is shown twice: `sabotage` breaks the doer; and `mistakes`, which
//! `tests/mistakes` builds around another core, breaks the rules.
#![cfg(any(test, fuzzing))]
#![allow(unexpected_cfgs, reason = "set by the build script of tests/mistakes alone")]
#![cfg_attr(fuzzing, allow(dead_code, missing_docs, reason = "the tests are not there, only what they use"))]

mod audit;
mod carrier;
mod chance;
mod classes;
mod convert;
mod host;
mod invariants;
mod life;
mod means;
#[cfg(thespian_mistakes)]
mod mistakes;
#[cfg_attr(thespian_mistakes, allow(dead_code, reason = "scenarios are for the core that ships"))]
mod native;
#[cfg(test)]
#[cfg(not(thespian_mistakes))]
mod orders;
mod perform;
#[cfg(test)]
#[cfg(not(thespian_mistakes))]
mod replay;
mod rng;
#[cfg(test)]
#[cfg(not(thespian_mistakes))]
mod run_queue;
mod sabotage;
#[cfg(not(thespian_mistakes))]
mod scenarios;
mod signing;
mod world;

/// One life whose choices these bytes are: what `fuzz/` runs.
///
/// # Panics
/// A promise does not hold.
#[cfg(fuzzing)]
pub fn live_as_chosen(choices: &[u8]) {
    if let Err(broken) = life::live_as_chosen(choices) {
        panic!("{broken}");
    }
}
