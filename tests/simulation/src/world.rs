//! A world without machines: hosts, one clock, and an order that the seed chooses. It moves one host after the other and
//! knows no rule itself. There is no network: no host has a link to another.

use std::collections::BTreeMap;
use std::time::Duration;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::envelope::{Body, Envelope};
use thespian_core::event::Event;
use thespian_core::life::ActorEvent;
use thespian_core::mailbox::Push;
use thespian_core::question::Asker;
use thespian_core::time::Time;
use thespian_core::turn::{ActorPhase, Step};

use crate::carrier::Carrier;
use crate::host::Host;
use crate::invariants::Ledger;
use crate::rng::Rng;
use crate::sabotage::Sabotage;

/// Turns that wait for the rest of the world within each other.
const DEPTH_MAX: usize = 3;
/// Sends and wakeups that the guests of each host may ask for.
const ENERGY: usize = 700;

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) ledger: Ledger,
    /// Sends and wakeups that guests may still ask for: so that a run ends.
    pub(crate) energy: usize,
    /// The number of the last message.
    pub(crate) next_number: u64,
    /// A message that a sabotaged doer has put aside.
    pub(crate) stashed: Option<Envelope>,
    hosts: BTreeMap<HostId, Host>,
    clock: Time,
    sabotage: Option<Sabotage>,
    next_asker: u64,
    depth: usize,
}

/// What can be done next.
#[derive(Clone, Copy)]
enum Move {
    Step,
    Hear,
    FinishJob,
    PassTime,
}

impl World {
    pub(crate) fn new(rng: Rng, hosts: impl IntoIterator<Item = Host>) -> Self {
        let hosts: BTreeMap<_, _> = hosts.into_iter().map(|host| (host.id(), host)).collect();
        Self {
            rng,
            ledger: Ledger::default(),
            energy: ENERGY * hosts.len(),
            stashed: None,
            hosts,
            clock: Time(0),
            sabotage: None,
            next_number: 0,
            next_asker: 0,
            depth: 0,
        }
    }

    pub(crate) fn sabotaged_by(self, sabotage: Option<Sabotage>) -> Self {
        Self { sabotage, ..self }
    }

    pub(crate) const fn now(&self) -> Time {
        self.clock
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    pub(crate) fn ids(&self) -> Vec<HostId> {
        self.hosts.keys().copied().collect()
    }

    pub(crate) fn host(&self, id: HostId) -> &Host {
        self.hosts.get(&id).expect("every host of this world is known")
    }

    pub(crate) fn host_mut(&mut self, id: HostId) -> &mut Host {
        self.hosts.get_mut(&id).expect("every host of this world is known")
    }

    /// The hosts to look at, beside the books to enter it in.
    pub(crate) const fn books(&mut self) -> (&BTreeMap<HostId, Host>, &mut Ledger) {
        (&self.hosts, &mut self.ledger)
    }

    /// Every address that there ever was, wherever.
    pub(crate) fn addresses(&self) -> Vec<ActorAddress> {
        self.hosts.values().flat_map(Host::addresses).copied().collect()
    }

    pub(crate) const fn new_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    pub(crate) fn new_asker(&mut self) -> Asker {
        self.next_asker += 1;
        let asker = Asker(self.next_asker);
        self.ledger.answers.asked(asker);
        asker
    }

    pub(crate) fn see(&mut self, what: &'static str) {
        self.ledger.see(what);
    }

    pub(crate) fn complain(&mut self, complaint: impl IntoIterator<Item = String>) {
        self.ledger.complain(complaint);
    }

    /// Whether the fault strikes now.
    pub(crate) fn sabotaged(&mut self, fault: Sabotage, percent: usize) -> bool {
        self.sabotage == Some(fault) && self.rng.chance(percent)
    }

    pub(crate) fn enter(&mut self, at: HostId, address: ActorAddress) {
        self.see("actors");
        self.host_mut(at).enter(address);
    }

    /// Puts an envelope into a mailbox, as the router of this host does.
    pub(crate) fn push(&mut self, at: HostId, envelope: Envelope) -> Push {
        let target = envelope.target;
        if matches!(envelope.body, Body::ExitRequest(_)) && envelope.sender == target {
            self.ledger.lifetimes.asked(target);
        }
        let leaks = target.home != at && self.sabotaged(Sabotage::DeliverWithoutLink, 50);
        let at = if leaks { target.home } else { at };
        let host = self.hosts.get_mut(&at).expect("every host of this world is known");
        if !host.is_outside(target) {
            return host.push(envelope);
        }
        if envelope.body.is_mail() {
            let complaint = self.ledger.audit_outside(&envelope);
            self.ledger.complain(complaint);
            host.native.iter_mut().for_each(|native| native.heard.push(envelope.clone()));
        }
        Push::Queued
    }

    /// Does one thing, if there is one to do. Time jumps only when there is nothing else, and creeps otherwise.
    pub(crate) fn tick(&mut self) -> bool {
        let hosts = || self.hosts.values().filter(|host| !host.has_stopped());
        let runnable: Vec<(HostId, usize)> =
            hosts().flat_map(|host| host.runnable().map(|at| (host.id(), at))).collect();
        let hears: Vec<HostId> = hosts().filter(|host| host.has_events()).map(Host::id).collect();
        let works: Vec<HostId> = hosts().filter(|host| host.has_jobs()).map(Host::id).collect();
        let next = hosts().filter_map(Host::next_due).min();
        let mut choices = Vec::new();
        choices.extend([Move::Step; 6].iter().filter(|_| !runnable.is_empty()));
        choices.extend([Move::Hear; 3].iter().filter(|_| !hears.is_empty()));
        choices.extend([Move::FinishJob].iter().filter(|_| !works.is_empty()));
        if self.depth == 0 && choices.is_empty() {
            // An alarm may be set to a time that has passed by then: it has yet to go off.
            if next.is_none_or(|next| next > self.clock) {
                self.audit_quiet(false);
            }
            choices.extend(next.map(|_| Move::PassTime));
        }
        if self.depth == 0 && self.rng.chance(10) {
            // A busy machine: time goes on while others have work.
            let soon = self.clock + Duration::from_micros(self.rng.below(200) as u64);
            self.pass_time(next.map_or(soon, |next| next.min(soon)));
        }
        match self.rng.pick(&choices) {
            Some(Move::Step) => {
                let (host, place) = runnable[self.rng.below(runnable.len())];
                self.step(host, place);
            }
            Some(Move::Hear) => {
                let id = self.one_of(&hears);
                self.hear(id);
            }
            Some(Move::FinishJob) => {
                let id = self.one_of(&works);
                let Self { hosts, rng, ledger, .. } = self;
                hosts.get_mut(&id).into_iter().for_each(|host| host.finish_job(rng, ledger));
            }
            Some(Move::PassTime) => {
                let horizons = self.hosts.values().filter_map(|host| host.native.as_ref());
                let horizon = horizons.map(|native| native.horizon).min().unwrap_or(Time(u64::MAX));
                self.pass_time(next.unwrap_or(self.clock).min(horizon));
            }
            None => return false,
        }
        self.audit_tick();
        true
    }

    /// One of several hosts. Where there is no choice, chance isn't asked.
    pub(crate) fn one_of(&mut self, hosts: &[HostId]) -> HostId {
        if let [only] = hosts { *only } else { hosts[self.rng.below(hosts.len())] }
    }

    /// One step of an activation; others may have theirs in between.
    fn step(&mut self, at: HostId, place: usize) {
        let Some((me, mut actor)) = self.host_mut(at).take_active(place) else { return };
        let mut now = self.clock;
        let step = actor.step(&mut now, &mut Carrier { world: self, at, me });
        if step == Step::Over && actor.turn().phase(now) == ActorPhase::Paused {
            self.see("pauses");
        }
        self.host_mut(at).put_back(me, actor, &step);
    }

    /// An `Admin` hears what happened at its host.
    fn hear(&mut self, id: HostId) {
        let Some(event) = self.host_mut(id).next_event() else { return };
        // A wish leaves nothing behind with a stranger but the answer.
        let is_wish = matches!(event, Event::Actor(ActorEvent::Monitored { .. }));
        let is_astray = is_wish && self.sabotaged(Sabotage::TellAnotherHost, 50);
        let other = self.ids().into_iter().find(|other| is_astray && *other != id);
        self.tell_admin(other.unwrap_or(id), event);
    }

    /// Lets the rest of the world go on while a handler runs. False: too many wait already.
    pub(crate) fn let_others(&mut self, ticks: usize, at: HostId, me: ActorAddress) -> bool {
        if self.depth >= DEPTH_MAX {
            return false;
        }
        self.depth += 1;
        for _ in 0..ticks {
            let cell = self.host(at).cells.get(&me);
            if cell.is_some_and(|cell| cell.killed.is_some()) || !self.tick() {
                break;
            }
        }
        self.depth -= 1;
        true
    }

    fn pass_time(&mut self, to: Time) {
        self.clock = self.clock.max(to);
        let now = self.clock;
        for id in self.ids() {
            while let Some(actor) = self.next_due(id) {
                self.host_mut(id).ring(actor, now);
            }
            if self.host(id).admin().deadline().is_some_and(|deadline| deadline <= self.clock) {
                self.tell_admin(id, Event::TimePassed);
            }
        }
    }

    /// The next actor of this host whose alarm goes off now.
    fn next_due(&mut self, id: HostId) -> Option<ActorAddress> {
        let now = self.clock;
        self.host_mut(id).alarms.pop_due(now).map(|(_, actor)| actor)
    }

    /// Time jumps, though there is nothing to do then.
    #[cfg(not(thespian_mistakes))]
    pub(crate) fn wait_until(&mut self, then: Time) {
        self.clock = then;
    }
}
