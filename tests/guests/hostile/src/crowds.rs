//! Crowds: actors each of which does nothing that is forbidden, and takes no turn that is long.

use std::hint::black_box;
use std::time::{Duration, Instant};

use thespian::prelude::*;

use crate::spends::PanicsAtStart;
use crate::{Done, Go};

/// Works for `n` microseconds of each message, and sends it to itself.
#[derive(Default)]
pub struct KeepsCoreBusy;

#[actor]
impl KeepsCoreBusy {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Result {
        let (begun, length) = (Instant::now(), Duration::from_micros(go.n));
        while begun.elapsed() < length {
            black_box(0);
        }
        let me = ctx.me().clone();
        ctx.send(&me, &go)
    }
}

/// Creates `n` children that die in their start, and as many when all have.
#[derive(Default)]
pub struct LosesChildren {
    children: u64,
    living: u64,
}

#[actor]
impl LosesChildren {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Result {
        (self.children, self.living) = (go.n, 0);
        self.breed(ctx)
    }

    #[receive]
    fn exited(&mut self, _: ChildActorExited, ctx: &mut Context) -> Result {
        self.living = self.living.saturating_sub(1);
        if self.living == 0 { self.breed(ctx) } else { Ok(()) }
    }

    fn breed(&mut self, ctx: &mut Context) -> Result {
        for _ in 0..self.children {
            // The node may be full.
            if ctx.create::<PanicsAtStart>().is_ok() {
                self.living += 1;
            }
        }
        Ok(())
    }
}

/// Works for as long as `n` million steps take, whatever the clock says meanwhile.
#[derive(Default)]
pub struct WorksHard;

#[actor]
impl WorksHard {
    #[receive]
    fn go(&mut self, go: Go) -> Done {
        let mut number = 1_u64;
        for _ in 0..go.n * 1_000_000 {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
        }
        Done { n: black_box(number), text: String::new() }
    }
}
