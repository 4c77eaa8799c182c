//! Hoards: actors each of which takes no more than it may, and of which there are many.

use std::hint::black_box;
use std::time::Duration;

use thespian::prelude::*;

use crate::{Done, Go};

const MIB: usize = 1 << 20;
/// As long as nothing in a test takes.
const FOR_LONG: Duration = Duration::from_secs(3_600);

/// Has `n` children that hoard what `text` names; says how many it got, and why not more.
#[derive(Default)]
pub struct Breeds;

#[actor]
impl Breeds {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Done {
        for born in 0..go.n {
            let text = if go.text == "init" { "x".repeat(MIB) } else { go.text.clone() };
            let child = Create::of::<Hoards>().init(&Go { n: 0, text });
            if let Err(error) = child.and_then(|child| child.create(ctx)) {
                return Done { n: born, text: error.to_string() };
            }
        }
        Done { n: go.n, text: String::new() }
    }
}

/// Takes all that it can have of what its creator has named, and keeps it.
#[derive(Default)]
pub struct Hoards {
    memory: Vec<Vec<u8>>,
}

#[actor]
impl Hoards {
    #[start]
    fn new(go: Go, ctx: &mut Context) -> Self {
        let mut hoards = Self::default();
        match go.text.as_str() {
            "memory" => hoards.fill(),
            "wakeups" => {
                while ctx.wakeup_after_with(FOR_LONG, &Go { n: 0, text: "x".repeat(100_000) }).is_ok() {}
            }
            "timers" => while ctx.wakeup_after(FOR_LONG).is_ok() {},
            _ => {}
        }
        hoards
    }

    #[receive]
    fn rest(&mut self, _: RawMessage) {}

    fn fill(&mut self) {
        loop {
            let mut piece = Vec::new();
            if piece.try_reserve_exact(MIB).is_err() {
                return;
            }
            piece.resize(MIB, 0xA5);
            self.memory.push(black_box(piece));
        }
    }
}
