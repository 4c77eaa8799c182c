//! What the host has changes, and with it whom it suits: by the clauses of a class, and by the class's own check.

use alloc::string::{String, ToString};

use super::Admin;
use crate::capability::Value;
use crate::effect::Effects;
use crate::question::{Answer, Origin, Refusal, Unmet};
use crate::source::SourceHash;
use crate::source::registry::Availability;
use crate::suitability::Told;

impl Admin {
    pub(super) fn capability_asked(
        &mut self,
        origin: Origin,
        name: String,
        value: Option<Value>,
        effects: &mut Effects,
    ) {
        let updated = self.capability_updated(name, value, effects);
        effects.answer(origin, updated.map(|()| Answer::Done));
    }

    /// Only a real change has consequences.
    pub(super) fn capability_updated(
        &mut self,
        name: String,
        value: Option<Value>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.suitability.update(name, value, effects)? {
            self.family.check_fit(self.suitability.capabilities(), effects);
            self.check_classes(effects);
        }
        Ok(())
    }

    /// Asks the classes with a check of their own about their actors that run. A source that was unloaded is asked
    /// nothing: its actors stay for as long as the clauses hold.
    fn check_classes(&mut self, effects: &mut Effects) {
        let Self { suitability, births, family, sources, .. } = self;
        suitability.changed(|address| births.contains(address));
        for (address, member) in family.iter().filter(|(_, member)| member.has_own_check) {
            if let (Some(source), None) = (member.source, &member.unfit)
                && matches!(sources.availability(source), Availability::Loaded(_))
            {
                let requirements = member.requirements.clone();
                suitability.wait(address, source, &member.class, requirements, effects);
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
        let told = self.suitability.answered(source, class, outcome, effects);
        let Some(Told { who, answer }) = told else { return };
        for address in who {
            match (self.births.take(address), &answer) {
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
