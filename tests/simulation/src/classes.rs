//! What the sources of the random lives offer, and on which hosts it runs: one class decides that by a check of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use thespian_core::address::ActorAddress;
use thespian_core::capability::{Capabilities, Clause, Requirement, Value};
use thespian_core::effect::Plan;
use thespian_core::fate::OnTrap;
use thespian_core::placement::PlacementQuestion;
use thespian_core::source::registry::Availability;
use thespian_core::source::{ActorClass, SourceInfo, Transient};

use crate::world::World;

/// Actors of the class `choosy` that the last change of the host did not have to reach: their source was unloaded.
pub(crate) type Unasked = BTreeSet<ActorAddress>;

const CHOOSY: &str = "choosy";
/// What a host has on which no such actor runs.
pub(crate) const CLOSED: &str = "closed";

/// What the node has from its start.
pub(crate) fn host() -> Capabilities {
    ["gold", "tin"].into_iter().map(|metal| (metal.to_string(), Value::Boolean(true))).collect()
}

pub(crate) fn info() -> SourceInfo {
    let class = |name: &str, on_trap, transient| ActorClass {
        name: name.to_string(),
        requires: Vec::new(),
        custom_placement: name == CHOOSY,
        on_trap,
        transient,
        receives: Vec::new(),
    };
    let classes = vec![
        class("lasting", OnTrap::Restart, None),
        class("mortal", OnTrap::Exit, None),
        class("limited", OnTrap::RestartWithinBudget, None),
        class("fleeting", OnTrap::Restart, Some(Transient::After(Duration::from_millis(800)))),
        class("idle", OnTrap::RestartWithinBudget, Some(Transient::Idle(Duration::from_millis(300)))),
        class(CHOOSY, OnTrap::Restart, None),
    ];
    SourceInfo { name: String::new(), version: String::new(), sdk: String::new(), classes }
}

/// The check of the class `choosy`: not on a closed host, and not for who requires tin.
fn suits(capabilities: &Capabilities, required: &[Requirement]) -> bool {
    !capabilities.contains_key(CLOSED) && required.iter().all(|requirement| requirement.name != "tin")
}

impl World {
    /// What a creator requires: nothing, or a metal.
    pub(crate) fn some_requirements(&mut self) -> Vec<Requirement> {
        let metal = self.rng.pick(&["", "", "gold", "tin"]).filter(|metal| !metal.is_empty());
        metal
            .map(|metal| Requirement { name: metal.to_string(), clause: Clause::IsTrue })
            .into_iter()
            .collect()
    }

    /// The check, which breaks now and then.
    pub(crate) fn check(&mut self, question: &PlacementQuestion) -> Result<bool, String> {
        self.see("checks of a class");
        if self.rng.chance(5) {
            return Err("it broke".to_string());
        }
        Ok(suits(&question.capabilities, &question.requirements))
    }

    /// Nobody is to run where its class says no.
    pub(crate) fn audit_plan(&self, plan: &Plan) -> Option<String> {
        let is_wrong = plan.class == CHOOSY && !suits(self.admin().capabilities(), &plan.requirements);
        is_wrong.then(|| format!("{} is to run where its class says no", plan.address))
    }

    /// The host has changed, or a source is to go: notes who is asked nothing because its source is not there.
    pub(crate) fn audit_change(&mut self, is_unload: bool) {
        let members = self.admin().family().iter();
        let choosy = members.filter_map(|(address, member)| {
            let source = member.source.filter(|_| member.has_own_check)?;
            let is_there = matches!(self.admin().sources().availability(source), Availability::Loaded(_));
            Some((address, is_unload || !is_there))
        });
        for (address, is_unasked) in choosy.collect::<Vec<_>>() {
            if is_unasked {
                self.unasked.insert(address);
            } else {
                self.unasked.remove(&address);
            }
        }
    }

    /// Nothing is to be done any more: who was asked about is told.
    pub(crate) fn audit_places(&mut self) {
        let capabilities = self.admin().capabilities();
        let lives_on = self.admin().family().iter().filter(|(address, member)| {
            member.has_own_check
                && !self.unasked.contains(address)
                && !suits(capabilities, &member.requirements)
        });
        let told = lives_on.filter(|(_, member)| !member.is_exiting() && member.unfit.is_none());
        let complaints: Vec<_> =
            told.map(|(address, _)| format!("{address} lives on where its class says no")).collect();
        self.ledger.violations.extend(complaints);
    }
}
