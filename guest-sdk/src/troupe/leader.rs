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

use crate::actor::{Came, Incoming};
use crate::address::Address;
use crate::bindings::thespian::actor::types::{Event, MessageResult};
use crate::context::{Context, WakeupId};
use crate::create::{Create, OnTrap};
use crate::event::{ChildActorExited, ChildActorRestarted, PoisonMessage};
use crate::failure::{Error, Result};
use crate::message::{Encoding, Message, RawMessage};
use crate::reply::{self, PoisonNotice, REQUEST_HEADER, ReplyTo};

use super::worker::NO_INIT;
use super::{
    AskTroupeStatus, JOB, JOB_REQUEST, JOB_SENDER, Report, RollCall, Stage, TroupeSettings, TroupeStatus,
    UpdateTroupeSettings, WORKER,
};

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

enum State {
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
    state: State,
    has_started: bool,
    incarnation: u32,
}

pub(super) struct Leader {
    settings: TroupeSettings,
    /// Whether a trap may end a worker.
    is_mortal: bool,
    /// What each worker is created with.
    init: RawMessage,
    workers: Vec<Trouper>,
    queue: VecDeque<Job>,
    queue_bytes: usize,
    /// Whether a wakeup will come to try and create a worker.
    waits_for_room: bool,
    next: u64,
    done: u64,
    failed: u64,
}

impl Leader {
    pub(super) fn new(settings: TroupeSettings, on_trap: OnTrap, ctx: &Context) -> Self {
        let mut init = ctx.init.message.clone().unwrap_or_else(|| signal(NO_INIT, String::new()));
        init.headers.push((WORKER.to_string(), String::new()));
        Self {
            settings,
            is_mortal: on_trap != OnTrap::Restart,
            init,
            workers: Vec::new(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            waits_for_room: false,
            next: 1,
            done: 0,
            failed: 0,
        }
    }

    pub(super) fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result {
        match incoming.0 {
            Came::Message(message) => self.message(message, ctx),
            Came::Event(Event::ChildExited(exit)) => self.exited(&exit.into(), ctx),
            Came::Event(Event::ChildRestarted(restart)) => self.restarted(&restart.into(), ctx),
            Came::Event(Event::Poisoned(poisoned)) => self.came_back(poisoned.into(), ctx),
            Came::Event(Event::ExitRequested(request)) => self.exit(request.recursive, ctx),
            Came::Signal(signal) if signal.type_name == SURPLUS => self.surplus_is_over(&signal, ctx),
            Came::Signal(signal) if signal.type_name == NO_ROOM => {
                self.waits_for_room = false;
                self.hand_out(ctx)
            }
            _ => Ok(()),
        }
    }

    fn message(&mut self, message: MessageResult, ctx: &mut Context) -> Result {
        let message = RawMessage::from_wit(message);
        if let Some(report) = message.decoded::<Report>() {
            return self.report(report?, ctx);
        }
        if let Some(update) = message.decoded::<UpdateTroupeSettings>() {
            self.update(&update.map_err(|error| Error::poison(error.reason()))?, ctx)?;
            return ctx.reply(&self.settings);
        }
        if message.type_name == AskTroupeStatus::TYPE_NAME {
            return ctx.reply(&self.status());
        }
        self.job(message, ctx)
    }

    /// A message for the class.
    fn job(&mut self, mut message: RawMessage, ctx: &mut Context) -> Result {
        reply::take_header(&mut message.headers, REQUEST_HEADER);
        let job = Job { from: ctx.reply_to(), message, lost: 0 };
        let free = if self.queue.is_empty() { self.free_worker(ctx)? } else { None };
        if let Some(place) = free {
            return self.hand(place, job, ctx);
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
            if let State::Doubtful(..) = worker.state
                && let State::Doubtful(job, details) = std::mem::replace(&mut worker.state, State::Idle)
            {
                self.give_up(&job, place, details, ctx)?;
                return self.free(place, ctx);
            }
            return Ok(());
        }
        let State::Busy { number, in_progress, .. } = &mut worker.state else { return Ok(()) };
        if *number != report.job {
            return Ok(());
        }
        if report.stage == Stage::Working {
            *in_progress = true;
            // It may have lost its instance since.
            return if report.incarnation < worker.incarnation { self.lose(place, ctx) } else { Ok(()) };
        }
        self.done += 1;
        self.free(place, ctx)
    }

    /// A worker has no job any more: the next one, or leisure, or its end.
    fn free(&mut self, place: usize, ctx: &mut Context) -> Result {
        self.workers[place].state = State::Idle;
        if self.lasting() > self.settings.max_count as usize {
            return self.dismiss(place, ctx);
        }
        self.hand_out(ctx)?;
        self.find_surplus(ctx)
    }

    /// As many jobs as there are workers for.
    fn hand_out(&mut self, ctx: &mut Context) -> Result {
        while !self.queue.is_empty() {
            let Some(place) = self.free_worker(ctx)? else { break };
            let Some(job) = self.queue.pop_front() else { break };
            self.queue_bytes -= job.message.payload.len();
            self.hand(place, job, ctx)?;
        }
        Ok(())
    }

    /// A worker that has nothing to do: the one that has been idle longest, one that was about to end, or a new one.
    fn free_worker(&mut self, ctx: &mut Context) -> Result<Option<usize>> {
        let idle = |worker: &Trouper| matches!(worker.state, State::Idle);
        if let Some(place) = self.workers.iter().position(idle) {
            return Ok(Some(place));
        }
        let surplus = |worker: &Trouper| matches!(worker.state, State::Surplus(..));
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
                    state: State::Idle,
                    has_started: false,
                    incarnation: 1,
                });
                Ok(Some(self.workers.len() - 1))
            }
            Err(error) if error.is_exhausted() => {
                // Others will get to it, if there are any.
                if self.workers.is_empty() && !self.waits_for_room {
                    ctx.wakeup_after_raw(NO_ROOM_FOR, signal(NO_ROOM, String::new()))?;
                    self.waits_for_room = true;
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn create(&self, ctx: &mut Context) -> Result<Address> {
        let mut worker = Create::class(ctx.class()).watch_restarts();
        worker.requirements.extend_from_slice(ctx.requirements());
        worker.init = Some(self.init.clone());
        worker.spawn(ctx)
    }

    /// Gives a job to a worker. One that can't be sent is given up, which is no failure of this turn: a worker that it
    /// created stays.
    fn hand(&mut self, place: usize, job: Job, ctx: &mut Context) -> Result {
        let number = self.next;
        let mut message = job.message.clone();
        message.headers.push((JOB.to_string(), number.to_string()));
        message.headers.push((JOB_SENDER.to_string(), job.from.address.to_string()));
        if let Some(request) = &job.from.request {
            message.headers.push((JOB_REQUEST.to_string(), request.to_string()));
        }
        if let Err(error) = ctx.send_raw(&self.workers[place].address, &message) {
            return self.give_up(&job, place, error.reason().to_string(), ctx);
        }
        self.next += 1;
        let mut worker = self.workers.remove(place);
        if let State::Surplus(_, wakeup) = worker.state {
            ctx.cancel_wakeup(wakeup);
        }
        worker.state = State::Busy { number, job, in_progress: false };
        // Behind those that have been idle for longer.
        self.workers.push(worker);
        Ok(())
    }

    fn came_back(&mut self, poison: PoisonMessage, ctx: &mut Context) -> Result {
        let number =
            reply::header(&poison.original.headers, JOB).and_then(|number| number.parse::<u64>().ok());
        let (Some(place), Some(came)) = (self.place(&poison.target), number) else { return Ok(()) };
        let is_its = |state: &State| matches!(state, State::Busy { number, .. } if *number == came);
        let worker = &mut self.workers[place];
        if !is_its(&worker.state) {
            return Ok(());
        }
        if !worker.has_started {
            // It never will: its end comes next, and then another gets the job.
            return Ok(());
        }
        let State::Busy { job, .. } = std::mem::replace(&mut worker.state, State::Idle) else {
            return Ok(());
        };
        if self.is_mortal {
            ctx.send(&worker.address, &RollCall)?;
            worker.state = State::Doubtful(job, poison.details);
            return Ok(());
        }
        self.give_up(&job, place, poison.details, ctx)?;
        self.free(place, ctx)
    }

    fn exited(&mut self, exit: &ChildActorExited, ctx: &mut Context) -> Result {
        let Some(place) = self.place(&exit.address) else { return Ok(()) };
        let worker = self.workers.remove(place);
        match worker.state {
            State::Busy { job, .. } | State::Doubtful(job, _) => {
                self.again(job, &exit.address, &exit.reason.to_string(), ctx)?;
            }
            State::Surplus(_, wakeup) => ctx.cancel_wakeup(wakeup),
            State::Idle | State::Ending => {}
        }
        self.hand_out(ctx)
    }

    /// The host gives a fresh instance its message again, but not what was in progress.
    fn restarted(&mut self, restart: &ChildActorRestarted, ctx: &mut Context) -> Result {
        let Some(place) = self.place(&restart.address) else { return Ok(()) };
        self.workers[place].incarnation = restart.incarnation;
        match self.workers[place].state {
            State::Busy { in_progress: true, .. } => self.lose(place, ctx),
            _ => Ok(()),
        }
    }

    /// A worker lives, but not what it was doing.
    fn lose(&mut self, place: usize, ctx: &mut Context) -> Result {
        let worker = &mut self.workers[place];
        let State::Busy { job, .. } = std::mem::replace(&mut worker.state, State::Idle) else {
            return Ok(());
        };
        let address = worker.address.clone();
        self.again(job, &address, "it trapped", ctx)?;
        self.free(place, ctx)
    }

    /// A worker is lost with its job: the first in the queue, unless it was lost too often.
    fn again(&mut self, mut job: Job, worker: &Address, reason: &str, ctx: &mut Context) -> Result {
        job.lost += 1;
        if job.lost < ATTEMPTS_MAX {
            self.queue_bytes += job.message.payload.len();
            self.queue.push_front(job);
            return Ok(());
        }
        self.failed += 1;
        let details = format!("{} workers were lost with it; the last time: {reason}", job.lost);
        notify(&job, worker, details, ctx)
    }

    fn give_up(&mut self, job: &Job, place: usize, details: String, ctx: &mut Context) -> Result {
        self.failed += 1;
        notify(job, &self.workers[place].address, details, ctx)
    }

    /// Marks idle workers that are more than are kept.
    fn find_surplus(&mut self, ctx: &mut Context) -> Result {
        let kept = self.settings.idle_count as usize;
        let idle = |worker: &&mut Trouper| matches!(worker.state, State::Idle);
        for worker in self.workers.iter_mut().filter(idle).skip(kept) {
            let number = self.next;
            self.next += 1;
            let wakeup = ctx.wakeup_after_raw(SURPLUS_FOR, signal(SURPLUS, number.to_string()))?;
            worker.state = State::Surplus(number, wakeup);
        }
        Ok(())
    }

    fn surplus_is_over(&mut self, signal: &MessageResult, ctx: &mut Context) -> Result {
        let number = std::str::from_utf8(&signal.payload).ok().and_then(|text| text.parse::<u64>().ok());
        let is_meant =
            |worker: &Trouper| matches!(worker.state, State::Surplus(own, _) if Some(own) == number);
        match self.workers.iter().position(is_meant) {
            Some(place) => {
                // Its wakeup is here: there is none to take back.
                self.workers[place].state = State::Idle;
                self.dismiss(place, ctx)
            }
            None => Ok(()),
        }
    }

    fn dismiss(&mut self, place: usize, ctx: &mut Context) -> Result {
        let worker = &mut self.workers[place];
        if let State::Surplus(_, wakeup) = worker.state {
            ctx.cancel_wakeup(wakeup);
        }
        worker.state = State::Ending;
        ctx.request_exit(&worker.address, true)
    }

    fn update(&mut self, update: &UpdateTroupeSettings, ctx: &mut Context) -> Result {
        if update.max_count == Some(0) || update.idle_count == Some(0) {
            return Err(Error::poison("a troupe has at least one worker, and keeps at least one"));
        }
        self.settings.max_count = update.max_count.unwrap_or(self.settings.max_count);
        self.settings.idle_count = update.idle_count.unwrap_or(self.settings.idle_count);
        let without_job = |worker: &Trouper| matches!(worker.state, State::Idle | State::Surplus(..));
        while self.lasting() > self.settings.max_count as usize
            && let Some(place) = self.workers.iter().position(without_job)
        {
            self.dismiss(place, ctx)?;
        }
        self.hand_out(ctx)?;
        self.find_surplus(ctx)
    }

    /// The workers end with their leader, whatever was said of its children; whoever waits is told.
    fn exit(&mut self, recursive: bool, ctx: &mut Context) -> Result {
        if !recursive {
            for worker in &self.workers {
                ctx.request_exit(&worker.address, true)?;
            }
        }
        let me = ctx.me().clone();
        let waiting = std::mem::take(&mut self.queue);
        waiting.iter().try_for_each(|job| notify(job, &me, "the troupe exits".to_string(), ctx))
    }

    fn status(&self) -> TroupeStatus {
        let busy = |worker: &&Trouper| matches!(worker.state, State::Busy { .. } | State::Doubtful(..));
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
        self.workers.iter().filter(|worker| !matches!(worker.state, State::Ending)).count()
    }
}

fn notify(job: &Job, target: &Address, details: String, ctx: &mut Context) -> Result {
    let type_name = job.message.type_name.clone();
    ctx.answer(&job.from, &PoisonNotice { target: target.clone(), details, type_name })
}

/// What the leader is told by its own wakeup, or a worker by its leader.
fn signal(type_name: &str, text: String) -> RawMessage {
    let (type_name, payload) = (type_name.to_string(), text.into_bytes());
    RawMessage { type_name, encoding: Encoding::Text, payload, headers: Vec::new() }
}
