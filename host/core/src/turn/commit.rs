//! What a turn that succeeded asked for: its own affair, or `Admin`'s.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{ActorEffect, Turn, TurnEffect};
use crate::address::ActorAddress;
use crate::envelope::{Body, Envelope, ExitRequest, Wakeup};
use crate::event::Event;
use crate::life::ActorEvent;
use crate::limits::EFFECTS_KEPT_MAX;
use crate::outbox::{Outbox, TurnRequest};
use crate::question::{Origin, Question};
use crate::time::Time;

impl Turn {
    /// Turns what the handler asked for into effects: new addresses first, so that a message to a new child finds its
    /// mailbox, and a question about it finds the child; creates last, so that it is there before the child can be refused. What else is for `Admin` goes with
    /// them, in the order of the asking: it may be about a new child, of which `Admin` must have heard.
    pub(super) fn commit(&mut self, now: Time, mut outbox: Box<Outbox>, effects: &mut Vec<TurnEffect>) {
        outbox.close_children();
        let creates = outbox.creates();
        let mut for_admin = Vec::with_capacity(creates);
        if creates > 0 {
            self.enter_children(&outbox, effects);
        }
        for request in outbox.drain() {
            for_admin.extend(self.commit_request(now, request, effects));
        }
        for_admin.into_iter().for_each(|request| self.commit_to_admin(request, effects));
        if outbox.capacity() <= EFFECTS_KEPT_MAX {
            self.outbox = Some(outbox);
        }
    }

    /// `Admin` knows the children before anybody else can.
    fn enter_children(&self, outbox: &Outbox, effects: &mut Vec<TurnEffect>) {
        let child = |request: &TurnRequest| match request {
            TurnRequest::Create(child) => Some(child.address),
            _ => None,
        };
        let children: Vec<_> = outbox.requests().iter().filter_map(child).collect();
        effects.extend(children.iter().map(|child| ActorEffect::EnterPending(*child).into()));
        self.tell(ActorEvent::ChildrenEntered { parent: self.identity.me, children }, effects);
    }

    /// Commits what is the actor's own affair. Returns what is not.
    fn commit_request(
        &mut self,
        now: Time,
        request: TurnRequest,
        effects: &mut Vec<TurnEffect>,
    ) -> Option<TurnRequest> {
        match request {
            TurnRequest::Send { target, message } => {
                self.counters.sent += 1;
                effects.push(self.sent(target, Body::Message(message)));
            }
            TurnRequest::Refuse { target, poisoned } => {
                effects.push(self.sent(target, Body::Poisoned(poisoned)));
                self.count_poison(effects);
            }
            TurnRequest::Exit { target, recursive } => {
                effects.push(self.envelope(target, Body::ExitRequest(ExitRequest { recursive })));
            }
            // Nothing wakes an actor that exits.
            TurnRequest::Wakeup { .. } if self.is_exiting() => {}
            TurnRequest::Wakeup { id, delay, payload } => {
                let due = now + delay;
                self.wakeups.set(due, Wakeup { id, delay, payload });
                effects.extend(self.set_alarm(due).map(|at| ActorEffect::SetAlarm(at).into()));
            }
            TurnRequest::CancelWakeup { id } => self.wakeups.cancel(id),
            request => return Some(request),
        }
        None
    }

    /// Whatever an actor sends itself has a place in its mailbox.
    fn sent(&self, target: ActorAddress, body: Body) -> TurnEffect {
        let me = self.identity.me;
        let envelope = Envelope { target, sender: me, body };
        if target == me { TurnEffect::RouteToSelf(envelope) } else { TurnEffect::Route(envelope) }
    }

    /// Commits what is for `Admin` to decide.
    fn commit_to_admin(&mut self, request: TurnRequest, effects: &mut Vec<TurnEffect>) {
        let me = self.identity.me;
        let event = match request {
            TurnRequest::Create(mut child) => {
                self.children.add(child.address, core::mem::take(&mut child.options.label));
                ActorEvent::ChildCreated { parent: me, child }
            }
            TurnRequest::Tell(event) => event,
            TurnRequest::Monitor(target) => {
                if !self.monitored.insert(target) {
                    return;
                }
                ActorEvent::Monitored { watcher: me, target }
            }
            TurnRequest::Demonitor(target) => {
                if !self.monitored.remove(&target) {
                    return;
                }
                ActorEvent::Demonitored { watcher: me, target }
            }
            TurnRequest::CreateNamed { request, name, child } => {
                return self.ask(request, Question::CreateNamed { name, child }, effects);
            }
            TurnRequest::Load { request, offer } => {
                return self.ask(request, Question::Load(offer), effects);
            }
            TurnRequest::RequestStatus { request, about } => {
                return self.ask(request, Question::Status { about }, effects);
            }
            TurnRequest::Send { .. }
            | TurnRequest::Refuse { .. }
            | TurnRequest::Exit { .. }
            | TurnRequest::Wakeup { .. }
            | TurnRequest::CancelWakeup { .. } => unreachable!("these are the actor's own affair"),
        };
        self.tell(event, effects);
    }

    fn ask(&mut self, request: u64, question: Question, effects: &mut Vec<TurnEffect>) {
        self.asked.insert(request);
        self.next_question = request + 1;
        let origin = Origin::Actor { address: self.identity.me, request };
        self.tell(Event::Asked { origin, question }, effects);
    }
}
