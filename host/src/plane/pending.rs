//! An address about which nobody has decided yet: a mailbox that takes what is sent there, and nothing else.

use std::sync::{Arc, OnceLock};

use thespian_core::address::ActorAddress;
use thespian_core::envelope::Envelope;
use thespian_core::mailbox::Push;

use super::mailbox::SharedMailbox;
use super::receiver::{Make, Receiver};
use super::sleeper::Sleeper;

/// Stands in the table for an actor that is not decided about, and later for those who remember it from then.
pub(crate) struct Pending {
    mailbox: Arc<SharedMailbox>,
    became: OnceLock<Arc<dyn Receiver>>,
}

impl Pending {
    pub(crate) fn new(mailbox: SharedMailbox) -> Self {
        Self { mailbox: Arc::new(mailbox), became: OnceLock::new() }
    }
}

impl Receiver for Pending {
    fn push(&self, envelope: Envelope) -> Push {
        self.mailbox.push(envelope)
    }

    fn push_run(&self, run: &mut dyn Iterator<Item = Envelope>) -> (bool, Push) {
        self.mailbox.push_run(run)
    }

    fn activate(self: Arc<Self>) {
        if let Some(became) = self.became.get() {
            became.clone().activate();
        }
    }

    fn await_room(&self, address: ActorAddress, sender: Arc<dyn Sleeper>) {
        self.mailbox.await_room(address, sender);
    }

    fn settle(&self, make: Make<'_>) {
        self.became.get_or_init(|| make(self.mailbox.clone()));
    }

    fn is_actor(&self) -> bool {
        true
    }

    fn size(&self) -> (usize, usize) {
        self.mailbox.size()
    }

    fn let_go(&self) {
        drop(self.mailbox.close());
        if let Some(became) = self.became.get() {
            became.let_go();
        }
    }
}
