//! What follows from a turn that failed, and what becomes of the mail of an actor that ends.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::leftover::ended_before;
use super::restarts::Restart;
use super::{ActorEffect, Current, InstanceState, Leftover, Phase, Turn, TurnEffect, failed_start, text_of};
use crate::address::ActorAddress;
use crate::envelope::{Body, Envelope, ExitReason, FailsFor, Poisoned};
use crate::fate::{Failure, Fault, OnTrap};
use crate::life::ActorEvent;
use crate::limits::{ERROR_TEXT_LEN_MAX, cut};
use crate::message::Message;
use crate::time::Time;

/// More questions than one turn can ask for.
const IDS_OF_A_TURN: u64 = 1 << 24;

impl Turn {
    pub(super) fn fail(
        &mut self,
        now: Time,
        mut current: Current,
        failure: &Failure,
        effects: &mut Vec<TurnEffect>,
    ) {
        self.skip_ids();
        if matches!(failure, Failure::Fault(_)) {
            self.instance = InstanceState::None;
        }
        let ends = match (&current.envelope.body, failure) {
            (Body::ExitRequest(request), _) => {
                let request = *request;
                if let Some(concerned) = current.fails_for {
                    self.tell_concerned(*concerned, text_of(failure), effects);
                }
                return self.fail_exit_turn(request, failure, effects);
            }
            (_, Failure::Fault(fault)) if self.is_exiting() => {
                self.fault_while_exiting(fault);
                None
            }
            (_, Failure::Fault(fault)) => {
                let counted = core::mem::replace(&mut current.restart_counted, true);
                let ends = self.lose_instance(now, fault, counted);
                if ends.is_none() {
                    self.end_children(effects);
                }
                ends
            }
            (_, Failure::Returned { .. }) => None,
        };
        let may_retry = failure.may_retry() && !self.is_of_the_past(&current.envelope.body);
        if current.attempt == 1 && may_retry && ends.is_none() && self.phase == Phase::Running {
            current.attempt = 2;
            self.current = Some(current);
            return;
        }
        self.give_up(current, failure, effects);
        if let Some(reason) = ends {
            self.end(reason, effects);
        }
    }

    /// A fresh instance that can't start either. The actor pauses at once: without a message to blame there is no
    /// other end to this. The message whose turn trapped goes back, since nobody knows when it could be tried again.
    pub(super) fn fail_restart(&mut self, now: Time, failure: &Failure, effects: &mut Vec<TurnEffect>) {
        self.skip_ids();
        self.counters.restarts += 1;
        let trapped = core::mem::replace(&mut self.last_fault, text_of(failure));
        self.cant_start = true;
        effects.push(ActorEffect::StartFailed(failed_start(&self.last_fault)).into());
        self.give_back_current(&trapped, &self.why_it_pauses(), effects);
        let is_spent = self.restarts.note(now) == Restart::BudgetSpent || self.restarts.has_paused_longest();
        if self.identity.on_trap == OnTrap::RestartWithinBudget && is_spent {
            self.end(ExitReason::Failed(failed_start(&self.last_fault)), effects);
        } else {
            self.restarts.pause(now);
        }
    }

    /// The message whose turn trapped is not tried again, for this reason, and goes back.
    pub(super) fn give_back_current(&mut self, trapped: &str, why: &str, effects: &mut Vec<TurnEffect>) {
        if let Some(current) = self.current.take() {
            let details = format!("{trapped} (there is no second attempt: {why})");
            self.send_back(current.envelope, current.fails_for, cut(details, ERROR_TEXT_LEN_MAX), effects);
        }
    }

    /// The reason why it has no instance until its pause is over.
    pub(super) fn why_it_pauses(&self) -> String {
        if self.awaits_children {
            format!("it can't start before its children have ended; the last time: {}", self.last_fault)
        } else if self.cant_start {
            format!("it can't start: {}", self.last_fault)
        } else {
            format!("it can't start now, it was restarted too often; the last time: {}", self.last_fault)
        }
    }

    /// The guest may have kept ids that a failed turn was given. They must not come to stand for other wakeups or questions.
    const fn skip_ids(&mut self) {
        self.next_question = self.next_question.wrapping_add(IDS_OF_A_TURN);
        self.wakeups.skip_ids();
    }

    /// Counts the loss of an instance; `Some` if it is the actor's end.
    fn lose_instance(&mut self, now: Time, fault: &Fault, counted: bool) -> Option<ExitReason> {
        self.last_fault = text_of(&Failure::Fault(fault.clone()));
        self.cant_start = false;
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

    /// The message failed for good.
    fn give_up(&mut self, current: Current, failure: &Failure, effects: &mut Vec<TurnEffect>) {
        let times = if current.attempt == 1 { "" } else { " (attempt 2)" };
        let details = format!("{}{times}", text_of(failure));
        self.send_back(current.envelope, current.fails_for, details, effects);
    }

    /// A message that is not handled goes back: its sender hears, where that can't go on for ever, or whoever it was handled
    /// for.
    pub(super) fn send_back(
        &mut self,
        envelope: Envelope,
        fails_for: Option<Box<FailsFor>>,
        details: String,
        effects: &mut Vec<TurnEffect>,
    ) {
        effects.push(ActorEffect::Failed(details.clone()).into());
        if let Body::SourceOffered(_) = &envelope.body {
            let (by, reason) = (self.identity.me, details.clone());
            self.tell(ActorEvent::AuthorityFailed { by, reason }, effects);
        }
        if let Some(concerned) = fails_for {
            return self.tell_concerned(*concerned, details, effects);
        }
        let Envelope { target, sender, body } = envelope;
        match body {
            Body::Message(original) => self.poison(sender, details, original, effects),
            // It is one already; of these `Admin` has heard.
            Body::DeadLetter(_) | Body::SourceOffered(_) => {}
            body => effects.push(ActorEffect::DeadLetter(Envelope { target, sender, body }, details).into()),
        }
    }

    /// Whoever a turn was for hears that it failed, or is no more.
    fn tell_concerned(&mut self, concerned: FailsFor, details: String, effects: &mut Vec<TurnEffect>) {
        self.poison(concerned.target, details, concerned.original, effects);
    }

    fn poison(
        &mut self,
        to: ActorAddress,
        details: String,
        original: Message,
        effects: &mut Vec<TurnEffect>,
    ) {
        let poisoned = Poisoned { target: self.identity.me, details, original };
        effects.push(self.envelope(to, Body::Poisoned(Box::new(poisoned))));
        self.count_poison(effects);
    }

    /// Counts a message that goes back as poison, for the actor and for its host.
    pub(super) fn count_poison(&mut self, effects: &mut Vec<TurnEffect>) {
        self.counters.poisoned += 1;
        effects.push(ActorEffect::Poisoned.into());
    }

    /// The actor could not start: what waits for it comes back as poison with the reason.
    pub(super) fn refuse_start(&mut self, reason: String, effects: &mut Vec<TurnEffect>) {
        self.end(ExitReason::NeverStarted(reason), effects);
    }

    /// The actor is to end now, whatever it was doing. Call it between turns, and in place of `finish` or
    /// `finish_start` when the turn was ended by [`Fault::Killed`].
    pub fn kill(&mut self, reason: &str, effects: &mut Vec<TurnEffect>) {
        if !matches!(self.phase, Phase::Ending(_)) {
            self.end(ExitReason::Killed(reason.to_string()), effects);
        }
    }

    pub(super) fn end(&mut self, reason: ExitReason, effects: &mut Vec<TurnEffect>) {
        self.instance = InstanceState::None;
        self.wakeups.clear();
        let why = ended_before(&reason);
        self.phase = Phase::Ending(reason);
        effects.push(TurnEffect::CloseMailbox);
        match self.current.take() {
            Some(Current { fails_for: Some(concerned), .. }) => self.tell_concerned(*concerned, why, effects),
            Some(current) => self.refuse(current.envelope, effects),
            None => {}
        }
        for envelope in core::mem::take(&mut self.batch) {
            self.refuse(envelope, effects);
        }
    }

    /// Sees to an envelope that was still waiting when the actor ended: see [`Leftover`].
    ///
    /// # Panics
    /// If the actor has not ended: the host's fault.
    pub fn refuse(&mut self, envelope: Envelope, effects: &mut Vec<TurnEffect>) {
        let reason = self.ended().expect("only an actor that ended refuses what waits");
        let leftover = Leftover::of(envelope, reason, self.incarnation > 0);
        self.leave_over(leftover, effects);
    }

    /// Sends on what nobody handles.
    pub(super) fn leave_over(&mut self, leftover: Leftover, effects: &mut Vec<TurnEffect>) {
        match leftover {
            Leftover::Poison(envelope) => {
                effects.push(TurnEffect::Route(envelope));
                self.count_poison(effects);
            }
            Leftover::DeadLetter(envelope, why) => {
                effects.push(ActorEffect::DeadLetter(envelope, why).into());
            }
            Leftover::Nothing => {}
        }
    }
}
