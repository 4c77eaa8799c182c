//! Which actor is given the dead letters of a host.

use crate::address::ActorAddress;
use crate::askers::Askers;
use crate::concern::{Concern, End};
use crate::effect::Effects;
use crate::life::LifeEffect;

/// The last actor that registered for the dead letters, while it lives.
#[derive(Debug, Default)]
pub struct DeadLetterHandler(Option<ActorAddress>);

impl DeadLetterHandler {
    /// The actor, if there is one.
    #[must_use]
    pub const fn get(&self) -> Option<ActorAddress> {
        self.0
    }

    /// An actor wants them, or no longer. One that is not the handler has nothing to give up.
    pub fn asked(&mut self, by: ActorAddress, handles: bool, effects: &mut Effects) {
        if handles != (self.0 == Some(by)) {
            self.set(handles.then_some(by), effects);
        }
    }

    fn set(&mut self, handler: Option<ActorAddress>, effects: &mut Effects) {
        self.0 = handler;
        effects.push(LifeEffect::SetDeadLetterHandler(handler));
    }
}

impl Concern for DeadLetterHandler {
    fn ended(&mut self, end: End<'_>, _askers: &mut Askers, effects: &mut Effects) {
        if self.0 == Some(end.address) {
            self.set(None, effects);
        }
    }
}
