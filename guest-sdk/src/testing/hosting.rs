//! For whoever brings a host of their own, such as a simulation of one: instances of a source outside WebAssembly. They
//! are called by what a component exports, and what they ask for is asked of a [`Host`] in place of the record.

use std::cell::RefCell;
use std::rc::Rc;

use crate::actor::Guest;
use crate::bindings::thespian::actor::types as wit;
use crate::capability::Requirement;
use crate::create::Create;
use crate::incoming::Came;
use crate::instance::LiveActor;
use crate::message::RawMessage;

/// What an actor can ask for in a turn, as in the contract.
#[expect(missing_docs, reason = "as in wit/actor.wit")]
pub trait Host {
    /// # Errors
    /// As in the contract; so below.
    fn send(&mut self, to: &str, message: wit::MessageResult) -> Result<(), wit::Error>;
    /// # Errors
    /// A bound is reached.
    fn wakeup_after(&mut self, delay_ns: u64, payload: Option<wit::MessageResult>)
    -> Result<u64, wit::Error>;
    fn cancel_wakeup(&mut self, id: u64);
    /// # Errors
    /// The source is no hash, or a bound is reached.
    fn create_actor(&mut self, create: Creation) -> Result<String, wit::Error>;
    /// # Errors
    /// The target is no address, or a bound is reached.
    fn request_exit(&mut self, target: &str, recursive: bool) -> Result<(), wit::Error>;
    /// # Errors
    /// In any other than an exit turn.
    fn keep_children(&mut self) -> Result<(), wit::Error>;
    /// # Errors
    /// The name makes no sense, or a bound is reached.
    fn create_named(&mut self, name: &str, create: Creation) -> Result<u64, wit::Error>;
    /// # Errors
    /// The child is no address, or a bound is reached.
    fn kill_child(&mut self, child: &str) -> Result<(), wit::Error>;
    /// # Errors
    /// The target is no address, or a bound is reached.
    fn monitor(&mut self, target: &str) -> Result<(), wit::Error>;
    /// # Errors
    /// The target is no address, or a bound is reached.
    fn demonitor(&mut self, target: &str) -> Result<(), wit::Error>;
    /// # Errors
    /// The source has no right to it.
    fn handle_dead_letters(&mut self, handles: bool) -> Result<(), wit::Error>;
    /// # Errors
    /// The source has no right to it, or the capability makes no sense.
    fn update_capability(&mut self, name: &str, value: Option<wit::ValueResult>) -> Result<(), wit::Error>;
    /// # Errors
    /// The source has no right to it, or a bound is reached.
    fn request_status(&mut self, about: Option<&str>) -> Result<u64, wit::Error>;
    /// # Errors
    /// The source has no right to it.
    fn shut_down(&mut self) -> Result<(), wit::Error>;
}

/// A child to be created.
#[derive(Debug)]
#[expect(missing_docs, reason = "as in wit/actor.wit")]
pub struct Creation {
    pub class: String,
    pub source: Option<String>,
    pub requirements: Vec<wit::RequirementResult>,
    pub init: Option<wit::MessageResult>,
    pub on_trap: Option<wit::OnTrap>,
    pub watch_restarts: bool,
}

impl From<Create> for Creation {
    fn from(create: Create) -> Self {
        Self {
            class: create.class,
            source: create.source,
            requirements: create.requirements.into_iter().map(Requirement::into_wit).collect(),
            init: create.init.map(RawMessage::into_wit),
            on_trap: create.on_trap.map(crate::class::OnTrap::to_wit),
            watch_restarts: create.watch_restarts,
        }
    }
}

thread_local! {
    /// The host of the call under way, if a test has brought one.
    static HOST: RefCell<Option<Rc<RefCell<dyn Host>>>> = const { RefCell::new(None) };
}

/// Asks the host that a test has brought. `None`: it has brought none.
#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "there the host is the one around"))]
pub(crate) fn ask<T>(question: impl FnOnce(&mut dyn Host) -> T) -> Option<T> {
    HOST.with_borrow(|host| host.as_ref().map(|host| question(&mut *host.borrow_mut())))
}

/// Takes the host away, also after a panic.
struct Hosted;

impl Hosted {
    fn by(host: Rc<RefCell<dyn Host>>) -> Self {
        HOST.set(Some(host));
        Self
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        HOST.set(None);
    }
}

/// One actor. After a panic it must not be called again.
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
        self.0.turn(delivery.sender, delivery.attempt, Came::Event(delivery.event))
    }
}
