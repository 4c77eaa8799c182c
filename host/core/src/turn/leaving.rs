//! How an actor leaves: by a turn of its own or, where it has no instance, without one; its children go first.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{ActorEffect, Phase, Turn, TurnEffect, exit_request, text_of};
use crate::envelope::{Body, Envelope, ExitReason, ExitRequest};
use crate::fate::{Failure, Fault};
use crate::time::Time;

impl Turn {
    pub(super) const fn is_exiting(&self) -> bool {
        matches!(self.phase, Phase::Exiting(_))
    }

    /// Its exit turn is over, or there is none. Nothing wakes it any more, and when its children are gone it ends for this
    /// reason.
    pub(super) fn exit(&mut self, with_children: bool, reason: ExitReason, effects: &mut Vec<TurnEffect>) {
        self.phase = Phase::Exiting(reason);
        self.wakeups.clear();
        if !with_children {
            self.children.let_go();
        }
        effects.push(ActorEffect::Exiting { with_children }.into());
    }

    /// A turn went well and says that the actor has failed: the next is its exit turn. Where it was exiting because it was
    /// asked to, the reason is another now. The first failure counts.
    pub(super) fn has_failed(&mut self, why: String) {
        match &mut self.phase {
            Phase::Exiting(reason @ ExitReason::Requested) => *reason = ExitReason::Failed(why),
            Phase::Exiting(_) => {}
            _ => drop(self.failure.get_or_insert(why)),
        }
    }

    /// The reason for which it exits: what it said itself, or else this.
    pub(super) fn exit_reason(&mut self, otherwise: ExitReason) -> ExitReason {
        self.failure.take().map_or(otherwise, ExitReason::Failed)
    }

    /// Its exit turn failed. An error it may make, as any handler: the exit goes on. A fault is one that its parent
    /// hears of, once the children are gone.
    pub(super) fn fail_exit_turn(
        &mut self,
        request: ExitRequest,
        failure: &Failure,
        effects: &mut Vec<TurnEffect>,
    ) {
        let text = format!("in its exit turn: {}", text_of(failure));
        effects.push(ActorEffect::ExitFailed(text.clone()).into());
        let reason = match failure {
            Failure::Fault(_) => ExitReason::Failed(text),
            _ => ExitReason::Requested,
        };
        let reason = self.exit_reason(reason);
        self.exit(request.recursive, reason, effects);
    }

    /// Notes that it lost its instance while it waited for its children: it goes on waiting, without hearing of them.
    pub(super) fn fault_while_exiting(&mut self, fault: &Fault) {
        if let Phase::Exiting(reason @ ExitReason::Requested) = &mut self.phase {
            let text = text_of(&Failure::Fault(fault.clone()));
            *reason = ExitReason::Failed(format!("while its children exited: {text}"));
        }
    }

    /// Whether it waits for the end of a pause, or of its children, and has no instance until then.
    #[inline]
    pub(super) fn pauses(&self, now: Time) -> bool {
        !self.has_instance()
            && self.phase == Phase::Running
            && !self.is_holding()
            && (self.awaits_children || self.restarts.paused_until(now).is_some())
    }

    /// Whether it is to exit while it pauses: nobody waits for the pause to end, behind which there may be no instance
    /// either. It exits without a turn for it, and what came before the request goes back.
    pub(super) fn leave_from_pause(&mut self, now: Time, effects: &mut Vec<TurnEffect>) -> bool {
        let nothing_waits = self.current.is_none() && self.batch.is_empty() && !self.is_woken();
        if self.lifetime.is_over(now, nothing_waits) {
            self.batch.push_front(exit_request(self.identity.me));
        }
        let is_request = |envelope: &Envelope| matches!(envelope.body, Body::ExitRequest(_));
        let Some(at) = self.batch.iter().position(is_request) else { return false };
        let why = self.why_it_pauses();
        if let Some(current) = self.current.take() {
            self.send_back(current.envelope, current.fails_for, why.clone(), effects);
        }
        let behind = self.batch.split_off(at);
        for envelope in core::mem::replace(&mut self.batch, behind) {
            // What the host tells it ends with it.
            if self.note_arrival(&envelope.body) && envelope.body.is_mail() {
                self.send_back(envelope, None, why.clone(), effects);
            }
        }
        if let Some(Envelope { body: Body::ExitRequest(request), .. }) = self.batch.pop_front() {
            self.exit(request.recursive, ExitReason::Requested, effects);
        }
        true
    }
}
