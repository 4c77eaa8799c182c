//! A leader: who has which job, who waits, who is created and who ends.
//!
//! ```text
//!            ┌── a job ──► Busy ── fails ──► Doubtful (only where a class ends at a trap)
//! created ───┘              │ ▲                 │ lives: the job failed    gone: another gets the job
//!                      done │ │ a job           ▼
//!                           ▼ │
//!              Idle ──► Surplus ── 2 s ──► Ending ──► gone
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::address::Address;
use crate::bindings::thespian::actor::types::{Event, MessageResult};
use crate::class::OnTrap;
use crate::context::Context;
use crate::create::Create;
use crate::event::{ChildActorExited, ChildActorRestarted, ExitReason, PoisonMessage, WakeupId};
use crate::failure::{Error, Result};
use crate::incoming::{Came, Incoming};
use crate::message::{Message, RawMessage};
use crate::reply::{self, REQUEST_HEADER, ReplyTo};

use super::job::{EXITS, JOB, JOB_REQUEST, JOB_SENDER, LastCall, NO_INIT, Report, RollCall, Stage, WORKER};
use super::settings::{AskTroupeStatus, TroupeSettings, TroupeStatus, UpdateTroupeSettings};

/// Jobs that may wait: a burst of as many as one turn can send.
const QUEUE_LEN_MAX: usize = 10_000;
/// Bytes of the payloads that may wait: a quarter of the memory that a host lets an actor have.
const QUEUE_BYTES_MAX: usize = 16 << 20;
/// Workers that may end with a job before it is given up: the first may have had bad luck, the second too.
const ATTEMPTS_MAX: u32 = 3;
/// How long a worker that is not needed is kept for the next burst.
const SURPLUS_FOR: Duration = Duration::from_secs(2);
/// How long to wait when there is no room for even one worker.
const NO_ROOM_FOR: Duration = Duration::from_millis(200);

/// The type name of the wakeup after which a surplus worker ends.
const SURPLUS: &str = "thespian/troupe-surplus";
/// The type name of the wakeup after which a worker is created that could not be.
const NO_ROOM: &str = "thespian/troupe-no-room";

struct Job {
    from: ReplyTo,
    message: RawMessage,
    /// Workers that ended with it.
    lost: u32,
}

enum WorkerState {
    Idle,
    /// Ends unless there is a job first. The number tells a wakeup that comes all the same.
    Surplus(u64, WakeupId),
    Busy {
        number: u64,
        job: Job,
        in_progress: bool,
    },
    /// Its job came back, for this reason. Perhaps it is gone.
    Doubtful(Job, String),
    Ending,
}

struct Trouper {
    address: Address,
    state: WorkerState,
    has_started: bool,
    incarnation: u32,
}

pub(super) struct Leader {
    settings: TroupeSettings,
    /// Whether a trap may end a worker.
    is_mortal: bool,
    /// The start message of each worker.
    init: RawMessage,
    workers: Vec<Trouper>,
    queue: VecDeque<Job>,
    queue_bytes: usize,
    /// Whether a wakeup will come to try and hand out what waits.
    waits_for_room: bool,
    /// Jobs that came to nothing, and why, of which askers are to hear: more than the last turn could tell.
    untold: VecDeque<(Job, String)>,
    next: u64,
    done: u64,
    failed: u64,
}

impl Leader {
    pub(super) fn new(settings: TroupeSettings, on_trap: OnTrap, ctx: &Context) -> Self {
        let mut init = ctx.init.message.clone().unwrap_or_else(|| RawMessage::signal(NO_INIT, ""));
        init.headers.push((WORKER.to_string(), String::new()));
        Self {
            settings,
            is_mortal: on_trap != OnTrap::Restart,
            init,
            workers: Vec::new(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            waits_for_room: false,
            untold: VecDeque::new(),
            next: 1,
            done: 0,
            failed: 0,
        }
    }

    /// A turn that has begun to hand out and to tell must not fail: what it asked for would be dropped, and not be done
    /// again. So whatever the host refuses on the way is done in a later turn.
    pub(super) fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result {
        match incoming.0 {
            Came::Message(message) => self.message(message, ctx)?,
            Came::Event(Event::ChildExited(exit)) if ctx.is_exiting() => self.ended(&exit.into(), ctx),
            Came::Event(Event::ChildExited(exit)) => self.exited(&exit.into(), ctx),
            Came::Event(Event::ChildRestarted(restart)) => self.restarted(&restart.into(), ctx),
            Came::Event(Event::Poisoned(poisoned)) => self.came_back(poisoned.into(), ctx),
            Came::Event(Event::ExitRequested(request)) => self.exit(request.recursive, ctx),
            Came::Signal(signal) if signal.type_name == SURPLUS => self.surplus_is_over(&signal, ctx),
            Came::Signal(signal) if signal.type_name == NO_ROOM => {
                self.waits_for_room = false;
                self.hand_out(ctx);
            }
            _ => {}
        }
        self.tell_untold(ctx);
        Ok(())
    }

    fn message(&mut self, message: MessageResult, ctx: &mut Context) -> Result {
        let message = RawMessage::from_wit(message);
        if let Some(report) = message.decoded::<Report>() {
            return self.report(report?, ctx);
        }
        if let Some(update) = message.decoded::<UpdateTroupeSettings>() {
            return self.update(&update.map_err(|error| Error::poison(error.reason()))?, ctx);
        }
        if message.type_name == AskTroupeStatus::TYPE_NAME {
            return ctx.reply(&self.status());
        }
        self.job(message, ctx)
    }

    /// A message for the class.
    fn job(&mut self, mut message: RawMessage, ctx: &mut Context) -> Result {
        reply::take_header(&mut message.headers, REQUEST_HEADER);
        let job = Job { from: ctx.reply_to().about(&message.type_name), message, lost: 0 };
        let free = if self.queue.is_empty() { self.free_worker(ctx)? } else { None };
        if let Some(place) = free {
            self.hand(place, job, ctx);
            return Ok(());
        }
        let bytes = self.queue_bytes + job.message.payload.len();
        if self.queue.len() >= QUEUE_LEN_MAX || bytes > QUEUE_BYTES_MAX {
            return Err(Error::poison(format!(
                "all {} workers are busy, and {} jobs of {} bytes wait already",
                self.workers.len(),
                self.queue.len(),
                self.queue_bytes
            )));
        }
        self.queue_bytes = bytes;
        self.queue.push_back(job);
        Ok(())
    }

    fn report(&mut self, report: Report, ctx: &mut Context) -> Result {
        let Some(place) = self.place(ctx.sender()) else {
            // Its leader was lost with its instance, and this one does not know it.
            let stray = ctx.sender().clone();
            return ctx.request_exit(&stray, true);
        };
        let worker = &mut self.workers[place];
        worker.has_started = true;
        if report.stage == Stage::Ready {
            if let WorkerState::Doubtful(..) = worker.state
                && let WorkerState::Doubtful(job, details) =
                    std::mem::replace(&mut worker.state, WorkerState::Idle)
            {
                self.give_up(job, details, ctx);
                self.free(place, ctx);
            }
            return Ok(());
        }
        let WorkerState::Busy { number, in_progress, .. } = &mut worker.state else { return Ok(()) };
        if *number != report.job {
            return Ok(());
        }
        if report.stage == Stage::Working {
            *in_progress = true;
            // It may have lost its instance since.
            if report.incarnation < worker.incarnation {
                self.lose(place, ctx);
            }
            return Ok(());
        }
        self.done += 1;
        self.free(place, ctx);
        Ok(())
    }

    /// A worker has no job any more: the next one, or leisure, or its end.
    fn free(&mut self, place: usize, ctx: &mut Context) {
        self.workers[place].state = WorkerState::Idle;
        if self.lasting() > self.settings.max_count as usize {
            return self.dismiss(place, ctx);
        }
        self.hand_out(ctx);
        self.find_surplus(ctx);
    }

    /// As many jobs as there are workers for.
    fn hand_out(&mut self, ctx: &mut Context) {
        while !self.queue.is_empty() {
            let place = match self.free_worker(ctx) {
                Ok(Some(place)) => place,
                Ok(None) => break,
                Err(error) => {
                    crate::warn!(ctx, "jobs wait, and no worker can be created: {error}");
                    break;
                }
            };
            let Some(job) = self.queue.pop_front() else { break };
            self.queue_bytes -= job.message.payload.len();
            if !self.hand(place, job, ctx) {
                break;
            }
        }
    }

    /// A worker that has nothing to do: the one that has been idle longest, one that was about to end, or a new one.
    fn free_worker(&mut self, ctx: &mut Context) -> Result<Option<usize>> {
        let idle = |worker: &Trouper| matches!(worker.state, WorkerState::Idle);
        if let Some(place) = self.workers.iter().position(idle) {
            return Ok(Some(place));
        }
        let surplus = |worker: &Trouper| matches!(worker.state, WorkerState::Surplus(..));
        if let Some(place) = self.workers.iter().position(surplus) {
            return Ok(Some(place));
        }
        if self.workers.len() >= self.settings.max_count as usize {
            return Ok(None);
        }
        match self.create(ctx) {
            Ok(address) => {
                self.workers.push(Trouper {
                    address,
                    state: WorkerState::Idle,
                    has_started: false,
                    incarnation: 1,
                });
                Ok(Some(self.workers.len() - 1))
            }
            Err(error) if error.is_exhausted() => {
                // Others will get to it, if there are any.
                if self.workers.is_empty() {
                    self.wait_for_room(ctx)?;
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn wait_for_room(&mut self, ctx: &mut Context) -> Result {
        if !self.waits_for_room {
            ctx.wakeup_after_raw(NO_ROOM_FOR, RawMessage::signal(NO_ROOM, ""))?;
            self.waits_for_room = true;
        }
        Ok(())
    }

    fn create(&self, ctx: &mut Context) -> Result<Address> {
        let mut worker = Create::class(ctx.class()).watch_restarts();
        worker.requirements.extend_from_slice(ctx.requirements());
        worker.init = Some(self.init.clone());
        worker.create(ctx)
    }

    /// Gives a job to a worker; says whether the turn has room for another. One that can't be sent at all is given up.
    fn hand(&mut self, place: usize, job: Job, ctx: &mut Context) -> bool {
        let number = self.next;
        let mut message = job.message.clone();
        message.headers.push((JOB.to_string(), number.to_string()));
        message.headers.push((JOB_SENDER.to_string(), job.from.address.to_string()));
        if let Some(request) = &job.from.request {
            message.headers.push((JOB_REQUEST.to_string(), request.to_string()));
        }
        match ctx.send_raw(&self.workers[place].address, &message) {
            Ok(()) => {}
            Err(error) if error.is_exhausted() => {
                self.queue_bytes += job.message.payload.len();
                self.queue.push_front(job);
                if let Err(error) = self.wait_for_room(ctx) {
                    crate::warn!(ctx, "jobs wait for the next one: {error}");
                }
                return false;
            }
            Err(error) => {
                self.give_up(job, error.reason().to_string(), ctx);
                return true;
            }
        }
        self.next += 1;
        let mut worker = self.workers.remove(place);
        if let WorkerState::Surplus(_, wakeup) = worker.state {
            ctx.cancel_wakeup(wakeup);
        }
        worker.state = WorkerState::Busy { number, job, in_progress: false };
        // Behind those that have been idle for longer.
        self.workers.push(worker);
        true
    }

    fn came_back(&mut self, poison: PoisonMessage, ctx: &mut Context) {
        let number =
            reply::header(&poison.original.headers, JOB).and_then(|number| number.parse::<u64>().ok());
        let (Some(place), Some(came)) = (self.place(&poison.target), number) else { return };
        let worker = &mut self.workers[place];
        if !matches!(worker.state, WorkerState::Busy { number, .. } if number == came) {
            return;
        }
        if !worker.has_started {
            // It never will: its end comes next, and then another gets the job.
            return;
        }
        let WorkerState::Busy { job, .. } = std::mem::replace(&mut worker.state, WorkerState::Idle) else {
            return;
        };
        if self.is_mortal && ctx.send(&worker.address, &RollCall).is_ok() {
            worker.state = WorkerState::Doubtful(job, poison.details);
            return;
        }
        self.give_up(job, poison.details, ctx);
        self.free(place, ctx);
    }

    fn exited(&mut self, exit: &ChildActorExited, ctx: &mut Context) {
        let Some(place) = self.place(&exit.address) else { return };
        let worker = self.workers.remove(place);
        match worker.state {
            WorkerState::Busy { job, .. } | WorkerState::Doubtful(job, _) => {
                self.again(job, &exit.reason.to_string(), ctx);
            }
            WorkerState::Surplus(_, wakeup) => ctx.cancel_wakeup(wakeup),
            WorkerState::Idle | WorkerState::Ending => {}
        }
        self.hand_out(ctx);
    }

    /// The host gives a fresh instance its message again, but not what was in progress.
    fn restarted(&mut self, restart: &ChildActorRestarted, ctx: &mut Context) {
        let Some(place) = self.place(&restart.address) else { return };
        self.workers[place].incarnation = restart.incarnation;
        if let WorkerState::Busy { in_progress: true, .. } = self.workers[place].state {
            self.lose(place, ctx);
        }
    }

    /// A worker lives, but not what it was doing.
    fn lose(&mut self, place: usize, ctx: &mut Context) {
        let worker = &mut self.workers[place];
        let WorkerState::Busy { job, .. } = std::mem::replace(&mut worker.state, WorkerState::Idle) else {
            return;
        };
        self.again(job, "it trapped", ctx);
        self.free(place, ctx);
    }

    /// A worker is lost with its job: the first in the queue, unless it was lost too often.
    fn again(&mut self, mut job: Job, reason: &str, ctx: &mut Context) {
        job.lost += 1;
        if job.lost < ATTEMPTS_MAX {
            self.queue_bytes += job.message.payload.len();
            self.queue.push_front(job);
            return;
        }
        let details = format!("{} workers were lost with it; the last time: {reason}", job.lost);
        self.give_up(job, details, ctx);
    }

    fn give_up(&mut self, job: Job, details: String, ctx: &mut Context) {
        self.failed += 1;
        self.tell(job, details, ctx);
    }

    /// Gives a job that came to nothing back to whoever sent it; in a later turn, if no more fits into this one. Where nobody
    /// can hear, nobody does.
    fn tell(&mut self, job: Job, details: String, ctx: &mut Context) {
        match ctx.refuse_kept(&job.from, job.message.clone(), &details) {
            Ok(()) => ctx.tells_of_exit |= ctx.is_exiting(),
            Err(error) if error.is_exhausted() => self.untold.push_back((job, details)),
            Err(error) => {
                crate::warn!(ctx, "{} can't be told that its job came to nothing: {error}", job.from.address);
            }
        }
    }

    fn tell_untold(&mut self, ctx: &mut Context) {
        for (job, details) in std::mem::take(&mut self.untold) {
            self.tell(job, details, ctx);
        }
    }

    /// Marks idle workers that are more than are kept.
    fn find_surplus(&mut self, ctx: &mut Context) {
        let kept = self.settings.idle_count as usize;
        let idle = |worker: &&mut Trouper| matches!(worker.state, WorkerState::Idle);
        for worker in self.workers.iter_mut().filter(idle).skip(kept) {
            // Without a wakeup it stays, and is looked at again when another is free.
            let Ok(wakeup) =
                ctx.wakeup_after_raw(SURPLUS_FOR, RawMessage::signal(SURPLUS, self.next.to_string()))
            else {
                break;
            };
            worker.state = WorkerState::Surplus(self.next, wakeup);
            self.next += 1;
        }
    }

    fn surplus_is_over(&mut self, signal: &MessageResult, ctx: &mut Context) {
        let number = std::str::from_utf8(&signal.payload).ok().and_then(|text| text.parse::<u64>().ok());
        let is_meant =
            |worker: &Trouper| matches!(worker.state, WorkerState::Surplus(own, _) if Some(own) == number);
        if let Some(place) = self.workers.iter().position(is_meant) {
            // Its wakeup is here: there is none to take back.
            self.workers[place].state = WorkerState::Idle;
            self.dismiss(place, ctx);
        }
    }

    fn dismiss(&mut self, place: usize, ctx: &mut Context) {
        let worker = &mut self.workers[place];
        if let WorkerState::Surplus(_, wakeup) = worker.state {
            ctx.cancel_wakeup(wakeup);
        }
        let is_asked = ctx.request_exit(&worker.address, true).is_ok();
        worker.state = if is_asked { WorkerState::Ending } else { WorkerState::Idle };
    }

    fn update(&mut self, update: &UpdateTroupeSettings, ctx: &mut Context) -> Result {
        if update.max_count == Some(0) || update.idle_count == Some(0) {
            return Err(Error::poison("a troupe has at least one worker, and keeps at least one"));
        }
        self.settings.max_count = update.max_count.unwrap_or(self.settings.max_count);
        self.settings.idle_count = update.idle_count.unwrap_or(self.settings.idle_count);
        ctx.reply(&self.settings)?;
        let surplus = self.lasting().saturating_sub(self.settings.max_count as usize);
        let without_job =
            |worker: &Trouper| matches!(worker.state, WorkerState::Idle | WorkerState::Surplus(..));
        for _ in 0..surplus {
            let Some(place) = self.workers.iter().position(without_job) else { break };
            self.dismiss(place, ctx);
        }
        self.hand_out(ctx);
        self.find_surplus(ctx);
        Ok(())
    }

    /// The troupe exits, and its workers with it, whatever was said of children. Each asker is told once, by whoever knows
    /// what became of the job: of the one that a worker has, that worker; of every other, its leader.
    fn exit(&mut self, recursive: bool, ctx: &mut Context) {
        for place in 0..self.workers.len() {
            let worker = &mut self.workers[place];
            let called = match &worker.state {
                WorkerState::Busy { number, job, .. } => {
                    ctx.send(&worker.address, &LastCall { job: *number, from: job.from.clone() })
                }
                _ => Ok(()),
            };
            if !recursive && let Err(error) = ctx.request_exit(&worker.address, true) {
                crate::warn!(ctx, "{} is left behind: {error}", worker.address);
            }
            match std::mem::replace(&mut worker.state, WorkerState::Ending) {
                WorkerState::Doubtful(job, details) => self.untold.push_back((job, details)),
                WorkerState::Busy { job, .. } if called.is_err() => self.queue.push_front(job),
                state => worker.state = state,
            }
        }
        self.tell_waiting(ctx);
    }

    /// A worker is gone while the troupe exits. If that is not because it was asked to, it has told nobody of its job.
    fn ended(&mut self, exit: &ChildActorExited, ctx: &mut Context) {
        let Some(place) = self.place(&exit.address) else { return };
        let worker = self.workers.remove(place);
        if let WorkerState::Busy { job, in_progress, .. } = worker.state
            && !has_told(&exit.reason, in_progress, self.is_mortal)
        {
            let details = format!("{EXITS}, and whoever had the job ended: {}", exit.reason);
            self.tell(job, details, ctx);
        }
        self.tell_waiting(ctx);
    }

    /// Tells those who wait, as many as one turn can. The others hear in the turns that tell of the workers' ends.
    fn tell_waiting(&mut self, ctx: &mut Context) {
        self.tell_untold(ctx);
        while self.untold.is_empty()
            && let Some(job) = self.queue.pop_front()
        {
            self.tell(job, EXITS.to_string(), ctx);
        }
        let lost = self.untold.len() + self.queue.len();
        if lost > 0 && self.workers.is_empty() {
            crate::warn!(ctx, "{lost} jobs that wait are lost: no more refusals fit into one turn");
        }
    }

    fn status(&self) -> TroupeStatus {
        let busy =
            |worker: &&Trouper| matches!(worker.state, WorkerState::Busy { .. } | WorkerState::Doubtful(..));
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        TroupeStatus {
            settings: self.settings,
            workers: count(self.workers.len()),
            busy: count(self.workers.iter().filter(busy).count()),
            queued: count(self.queue.len()),
            done: self.done,
            failed: self.failed,
        }
    }

    fn place(&self, address: &Address) -> Option<usize> {
        self.workers.iter().position(|worker| worker.address == *address)
    }

    /// Workers that are not about to end.
    fn lasting(&self) -> usize {
        self.workers.iter().filter(|worker| !matches!(worker.state, WorkerState::Ending)).count()
    }
}

/// Whether a worker that ended so has answered its job, or told that it can't. Where a trap is not its end, a worker fails
/// only in its exit turn: behind its last call, but before the last word about what is in progress.
const fn has_told(reason: &ExitReason, in_progress: bool, is_mortal: bool) -> bool {
    match reason {
        ExitReason::Requested => true,
        ExitReason::Failed(_) => !in_progress && !is_mortal,
        _ => false,
    }
}
