//! A question from outside is answered, and once, unless the one who asked has left.

use std::collections::{BTreeMap, BTreeSet};

use thespian_core::question::Asker;

#[derive(Default)]
pub(crate) struct Answers {
    answers: BTreeMap<Asker, u32>,
    left: BTreeSet<Asker>,
}

impl Answers {
    pub(crate) fn asked(&mut self, asker: Asker) {
        self.answers.insert(asker, 0);
    }

    pub(crate) fn left(&mut self, asker: Asker) {
        self.left.insert(asker);
    }

    pub(crate) fn answered(&mut self, asker: Asker) {
        *self.answers.entry(asker).or_default() += 1;
    }

    /// After the end no question is open.
    pub(crate) fn open(&self) -> impl Iterator<Item = String> {
        let is_wrong = |asker: &Asker, answers| answers > 1 || (answers == 0 && !self.left.contains(asker));
        let wrong = self.answers.iter().filter(move |(asker, answers)| is_wrong(asker, **answers));
        wrong.map(|(asker, answers)| format!("{asker:?} got {answers} answers"))
    }
}
