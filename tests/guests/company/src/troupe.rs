//! Troupes.

use std::time::Duration;

use thespian::ReplyTo;
use thespian::prelude::*;

/// Work for a member of a crew.
#[message]
#[derive(Clone)]
pub struct Job {
    /// Which.
    pub number: u64,
    /// How long it takes, in ms.
    pub ms: u64,
    /// What becomes of it in the end.
    pub end: End,
}

/// How a job ends.
#[message]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is done.
    Done,
    /// It fails.
    Fails,
    /// It traps.
    Traps,
}

/// A job is done.
#[message]
pub struct JobDone {
    /// Which.
    pub number: u64,
    /// By whom.
    pub worker: Address,
}

/// Does a job in one turn, or, where it takes time, in two.
#[derive(Default)]
pub struct Crew {
    asker: Option<ReplyTo>,
}

#[actor(troupe(max_count = 10, idle_count = 2))]
impl Crew {
    #[receive]
    fn job(&mut self, job: Job, ctx: &mut Context) -> Result<Option<JobDone>> {
        if job.ms == 0 {
            return done(&job, ctx).map(Some);
        }
        self.asker = Some(ctx.reply_to());
        ctx.work_in_progress();
        ctx.wakeup_after_with(Duration::from_millis(job.ms), &job)?;
        Ok(None)
    }

    #[receive]
    fn wakeup(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
        let job: Job = wakeup.payload().ok_or_else(|| Error::poison("a wakeup without its job"))??;
        // A worker that was lost in between does not know its asker any more.
        let Some(asker) = self.asker.take() else { return Ok(()) };
        ctx.work_done();
        let done = done(&job, ctx)?;
        ctx.answer(&asker, &done)
    }
}

fn done(job: &Job, ctx: &Context) -> Result<JobDone> {
    match job.end {
        End::Done => Ok(JobDone { number: job.number, worker: ctx.me().clone() }),
        End::Fails => Err(Error::poison(format!("job {} can't be done", job.number))),
        End::Traps => panic!("job {} is too much", job.number),
    }
}

/// Whose members end when they trap.
#[derive(Default)]
pub struct MortalCrew;

#[actor(on_trap = "exit", troupe)]
impl MortalCrew {
    #[receive]
    fn job(&mut self, job: Job, ctx: &mut Context) -> Result<JobDone> {
        done(&job, ctx)
    }
}
