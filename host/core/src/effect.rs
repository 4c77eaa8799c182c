//! What is to be done: everything that `Admin` decides.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::capability::Capabilities;
use crate::envelope::{Body, Envelope, ExitReason, NamedActor};
use crate::log_level::LogLevel;
use crate::plan::Settled;
use crate::question::{Answer, Asker, Found, LoadStep, Origin, Refusal};
use crate::source::{ClassCheck, SourceHash};

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
        /// The decision about it.
        place: Settled,
    },
    /// Put an envelope into its target's mailbox. It is a notice, so a slot is reserved for it.
    Route(Envelope),
    /// End an actor at its next tick or turn boundary; answered by `ActorEnded`.
    Kill {
        /// The actor to end.
        address: ActorAddress,
        /// The reason of its end.
        reason: String,
    },
    /// Say in the log that an actor without a parent has ended, and why.
    NoteEnd {
        /// The actor that ended.
        address: ActorAddress,
        /// The name of its class.
        class: String,
        /// The reason of its end.
        reason: ExitReason,
    },
    /// Give dead letters to this actor, or to nobody.
    SetDeadLetterHandler(Option<ActorAddress>),
    /// Tell actors that start from now on that the host has these.
    SetCapabilities(Arc<Capabilities>),
    /// Show an actor a status: as a notice, with the question's number.
    TellStatus {
        /// The actor to tell.
        to: ActorAddress,
        /// The number of its question.
        request: u64,
        /// Of whom; `None` is the host.
        about: Option<ActorAddress>,
    },
    /// Show someone outside a status: their answer.
    ShowStatus {
        /// The program that asked.
        asker: Asker,
        /// The actor; absent: the host.
        about: Option<ActorAddress>,
    },
    /// Tell someone outside how far a load is.
    Progress {
        /// The program that asked.
        asker: Asker,
        /// The step that begins.
        step: LoadStep,
    },
    /// Answer someone outside: the last that they hear.
    Answer {
        /// The program that asked.
        asker: Asker,
        /// The answer, or the refusal.
        answer: Result<Answer, Refusal>,
    },
    /// Every actor is gone: close the node.
    Stop,
    /// Keep what this actor writes to the log up to this level, from now on.
    SetLogLevel {
        /// The actor whose level it is.
        address: ActorAddress,
        /// The level to keep to.
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

    /// Adds more to do, in order.
    pub fn extend(&mut self, effects: impl IntoIterator<Item = Effect>) {
        self.0.extend(effects);
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
                let named = NamedActor::new(request, name, found.map(|found| found.address));
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
        self.push(Effect::Settle { address, place: Settled::nowhere(why) });
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
