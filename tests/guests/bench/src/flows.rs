//! Actors that pass payloads on.

use std::time::Instant;

use thespian::prelude::*;

use crate::{Done, Payload, Ready, now};

/// Sends back what it gets.
#[derive(Default)]
pub struct Echo;

#[actor]
impl Echo {
    #[receive]
    fn echo(&mut self, payload: Payload) -> Payload {
        payload.look();
        payload
    }
}

/// Plays against an echo.
#[message]
pub struct Play {
    /// The echo.
    pub with: Address,
    /// Round trips.
    pub rounds: u64,
    /// Bytes of the ball.
    pub size: usize,
}

/// Has one ball go to and fro.
#[derive(Default)]
pub struct Player {
    game: Option<Game>,
}

struct Game {
    play: Play,
    begun: Instant,
    ball: Payload,
    asked_by: Address,
}

#[actor]
impl Player {
    #[receive]
    fn play(&mut self, play: Play, ctx: &mut Context) -> Result {
        let asked_by = ctx.sender().clone();
        let game = Game { begun: Instant::now(), ball: Payload::of(play.size), asked_by, play };
        ctx.send(&game.play.with, &game.ball)?;
        self.game = Some(game);
        Ok(())
    }

    #[receive]
    fn returned(&mut self, ball: Payload, ctx: &mut Context) -> Result {
        ball.look();
        let Some(game) = &mut self.game else { return Ok(()) };
        game.play.rounds -= 1;
        if game.play.rounds > 0 {
            return ctx.send(&game.play.with, &game.ball);
        }
        let took = game.begun.elapsed().as_nanos() as u64;
        ctx.send(&game.asked_by, &Done { at: now(), took })
    }
}

/// Sends this much to a consumer.
#[message]
pub struct Produce {
    /// The consumer.
    pub to: Address,
    /// Messages.
    pub count: u64,
    /// Bytes of each.
    pub size: usize,
}

/// To itself: the next thousand.
#[message]
pub struct GoOn;

/// Messages in one turn.
const AT_ONCE: u64 = 1_000;

/// Sends as quickly as it may.
#[derive(Default)]
pub struct Producer {
    job: Option<(Produce, Payload)>,
}

#[actor]
impl Producer {
    #[receive]
    fn produce(&mut self, job: Produce, ctx: &mut Context) -> Result {
        ctx.reply(&Done { at: now(), took: 0 })?;
        let template = Payload::of(job.size);
        self.job = Some((job, template));
        self.go_on(GoOn, ctx)
    }

    #[receive]
    fn go_on(&mut self, _: GoOn, ctx: &mut Context) -> Result {
        let Some((job, template)) = &mut self.job else { return Ok(()) };
        let count = job.count.min(AT_ONCE);
        for _ in 0..count {
            ctx.send(&job.to, template)?;
        }
        job.count -= count;
        if job.count > 0 {
            let me = ctx.me().clone();
            ctx.send(&me, &GoOn)?;
        }
        Ok(())
    }
}

/// Tells a consumer how much will come. Answered when all has.
#[message]
pub struct Expect {
    /// Messages.
    pub count: u64,
}

/// Counts what comes.
#[derive(Default)]
pub struct Consumer {
    left: u64,
    asked_by: Option<Address>,
}

#[actor]
impl Consumer {
    #[receive]
    fn expect(&mut self, expect: Expect, ctx: &mut Context) {
        self.left = expect.count;
        self.asked_by = Some(ctx.sender().clone());
    }

    #[receive]
    fn consume(&mut self, payload: Payload, ctx: &mut Context) -> Result {
        payload.look();
        self.left = self.left.wrapping_sub(1);
        if self.left > 0 {
            return Ok(());
        }
        match self.asked_by.take() {
            Some(asked_by) => ctx.send(&asked_by, &Done { at: now(), took: 0 }),
            None => Ok(()),
        }
    }
}

/// The next in the ring.
#[message]
pub struct Link {
    /// Whom to pass on to.
    pub next: Address,
}

/// Starts the tokens at the head of a ring.
#[message]
pub struct Run {
    /// How often each token comes round.
    pub laps: u64,
    /// How many go round at one time.
    pub tokens: u64,
    /// Bytes of each.
    pub size: usize,
}

/// Passes on what it gets.
#[derive(Default)]
pub struct Member {
    next: Option<Address>,
    head: Option<Head>,
}

struct Head {
    begun: Instant,
    /// Arrivals to come.
    left: u64,
    tokens: u64,
    asked_by: Address,
}

#[actor]
impl Member {
    #[receive]
    fn link(&mut self, link: Link) -> Ready {
        self.next = Some(link.next);
        Ready
    }

    #[receive]
    fn run(&mut self, run: Run, ctx: &mut Context) -> Result {
        let next = self.next.as_ref().ok_or_else(|| Error::poison("the ring is open"))?;
        let (asked_by, token) = (ctx.sender().clone(), Payload::of(run.size));
        let head = Head { begun: Instant::now(), left: run.laps * run.tokens, tokens: run.tokens, asked_by };
        for _ in 0..run.tokens {
            ctx.send(next, &token)?;
        }
        self.head = Some(head);
        Ok(())
    }

    #[receive]
    fn pass(&mut self, token: Payload, ctx: &mut Context) -> Result {
        token.look();
        let Some(next) = &self.next else { return Ok(()) };
        let Some(head) = &mut self.head else { return ctx.send(next, &token) };
        head.left -= 1;
        if head.left >= head.tokens {
            return ctx.send(next, &token);
        }
        // Its last lap: this token is taken out.
        if head.left > 0 {
            return Ok(());
        }
        let took = head.begun.elapsed().as_nanos() as u64;
        ctx.send(&head.asked_by, &Done { at: now(), took })
    }
}
