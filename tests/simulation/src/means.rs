//! What a turn takes at once of its world: lent to it for as long as it asks for things.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::budget::Account;
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::{Mailbox, MailboxLimits};
use thespian_core::outbox::{Draft, Means, NoPlace, Outbox};
use thespian_core::source::SourceHash;

use crate::carrier::Carrier;
use crate::host::Host;
use crate::invariants::bounds::Room;

/// Places, addresses, and the own mailbox of one actor.
pub(crate) struct Lent {
    home: HostId,
    me: ActorAddress,
    limits: ActorLimits,
    mailbox: RefCell<Mailbox>,
    room: RefCell<Room>,
    account: Arc<Account>,
    next_id: Cell<u128>,
    slots: Cell<usize>,
    slots_max: usize,
}

impl Means for Lent {
    fn new_address(&self) -> ActorAddress {
        self.next_id.set(self.next_id.get() + 1);
        ActorAddress::new(self.home, self.next_id.get())
    }

    fn take_place(&self, _address: ActorAddress, _source: Option<SourceHash>) -> Result<(), NoPlace> {
        if self.slots.get() >= self.slots_max {
            return Err(NoPlace::Host(1));
        }
        self.slots.set(self.slots.get() + 1);
        Ok(())
    }

    fn give_place(&self, _address: ActorAddress) {
        self.slots.set(self.slots.get() - 1);
    }

    fn account(&self) -> &Arc<Account> {
        &self.account
    }

    fn reserve_self(&self, cost: usize) -> bool {
        let has_room = self.mailbox.borrow_mut().reserve(cost, &self.account);
        if has_room {
            self.room.borrow_mut().came(cost);
        }
        has_room
    }

    fn release_self(&self, len: usize, cost: usize) {
        self.mailbox.borrow_mut().release(len, cost, &self.account);
        self.room.borrow_mut().went(len, cost);
    }
}

impl Lent {
    /// The outbox of the turn that this is lent to.
    pub(crate) const fn draft<'a>(&'a self, outbox: &'a mut Outbox) -> Draft<'a, Self> {
        Draft::new(self.me, outbox, &self.limits, self)
    }
}

impl Carrier<'_> {
    /// Asks for something in this actor's turn, or gives back what a turn had asked for.
    pub(crate) fn ask<T>(&mut self, outbox: &mut Outbox, ask: impl FnOnce(&mut Draft<'_, Lent>) -> T) -> T {
        let lent = self.lend();
        let asked = ask(&mut lent.draft(outbox));
        self.take_back(lent);
        asked
    }

    pub(crate) fn lend(&mut self) -> Lent {
        let (home, me) = (self.at, self.me);
        let Host { cells, limits, account, next_id, slots, slots_max, .. } = self.host();
        let cell = cells.get_mut(&me).expect("an actor that is called has a cell");
        let none = MailboxLimits { len_max: 0, bytes_max: 0 };
        Lent {
            home,
            me,
            limits: *limits,
            mailbox: RefCell::new(std::mem::replace(&mut cell.mailbox, Mailbox::pending(none))),
            room: RefCell::new(std::mem::take(&mut cell.watch.room)),
            account: account.clone(),
            next_id: Cell::new(*next_id),
            slots: Cell::new(*slots),
            slots_max: *slots_max,
        }
    }

    pub(crate) fn take_back(&mut self, lent: Lent) {
        let Lent { mailbox, room, next_id, slots, .. } = lent;
        let me = self.me;
        let host = self.host();
        (host.next_id, host.slots) = (next_id.get(), slots.get());
        let cell = host.cells.get_mut(&me).expect("an actor that is called has a cell");
        (cell.mailbox, cell.watch.room) = (mailbox.into_inner(), room.into_inner());
    }
}
