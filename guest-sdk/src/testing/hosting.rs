//! For whoever brings a host of their own, such as a simulation of one: instances of a source outside WebAssembly. They
//! are called by what a component exports, and what they ask for is asked of a [`Host`] in place of the record.

use std::cell::RefCell;
use std::rc::Rc;

use crate::actor::Guest;
use crate::bindings::thespian::actor::types as wit;
use crate::host::around::Hosted;
use crate::incoming::Came;
use crate::instance::LiveActor;

pub use crate::host::around::Host;
pub use crate::host::{Answer, Ask};

/// An actor of a source. After a panic it must not be called again.
pub struct Instance(LiveActor);

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Instance")
    }
}

impl Instance {
    /// Starts an actor of one of these classes.
    ///
    /// # Errors
    /// As the actor says.
    pub fn start(
        classes: &[Guest],
        init: wit::ActorInit,
        host: Rc<RefCell<dyn Host>>,
    ) -> Result<Self, wit::Failure> {
        let _hosted = Hosted::by(host);
        LiveActor::start(classes, init).map(Self)
    }

    /// Runs one turn, for a message.
    ///
    /// # Errors
    /// As the actor says.
    pub fn handle_message(
        &mut self,
        sender: String,
        attempt: u32,
        message: wit::MessageResult,
        host: Rc<RefCell<dyn Host>>,
    ) -> Result<(), wit::Failure> {
        let _hosted = Hosted::by(host);
        self.0.turn(sender, attempt, Came::Message(message))
    }

    /// Runs one turn, for what the host tells.
    ///
    /// # Errors
    /// As the actor says.
    pub fn handle_event(
        &mut self,
        delivery: wit::Delivery,
        host: Rc<RefCell<dyn Host>>,
    ) -> Result<(), wit::Failure> {
        let _hosted = Hosted::by(host);
        self.0.event(delivery)
    }
}
