//! No actor runs where its class says no, and those that run where it has come to say no are told.

use std::collections::BTreeSet;

use thespian_core::address::ActorAddress;
use thespian_core::event::Event;
use thespian_core::life::ActorEvent;
use thespian_core::plan::Plan;
use thespian_core::question::Question;
use thespian_core::source::registry::Availability;

use crate::classes::{has_check, suits};
use crate::host::Host;

#[derive(Default)]
pub(crate) struct Suitability {
    /// Actors that the last change of their host did not have to reach: their source was unloaded.
    unasked: BTreeSet<ActorAddress>,
}

impl Suitability {
    /// The host has changed, or a source is to go: notes who is asked nothing because its source is not there.
    pub(crate) fn heard(&mut self, host: &Host, event: &Event) {
        let admin = host.admin();
        let is_unload = match event {
            Event::Actor(ActorEvent::CapabilityUpdated { name, value })
            | Event::Asked { question: Question::UpdateCapability { name, value }, .. }
                if admin.capabilities().get(name) != value.as_ref() =>
            {
                false
            }
            Event::Asked { question: Question::Unload { .. }, .. } => true,
            _ => return,
        };
        for (address, member) in admin.family().iter() {
            let Some(source) = member.source.filter(|_| member.has_own_check) else { continue };
            let is_there = matches!(admin.sources().availability(source), Availability::Loaded(_));
            if is_unload || !is_there {
                self.unasked.insert(address);
            } else {
                self.unasked.remove(&address);
            }
        }
    }

    /// Nothing is to be done any more: who was asked about is told.
    pub(crate) fn unheard(&self, host: &Host) -> Vec<String> {
        let capabilities = host.admin().capabilities();
        let lives_on = host.admin().family().iter().filter(|(address, member)| {
            member.has_own_check
                && !self.unasked.contains(address)
                && !suits(capabilities, &member.requirements)
        });
        let told = lives_on.filter(|(_, member)| !member.is_exiting() && member.unfit.is_none());
        told.map(|(address, _)| format!("{address} lives on where its class says no")).collect()
    }
}

/// An actor is to run.
pub(crate) fn instantiated(host: &Host, plan: &Plan) -> Option<String> {
    let is_wrong = has_check(&plan.class) && !suits(host.admin().capabilities(), &plan.requirements);
    is_wrong.then(|| format!("{} is to run where its class says no", plan.address))
}
