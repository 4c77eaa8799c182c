//! Attacks that need no import: time, memory, stack, and what the standard library does.

use std::hint::black_box;
use std::time::Duration;

use thespian::prelude::*;

use crate::{Done, Go};

fn spin() -> ! {
    loop {
        black_box(0);
    }
}

/// Never returns from its handler.
#[derive(Default)]
pub struct Spinner;

#[actor]
impl Spinner {
    #[receive]
    fn go(&mut self, _: Go) {
        spin()
    }
}

/// Never returns from its start.
pub struct SpinsAtStart;

#[actor]
impl SpinsAtStart {
    #[start]
    fn new() -> Self {
        spin()
    }
}

/// Traps before it has begun.
pub struct PanicsAtStart;

#[actor]
impl PanicsAtStart {
    #[start]
    #[expect(clippy::panic, reason = "the attack")]
    fn new() -> Self {
        panic!("no beginning")
    }
}

/// Takes memory until there is none.
#[derive(Default)]
pub struct MemoryBomb;

#[actor]
impl MemoryBomb {
    #[receive]
    fn go(&mut self, _: Go) {
        let mut hoard = Vec::new();
        loop {
            hoard.push(black_box(vec![1_u8; 1 << 20]));
        }
    }
}

/// Fills its memory with a pattern, or looks for what others left in it.
#[derive(Default)]
pub struct Hoarder {
    hoard: Vec<u8>,
}

#[actor]
impl Hoarder {
    /// `n` MiB of memory: filled where there is a text, else looked through for anything that is not zero.
    #[receive]
    fn go(&mut self, go: Go) -> Done {
        let len = usize::try_from(go.n << 20).unwrap_or(0);
        if go.text.is_empty() {
            // Fresh from the host, and not written to by the allocator.
            self.hoard = vec![0; len];
            let found = black_box(&self.hoard).iter().filter(|byte| **byte != 0).count();
            return Done { n: found as u64, text: String::new() };
        }
        self.hoard = vec![0xA5; len];
        Done { n: black_box(&self.hoard).len() as u64, text: String::new() }
    }
}

/// Calls itself until its stack is used up.
#[derive(Default)]
pub struct DeepRecursion;

#[inline(never)]
fn descend(depth: u64) -> u64 {
    // Without a value in memory: what is used up is the engine's stack.
    if depth == u64::MAX { 0 } else { descend(depth + 1).rotate_left(7).wrapping_add(depth) }
}

/// Values too large for the engine's stack are on another, in the guest's memory.
#[inline(never)]
fn descend_with_large_values(depth: u64) -> u64 {
    let frame = black_box([depth; 4_096]);
    if depth == u64::MAX { 0 } else { black_box(descend_with_large_values(depth + 1)) + frame[3] }
}

#[actor]
impl DeepRecursion {
    /// With large values, if `n` is not 0.
    #[receive]
    fn go(&mut self, go: Go) -> Done {
        let n = if go.n == 0 { descend(0) } else { descend_with_large_values(0) };
        Done { n, text: String::new() }
    }
}

/// Traps on every message.
#[derive(Default)]
pub struct Trapper;

#[actor]
impl Trapper {
    #[receive]
    #[expect(clippy::panic, reason = "the attack")]
    fn go(&mut self, _: Go) {
        panic!("as always")
    }
}

/// Prints for as long as it may.
#[derive(Default)]
pub struct PrintStorm;

#[actor]
impl PrintStorm {
    #[receive]
    #[expect(clippy::print_stdout, reason = "the attack")]
    fn go(&mut self, _: Go) {
        for line in 0_u64.. {
            println!("{line}: a storm of lines");
        }
    }
}

/// Never says whether a host suits it.
#[derive(Default)]
pub struct Undecided;

#[actor]
impl Undecided {
    #[accepts]
    #[expect(clippy::empty_loop, reason = "the attack")]
    fn suits(_: &Attributes, _: &[Requirement]) -> bool {
        loop {}
    }
}

/// Traps where it is to say whether a host suits it.
#[derive(Default)]
pub struct Indisposed;

#[actor]
impl Indisposed {
    #[accepts]
    #[expect(clippy::panic, reason = "the attack")]
    fn suits(_: &Attributes, _: &[Requirement]) -> bool {
        panic!("ask me another")
    }
}

/// Sleeps for an hour.
#[derive(Default)]
pub struct Sleeper;

#[actor]
impl Sleeper {
    #[receive]
    #[expect(clippy::disallowed_methods, reason = "the attack")]
    fn go(&mut self, _: Go) {
        std::thread::sleep(Duration::from_secs(3_600));
    }
}

/// Ends the process, as it thinks.
#[derive(Default)]
pub struct Exits;

#[actor]
impl Exits {
    #[receive]
    fn go(&mut self, _: Go) {
        std::process::exit(0);
    }
}
