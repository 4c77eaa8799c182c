//! The rules of one actor: which envelope it handles next, and what follows from how that went.
//!
//! ```text
//!            started                exit request handled        children gone
//!  Starting ─────────► Running ─────────────────────► Exiting ───────────────┐
//!     │ start failed      │ killed, or a trap its class does not survive     ▼
//!     └───────────────────┴─────────────────────────────────────────────► Ending ── held sends gone ──► ended
//! ```
//!
//! The host owns the mailbox, the instance and the clock: it drains the one into [`Turn::take_in`], calls the other
//! as [`Turn::next`] says, and reports to [`Turn::finish`].

mod commit;
mod drive;
mod effect;
mod failing;
mod held;
mod leaving;
mod leftover;
mod lifetime;
mod phase;
mod restarts;
mod starting;
mod status;
#[cfg(test)]
mod tests;
mod wakeups;

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::children::Children;
use crate::envelope::{Body, EXITING, Envelope, ExitReason, ExitRequest, FailsFor};
use crate::event::Event;
use crate::fate::{ChildrenAtRestart, Failed, Failure, Fault, OnTrap};
use crate::limits::{ACTIVATION_LEN_MAX, ERROR_TEXT_LEN_MAX, cut};
use crate::mailbox::Mark;
use crate::outbox::{Leaving, Outbox, Standing};
use crate::source::{Rights, Transient};
use crate::time::Time;
pub use drive::{Actor, Buffers, Doer, Step};
pub use effect::{ActorEffect, TurnEffect};
use held::Held;
pub use leftover::Leftover;
use lifetime::Lifetime;
pub use phase::ActorPhase;
use restarts::Restarts;
pub use status::{Counters, Wait};
use wakeups::Wakeups;

/// The next thing that the host has to do for an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Make an instance, call `start`, report to [`Turn::finish_start`].
    Start {
        /// The number of the instance.
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
    /// Nothing to do until the children are gone that end before the next instance starts: [`Turn::let_start`].
    AwaitChildren,
    /// The actor is no more: tell `Admin`, once.
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    /// With what its parent is to hear when its children are gone.
    Exiting(ExitReason),
    Ending(ExitReason),
}

/// Whether the host keeps an instance for an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InstanceState {
    /// There is none: it has yet to start, or the last one was lost, or it has ended.
    None,
    Live,
}

#[derive(Debug)]
struct Current {
    envelope: Envelope,
    attempt: u32,
    /// A message costs one restart however often it traps; otherwise one bad message would count double.
    restart_counted: bool,
    /// Whoever is to hear if it is never handled, where that is not its sender.
    fails_for: Option<Box<FailsFor>>,
}

/// Facts of an actor from its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The address of the actor.
    pub me: ActorAddress,
    /// Its creator, if that is an actor.
    pub parent: Option<ActorAddress>,
    /// Fate of the actor after a trap.
    pub on_trap: OnTrap,
    /// Fate of its children when a fresh instance takes the place of a trapped one.
    pub children_at_restart: ChildrenAtRestart,
    /// Whether its parent hears of restarts.
    pub watch_restarts: bool,
    /// Whether and when it ends of itself.
    pub transient: Option<Transient>,
}

/// The state of one actor between, before and after its turns.
#[derive(Debug)]
pub struct Turn {
    identity: Identity,
    phase: Phase,
    instance: InstanceState,
    incarnation: u32,
    batch: VecDeque<Envelope>,
    /// The number of envelopes that it ever took from its mailbox, with those in the batch.
    taken: u64,
    current: Option<Current>,
    outbox: Option<Box<Outbox>>,
    held: Held,
    restarts: Restarts,
    last_fault: String,
    /// Whether `last_fault` is that of a start: the instance before was lost earlier.
    cant_start: bool,
    wakeups: Wakeups,
    /// When the host's alarm for it goes off, or went off without its having heard of that. The host keeps one.
    alarm: Option<Time>,
    /// Questions to the host that are not answered.
    asked: BTreeSet<u64>,
    next_question: u64,
    /// Of whose end it is yet to hear.
    monitored: BTreeSet<ActorAddress>,
    children: Children,
    /// Its children are ending, and it does not start again before they have.
    awaits_children: bool,
    lifetime: Lifetime,
    /// The reason that it gave for its end, until it exits.
    failure: Option<String>,
    counters: Counters,
}

impl Turn {
    /// An actor that has yet to start.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            phase: Phase::Starting,
            instance: InstanceState::None,
            incarnation: 0,
            batch: VecDeque::new(),
            taken: 0,
            current: None,
            outbox: None,
            held: Held::default(),
            restarts: Restarts::default(),
            last_fault: String::new(),
            cant_start: false,
            wakeups: Wakeups::default(),
            alarm: None,
            asked: BTreeSet::new(),
            next_question: 0,
            monitored: BTreeSet::new(),
            children: Children::default(),
            awaits_children: false,
            lifetime: Lifetime::new(identity.transient),
            failure: None,
            counters: Counters::default(),
        }
    }

    /// How many envelopes are to be drained from the mailbox now. An actor whose own mailbox is too full for what comes
    /// back to it makes room one by one, because nobody else can.
    #[must_use]
    pub fn wanted(&self) -> usize {
        match self.waiting() {
            0 => ACTIVATION_LEN_MAX,
            _ => usize::from(self.held.has(self.identity.me)),
        }
    }

    /// Takes in what `drain` moves from the mailbox to the end of the batch, with the word of an alarm that has gone off.
    /// Returns that word.
    pub fn take_in(&mut self, drain: impl FnOnce(&mut VecDeque<Envelope>) -> Option<Mark>) -> Option<Mark> {
        let before = self.batch.len();
        let mark = drain(&mut self.batch);
        self.taken += (self.batch.len() - before) as u64;
        if let Some(mark) = mark {
            self.alarm = None;
            self.wakeups.fall_due(mark);
        }
        mark
    }

    /// When the host is to set its alarm to, for the actor to be looked at by `at`: not where that one goes off sooner. It
    /// may go off in vain, which costs less than to move it for each thing that is taken back.
    pub fn set_alarm(&mut self, at: Time) -> Option<Time> {
        if self.alarm.is_some_and(|alarm| alarm <= at) {
            return None;
        }
        self.alarm = Some(at);
        self.alarm
    }

    /// Takes the memory that turns need, where it has none.
    fn borrow(&mut self, outbox: &mut Option<Box<Outbox>>, batch: &mut VecDeque<Envelope>) {
        if self.outbox.is_none() {
            self.outbox = outbox.take();
        }
        if self.batch.capacity() == 0 {
            core::mem::swap(&mut self.batch, batch);
        }
    }

    /// Gives that memory back, as far as nothing is in it.
    fn give_back(&mut self, outbox: &mut Option<Box<Outbox>>, batch: &mut VecDeque<Envelope>) {
        if let Some(own) = self.outbox.take() {
            *outbox = Some(own);
        }
        if self.batch.is_empty() {
            *batch = core::mem::take(&mut self.batch);
        }
    }

    /// Says what is to be done. `Handle` stands until it is reported.
    pub fn next(&mut self, now: Time, effects: &mut Vec<TurnEffect>) -> Next {
        if let Some(due) = self.held.due() {
            if now < due {
                return Next::AwaitRoom(due);
            }
            effects.extend(self.held.take_all().map(TurnEffect::HoldExpired));
        }
        if matches!(self.phase, Phase::Ending(_)) {
            return Next::Ended;
        }
        if !self.has_instance() && !self.is_exiting() {
            let paused = self.restarts.paused_until(now);
            if paused.is_none() && !self.awaits_children {
                return Next::Start { incarnation: self.incarnation + 1 };
            }
            if !self.leave_from_pause(now, effects) {
                return paused.map_or(Next::AwaitChildren, Next::Pause);
            }
        }
        if self.current.is_some() {
            return Next::Handle;
        }
        while let Some(envelope) = self.take_out(now) {
            if self.select(envelope, effects) {
                return Next::Handle;
            }
            if matches!(self.phase, Phase::Ending(_)) {
                return Next::Ended;
            }
        }
        Next::Rest
    }

    /// Takes out what comes next: what it has to exit for, a wakeup that is due and has nothing before it, or what came first.
    fn take_out(&mut self, now: Time) -> Option<Envelope> {
        let me = self.identity.me;
        let is_woken = self.is_woken();
        let nothing_waits = self.batch.is_empty() && !is_woken;
        let is_to_exit = self.failure.is_some() || self.lifetime.is_over(now, nothing_waits);
        if self.phase == Phase::Running && is_to_exit {
            return Some(exit_request(me));
        }
        if is_woken {
            let wakeup = self.wakeups.take_due()?;
            return Some(Envelope { target: me, sender: me, body: Body::Wakeup(wakeup) });
        }
        self.batch.pop_front()
    }

    /// Whether a wakeup is due that has nothing before it.
    #[inline]
    fn is_woken(&self) -> bool {
        self.wakeups.is_due(self.taken - self.batch.len() as u64)
    }

    /// Notes that what came is no longer under way. False: nobody waits for it any more.
    fn note_arrival(&mut self, body: &Body) -> bool {
        match body {
            Body::ChildExited(exit) => return self.children.end(exit.address),
            Body::ChildRestarted(restart) => return !self.children.is_disowned(restart.address),
            Body::ActorDown(exit) => return self.monitored.remove(&exit.address),
            Body::Named(named) => drop(self.asked.remove(&named.request)),
            Body::Status(status) => drop(self.asked.remove(&status.request)),
            Body::LoadAnswered(answer) => drop(self.asked.remove(&answer.request)),
            _ => {}
        }
        true
    }

    /// Makes the envelope the current one, if there is a handler call to make for it.
    fn select(&mut self, envelope: Envelope, effects: &mut Vec<TurnEffect>) -> bool {
        if envelope.body == Body::ChildrenGone {
            let reason = match &self.phase {
                Phase::Exiting(reason) => reason.clone(),
                _ => ExitReason::Requested,
            };
            self.end(reason, effects);
            return false;
        }
        if !self.note_arrival(&envelope.body) {
            return false;
        }
        if self.is_exiting() {
            match &envelope.body {
                Body::ChildExited(_) if self.has_instance() => {}
                Body::Message(_) | Body::Poisoned(_) => {
                    self.leave_over(Leftover::undelivered(envelope, EXITING), effects);
                    return false;
                }
                _ => return false,
            }
        }
        self.current = Some(Current { envelope, attempt: 1, restart_counted: false, fails_for: None });
        true
    }

    /// The envelope that is to be handled, and the attempt: 1, or 2 after a failure.
    #[must_use]
    pub fn current(&self) -> Option<(&Envelope, u32)> {
        self.current.as_ref().map(|current| (&current.envelope, current.attempt))
    }

    /// An empty outbox for the call that is to be made, by an actor that has these rights.
    pub fn outbox(&mut self, rights: Rights) -> Box<Outbox> {
        let handles_exit = |current: &Current| matches!(current.envelope.body, Body::ExitRequest(_));
        let leaving = match self.phase {
            Phase::Exiting(_) => Leaving::Exiting,
            _ if self.current.as_ref().is_some_and(handles_exit) => Leaving::ExitTurn,
            _ => Leaving::Stays,
        };
        let mut outbox = self.outbox.take().unwrap_or_default();
        outbox.reset(Standing {
            wakeups: self.wakeups.len(),
            wakeup_bytes: self.wakeups.bytes(),
            next_wakeup: self.wakeups.next_id(),
            questions: self.asked.len(),
            next_question: self.next_question,
            children: self.children.clone(),
            monitors: self.monitored.len(),
            kept_bytes: self.kept_bytes(),
            handles: self.has_instance(),
            leaving,
            rights,
        });
        outbox
    }

    /// Notes whoever hears if what was handled is never handled any more: until then, unless a later attempt says otherwise.
    fn heed(&mut self, failed: Failed) -> Failure {
        if let (Some(current), Some(fails_for)) = (&mut self.current, failed.fails_for) {
            current.fails_for = Some(fails_for);
        }
        failed.failure
    }

    /// How `handle` went. On `Ok`, what it asked for is committed; otherwise it is tried once more, or its
    /// sender hears.
    ///
    /// # Panics
    /// If no call was to be made: the host's fault.
    pub fn finish(&mut self, now: Time, result: Result<Box<Outbox>, Failure>, effects: &mut Vec<TurnEffect>) {
        let current = self.current.take().expect("a call was made, so there is a current envelope");
        self.counters.turns += 1;
        if matches!(current.envelope.body, Body::Message(_)) {
            self.lifetime.used(now);
        }
        match result {
            Ok(outbox) => {
                let keeps_children = outbox.keeps_children();
                let failure = outbox.failure().map(ToString::to_string);
                self.commit(now, outbox, effects);
                failure.into_iter().for_each(|why| self.has_failed(why));
                if let Body::ExitRequest(request) = &current.envelope.body {
                    let reason = self.exit_reason(ExitReason::Requested);
                    self.exit(request.recursive && !keeps_children, reason, effects);
                }
            }
            Err(Failure::Fault(Fault::Killed)) => {
                self.current = Some(current);
                self.kill("while it handled a message", effects);
            }
            Err(failure) => self.fail(now, current, &failure, effects),
        }
    }

    fn tell(&self, event: impl Into<Event>, effects: &mut Vec<TurnEffect>) {
        effects.push(ActorEffect::Tell(Box::new(event.into())).into());
    }

    fn envelope(&self, target: ActorAddress, body: Body) -> TurnEffect {
        TurnEffect::Route(Envelope { target, sender: self.identity.me, body })
    }

    /// When the actor has to be looked at again although nothing comes. Its wakeups have their alarm already.
    fn look_due(&self) -> Option<Time> {
        if self.phase == Phase::Running { self.lifetime.due() } else { None }
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

    /// Whether its next turn waits for receivers that have no room.
    #[must_use]
    pub const fn is_holding(&self) -> bool {
        self.held.due().is_some()
    }

    /// The receivers that are waited for.
    pub fn awaited(&self) -> impl Iterator<Item = ActorAddress> {
        self.held.targets()
    }

    /// The reason of its end, once it has ended.
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
        matches!(self.instance, InstanceState::Live)
    }
}

/// The envelope that an actor is given that ends of itself.
const fn exit_request(me: ActorAddress) -> Envelope {
    Envelope { target: me, sender: me, body: Body::ExitRequest(ExitRequest { recursive: true }) }
}

fn text_of(failure: &Failure) -> String {
    cut(failure.to_string(), ERROR_TEXT_LEN_MAX)
}

fn failed_start(why: &str) -> String {
    format!("start after a restart failed: {why}")
}
