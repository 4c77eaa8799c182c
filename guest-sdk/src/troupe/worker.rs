//! A worker: the class itself, with the jobs of its leader turned back into what their senders sent.

use crate::actor::Actor;
use crate::address::Address;
use crate::bindings::thespian::actor::types::Event;
use crate::context::{Context, Work};
use crate::failure::{Error, Result};
use crate::incoming::{Came, Incoming};
use crate::message::{Message, RawMessage};
use crate::reply::take_header;

use super::job::{EXITS, JOB, JOB_REQUEST, JOB_SENDER, LastCall, NO_INIT, Report, RollCall, Stage, WORKER};

pub(super) struct Worker<A> {
    leader: Address,
    pub(super) actor: A,
    /// The job in progress.
    job: Option<u64>,
    /// The last turn failed, and the job in progress with it unless a second attempt comes.
    is_failing: bool,
    /// The job that was done last.
    done: Option<u64>,
    /// The job that failed last, and why.
    failed: Option<(u64, String)>,
    /// The leader exits, and a job is in progress.
    last_call: Option<LastCall>,
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
        let worker =
            Self { leader, actor, job: None, is_failing: false, done: None, failed: None, last_call: None };
        worker.report(0, Stage::Ready, ctx)?;
        Ok(worker)
    }

    pub(super) fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result {
        self.begin(ctx);
        let (was_working, work) = (ctx.is_working, ctx.work.clone());
        let (job, incoming) = match incoming.0 {
            Came::Message(message)
                if ctx.sender == self.leader && message.type_name == RollCall::TYPE_NAME =>
            {
                return self.report(0, Stage::Ready, ctx);
            }
            Came::Message(message)
                if ctx.sender == self.leader && message.type_name == LastCall::TYPE_NAME =>
            {
                return self.last_call(RawMessage::from_wit(message), ctx);
            }
            Came::Message(mut message) if ctx.sender == self.leader => {
                let job = unwrapped(&mut message.headers, ctx);
                (job, Incoming(Came::Message(message)))
            }
            came => (None, Incoming(came)),
        };
        if let Some(job) = job {
            let leader = Some((self.leader.clone(), (JOB.to_string(), job.to_string())));
            ctx.work = Some(Work { from: ctx.reply_to(), is_answered: false, leader, is_at_stake: false });
        }
        let is_exit = matches!(incoming.0, Came::Event(Event::ExitRequested(_)));
        let mut outcome = self.actor.receive(incoming, ctx);
        if outcome.is_ok() {
            outcome = self.settle(job, ctx);
        }
        if is_exit {
            self.last_word(ctx);
        }
        if let Err(error) = &outcome {
            self.is_failing |= job.is_none() && ctx.work.as_ref().is_some_and(|work| work.is_at_stake);
            let failed = job.or(self.job.filter(|_| self.is_failing));
            ctx.is_working = was_working;
            ctx.work = work;
            self.failed = failed.map(|job| (job, error.reason().to_string())).or_else(|| self.failed.take());
        }
        self.is_failing &= outcome.is_err();
        outcome
    }

    /// A job that failed in the last turn is over, unless that comes again. Whoever gave it hears, by way of the leader.
    fn begin(&mut self, ctx: &mut Context) {
        if ctx.attempt() == 1 && std::mem::take(&mut self.is_failing) {
            self.job = None;
            ctx.is_working = false;
            ctx.work = None;
        }
        if let Some(work) = &mut ctx.work {
            work.is_at_stake = false;
        }
    }

    /// Tells the leader what it must know of a turn that succeeded.
    fn settle(&mut self, new: Option<u64>, ctx: &mut Context) -> Result {
        match (new.or(self.job), ctx.is_working) {
            (Some(job), false) => {
                self.report(job, Stage::Done, ctx)?;
                self.job = None;
                self.done = Some(job);
                ctx.work = None;
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
        if self.last_call.is_some() {
            // Nobody hears it.
            return Ok(());
        }
        let incarnation = ctx.incarnation();
        ctx.send(&self.leader, &Report { job, stage, incarnation })
    }

    /// The leader exits: whoever gave the last job has an answer, or will have one, or hears now.
    fn last_call(&mut self, message: RawMessage, ctx: &mut Context) -> Result {
        let Some(call) = message.decode::<LastCall>().transpose()? else { return Ok(()) };
        if self.done == Some(call.job) {
            return Ok(());
        }
        if self.job == Some(call.job) {
            if let Some(work) = &mut ctx.work {
                work.leader = None;
            }
            self.last_call = Some(call);
            return Ok(());
        }
        let reason = self.failed.take().filter(|(job, _)| *job == call.job).map(|(_, reason)| reason);
        ctx.refuse(&call.from, reason.as_deref().unwrap_or(EXITS))
    }

    /// The worker exits with its leader: what is in progress will never be done.
    fn last_word(&mut self, ctx: &mut Context) {
        let Some(call) = self.last_call.take().filter(|_| self.job.is_some()) else { return };
        if ctx.work.as_ref().is_some_and(|work| work.is_answered) {
            return;
        }
        match ctx.refuse(&call.from, EXITS) {
            Ok(()) => ctx.tells_of_exit = true,
            Err(error) => crate::warn!(ctx, "whoever waits for a job can't be told that it is lost: {error}"),
        }
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
