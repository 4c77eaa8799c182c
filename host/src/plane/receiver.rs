//! What an address stands for, as the plane knows it: a queue, and how its owner is set going. What that owner is (an actor,
//! a program's endpoint, an ask, a connection) is for those above.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::Envelope;
use thespian_core::mailbox::{Push, push_each};

use super::mailbox::SharedMailbox;
use super::sleeper::Sleeper;

/// Has an address stand for something else, which gets the mailbox in which envelopes wait for it.
pub(crate) type Take<'a> = Box<dyn FnOnce(SharedMailbox) + 'a>;

/// Something that has an address, and takes what is sent there.
pub(crate) trait Receiver: Send + Sync {
    /// Puts an envelope into the queue. [`Push::Activate`] asks the caller for [`Self::activate`].
    fn push(&self, envelope: Envelope) -> Push;

    /// Puts envelopes into the queue until one is refused. Also returns whether the caller is asked for [`Self::activate`].
    fn push_run(&self, run: &mut dyn Iterator<Item = Envelope>) -> (bool, Push) {
        let mut activate = false;
        let push = push_each(run, |envelope| {
            let push = self.push(envelope);
            activate |= push == Push::Activate;
            push
        });
        (activate, push)
    }

    /// Has the owner look at its queue.
    fn activate(self: Arc<Self>) {}

    /// Lets a sender that was refused be woken when there is room, or never will be.
    fn await_room(&self, _address: ActorAddress, _sender: Arc<dyn Sleeper>) {}

    /// Settles an address that nobody has decided about, once. Anything else stays what it is.
    fn settle(&self, _take: Take<'_>) {}

    /// Messages that wait in the queue, and their bytes.
    fn size(&self) -> (usize, usize) {
        (0, 0)
    }

    /// Whether this is an actor of this node.
    fn is_actor(&self) -> bool {
        false
    }

    /// Whether a sender gains by remembering it.
    fn is_lasting(&self) -> bool {
        true
    }

    /// Hears that something which was sent here does not come: it is a dead letter, or went back.
    fn missed(&self) {}

    /// Hears that a message which was sent from here is a dead letter.
    fn undelivered(&self) {}

    /// Lets go of everything, when the node ends.
    fn let_go(&self) {}
}

impl dyn Receiver {
    /// Puts an envelope into the queue, and activates its owner where needed. It may have [moved](Push::Moved): unless it
    /// is known to run, [`super::Plane::deliver`] finds what its address stands for.
    pub(crate) fn deliver(self: &Arc<Self>, envelope: Envelope) -> Push {
        match self.push(envelope) {
            Push::Activate => {
                self.clone().activate();
                Push::Queued
            }
            push => push,
        }
    }

    /// Puts envelopes into the queue until one is refused, and activates its owner where needed.
    pub(crate) fn deliver_run(self: &Arc<Self>, run: &mut dyn Iterator<Item = Envelope>) -> Push {
        let (activate, push) = self.push_run(run);
        if activate {
            self.clone().activate();
        }
        push
    }
}
