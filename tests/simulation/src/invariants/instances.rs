//! A lost instance is not used again; the next is counted, comes after a pause if the one before could not start, and is not
//! tried with a message that can't be tried again.

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::fate::{Failed, Failure, Fault};
use thespian_core::limits::RESTART_PAUSE_MIN;
use thespian_core::outbox::Outbox;
use thespian_core::time::Time;

use super::Ledger;
use super::messages::number;
use crate::host::Cell;

/// What is known of an actor's instances from outside its rules.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    is_there: bool,
    has_started: bool,
    failed_to_restart: Option<Time>,
    /// Instances after the first, also those that could not start.
    restarts: u64,
    /// The message whose turn lost the instance.
    tried: Option<u64>,
}

impl Instances {
    pub(crate) const fn is_there(&self) -> bool {
        self.is_there
    }

    pub(crate) const fn has_started(&self) -> bool {
        self.has_started
    }

    /// An instance is to be made.
    pub(crate) fn begins(&mut self, me: ActorAddress, ledger: &Ledger, now: Time) -> Vec<String> {
        let kept = self.tried.filter(|_| self.failed_to_restart.is_some());
        let kept = kept.filter(|id| ledger.messages.is_open(*id));
        let kept = kept.map(|id| format!("{me} keeps {id}, which it could not try again"));
        let pause = self.failed_to_restart.take().map(|then| now.since(then));
        let hurries = pause.is_some_and(|pause| pause < RESTART_PAUSE_MIN);
        kept.into_iter().chain(hurries.then(|| format!("{me} restarts without a pause"))).collect()
    }

    /// It was made, or could not start. Whether it is the actor's first.
    pub(crate) fn begun(&mut self, result: &Result<Box<Outbox>, Failed>, now: Time) -> bool {
        let is_killed = matches!(result, Err(Failed { failure: Failure::Fault(Fault::Killed), .. }));
        let had_started = self.has_started;
        self.restarts += u64::from(had_started && !is_killed);
        self.is_there = result.is_ok();
        self.failed_to_restart = (had_started && result.is_err()).then_some(now);
        self.has_started |= result.is_ok();
        result.is_ok() && !had_started
    }

    /// A turn begins in it.
    pub(crate) fn turn_began(&mut self, envelope: &Envelope) -> Option<String> {
        self.tried = match &envelope.body {
            Body::Message(message) => Some(number(message)),
            _ => None,
        };
        (!self.is_there).then(|| format!("{} is called in a lost instance", envelope.target))
    }

    /// It is over.
    pub(crate) fn turn_ended(&mut self, result: &Result<Box<Outbox>, Failed>) {
        match result {
            Err(Failed { failure: Failure::Fault(_), .. }) => self.is_there = false,
            _ => self.tried = None,
        }
    }
}

/// At any moment.
pub(crate) fn check(address: ActorAddress, cell: &Cell) -> Option<String> {
    let counted = cell.actor.as_ref()?.turn().counters().restarts;
    let there = cell.watch.instances.restarts;
    (counted != there).then(|| format!("{address} was restarted {there} times"))
}
