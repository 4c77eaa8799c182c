//! The rules of one actor: which envelope it handles next, and what follows from how that went.
//!
//! ```text
//!            started                exit request handled        children gone
//!  Starting ─────────► Running ─────────────────────► Exiting ───────────────┐
//!     │ start failed      │ killed, or a trap its class does not survive     ▼
//!     └───────────────────┴─────────────────────────────────────────────► Ending ── held sends gone ──► ended
//! ```
//!
//! The host owns the mailbox, the instance and the clock: it drains the one into [`Turn::accept`], calls the other
//! as [`Turn::next`] says, and reports to [`Turn::finish`].

mod held;
mod restarts;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::envelope::{ActorRestart, Body, Envelope, ExitReason, ExitRequest, Poisoned, Wakeup};
use crate::fate::{Failure, Fault, OnTrap};
use crate::limits::ERROR_TEXT_LEN_MAX;
use crate::outbox::{CreateChild, Outbox, Request, Wakeups};
use crate::time::Time;
use crate::wire::control::ActorPhase;
use held::Held;
use restarts::{Restart, Restarts};

/// What the host has to carry out for an actor, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum ActorEffect {
    /// Enter the child's address in the routing table, with a mailbox that waits for it.
    EnterPending(ActorAddress),
    /// Hand the create to `Admin`.
    Create(Box<CreateChild>),
    /// Put the envelope into its target's mailbox; what a full one refuses goes to [`Turn::hold`].
    Route(Envelope),
    /// Arrange for the wakeup to be put into this actor's mailbox at `due`.
    SetTimer {
        /// When.
        due: Time,
        /// What.
        wakeup: Box<Wakeup>,
    },
    /// The wakeup was taken back.
    CancelTimer(u64),
    /// The envelope can't be delivered or handled.
    DeadLetter(Envelope, String),
    /// The actor runs: tell `Admin`.
    Started,
    /// The exit turn is over: the mailbox takes notices only from here, and `Admin` ends the children.
    Exiting {
        /// Whether the children exit too.
        with_children: bool,
    },
    /// A fresh instance has taken the place of a trapped one.
    Restarted(ActorRestart),
    /// A turn failed for good; for the log.
    Failed(String),
    /// The actor takes nothing more: close its mailbox and give what was in it to [`Turn::refuse`].
    CloseMailbox,
}

/// What the host has to do next for an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Make an instance, call `start`, report to [`Turn::finish_start`].
    Start {
        /// Which instance it is.
        incarnation: u32,
    },
    /// Call `handle` with [`Turn::current`], report to [`Turn::finish`].
    Handle,
    /// Nothing to do until an envelope comes.
    Rest,
    /// Try [`Turn::retry_held`] when a receiver has room; at this time what is held expires.
    AwaitRoom(Time),
    /// Nothing to do until this time.
    Pause(Time),
    /// The actor is no more: tell `Admin`, once.
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    Exiting,
    Ending(ExitReason),
}

#[derive(Debug)]
struct Current {
    envelope: Envelope,
    attempt: u32,
    /// A message costs one restart however often it traps; otherwise one bad message would count double.
    restart_counted: bool,
}

/// What an actor was created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its address.
    pub me: ActorAddress,
    /// Its creator, if that is an actor.
    pub parent: Option<ActorAddress>,
    /// What becomes of it after a trap.
    pub on_trap: OnTrap,
    /// Whether its parent hears of restarts.
    pub watch_restarts: bool,
}

/// What an actor has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Turns that returned, with `ok` or not.
    pub turns: u64,
    /// Messages that it could not handle.
    pub poisoned: u64,
    /// Fresh instances after the first.
    pub restarts: u64,
}

/// The state of one actor between, before and after its turns.
#[derive(Debug)]
pub struct Turn {
    identity: Identity,
    phase: Phase,
    has_instance: bool,
    incarnation: u32,
    batch: VecDeque<Envelope>,
    current: Option<Current>,
    outbox: Option<Outbox>,
    held: Held,
    restarts: Restarts,
    last_fault: String,
    wakeups: Wakeups,
    pending: BTreeMap<u64, usize>,
    /// Those that live, and those whose end it has not heard of.
    children: usize,
    counters: Counters,
}

impl Turn {
    /// An actor that has yet to start.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            phase: Phase::Starting,
            has_instance: false,
            incarnation: 0,
            batch: VecDeque::new(),
            current: None,
            outbox: None,
            held: Held::default(),
            restarts: Restarts::default(),
            last_fault: String::new(),
            wakeups: Wakeups::default(),
            pending: BTreeMap::new(),
            children: 0,
            counters: Counters::default(),
        }
    }

    /// Where the host puts what it drains from the mailbox.
    pub const fn accept(&mut self) -> &mut VecDeque<Envelope> {
        &mut self.batch
    }

    /// What is to be done. `Handle` stands until it is reported.
    pub fn next(&mut self, now: Time, effects: &mut Vec<ActorEffect>) -> Next {
        if let Some(due) = self.held.due() {
            if now < due {
                return Next::AwaitRoom(due);
            }
            for envelope in self.held.take_all() {
                effects.push(ActorEffect::DeadLetter(
                    envelope,
                    "the receiver's mailbox stayed full".to_string(),
                ));
            }
        }
        if matches!(self.phase, Phase::Ending(_)) {
            return Next::Ended;
        }
        if let Some(until) = self.restarts.paused_until(now) {
            return Next::Pause(until);
        }
        if !self.has_instance && self.phase != Phase::Exiting {
            return Next::Start { incarnation: self.incarnation + 1 };
        }
        if self.current.is_some() {
            return Next::Handle;
        }
        while let Some(envelope) = self.batch.pop_front() {
            if self.select(envelope, effects) {
                return Next::Handle;
            }
            if matches!(self.phase, Phase::Ending(_)) {
                return Next::Ended;
            }
        }
        Next::Rest
    }

    /// Makes the envelope the current one, if there is a handler call to make for it.
    fn select(&mut self, envelope: Envelope, effects: &mut Vec<ActorEffect>) -> bool {
        match &envelope.body {
            Body::ChildrenGone => {
                self.end(ExitReason::Requested, effects);
                return false;
            }
            Body::Wakeup(wakeup) => {
                let Some(cost) = self.pending.remove(&wakeup.id) else { return false };
                self.wakeups.len -= 1;
                self.wakeups.bytes -= cost;
            }
            Body::ChildExited(_) => self.children = self.children.saturating_sub(1),
            _ => {}
        }
        if self.phase == Phase::Exiting {
            match &envelope.body {
                Body::ChildExited(_) if self.has_instance => {}
                Body::Message(_) | Body::Poisoned(_) => {
                    effects.push(ActorEffect::DeadLetter(envelope, "the actor is exiting".to_string()));
                    return false;
                }
                _ => return false,
            }
        }
        self.current = Some(Current { envelope, attempt: 1, restart_counted: false });
        true
    }

    /// The envelope that is to be handled, and the attempt: 1, or 2 after a failure.
    #[must_use]
    pub fn current(&self) -> Option<(&Envelope, u32)> {
        self.current.as_ref().map(|current| (&current.envelope, current.attempt))
    }

    /// An empty outbox for the call that is to be made.
    pub fn outbox(&mut self) -> Outbox {
        let exit_turn = self
            .current
            .as_ref()
            .is_some_and(|current| matches!(current.envelope.body, Body::ExitRequest(_)));
        let mut outbox = self.outbox.take().unwrap_or_default();
        outbox.reset(self.wakeups, self.children, exit_turn);
        outbox
    }

    /// How `start` went. On `Ok`, what it asked for is committed.
    pub fn finish_start(
        &mut self,
        now: Time,
        result: Result<Outbox, Failure>,
        effects: &mut Vec<ActorEffect>,
    ) {
        let first = self.phase == Phase::Starting;
        match result {
            Ok(outbox) => {
                self.has_instance = true;
                self.incarnation += 1;
                if first {
                    self.phase = Phase::Running;
                    effects.push(ActorEffect::Started);
                } else {
                    self.counters.restarts += 1;
                    effects.push(ActorEffect::Restarted(self.restart_notice()));
                    if let (true, Some(parent)) = (self.identity.watch_restarts, self.identity.parent) {
                        let body = Body::ChildRestarted(Box::new(self.restart_notice()));
                        effects.push(self.envelope(parent, body));
                    }
                }
                self.commit(now, outbox, effects);
            }
            Err(Failure::Fault(Fault::Killed)) => {
                self.end(ExitReason::Killed("while it started".into()), effects)
            }
            Err(failure) if first => self.end(ExitReason::NeverStarted(cut(failure.to_string())), effects),
            Err(failure) => {
                let text = cut(format!("start after a restart failed: {failure}"));
                effects.push(ActorEffect::Failed(text.clone()));
                self.last_fault = text;
                if self.identity.on_trap == OnTrap::RestartWithinBudget && self.restarts.is_spent(now) {
                    self.end(ExitReason::Failed(self.last_fault.clone()), effects);
                } else {
                    self.restarts.pause(now);
                }
            }
        }
    }

    fn restart_notice(&self) -> ActorRestart {
        ActorRestart {
            address: self.identity.me,
            incarnation: self.incarnation,
            reason: self.last_fault.clone(),
        }
    }

    /// How `handle` went. On `Ok`, what it asked for is committed; otherwise it is tried once more, or its
    /// sender hears.
    ///
    /// # Panics
    /// If no call was to be made: the host's fault.
    pub fn finish(&mut self, now: Time, result: Result<Outbox, Failure>, effects: &mut Vec<ActorEffect>) {
        let current = self.current.take().expect("a call was made, so there is a current envelope");
        self.counters.turns += 1;
        match result {
            Ok(outbox) => {
                let keeps_children = outbox.keeps_children();
                self.commit(now, outbox, effects);
                if let Body::ExitRequest(request) = &current.envelope.body {
                    self.exit(request.recursive && !keeps_children, effects);
                }
            }
            Err(failure) => self.fail(now, current, &failure, effects),
        }
    }

    fn fail(&mut self, now: Time, mut current: Current, failure: &Failure, effects: &mut Vec<ActorEffect>) {
        let mut ends = None;
        if let Failure::Fault(fault) = failure {
            self.has_instance = false;
            self.last_fault = cut(fault.to_string());
            ends = self.lose_instance(now, fault, core::mem::replace(&mut current.restart_counted, true));
        }
        if let Body::ExitRequest(request) = &current.envelope.body {
            effects.push(ActorEffect::Failed(cut(format!("the exit turn failed: {failure}"))));
            match ends {
                Some(reason @ ExitReason::Killed(_)) => self.end(reason, effects),
                _ => self.exit(request.recursive, effects),
            }
            return;
        }
        let is_killed = matches!(ends, Some(ExitReason::Killed(_)));
        if current.attempt == 1 && failure.may_retry() && ends.is_none() && self.phase == Phase::Running {
            current.attempt = 2;
            self.current = Some(current);
            return;
        }
        if is_killed {
            effects.push(ActorEffect::DeadLetter(current.envelope, "the actor was killed".to_string()));
        } else {
            self.give_up(current, failure, effects);
        }
        if let Some(reason) = ends {
            self.end(reason, effects);
        }
    }

    /// Counts the loss of an instance; `Some` if it is the actor's end.
    fn lose_instance(&mut self, now: Time, fault: &Fault, counted: bool) -> Option<ExitReason> {
        if *fault == Fault::Killed {
            return Some(ExitReason::Killed("while it handled a message".to_string()));
        }
        let restart = if counted { Restart::Within } else { self.restarts.note(now) };
        match (self.identity.on_trap, restart) {
            (OnTrap::Exit, _) => Some(ExitReason::Failed(self.last_fault.clone())),
            (OnTrap::RestartWithinBudget, Restart::BudgetSpent) => {
                Some(ExitReason::Failed(format!("restarted too often; the last time: {}", self.last_fault)))
            }
            (OnTrap::Restart, Restart::BudgetSpent) => {
                self.restarts.pause(now);
                None
            }
            (_, Restart::Within) => None,
        }
    }

    /// The message failed for good: its sender hears, where that can't go on for ever.
    fn give_up(&mut self, current: Current, failure: &Failure, effects: &mut Vec<ActorEffect>) {
        let times = if current.attempt == 1 { "" } else { " (attempt 2)" };
        let details = cut(format!("{failure}{times}"));
        self.counters.poisoned += 1;
        effects.push(ActorEffect::Failed(details.clone()));
        let Envelope { target, sender, body } = current.envelope;
        match body {
            Body::Message(original) => {
                let poisoned = Poisoned { target: self.identity.me, details, original };
                effects.push(self.envelope(sender, Body::Poisoned(Box::new(poisoned))));
            }
            body => effects.push(ActorEffect::DeadLetter(Envelope { target, sender, body }, details)),
        }
    }

    fn envelope(&self, target: ActorAddress, body: Body) -> ActorEffect {
        ActorEffect::Route(Envelope { target, sender: self.identity.me, body })
    }

    /// Turns what the handler asked for into effects: new addresses first, so that a message to a new child finds its
    /// mailbox; creates last, so that it is there before the child can be refused.
    fn commit(&mut self, now: Time, mut outbox: Outbox, effects: &mut Vec<ActorEffect>) {
        let mut children = Vec::with_capacity(outbox.creates());
        if outbox.creates() > 0 {
            for request in outbox.requests() {
                if let Request::Create(child) = request {
                    effects.push(ActorEffect::EnterPending(child.address));
                }
            }
        }
        for request in outbox.drain() {
            match request {
                Request::Create(child) => children.push(child),
                request => self.commit_request(now, request, effects),
            }
        }
        self.children += children.len();
        effects.extend(children.into_iter().map(ActorEffect::Create));
        self.outbox = Some(outbox);
    }

    fn commit_request(&mut self, now: Time, request: Request, effects: &mut Vec<ActorEffect>) {
        match request {
            Request::Send { target, message } => effects.push(self.envelope(target, Body::Message(message))),
            Request::Exit { target, recursive } => {
                effects.push(self.envelope(target, Body::ExitRequest(ExitRequest { recursive })));
            }
            Request::Wakeup { id, delay, payload } => {
                let cost = payload.as_ref().map_or(0, crate::message::Message::cost);
                self.wakeups.len += 1;
                self.wakeups.bytes += cost;
                self.wakeups.next_id = id + 1;
                self.pending.insert(id, cost);
                let wakeup = Box::new(Wakeup { id, delay, payload });
                effects.push(ActorEffect::SetTimer { due: now + delay, wakeup });
            }
            Request::CancelWakeup { id } => {
                if let Some(cost) = self.pending.remove(&id) {
                    self.wakeups.len -= 1;
                    self.wakeups.bytes -= cost;
                    effects.push(ActorEffect::CancelTimer(id));
                }
            }
            Request::Create(child) => effects.push(ActorEffect::Create(child)),
        }
    }

    fn exit(&mut self, with_children: bool, effects: &mut Vec<ActorEffect>) {
        self.phase = Phase::Exiting;
        effects.push(ActorEffect::Exiting { with_children });
    }

    /// The actor will never run: what waits for it comes back as poison with the reason.
    pub fn refuse_start(&mut self, reason: String, effects: &mut Vec<ActorEffect>) {
        self.end(ExitReason::NeverStarted(reason), effects);
    }

    /// The actor is to end now, whatever it was doing. Call it between turns; a turn that runs is ended by
    /// [`Fault::Killed`].
    pub fn kill(&mut self, reason: &str, effects: &mut Vec<ActorEffect>) {
        if !matches!(self.phase, Phase::Ending(_)) {
            self.end(ExitReason::Killed(reason.to_string()), effects);
        }
    }

    fn end(&mut self, reason: ExitReason, effects: &mut Vec<ActorEffect>) {
        self.has_instance = false;
        self.phase = Phase::Ending(reason);
        effects.push(ActorEffect::CloseMailbox);
        let current = self.current.take().map(|current| current.envelope);
        for envelope in current.into_iter().chain(core::mem::take(&mut self.batch)) {
            self.refuse(envelope, effects);
        }
    }

    /// What happens to an envelope that was still waiting when the actor ended: messages to an actor that never
    /// started come back as poison, others become dead letters. Notices end with their receiver.
    pub fn refuse(&self, envelope: Envelope, effects: &mut Vec<ActorEffect>) {
        let Envelope { target, sender, body } = envelope;
        match (&self.phase, body) {
            (Phase::Ending(ExitReason::NeverStarted(why)), Body::Message(original)) => {
                let details = format!("the actor never started: {why}");
                let poisoned = Poisoned { target, details, original };
                effects.push(self.envelope(sender, Body::Poisoned(Box::new(poisoned))));
            }
            (_, body @ (Body::Message(_) | Body::Poisoned(_))) => {
                let reason = "the actor ended before it could handle the message".to_string();
                effects.push(ActorEffect::DeadLetter(Envelope { target, sender, body }, reason));
            }
            _ => {}
        }
    }

    /// Whether an envelope for `target` must wait behind others that are held.
    #[must_use]
    pub fn holds_for(&self, target: ActorAddress) -> bool {
        self.held.has(target)
    }

    /// Keeps an envelope that a full receiver refused. The actor's next turn waits until it is accepted.
    pub fn hold(&mut self, now: Time, envelope: Envelope) {
        self.held.push(now, envelope);
    }

    /// Offers what is held again, in order for each receiver. `offer` returns what is still refused.
    pub fn retry_held(&mut self, offer: impl FnMut(Envelope) -> Option<Envelope>) {
        self.held.retry(offer);
    }

    /// The receivers that are waited for.
    pub fn awaited(&self) -> impl Iterator<Item = ActorAddress> {
        self.held.targets()
    }

    /// Why it ended, once it has.
    #[must_use]
    pub const fn ended(&self) -> Option<&ExitReason> {
        match &self.phase {
            Phase::Ending(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the host must keep an instance for it.
    #[must_use]
    pub const fn has_instance(&self) -> bool {
        self.has_instance
    }

    /// What it is doing, for status.
    #[must_use]
    pub fn phase(&self, now: Time) -> ActorPhase {
        match self.phase {
            Phase::Starting => ActorPhase::Starting,
            Phase::Exiting | Phase::Ending(_) => ActorPhase::Exiting,
            Phase::Running if self.held.due().is_some() => ActorPhase::Held,
            Phase::Running if self.restarts.paused_until(now).is_some() => ActorPhase::Paused,
            Phase::Running => ActorPhase::Running,
        }
    }

    /// Which instance it has; the first is 1, and before it 0.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// What it has done so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Wakeups it has pending.
    #[must_use]
    pub const fn wakeups(&self) -> usize {
        self.wakeups.len
    }

    /// Envelopes it has taken from its mailbox and not handled yet.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.batch.len() + usize::from(self.current.is_some())
    }
}

/// Guests write much of what errors say, so it is cut.
fn cut(mut text: String) -> String {
    if text.len() > ERROR_TEXT_LEN_MAX {
        let end = (0..=ERROR_TEXT_LEN_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
