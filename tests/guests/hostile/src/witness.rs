//! Who behaves: a bystander, and a parent that remembers what it is told of its children.

use thespian::prelude::*;

use crate::{Done, Go};

/// Answers what it is asked.
#[derive(Default)]
pub struct Echo;

#[actor]
impl Echo {
    #[receive]
    fn go(&mut self, go: Go) -> Done {
        Done { n: go.n, text: go.text }
    }
}

/// Have a child of this class.
#[message]
pub struct Raise {
    /// Which.
    pub class: String,
    /// Whether a trap ends it.
    pub fragile: bool,
}

/// Here it is.
#[message]
pub struct Raised {
    /// Its address.
    pub address: Address,
}

/// Send `Go` to somebody, so that what comes back comes back to this actor.
#[message]
pub struct Prod {
    /// To whom.
    pub target: Address,
    /// How often.
    pub times: u64,
    /// What the message says.
    pub n: u64,
}

/// What have you been told?
#[message]
pub struct Report {}

/// All of it.
#[message]
#[derive(Default)]
pub struct Told {
    /// Addresses of children that ended, and why.
    pub exits: Vec<(Address, String)>,
    /// Why messages came back.
    pub poisons: Vec<String>,
    /// Restarts of children.
    pub restarts: u64,
}

/// A parent that remembers what it is told.
#[derive(Default)]
pub struct Parent {
    told: Told,
}

#[actor]
impl Parent {
    #[receive]
    fn raise(&mut self, raise: Raise, ctx: &mut Context) -> Result<Raised> {
        let mut child = Create::class(raise.class).watch_restarts();
        if raise.fragile {
            child = child.on_trap(OnTrap::Exit);
        }
        Ok(Raised { address: child.create(ctx)? })
    }

    #[receive]
    fn prod(&mut self, prod: Prod, ctx: &mut Context) -> Result<Done> {
        for _ in 0..prod.times {
            ctx.send(&prod.target, &Go { n: prod.n, text: ctx.me().to_string() })?;
        }
        Ok(Done { n: prod.times, text: String::new() })
    }

    #[receive]
    fn report(&mut self, _: Report) -> Told {
        std::mem::take(&mut self.told)
    }

    #[receive]
    fn exited(&mut self, exit: ChildActorExited) {
        self.told.exits.push((exit.address, exit.reason.to_string()));
    }

    #[receive]
    fn restarted(&mut self, _: ChildActorRestarted) {
        self.told.restarts += 1;
    }

    #[receive]
    fn poisoned(&mut self, poison: PoisonMessage) {
        self.told.poisons.push(poison.details);
    }

    #[receive]
    fn rest(&mut self, _: RawMessage) {}
}
