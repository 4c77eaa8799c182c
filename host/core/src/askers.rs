//! Who waits for which answer. The one table of it: whoever learns the outcome takes those that wait out of here and
//! answers them, in the order of their asking, and nobody else keeps an asker.

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::effect::Effects;
use crate::question::{Answer, Origin, Refusal};
use crate::source::SourceHash;

/// An outcome that questions wait for. In this order they are answered when nothing more is to be waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The end of the host.
    Stop,
    /// The load of a source.
    Load(SourceHash),
    /// The start of an actor that was asked for by no name.
    Start(ActorAddress),
    /// The end of an actor.
    End(ActorAddress),
    /// The start of the actor of a global name.
    Name(Box<str>),
}

/// All questions that wait. By subject for the answers, and by origin, so that to forget one costs no search.
#[derive(Debug, Default)]
pub struct Askers {
    waiting: BTreeMap<(Subject, u64), Origin>,
    places: BTreeSet<(Origin, Subject, u64)>,
    /// The number of the next: later askers have higher ones.
    next: u64,
}

impl Askers {
    /// Lets a question wait.
    pub fn wait(&mut self, origin: Origin, subject: Subject) {
        self.next += 1;
        self.places.insert((origin, subject.clone(), self.next));
        self.waiting.insert((subject, self.next), origin);
    }

    /// Takes out those that wait for this, in the order of their asking.
    pub fn take(&mut self, subject: &Subject) -> Vec<Origin> {
        let mut taken = Vec::new();
        let first = (subject.clone(), 0);
        while let Some((place, _)) = self.waiting.range(&first..).next().filter(|((of, _), _)| of == subject)
        {
            let place = place.clone();
            taken.extend(self.remove(place));
        }
        taken
    }

    fn remove(&mut self, place: (Subject, u64)) -> Option<Origin> {
        let origin = self.waiting.remove(&place)?;
        let (subject, number) = place;
        self.places.remove(&(origin, subject, number));
        Some(origin)
    }

    /// All that wait for this, in the order of their asking.
    pub fn of(&self, subject: Subject) -> impl Iterator<Item = Origin> {
        let of = self.waiting.range((subject.clone(), 0)..=(subject, u64::MAX));
        of.map(|(_, origin)| *origin)
    }

    /// Forgets a question that was taken back; returns what it waited for.
    pub fn forget(&mut self, origin: Origin) -> Vec<Subject> {
        let mut subjects = Vec::new();
        let first = (origin, Subject::Stop, 0);
        while let Some(place) = self.places.range(&first..).next().filter(|(of, ..)| *of == origin) {
            let (origin, subject, number) = place.clone();
            self.places.remove(&(origin, subject.clone(), number));
            self.waiting.remove(&(subject.clone(), number));
            subjects.push(subject);
        }
        subjects
    }

    /// Gives this answer to those that wait for it.
    pub fn answer(&mut self, subject: &Subject, answer: &Answer, effects: &mut Effects) {
        for origin in self.take(subject) {
            match subject {
                Subject::Load(hash) => effects.answer_load(origin, *hash, Ok(answer.clone())),
                _ => effects.answer(origin, Ok(answer.clone())),
            }
        }
    }

    /// Tells those that wait for this why they wait in vain.
    pub fn refuse(&mut self, subject: &Subject, refusal: &Refusal, effects: &mut Effects) {
        for origin in self.take(subject) {
            refuse(origin, subject, refusal.clone(), effects);
        }
    }

    /// The host has ended: nothing more is to be waited for.
    pub fn close(&mut self, effects: &mut Effects) {
        self.places.clear();
        for ((subject, _), origin) in core::mem::take(&mut self.waiting) {
            match subject {
                Subject::Stop => effects.answer(origin, Ok(Answer::Done)),
                _ => refuse(origin, &subject, Refusal::ShuttingDown, effects),
            }
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.places.is_empty()
    }
}

fn refuse(origin: Origin, subject: &Subject, refusal: Refusal, effects: &mut Effects) {
    match subject {
        Subject::Name(name) => effects.answer_name(origin, name, Err(refusal)),
        Subject::Load(hash) => effects.answer_load(origin, *hash, Err(refusal)),
        _ => effects.answer(origin, Err(refusal)),
    }
}
