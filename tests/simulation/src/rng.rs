//! Random numbers that are the same everywhere and for ever: a seed that failed can be run again.

use std::collections::VecDeque;

/// SplitMix64, behind numbers that somebody has chosen.
pub(crate) struct Rng {
    state: u64,
    chosen: VecDeque<u8>,
}

impl Rng {
    pub(crate) fn of(seed: u64) -> Self {
        Self { state: seed, chosen: VecDeque::new() }
    }

    /// The first numbers are these bytes, two for each: so a fuzzer turns one choice after the other.
    #[cfg(not(thespian_mistakes))]
    pub(crate) fn chosen(bytes: &[u8]) -> Self {
        Self { state: 0, chosen: bytes.iter().copied().collect() }
    }

    pub(crate) fn next(&mut self) -> u64 {
        if let Some(low) = self.chosen.pop_front() {
            return u64::from(low) | u64::from(self.chosen.pop_front().unwrap_or_default()) << 8;
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }
}
