//! At one host one actor at a time has a global name, from when `Admin` decides to create it until it is refused or gone;
//! whoever asks for a name hears once, and of that actor.

use std::collections::BTreeMap;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::effect::Effect;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::event::Event;
use thespian_core::life::LifeEffect;
use thespian_core::plan::Plan;
use thespian_core::question::{Answer, Asker, Found, Origin, Question as Asking};

use super::Ledger;
use crate::host::Host;

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

/// A name, at its host.
type Claim = (HostId, Box<str>);

#[derive(Debug)]
struct Question {
    claim: Claim,
    /// Who would have the name, if nobody had it yet.
    offered: ActorAddress,
    state: State,
}

/// What a question that `Admin` hears is to bring about: its answer, and where the name is free, an actor.
pub(crate) struct Asked {
    questioner: Questioner,
    name: Box<str>,
    offered: ActorAddress,
    is_free: bool,
}

#[derive(Default)]
pub(crate) struct Names {
    claims: BTreeMap<Claim, ActorAddress>,
    questions: BTreeMap<Questioner, Question>,
}

impl Asked {
    /// Before the effects are carried out.
    pub(crate) fn decided(&self, names: &mut Names, effects: &[Effect]) -> Option<String> {
        let Self { name, offered, is_free, .. } = self;
        if effects.contains(&Effect::Life(LifeEffect::EnterPending(*offered))) {
            return names.claimed(name, *offered);
        }
        is_free.then(|| format!("the name {name} is free, and {offered} does not get it"))
    }

    /// Whether the question is open when they are.
    pub(crate) fn waits(&self, names: &Names) -> bool {
        let question = names.questions.get(&self.questioner);
        !self.is_free && question.is_some_and(|question| question.state == State::Asked)
    }
}

impl Names {
    /// `Admin` hears something, which may be a question.
    pub(crate) fn heard_by_admin(&mut self, event: &Event) -> Option<Asked> {
        let (questioner, name, offered) = match event {
            // One that can't be used is refused whoever has it.
            Event::Asked { origin: Origin::Client(asker), question: Asking::Create(create) } => {
                let name = create.name.as_deref().filter(|name| !name.is_empty())?;
                (Questioner::Outside(*asker), name, create.address)
            }
            Event::Asked {
                origin: Origin::Actor { address, request },
                question: Asking::CreateNamed { name, child },
            } => (Questioner::Actor(*address, *request), &**name, child.address),
            _ => return None,
        };
        let claim = (offered.home, Box::from(name));
        let is_free = !self.claims.contains_key(&claim);
        self.questions.insert(questioner, Question { claim, offered, state: State::Asked });
        Some(Asked { questioner, name: name.into(), offered, is_free })
    }

    /// `Admin` decides that this address is to have the name.
    fn claimed(&mut self, name: &str, address: ActorAddress) -> Option<String> {
        let before = self.claims.insert((address.home, name.into()), address)?;
        Some(format!("there are two actors of the name {name}: {before} and {address}"))
    }

    /// An actor that was refused or has ended has no name.
    pub(crate) fn released(&mut self, address: ActorAddress) -> bool {
        let len = self.claims.len();
        self.claims.retain(|_, holder| *holder != address);
        len > self.claims.len()
    }

    /// An actor is to run.
    pub(crate) fn instantiated(&self, plan: &Plan) -> Option<String> {
        let claim = (plan.address.home, plan.name.clone()?);
        let holder = self.claims.get(&claim).copied();
        (holder != Some(plan.address)).then(|| format!("{} runs under a name of {holder:?}", plan.address))
    }

    /// `Admin` answers a question, if it was one after a name. `is_close`: it gives up on all of them. Returns what became
    /// of it.
    fn told(
        &mut self,
        questioner: Questioner,
        outcome: Option<ActorAddress>,
        is_close: bool,
        has_started: impl Fn(ActorAddress) -> bool,
    ) -> Option<Result<&'static str, String>> {
        let Some(question) = self.questions.get_mut(&questioner) else {
            return matches!(questioner, Questioner::Actor(..))
                .then(|| Err(format!("{questioner:?} is told of a name it did not ask for")));
        };
        let Question { claim, offered, state } = question;
        let (before, holder) = (std::mem::replace(state, State::Told), self.claims.get(claim).copied());
        let name = &claim.1;
        Some(match outcome {
            _ if before != State::Asked => Err(format!("{questioner:?} is told of {name} twice")),
            _ if outcome != holder && !(is_close && outcome.is_none()) => {
                Err(format!("{questioner:?} is told that {name} is {outcome:?}, but it is {holder:?}"))
            }
            Some(address) if !has_started(address) => {
                Err(format!("{questioner:?} is told of {name} before it has started"))
            }
            Some(address) if address == *offered => Ok("names got"),
            Some(_) => Ok("names shared"),
            None => Ok("names refused"),
        })
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
        open.map(|(questioner, question)| format!("{questioner:?} has no answer after {}", question.claim.1))
    }

    /// After the end no question of an actor is open. Those of programs outside are answered as all they ask.
    pub(crate) fn open(&self) -> impl Iterator<Item = String> {
        let is_open = |question: &Question| question.state == State::Asked;
        let open = self
            .questions
            .iter()
            .filter(move |(asker, question)| matches!(asker, Questioner::Actor(..)) && is_open(question));
        open.map(|(asker, question)| format!("{asker:?} was told nothing of {}", question.claim.1))
    }
}

impl Ledger {
    /// `Admin` decides something, which may be an answer.
    pub(crate) fn audit_name_told(&mut self, host: &Host, effect: &Effect, is_close: bool) -> Option<String> {
        let (questioner, outcome) = match effect {
            Effect::Answer { asker, answer } => {
                let outcome = match answer {
                    Ok(Answer::Created(Found { address, .. })) => Some(*address),
                    _ => None,
                };
                (Questioner::Outside(*asker), outcome)
            }
            Effect::Route(Envelope { target, body: Body::Named(named), .. }) => {
                (Questioner::Actor(*target, named.request), named.outcome.clone().ok())
            }
            _ => return None,
        };
        // One that is gone already has started.
        let has_started = |address| {
            let cell = host.cells.get(&address);
            cell.is_none_or(|cell| cell.watch.instances.has_started())
        };
        match self.names.told(questioner, outcome, is_close, has_started)? {
            Ok(what) => {
                self.see(what);
                None
            }
            Err(complaint) => Some(complaint),
        }
    }
}
