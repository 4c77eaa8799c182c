//! What the host has changes, and with it whom it suits: by the clauses of a class, and by the class's own check.

use alloc::string::{String, ToString};
use alloc::sync::Arc;

use super::Admin;
use crate::capability::Value;
use crate::effect::{Effect, Effects};
use crate::limits::CAPABILITIES_LEN_MAX;
use crate::outbox::check_capability;
use crate::question::{Answer, MetBound, Origin, Refusal, Unmet};
use crate::source::SourceHash;
use crate::source::registry::Availability;
use crate::suitability::Told;

impl Admin {
    /// Only a real change has consequences.
    pub(super) fn capability_updated(
        &mut self,
        origin: Option<Origin>,
        name: String,
        value: Option<Value>,
        effects: &mut Effects,
    ) {
        let checked = check_capability(&name, value.as_ref());
        let is_new = value.is_some() && !self.capabilities.contains_key(&name);
        let outcome = match checked {
            Err(error) => Err(error.into()),
            Ok(()) if is_new && self.capabilities.len() >= CAPABILITIES_LEN_MAX => {
                Err(Refusal::LimitReached(MetBound::Capabilities))
            }
            Ok(()) => {
                if self.capabilities.get(&name) != value.as_ref() {
                    match value {
                        Some(value) => drop(self.capabilities.insert(name, value)),
                        None => drop(self.capabilities.remove(&name)),
                    }
                    effects.push(Effect::SetCapabilities(Arc::new(self.capabilities.clone())));
                    self.family.check_fit(&self.capabilities, effects);
                    self.check_classes(effects);
                }
                Ok(Answer::Done)
            }
        };
        if let Some(origin) = origin {
            effects.answer(origin, outcome);
        }
    }

    /// Asks the classes with a check of their own about their actors that run. A source that was unloaded is asked
    /// nothing: its actors stay for as long as the clauses hold.
    fn check_classes(&mut self, effects: &mut Effects) {
        let Self { suitability, waiting, family, sources, capabilities, .. } = self;
        suitability.changed(|address| waiting.contains_key(&address));
        for (address, member) in family.iter().filter(|(_, member)| member.has_own_check) {
            if let (Some(source), None) = (member.source, &member.unfit)
                && matches!(sources.availability(source), Availability::Loaded(_))
            {
                let requirements = member.requirements.clone();
                suitability.wait(address, source, &member.class, requirements, capabilities, effects);
            }
        }
    }

    /// A class has said whether the host suits it: creates go on or fail, who runs stays or ends.
    pub(super) fn class_checked(
        &mut self,
        source: SourceHash,
        class: &str,
        outcome: Result<bool, String>,
        effects: &mut Effects,
    ) {
        let told = self.suitability.answered(source, class, outcome, &self.capabilities, effects);
        let Some(Told { who, answer }) = told else { return };
        for address in who {
            match (self.take_waiting(address), &answer) {
                (Some(create), Ok(())) => self.create(address, create, effects),
                (Some(_), Err(why)) => {
                    self.refuse(address, has_objection(class, why), effects);
                }
                (None, Ok(())) => {}
                (None, Err(why)) => self.family.end_as_unfit(address, why, effects),
            }
        }
    }
}

/// The refusal of an actor that can't run here although all clauses hold.
pub(super) fn has_objection(class: &str, why: &str) -> Refusal {
    Refusal::NoCompatibleHost { class: class.to_string(), unmet: [Unmet::OwnCheck(why.to_string())].into() }
}
