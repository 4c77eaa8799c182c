//! In any order of events every promise is kept.

use std::collections::BTreeMap;

use crate::life::{Outcome, live, live_apart, live_as_chosen};
use crate::replay::{Replay, seeds};
use crate::rng::Rng;
use crate::sabotage::Sabotage;

/// Lives of one run; `THESPIAN_LIVES` sets another number.
const LIVES: u64 = 2_000;
/// Lives of two hosts: each costs what two of one host do.
const LIVES_APART: u64 = 400;
/// Lives whose beginning is chosen.
const LIVES_CHOSEN: u64 = 300;

/// What must have happened often for these lives to show anything.
const EVERYDAY: [&str; 36] = [
    "actors",
    "actors that failed",
    "checks of a class",
    "children ended for a restart",
    "children killed",
    "creates in exit turns",
    "dead letters",
    "dead letters asked for",
    "dead letters handed over",
    "demonitors",
    "downs",
    "downs of the past",
    "ends",
    "ends of themselves",
    "exits from pauses",
    "failed exit turns",
    "failed restarts",
    "failures",
    "floods",
    "full nodes",
    "kills",
    "kills of strangers",
    "names freed by an end",
    "names got",
    "names refused",
    "names shared",
    "moves",
    "names waited for",
    "pauses",
    "poison",
    "refusals",
    "restarts",
    "rings",
    "retries",
    "turns",
    "waits for room",
];

/// Lives of this kind: so many, unless the environment sets another number.
fn lives(test: &str, usual_len: u64, live: impl Fn(u64, Option<Sabotage>) -> Outcome) {
    let len = std::env::var("THESPIAN_LIVES").ok().and_then(|lives| lives.parse().ok());
    let seeds = seeds(len.unwrap_or(usual_len));
    let mut seen = BTreeMap::new();
    for seed in seeds.clone() {
        let _replay = Replay { seed, test };
        match live(seed, None) {
            Ok(life) => life.into_iter().for_each(|(what, times)| *seen.entry(what).or_insert(0) += times),
            Err(broken) => panic!("with seed {seed}:\n  {broken}"),
        }
    }
    println!("{} lives with {seen:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= usual_len {
        let rare: Vec<_> = EVERYDAY.into_iter().filter(|what| seen.get(what) < Some(&100)).collect();
        assert!(rare.is_empty(), "these lives have too little of {rare:?} to show anything");
        let late = seen.get("exits that took too long").copied().unwrap_or_default();
        assert!(late * 100 < seen["ends"], "{late} actors had to be killed because they did not exit");
    }
}

#[test]
fn any_order_of_events_keeps_every_promise() {
    lives("any_order", LIVES, live);
}

#[test]
fn two_hosts_without_a_link_live_apart_and_keep_every_promise() {
    lives("two_hosts", LIVES_APART, live_apart);
}

/// As a fuzzer begins: with a life that goes on as chance has it, whose first choices it turns one after the other.
#[test]
fn lives_that_somebody_has_chosen_keep_every_promise() {
    for seed in seeds(LIVES_CHOSEN) {
        let _replay = Replay { seed, test: "chosen" };
        let mut rng = Rng::of(seed);
        // Few different ones: what is seldom in a life of chance comes again and again.
        let some: Vec<u8> = (0..1 + rng.below(6)).map(|_| rng.below(256) as u8).collect();
        let choices: Vec<u8> = (0..rng.below(2_000)).filter_map(|_| rng.pick(&some)).collect();
        if let Err(broken) = live_as_chosen(&choices) {
            panic!("with seed {seed}:\n  {broken}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_life() {
    let lives = [live(7, None), live(7, None)].map(|life| format!("{life:?}"));
    assert_eq!(lives[0], lives[1]);
}
