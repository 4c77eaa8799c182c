//! Global names: each stands for one actor, whoever asks first.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::effect::Effect;
use crate::envelope::{Body, Envelope, NamedActor};
use crate::event::Asker;
use crate::limits::{ERROR_TEXT_LEN_MAX, cut};
use crate::mistake::{Mistake, is_made};
use crate::source::SourceHash;
use crate::wire::control::{ControlError, Reply};

/// Who wants to know which actor has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Questioner {
    /// A program outside.
    Outside(Asker),
    /// An actor.
    Actor {
        /// Who.
        address: ActorAddress,
        /// Its question.
        request: u64,
    },
}

#[derive(Debug)]
struct Entry {
    address: ActorAddress,
    /// Whether its start has returned; until then those who ask wait with who asked first.
    started: bool,
    /// The first of them has it created.
    is_asked_for: bool,
    /// Who waits, and whether another had asked before.
    waiting: Vec<(Questioner, bool)>,
}

/// The names of a node.
#[derive(Debug, Default)]
pub struct Names {
    entries: BTreeMap<Box<str>, Entry>,
}

/// What an actor is, for those who asked for it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its address.
    pub address: ActorAddress,
    /// Its source.
    pub source: SourceHash,
    /// Its class.
    pub class: String,
    /// Whether it had the name before it was asked for.
    pub already: bool,
}

impl From<Found> for Reply {
    fn from(Found { address, source, class, already }: Found) -> Self {
        Self::Created { address, source, class, already }
    }
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
    pub fn wait(&mut self, name: &str, questioner: Questioner) {
        if let Some(entry) = self.entries.get_mut(name) {
            let already = core::mem::replace(&mut entry.is_asked_for, true);
            entry.waiting.push((questioner, already));
        }
    }

    /// The actor of the name runs: those who wait hear.
    pub fn started(&mut self, name: &str, found: &Found, effects: &mut Vec<Effect>) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.started = true;
            let skipped = usize::from(is_made(Mistake::AnswerNoQuestioner));
            for (questioner, already) in core::mem::take(&mut entry.waiting).into_iter().skip(skipped) {
                answer(questioner, name, Ok(Found { already, ..found.clone() }), effects);
            }
        }
    }

    /// The name of `address` is free again; who still waits hears why. One that was refused had lost it before its end,
    /// and another may have it by then.
    pub fn free(
        &mut self,
        name: &str,
        address: ActorAddress,
        error: &ControlError,
        effects: &mut Vec<Effect>,
    ) {
        let is_theirs = |entry: &Entry| entry.address == address || is_made(Mistake::FreeTheNameOfAnother);
        if !self.entries.get(name).is_some_and(is_theirs) {
            return;
        }
        if let Some(entry) = self.entries.remove(name) {
            for (questioner, _) in entry.waiting {
                answer(questioner, name, Err(error.clone()), effects);
            }
        }
    }

    /// Nobody waits for this answer any more.
    pub fn forget_asker(&mut self, asker: Asker) {
        for entry in self.entries.values_mut() {
            entry.waiting.retain(|(questioner, _)| *questioner != Questioner::Outside(asker));
        }
    }

    /// Everybody outside who waits hears this.
    pub fn close(&mut self, error: &ControlError, effects: &mut Vec<Effect>) {
        for (name, entry) in &mut self.entries {
            for (questioner, _) in core::mem::take(&mut entry.waiting) {
                answer(questioner, name, Err(error.clone()), effects);
            }
        }
    }
}

/// Tells who asked.
pub fn answer(
    questioner: Questioner,
    name: &str,
    outcome: Result<Found, ControlError>,
    effects: &mut Vec<Effect>,
) {
    effects.push(match questioner {
        Questioner::Outside(asker) => Effect::Answer { asker, reply: outcome.map(Reply::from) },
        Questioner::Actor { address, request } => {
            let outcome = outcome
                .map(|found| found.address)
                .map_err(|error| cut(error.to_string(), ERROR_TEXT_LEN_MAX));
            let body = Body::Named(Box::new(NamedActor { request, name: name.into(), outcome }));
            Effect::Route(Envelope { target: address, sender: address, body })
        }
    });
}
