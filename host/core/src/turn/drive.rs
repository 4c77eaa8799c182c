//! The loop that joins a [`Turn`] to whoever carries it out: the host with WebAssembly and threads, a simulation with
//! scripts and a queue. What is decided between two calls of a guest is decided here, for both.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::{Drain, Vec};

use super::{ActorEffect, Identity, Next, Turn};
use crate::address::ActorAddress;
use crate::envelope::{ActorRestart, Body, Envelope, ExitReason, Wakeup};
use crate::event::Event;
use crate::fate::{Failure, Fault};
use crate::limits::{DELIVERY_RUN_LEN_MAX, EFFECTS_KEPT_MAX, HOLD_RETRY_PERIOD};
use crate::mailbox::{Push, QueueBudget, push_each};
use crate::mistake::{Mistake, is_made};
use crate::outbox::Outbox;
use crate::time::Time;

/// What an actor needs done. Nothing here waits.
pub trait Doer {
    /// Reads the clock; asked once for each call of the guest.
    fn now(&mut self) -> Time;
    /// Whether somebody whom this actor has made active waits for the activation's end. A start, which is long, then
    /// waits for the next.
    fn others_wait(&mut self) -> bool {
        false
    }
    /// What may wait in the node: what full receivers refuse is drawn on it too.
    fn budget(&self) -> &QueueBudget;
    /// Why the actor is to end now, if it is.
    fn kill_reason(&mut self) -> Option<String>;

    /// Makes an instance and calls `start`.
    ///
    /// # Errors
    /// How it failed; what the outbox had reserved is given back.
    fn start(&mut self, incarnation: u32, outbox: Box<Outbox>) -> Result<Box<Outbox>, Failure>;
    /// A turn begins. Behind it, `waiting` envelopes have left the mailbox and are not handled yet.
    fn begins(&mut self, waiting: usize) {
        let _ = waiting;
    }
    /// Calls `handle`.
    ///
    /// # Errors
    /// As for `start`.
    fn handle(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        outbox: Box<Outbox>,
    ) -> Result<Box<Outbox>, Failure>;

    /// Moves up to `len_max` envelopes from the actor's mailbox to the end of `batch`.
    fn drain(&mut self, batch: &mut VecDeque<Envelope>, len_max: usize);
    /// As [`crate::mailbox::Mailbox::drain_to_exit_request`], for the actor's mailbox.
    fn drain_to_exit_request(&mut self, batch: &mut VecDeque<Envelope>);
    /// As [`crate::mailbox::Mailbox::rest`], for the actor's mailbox.
    fn rest(&mut self) -> bool;
    /// As [`crate::mailbox::Mailbox::park`], for the actor's mailbox.
    fn park(&mut self) -> bool;
    /// Looks at the actor again at this time.
    fn look_at(&mut self, at: Time);
    /// Lets `receiver` wake the actor when it has room.
    fn await_room(&mut self, receiver: ActorAddress);
    /// From now on the actor's mailbox takes notices only, and `Admin` ends its children.
    fn exiting(&mut self, with_children: bool);
    /// Closes the actor's mailbox, gives back its instance and its timers, and returns what still waited.
    fn close(&mut self) -> VecDeque<Envelope>;
    /// The actor is no more: tells `Admin`.
    fn end(&mut self, reason: ExitReason);

    /// Puts an envelope into its target's mailbox; into the place that was kept, if it is the actor's message to
    /// itself.
    fn deliver(&mut self, envelope: Envelope) -> Push;
    /// Puts envelopes for `target`, which is another actor, into its mailbox until one is refused. Nothing behind that
    /// one is taken out of `run`.
    fn deliver_run(&mut self, target: ActorAddress, run: &mut impl Iterator<Item = Envelope>) -> Push {
        let _ = target;
        push_each(run, |envelope| self.deliver(envelope))
    }
    /// The envelope's target is not there.
    fn gone(&mut self, envelope: Envelope);
    /// The envelope can't be delivered or handled.
    fn dead_letter(&mut self, envelope: Envelope, reason: &str);
    /// Enters a child's address, with a mailbox that waits for it.
    fn enter_pending(&mut self, child: ActorAddress);
    /// Tells `Admin`.
    fn tell(&mut self, event: Event);
    /// Arranges for the wakeup to be put into the actor's mailbox at `due`.
    fn set_timer(&mut self, due: Time, wakeup: Box<Wakeup>);
    /// A wakeup was taken back.
    fn cancel_timer(&mut self, id: u64);
    /// A fresh instance has taken the place of a trapped one.
    fn restarted(&mut self, restart: ActorRestart);
    /// A turn failed for good; for the log.
    fn failed(&mut self, text: &str);
    /// The exit turn failed; for the log.
    fn exit_failed(&mut self, text: &str);
    /// An instance that was to take the place of a trapped one could not start; for the log.
    fn start_failed(&mut self, text: &str);
}

/// What became of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The guest was called.
    Handled,
    /// Something else changed: look again.
    Again,
    /// Others go first: activate it once more behind them.
    Aside,
    /// There is nothing to do until the mailbox says so.
    Over,
}

/// Memory that turns need and idle actors do not: whoever activates actors lends it to one after the other, so that it
/// is in the cache already.
#[derive(Debug, Default)]
pub struct Buffers {
    outbox: Option<Box<Outbox>>,
    batch: VecDeque<Envelope>,
    effects: Vec<ActorEffect>,
}

/// One actor, with what it has yet to see carried out.
#[derive(Debug)]
pub struct Actor {
    turn: Turn,
    effects: Vec<ActorEffect>,
}

impl Actor {
    /// An actor that has yet to start.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { turn: Turn::new(identity), effects: Vec::new() }
    }

    /// An actor that never will.
    #[must_use]
    pub fn refused(identity: Identity, reason: String) -> Self {
        let mut actor = Self::new(identity);
        actor.turn.refuse_start(reason, &mut actor.effects);
        actor
    }

    /// Its rules, to look at.
    #[must_use]
    pub const fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Lends it memory for an activation.
    pub fn borrow(&mut self, buffers: &mut Buffers) {
        self.turn.borrow(&mut buffers.outbox, &mut buffers.batch);
        if self.effects.capacity() == 0 {
            core::mem::swap(&mut self.effects, &mut buffers.effects);
        }
    }

    /// Takes the memory back at the end of the activation.
    pub fn give_back(&mut self, buffers: &mut Buffers) {
        self.turn.give_back(&mut buffers.outbox, &mut buffers.batch);
        if self.effects.is_empty() {
            buffers.effects = core::mem::take(&mut self.effects);
        }
    }

    /// Does the next thing: at most one call of the guest. `now` is moved on when there was one.
    pub fn step<D: Doer>(&mut self, now: &mut Time, doer: &mut D) -> Step {
        self.carry_out(*now, doer);
        if self.turn.ended().is_none()
            && let Some(reason) = doer.kill_reason()
        {
            self.turn.kill(&reason, &mut self.effects);
            self.carry_out(*now, doer);
        }
        self.retry_held(doer);
        let wanted = self.turn.wanted();
        if wanted > 0 {
            doer.drain(self.turn.accept(), wanted);
        }
        if self.turn.pauses(*now) {
            doer.drain_to_exit_request(self.turn.accept());
        }
        let next = self.turn.next(*now, &mut self.effects);
        if !self.effects.is_empty() {
            self.carry_out(*now, doer);
            // What was carried out may have changed what comes next.
            if !matches!(next, Next::Handle | Next::Start { .. }) {
                return Step::Again;
            }
        }
        match next {
            Next::Handle => {
                self.handle(now, doer);
                Step::Handled
            }
            Next::Start { .. } if doer.others_wait() => Step::Aside,
            Next::Start { incarnation } => {
                self.start(now, incarnation, doer);
                Step::Handled
            }
            Next::Rest => {
                if let Some(due) = self.turn.look_due(*now) {
                    doer.look_at(due);
                }
                if doer.rest() { Step::Over } else { Step::Again }
            }
            Next::AwaitRoom(due) => self.await_room(*now, due, doer),
            Next::Pause(until) => {
                doer.look_at(self.turn.lifetime.ends_pause(*now, until));
                park(doer)
            }
            Next::Ended => {
                let reason = self.turn.ended().cloned().expect("`Ended` is said by an actor that has ended");
                doer.end(reason);
                Step::Over
            }
        }
    }

    fn handle<D: Doer>(&mut self, now: &mut Time, doer: &mut D) {
        let outbox = self.turn.outbox();
        let (envelope, attempt) =
            self.turn.current().expect("a turn that says `Handle` has a current envelope");
        doer.begins(self.turn.batch.len());
        let result = doer.handle(envelope, attempt, outbox);
        *now = doer.now();
        match killed(&result, doer) {
            Some(reason) => self.turn.kill(&reason, &mut self.effects),
            None => self.turn.finish(*now, result, &mut self.effects),
        }
        self.carry_out(*now, doer);
    }

    fn start<D: Doer>(&mut self, now: &mut Time, incarnation: u32, doer: &mut D) {
        let outbox = self.turn.outbox();
        let result = doer.start(incarnation, outbox);
        *now = doer.now();
        match killed(&result, doer) {
            Some(reason) => self.turn.kill(&reason, &mut self.effects),
            None => self.turn.finish_start(*now, result, &mut self.effects),
        }
        self.carry_out(*now, doer);
    }

    /// Waits for receivers that have no room. One that made room before it knew of the wait is found by trying again.
    fn await_room<D: Doer>(&mut self, now: Time, due: Time, doer: &mut D) -> Step {
        for receiver in self.turn.awaited() {
            doer.await_room(receiver);
        }
        self.retry_held(doer);
        if !self.turn.is_holding() {
            return Step::Again;
        }
        doer.look_at(due.min(now + HOLD_RETRY_PERIOD));
        park(doer)
    }

    fn retry_held<D: Doer>(&mut self, doer: &mut D) {
        let me = self.turn.identity.me;
        self.turn.retry_held(|envelope| {
            let cost = held_cost(me, &envelope);
            // Before the offer, which draws on the same budget: of one that is spent by what is held, nothing could
            // ever be delivered.
            doer.budget().give_back(cost);
            match doer.deliver(envelope) {
                Push::Full(envelope) => {
                    doer.budget().redraw(cost);
                    Some(envelope)
                }
                Push::Gone(envelope) => {
                    doer.gone(envelope);
                    None
                }
                Push::Queued | Push::Activate => None,
            }
        });
    }

    /// Keeps what a full receiver refused, if the node has room for it.
    fn hold<D: Doer>(&mut self, now: Time, envelope: Envelope, doer: &mut D) {
        if doer.budget().draw(held_cost(self.turn.identity.me, &envelope)) {
            self.turn.hold(now, envelope);
        } else {
            doer.dead_letter(envelope, "the receiver's mailbox is full, and so are the node's queues");
        }
    }

    fn carry_out<D: Doer>(&mut self, now: Time, doer: &mut D) {
        while !self.effects.is_empty() {
            let mut effects = core::mem::take(&mut self.effects);
            let mut effects_left = effects.drain(..);
            while let Some(effect) = effects_left.next() {
                match effect {
                    ActorEffect::Route(envelope) => self.route(now, envelope, &mut effects_left, doer),
                    effect => self.carry_out_one(effect, doer),
                }
            }
            drop(effects_left);
            // Keep the list's memory for the next turn, but not that of a turn which asked for much.
            if self.effects.is_empty() && effects.capacity() <= EFFECTS_KEPT_MAX {
                self.effects = effects;
            }
        }
    }

    fn carry_out_one<D: Doer>(&mut self, effect: ActorEffect, doer: &mut D) {
        match effect {
            ActorEffect::Route(_) => unreachable!("envelopes are routed in runs"),
            ActorEffect::EnterPending(child) => doer.enter_pending(child),
            ActorEffect::Tell(event) => doer.tell(*event),
            ActorEffect::SetTimer { due, wakeup } => doer.set_timer(due, wakeup),
            ActorEffect::CancelTimer(id) => doer.cancel_timer(id),
            ActorEffect::DeadLetter(envelope, reason) => doer.dead_letter(envelope, &reason),
            ActorEffect::HoldExpired(envelope) => {
                if !is_made(Mistake::KeepExpiredBytes) {
                    doer.budget().give_back(held_cost(self.turn.identity.me, &envelope));
                }
                doer.dead_letter(envelope, "the receiver's mailbox stayed full");
            }
            ActorEffect::Exiting { with_children } => doer.exiting(with_children),
            ActorEffect::Restarted(restart) => doer.restarted(restart),
            ActorEffect::Failed(text) => doer.failed(&text),
            ActorEffect::ExitFailed(text) => doer.exit_failed(&text),
            ActorEffect::StartFailed(text) => doer.start_failed(&text),
            ActorEffect::CloseMailbox => {
                let lost = usize::from(is_made(Mistake::LoseWhatWaits));
                for envelope in doer.close().into_iter().skip(lost) {
                    self.turn.refuse(envelope, &mut self.effects);
                }
            }
        }
    }

    /// Routes the envelope, and with it those directly behind it that are for the same receiver: a lock for each would
    /// cost as much as the envelope. Behind what is held for that receiver, so that order is kept.
    fn route<D: Doer>(
        &mut self,
        now: Time,
        envelope: Envelope,
        behind: &mut Drain<'_, ActorEffect>,
        doer: &mut D,
    ) {
        let target = envelope.target;
        if self.turn.holds_for(target) && !is_made(Mistake::OvertakeWhatIsHeld) {
            self.hold(now, envelope, doer);
            return;
        }
        let push = if target == self.turn.identity.me {
            doer.deliver(envelope)
        } else {
            let follows =
                |next: &ActorEffect| matches!(next, ActorEffect::Route(next) if next.target == target);
            let others = core::iter::from_fn(|| match behind.as_slice().first() {
                Some(next) if follows(next) => match behind.next() {
                    Some(ActorEffect::Route(envelope)) => Some(envelope),
                    _ => None,
                },
                _ => None,
            });
            doer.deliver_run(target, &mut core::iter::once(envelope).chain(others).take(DELIVERY_RUN_LEN_MAX))
        };
        match push {
            Push::Full(envelope) => self.hold(now, envelope, doer),
            Push::Gone(envelope) => doer.gone(envelope),
            Push::Queued | Push::Activate => {}
        }
    }
}

/// Whether the call was ended by a kill, and on whose behalf.
fn killed<D: Doer>(result: &Result<Box<Outbox>, Failure>, doer: &mut D) -> Option<String> {
    match result {
        Err(Failure::Fault(Fault::Killed)) => doer.kill_reason(),
        _ => None,
    }
}

/// What it draws on the node's budget while it is held. The place of an actor's message to itself was drawn when it was
/// sent.
fn held_cost(me: ActorAddress, envelope: &Envelope) -> usize {
    let has_place =
        envelope.target == me && envelope.sender == me && matches!(envelope.body, Body::Message(_));
    if has_place { 0 } else { envelope.body.cost() }
}

fn park<D: Doer>(doer: &mut D) -> Step {
    if doer.park() { Step::Over } else { Step::Again }
}
