//! What follows from a turn that failed, and what becomes of the mail of an actor that ends.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::restarts::Restart;
use super::{ActorEffect, Current, Phase, Turn, text_of};
use crate::envelope::{Body, Envelope, ExitReason, Poisoned};
use crate::fate::{Failure, Fault, OnTrap};
use crate::mistake::{Mistake, is_made};
use crate::time::Time;

/// More wakeups, and questions, than one turn can ask for.
const IDS_OF_A_TURN: u64 = 1 << 24;

impl Turn {
    pub(super) fn fail(
        &mut self,
        now: Time,
        mut current: Current,
        failure: &Failure,
        effects: &mut Vec<ActorEffect>,
    ) {
        self.skip_ids();
        let mut ends = None;
        if let Failure::Fault(fault) = failure {
            self.has_instance = is_made(Mistake::KeepTheInstance);
            let counted = core::mem::replace(&mut current.restart_counted, true);
            ends = self.lose_instance(now, fault, counted);
        }
        if let Body::ExitRequest(request) = &current.envelope.body {
            effects.push(ActorEffect::Failed(format!("the exit turn failed: {}", text_of(failure))));
            self.exit(request.recursive, effects);
            return;
        }
        if current.attempt == 1 && failure.may_retry() && ends.is_none() && self.phase == Phase::Running {
            current.attempt = if is_made(Mistake::RetryForEver) { 1 } else { 2 };
            self.current = Some(current);
            return;
        }
        self.give_up(current, failure, effects);
        if let Some(reason) = ends {
            self.end(reason, effects);
        }
    }

    /// A fresh instance that can't start either. The actor pauses at once: without a message to blame there is no
    /// other end to this.
    pub(super) fn fail_restart(&mut self, now: Time, failure: &Failure, effects: &mut Vec<ActorEffect>) {
        self.skip_ids();
        self.last_fault = format!("start after a restart failed: {}", text_of(failure));
        effects.push(ActorEffect::Failed(self.last_fault.clone()));
        let is_spent = self.restarts.note(now) == Restart::BudgetSpent || self.restarts.has_paused_longest();
        if self.identity.on_trap == OnTrap::RestartWithinBudget && is_spent {
            self.end(ExitReason::Failed(self.last_fault.clone()), effects);
        } else if !is_made(Mistake::PauseForNothing) {
            self.restarts.pause(now);
        }
    }

    /// The guest may have kept ids that a failed turn was given. They must not come to stand for other wakeups or questions.
    const fn skip_ids(&mut self) {
        self.next_question = self.next_question.wrapping_add(IDS_OF_A_TURN);
        self.wakeups.next_id = self.wakeups.next_id.wrapping_add(IDS_OF_A_TURN);
    }

    /// Counts the loss of an instance; `Some` if it is the actor's end.
    fn lose_instance(&mut self, now: Time, fault: &Fault, counted: bool) -> Option<ExitReason> {
        self.last_fault = text_of(&Failure::Fault(fault.clone()));
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
        let details = format!("{}{times}", text_of(failure));
        self.counters.poisoned += 1;
        effects.push(ActorEffect::Failed(details.clone()));
        let Envelope { target, sender, body } = current.envelope;
        match body {
            Body::Message(original) => {
                let poisoned = Poisoned { target: self.identity.me, details, original };
                let poison = self.envelope(sender, Body::Poisoned(Box::new(poisoned)));
                effects.extend(is_made(Mistake::PoisonTwice).then(|| poison.clone()));
                effects.extend((!is_made(Mistake::PoisonNobody)).then_some(poison));
            }
            // It is one already.
            Body::DeadLetter(_) => {}
            body => effects.push(ActorEffect::DeadLetter(Envelope { target, sender, body }, details)),
        }
    }

    /// The actor will never run: what waits for it comes back as poison with the reason.
    pub fn refuse_start(&mut self, reason: String, effects: &mut Vec<ActorEffect>) {
        self.end(ExitReason::NeverStarted(reason), effects);
    }

    /// The actor is to end now, whatever it was doing. Call it between turns, and in place of `finish` or
    /// `finish_start` when the turn was ended by [`Fault::Killed`].
    pub fn kill(&mut self, reason: &str, effects: &mut Vec<ActorEffect>) {
        if !matches!(self.phase, Phase::Ending(_)) {
            self.end(ExitReason::Killed(reason.to_string()), effects);
        }
    }

    pub(super) fn end(&mut self, reason: ExitReason, effects: &mut Vec<ActorEffect>) {
        self.has_instance = false;
        self.phase = Phase::Ending(reason);
        effects.push(ActorEffect::CloseMailbox);
        let current = self.current.take().map(|current| current.envelope);
        if is_made(Mistake::LoseTheBatch) {
            self.batch.clear();
        }
        for envelope in current.into_iter().chain(core::mem::take(&mut self.batch)) {
            self.refuse(envelope, effects);
        }
    }

    /// What happens to an envelope that was still waiting when the actor ended: messages to an actor that never
    /// started come back as poison, others become dead letters. Notices end with their receiver.
    ///
    /// # Panics
    /// If the actor has not ended: the host's fault.
    pub fn refuse(&self, envelope: Envelope, effects: &mut Vec<ActorEffect>) {
        let Envelope { target, sender, body } = envelope;
        let reason = self.ended().expect("only an actor that ended refuses what waits");
        match body {
            Body::Message(original) if self.incarnation == 0 => {
                let details = match reason {
                    ExitReason::NeverStarted(why) => format!("the actor never started: {why}"),
                    other => format!("the actor never started: {other}"),
                };
                let poisoned = Poisoned { target, details, original };
                effects.push(self.envelope(sender, Body::Poisoned(Box::new(poisoned))));
            }
            body if body.is_mail() => {
                let reason = format!("the actor ended before it had handled the message ({reason})");
                effects.push(ActorEffect::DeadLetter(Envelope { target, sender, body }, reason));
            }
            _ => {}
        }
    }
}
