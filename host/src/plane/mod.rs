//! What lies below the actors: who has which address, queues, alarms, the clock, places for actors, dead letters and the
//! log. It knows what it serves by traits alone.

pub(crate) mod accounts;
pub(crate) mod alarms;
pub(crate) mod clock;
pub(crate) mod dead_letters;
pub(crate) mod mailbox;
pub(crate) mod pending;
pub(crate) mod places;
pub(crate) mod receiver;
pub(crate) mod sleeper;
pub(crate) mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt as _;
use thespian_core::address::{ActorAddress, HostId};
#[cfg(test)]
use thespian_core::budget::BudgetBounds;
use thespian_core::budget::NodeBudget;
use thespian_core::envelope::{Body, DeadEnvelope, EXITING, Envelope, NOBODY_THERE};
use thespian_core::mailbox::Push;
use thespian_core::turn::Leftover;
use thespian_core::wire::control::DeadLetter;

use self::accounts::Accounts;
use self::alarms::Alarms;
use self::clock::Clock;
use self::dead_letters::DeadLetters;
use self::places::Places;
use self::table::Table;
use crate::log::LogStore;

/// The plane on which messages travel, and what actors stand on.
pub(crate) struct Plane {
    pub(crate) host: HostId,
    pub(crate) clock: Clock,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) table: Table,
    pub(crate) alarms: Alarms,
    pub(crate) places: Places,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) log: Arc<LogStore>,
    poisoned: AtomicU64,
}

impl Plane {
    pub(crate) fn new(host: HostId, clock: Clock, budget: Arc<NodeBudget>, log: Arc<LogStore>) -> Self {
        Self {
            host,
            clock,
            accounts: Arc::new(Accounts::new(budget)),
            table: Table::new(),
            alarms: Alarms::new(clock),
            places: Places::new(),
            dead_letters: DeadLetters::default(),
            log,
            poisoned: AtomicU64::new(0),
        }
    }

    /// One for a test, with so many places.
    #[cfg(test)]
    pub(crate) fn with_places(places: usize, log: Arc<LogStore>) -> Self {
        let bounds = BudgetBounds { memory_bytes: 4 << 30, queued_bytes: 1 << 30, places };
        Self::new(HostId(1), Clock::start(), NodeBudget::new(bounds), log)
    }

    /// An address that nobody can guess and that was never used.
    pub(crate) fn new_address(&self) -> ActorAddress {
        ActorAddress::new(self.host, rand::rng().random())
    }

    /// Puts an envelope into the queue of what its target stands for, and activates that where needed.
    pub(crate) fn deliver(&self, mut envelope: Envelope) -> Push {
        loop {
            let Some(receiver) = self.table.get(envelope.target) else { return Push::Gone(envelope) };
            match receiver.deliver(envelope) {
                Push::Moved(again) => envelope = again,
                push => return push,
            }
        }
    }

    /// Puts a notice of the host into its receiver's queue. A slot is reserved for nearly all of them, so that they are never
    /// refused; of others that find the mailbox full the dead letters tell. A notice to someone who is gone has no one to tell.
    pub(crate) fn notify(&self, envelope: Envelope) {
        if let Push::Full(notice) = self.deliver(envelope) {
            self.dead_letter(&notice, "its mailbox is full");
        }
    }

    /// Counts a message that goes back as poison.
    pub(crate) fn count_poison(&self) {
        self.poisoned.fetch_add(1, Ordering::Relaxed);
    }

    /// Messages that went back as poison.
    pub(crate) fn poisoned(&self) -> u64 {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// Gives a message back to its sender, as poison.
    pub(crate) fn send_back(&self, poison: Envelope) {
        self.count_poison();
        match self.deliver(poison) {
            Push::Full(poison) => self.dead_letter(&poison, "its sender took no message back"),
            Push::Gone(poison) | Push::Moved(poison) => self.gone(poison),
            Push::Queued | Push::Activate => {}
        }
    }

    /// Takes what was sent to someone who is gone, or takes nothing more.
    pub(crate) fn gone(&self, envelope: Envelope) {
        if envelope.body.is_mail() {
            let is_there = self.table.has_actor(envelope.target);
            self.undelivered(envelope, if is_there { EXITING } else { NOBODY_THERE });
        }
    }

    /// Takes what its receiver does not get. What comes back is not held: where its sender has no room, it is a dead letter.
    pub(crate) fn undelivered(&self, envelope: Envelope, reason: &str) {
        let target = envelope.target;
        let leftover = Leftover::undelivered(envelope, reason);
        // Of a dead letter it is told as well.
        if let (Leftover::Poison(_), Some(target)) = (&leftover, self.table.get(target)) {
            target.missed();
        }
        self.leave_over(leftover);
    }

    /// Sends on what nobody handles.
    pub(crate) fn leave_over(&self, leftover: Leftover) {
        match leftover {
            Leftover::Poison(poison) => self.send_back(poison),
            Leftover::DeadLetter(envelope, why) => self.dead_letter(&envelope, &why),
            Leftover::Nothing => {}
        }
    }

    /// Counts, keeps and logs what can't be delivered or handled, gives it to the actor that handles dead letters, and tells
    /// the two ends: an ask whose message it is ends, and so does a connection that was to write it.
    pub(crate) fn dead_letter(&self, envelope: &Envelope, reason: &str) {
        let letter = DeadLetter {
            target: envelope.target,
            sender: envelope.sender,
            type_name: envelope.body.type_name().to_string(),
            reason: reason.to_string(),
        };
        self.log.dead_letter(&letter);
        self.dead_letters.add(letter);
        self.hand_over(envelope, reason);
        if let (Body::Message(_), Some(sender)) = (&envelope.body, self.table.get(envelope.sender)) {
            sender.undelivered();
        }
        if let Some(target) = self.table.get(envelope.target) {
            target.missed();
        }
    }

    /// Gives a dead letter to its handler. A handler whose mailbox is full misses it: to hold it would hold up the sender of
    /// the message, who has nothing to do with the handler.
    fn hand_over(&self, envelope: &Envelope, reason: &str) {
        let Some(handler) = self.dead_letters.handler() else { return };
        let Some(letter) = DeadEnvelope::of(envelope, reason) else { return };
        let (sender, body) = (envelope.target, Body::DeadLetter(Box::new(letter)));
        self.deliver(Envelope { target: handler, sender, body });
    }
}
