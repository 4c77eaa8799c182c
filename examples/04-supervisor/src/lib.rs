//! Lesson 4: a supervisor, which creates its children again when they end.

use std::time::Duration;

use thespian::prelude::*;
use thespian::{RestartType, Strategy, Supervisor};

/// Adds a sale to a [`Till`].
#[message]
pub struct Sell {
    /// What it costs.
    pub cents: u64,
}

/// What a [`Till`] has taken.
#[message]
#[derive(Debug, PartialEq)]
pub struct Takings {
    /// All sales since it was created.
    pub cents: u64,
}

/// Counts what was sold. A price that no till can hold is its end.
#[derive(Default)]
pub struct Till {
    cents: u64,
}

#[actor]
impl Till {
    #[receive]
    fn sell(&mut self, sell: Sell) -> Takings {
        self.cents = self.cents.checked_add(sell.cents).expect("the till is full");
        Takings { cents: self.cents }
    }
}

/// Keeps two tills open.
pub struct Shop {
    supervisor: Supervisor,
}

#[actor(parts(supervisor))]
impl Shop {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .intensity(3, Duration::from_secs(5))
            .child("left", Create::of::<Till>(), RestartType::Permanent)
            .child("right", Create::of::<Till>(), RestartType::Permanent)
            .start(ctx)?;
        Ok(Self { supervisor })
    }

    #[receive]
    fn exited(&mut self, exit: ChildActorExited, ctx: &mut Context) {
        // Tills close with their shop.
        if !ctx.is_exiting() {
            warn!(ctx, "a till is gone: {}", exit.reason);
        }
    }
}

source!(Shop, Till);

#[cfg(test)]
mod tests;
