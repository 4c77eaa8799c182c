//! What the sources of the random lives offer, and on which hosts it runs: one class decides that by a check of its own.

use std::time::Duration;

use thespian_core::capability::{Capabilities, Requirement, Value};
use thespian_core::fate::{ChildrenAtRestart, OnTrap};
use thespian_core::source::{ActorClass, ClassCheck, SourceInfo, Transient};

use crate::rng::Rng;

const CHOOSY: &str = "choosy";
/// Its children end before it starts again.
const CLEARING: &str = "clearing";
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
        children_at_restart: if name == CLEARING { ChildrenAtRestart::End } else { ChildrenAtRestart::Keep },
        init: None,
    };
    let classes = vec![
        class("lasting", OnTrap::Restart, None),
        class("mortal", OnTrap::Exit, None),
        class("limited", OnTrap::RestartWithinBudget, None),
        class("fleeting", OnTrap::Restart, Some(Transient::After(Duration::from_millis(800)))),
        class("idle", OnTrap::RestartWithinBudget, Some(Transient::Idle(Duration::from_millis(300)))),
        class(CHOOSY, OnTrap::Restart, None),
        class(CLEARING, OnTrap::Restart, None),
    ];
    SourceInfo { name: String::new(), version: String::new(), sdk: String::new(), classes, memory_bytes: 0 }
}

/// Whether actors of the class have a check of their own.
pub(crate) fn has_check(class: &str) -> bool {
    class == CHOOSY
}

/// The check of the class `choosy`: not on a closed host, and not for a creator that requires tin.
pub(crate) fn suits(capabilities: &Capabilities, required: &[Requirement]) -> bool {
    !capabilities.contains_key(CLOSED) && required.iter().all(|requirement| requirement.name != "tin")
}

/// The check, which breaks now and then.
pub(crate) fn check(rng: &mut Rng, question: &ClassCheck) -> Result<bool, String> {
    if rng.chance(5) {
        return Err("it broke".to_string());
    }
    Ok(suits(&question.capabilities, &question.requirements))
}
