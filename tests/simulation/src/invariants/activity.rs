//! Whoever has something to do is activated: when nothing is under way, whoever waits, waits for a time.

use thespian_core::time::Time;

use super::{Ledger, Watch};
use crate::host::Host;

/// Nothing is to be done now.
pub(crate) fn quiet(host: &Host, ledger: &Ledger, now: Time) -> Vec<String> {
    let mut complaints = Vec::new();
    for (address, cell) in host.cells.iter().filter(|(_, cell)| !Watch::waits(cell, now)) {
        if !cell.mailbox.is_empty() {
            complaints.push(format!("{address} is not activated for what is in its mailbox"));
        }
        if cell.watch.exit.is_exiting() && ledger.living_children(*address).next().is_none() {
            complaints.push(format!("{address} is exiting and waits for nobody"));
        }
        let parent = ledger.children.parent(*address).and_then(|parent| host.cells.get(&parent));
        let is_to_exit = parent.is_some_and(|parent| parent.watch.exit.takes_children());
        if is_to_exit && !cell.watch.exit.is_exiting() {
            complaints.push(format!("{address} lives on while its creator waits for its end"));
        }
    }
    complaints
}
