//! How a create goes: from outside, from an actor, under a global name; now, or when its source is there.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::Admin;
use super::births::Create;
use super::fit::has_objection;
use crate::address::ActorAddress;
use crate::askers::Subject;
use crate::capability::Requirement;
use crate::effect::Effects;
use crate::family::Member;
use crate::life::LifeEffect;
use crate::outbox::{CreateChild, CreateOptions, check_create, check_global_name};
use crate::plan::{Plan, Settled};
use crate::question::{CreatorRights, Found, NewActor, Origin, Refusal};
use crate::source::registry::Availability;
use crate::source::{SourceHash, SourceInfo};

/// The reason why an address that was offered for an actor with a global name is not needed.
const HAS_ITS_NAME: &str = "another actor has its name";

/// The actor that is wanted for a global name, if there is none of that name.
struct Wanted {
    /// Or why there can't be one.
    source: Result<SourceHash, Refusal>,
    class: Option<String>,
    options: CreateOptions,
    creator: CreatorRights,
}

/// How an actor would run on this host.
struct Planned {
    plan: Plan,
    /// Requirements of its class and its creator.
    required: Vec<Requirement>,
    has_own_check: bool,
}

impl Admin {
    /// Creates an actor that the host itself is the parent of; where it has a name, it may be there already. Nobody may wait for it.
    pub(super) fn create_for(&mut self, origin: Option<Origin>, create: NewActor, effects: &mut Effects) {
        let Some(name) = create.name.clone() else {
            return self.create_unnamed(origin, create, effects);
        };
        let NewActor { address, source, class, options, creator, .. } = create;
        let checked = check_create(class.as_deref().unwrap_or("?"), &options).map_err(Refusal::from);
        if let Err(refusal) = check_global_name(&name).map_err(Refusal::from).and(checked) {
            effects.settle_nowhere(address, &refusal);
            if let Some(origin) = origin {
                effects.answer(origin, Err(refusal));
            }
            return;
        }
        let wanted = Wanted { source, class, options, creator };
        self.create_named(origin, &name, address, wanted, effects);
    }

    fn create_unnamed(&mut self, origin: Option<Origin>, create: NewActor, effects: &mut Effects) {
        let NewActor { address, source, class, options, creator, .. } = create;
        let shown = class.as_deref().unwrap_or("?");
        let checked = check_create(shown, &options).map_err(Refusal::from);
        effects.push(LifeEffect::EnterPending(address));
        self.family.add(address, None, if checked.is_ok() { shown } else { "?" }, None);
        if let Some(origin) = origin {
            self.askers.wait(origin, Subject::Start(address));
        }
        match checked.and(source) {
            Ok(source) => {
                let create = Create { parent: None, source, class, options, creator };
                self.create(address, create, effects);
            }
            Err(refusal) => self.refuse(address, refusal, effects),
        }
    }

    pub(super) fn child_created(&mut self, parent: ActorAddress, child: CreateChild, effects: &mut Effects) {
        let CreateChild { address, source, class, options } = child;
        let member = self.family.get(parent);
        let creator = CreatorRights::Own(member.map(Member::rights).unwrap_or_default());
        let own = member.map(|member| member.source);
        self.family.describe(address, &class);
        match own.and_then(|own| source.or(own)) {
            Some(source) => {
                let create = Create { parent: Some(parent), source, class: Some(class), options, creator };
                self.create(address, create, effects);
            }
            None => self.refuse(address, Refusal::CreatorGone, effects),
        }
    }

    /// The actor of a global name is asked for. An actor that names no source means its own.
    pub(super) fn named_asked(
        &mut self,
        origin: Origin,
        name: &str,
        child: CreateChild,
        effects: &mut Effects,
    ) {
        let CreateChild { address, source, class, options } = child;
        let by = match origin {
            Origin::Actor { address, .. } => self.family.get(address),
            Origin::Client(_) => None,
        };
        let source = source.or(by.and_then(|member| member.source)).ok_or(Refusal::AskerGone);
        let creator = CreatorRights::Own(by.map(Member::rights).unwrap_or_default());
        let wanted = Wanted { source, class: Some(class), options, creator };
        self.create_named(Some(origin), name, address, wanted, effects);
    }

    /// If there is an actor of this name, or one is about to be, that is the answer, and the place that was taken for
    /// another goes back. Else it is created, with the host as its parent.
    fn create_named(
        &mut self,
        origin: Option<Origin>,
        name: &str,
        offered: ActorAddress,
        wanted: Wanted,
        effects: &mut Effects,
    ) {
        match self.names.get(name) {
            Some((address, true)) => {
                effects.settle_nowhere(offered, &HAS_ITS_NAME);
                if let Some(origin) = origin {
                    let found = self.found(address).map(|found| Found { already: true, ..found });
                    effects.answer_name(origin, name, found);
                }
                return;
            }
            Some((_, false)) => {
                effects.settle_nowhere(offered, &HAS_ITS_NAME);
                return self.await_name(origin, name);
            }
            None => {}
        }
        effects.push(LifeEffect::EnterPending(offered));
        let Wanted { source, class, options, creator } = wanted;
        self.family.add(offered, None, class.as_deref().unwrap_or("?"), None);
        self.family.name(offered, name.into());
        self.names.claim(name.into(), offered, origin);
        self.await_name(origin, name);
        match source {
            Ok(source) => {
                let create = Create { parent: None, source, class, options, creator };
                self.create(offered, create, effects);
            }
            Err(error) => self.refuse(offered, error, effects),
        }
    }

    fn await_name(&mut self, origin: Option<Origin>, name: &str) {
        if let Some(origin) = origin {
            self.askers.wait(origin, Subject::Name(name.into()));
        }
    }

    pub(super) fn found(&self, address: ActorAddress) -> Result<Found, Refusal> {
        let member = self.family.get(address);
        let found = member.and_then(|member| {
            let class = || member.class.clone();
            member.source.map(|source| Found { address, source, class: class(), already: false })
        });
        found.ok_or(Refusal::TargetDead { target: address })
    }

    pub(super) fn create(&mut self, address: ActorAddress, create: Create, effects: &mut Effects) {
        // The creator that it has now: one that kept its children in its exit turn is none of theirs any more.
        let parent = self.family.get(address).and_then(|member| member.parent);
        let parent = parent.and_then(|parent| self.family.get(parent));
        let parent_exits = parent.is_some_and(Member::is_exiting);
        let is_killed = [parent, self.family.get(address)].into_iter().flatten().any(Member::is_killed);
        let error = match self.sources.availability(create.source) {
            _ if self.is_stopping() => Refusal::ShuttingDown,
            _ if is_killed => Refusal::CreatorKilled,
            _ if parent_exits => Refusal::CreatorExiting,
            Availability::Coming => {
                let source = create.source;
                match self.births.wait(self.now, address, create) {
                    Ok(()) => return self.sources.wait(source, address),
                    Err(error) => error,
                }
            }
            Availability::No(error) => error,
            Availability::Loaded(info) => match self.plan(address, &create, info) {
                Ok(planned) => return self.place(planned, create, effects),
                Err(error) => error,
            },
        };
        self.refuse(address, error, effects);
    }

    /// Has the planned actor run, if its class has no objection; a class that is yet to be asked is asked first.
    fn place(&mut self, planned: Planned, create: Create, effects: &mut Effects) {
        let Planned { plan, required, has_own_check } = planned;
        let (address, source) = (plan.address, plan.source);
        // Most classes have no check, and cost no search.
        let answer = if has_own_check {
            self.suitability.answer(source, &plan.class, &required)
        } else {
            Some(&Ok(()))
        };
        let error = match answer {
            None => {
                let class = Some(plan.class.clone());
                match self.births.wait(self.now, address, Create { class, ..create }) {
                    Ok(()) => {
                        return self.suitability.wait(address, source, &plan.class, required, effects);
                    }
                    Err(error) => error,
                }
            }
            Some(Err(why)) => has_objection(&plan.class, why),
            Some(Ok(())) => {
                self.family.resolve(address, &plan.class, source, required, has_own_check);
                self.family.give(address, plan.rights);
                self.sources.count(source);
                effects.push(LifeEffect::Settle { address, place: Settled::Here(Box::new(plan)) });
                return;
            }
        };
        self.refuse(address, error, effects);
    }

    pub(super) fn resume(&mut self, waited: Vec<ActorAddress>, effects: &mut Effects) {
        for address in waited {
            if let Some(create) = self.births.take(address) {
                self.create(address, create, effects);
            }
        }
    }

    /// If this actor's create waits, it does so no longer.
    pub(super) fn stop_waiting(&mut self, address: ActorAddress, refusal: Refusal, effects: &mut Effects) {
        if let Some(create) = self.births.take(address) {
            self.sources.stop_waiting(create.source, address);
            if let Some(class) = &create.class {
                self.suitability.stop_waiting(create.source, class, address);
            }
            self.refuse(address, refusal, effects);
        }
    }

    /// A create fails before the actor runs. Who asked hears it by its typed name, not only as the actor's end.
    pub(super) fn refuse(&mut self, address: ActorAddress, refusal: Refusal, effects: &mut Effects) {
        effects.settle_nowhere(address, &refusal);
        if let Some(name) = self.family.get(address).and_then(|member| member.name.clone()) {
            self.names.free(&name, address, &refusal, &mut self.askers, effects);
        }
        self.askers.refuse(&Subject::Start(address), &refusal, effects);
    }

    /// How to run the actor on this host, and what it requires in all.
    ///
    /// # Errors
    /// The source has no such class, or the host lacks what it requires.
    fn plan(&self, address: ActorAddress, create: &Create, info: &SourceInfo) -> Result<Planned, Refusal> {
        let classes = || info.classes.iter().map(|class| class.name.clone()).collect();
        let class = match (&create.class, info.classes.as_slice()) {
            (None, [only]) => only,
            (None, _) => return Err(Refusal::ClassNeeded { classes: classes() }),
            (Some(name), all) => all
                .iter()
                .find(|class| class.name == *name)
                .ok_or_else(|| Refusal::NoSuchClass { class: name.clone(), classes: classes() })?,
        };
        let required = class.requires.iter().chain(&create.options.requirements);
        let missing = self.suitability.unmet(required.clone());
        if !missing.is_empty() {
            return Err(Refusal::NoCompatibleHost { class: class.name.clone(), unmet: missing });
        }
        let plan = Plan {
            address,
            parent: create.parent,
            source: create.source,
            class: class.name.clone(),
            on_trap: create.options.on_trap.unwrap_or(class.on_trap),
            children_at_restart: class.children_at_restart,
            watch_restarts: create.options.watch_restarts,
            requirements: create.options.requirements.clone(),
            init: create.options.init.clone(),
            name: self.family.get(address).and_then(|member| member.name.clone()),
            transient: class.transient,
            rights: self.sources.rights_for(create.source, create.creator),
            limits: self.sources.limits(create.source),
            log_level: self.log_levels.of(address, Some(create.source)),
        };
        Ok(Planned { plan, required: required.cloned().collect(), has_own_check: class.custom_placement })
    }
}
