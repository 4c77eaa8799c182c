//! What is to be done: everything that `Admin` decides.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::{Capabilities, Requirement};
use crate::envelope::{Body, Envelope, ExitReason, NamedActor};
use crate::fate::OnTrap;
use crate::limits::{ERROR_TEXT_LEN_MAX, cut};
use crate::log_level::LogLevel;
use crate::message::Message;
use crate::question::{Answer, Asker, Found, LoadStep, Origin, Refusal};
use crate::source::{ClassCheck, Rights, SourceHash, Transient};

/// Something to do, in the imperative. The host carries effects out in order and waits for none.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Let the authority judge a source; answered by `SourceEvent::Judged`.
    Judge(SourceHash),
    /// Compile a source and ask it what it offers; answered by `SourceEvent::Validated`.
    Validate(SourceHash),
    /// Drop a source's bytes and code. Actors that run keep what they use.
    Forget(SourceHash),
    /// Enter the address in the routing table, with a mailbox that waits until it is settled.
    EnterPending(ActorAddress),
    /// Ask a class whether this host suits its actors; answered by `SourceEvent::Checked`.
    CheckClass(Box<ClassCheck>),
    /// Let the address stand for what was decided. For each address whose actor took a place, once.
    Settle {
        /// The address that was asked for with a create.
        address: ActorAddress,
        /// The decision.
        place: Settled,
    },
    /// Put an envelope into its target's mailbox. It is a notice, so a slot is reserved for it.
    Route(Envelope),
    /// End an actor at its next tick or turn boundary; answered by `ActorEnded`.
    Kill {
        /// Whom.
        address: ActorAddress,
        /// Why.
        reason: String,
    },
    /// Say in the log that an actor without a parent has ended, and why.
    NoteEnd {
        /// Who.
        address: ActorAddress,
        /// Its class.
        class: String,
        /// Why.
        reason: ExitReason,
    },
    /// Give dead letters to this actor, or to nobody.
    SetDeadLetterHandler(Option<ActorAddress>),
    /// What the host has changed: actors that start from now on are told this.
    SetCapabilities(Arc<Capabilities>),
    /// Show an actor a status: as a notice, with the question's number.
    TellStatus {
        /// Whom.
        to: ActorAddress,
        /// The question.
        request: u64,
        /// Of whom; `None` is the host.
        about: Option<ActorAddress>,
    },
    /// Show someone outside a status: their answer.
    ShowStatus {
        /// The asker.
        asker: Asker,
        /// The actor; absent: the host.
        about: Option<ActorAddress>,
    },
    /// Tell someone outside how far a load is.
    Progress {
        /// The asker.
        asker: Asker,
        /// The step that begins.
        step: LoadStep,
    },
    /// Answer someone outside: the last that they hear.
    Answer {
        /// The asker.
        asker: Asker,
        /// The answer.
        answer: Result<Answer, Refusal>,
    },
    /// Every actor is gone: close the node.
    Stop,
    /// Keep what this actor writes to the log up to this level, from now on.
    SetLogLevel {
        /// Whose.
        address: ActorAddress,
        /// Which.
        level: LogLevel,
    },
}

/// Everything that is to be done, in order.
#[derive(Debug, Default, PartialEq)]
pub struct Effects(Vec<Effect>);

impl Effects {
    /// Adds one more thing to do.
    pub fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }

    /// Answers a question. An actor is told of names alone, by [`Self::answer_name`]: it waits for nothing else.
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
                let outcome = found.map(|found| found.address);
                let outcome = outcome.map_err(|refusal| cut(refusal.to_string(), ERROR_TEXT_LEN_MAX));
                let named = NamedActor { request, name: name.into(), outcome };
                self.notify(address, address, Body::Named(Box::new(named)));
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
        let why = cut(why.to_string(), ERROR_TEXT_LEN_MAX);
        self.push(Effect::Settle { address, place: Settled::Nowhere(why) });
    }

    /// Takes them out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect> {
        self.0.drain(..)
    }
}

impl core::ops::Deref for Effects {
    type Target = [Effect];

    fn deref(&self) -> &[Effect] {
        &self.0
    }
}

impl Extend<Effect> for Effects {
    fn extend<T: IntoIterator<Item = Effect>>(&mut self, effects: T) {
        self.0.extend(effects);
    }
}

/// The decision about an address that was asked for with a create.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// Run the actor here, in the place that was taken for it; answered by `ActorStarted` or `ActorEnded`.
    Here(Box<Plan>),
    /// No actor will ever run under it, for this reason. Its place goes back, and what waits for it to its senders. If the
    /// address was entered, answered by `ActorEnded`.
    Nowhere(String),
}

/// How to run an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its address.
    pub address: ActorAddress,
    /// Its creator, if that is an actor.
    pub parent: Option<ActorAddress>,
    /// Where its code is.
    pub source: SourceHash,
    /// Its class.
    pub class: String,
    /// What becomes of it after a trap.
    pub on_trap: OnTrap,
    /// Whether its parent hears of restarts.
    pub watch_restarts: bool,
    /// What its creator required.
    pub requirements: Vec<Requirement>,
    /// Its global name.
    pub name: Option<Box<str>>,
    /// Whether and when it ends of itself.
    pub transient: Option<Transient>,
    /// What it may ask of the host besides what all may.
    pub rights: Rights,
    /// The message for its start.
    pub init: Option<Message>,
    /// How much of what it writes to the log is kept.
    pub log_level: LogLevel,
}
