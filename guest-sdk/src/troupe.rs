//! Troupes: workers of one class that share the address of their leader.

mod job;
mod leader;
mod settings;
mod worker;

use std::fmt;

use crate::actor::{Actor, Guest};
use crate::capability::Requirement;
use crate::class::{Accepts, ChildrenAtRestart, InitMessage, OnTrap, Transient};
use crate::context::Context;
use crate::failure::Result;
use crate::incoming::Incoming;
use crate::init::check_init;
use crate::parts::Ledger;

use leader::Leader;
use worker::Worker;

pub use settings::{AskTroupeStatus, TROUPE_TAKES, TroupeSettings, TroupeStatus, UpdateTroupeSettings};

/// The numbers that an `#[actor(troupe)]` must be told. Implemented by [`actor`](macro@crate::actor).
pub trait Troupers: Actor {
    /// Workers at most.
    const MAX_COUNT: u32 = 10;
    /// Idle workers that are kept.
    const IDLE_COUNT: u32 = 2;
    /// The type names that the troupe takes: the class's, and those for its leader.
    const TAKES: &'static [&'static str];
}

/// A class as a troupe: what `#[actor(troupe)]` makes of it when it is created.
///
/// ```
/// use thespian::prelude::*;
///
/// #[message]
/// struct Square { of: u64 }
/// #[message]
/// struct Product { value: u64 }
///
/// #[derive(Default)]
/// struct Squarer;
///
/// #[actor(troupe(max_count = 4, idle_count = 1))]
/// impl Squarer {
///     #[receive]
///     fn square(&mut self, ask: Square) -> Product {
///         Product { value: ask.of * ask.of }
///     }
/// }
///
/// source!(Squarer);
/// ```
///
/// The actor that somebody creates is the *leader*. It handles no message of the class itself: it hands each to exactly
/// one *worker*, a child of the same class, and creates workers as they are needed: 10 at most, unless `max_count` says
/// otherwise. While all are busy, up to 10,000 jobs wait. `idle_count` workers are kept without a job, 2 unless it is said;
/// more end when they were idle for two seconds. All end with their leader.
///
/// A worker's handler is the class's, written as if there were no troupe: its [`Context::sender`] is whoever sent the job
/// to the leader, and answers go straight there. The message that the leader was created with is the start message of
/// each worker, and what the leader's creator required of a host is required for each.
///
/// # When a job fails
///
/// | the worker | then |
/// |---|---|
/// | fails on it, twice | the sender gets it back as poison, from the leader, with the reason |
/// | is ended, or never starts | another worker gets the job; so a job is done *at least* once |
/// | is the third to end with it | the sender gets it back as poison |
/// | traps while its work is in progress | as if it had ended, but it lives on |
///
/// If the leader itself traps, its workers do what they have and exit, and the fresh leader creates others. What waited in
/// its queue is lost.
///
/// When the leader exits, a worker still does the job that it has, if that takes one turn. Whoever waits in the queue, or
/// for work in progress that is not answered, gets its message back, with that as the reason. If 10,000 jobs wait, or 16 MiB
/// of them, the next goes back at once.
///
/// # Work in progress
///
/// A worker is done when its handler returns. One that goes on after it, by wakeups or with answers of others, says
/// [`Context::work_in_progress`], and [`Context::work_done`] when it gets there; it has no other job in between.
///
/// # At run time
///
/// The leader itself takes [`UpdateTroupeSettings`] and [`AskTroupeStatus`].
pub struct Troupe<A>(Role<A>);

enum Role<A> {
    Leader(Box<Leader>),
    Worker(Box<Worker<A>>),
}

impl<A> fmt::Debug for Troupe<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Role::Leader(_) => "Troupe(leader)",
            Role::Worker(_) => "Troupe(worker)",
        })
    }
}

impl<A: Troupers> Actor for Troupe<A> {
    const CLASS: &'static str = A::CLASS;
    const RECEIVES: &'static [&'static str] = A::TAKES;
    const ON_TRAP: OnTrap = A::ON_TRAP;
    const CHILDREN_AT_RESTART: ChildrenAtRestart = A::CHILDREN_AT_RESTART;
    // The leader ends its workers, and is ended itself.
    const TRANSIENT: Option<Transient> = None;
    const GUEST: Guest = Guest::of::<Self>();
    const INIT: Option<InitMessage> = A::INIT;
    const ACCEPTS: Option<Accepts> = A::ACCEPTS;
    const HAS_PARTS: bool = A::HAS_PARTS;

    fn requires() -> Vec<Requirement> {
        A::requires()
    }

    fn start(ctx: &mut Context) -> Result<Self> {
        Ok(Self(if worker::is_one(ctx) {
            Role::Worker(Box::new(Worker::start(ctx)?))
        } else {
            // Before the first job, whose worker could not start.
            if let Some(init) = A::INIT {
                check_init(init, ctx.init.message.as_ref(), A::CLASS)?;
            }
            // Workers of a leader that trapped end when they have done what they have: this one does not know what that is.
            if ctx.is_successor() {
                ctx.children().iter().try_for_each(|worker| ctx.request_exit(&worker.address, true))?;
            }
            let settings = TroupeSettings { max_count: A::MAX_COUNT, idle_count: A::IDLE_COUNT };
            Role::Leader(Box::new(Leader::new(settings, A::ON_TRAP, ctx)))
        }))
    }

    fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result {
        match &mut self.0 {
            Role::Leader(leader) => leader.receive(incoming, ctx),
            Role::Worker(worker) => worker.receive(incoming, ctx),
        }
    }

    fn each_part(&mut self, each: &mut dyn FnMut(&mut dyn Ledger)) {
        if let Role::Worker(worker) = &mut self.0 {
            worker.actor.each_part(each);
        }
    }

    fn leave(&mut self, ctx: &mut Context) {
        if let Role::Worker(worker) = &mut self.0 {
            worker.actor.leave(ctx);
        }
    }
}

impl Context {
    /// In a worker of a troupe: its job goes on after this turn, until [`Context::work_done`]. Elsewhere it means nothing.
    pub const fn work_in_progress(&mut self) {
        self.is_working = true;
    }

    /// In a worker of a troupe: the job that is in progress is done when this turn ends.
    pub const fn work_done(&mut self) {
        self.is_working = false;
    }
}

#[cfg(test)]
mod tests;
