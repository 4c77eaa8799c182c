//! A creator can end its child, and does; nobody else can.

use thespian_core::address::ActorAddress;
use thespian_core::effect::Effect;
use thespian_core::event::Event;
use thespian_core::life::ActorEvent;
use thespian_core::time::Time;

use super::{Ledger, Watch};
use crate::host::{Cell, Host};

/// What a kill is to bring about.
pub(crate) struct Kill {
    parent: ActorAddress,
    child: ActorAddress,
    is_child: bool,
    is_sure: bool,
}

/// `Admin` hears of a kill, if it is one.
pub(crate) fn asked(host: &Host, ledger: &Ledger, event: &Event) -> Option<Kill> {
    let &Event::Actor(ActorEvent::ChildKilled { parent, child }) = event else { return None };
    let is_child = ledger.children.parent(child) == Some(parent);
    // One that exits may have let its children live.
    let is_sure = is_child
        && host.cells.contains_key(&child)
        && host.cells.get(&parent).is_some_and(|cell| !cell.watch.exit.is_exiting());
    Some(Kill { parent, child, is_child, is_sure })
}

impl Kill {
    pub(crate) const fn seen(&self) -> &'static str {
        if self.is_child { "children killed" } else { "kills of strangers" }
    }

    /// Before the effects are carried out.
    pub(crate) fn decided(&self, effects: &[Effect]) -> Option<String> {
        let Self { parent, child, is_child, .. } = self;
        (!is_child && !effects.is_empty())
            .then(|| format!("{parent} kills {child}, which is no child of its"))
    }

    /// When they are.
    pub(crate) fn done(&self, host: &Host) -> Option<String> {
        let Self { parent, child, is_sure, .. } = self;
        let ended = |cell: &Cell| cell.actor.as_ref().is_some_and(|actor| actor.turn().ended().is_some());
        let lives = host.cells.get(child).is_some_and(|cell| cell.killed.is_none() && !ended(cell));
        (*is_sure && lives).then(|| format!("{child} lives on, though {parent} has killed it"))
    }
}

/// Nothing is to be done now. `is_last`: and nothing will be.
pub(crate) fn quiet(host: &Host, now: Time, is_last: bool) -> impl Iterator<Item = String> {
    let killed = host.cells.iter().filter(|(_, cell)| cell.killed.is_some());
    killed
        .filter(move |(_, cell)| is_last || !Watch::waits(cell, now))
        .map(|(address, _)| format!("{address} is killed and lives on"))
}
