//! Hostile actors and hostile peers against a real node, beside a bystander that must not be held up.
//!
//! Each test is one attack, or a few of a kind, run by `arena::run`: it starts a node with a bystander, measures the
//! bystander in peace, lets the attack go, and then waits until memory, threads and actors are back where they were.
//! Latencies are compared within one run, and generously: the promise is "not held up", not a speed.
#![cfg(test)]

mod allocator;
mod arena;
mod components;
mod connections;
mod crowds;
mod floods;
mod forgeries;
mod frames;
mod hoards;
mod panics;
mod peers;
mod runaways;
mod sources;
mod splice;
mod traps;
