//! Actors that send themselves messages again and again.

use std::time::Duration;

use thespian::prelude::*;

use crate::Said;

/// The message that a [`Ticker`] starts with.
#[message]
pub struct Rhythm {
    /// How often it ticks: each so many ms.
    pub ms: u64,
}

/// From now on the ticks are told to whoever sends this.
#[message]
pub struct Hear;

/// What comes again and again.
#[message]
pub struct Tick;

/// Has a [`Ticker`] trap.
#[message]
pub struct Break;

/// Ticks from its start on, also after a trap.
#[derive(Default)]
pub struct Ticker {
    hearer: Option<Address>,
    ticks: u32,
}

#[actor]
impl Ticker {
    #[start]
    fn new(rhythm: Rhythm, ctx: &mut Context) -> Result<Self> {
        ctx.send_every(Duration::from_millis(rhythm.ms), &Tick)?;
        Ok(Self::default())
    }

    #[receive]
    fn hear(&mut self, _: Hear, ctx: &mut Context) {
        self.hearer = Some(ctx.sender().clone());
    }

    #[receive]
    fn tick(&mut self, _: Tick, ctx: &mut Context) -> Result {
        self.ticks += 1;
        let Some(hearer) = &self.hearer else { return Ok(()) };
        ctx.send(hearer, &Said { text: format!("tick in instance {}", ctx.incarnation()) })
    }

    #[receive]
    fn break_down(&mut self, _: Break) {
        panic!("after {} ticks", self.ticks);
    }
}
