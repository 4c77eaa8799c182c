//! Whole lives of a node, thousands of them, in an order that a seed chooses: the very `Admin`, `Actor`, `Mailbox`,
//! `Outbox` and `Timers` that ship, with scripted guests and virtual time. What must hold is in the ledger and in the
//! bounds. That each of it can fail is shown twice: `sabotage` breaks the doer; and `mistakes`, which `tests/mistakes`
//! builds around another core, breaks the rules.
#![cfg(test)]
#![allow(unexpected_cfgs, reason = "set by the build script of tests/mistakes alone")]

mod audit;
mod bounds;
mod carrier;
mod chance;
mod classes;
mod convert;
mod dead_letters;
mod leaving;
mod ledger;
mod life;
mod lifetimes;
mod means;
#[cfg(thespian_mistakes)]
mod mistakes;
mod monitors;
mod names;
#[cfg_attr(thespian_mistakes, allow(dead_code, reason = "scenarios are for the core that ships"))]
mod native;
#[cfg(not(thespian_mistakes))]
mod orders;
#[cfg(not(thespian_mistakes))]
mod replay;
mod rng;
#[cfg(not(thespian_mistakes))]
mod sabotage;
#[cfg(not(thespian_mistakes))]
mod scenarios;
mod world;
