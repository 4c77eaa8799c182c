//! The decider of a node's control plane: creation, exits, sources, and the node's own end.
//!
//! One function takes what happened and the time, and says what is to be done. Messages never come here.

mod actors_judging;
mod births;
mod create;
mod ends;
mod fit;
mod judging;
mod log_levels;
mod persons;
mod standing_actors;
mod stopping;
#[cfg(test)]
mod tests;

use alloc::string::ToString;

use births::Births;
use stopping::Stopping;

use crate::address::ActorAddress;
use crate::askers::{Askers, Subject};
use crate::capability::Capabilities;
use crate::concern::Concern;
use crate::dead_letters::DeadLetterHandler;
use crate::effect::{Effect, Effects};
use crate::event::Event;
use crate::family::Family;
use crate::life::ActorEvent;
use crate::log_level::LogLevels;
use crate::monitors::Monitors;
use crate::names::Names;
use crate::posts::Posts;
use crate::question::{Answer, Killer, Origin, Question, Refusal};
use crate::source::authority::SourceAuthority;
use crate::source::registry::{Availability, Registry};
use crate::source::{Appointment, Rights, SourceEffect, SourceEvent, SourceHash, SourceWatchers};
use crate::suitability::Suitability;
use crate::time::Time;

/// The control plane of one node.
///
/// Each part keeps one concern and knows no other; what passes between them stands in the files beside this one.
#[derive(Debug, Default)]
pub struct Admin {
    family: Family,
    births: Births,
    sources: Registry,
    authority: SourceAuthority,
    suitability: Suitability,
    names: Names,
    monitors: Monitors,
    dead_letters: DeadLetterHandler,
    source_watchers: SourceWatchers,
    log_levels: LogLevels,
    askers: Askers,
    stopping: Stopping,
    posts: Posts,
    /// The time of the event under way.
    now: Time,
}

impl Admin {
    /// The control plane of a host that has these capabilities.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        Self { suitability: Suitability::new(capabilities), ..Self::default() }
    }

    /// The same with an authority for its sources; without one it loads none.
    #[must_use]
    pub fn with_authority(self, authority: SourceAuthority) -> Self {
        Self { authority, ..self }
    }

    /// Everything that keeps something for actors while they live, in the order in which it hears of their ends; and
    /// those who wait.
    fn concerns(&mut self) -> ([&mut dyn Concern; 7], &mut Askers) {
        let Self {
            dead_letters,
            source_watchers,
            log_levels,
            monitors,
            names,
            sources,
            suitability,
            askers,
            ..
        } = self;
        ([dead_letters, source_watchers, log_levels, monitors, names, sources, suitability], askers)
    }

    /// Takes what happened and appends what is to be done.
    pub fn handle(&mut self, now: Time, event: Event, effects: &mut Effects) {
        self.now = now;
        match event {
            Event::Source(event) => self.source(now, event, effects),
            Event::Actor(event) => self.actor(now, event, effects),
            Event::Asked { origin, question } => self.asked(now, origin, question, effects),
            Event::Withdrawn(origin) => self.withdrawn(origin, effects),
            Event::TimePassed => self.time_passed(now, effects),
        }
        self.fill_hands(effects);
        for update in self.sources.take_updates() {
            self.source_watchers.tell(&update, effects);
        }
    }

    fn source(&mut self, now: Time, event: SourceEvent, effects: &mut Effects) {
        let waited = match event {
            SourceEvent::Judged { hash, offer, verdict } => {
                return self.judged(hash, offer, verdict, effects);
            }
            SourceEvent::Examined { hash, offer, papers, now } => {
                return self.examined(hash, offer, papers, now, effects);
            }
            SourceEvent::PlaceFound(place) => return self.place_found(now, place, effects),
            SourceEvent::Restored { offer, verdict } => {
                return self.restored(now, *offer, verdict, effects);
            }
            SourceEvent::PendingKept { hash, offer } => {
                return self.sources.pending_kept(hash, offer, &self.askers, effects);
            }
            SourceEvent::PendingFound { offer, left } => {
                return self.pending_found(now, *offer, left, effects);
            }
            SourceEvent::Validated { hash, runs, outcome, compile_us } => {
                let waited =
                    self.sources.validated(hash, runs, (outcome, compile_us), &mut self.askers, effects);
                if let Availability::Loaded(_) = self.sources.availability(hash)
                    && let Some(verdict) = self.sources.verdict(hash)
                {
                    self.authority.note(verdict);
                }
                waited
            }
            SourceEvent::Checked { source, class, outcome } => {
                return self.class_checked(source, &class, outcome, effects);
            }
        };
        self.resume(waited, effects);
    }

    fn actor(&mut self, now: Time, event: ActorEvent, effects: &mut Effects) {
        match event {
            ActorEvent::ChildrenEntered { parent, children } => {
                children.into_iter().for_each(|child| self.family.add(child, Some(parent), "?", None));
            }
            ActorEvent::ChildCreated { parent, child } => self.child_created(parent, *child, effects),
            ActorEvent::ChildKilled { parent, child } => self.child_killed(parent, child, effects),
            ActorEvent::Monitored { watcher, target } => self.monitored(watcher, target, effects),
            ActorEvent::Demonitored { watcher, target } => self.monitors.remove(watcher, target),
            ActorEvent::DeadLettersAsked { by, handles } => {
                if !handles || self.has_right(by, |rights| rights.dead_letters) {
                    self.dead_letters.asked(by, handles, effects);
                }
            }
            ActorEvent::CapabilityUpdated { name, value } => {
                // The turn's draft has checked it, and nobody waits to hear that the host has no room for it.
                drop(self.capability_updated(name, value, effects));
            }
            ActorEvent::UnloadAsked { by, source } => {
                if self.has_right(by, |rights| rights.sources) {
                    // It waits for no answer: there is nothing to unload, or it is not to be unloaded.
                    drop(self.unload(source, false, effects));
                }
            }
            ActorEvent::SourcesWatched { by, watches } => {
                if !watches || self.has_right(by, |rights| rights.sources) {
                    self.source_watchers.asked(by, watches, self.sources.updates(), effects);
                }
            }
            ActorEvent::AuthorityAsked { by, judges } => self.authority_asked(by, judges, effects),
            ActorEvent::OfferJudged { by, offer, verdict } => self.offer_judged(by, offer, verdict, effects),
            ActorEvent::AuthorityFailed { by, reason } => self.authority_failed(by, &reason, effects),
            ActorEvent::ShutdownAsked { .. } => self.stop(now, effects),
            ActorEvent::Started { address } => {
                self.started(address, effects);
                self.take_office(address, effects);
            }
            ActorEvent::Restarting { address } => self.restarting(address, effects),
            ActorEvent::Exiting { address, with_children } => {
                self.exiting(now, address, with_children, effects);
            }
            ActorEvent::PlaceFound { post, place } => self.post_place_found(now, post, place, effects),
            ActorEvent::Ended { address, reason } => {
                self.leave_office(now, address, &reason, effects);
                self.posts.ended(now, address, &reason);
                self.ended(address, reason, effects);
            }
        }
    }

    fn asked(&mut self, now: Time, origin: Origin, question: Question, effects: &mut Effects) {
        match question {
            Question::Load(offer) if self.is_stopping() => {
                effects.answer_load(origin, offer.hash, Err(Refusal::ShuttingDown));
            }
            Question::Load(offer) => self.offered(now, origin, *offer, effects),
            Question::Unload { source } => {
                let unloaded = self.unload(source, false, effects);
                effects.answer(origin, unloaded.map(|()| Answer::Done));
            }
            Question::SetAside { source } => {
                let unloaded = self.unload(source, true, effects);
                effects.answer(origin, unloaded.map(|()| Answer::Done));
            }
            Question::Approve { source, approval } => self.approved(origin, source, approval, effects),
            Question::Refuse { source, why } => self.refused(origin, source, why, effects),
            Question::Appoint { address } => self.appoint(now, Some(origin), address, effects),
            Question::Stand(actors) => {
                self.stand(now, actors, effects);
                effects.answer(origin, Ok(Answer::Done));
            }
            Question::Create(create) => self.create_for(Some(origin), *create, effects),
            Question::CreateNamed { name, child } => self.named_asked(origin, &name, *child, effects),
            Question::Exit { target, recursive } => self.exit_asked(origin, target, recursive, effects),
            Question::Kill { target } => self.kill_asked(origin, target, effects),
            Question::KillSource { source } => self.kill_source_asked(origin, source, effects),
            Question::Stop => self.stop_asked(now, origin, effects),
            Question::SetLogLevel { scope, level } => self.log_level_asked(origin, scope, level, effects),
            Question::UpdateCapability { name, value } => {
                self.capability_asked(origin, name, value, effects);
            }
            Question::SetPolicy(new) => self.policy_asked(origin, *new, effects),
            Question::AcceptClock { now } => {
                self.authority.accept_clock(now);
                effects.answer(origin, Ok(Answer::Done));
            }
            Question::Status { about } => effects.push(match origin {
                Origin::Client(asker) => Effect::ShowStatus { asker, about },
                Origin::Actor { address, request } => Effect::TellStatus { to: address, request, about },
            }),
        }
    }

    /// When [`Event::TimePassed`] is wanted next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let office = self.authority.appointment.as_ref().and_then(Appointment::deadline);
        let (births, posts) = (self.births.deadline(), self.posts.deadline());
        [self.family.deadline(), self.sources.deadline(), self.stopping.deadline(), births, posts, office]
            .into_iter()
            .flatten()
            .min()
    }

    /// The actors, and who created whom.
    #[must_use]
    pub const fn family(&self) -> &Family {
        &self.family
    }

    /// The sources that were offered.
    #[must_use]
    pub const fn sources(&self) -> &Registry {
        &self.sources
    }

    /// The authority over the sources, with what it has admitted.
    #[must_use]
    pub const fn authority(&self) -> &SourceAuthority {
        &self.authority
    }

    /// The global names.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// The capabilities of this host.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        self.suitability.capabilities()
    }

    /// The actor that is given the dead letters.
    #[must_use]
    pub const fn dead_letter_handler(&self) -> Option<ActorAddress> {
        self.dead_letters.get()
    }

    /// Whether an actor lives and has this right: it may have lost it in the turn that asked.
    fn has_right(&self, actor: ActorAddress, right: impl Fn(Rights) -> bool) -> bool {
        self.family.get(actor).is_some_and(|member| right(member.rights()))
    }

    /// Lets nobody create actors of a source any more: for good, or until the next start.
    fn unload(&mut self, source: SourceHash, comes_back: bool, effects: &mut Effects) -> Result<(), Refusal> {
        self.sources.check_known(source)?;
        if self.authority.appointment.as_ref().is_some_and(|office| office.source == source) {
            return Err(Refusal::OfTheAuthority { hash: source });
        }
        // What nobody has approved does not come back either.
        let comes_back = comes_back && self.sources.verdict(source).is_some();
        let mut waited = self.sources.unload(source, &mut self.askers, effects);
        if !comes_back {
            effects.push(SourceEffect::Erase(source));
        }
        waited.extend(self.suitability.unloaded(source));
        self.resume(waited, effects);
        Ok(())
    }

    fn started(&mut self, address: ActorAddress, effects: &mut Effects) {
        let found = self.found(address);
        let name = self.family.get(address).and_then(|member| member.name.as_deref());
        if let (Some(name), Ok(found)) = (name, &found) {
            self.names.started(name, found, &mut self.askers, effects);
        }
        for creator in self.askers.take(&Subject::Start(address)) {
            effects.answer(creator, found.clone().map(Answer::Created));
        }
    }

    /// Nobody has the address of an actor whose create still waits, so nobody would miss it.
    fn withdrawn(&mut self, origin: Origin, effects: &mut Effects) {
        for subject in self.askers.forget(origin) {
            if let Subject::Start(address) = subject {
                self.stop_waiting(address, Refusal::AskerLeft, effects);
            }
        }
    }

    fn time_passed(&mut self, now: Time, effects: &mut Effects) {
        for (hash, offer) in self.sources.overdue(now) {
            let silence = Err("its authority did not judge it in time".to_string());
            self.judged(hash, offer, silence, effects);
        }
        for (address, hash) in self.births.take_dues(now) {
            if self.sources.pending_of(hash).is_ok() {
                self.stop_waiting(address, Refusal::NotApproved { hash }, effects);
            }
        }
        for address in self.family.overdue(now) {
            self.kill(address, Killer::Patience, effects);
        }
        self.fill_office(now, effects);
        self.fill_posts(now, effects);
        self.stop_goes_on(now, effects);
    }
}
