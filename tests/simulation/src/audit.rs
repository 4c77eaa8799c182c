//! Looks at what `Admin` is told and at what it decides, and enters both in the books.

use thespian_core::address::ActorAddress;
use thespian_core::effect::Effect;
use thespian_core::envelope::{Body, Envelope, ExitReason};
use thespian_core::event::Event;
use thespian_core::outbox::{Outbox, Request};
use thespian_core::wire::control::Reply;

use crate::ledger::Ledger;
use crate::names::{Questioner, Told};
use crate::world::{Cell, World};

/// What an event is to bring about.
pub(crate) enum Expected {
    Anything,
    /// Who asked for it is answered; where it is free, this actor is to have it.
    Name {
        questioner: Questioner,
        name: Box<str>,
        offered: ActorAddress,
        is_free: bool,
    },
    Kill {
        parent: ActorAddress,
        child: ActorAddress,
        is_child: bool,
        is_sure: bool,
    },
}

impl World {
    /// What a turn that went well asks for.
    pub(crate) fn audit_turn(&mut self, me: ActorAddress, outbox: &Outbox) {
        for request in outbox.requests() {
            match request {
                Request::Monitor(target) => drop(self.ledger.monitors.asked(me, *target, true)),
                Request::Demonitor(target) if self.ledger.monitors.asked(me, *target, false) => {
                    self.see("demonitors");
                }
                _ => {}
            }
        }
        // One that exits is told of no end any more.
        let (len, max) = (self.ledger.monitors.len(me), self.limits.monitors_max);
        if len > max && self.cells.get(&me).is_some_and(|cell| cell.watch.exiting.is_none()) {
            self.ledger.violations.push(format!("{me} monitors {len} actors, past its bound"));
        }
    }

    pub(crate) fn audit_event(&mut self, event: &Event) -> Expected {
        match event {
            Event::CreateAsked { asker, address, create } => {
                // One that can't be used is refused whoever has it.
                if let Some(name) = create.name.as_deref().filter(|name| !name.is_empty()) {
                    return self.audit_question(Questioner::Outside(*asker), name, *address);
                }
            }
            Event::NamedAsked { by, request, name, child } => {
                return self.audit_question(Questioner::Actor(*by, *request), name, child.address);
            }
            Event::CapabilityUpdated { name, value, .. }
                if self.admin().capabilities().get(name) != value.as_ref() =>
            {
                self.audit_change(false);
            }
            Event::UnloadAsked { .. } => self.audit_change(true),
            Event::ChildKilled { parent, child } => return self.audit_kill(*parent, *child),
            Event::Monitored { watcher, target } => self.ledger.monitors.known(*watcher, *target, true),
            Event::Demonitored { watcher, target } => self.ledger.monitors.known(*watcher, *target, false),
            Event::DeadLettersAsked { by, handles } => {
                self.see("dead letters asked for");
                self.ledger.dead_letters.asked(*by, *handles);
            }
            Event::ActorEnded { address, .. } => {
                if self.ledger.names.released(*address) {
                    self.see("names freed by an end");
                }
                self.ledger.monitors.ended(*address);
                self.ledger.lifetimes.ended(*address);
                self.ledger.dead_letters.ended(*address);
            }
            _ => {}
        }
        Expected::Anything
    }

    fn audit_question(&mut self, questioner: Questioner, name: &str, offered: ActorAddress) -> Expected {
        let is_free = self.ledger.names.asked(questioner, name, offered);
        Expected::Name { questioner, name: name.into(), offered, is_free }
    }

    fn audit_kill(&mut self, parent: ActorAddress, child: ActorAddress) -> Expected {
        let is_child = self.ledger.parent(child) == Some(parent);
        // One that exits may have let its children live.
        let keeps = |cell: &Cell| cell.watch.exiting.is_some();
        let is_sure = is_child
            && self.cells.contains_key(&child)
            && self.cells.get(&parent).is_some_and(|cell| !keeps(cell));
        self.see(if is_child { "children killed" } else { "kills of strangers" });
        Expected::Kill { parent, child, is_child, is_sure }
    }

    /// Before the effects are carried out.
    pub(crate) fn audit_effects(&mut self, expected: &Expected, effects: &[Effect]) {
        let is_close = effects.contains(&Effect::Stop);
        for effect in effects {
            let complaint = match (effect, expected) {
                (Effect::EnterPending(address), Expected::Name { name, offered, .. })
                    if address == offered =>
                {
                    self.ledger.names.claimed(name, *address)
                }
                (Effect::RefuseCreate { address, .. }, _) => {
                    self.ledger.names.released(*address);
                    None
                }
                (Effect::Instantiate(plan), _) => {
                    self.ledger.lifetimes.planned(plan.address, plan.transient);
                    let misplaced = self.audit_plan(plan);
                    self.ledger.violations.extend(misplaced);
                    let holder = plan.name.as_deref().map(|name| self.ledger.names.holder(name));
                    let is_other = holder.is_some_and(|holder| holder != Some(plan.address));
                    is_other.then(|| format!("{} runs under a name of {holder:?}", plan.address))
                }
                (Effect::Answer { asker, reply }, _) => {
                    let outcome = match reply {
                        Ok(Reply::Created { address, .. }) => Some(*address),
                        _ => None,
                    };
                    self.audit_answer(Questioner::Outside(*asker), outcome, is_close)
                }
                (Effect::Route(envelope), _) => self.audit_notice(envelope, is_close),
                _ => None,
            };
            self.ledger.violations.extend(complaint);
        }
        if let Expected::Kill { parent, child, is_child: false, .. } = expected
            && !effects.is_empty()
        {
            self.ledger.violations.push(format!("{parent} kills {child}, which is no child of its"));
        }
        if let Expected::Name { name, offered, is_free: true, .. } = expected
            && !effects.contains(&Effect::EnterPending(*offered))
        {
            self.ledger.violations.push(format!("the name {name} is free, and {offered} does not get it"));
        }
    }

    fn audit_notice(&mut self, envelope: &Envelope, is_close: bool) -> Option<String> {
        let Envelope { target, body, .. } = envelope;
        match body {
            Body::ActorDown(exit) => self.ledger.monitors.told(*target, exit.address),
            Body::Named(named) => {
                let questioner = Questioner::Actor(*target, named.request);
                self.audit_answer(questioner, named.outcome.clone().ok(), is_close)
            }
            _ => None,
        }
    }

    fn audit_answer(
        &mut self,
        questioner: Questioner,
        outcome: Option<ActorAddress>,
        is_close: bool,
    ) -> Option<String> {
        let Self { cells, ledger, .. } = self;
        // One that is gone already has started.
        let has_started = |address| cells.get(&address).is_none_or(|cell: &Cell| cell.watch.has_started);
        let told = ledger.names.told(questioner, outcome, is_close, has_started)?;
        match told {
            Ok(Told::Made) => self.see("names got"),
            Ok(Told::Shared) => self.see("names shared"),
            Ok(Told::Refused) => self.see("names refused"),
            Err(complaint) => return Some(complaint),
        }
        None
    }

    /// When they are.
    pub(crate) fn audit_outcome(&mut self, expected: &Expected) {
        if let Expected::Kill { parent, child, is_sure: true, .. } = expected {
            let ended = |cell: &Cell| cell.actor.as_ref().is_some_and(|actor| actor.turn().ended().is_some());
            if self.cells.get(child).is_some_and(|cell| cell.killed.is_none() && !ended(cell)) {
                self.ledger.violations.push(format!("{child} lives on, though {parent} has killed it"));
            }
        }
        if let Expected::Name { questioner, is_free: false, .. } = expected
            && self.ledger.names.waits(*questioner)
        {
            self.see("names waited for");
        }
        let complaint = self.ledger.dead_letters.complaint();
        self.ledger.violations.extend(complaint);
    }

    /// An actor is given an envelope for the first time.
    pub(crate) fn audit_delivery(&mut self, envelope: &Envelope) {
        let Envelope { target, sender, body } = envelope;
        let ledger = &mut self.ledger;
        let spoke = ledger.monitors.spoke(*target, *sender, body);
        ledger.violations.extend(spoke);
        let complaint = match body {
            Body::ActorDown(exit) => {
                let lives = self.cells.contains_key(&exit.address);
                let has_ended = ledger.has_ended(exit.address);
                let is_past = exit.reason == ExitReason::Unknown;
                let complaint = ledger.monitors.heard(*target, exit.address, has_ended);
                self.see(if is_past { "downs of the past" } else { "downs" });
                complaint
                    .or(lives.then(|| format!("{target} hears that {} is gone, which lives", exit.address)))
            }
            Body::Named(named) => {
                let cell = self.cells.get_mut(target);
                cell.into_iter().for_each(|cell| cell.known.extend(named.outcome.clone().ok()));
                ledger.names.heard(*target, named.request)
            }
            Body::ExitRequest(_) if sender == target => match ledger.lifetimes.exits(*target, self.now) {
                Some(Ok(())) => {
                    self.see("ends of themselves");
                    None
                }
                Some(Err(complaint)) => Some(complaint),
                None => None,
            },
            Body::DeadLetter(_) if self.cells.get(target).is_none_or(|cell| !cell.rights.dead_letters) => {
                Some(format!("{target} is given dead letters, and has no right to them"))
            }
            _ => None,
        };
        self.ledger.violations.extend(complaint);
    }

    /// Nothing is to be done now. `is_last`: and nothing will be.
    pub(crate) fn audit_quiet(&mut self, is_last: bool) {
        let Self { cells, ledger, now, .. } = self;
        let waits = |cell: &Cell| cell.actor.is_none() || cell.watch.looks_at.is_some_and(|at| at >= *now);
        for (address, cell) in cells.iter().filter(|(_, cell)| is_last || !waits(cell)) {
            if cell.killed.is_some() {
                ledger.violations.push(format!("{address} is killed and lives on"));
            }
            if cell.watch.exiting.is_none() && ledger.lifetimes.is_over(*address, *now, is_last) {
                ledger.violations.push(format!("{address} outlives its time"));
            }
        }
        if is_last {
            self.audit_places();
            let Self { cells, ledger, .. } = self;
            let lives = |actor| cells.contains_key(&actor);
            // One that exits is told of nothing but its children.
            let listens = |actor| cells.get(&actor).is_some_and(|cell: &Cell| cell.watch.exiting.is_none());
            let Ledger { monitors, names, violations, .. } = ledger;
            violations.extend(monitors.unheard(listens, lives));
            violations.extend(names.unheard(listens));
        }
    }
}
