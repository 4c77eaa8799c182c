//! Carries out what an `Admin` decides.

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::effect::Effect;
use thespian_core::envelope::{Body, DeadEnvelope, Envelope, ExitReason, StatusAnswer};
use thespian_core::event::Event;
use thespian_core::fate::ChildrenAtRestart;
use thespian_core::life::{ActorEvent, LifeEffect};
use thespian_core::mailbox::Push;
use thespian_core::plan::{Plan, Settled};
use thespian_core::question::Question;
use thespian_core::source::SourceEffect;
use thespian_core::turn::{Actor, Identity, Leftover};

use crate::host::Job;
use crate::invariants::messages::{is_question, numbered};
use crate::invariants::sources;
use crate::sabotage::Sabotage;
use crate::world::World;

impl World {
    pub(crate) fn tell_admin(&mut self, at: HostId, event: Event) {
        let expected = self.audit_event(at, &event);
        let now = self.now();
        if let Event::Asked { question: Question::SetPolicy(new), .. } = &event
            && !new.is_trial
        {
            self.host_mut(at).trusts(&new.policy);
        }
        let effects = self.host_mut(at).decide(now, event);
        self.audit_effects(at, &expected, &effects);
        for effect in effects {
            self.perform(at, effect);
        }
        self.audit_outcome(at, &expected);
    }

    fn perform(&mut self, at: HostId, effect: Effect) {
        match effect {
            Effect::Source(
                SourceEffect::Keep { .. }
                | SourceEffect::Erase(_)
                | SourceEffect::NoteRefused(_)
                | SourceEffect::NoteUnloaded(_),
            ) => {}
            Effect::Source(SourceEffect::Judge(wish)) => self.host_mut(at).begin(Job::Judge(wish)),
            Effect::Source(SourceEffect::Examine { hash, offer }) => {
                self.host_mut(at).begin(Job::Examine { hash, offer });
            }
            Effect::Life(LifeEffect::SetRights { address, rights }) => {
                if let Some(cell) = self.host_mut(at).cells.get_mut(&address) {
                    cell.rights = rights;
                }
                if !rights.dead_letters {
                    self.ledger.dead_letters.ended(address);
                }
            }
            Effect::Source(SourceEffect::Validate { hash, .. }) => {
                self.host_mut(at).begin(Job::Validate(hash));
            }
            Effect::Source(
                SourceEffect::HandOver(_)
                | SourceEffect::NoteAuthority(_)
                | SourceEffect::NoteIgnored { .. }
                | SourceEffect::FindPlace
                | SourceEffect::KeepPending { .. },
            ) => unreachable!("no actor and no person of this run judges"),
            Effect::Life(LifeEffect::FindPlace { .. }) => unreachable!("nothing is configured to run here"),
            Effect::Source(SourceEffect::CheckClass(question)) => {
                self.host_mut(at).begin(Job::CheckClass(question));
            }
            Effect::Source(SourceEffect::Forget(hash)) => self.host_mut(at).forget(hash),
            Effect::Life(LifeEffect::Settle { place: Settled::Here(plan), .. }) => {
                self.settle_here(at, *plan);
            }
            Effect::Life(LifeEffect::Settle { address, place: Settled::Nowhere(why) }) => {
                self.settle_nowhere(at, address, why);
            }
            Effect::Route(envelope) => self.notify(at, envelope),
            Effect::Life(LifeEffect::Kill { address, reason }) => {
                self.see("kills");
                self.host_mut(at).kill(address, reason);
            }
            Effect::Life(LifeEffect::LetStart(address)) => self.host_mut(at).let_start(address),
            Effect::Life(LifeEffect::EnterPending(address)) => self.enter(at, address),
            Effect::TellStatus { to, request, .. } => {
                let body = Body::Status(Box::new(StatusAnswer { request, outcome: Ok(String::new()) }));
                self.notify(at, Envelope { target: to, sender: to, body });
            }
            Effect::Life(LifeEffect::SetDeadLetterHandler(handler)) => {
                self.host_mut(at).set_dead_letter_handler(handler);
            }
            Effect::Progress { .. }
            | Effect::ShowStatus { .. }
            | Effect::SetCapabilities(_)
            | Effect::Life(LifeEffect::SetLogLevel { .. }) => {}
            Effect::Life(LifeEffect::NoteEnd { address, class, reason }) => {
                let complaint = self.ledger.ends.told(address, None);
                self.complain(complaint);
                let native = &mut self.host_mut(at).native;
                native.iter_mut().for_each(|native| {
                    native.ended.push((address, class.clone(), reason.clone()));
                });
            }
            Effect::Answer { .. } if self.sabotaged(Sabotage::KeepAnswer, 3) => {}
            Effect::Answer { asker, answer } => {
                self.ledger.answers.answered(asker);
                if let Some(native) = &mut self.host_mut(at).native {
                    native.answers.insert(asker, answer);
                }
            }
            Effect::Stop => self.host_mut(at).stop(),
        }
    }

    fn notify(&mut self, at: HostId, envelope: Envelope) {
        if let Body::ChildExited(exit) = &envelope.body {
            let complaint = self.ledger.ends.told(exit.address, Some(envelope.target));
            self.complain(complaint);
            if self.sabotaged(Sabotage::DropExitNotice, 30) {
                return;
            }
            if self.sabotaged(Sabotage::DuplicateExitNotice, 30) {
                self.push(at, envelope.clone());
            }
        }
        let (hearer, ended) = (envelope.target, envelope.sender);
        let is_late = match envelope.body {
            Body::ChildExited(_) => self.sabotaged(Sabotage::SpeakAfterEnd, 50),
            Body::ActorDown(_) => self.sabotaged(Sabotage::SpeakAfterDown, 50),
            _ => false,
        };
        // A notice to someone who is gone has no one to tell.
        let push = self.push(at, envelope);
        if is_late && self.host(at).cells.contains_key(&hearer) {
            let id = self.new_number();
            self.ledger.messages.sent(id);
            let body = Body::Message(numbered(id, 10));
            self.push(at, Envelope { target: hearer, sender: ended, body });
        }
        match push {
            Push::Full(envelope) => self.complain([format!("no slot for {envelope:?}")]),
            Push::Queued | Push::Activate | Push::Gone(_) | Push::Moved(_) => {}
        }
    }

    fn settle_here(&mut self, at: HostId, plan: Plan) {
        let Plan { address, parent, on_trap, children_at_restart, watch_restarts, transient, rights, .. } =
            plan;
        let identity =
            Identity { me: address, parent, on_trap, children_at_restart, watch_restarts, transient };
        let (hosts, ledger) = self.books();
        ledger.complain(sources::instantiated(&hosts[&at], &plan));
        let host = self.host_mut(at);
        if !host.is_compiled(plan.source) {
            return self.settle_nowhere(at, address, "no code".to_string());
        }
        if let Some(cell) = host.cells.get_mut(&address) {
            cell.known.extend(parent);
            (cell.rights, cell.born_with) = (rights, rights);
            cell.watch.ends_children = children_at_restart == ChildrenAtRestart::End;
        }
        host.settle_here(address, Actor::new(identity));
        host.native.iter_mut().for_each(|native| native.plan(plan.clone()));
    }

    fn settle_nowhere(&mut self, at: HostId, address: ActorAddress, why: String) {
        if !self.sabotaged(Sabotage::KeepSlot, 30) {
            self.host_mut(at).slots -= 1;
        }
        let Some(waited) = self.host_mut(at).settle_nowhere(address) else { return };
        self.see("refusals");
        let reason = ExitReason::NeverStarted(why);
        for envelope in waited {
            self.leave_over(at, Leftover::of(envelope, &reason, false));
        }
        let complaints = self.ledger.audit_end(address, false);
        self.complain(complaints);
        self.host_mut(at).report(ActorEvent::Ended { address, reason });
    }

    /// What its receiver does not get, as the router has it.
    pub(crate) fn undelivered(&mut self, at: HostId, envelope: Envelope, reason: &str) {
        self.leave_over(at, Leftover::undelivered(envelope, reason));
    }

    fn leave_over(&mut self, at: HostId, leftover: Leftover) {
        match leftover {
            Leftover::Poison(poison) => self.send_back(at, poison),
            Leftover::DeadLetter(envelope, why) => self.bury(at, envelope, &why),
            Leftover::Nothing => {}
        }
    }

    fn send_back(&mut self, at: HostId, poison: Envelope) {
        self.see(if is_question(&poison.body) { "questions that come back" } else { "poison" });
        self.count_poison(at);
        let complaint = self.ledger.messages.offered(&poison.body);
        self.complain(complaint);
        if let Push::Full(poison) | Push::Gone(poison) = self.push(at, poison) {
            self.bury(at, poison, "its sender took no message back");
        }
    }

    /// Counts a message that goes back as poison.
    pub(crate) fn count_poison(&mut self, at: HostId) {
        self.host_mut(at).native.iter_mut().for_each(|native| native.poisoned += 1);
    }

    /// An envelope has become a dead letter.
    pub(crate) fn bury(&mut self, at: HostId, envelope: Envelope, reason: &str) {
        let complaints = self.ledger.messages.dead(&envelope.body);
        self.complain(complaints);
        self.hand_over(at, &envelope, reason);
        if let Some(native) = self.host_mut(at).native.as_mut().filter(|_| envelope.body.is_mail()) {
            native.dead_letters.push((envelope, reason.to_string()));
        }
    }

    /// Gives what could not be delivered to the actor that handles that, as the router does.
    fn hand_over(&mut self, at: HostId, envelope: &Envelope, reason: &str) {
        let Some(handler) = self.host(at).dead_letter_handler() else { return };
        let Some(letter) = DeadEnvelope::of(envelope, reason) else { return };
        let (sender, body) = (envelope.target, Body::DeadLetter(Box::new(letter)));
        match self.push(at, Envelope { target: handler, sender, body }) {
            Push::Queued | Push::Activate => self.see("dead letters handed over"),
            // It misses it.
            Push::Full(_) | Push::Gone(_) | Push::Moved(_) => {}
        }
    }
}
