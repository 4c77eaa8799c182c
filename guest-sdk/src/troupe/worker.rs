//! A worker: the class itself, with the jobs of its leader turned back into what their senders sent.

use crate::actor::{Actor, Came, Incoming};
use crate::address::Address;
use crate::context::Context;
use crate::failure::{Error, Result};
use crate::message::Message;
use crate::reply::take_header;

use super::{JOB, JOB_REQUEST, JOB_SENDER, Report, RollCall, Stage, WORKER};

/// What a worker is created with where its leader had nothing.
pub(super) const NO_INIT: &str = "thespian/no-init";

pub(super) struct Worker<A> {
    leader: Address,
    actor: A,
    /// The job in progress.
    job: Option<u64>,
}

/// Whether the actor that starts is a worker.
pub(super) fn is_one(ctx: &Context) -> bool {
    let headers = ctx.init.message.as_ref().map(|message| &message.headers);
    headers.is_some_and(|headers| headers.iter().any(|(name, _)| name == WORKER))
}

impl<A: Actor> Worker<A> {
    /// Starts the class as if its leader's creator had created it.
    pub(super) fn start(ctx: &mut Context) -> Result<Self> {
        let leader =
            ctx.parent().cloned().ok_or_else(|| Error::poison("a worker of a troupe has a leader"))?;
        if let Some(init) = &mut ctx.init.message {
            take_header(&mut init.headers, WORKER);
        }
        ctx.init.message.take_if(|init| init.type_name == NO_INIT);
        let actor = A::start(ctx)?;
        let worker = Self { leader, actor, job: None };
        worker.report(0, Stage::Ready, ctx)?;
        Ok(worker)
    }

    pub(super) fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result {
        let was_working = ctx.is_working;
        let (job, incoming) = match incoming.0 {
            Came::Message(message)
                if ctx.sender == self.leader && message.type_name == RollCall::TYPE_NAME =>
            {
                return self.report(0, Stage::Ready, ctx);
            }
            Came::Message(mut message) if ctx.sender == self.leader => {
                let job = unwrapped(&mut message.headers, ctx);
                (job, Incoming(Came::Message(message)))
            }
            came => (None, Incoming(came)),
        };
        let mut outcome = self.actor.receive(incoming, ctx);
        if outcome.is_ok() {
            outcome = self.settle(job, ctx);
        }
        if outcome.is_err() {
            ctx.is_working = was_working;
        }
        outcome
    }

    /// Tells the leader what it must know of a turn that succeeded.
    fn settle(&mut self, new: Option<u64>, ctx: &mut Context) -> Result {
        match (new.or(self.job), ctx.is_working) {
            (Some(job), false) => {
                self.report(job, Stage::Done, ctx)?;
                self.job = None;
            }
            (Some(job), true) if new.is_some() => {
                self.report(job, Stage::Working, ctx)?;
                self.job = Some(job);
            }
            (None, true) => ctx.is_working = false,
            _ => {}
        }
        Ok(())
    }

    fn report(&self, job: u64, stage: Stage, ctx: &mut Context) -> Result {
        let incarnation = ctx.incarnation();
        ctx.send(&self.leader, &Report { job, stage, incarnation })
    }
}

/// Makes of a job the message that its sender sent; says which job it is.
fn unwrapped(headers: &mut Option<Vec<(String, String)>>, ctx: &mut Context) -> Option<u64> {
    let list = headers.as_mut()?;
    let job = take_header(list, JOB)?.parse().ok()?;
    if let Some(sender) = take_header(list, JOB_SENDER) {
        ctx.sender = sender.into();
    }
    ctx.request = take_header(list, JOB_REQUEST).map(String::into_boxed_str);
    headers.take_if(|list| list.is_empty());
    Some(job)
}
