//! What is to be done: everything that `Admin` decides. What there is to do about a concern stands with the concern.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Capabilities;
use crate::envelope::{Body, Envelope, LoadAnswer, NamedActor};
use crate::life::LifeEffect;
use crate::limits::{ERROR_TEXT_LEN_MAX, cut};
use crate::plan::Settled;
use crate::question::{Answer, Asker, Found, LoadStep, Origin, Refusal};
use crate::source::{SourceEffect, SourceHash};

/// Something to do, in the imperative. The host carries effects out in order and waits for none.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Do something about a source.
    Source(SourceEffect),
    /// Do something about an actor.
    Life(LifeEffect),
    /// Put an envelope into its target's mailbox. It is a notice, so a slot is reserved for it.
    Route(Envelope),
    /// Tell actors that start from now on that the host has this.
    SetCapabilities(Arc<Capabilities>),
    /// Show an actor a status: as a notice, with the question's number.
    TellStatus {
        /// The actor that asks.
        to: ActorAddress,
        /// Its name for the question.
        request: u64,
        /// The actor that it asks about; absent: the host.
        about: Option<ActorAddress>,
    },
    /// Show someone outside a status: their answer.
    ShowStatus {
        /// The question that waits.
        asker: Asker,
        /// The actor that is asked about; absent: the host.
        about: Option<ActorAddress>,
    },
    /// Tell someone outside how far a load is.
    Progress {
        /// The question that waits.
        asker: Asker,
        /// The step that begins.
        step: LoadStep,
    },
    /// Answer someone outside: the last that they hear.
    Answer {
        /// The question that waits.
        asker: Asker,
        /// The answer to it.
        answer: Result<Answer, Refusal>,
    },
    /// Every actor is gone: close the node.
    Stop,
}

/// Everything that is to be done, in order.
#[derive(Debug, Default, PartialEq)]
pub struct Effects(Vec<Effect>);

impl Effects {
    /// Adds one more thing to do.
    pub fn push(&mut self, effect: impl Into<Effect>) {
        self.0.push(effect.into());
    }

    /// Adds more to do, in order.
    pub fn extend(&mut self, effects: impl IntoIterator<Item = impl Into<Effect>>) {
        self.0.extend(effects.into_iter().map(Into::into));
    }

    /// Answers a question. An actor is told of names and loads alone, by [`Self::answer_name`] and [`Self::answer_load`]: it
    /// waits for nothing else.
    pub fn answer(&mut self, origin: Origin, answer: Result<Answer, Refusal>) {
        match origin {
            Origin::Client(asker) => self.push(Effect::Answer { asker, answer }),
            Origin::Actor { .. } => {}
        }
    }

    /// Answers a question after the actor of a name.
    pub fn answer_name(&mut self, origin: Origin, name: &str, found: Result<Found, Refusal>) {
        match origin {
            Origin::Client(_) => self.answer(origin, found.map(Answer::Created)),
            Origin::Actor { address, request } => {
                let named = NamedActor::new(request, name, found.map(|found| found.address));
                self.notify(address, address, Body::Named(Box::new(named)));
            }
        }
    }

    /// Answers a question for a load.
    pub fn answer_load(&mut self, origin: Origin, hash: SourceHash, answer: Result<Answer, Refusal>) {
        match origin {
            Origin::Client(_) => self.answer(origin, answer),
            Origin::Actor { address, request } => {
                let outcome =
                    answer.map(drop).map_err(|refusal| cut(refusal.to_string(), ERROR_TEXT_LEN_MAX));
                let answered = LoadAnswer { request, hash, outcome };
                self.notify(address, address, Body::LoadAnswered(Box::new(answered)));
            }
        }
    }

    /// Tells how far a load is.
    pub fn progress(&mut self, origin: Origin, step: LoadStep) {
        match origin {
            Origin::Client(asker) => self.push(Effect::Progress { asker, step }),
            Origin::Actor { .. } => {}
        }
    }

    /// Gives an actor a notice.
    pub fn notify(&mut self, target: ActorAddress, sender: ActorAddress, body: Body) {
        self.push(Effect::Route(Envelope { target, sender, body }));
    }

    /// Lets an address that was asked for with a create stand for nobody.
    pub fn settle_nowhere(&mut self, address: ActorAddress, why: &impl ToString) {
        self.push(LifeEffect::Settle { address, place: Settled::nowhere(why) });
    }

    /// Takes them out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect> {
        self.0.drain(..)
    }
}

impl From<SourceEffect> for Effect {
    fn from(effect: SourceEffect) -> Self {
        Self::Source(effect)
    }
}

impl From<LifeEffect> for Effect {
    fn from(effect: LifeEffect) -> Self {
        Self::Life(effect)
    }
}

impl core::ops::Deref for Effects {
    type Target = [Effect];

    fn deref(&self) -> &[Effect] {
        &self.0
    }
}
