//! Global names: each stands for one actor, whoever asks first.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::effect::Effects;
use crate::mistake::{Mistake, is_made};
use crate::question::{Found, Origin, Refusal};

#[derive(Debug)]
struct Entry {
    address: ActorAddress,
    /// Whether its start has returned; until then those who ask wait with who asked first.
    started: bool,
    /// The first of them has it created.
    is_asked_for: bool,
    /// Who waits, and whether another had asked before.
    waiting: Vec<(Origin, bool)>,
}

/// The names of a node.
#[derive(Debug, Default)]
pub struct Names {
    entries: BTreeMap<Box<str>, Entry>,
}

impl Names {
    /// The actor of a name, and whether it runs already.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(ActorAddress, bool)> {
        self.entries
            .get(name)
            .map(|entry| (entry.address, entry.started || is_made(Mistake::AnswerBeforeTheStart)))
    }

    /// The names that are taken, and by whom.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, ActorAddress)> {
        self.entries.iter().map(|(name, entry)| (&**name, entry.address))
    }

    /// `address` is to have the name, if its start succeeds.
    pub fn claim(&mut self, name: Box<str>, address: ActorAddress) {
        self.entries
            .insert(name, Entry { address, started: false, is_asked_for: false, waiting: Vec::new() });
    }

    /// Answers when the actor of the name has started, or failed to.
    pub fn wait(&mut self, name: &str, origin: Origin) {
        if let Some(entry) = self.entries.get_mut(name) {
            let already = core::mem::replace(&mut entry.is_asked_for, true);
            entry.waiting.push((origin, already));
        }
    }

    /// The actor of the name runs: those who wait hear.
    pub fn started(&mut self, name: &str, found: &Found, effects: &mut Effects) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.started = true;
            let skipped = usize::from(is_made(Mistake::AnswerNoQuestioner));
            for (origin, already) in core::mem::take(&mut entry.waiting).into_iter().skip(skipped) {
                effects.answer_name(origin, name, Ok(Found { already, ..found.clone() }));
            }
        }
    }

    /// The name of `address` is free again; who still waits hears why. One that was refused had lost it before its end,
    /// and another may have it by then.
    pub fn free(&mut self, name: &str, address: ActorAddress, error: &Refusal, effects: &mut Effects) {
        let is_theirs = |entry: &Entry| entry.address == address || is_made(Mistake::FreeTheNameOfAnother);
        if !self.entries.get(name).is_some_and(is_theirs) {
            return;
        }
        if let Some(entry) = self.entries.remove(name) {
            for (origin, _) in entry.waiting {
                effects.answer_name(origin, name, Err(error.clone()));
            }
        }
    }

    /// Nobody waits for this answer any more.
    pub fn forget_asker(&mut self, origin: Origin) {
        for entry in self.entries.values_mut() {
            entry.waiting.retain(|(waiting, _)| *waiting != origin);
        }
    }

    /// Everybody outside who waits hears this.
    pub fn close(&mut self, error: &Refusal, effects: &mut Effects) {
        for (name, entry) in &mut self.entries {
            for (origin, _) in core::mem::take(&mut entry.waiting) {
                effects.answer_name(origin, name, Err(error.clone()));
            }
        }
    }
}
