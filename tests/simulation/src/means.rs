//! What a turn takes at once of its world: lent to it for as long as it asks for things.

use std::cell::{Cell, RefCell};

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::{Mailbox, MailboxLimits, QueueBudget};
use thespian_core::outbox::{Draft, Means, Outbox};

use crate::bounds::Watch;
use crate::carrier::Carrier;
use crate::world::World;

/// Places, addresses, and the own mailbox of one actor.
pub(crate) struct Lent {
    me: ActorAddress,
    limits: ActorLimits,
    mailbox: RefCell<Mailbox>,
    watch: RefCell<Watch>,
    budget: QueueBudget,
    next_id: Cell<u128>,
    slots: Cell<usize>,
    slots_max: usize,
}

impl Means for Lent {
    fn new_address(&self) -> ActorAddress {
        self.next_id.set(self.next_id.get() + 1);
        ActorAddress::new(HostId(1), self.next_id.get())
    }

    fn take_place(&self) -> bool {
        let has_place = self.slots.get() < self.slots_max;
        self.slots.set(self.slots.get() + usize::from(has_place));
        has_place
    }

    fn give_places(&self, len: usize) {
        self.slots.set(self.slots.get() - len);
    }

    fn reserve_self(&self, cost: usize) -> bool {
        let has_room = self.mailbox.borrow_mut().reserve(cost, &self.budget);
        if has_room {
            self.watch.borrow_mut().came(cost);
        }
        has_room
    }

    fn release_self(&self, len: usize, cost: usize) {
        self.mailbox.borrow_mut().release(len, cost, &self.budget);
        self.watch.borrow_mut().went(len, cost);
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
        let me = self.me;
        let World { cells, limits, budget, next_id, slots, slots_max, .. } = &mut *self.world;
        let cell = cells.get_mut(&me).expect("an actor that is called has a cell");
        let none = MailboxLimits { len_max: 0, bytes_max: 0 };
        Lent {
            me,
            limits: *limits,
            mailbox: RefCell::new(std::mem::replace(&mut cell.mailbox, Mailbox::pending(none))),
            watch: RefCell::new(std::mem::take(&mut cell.watch)),
            budget: std::mem::replace(budget, QueueBudget::new(0)),
            next_id: Cell::new(*next_id),
            slots: Cell::new(*slots),
            slots_max: *slots_max,
        }
    }

    pub(crate) fn take_back(&mut self, lent: Lent) {
        let Lent { mailbox, watch, budget, next_id, slots, .. } = lent;
        let world = &mut *self.world;
        (world.budget, world.next_id, world.slots) = (budget, next_id.get(), slots.get());
        let cell = world.cells.get_mut(&self.me).expect("an actor that is called has a cell");
        (cell.mailbox, cell.watch) = (mailbox.into_inner(), watch.into_inner());
    }
}
