//! One actor's side of the world: does what core's `Actor` asks for.

use std::collections::VecDeque;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{ActorRestart, Body, Envelope, ExitReason, NOBODY_THERE, Wakeup};
use thespian_core::event::Event;
use thespian_core::fate::{Failure, Fault};
use thespian_core::limits::{HOLD_RETRY_PERIOD, RESTART_PAUSE_MIN};
use thespian_core::mailbox::{Mailbox, Push, QueueBudget};
use thespian_core::outbox::{Outbox, Request};
use thespian_core::time::Time;
use thespian_core::turn::Doer;

use crate::bounds::Held;
use crate::ledger::number;
use crate::world::{Cell, Due, Sabotage, World};

pub(crate) struct Carrier<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) me: ActorAddress,
}

impl Carrier<'_> {
    pub(crate) fn cell(&mut self) -> &mut Cell {
        self.world.cells.get_mut(&self.me).expect("an actor that runs has a cell")
    }

    /// What a turn asked for is sent only if it went well.
    fn close_turn(
        &mut self,
        mut outbox: Box<Outbox>,
        outcome: Result<(), Failure>,
    ) -> Result<Box<Outbox>, Failure> {
        let sent = outbox.requests().iter().map(|request| match request {
            Request::Send { message, .. } => message.cost(),
            _ => 0,
        });
        let limits = self.world.limits;
        if sent.len() > limits.outbox_len_max || sent.sum::<usize>() > limits.outbox_bytes_max {
            self.world.ledger.violations.push(format!("the outbox of {} is past its bound", self.me));
        }
        if let Err(failure) = outcome {
            self.ask(&mut outbox, |draft| draft.discard());
            return Err(failure);
        }
        self.world.audit_turn(self.me, &outbox);
        for request in outbox.requests() {
            if let Request::Send { message, .. } = request {
                self.world.ledger.sent(number(message));
            }
        }
        Ok(outbox)
    }

    fn take_out(
        &mut self,
        batch: &mut VecDeque<Envelope>,
        take: impl FnOnce(&mut Mailbox, &mut VecDeque<Envelope>, &QueueBudget) -> bool,
    ) {
        let World { cells, budget, .. } = &mut *self.world;
        let Some(cell) = cells.get_mut(&self.me) else { return };
        let before = batch.len();
        let has_room = take(&mut cell.mailbox, batch, budget);
        for envelope in batch.range(before..).filter(|envelope| !envelope.body.has_reserved_slot()) {
            cell.watch.went(1, envelope.body.cost());
        }
        if has_room {
            let awaiting = std::mem::take(&mut cell.awaiting);
            awaiting.into_iter().for_each(|sender| self.world.wake(sender));
        }
    }

    /// As a doer delivers.
    fn offer(&mut self, envelope: Envelope) -> Push {
        if matches!(envelope.body, Body::Poisoned(_)) {
            self.world.see("poison");
        }
        self.world.ledger.offered(&envelope.body);
        let is_message = matches!(envelope.body, Body::Message(_));
        if envelope.target == self.me && envelope.sender == self.me && is_message {
            let World { cells, budget, .. } = &mut *self.world;
            let Some(cell) = cells.get_mut(&self.me) else { return Push::Gone(envelope) };
            let cost = envelope.body.cost();
            let push = cell.mailbox.push_reserved(envelope, budget);
            if matches!(push, Push::Gone(_)) {
                cell.watch.went(1, cost);
            }
            return self.world.activated(self.me, push);
        }
        if is_message && self.world.sabotaged(Sabotage::DropMessage, 5) {
            return Push::Queued;
        }
        if is_message && self.world.sabotaged(Sabotage::DuplicateMessage, 5) {
            self.world.push(envelope.clone());
        }
        if is_message && self.world.stashed.is_none() && self.world.sabotaged(Sabotage::ReorderMessages, 20) {
            self.world.stashed = Some(envelope);
            return Push::Queued;
        }
        let overtakes =
            |late: &mut Envelope| (late.sender, late.target) == (envelope.sender, envelope.target);
        let late = self.world.stashed.take_if(overtakes);
        let push = self.world.push(envelope);
        if let Some(late) = late {
            self.world.push(late);
        }
        push
    }

    /// Before the guest is called.
    fn check_nothing_is_held(&mut self) {
        if self.cell().watch.is_holding() {
            self.world.ledger.violations.push(format!("{} is called while it holds messages", self.me));
        }
    }

    /// What was held is held no longer.
    fn settle(&mut self, held: &Held) {
        let now = self.world.now;
        let late = self.world.cells.get_mut(&self.me).and_then(|cell| cell.watch.settled(held, now));
        if let Some(late) = late {
            self.world.ledger.violations.push(format!("{} held {held:?} for {late:?}", self.me));
        }
    }

    fn note_dead(&mut self, envelope: Envelope, reason: &str) {
        self.world.hand_over(&envelope, reason);
        if let Some(native) = self.world.native.as_mut().filter(|_| envelope.body.is_mail()) {
            native.dead_letters.push((envelope, reason.to_string()));
        }
    }
}

impl Doer for Carrier<'_> {
    fn now(&mut self) -> Time {
        self.world.now
    }

    fn budget(&self) -> &QueueBudget {
        &self.world.budget
    }

    fn kill_reason(&mut self) -> Option<String> {
        self.cell().killed.clone()
    }

    fn start(&mut self, incarnation: u32, outbox: Box<Outbox>) -> Result<Box<Outbox>, Failure> {
        self.check_nothing_is_held();
        self.audit_restart();
        let now = self.world.now;
        let since_failing = self.cell().watch.failed_to_restart.take().map(|then| now.since(then));
        if since_failing.is_some_and(|pause| pause < RESTART_PAUSE_MIN) {
            self.world.ledger.violations.push(format!("{} restarts without a pause", self.me));
        }
        let (outbox, outcome) = self.start_native(incarnation, outbox).unwrap_or_else(|mut outbox| {
            self.act(&mut outbox, None);
            // What made an instance trap often keeps the next from starting.
            let outcome = self.conclude(&outbox, if incarnation > 1 { 40 } else { 12 });
            (outbox, outcome)
        });
        let result = self.close_turn(outbox, outcome);
        let now = self.world.now;
        if result.is_ok() && !self.cell().watch.has_started {
            self.world.ledger.lifetimes.started(self.me, now);
        }
        let is_killed = matches!(result, Err(Failure::Fault(Fault::Killed)));
        let watch = &mut self.cell().watch;
        watch.leaving.restarts += u64::from(watch.has_started && !is_killed);
        watch.has_instance = result.is_ok();
        watch.failed_to_restart = (watch.has_started && result.is_err()).then_some(now);
        watch.has_started |= result.is_ok();
        result
    }

    fn handle(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        outbox: Box<Outbox>,
    ) -> Result<Box<Outbox>, Failure> {
        self.world.see("turns");
        self.note_turn(envelope);
        let watch = &self.cell().watch;
        let (has_instance, exiting) = (watch.has_instance, watch.exiting.is_some());
        if !has_instance {
            self.world.ledger.violations.push(format!("{} is called in a lost instance", self.me));
        }
        self.check_nothing_is_held();
        if exiting && !matches!(envelope.body, Body::ChildExited(_)) {
            self.world
                .ledger
                .violations
                .push(format!("{} is exiting and handles {:?}", self.me, envelope.body));
        }
        if attempt == 1 {
            self.world.ledger.received(envelope);
            self.world.audit_delivery(envelope);
        } else {
            self.world.see("retries");
        }
        let (outbox, outcome) = self.handle_native(envelope, attempt, outbox).unwrap_or_else(|mut outbox| {
            self.act(&mut outbox, Some(envelope.sender));
            if self.world.rng.chance(10) {
                self.world.let_others(5, self.me);
            }
            let outcome = self.conclude(&outbox, 25);
            (outbox, outcome)
        });
        let result = self.close_turn(outbox, outcome);
        if matches!(envelope.body, Body::Message(_)) {
            self.world.ledger.lifetimes.used(self.me, self.world.now);
        }
        self.note_outcome(&result);
        if let Err(Failure::Fault(_)) = &result {
            self.cell().watch.has_instance = false;
        }
        if result.is_ok() {
            self.world.ledger.handled(&envelope.body);
        }
        result
    }

    fn drain(&mut self, batch: &mut VecDeque<Envelope>, len_max: usize) {
        self.take_out(batch, |mailbox, batch, budget| mailbox.drain(batch, len_max.min(2), budget));
    }

    fn drain_to_exit_request(&mut self, batch: &mut VecDeque<Envelope>) {
        self.take_out(batch, Mailbox::drain_to_exit_request);
    }

    fn rest(&mut self) -> bool {
        self.cell().mailbox.rest()
    }

    fn park(&mut self) -> bool {
        self.cell().mailbox.park()
    }

    fn look_at(&mut self, at: Time) {
        // Waits for room are looked at as well, and sooner.
        if at - self.world.now != HOLD_RETRY_PERIOD {
            self.world.see("pauses");
        }
        self.world.timers.insert(at, Due::Look(self.me));
        self.cell().watch.looks_at = Some(at);
    }

    fn await_room(&mut self, receiver: ActorAddress) {
        self.world.see("waits for room");
        if let Some(cell) = self.world.cells.get_mut(&receiver) {
            cell.awaiting.insert(self.me);
        }
    }

    fn exiting(&mut self, with_children: bool) {
        let watch = &self.cell().watch;
        if !watch.has_instance && !watch.leaving.exit_turn {
            self.world.see("exits from pauses");
        }
        let cell = self.cell();
        cell.mailbox.take_notices_only();
        cell.watch.exiting = Some(with_children);
        self.world.events.push_back(Event::ActorExiting { address: self.me, with_children });
    }

    fn close(&mut self) -> VecDeque<Envelope> {
        let timers = self.cell().watch.closed();
        for (key, _) in timers.into_values() {
            self.world.timers.remove(key);
        }
        let awaiting = std::mem::take(&mut self.cell().awaiting);
        let World { cells, budget, .. } = &mut *self.world;
        let left = cells.get_mut(&self.me).map(|cell| cell.mailbox.close(budget)).unwrap_or_default();
        awaiting.into_iter().for_each(|sender| self.world.wake(sender));
        if let Some(Envelope { body: body @ Body::Message(_), .. }) = left.front()
            && self.world.sabotaged(Sabotage::HandleAfterEnd, 50)
        {
            self.world.ledger.handled(body);
        }
        left
    }

    fn end(&mut self, reason: ExitReason) {
        self.world.see("ends");
        if matches!(&reason, ExitReason::Killed(why) if why.contains("took too long")) {
            self.world.see("exits that took too long");
        }
        self.audit_end(&reason);
        let is_killed = matches!(reason, ExitReason::Killed(_));
        let waited = !is_killed && self.cell().watch.exiting == Some(true);
        self.world.ledger.end(self.me, waited);
        self.world.cells.remove(&self.me);
        if !self.world.sabotaged(Sabotage::KeepSlot, 30) {
            self.world.slots -= 1;
        }
        self.world.events.push_back(Event::ActorEnded { address: self.me, reason });
    }

    fn deliver(&mut self, envelope: Envelope) -> Push {
        let held = Held::of(&envelope);
        let push = self.offer(envelope);
        // Others may act on it before the rest of the turn is carried out.
        if matches!(push, Push::Queued) && self.world.rng.chance(5) {
            self.world.let_others(4, self.me);
        }
        let now = self.world.now;
        match &push {
            Push::Full(_) => self.cell().watch.refused(held, now),
            _ => self.settle(&held),
        }
        push
    }

    fn gone(&mut self, envelope: Envelope) {
        self.world.ledger.dead(&envelope.body);
        self.note_dead(envelope, NOBODY_THERE);
    }

    fn dead_letter(&mut self, envelope: Envelope, reason: &str) {
        self.world.see("dead letters");
        if reason.contains("the node's queues") {
            self.world.see("full nodes");
        }
        self.settle(&Held::of(&envelope));
        self.world.ledger.dead(&envelope.body);
        self.note_dead(envelope, reason);
    }

    fn enter_pending(&mut self, child: ActorAddress) {
        self.world.enter(child);
    }

    fn tell(&mut self, event: Event) {
        if let Event::ChildrenEntered { children, .. } = &event {
            let max = self.world.limits.children_max;
            children.iter().for_each(|child| self.world.ledger.created(self.me, *child, max));
        }
        self.world.events.push_back(event);
    }

    fn set_timer(&mut self, due: Time, wakeup: Box<Wakeup>) {
        let id = wakeup.id;
        let key = self.world.timers.insert(due, Due::Wakeup(self.me, wakeup));
        self.cell().watch.timers.insert(id, (key, due));
    }

    fn cancel_timer(&mut self, id: u64) {
        if let Some((key, _)) = self.cell().watch.timers.remove(&id) {
            self.world.timers.remove(key);
        }
    }

    fn restarted(&mut self, _restart: ActorRestart) {
        self.world.see("restarts");
    }

    fn failed(&mut self, _text: &str) {
        self.world.see("failures");
        if let Some(native) = &mut self.world.native {
            native.failures += 1;
        }
    }

    fn exit_failed(&mut self, _text: &str) {
        self.world.see("failed exit turns");
    }

    fn start_failed(&mut self, _text: &str) {
        self.world.see("failed restarts");
    }
}
