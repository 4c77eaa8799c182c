//! Tells the invariants what happens: each of its functions is a moment at which they look. It holds no rule itself.

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::effect::Effect;
use thespian_core::envelope::{Body, Envelope, ExitReason};
use thespian_core::event::Event;
use thespian_core::life::{ActorEvent, LifeEffect};
use thespian_core::outbox::{Outbox, TurnRequest};
use thespian_core::plan::Settled;

use crate::host::{Cell, Host};
use crate::invariants::{
    Ledger, activity, apart, bounds, children, dead_letters, exits, instances, kills, names, suitability,
    wakeups,
};
use crate::world::World;

/// What an event is to bring about, where that can be told from it.
pub(crate) struct Expected {
    name: Option<names::Asked>,
    kill: Option<kills::Kill>,
}

impl World {
    /// At any moment.
    pub(crate) fn audit_tick(&mut self) {
        let (hosts, ledger) = self.books();
        for host in hosts.values() {
            ledger.complain(bounds::check_host(host));
            for (address, cell) in &host.cells {
                let complaint = bounds::check(host, *address, cell)
                    .or_else(|| instances::check(*address, cell))
                    .or_else(|| wakeups::check(host, *address, cell));
                // Most often there is none, and this is done after each step.
                if complaint.is_some() {
                    ledger.complain(complaint);
                }
            }
        }
    }

    /// A turn that went well asks for something.
    pub(crate) fn audit_turn(&mut self, at: HostId, me: ActorAddress, outbox: &Outbox) {
        for request in outbox.requests() {
            match request {
                TurnRequest::Monitor(target) => drop(self.ledger.monitors.asked(me, *target, true)),
                TurnRequest::Demonitor(target) if self.ledger.monitors.asked(me, *target, false) => {
                    self.see("demonitors");
                }
                _ => {}
            }
        }
        let (hosts, ledger) = self.books();
        let complaint = ledger.monitors.check(&hosts[&at], me);
        ledger.complain(complaint);
    }

    /// An `Admin` hears of something.
    pub(crate) fn audit_event(&mut self, at: HostId, event: &Event) -> Expected {
        let (hosts, ledger) = self.books();
        let host = &hosts[&at];
        ledger.suitability.heard(host, event);
        match event {
            Event::Actor(ActorEvent::Monitored { watcher, target }) => {
                ledger.monitors.known(*watcher, *target, true);
            }
            Event::Actor(ActorEvent::Demonitored { watcher, target }) => {
                ledger.monitors.known(*watcher, *target, false);
            }
            Event::Actor(ActorEvent::DeadLettersAsked { by, handles }) => {
                ledger.see("dead letters asked for");
                // Whoever has lost the right meanwhile asks in vain.
                let may = host.cells.get(by).is_none_or(|cell| cell.rights.dead_letters);
                if may || !*handles {
                    ledger.dead_letters.asked(*by, *handles);
                }
            }
            Event::Actor(ActorEvent::Ended { address, .. }) => {
                if ledger.names.released(*address) {
                    ledger.see("names freed by an end");
                }
                ledger.monitors.ended(*address);
                ledger.lifetimes.ended(*address);
                ledger.dead_letters.ended(*address);
            }
            _ => {}
        }
        let kill = kills::asked(host, ledger, event);
        kill.iter().for_each(|kill| ledger.see(kill.seen()));
        Expected { name: ledger.names.heard_by_admin(event), kill }
    }

    /// It has decided; nothing of that is carried out yet.
    pub(crate) fn audit_effects(&mut self, at: HostId, expected: &Expected, effects: &[Effect]) {
        let (hosts, ledger) = self.books();
        let host = &hosts[&at];
        let is_close = effects.contains(&Effect::Stop);
        let Expected { name, kill } = expected;
        let complaint = name.as_ref().and_then(|name| name.decided(&mut ledger.names, effects));
        ledger.complain(complaint);
        ledger.complain(kill.as_ref().and_then(|kill| kill.decided(effects)));
        for effect in effects {
            ledger.complain(apart::decided(at, effect));
            let complaint = ledger.audit_name_told(host, effect, is_close);
            ledger.complain(complaint);
            match effect {
                Effect::Life(LifeEffect::Settle { address, place: Settled::Nowhere(_) }) => {
                    ledger.names.released(*address);
                }
                Effect::Life(LifeEffect::Settle { place: Settled::Here(plan), .. }) => {
                    ledger.lifetimes.planned(plan.address, plan.transient);
                    ledger.complain(suitability::instantiated(host, plan));
                    ledger.complain(ledger.names.instantiated(plan));
                }
                Effect::Route(Envelope { target, body: Body::ActorDown(exit), .. }) => {
                    let complaint = ledger.monitors.told(*target, exit.address);
                    ledger.complain(complaint);
                }
                _ => {}
            }
        }
    }

    /// All that it has decided is carried out.
    pub(crate) fn audit_outcome(&mut self, at: HostId, expected: &Expected) {
        let (hosts, ledger) = self.books();
        let host = &hosts[&at];
        ledger.complain(expected.kill.as_ref().and_then(|kill| kill.done(host)));
        if expected.name.as_ref().is_some_and(|name| name.waits(&ledger.names)) {
            ledger.see("names waited for");
        }
        ledger.complain(ledger.dead_letters.decided(host));
    }

    /// An actor is given an envelope for the first time.
    pub(crate) fn audit_delivery(&mut self, at: HostId, envelope: &Envelope) {
        let Envelope { target, body, .. } = envelope;
        let now = self.now();
        let (hosts, ledger) = self.books();
        let host = &hosts[&at];
        let heard = ledger.audit_end_heard(envelope);
        ledger.complain(heard);
        let order = ledger.order.received(envelope);
        ledger.complain(order);
        ledger.complain(apart::received(envelope));
        ledger.complain(dead_letters::received(host, envelope));
        ledger.complain(ledger.monitors.spoke(envelope));
        match body {
            Body::ActorDown(exit) => {
                let has_ended = ledger.ends.has_ended(exit.address);
                let complaint = ledger.monitors.heard(host, *target, exit.address, has_ended);
                ledger.complain(complaint);
                let is_past = exit.reason == ExitReason::Unknown;
                ledger.see(if is_past { "downs of the past" } else { "downs" });
            }
            Body::Named(named) => {
                let complaint = ledger.names.heard(*target, named.request);
                ledger.complain(complaint);
            }
            Body::ExitRequest(_) if envelope.sender == *target => {
                match ledger.lifetimes.exits(*target, now) {
                    Some(Ok(())) => ledger.see("ends of themselves"),
                    Some(Err(complaint)) => ledger.complain([complaint]),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// Nothing is to be done now. `is_last`: and nothing will be.
    pub(crate) fn audit_quiet(&mut self, is_last: bool) {
        let now = self.now();
        let (hosts, ledger) = self.books();
        for host in hosts.values() {
            if is_last {
                ledger.audit_unheard(host);
                ledger.complain(apart::known(host));
            } else {
                ledger.complain(activity::quiet(host, ledger, now));
                ledger.complain(exits::quiet(host, ledger, now));
                ledger.complain(wakeups::quiet(host, now));
            }
            ledger.complain(children::quiet(host, ledger));
            ledger.complain(kills::quiet(host, now, is_last));
            let outlived: Vec<String> = ledger.lifetimes.outlived(host, now, is_last).collect();
            ledger.complain(outlived);
        }
    }
}

impl Ledger {
    /// Nothing is to be done at this host any more: everybody has heard what there is to hear.
    fn audit_unheard(&mut self, host: &Host) {
        let lives = |actor| host.cells.contains_key(&actor);
        // One that exits is told of nothing but its children.
        let listens = |actor| host.cells.get(&actor).is_some_and(|cell: &Cell| !cell.watch.exit.is_exiting());
        let is_past = |child| self.children.past.contains(&child);
        let mut complaints: Vec<String> = self.ends.unheard(is_past, lives).collect();
        complaints.extend(self.suitability.unheard(host));
        complaints.extend(self.monitors.unheard(listens, lives));
        complaints.extend(self.names.unheard(listens));
        self.complain(complaints);
    }

    /// The host has stopped, and every other as well.
    pub(crate) fn audit_end_of_all(&mut self) {
        let lost = self.messages.lost().chain(self.names.open());
        let lost = lost.chain(self.ends.untold()).chain(self.answers.open());
        let lost: Vec<String> = lost.collect();
        self.complain(lost);
    }
}
