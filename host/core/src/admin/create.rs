//! How a create goes: from outside, from an actor, under a global name; now, or when its source is there.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::fit::has_objection;
use super::{Admin, answer};
use crate::address::ActorAddress;
use crate::capability::{Capabilities, Requirement, unmet};
use crate::effect::{Effect, Plan};
use crate::event::Asker;
use crate::family::Member;
use crate::limits::{CREATES_WAITING_BYTES_MAX, CREATES_WAITING_MAX, ERROR_TEXT_LEN_MAX, cut};
use crate::message::Message;
use crate::mistake::{Mistake, is_made};
use crate::names::{self, Found, Questioner};
use crate::outbox::{CreateChild, CreateOptions, check_create, check_global_name};
use crate::source::registry::Availability;
use crate::source::{SourceHash, SourceInfo};
use crate::wire::control::{ControlError, CreateActor};

/// A create that is not yet planned or not yet answered.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) asker: Option<Asker>,
    parent: Option<ActorAddress>,
    pub(super) source: SourceHash,
    class: Option<String>,
    options: CreateOptions,
}

/// What an actor with a global name is to be, if there is none of that name.
struct Wanted {
    /// Or why there can't be one.
    source: Result<SourceHash, ControlError>,
    class: Option<String>,
    options: CreateOptions,
}

/// How an actor would run on this host.
struct Planned {
    plan: Plan,
    /// What its class and its creator require.
    required: Vec<Requirement>,
    has_own_check: bool,
}

impl Create {
    pub(super) fn cost(&self) -> usize {
        self.options.init.as_ref().map_or(0, Message::cost)
    }
}

impl Admin {
    pub(super) fn create_asked(
        &mut self,
        asker: Asker,
        address: ActorAddress,
        create: CreateActor,
        effects: &mut Vec<Effect>,
    ) {
        let CreateActor { source, class, requirements, init, on_trap, name: global_name } = create;
        let options = CreateOptions { requirements, init, on_trap, watch_restarts: false };
        let shown = class.as_deref().unwrap_or("?");
        let checked = check_create(shown, &options).map_err(|error| ControlError::Invalid(error.to_string()));
        if let Some(name) = global_name {
            let named = check_global_name(&name)
                .map_err(|error| ControlError::Invalid(error.to_string()))
                .and(checked);
            if let Err(error) = named {
                effects.push(Effect::GiveBackPlace);
                return answer(asker, Err(error), effects);
            }
            let wanted = Wanted { source: self.sources.find(&source), class, options };
            return self.create_named(Questioner::Outside(asker), &name, address, wanted, effects);
        }
        self.family.add(address, None, if checked.is_ok() { shown } else { "?" }, None);
        match checked.and_then(|()| self.sources.find(&source)) {
            Ok(source) => {
                let create = Create { asker: Some(asker), parent: None, source, class, options };
                self.create(address, create, effects);
            }
            Err(error) => self.refuse(address, Some(asker), error, effects),
        }
    }

    pub(super) fn child_created(
        &mut self,
        parent: ActorAddress,
        child: CreateChild,
        effects: &mut Vec<Effect>,
    ) {
        let CreateChild { address, source, class, options } = child;
        let creator = self.family.get(parent).map(|creator| creator.source);
        if is_made(Mistake::HearOfChildrenLate) {
            self.family.add(address, Some(parent), &class, None);
        }
        self.family.describe(address, &class);
        match creator.and_then(|own| source.or(own)) {
            Some(source) => {
                let create =
                    Create { asker: None, parent: Some(parent), source, class: Some(class), options };
                self.create(address, create, effects);
            }
            None => {
                let error = ControlError::Invalid("its creator is gone".to_string());
                self.refuse(address, None, error, effects);
            }
        }
    }

    /// An actor asks for the actor of a global name. Its own source is meant where it names none.
    pub(super) fn named_asked(
        &mut self,
        by: ActorAddress,
        request: u64,
        name: &str,
        child: CreateChild,
        effects: &mut Vec<Effect>,
    ) {
        let CreateChild { address, source, class, options } = child;
        let own = || self.family.get(by).and_then(|member| member.source);
        let source = source.or_else(own);
        let source = source.ok_or_else(|| ControlError::Invalid("who asked for it is gone".to_string()));
        let wanted = Wanted { source, class: Some(class), options };
        self.create_named(Questioner::Actor { address: by, request }, name, address, wanted, effects);
    }

    /// If there is an actor of this name, or one is about to be, that is the answer, and the place that was taken for
    /// another goes back. Else it is created, with the host as its parent.
    fn create_named(
        &mut self,
        questioner: Questioner,
        name: &str,
        address: ActorAddress,
        wanted: Wanted,
        effects: &mut Vec<Effect>,
    ) {
        match self.names.get(name).filter(|_| !is_made(Mistake::CreateTwoOfAName)) {
            Some((address, true)) => {
                effects.push(Effect::GiveBackPlace);
                let found = self.found(address).map(|found| Found { already: true, ..found });
                return names::answer(questioner, name, found, effects);
            }
            Some((_, false)) => {
                effects.push(Effect::GiveBackPlace);
                return self.names.wait(name, questioner);
            }
            None => {}
        }
        effects.push(Effect::EnterPending(address));
        let Wanted { source, class, options } = wanted;
        self.family.add(address, None, class.as_deref().unwrap_or("?"), None);
        self.family.name(address, name.into());
        self.names.claim(name.into(), address);
        self.names.wait(name, questioner);
        match source {
            Ok(source) => {
                let create = Create { asker: None, parent: None, source, class, options };
                self.create(address, create, effects);
            }
            Err(error) => self.refuse(address, None, error, effects),
        }
    }

    pub(super) fn found(&self, address: ActorAddress) -> Result<Found, ControlError> {
        let member = self.family.get(address);
        let found = member.and_then(|member| {
            let class = || member.class.clone();
            member.source.map(|source| Found { address, source, class: class(), already: false })
        });
        found.ok_or(ControlError::TargetDead { target: address })
    }

    pub(super) fn create(&mut self, address: ActorAddress, create: Create, effects: &mut Vec<Effect>) {
        // The creator that it has now: one that kept its children in its exit turn is none of theirs any more.
        let parent = self.family.get(address).and_then(|member| member.parent);
        let parent = parent.and_then(|parent| self.family.get(parent));
        let parent_exits = parent.is_some_and(Member::is_exiting);
        let is_killed = [parent, self.family.get(address)].into_iter().flatten().any(Member::is_killed);
        let error = match self.sources.availability(create.source) {
            _ if self.stopping.is_some() => ControlError::ShuttingDown,
            _ if is_killed => ControlError::Invalid("its creator is killed".to_string()),
            _ if parent_exits => ControlError::Invalid("its creator is exiting".to_string()),
            Availability::Coming => match self.has_room_to_wait(&create) {
                Ok(()) => {
                    self.sources.wait(create.source, address);
                    return self.wait(address, create);
                }
                Err(error) => error,
            },
            Availability::No(error) => error,
            Availability::Loaded(info) => match self.plan(address, &create, info) {
                Ok(planned) => return self.place(planned, create, effects),
                Err(error) => error,
            },
        };
        self.refuse(address, create.asker, error, effects);
    }

    /// Has the planned actor run, if its class has no objection; a class that is yet to be asked is asked first.
    fn place(&mut self, planned: Planned, mut create: Create, effects: &mut Vec<Effect>) {
        let Planned { plan, required, has_own_check } = planned;
        let (address, source) = (plan.address, plan.source);
        // Most classes have no check, and cost no search.
        let answer = if has_own_check {
            self.placements.answer(source, &plan.class, &required)
        } else {
            Some(&Ok(()))
        };
        let error = match answer {
            None => match self.has_room_to_wait(&create) {
                Ok(()) => {
                    self.placements.wait(address, source, &plan.class, required, &self.capabilities, effects);
                    create.class = Some(plan.class);
                    return self.wait(address, create);
                }
                Err(error) => error,
            },
            Some(Err(why)) => has_objection(&plan.class, why),
            Some(Ok(())) => {
                self.family.resolve(address, &plan.class, source, required, has_own_check);
                self.sources.count(source, true);
                self.creators.extend(create.asker.map(|asker| (address, asker)));
                effects.push(Effect::Instantiate(Box::new(plan)));
                return;
            }
        };
        self.refuse(address, create.asker, error, effects);
    }

    fn has_room_to_wait(&self, create: &Create) -> Result<(), ControlError> {
        if self.waiting.len() >= CREATES_WAITING_MAX {
            return Err(ControlError::LimitReached(format!("{CREATES_WAITING_MAX} creates wait")));
        }
        if self.waiting_bytes + create.cost() > CREATES_WAITING_BYTES_MAX {
            let bytes = "the init messages of creates that wait may take";
            return Err(ControlError::LimitReached(format!("{bytes} {CREATES_WAITING_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    fn wait(&mut self, address: ActorAddress, create: Create) {
        self.waiting_bytes += create.cost();
        self.waiting.insert(address, create);
    }

    pub(super) fn resume(&mut self, waited: Vec<ActorAddress>, effects: &mut Vec<Effect>) {
        for address in waited {
            if let Some(create) = self.take_waiting(address) {
                self.create(address, create, effects);
            }
        }
    }

    pub(super) fn take_waiting(&mut self, address: ActorAddress) -> Option<Create> {
        let create = self.waiting.remove(&address)?;
        self.waiting_bytes -= create.cost();
        Some(create)
    }

    /// If this actor's create waits, it does so no longer.
    pub(super) fn stop_waiting(
        &mut self,
        address: ActorAddress,
        error: impl FnOnce() -> ControlError,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(create) = self.take_waiting(address) {
            self.sources.stop_waiting(create.source, address);
            if let Some(class) = &create.class {
                self.placements.stop_waiting(create.source, class, address);
            }
            self.refuse(address, create.asker, error(), effects);
        }
    }

    /// A create fails before the actor runs. Who asked hears it by its typed name, not only as the actor's end.
    pub(super) fn refuse(
        &mut self,
        address: ActorAddress,
        asker: Option<Asker>,
        error: ControlError,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::RefuseCreate { address, reason: cut(error.to_string(), ERROR_TEXT_LEN_MAX) });
        if let Some(name) = self.family.get(address).and_then(|member| member.name.clone()) {
            self.names.free(&name, address, &error, effects);
        }
        if let Some(asker) = asker {
            answer(asker, Err(error), effects);
        }
    }

    /// How to run the actor on this host, and what it requires in all.
    ///
    /// # Errors
    /// The source has no such class, or the host lacks what it requires.
    fn plan(
        &self,
        address: ActorAddress,
        create: &Create,
        info: &SourceInfo,
    ) -> Result<Planned, ControlError> {
        let classes = || info.classes.iter().map(|class| class.name.clone()).collect();
        let class = match (&create.class, info.classes.as_slice()) {
            (None, [only]) => only,
            (None, _) => return Err(ControlError::ClassNeeded { classes: classes() }),
            (Some(name), all) => all
                .iter()
                .find(|class| class.name == *name)
                .ok_or_else(|| ControlError::NoSuchClass { class: name.clone(), classes: classes() })?,
        };
        let required = class.requires.iter().chain(&create.options.requirements);
        let missing: Vec<String> =
            unmet(&self.capabilities, required.clone()).map(describe_unmet(&self.capabilities)).collect();
        if !missing.is_empty() {
            return Err(ControlError::NoCompatibleHost { class: class.name.clone(), unmet: missing });
        }
        let plan = Plan {
            address,
            parent: create.parent,
            source: create.source,
            class: class.name.clone(),
            on_trap: create.options.on_trap.unwrap_or(class.on_trap),
            watch_restarts: create.options.watch_restarts,
            requirements: create.options.requirements.clone(),
            init: create.options.init.clone(),
            name: self.family.get(address).and_then(|member| member.name.clone()),
            transient: class.transient,
            rights: self.sources.rights(create.source),
            log_level: self.log_levels.of(address, Some(create.source)),
        };
        Ok(Planned { plan, required: required.cloned().collect(), has_own_check: class.custom_placement })
    }
}

fn describe_unmet(capabilities: &Capabilities) -> impl Fn(&Requirement) -> String {
    move |requirement| match capabilities.get(&requirement.name) {
        Some(value) => format!("this host: {requirement} does not hold, it is {value}"),
        None => format!("this host: {requirement} does not hold, it has no such capability"),
    }
}
