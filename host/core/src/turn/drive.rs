//! The loop that joins a [`Turn`] to whoever carries it out: the host with WebAssembly and threads, a simulation with
//! scripts and a queue. What is decided between two calls of a guest is decided here, for both.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::{Drain, Vec};

use super::{ActorEffect, Identity, Next, Turn, TurnEffect};
use crate::address::ActorAddress;
use crate::budget::{Account, Loan};
use crate::envelope::Envelope;
use crate::fate::{Failed, Failure, Fault};
use crate::limits::{DELIVERY_RUN_LEN_MAX, EFFECTS_KEPT_MAX, HOLD_RETRY_PERIOD, QUEUE_GRANT_BYTES};
use crate::mailbox::{Mark, Push};
use crate::outbox::Outbox;
use crate::source::Rights;
use crate::time::Time;

/// Whoever carries an actor out: does what it asks for, and answers what its rules have to know. Nothing here waits.
pub trait Doer {
    /// Reads the clock; asked once for each call of the guest.
    fn now(&mut self) -> Time;
    /// Whether somebody whom this actor has made active waits for the activation's end. A start, which is long, then
    /// waits for the next.
    fn others_wait(&mut self) -> bool {
        false
    }
    /// The account on which the actor draws, be it for what full receivers refuse.
    fn account(&self) -> &Account;
    /// The reason for which the actor is to end now, if it is to.
    fn kill_reason(&mut self) -> Option<String>;
    /// The rights that the actor has now, besides what all may: they may be taken from it while it lives.
    fn rights(&self) -> Rights;
    /// Whether `Admin` has said that the actor can start again: once for each time.
    fn may_start(&mut self) -> bool;

    /// Makes an instance and calls `start`.
    ///
    /// # Errors
    /// How it failed; what the outbox had taken is given back.
    fn start(&mut self, incarnation: u32, outbox: Box<Outbox>) -> Result<Box<Outbox>, Failed>;
    /// Calls `handle`. So many envelopes, `waiting`, have left the mailbox and are to be handled after this one.
    ///
    /// # Errors
    /// As for `start`.
    fn handle(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        waiting: usize,
        outbox: Box<Outbox>,
    ) -> Result<Box<Outbox>, Failed>;

    /// Moves up to `len_max` envelopes from the actor's mailbox to the end of `batch`, with the word of an alarm.
    fn drain(&mut self, batch: &mut VecDeque<Envelope>, len_max: usize) -> Option<Mark>;
    /// The same with all that [`crate::mailbox::Mailbox::drain_to_exit_request`] moves.
    fn drain_to_exit_request(&mut self, batch: &mut VecDeque<Envelope>) -> Option<Mark>;
    /// As [`crate::mailbox::Mailbox::rest`], for the actor's mailbox.
    fn rest(&mut self) -> bool;
    /// As [`crate::mailbox::Mailbox::park`], for the actor's mailbox.
    fn park(&mut self) -> bool;
    /// Closes the actor's mailbox, and returns what still waited.
    fn close(&mut self) -> VecDeque<Envelope>;

    /// Puts an envelope into the actor's own mailbox: where `has_place`, into the place that was kept for it.
    fn deliver_to_self(&mut self, envelope: Envelope, has_place: bool) -> Push;
    /// Puts envelopes for `target`, which is another actor, into its mailbox until one is refused. Nothing behind that
    /// one is taken out of `run`. After [`Push::Moved`] it is asked once more, and then finds what the address stands for.
    fn deliver(&mut self, target: ActorAddress, run: &mut impl Iterator<Item = Envelope>) -> Push;
    /// Carries out everything else.
    fn perform(&mut self, effect: ActorEffect);
}

/// The outcome of one step.
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
    effects: Vec<TurnEffect>,
}

/// An actor, with what it has yet to see carried out.
#[derive(Debug)]
pub struct Actor {
    turn: Turn,
    effects: Vec<TurnEffect>,
    /// Memory that is drawn for all that it keeps from turn to turn.
    loan: Loan,
    /// Bytes of envelopes that it has taken out of its mailbox, as far as they are drawn for.
    taken_bytes: usize,
}

impl Actor {
    /// An actor that has yet to start.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { turn: Turn::new(identity), effects: Vec::new(), loan: Loan::new(), taken_bytes: 0 }
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

    /// Takes the memory back at the end of the activation. What it has taken out of its mailbox and leaves for the next is drawn
    /// for: so many may wait for their next.
    pub fn give_back(&mut self, buffers: &mut Buffers, account: &Account) {
        if self.turn.waiting() > 0 {
            self.draw_taken(0, account);
        }
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
        if self.turn.awaits_children() && doer.may_start() {
            self.turn.let_start();
        }
        self.retry_held(doer);
        let wanted = self.turn.wanted();
        if wanted > 0 {
            self.take_in(now, doer, |doer, batch| doer.drain(batch, wanted));
        }
        if self.turn.pauses(*now) {
            self.take_in(now, doer, Doer::drain_to_exit_request);
        }
        let next = self.turn.next(*now, &mut self.effects);
        if !self.effects.is_empty() {
            self.carry_out(*now, doer);
            // What was carried out may have changed what comes next, or have to wait for room.
            if !matches!(next, Next::Handle | Next::Start { .. }) || self.turn.is_holding() {
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
                if let Some(due) = self.turn.look_due() {
                    self.set_alarm(due, doer);
                }
                if doer.rest() { Step::Over } else { Step::Again }
            }
            Next::AwaitRoom(due) => self.await_room(now, due, doer),
            Next::Pause(until) => {
                self.set_alarm(self.turn.lifetime.ends_pause(*now, until), doer);
                park(doer)
            }
            Next::AwaitChildren => {
                if let Some(due) = self.turn.look_due().filter(|due| *now < *due) {
                    self.set_alarm(due, doer);
                }
                park(doer)
            }
            Next::Ended => {
                self.loan.settle(0, doer.account());
                let reason = self.turn.ended().cloned().expect("`Ended` is said by an actor that has ended");
                doer.perform(ActorEffect::Ended(reason));
                Step::Over
            }
        }
    }

    /// Draws for the envelopes that it has taken out, if they are more than a few bytes.
    fn draw_taken(&mut self, few: usize, account: &Account) {
        let bytes = self.turn.taken_bytes();
        if bytes > few || self.taken_bytes > 0 {
            self.taken_bytes = bytes;
            self.loan.settle(self.turn.kept_bytes() + bytes, account);
        }
    }

    /// Takes in what is in the mailbox. Time has gone on to when an alarm went off.
    #[inline]
    fn take_in<D: Doer>(
        &mut self,
        now: &mut Time,
        doer: &mut D,
        drain: impl FnOnce(&mut D, &mut VecDeque<Envelope>) -> Option<Mark>,
    ) {
        let mark = self.turn.take_in(|batch| drain(doer, batch));
        if !self.turn.has_taken_little() {
            self.draw_taken(QUEUE_GRANT_BYTES, doer.account());
        }
        if let Some(mark) = mark {
            *now = (*now).max(mark.at);
            if let Some(due) = self.turn.wakeups.next_due() {
                self.set_alarm(due, doer);
            }
        }
    }

    fn set_alarm<D: Doer>(&mut self, at: Time, doer: &mut D) {
        if let Some(at) = self.turn.set_alarm(at) {
            doer.perform(ActorEffect::SetAlarm(at));
        }
    }

    fn handle<D: Doer>(&mut self, now: &mut Time, doer: &mut D) {
        let outbox = self.turn.outbox(doer.rights());
        let (envelope, attempt) =
            self.turn.current().expect("a turn that says `Handle` has a current envelope");
        let mut result = doer.handle(envelope, attempt, self.turn.batch.len(), outbox);
        let lent = take_loan(&mut result);
        let result = result.map_err(|failed| self.turn.heed(failed));
        *now = doer.now();
        match killed(&result, doer) {
            Some(reason) => self.turn.kill(&reason, &mut self.effects),
            None => self.turn.finish(*now, result, &mut self.effects),
        }
        self.close(*now, lent, doer);
    }

    fn start<D: Doer>(&mut self, now: &mut Time, incarnation: u32, doer: &mut D) {
        let outbox = self.turn.outbox(doer.rights());
        let mut result = doer.start(incarnation, outbox);
        let lent = take_loan(&mut result);
        let result = result.map_err(|failed| self.turn.heed(failed));
        *now = doer.now();
        match killed(&result, doer) {
            Some(reason) => self.turn.kill(&reason, &mut self.effects),
            None => self.turn.finish_start(*now, result, &mut self.effects),
        }
        self.close(*now, lent, doer);
    }

    /// Carries out what a turn has come to. From here on the actor has drawn what it keeps, and whoever gets the rest what that
    /// takes.
    fn close<D: Doer>(&mut self, now: Time, mut lent: Loan, doer: &mut D) {
        if self.turn.waiting() == 0 {
            self.taken_bytes = 0;
        }
        self.loan.settle(self.turn.kept_bytes() + self.taken_bytes, doer.account());
        self.carry_out(now, doer);
        lent.settle(0, doer.account());
    }

    /// Waits for receivers that have no room. One that made room before it knew of the wait is found by trying again.
    fn await_room<D: Doer>(&mut self, now: &mut Time, due: Time, doer: &mut D) -> Step {
        for receiver in self.turn.awaited() {
            doer.perform(ActorEffect::AwaitRoom(receiver));
        }
        self.retry_held(doer);
        if !self.turn.is_holding() {
            return Step::Again;
        }
        // Word of an alarm only: one that the actor has not heard of would keep the next from being set.
        self.take_in(now, doer, |doer, batch| doer.drain(batch, 0));
        self.set_alarm(due.min(*now + HOLD_RETRY_PERIOD), doer);
        park(doer)
    }

    fn retry_held<D: Doer>(&mut self, doer: &mut D) {
        let me = self.turn.identity.me;
        self.turn.retry_held(|envelope| {
            let cost = envelope.body.cost();
            // Before the offer, which draws on the same budget: of one that is spent by what is held, nothing could
            // ever be delivered.
            doer.account().give_back_queued(cost);
            match deliver_one(me, envelope, doer) {
                Delivered::Full(envelope) => {
                    doer.account().redraw_queued(cost);
                    Some(envelope)
                }
                Delivered::Gone(envelope) => {
                    doer.perform(ActorEffect::Gone(envelope));
                    None
                }
                Delivered::Taken => None,
            }
        });
    }

    /// Keeps what a full receiver refused, if the node has room for it.
    fn hold<D: Doer>(&mut self, now: Time, envelope: Envelope, doer: &mut D) {
        if doer.account().draw_queued(envelope.body.cost()) {
            self.turn.hold(now, envelope);
        } else {
            let reason =
                "the receiver's mailbox is full, and so are the node's queues, or its source's part of them";
            doer.perform(ActorEffect::Undelivered(envelope, reason.to_string()));
        }
    }

    fn carry_out<D: Doer>(&mut self, now: Time, doer: &mut D) {
        while !self.effects.is_empty() {
            let mut effects = core::mem::take(&mut self.effects);
            let mut effects_left = effects.drain(..);
            while let Some(effect) = effects_left.next() {
                match effect {
                    TurnEffect::Route(envelope) => self.route(now, envelope, &mut effects_left, doer),
                    TurnEffect::RouteToSelf(envelope) => route_to_self(envelope, doer),
                    TurnEffect::HoldExpired(envelope) => let_go(envelope, doer),
                    TurnEffect::CloseMailbox => self.close_mailbox(doer),
                    TurnEffect::Perform(effect) => doer.perform(effect),
                }
            }
            drop(effects_left);
            // Keep the list's memory for the next turn, but not that of a turn which asked for much.
            if self.effects.is_empty() && effects.capacity() <= EFFECTS_KEPT_MAX {
                self.effects = effects;
            }
        }
    }

    fn close_mailbox<D: Doer>(&mut self, doer: &mut D) {
        for envelope in doer.close() {
            self.turn.refuse(envelope, &mut self.effects);
        }
    }

    /// Routes the envelope, and with it those directly behind it that are for the same receiver: a lock for each would
    /// cost as much as the envelope. Behind what is held for that receiver, so that order is kept.
    fn route<D: Doer>(
        &mut self,
        now: Time,
        envelope: Envelope,
        behind: &mut Drain<'_, TurnEffect>,
        doer: &mut D,
    ) {
        let target = envelope.target;
        if self.turn.holds_for(target) {
            self.hold(now, envelope, doer);
            return;
        }
        let delivered = if target == self.turn.identity.me {
            deliver_one(target, envelope, doer)
        } else {
            let follows =
                |next: &TurnEffect| matches!(next, TurnEffect::Route(next) if next.target == target);
            let others = core::iter::from_fn(|| match behind.as_slice().first() {
                Some(next) if follows(next) => match behind.next() {
                    Some(TurnEffect::Route(envelope)) => Some(envelope),
                    _ => None,
                },
                _ => None,
            });
            deliver(target, envelope, others, doer)
        };
        match delivered {
            Delivered::Full(envelope) => self.hold(now, envelope, doer),
            Delivered::Gone(envelope) => doer.perform(ActorEffect::Gone(envelope)),
            Delivered::Taken => {}
        }
    }
}

/// Takes over what was drawn for a turn that is to be carried out. One that failed has given it back.
fn take_loan(result: &mut Result<Box<Outbox>, Failed>) -> Loan {
    result.as_mut().map(|outbox| outbox.take_loan()).unwrap_or_default()
}

/// Whether the call was ended by a kill, and on whose behalf.
fn killed<D: Doer>(result: &Result<Box<Outbox>, Failure>, doer: &mut D) -> Option<String> {
    match result {
        Err(Failure::Fault(Fault::Killed)) => doer.kill_reason(),
        _ => None,
    }
}

/// The envelope was held for as long as may be.
fn let_go<D: Doer>(envelope: Envelope, doer: &mut D) {
    doer.account().give_back_queued(envelope.body.cost());
    doer.perform(ActorEffect::Undelivered(envelope, "the receiver's mailbox stayed full".to_string()));
}

/// Nothing that was refused waits before it: the turn that asked for it came after all that was held.
fn route_to_self<D: Doer>(envelope: Envelope, doer: &mut D) {
    match doer.deliver_to_self(envelope, true) {
        Push::Queued | Push::Activate => {}
        Push::Full(envelope) | Push::Gone(envelope) | Push::Moved(envelope) => {
            doer.perform(ActorEffect::Gone(envelope));
        }
    }
}

/// The outcome for an envelope that is for whatever its address stands for.
enum Delivered {
    Taken,
    Full(Envelope),
    Gone(Envelope),
}

fn deliver_one<D: Doer>(me: ActorAddress, envelope: Envelope, doer: &mut D) -> Delivered {
    if envelope.target != me {
        return deliver(envelope.target, envelope, core::iter::empty(), doer);
    }
    match doer.deliver_to_self(envelope, false) {
        Push::Queued | Push::Activate => Delivered::Taken,
        Push::Full(envelope) => Delivered::Full(envelope),
        // An actor that runs is where it is.
        Push::Gone(envelope) | Push::Moved(envelope) => Delivered::Gone(envelope),
    }
}

/// Delivers an envelope and those behind it. If its address stands for something else meanwhile, that is looked up, and
/// gets it first: nothing behind it was taken, so order is kept.
fn deliver<D: Doer>(
    target: ActorAddress,
    envelope: Envelope,
    mut behind: impl Iterator<Item = Envelope>,
    doer: &mut D,
) -> Delivered {
    let mut first = envelope;
    loop {
        let mut run = core::iter::once(first).chain(behind.by_ref()).take(DELIVERY_RUN_LEN_MAX);
        match doer.deliver(target, &mut run) {
            Push::Queued | Push::Activate => return Delivered::Taken,
            Push::Full(envelope) => return Delivered::Full(envelope),
            Push::Gone(envelope) => return Delivered::Gone(envelope),
            Push::Moved(envelope) => first = envelope,
        }
    }
}

fn park<D: Doer>(doer: &mut D) -> Step {
    if doer.park() { Step::Over } else { Step::Again }
}
