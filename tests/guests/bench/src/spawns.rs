//! Actors that come in numbers.

use std::time::{Duration, Instant};

use thespian::prelude::*;

use crate::{Done, Payload, Ready, now};

/// Answers once and then idles.
#[derive(Default)]
pub struct Idler;

#[actor]
impl Idler {
    #[receive]
    fn ready(&mut self, _: Ready) -> Ready {
        Ready
    }

    #[receive]
    fn payload(&mut self, payload: Payload) -> Payload {
        payload.look();
        payload
    }
}

/// Answers, and ends of itself soon after; it has a wakeup pending then.
#[derive(Default)]
pub struct Mayfly;

#[actor(transient(after_ms = 2))]
impl Mayfly {
    #[receive]
    fn ready(&mut self, _: Ready, ctx: &mut Context) -> Result<Ready> {
        ctx.wakeup_after(Duration::from_secs(3_600))?;
        Ok(Ready)
    }
}

/// Creates this many children and sends each a message. Answered when all have answered.
#[message]
pub struct Populate {
    /// How many.
    pub count: u64,
}

/// To itself: the next ones.
#[message]
pub struct More;

/// Children of one turn: with a message for each they are a fifth of a full outbox.
const AT_ONCE: u64 = 1_000;

/// Sends each child a payload of so many bytes. Answered when all have answered.
#[message]
pub struct FanOut {
    /// Bytes of each.
    pub size: usize,
}

/// To itself: the next children, from this one on.
#[message]
pub struct Onward {
    /// The first of them.
    pub from: usize,
    /// Bytes of each payload.
    pub size: usize,
}

/// Creates children.
#[derive(Default)]
pub struct Creator {
    children: Vec<Address>,
    to_create: u64,
    to_answer: u64,
    begun: Option<(Instant, ReplyTo)>,
}

#[actor]
impl Creator {
    #[receive]
    fn populate(&mut self, populate: Populate, ctx: &mut Context) -> Result {
        self.begun = Some((Instant::now(), ctx.reply_to()));
        (self.to_create, self.to_answer) = (populate.count, populate.count);
        self.more(More, ctx)
    }

    /// Whoever asked is told where it can't have as many.
    #[receive]
    fn more(&mut self, _: More, ctx: &mut Context) -> Result {
        let Err(error) = self.create_some(ctx) else { return Ok(()) };
        match &self.begun {
            Some((_, asked_by)) => ctx.refuse(asked_by, error.reason()),
            None => Err(error),
        }
    }

    fn create_some(&mut self, ctx: &mut Context) -> Result {
        let count = self.to_create.min(AT_ONCE);
        for _ in 0..count {
            let child = ctx.create::<Idler>()?;
            ctx.send(&child, &Ready)?;
            self.children.push(child);
        }
        self.to_create -= count;
        if self.to_create > 0 {
            let me = ctx.me().clone();
            ctx.send(&me, &More)?;
        }
        Ok(())
    }

    #[receive]
    fn fan_out(&mut self, fan_out: FanOut, ctx: &mut Context) -> Result {
        self.begun = Some((Instant::now(), ctx.reply_to()));
        self.to_answer = self.children.len() as u64;
        self.onward(Onward { from: 0, size: fan_out.size }, ctx)
    }

    #[receive]
    fn onward(&mut self, onward: Onward, ctx: &mut Context) -> Result {
        let template = Payload::of(onward.size);
        let to = (onward.from + AT_ONCE as usize).min(self.children.len());
        for child in &self.children[onward.from..to] {
            ctx.send(child, &template)?;
        }
        if to < self.children.len() {
            let me = ctx.me().clone();
            ctx.send(&me, &Onward { from: to, size: onward.size })?;
        }
        Ok(())
    }

    #[receive]
    fn received(&mut self, payload: Payload, ctx: &mut Context) -> Result {
        payload.look();
        self.answered(Ready, ctx)
    }

    #[receive]
    fn answered(&mut self, _: Ready, ctx: &mut Context) -> Result {
        self.to_answer -= 1;
        match &self.begun {
            Some((begun, asked_by)) if self.to_answer == 0 => {
                let took = begun.elapsed().as_nanos() as u64;
                ctx.answer(asked_by, &Done { at: now(), took })
            }
            _ => Ok(()),
        }
    }
}
