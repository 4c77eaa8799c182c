//! How what went wrong can be seen again: by its seed.

use std::ops::Range;

/// The first seeds; one alone, if `THESPIAN_SEED` names it.
pub(crate) fn seeds(len: u64) -> Range<u64> {
    match std::env::var("THESPIAN_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("THESPIAN_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 1..len + 1,
    }
}

/// Prints, when it ends in a panic, how that can be had again.
pub(crate) struct Replay<'a> {
    pub(crate) seed: u64,
    pub(crate) test: &'a str,
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, test } = self;
            eprintln!("run it again: THESPIAN_SEED={seed} cargo test -p thespian-simulation {test}");
        }
    }
}
