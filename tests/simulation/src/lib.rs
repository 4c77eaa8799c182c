//! Whole lives of hosts, thousands of them, in an order that a seed chooses: the very `Admin`, `Actor`, `Mailbox`,
//! `Outbox` and `Timers` that ship, with scripted guests and virtual time. What must hold is in `invariants`, a file for
//! each promise. That each of them can fail is shown twice: `sabotage` breaks the doer; and `mistakes`, which
//! `tests/mistakes` builds around another core, breaks the rules.
#![cfg(test)]
#![allow(unexpected_cfgs, reason = "set by the build script of tests/mistakes alone")]

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
#[cfg(not(thespian_mistakes))]
mod orders;
mod perform;
#[cfg(not(thespian_mistakes))]
mod replay;
mod rng;
#[cfg(not(thespian_mistakes))]
mod run_queue;
mod sabotage;
#[cfg(not(thespian_mistakes))]
mod scenarios;
mod world;
