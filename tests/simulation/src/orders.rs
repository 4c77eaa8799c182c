//! In any order of events every promise is kept.

use std::collections::BTreeMap;

use crate::life::live;

/// Lives of one run; `THESPIAN_LIVES` sets another number.
const LIVES: u64 = 2_000;

/// What must have happened often for these lives to show anything.
const EVERYDAY: [&str; 14] = [
    "actors",
    "dead letters",
    "ends",
    "failures",
    "floods",
    "full nodes",
    "kills",
    "pauses",
    "poison",
    "restarts",
    "rings",
    "retries",
    "turns",
    "waits for room",
];

/// Prints how a life that ends in a panic can be lived again.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("run it again: THESPIAN_SEED={} cargo test -p thespian-simulation any_order", self.0);
        }
    }
}

#[test]
fn any_order_of_events_keeps_every_promise() {
    let seeds = match std::env::var("THESPIAN_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("THESPIAN_SEED is a number");
            seed..seed + 1
        }
        Err(_) => {
            let lives = std::env::var("THESPIAN_LIVES").ok().and_then(|lives| lives.parse().ok());
            1..lives.unwrap_or(LIVES) + 1
        }
    };
    let mut seen = BTreeMap::new();
    for seed in seeds.clone() {
        let _replay = Replay(seed);
        match live(seed, None) {
            Ok(life) => life.into_iter().for_each(|(what, times)| *seen.entry(what).or_insert(0) += times),
            Err(broken) => panic!("with seed {seed}:\n  {broken}"),
        }
    }
    println!("{} lives with {seen:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= LIVES {
        let rare: Vec<_> = EVERYDAY.into_iter().filter(|what| seen.get(what) < Some(&100)).collect();
        assert!(rare.is_empty(), "these lives have too little of {rare:?} to show anything");
        let late = seen.get("exits that took too long").copied().unwrap_or_default();
        assert!(late * 100 < seen["ends"], "{late} actors had to be killed because they did not exit");
    }
}

#[test]
fn the_same_seed_is_the_same_life() {
    let lives = [live(7, None), live(7, None)].map(|life| format!("{life:?}"));
    assert_eq!(lives[0], lives[1]);
}
