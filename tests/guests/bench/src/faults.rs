//! Actors that fail, and one that does not end.

use std::hint::black_box;
use std::time::{Duration, Instant};

use thespian::prelude::*;

use crate::{Ready, now};

/// Lets children fail, one after the other. Answered when all have.
#[message]
pub struct Watch {
    /// What their handler does.
    pub failure: Fail,
    /// Whether a trap ends them, or they start afresh.
    pub ends: bool,
    /// How many children.
    pub count: usize,
}

/// What a handler does.
#[message]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fail {
    /// It panics, which is a trap.
    Trap,
    /// It returns an error that is not to be retried.
    Error,
    /// None: it is asked to exit.
    Exit,
    /// It panics, and what counts is the fresh instance that takes its place.
    Restart,
}

/// How long each notice took, in nanoseconds.
#[message]
pub struct Noticed {
    /// In order.
    pub nanos: Vec<u64>,
}

/// Has children that fail, and takes the time until it knows.
#[derive(Default)]
pub struct Parent {
    watch: Option<(Watch, Address)>,
    sent: u64,
    nanos: Vec<u64>,
}

#[actor]
impl Parent {
    #[receive]
    fn watch(&mut self, watch: Watch, ctx: &mut Context) -> Result {
        self.watch = Some((watch, ctx.sender().clone()));
        self.nanos.clear();
        self.next(ctx)
    }

    fn next(&mut self, ctx: &mut Context) -> Result {
        let Some((watch, asked_by)) = &self.watch else { return Ok(()) };
        if self.nanos.len() >= watch.count {
            return ctx.send(asked_by, &Noticed { nanos: std::mem::take(&mut self.nanos) });
        }
        let on_trap = if watch.ends { OnTrap::Exit } else { OnTrap::Restart };
        let mut child = Create::class("Faulty").on_trap(on_trap);
        if watch.failure == Fail::Restart {
            child = child.watch_restarts();
        }
        let child = child.create(ctx)?;
        ctx.send(&child, &Ready)
    }

    #[receive]
    fn ready(&mut self, _: Ready, ctx: &mut Context) -> Result {
        let Some((watch, _)) = &self.watch else { return Ok(()) };
        let failure = watch.failure;
        self.sent = now();
        if failure == Fail::Exit {
            let child = ctx.sender().clone();
            return ctx.request_exit(&child, true);
        }
        ctx.reply(&failure)
    }

    #[receive]
    fn restarted(&mut self, restart: ChildActorRestarted) {
        // The second attempt panics too, which is another restart.
        if restart.incarnation == 2 {
            self.nanos.push(now().saturating_sub(self.sent));
        }
    }

    #[receive]
    fn poisoned(&mut self, poison: PoisonMessage, ctx: &mut Context) -> Result {
        let noticed = now();
        if self.watch.as_ref().is_some_and(|(watch, _)| watch.failure != Fail::Restart) {
            self.nanos.push(noticed.saturating_sub(self.sent));
        }
        ctx.request_exit(&poison.target, false)
    }

    #[receive]
    fn exited(&mut self, _: ChildActorExited, ctx: &mut Context) -> Result {
        let noticed = now();
        if self.watch.as_ref().is_some_and(|(watch, _)| watch.ends || watch.failure == Fail::Exit) {
            self.nanos.push(noticed.saturating_sub(self.sent));
        }
        self.next(ctx)
    }
}

/// Fails as it is told.
#[derive(Default)]
pub struct Faulty;

#[actor]
impl Faulty {
    #[receive]
    fn ready(&mut self, _: Ready) -> Ready {
        Ready
    }

    #[receive]
    fn fail(&mut self, fail: Fail) -> Result {
        assert!(fail == Fail::Error, "this is what the bench measures");
        Err(Error::poison("this is what the bench measures"))
    }
}

/// Spins for this long.
#[message]
pub struct Spin {
    /// In milliseconds.
    pub ms: u64,
}

/// Spins in one turn.
#[derive(Default)]
pub struct Spinner;

#[actor]
impl Spinner {
    #[receive]
    fn spin(&mut self, spin: Spin) -> Ready {
        let (begun, length) = (Instant::now(), Duration::from_millis(spin.ms));
        while begun.elapsed() < length {
            let mut number = 1_u64;
            for _ in 0..1_000_000 {
                number ^= number << 13;
                number ^= number >> 7;
                number ^= number << 17;
            }
            black_box(number);
        }
        Ready
    }
}
