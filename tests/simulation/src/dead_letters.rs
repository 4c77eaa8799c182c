//! What must hold of dead letters: the last actor that asked for them has them, until it gives them up or ends.

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, DeadEnvelope, Envelope};
use thespian_core::mailbox::Push;

use crate::world::World;

#[derive(Default)]
pub(crate) struct DeadLetters {
    /// Who is given them.
    pub(crate) handler: Option<ActorAddress>,
    /// Who is to be given them.
    expected: Option<ActorAddress>,
}

impl DeadLetters {
    /// `Admin` hears that an actor wants them, or no longer.
    pub(crate) fn asked(&mut self, by: ActorAddress, handles: bool) {
        if handles {
            self.expected = Some(by);
        } else {
            self.ended(by);
        }
    }

    /// `Admin` hears of an end.
    pub(crate) fn ended(&mut self, address: ActorAddress) {
        self.expected.take_if(|expected| *expected == address);
    }

    /// When `Admin` has handled what it heard.
    pub(crate) fn complaint(&self) -> Option<String> {
        let Self { handler, expected } = self;
        (handler != expected).then(|| format!("dead letters go to {handler:?}, not to {expected:?}"))
    }
}

impl World {
    /// Gives what could not be delivered to whoever handles that, as the router does.
    pub(crate) fn hand_over(&mut self, envelope: &Envelope, reason: &str) {
        let Some(handler) = self.ledger.dead_letters.handler else { return };
        let Some(letter) = DeadEnvelope::of(envelope, reason) else { return };
        let (sender, body) = (envelope.target, Body::DeadLetter(Box::new(letter)));
        match self.push(Envelope { target: handler, sender, body }) {
            Push::Queued | Push::Activate => self.see("dead letters handed over"),
            // It misses it.
            Push::Full(_) | Push::Gone(_) => {}
        }
    }
}
