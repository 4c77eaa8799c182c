//! What must hold of global names: one actor at a time has a name, from when `Admin` decides to create it until it is
//! refused or gone; whoever asks for a name hears once, and of that actor.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;
use thespian_core::event::Asker;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Questioner {
    Outside(Asker),
    Actor(ActorAddress, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asked,
    Told,
    Heard,
}

#[derive(Debug)]
struct Question {
    name: Box<str>,
    /// Who would have the name, if nobody had it yet.
    offered: ActorAddress,
    state: State,
}

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Made,
    Shared,
    Refused,
}

#[derive(Default)]
pub(crate) struct Names {
    claims: BTreeMap<Box<str>, ActorAddress>,
    questions: BTreeMap<Questioner, Question>,
}

impl Names {
    /// `Admin` hears a question. Whether the name is free.
    pub(crate) fn asked(&mut self, questioner: Questioner, name: &str, offered: ActorAddress) -> bool {
        let question = Question { name: name.into(), offered, state: State::Asked };
        self.questions.insert(questioner, question);
        !self.claims.contains_key(name)
    }

    /// `Admin` decides that this address is to have the name.
    pub(crate) fn claimed(&mut self, name: &str, address: ActorAddress) -> Option<String> {
        let before = self.claims.insert(name.into(), address)?;
        Some(format!("there are two actors of the name {name}: {before} and {address}"))
    }

    /// Who was refused or has ended has no name.
    pub(crate) fn released(&mut self, address: ActorAddress) -> bool {
        let len = self.claims.len();
        self.claims.retain(|_, holder| *holder != address);
        len > self.claims.len()
    }

    pub(crate) fn holder(&self, name: &str) -> Option<ActorAddress> {
        self.claims.get(name).copied()
    }

    /// `Admin` answers a question, if it was one after a name. `is_close`: it gives up on all of them.
    pub(crate) fn told(
        &mut self,
        questioner: Questioner,
        outcome: Option<ActorAddress>,
        is_close: bool,
        has_started: impl Fn(ActorAddress) -> bool,
    ) -> Option<Result<Told, String>> {
        let Some(question) = self.questions.get_mut(&questioner) else {
            return matches!(questioner, Questioner::Actor(..))
                .then(|| Err(format!("{questioner:?} is told of a name it did not ask for")));
        };
        let Question { name, offered, state } = question;
        let (before, holder) = (std::mem::replace(state, State::Told), self.claims.get(name).copied());
        Some(match outcome {
            _ if before != State::Asked => Err(format!("{questioner:?} is told of {name} twice")),
            _ if outcome != holder && !(is_close && outcome.is_none()) => {
                Err(format!("{questioner:?} is told that {name} is {outcome:?}, but it is {holder:?}"))
            }
            Some(address) if !has_started(address) => {
                Err(format!("{questioner:?} is told of {name} before it has started"))
            }
            Some(address) if address == *offered => Ok(Told::Made),
            Some(_) => Ok(Told::Shared),
            None => Ok(Told::Refused),
        })
    }

    /// Whether it waits for its answer.
    pub(crate) fn waits(&self, questioner: Questioner) -> bool {
        self.questions.get(&questioner).is_some_and(|question| question.state == State::Asked)
    }

    /// An actor hears its answer.
    pub(crate) fn heard(&mut self, actor: ActorAddress, request: u64) -> Option<String> {
        let question = self.questions.get_mut(&Questioner::Actor(actor, request));
        match question.map(|question| std::mem::replace(&mut question.state, State::Heard)) {
            Some(State::Told) => None,
            other => Some(format!("{actor} hears the answer to its question {request}, which is {other:?}")),
        }
    }

    /// When nothing is under way, every actor that lives has its answers.
    pub(crate) fn unheard(&self, listens: impl Fn(ActorAddress) -> bool) -> impl Iterator<Item = String> {
        let open = move |questioner: &Questioner, state| match questioner {
            Questioner::Outside(_) => false,
            Questioner::Actor(actor, _) => state != State::Heard && listens(*actor),
        };
        let open =
            self.questions.iter().filter(move |(questioner, question)| open(questioner, question.state));
        open.map(|(questioner, question)| format!("{questioner:?} has no answer after {}", question.name))
    }

    /// After the end no question of an actor is open. Those of programs outside are answered as all they ask.
    pub(crate) fn open(&self) -> impl Iterator<Item = String> {
        let is_open = |question: &Question| question.state == State::Asked;
        let open = self
            .questions
            .iter()
            .filter(move |(asker, question)| matches!(asker, Questioner::Actor(..)) && is_open(question));
        open.map(|(asker, question)| format!("{asker:?} was told nothing of {}", question.name))
    }
}
