//! One actor's side of the world: does what core's `Actor` asks for.

use std::collections::VecDeque;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::budget::Account;
use thespian_core::envelope::{Body, Envelope, ExitReason, NOBODY_THERE};
use thespian_core::fate::{Failed, Failure};
use thespian_core::life::ActorEvent;
use thespian_core::mailbox::{Mailbox, Mark, Push, push_each};
use thespian_core::outbox::{Outbox, TurnRequest};
use thespian_core::source::Rights;
use thespian_core::time::Time;
use thespian_core::turn::{ActorEffect, Doer};

use crate::host::{Cell, Host, carried};
use crate::invariants::holding::Held;
use crate::invariants::messages::number;
use crate::invariants::{Watch, bounds};
use crate::sabotage::Sabotage;
use crate::world::World;

pub(crate) struct Carrier<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) at: HostId,
    pub(crate) me: ActorAddress,
}

impl Carrier<'_> {
    /// The host that runs this actor.
    pub(crate) fn host(&mut self) -> &mut Host {
        self.world.host_mut(self.at)
    }

    pub(crate) fn cell(&mut self) -> &mut Cell {
        let me = self.me;
        self.host().cells.get_mut(&me).expect("an actor that runs has a cell")
    }

    fn watch(&mut self) -> &mut Watch {
        &mut self.cell().watch
    }

    /// What a turn asked for is sent only if it went well.
    fn close_turn(
        &mut self,
        mut outbox: Box<Outbox>,
        outcome: Result<(), Failure>,
    ) -> Result<Box<Outbox>, Failed> {
        let limits = self.host().limits;
        self.world.complain(bounds::asked(self.me, &outbox, &limits));
        if let Err(failure) = outcome {
            self.ask(&mut outbox, |draft| draft.discard());
            return Err(Failed { failure, fails_for: outbox.take_fails_for() });
        }
        self.world.audit_turn(self.at, self.me, &outbox);
        let complaint = self.world.ledger.children.created(self.me, &outbox, limits.children_max);
        self.world.complain(complaint);
        self.watch().exit.says(&outbox);
        if outbox.failure().is_some() {
            self.world.see("actors that failed");
            self.world.ledger.lifetimes.asked(self.me);
        }
        let now = self.world.now();
        if !self.watch().exit.is_exiting() {
            self.watch().wakeups.asked(&outbox, now);
        }
        for request in outbox.requests() {
            match request {
                TurnRequest::Send { message, .. } => self.world.ledger.messages.sent(number(message)),
                TurnRequest::Refuse { poisoned, .. } => {
                    self.world.see("refused messages");
                    self.world.ledger.messages.refused(number(&poisoned.original));
                }
                _ => {}
            }
        }
        Ok(outbox)
    }

    /// Whoever a turn failed for is to hear of it if there is no other attempt, or that fails too.
    fn note_concerned(&mut self, handled: &Body, result: &Result<Box<Outbox>, Failed>) {
        let concerned = match result {
            Ok(_) => None,
            Err(Failed { fails_for: Some(concerned), .. }) => Some(number(&concerned.original)),
            Err(Failed { fails_for: None, .. }) => return,
        };
        let before = std::mem::replace(&mut self.watch().concerned, concerned);
        let messages = &mut self.world.ledger.messages;
        before.into_iter().for_each(|id| messages.forgotten(id));
        if let Some(id) = concerned {
            messages.noted(id, handled);
            self.world.see("turns that fail for somebody");
        }
    }

    fn take_out(
        &mut self,
        batch: &mut VecDeque<Envelope>,
        take: impl FnOnce(&mut Mailbox, &mut VecDeque<Envelope>, &Account) -> bool,
    ) -> Option<Mark> {
        let me = self.me;
        let Host { cells, account, .. } = self.host();
        let cell = cells.get_mut(&me)?;
        let before = batch.len();
        let has_room = take(&mut cell.mailbox, batch, account);
        for envelope in batch.range(before..).filter(|envelope| !envelope.body.has_reserved_slot()) {
            cell.watch.room.went(1, envelope.body.cost());
        }
        let mark = cell.mailbox.take_mark();
        if mark.is_some() {
            cell.watch.wakeups.heard();
        }
        if has_room {
            let awaiting = std::mem::take(&mut cell.awaiting);
            awaiting.into_iter().for_each(|sender| self.host().wake(sender));
        }
        mark
    }

    /// As a doer delivers.
    fn offer(&mut self, envelope: Envelope, has_place: bool) -> Push {
        if matches!(envelope.body, Body::Poisoned(_)) {
            self.world.see("poison");
        }
        let complaint = self.world.ledger.messages.offered(&envelope.body);
        self.world.complain(complaint);
        let is_message = matches!(envelope.body, Body::Message(_));
        if has_place {
            let me = self.me;
            let host = self.host();
            let Some(cell) = host.cells.get_mut(&me) else { return Push::Gone(envelope) };
            let (cost, message) = (envelope.body.cost(), carried(&envelope));
            let push = cell.mailbox.push_reserved(envelope, &host.account);
            if matches!(push, Push::Gone(_)) {
                cell.watch.room.went(1, cost);
            } else {
                message.into_iter().for_each(|id| cell.watch.wakeups.came(id));
            }
            return host.activated(me, push);
        }
        if is_message && self.world.sabotaged(Sabotage::DropMessage, 5) {
            return Push::Queued;
        }
        if is_message && self.world.sabotaged(Sabotage::DuplicateMessage, 5) {
            self.world.push(self.at, envelope.clone());
        }
        if is_message && self.world.stashed.is_none() && self.world.sabotaged(Sabotage::ReorderMessages, 20) {
            self.world.stashed = Some(envelope);
            return Push::Queued;
        }
        let overtakes =
            |late: &mut Envelope| (late.sender, late.target) == (envelope.sender, envelope.target);
        let late = self.world.stashed.take_if(overtakes);
        let push = self.world.push(self.at, envelope);
        if let Some(late) = late {
            self.world.push(self.at, late);
        }
        push
    }

    /// Before the guest is called.
    fn check_nothing_is_held(&mut self) {
        let me = self.me;
        let complaint = self.watch().held.called(me);
        self.world.complain(complaint);
    }

    /// What was held is held no longer.
    fn settle(&mut self, held: Held) {
        let (me, now) = (self.me, self.world.now());
        let complaint =
            self.host().cells.get_mut(&me).and_then(|cell| cell.watch.held.settled(me, held, now));
        self.world.complain(complaint);
    }

    /// A turn is to create an actor.
    pub(crate) fn audit_create(&mut self, outbox: &Outbox) {
        let me = self.me;
        let exit = &self.watch().exit;
        let (wrong, is_exit_turn) = (exit.creates(outbox), exit.is_exit_turn());
        match wrong {
            Some(wrong) => self.world.complain([format!("{me} {wrong}")]),
            None if is_exit_turn => self.world.see("creates in exit turns"),
            None => {}
        }
    }

    fn exiting(&mut self, with_children: bool) {
        let watch = self.watch();
        if !watch.instances.is_there() && !watch.exit.is_exit_turn() {
            self.world.see("exits from pauses");
        }
        let cell = self.cell();
        cell.mailbox.take_notices_only();
        cell.watch.exit.exits(with_children);
        cell.watch.wakeups.ended();
        let address = self.me;
        if !with_children {
            self.world.ledger.children.let_go(address);
        }
        self.host().report(ActorEvent::Exiting { address, with_children });
    }

    fn end(&mut self, reason: ExitReason) {
        self.world.see("ends");
        if matches!(&reason, ExitReason::Killed(why) if why.contains("took too long")) {
            self.world.see("exits that took too long");
        }
        let address = self.me;
        let exit = &self.watch().exit;
        let is_killed = matches!(reason, ExitReason::Killed(_));
        let (waited, wrong) = (!is_killed && exit.takes_children(), exit.ended(&reason));
        self.world.complain(wrong.map(|wrong| format!("{address} {wrong}")));
        let complaints = self.world.ledger.audit_end(address, waited);
        self.world.complain(complaints);
        self.host().set_alarm(address, None);
        self.host().cells.remove(&address);
        if !self.world.sabotaged(Sabotage::KeepSlot, 30) {
            self.host().slots -= 1;
        }
        self.host().report(ActorEvent::Ended { address, reason });
    }

    fn deliver_one(&mut self, envelope: Envelope, has_place: bool) -> Push {
        let (me, target) = (self.me, envelope.target);
        if target != me && self.host().remembers_what_moved(me, target) {
            self.world.see("moves");
            let push = self.host().push_where_it_was(envelope);
            let is_taken = !matches!(push, Push::Moved(_));
            self.world.complain(is_taken.then(|| format!("{target} gets what is sent to where it was")));
            return push;
        }
        let held = Held::of(&envelope);
        let push = self.offer(envelope, has_place);
        // Others may act on it before the rest of the turn is carried out.
        if matches!(push, Push::Queued) && self.world.rng.chance(5) {
            self.world.let_others(4, self.at, self.me);
        }
        let now = self.world.now();
        match &push {
            Push::Full(_) => self.watch().held.refused(held, now),
            _ => self.settle(held),
        }
        push
    }

    fn dead_letter(&mut self, envelope: Envelope, reason: &str) {
        self.world.see("dead letters");
        self.settle(Held::of(&envelope));
        self.world.bury(self.at, envelope, reason);
    }

    fn undelivered(&mut self, envelope: Envelope, reason: &str) {
        if reason.contains("the node's queues") {
            self.world.see("full nodes");
        }
        self.settle(Held::of(&envelope));
        self.world.undelivered(self.at, envelope, reason);
    }
}

impl Doer for Carrier<'_> {
    fn now(&mut self) -> Time {
        self.world.now()
    }

    fn account(&self) -> &Account {
        &self.world.host(self.at).account
    }

    fn kill_reason(&mut self) -> Option<String> {
        self.cell().killed.clone()
    }

    fn rights(&self) -> Rights {
        self.world.host(self.at).cells.get(&self.me).map(|cell| cell.rights).unwrap_or_default()
    }

    fn may_start(&mut self) -> bool {
        std::mem::take(&mut self.cell().may_start)
    }

    fn start(&mut self, incarnation: u32, outbox: Box<Outbox>) -> Result<Box<Outbox>, Failed> {
        self.check_nothing_is_held();
        let (me, now) = (self.me, self.world.now());
        if incarnation > 1 && self.watch().ends_children {
            let complaints = self.world.ledger.audit_restart(me);
            self.world.complain(complaints);
        }
        let mut instances = std::mem::take(&mut self.watch().instances);
        let complaints = instances.begins(me, &self.world.ledger, now);
        self.watch().instances = instances;
        self.world.complain(complaints);
        let (outbox, outcome) = self.start_native(incarnation, outbox).unwrap_or_else(|mut outbox| {
            self.act(&mut outbox, None);
            // What made an instance trap often keeps the next from starting.
            let outcome = self.conclude(&outbox, if incarnation > 1 { 40 } else { 12 });
            (outbox, outcome)
        });
        let result = self.close_turn(outbox, outcome);
        let now = self.world.now();
        if self.watch().instances.begun(&result, now) {
            self.world.ledger.lifetimes.started(me, now);
        }
        result
    }

    fn handle(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        _waiting: usize,
        outbox: Box<Outbox>,
    ) -> Result<Box<Outbox>, Failed> {
        self.world.see("turns");
        let watch = self.watch();
        let (late, lost) = (watch.exit.turn_began(envelope), watch.instances.turn_began(envelope));
        self.world.complain(late.into_iter().chain(lost));
        let past = self.world.ledger.audit_past(envelope);
        self.world.complain(past);
        self.check_nothing_is_held();
        if attempt == 1 {
            self.watch().concerned = None;
            let now = self.world.now();
            let complaint = self.watch().wakeups.received(envelope, now);
            self.world.complain(complaint);
            self.world.audit_delivery(self.at, envelope);
            if let Body::Named(named) = &envelope.body {
                self.cell().known.extend(named.outcome.clone().ok());
            }
        } else {
            self.world.see("retries");
        }
        let (outbox, outcome) = self.handle_native(envelope, attempt, outbox).unwrap_or_else(|mut outbox| {
            self.act(&mut outbox, Some(envelope.sender));
            if self.world.rng.chance(10) {
                self.world.let_others(5, self.at, self.me);
            }
            let outcome = self.conclude(&outbox, 25);
            (outbox, outcome)
        });
        let result = self.close_turn(outbox, outcome);
        self.note_concerned(&envelope.body, &result);
        if matches!(envelope.body, Body::Message(_)) {
            self.world.ledger.lifetimes.used(self.me, self.world.now());
        }
        let watch = self.watch();
        watch.exit.turn_ended(&result);
        watch.instances.turn_ended(&result);
        if result.is_ok() {
            let complaint = self.world.ledger.messages.handled(&envelope.body);
            self.world.complain(complaint);
        }
        result
    }

    fn drain(&mut self, batch: &mut VecDeque<Envelope>, len_max: usize) -> Option<Mark> {
        self.take_out(batch, |mailbox, batch, budget| mailbox.drain(batch, len_max.min(2), budget))
    }

    fn drain_to_exit_request(&mut self, batch: &mut VecDeque<Envelope>) -> Option<Mark> {
        self.take_out(batch, Mailbox::drain_to_exit_request)
    }

    fn rest(&mut self) -> bool {
        self.cell().mailbox.rest()
    }

    fn park(&mut self) -> bool {
        self.cell().mailbox.park()
    }

    fn close(&mut self) -> VecDeque<Envelope> {
        let me = self.me;
        let Host { cells, account, .. } = self.host();
        let Some(cell) = cells.get_mut(&me) else { return VecDeque::new() };
        let (awaiting, left) = (std::mem::take(&mut cell.awaiting), cell.mailbox.close(account));
        cell.watch.room = bounds::Room::default();
        cell.watch.wakeups.ended();
        awaiting.into_iter().for_each(|sender| self.host().wake(sender));
        if let Some(Envelope { body: body @ Body::Message(_), .. }) = left.front()
            && self.world.sabotaged(Sabotage::HandleAfterEnd, 50)
        {
            let complaint = self.world.ledger.messages.handled(body);
            self.world.complain(complaint);
        }
        left
    }

    fn deliver_to_self(&mut self, envelope: Envelope, has_place: bool) -> Push {
        self.deliver_one(envelope, has_place)
    }

    fn deliver(&mut self, _target: ActorAddress, run: &mut impl Iterator<Item = Envelope>) -> Push {
        push_each(run, |envelope| self.deliver_one(envelope, false))
    }

    fn perform(&mut self, effect: ActorEffect) {
        let me = self.me;
        match effect {
            ActorEffect::EnterPending(child) => self.world.enter(self.at, child),
            ActorEffect::Tell(event) => self.host().report(*event),
            ActorEffect::SetAlarm(at) => self.host().set_alarm(me, Some(at)),
            ActorEffect::AwaitRoom(receiver) => {
                self.world.see("waits for room");
                if let Some(cell) = self.host().cells.get_mut(&receiver) {
                    cell.awaiting.insert(me);
                }
            }
            ActorEffect::DeadLetter(envelope, reason) => self.dead_letter(envelope, &reason),
            ActorEffect::Undelivered(envelope, reason) => self.undelivered(envelope, &reason),
            ActorEffect::Gone(envelope) => self.world.undelivered(self.at, envelope, NOBODY_THERE),
            ActorEffect::Exiting { with_children } => self.exiting(with_children),
            ActorEffect::Ended(reason) => self.end(reason),
            ActorEffect::Restarted(_) => self.world.see("restarts"),
            ActorEffect::Failed(_) => self.world.see("failures"),
            ActorEffect::Poisoned => self.world.count_poison(self.at),
            ActorEffect::ExitFailed(_) => self.world.see("failed exit turns"),
            ActorEffect::StartFailed(_) => self.world.see("failed restarts"),
        }
    }
}
