//! How a create goes: from outside, from an actor, under a global name; now, or when its source is there.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Admin, answer};
use crate::address::ActorAddress;
use crate::capability::{Capabilities, Requirement, unmet};
use crate::effect::{Effect, Plan};
use crate::event::Asker;
use crate::family::Member;
use crate::limits::{CREATES_WAITING_BYTES_MAX, CREATES_WAITING_MAX, ERROR_TEXT_LEN_MAX, cut};
use crate::log_level::LogLevel;
use crate::message::Message;
use crate::mistake::{Mistake, is_made};
use crate::names::{self, Found, Questioner};
use crate::outbox::{CreateChild, CreateOptions, check_create, check_global_name};
use crate::source::registry::Availability;
use crate::source::{Rights, SourceHash, SourceInfo};
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
        if let Some(name) = global_name {
            let checked = check_global_name(&name)
                .and_then(|()| check_create(class.as_deref().unwrap_or("?"), &options));
            if let Err(error) = checked {
                effects.push(Effect::GiveBackPlace);
                return answer(asker, Err(ControlError::Invalid(error.to_string())), effects);
            }
            let questioner = Questioner::Outside(asker);
            if self.join_named(questioner, &name, effects) {
                return;
            }
            self.claim(questioner, name.into(), address, class.as_deref().unwrap_or("?"), effects);
            match self.sources.find(&source) {
                Ok(source) => {
                    let create = Create { asker: None, parent: None, source, class, options };
                    self.create(address, create, effects);
                }
                Err(error) => self.refuse(address, None, error, effects),
            }
            return;
        }
        let name = class.as_deref().unwrap_or("?");
        let checked = check_create(name, &options).map_err(|error| ControlError::Invalid(error.to_string()));
        self.family.add(address, None, if checked.is_ok() { name } else { "?" }, None);
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
        self.family.add(address, Some(parent), &class, None);
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
        questioner: Questioner,
        name: Box<str>,
        child: CreateChild,
        effects: &mut Vec<Effect>,
    ) {
        if self.join_named(questioner, &name, effects) {
            return;
        }
        let CreateChild { address, source, class, options } = child;
        let own = match questioner {
            Questioner::Actor { address, .. } => self.family.get(address).and_then(|member| member.source),
            Questioner::Outside(_) => None,
        };
        self.claim(questioner, name, address, &class, effects);
        match source.or(own) {
            Some(source) => {
                let create = Create { asker: None, parent: None, source, class: Some(class), options };
                self.create(address, create, effects);
            }
            None => {
                let error = ControlError::Invalid("who asked for it is gone".to_string());
                self.refuse(address, None, error, effects);
            }
        }
    }

    /// If there is an actor of this name, or one is about to be, that is the answer. The place that was taken for another
    /// goes back.
    pub(super) fn join_named(
        &mut self,
        questioner: Questioner,
        name: &str,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some((address, started)) = self.names.get(name) else { return false };
        effects.push(Effect::GiveBackPlace);
        if started {
            let found = self.found(address);
            names::answer(questioner, name, found, effects);
        } else {
            self.names.wait(name, questioner);
        }
        true
    }

    pub(super) fn claim(
        &mut self,
        questioner: Questioner,
        name: Box<str>,
        address: ActorAddress,
        class: &str,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::EnterPending(address));
        self.family.add(address, None, class, None);
        self.family.name(address, name.clone());
        self.names.claim(name.clone(), address);
        self.names.wait(&name, questioner);
    }

    pub(super) fn found(&self, address: ActorAddress) -> Result<Found, ControlError> {
        let member = self.family.get(address);
        let found = member.and_then(|member| {
            member.source.map(|source| Found { address, source, class: member.class.clone() })
        });
        found.ok_or(ControlError::TargetDead { target: address })
    }

    pub(super) fn create(&mut self, address: ActorAddress, create: Create, effects: &mut Vec<Effect>) {
        // The creator that it has now: one that kept its children in its exit turn is none of theirs any more.
        let parent = self.family.get(address).and_then(|member| member.parent);
        let parent = parent.and_then(|parent| self.family.get(parent));
        let parent_exits = parent.is_some_and(Member::is_exiting);
        let is_killed = [parent, self.family.get(address)].into_iter().flatten().any(Member::is_killed);
        let log_level = self.log_levels.of(address, Some(create.source));
        let error = match self.sources.availability(create.source) {
            _ if self.stopping.is_some() => ControlError::ShuttingDown,
            _ if is_killed => ControlError::Invalid("its creator is killed".to_string()),
            _ if parent_exits && !is_made(Mistake::CreateForTheExiting) => {
                ControlError::Invalid("its creator is exiting".to_string())
            }
            Availability::Coming if self.waiting.len() >= CREATES_WAITING_MAX => {
                ControlError::LimitReached(format!("{CREATES_WAITING_MAX} creates wait for their sources"))
            }
            Availability::Coming if self.waiting_bytes + create.cost() > CREATES_WAITING_BYTES_MAX => {
                let bytes = "the init messages of creates that wait for their sources may take";
                ControlError::LimitReached(format!("{bytes} {CREATES_WAITING_BYTES_MAX} bytes"))
            }
            Availability::Coming => {
                self.sources.wait(create.source, address);
                self.waiting_bytes += create.cost();
                self.waiting.insert(address, create);
                return;
            }
            Availability::No(error) => error,
            Availability::Loaded(info) => match plan(address, &create, info, &self.capabilities) {
                Ok((mut plan, requirements)) => {
                    plan.rights = self.sources.rights(plan.source);
                    plan.log_level = log_level;
                    plan.name = self.family.get(address).and_then(|member| member.name.clone());
                    self.family.resolve(address, &plan.class, plan.source, requirements);
                    self.sources.count(plan.source, true);
                    self.creators.extend(create.asker.map(|asker| (address, asker)));
                    effects.push(Effect::Instantiate(Box::new(plan)));
                    return;
                }
                Err(error) => error,
            },
        };
        self.refuse(address, create.asker, error, effects);
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

    /// If this actor's create waits for its source, it does so no longer.
    pub(super) fn stop_waiting(
        &mut self,
        address: ActorAddress,
        error: impl FnOnce() -> ControlError,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(create) = self.take_waiting(address) {
            self.sources.stop_waiting(create.source, address);
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
            self.names.free(&name, &error, effects);
        }
        if let Some(asker) = asker {
            answer(asker, Err(error), effects);
        }
    }
}

/// How to run the actor on this host, and what it requires in all.
///
/// # Errors
/// The source has no such class, or the host lacks what it requires.
fn plan(
    address: ActorAddress,
    create: &Create,
    info: &SourceInfo,
    capabilities: &Capabilities,
) -> Result<(Plan, Vec<Requirement>), ControlError> {
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
        unmet(capabilities, required.clone()).map(describe_unmet(capabilities)).collect();
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
        name: None,
        transient: class.transient,
        rights: Rights::default(),
        log_level: LogLevel::default(),
    };
    Ok((plan, required.cloned().collect()))
}

fn describe_unmet(capabilities: &Capabilities) -> impl Fn(&Requirement) -> String {
    move |requirement| match capabilities.get(&requirement.name) {
        Some(value) => format!("this host: {requirement} does not hold, it is {value}"),
        None => format!("this host: {requirement} does not hold, it has no such capability"),
    }
}
