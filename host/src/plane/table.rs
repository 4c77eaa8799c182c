//! Finds the receiver of an envelope: one look-up, one queue. Messages never visit `Admin`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, DeadEnvelope, EXITING, Envelope, NOBODY_THERE};
use thespian_core::limits::{DEAD_LETTERS_KEPT, STATUS_LONG_TURNS_MAX};
use thespian_core::mailbox::{Push, push_each};
use thespian_core::time::Time;
use thespian_core::wire::control::DeadLetter;

use crate::actor::Cell;
use crate::endpoint::{AskSlot, Endpoint};
use crate::grant::Connection;
use crate::log::LogStore;

/// What an address stands for.
#[derive(Clone)]
pub(crate) enum Route {
    Actor(Arc<Cell>),
    Endpoint(Arc<Endpoint>),
    Ask(Arc<AskSlot>),
    Connection(Arc<Connection>),
}

impl Route {
    /// Puts envelopes into the receiver's queue until one is refused, and activates the receiver where needed.
    pub(crate) fn push_run(&self, run: &mut impl Iterator<Item = Envelope>) -> Push {
        if let Self::Actor(cell) = self {
            return cell.push_run(run);
        }
        push_each(run, |envelope| self.push(envelope))
    }

    /// Puts the envelope into the receiver's queue, and activates the receiver where needed.
    pub(crate) fn push(&self, envelope: Envelope) -> Push {
        match self {
            Self::Actor(cell) => cell.push(envelope),
            Self::Endpoint(endpoint) => endpoint.push(envelope),
            Self::Ask(slot) => slot.push(envelope),
            Self::Connection(connection) => connection.push(envelope),
        }
    }
}

/// The routing table of a node, and what becomes of envelopes that it can't place.
pub(crate) struct Router {
    routes: DashMap<ActorAddress, Route, RandomState>,
    is_closed: AtomicBool,
    dead_letters: AtomicU64,
    recent_dead: Mutex<VecDeque<DeadLetter>>,
    dead_letter_handler: RwLock<Option<ActorAddress>>,
    log: Arc<LogStore>,
}

impl Router {
    pub(crate) fn new(log: Arc<LogStore>) -> Self {
        Self {
            routes: DashMap::with_hasher(RandomState::default()),
            is_closed: AtomicBool::new(false),
            dead_letters: AtomicU64::new(0),
            recent_dead: Mutex::default(),
            dead_letter_handler: RwLock::default(),
            log,
        }
    }

    /// Adds a receiver. One that comes when the node has ended is let go at once.
    pub(crate) fn enter(&self, address: ActorAddress, route: Route) {
        self.routes.insert(address, route);
        if self.is_closed.load(Ordering::SeqCst) {
            self.let_go();
        }
    }

    pub(crate) fn remove(&self, address: ActorAddress) {
        self.routes.remove(&address);
    }

    pub(crate) fn get(&self, address: ActorAddress) -> Option<Route> {
        self.routes.get(&address).map(|route| route.clone())
    }

    pub(crate) fn actor(&self, address: ActorAddress) -> Option<Arc<Cell>> {
        match self.routes.get(&address).as_deref() {
            Some(Route::Actor(cell)) => Some(cell.clone()),
            _ => None,
        }
    }

    /// Puts a notice of the host into its receiver's mailbox. A slot is reserved for it, so it is never refused;
    /// a notice to someone who is gone has no one to tell.
    pub(crate) fn notify(&self, envelope: Envelope) {
        if let Some(route) = self.get(envelope.target) {
            route.push(envelope);
        }
    }

    /// What was sent to someone who is gone, or takes nothing more.
    pub(crate) fn gone(&self, envelope: &Envelope) {
        if envelope.body.is_mail() {
            let is_there = self.actor(envelope.target).is_some();
            self.dead_letter(envelope, if is_there { EXITING } else { NOBODY_THERE });
        }
    }

    pub(crate) fn set_dead_letter_handler(&self, handler: Option<ActorAddress>) {
        *self.dead_letter_handler.write() = handler;
    }

    /// Counts, keeps and logs what can't be delivered or handled, and gives it to whoever handles dead letters. An ask
    /// that waits for it ends, and so does a connection that it was written to.
    pub(crate) fn dead_letter(&self, envelope: &Envelope, reason: &str) {
        self.dead_letters.fetch_add(1, Ordering::Relaxed);
        let letter = DeadLetter {
            target: envelope.target,
            sender: envelope.sender,
            type_name: envelope.body.type_name().to_string(),
            reason: reason.to_string(),
        };
        self.log.dead_letter(&letter);
        let mut recent = self.recent_dead.lock();
        recent.truncate(DEAD_LETTERS_KEPT - 1);
        recent.push_front(letter);
        drop(recent);
        self.hand_over(envelope, reason);
        if let (Body::Message(_), Some(Route::Ask(slot))) = (&envelope.body, self.get(envelope.sender)) {
            slot.target_is_dead();
        }
        if let Some(Route::Connection(connection)) = self.get(envelope.target) {
            connection.lose();
        }
    }

    /// Gives a dead letter to its handler. One whose mailbox is full misses it: to hold it would hold up whoever sent
    /// the message, who has nothing to do with the handler.
    fn hand_over(&self, envelope: &Envelope, reason: &str) {
        let Some(handler) = *self.dead_letter_handler.read() else { return };
        let Some(letter) = DeadEnvelope::of(envelope, reason) else { return };
        let (sender, body) = (envelope.target, Body::DeadLetter(Box::new(letter)));
        if let Some(route) = self.get(handler) {
            route.push(Envelope { target: handler, sender, body });
        }
    }

    pub(crate) fn dead_letters(&self) -> (u64, Vec<DeadLetter>) {
        let recent = self.recent_dead.lock().iter().cloned().collect();
        (self.dead_letters.load(Ordering::Relaxed), recent)
    }

    /// The turns that live actors have had.
    pub(crate) fn turns(&self) -> u64 {
        let turns = |route: &Route| match route {
            Route::Actor(cell) => cell.turns(),
            Route::Endpoint(_) | Route::Ask(_) | Route::Connection(_) => 0,
        };
        self.routes.iter().map(|route| turns(route.value())).sum()
    }

    /// Actors in long turns, the longest first: for how long, and how old their oldest message is.
    pub(crate) fn long_turns(&self, now: Time) -> Vec<(ActorAddress, Duration, Option<Duration>)> {
        let long = |route: &Route| match route {
            Route::Actor(cell) => {
                cell.long_turn(now).map(|(length, oldest)| (cell.address(), length, oldest))
            }
            Route::Endpoint(_) | Route::Ask(_) | Route::Connection(_) => None,
        };
        let mut turns: Vec<_> = self.routes.iter().filter_map(|route| long(route.value())).collect();
        turns.sort_by_key(|(_, length, _)| std::cmp::Reverse(*length));
        turns.truncate(STATUS_LONG_TURNS_MAX);
        turns
    }

    pub(crate) fn endpoints(&self) -> usize {
        self.routes.iter().filter(|route| matches!(route.value(), Route::Endpoint(_))).count()
    }

    /// Lets go of everything: the node ends. Actors that know each other would otherwise keep each other alive.
    pub(crate) fn clear(&self) {
        // Before it looks: what is entered after that looks itself.
        self.is_closed.store(true, Ordering::SeqCst);
        self.let_go();
    }

    fn let_go(&self) {
        self.routes.retain(|_, route| {
            if let Route::Actor(cell) = route {
                cell.abandon();
            }
            false
        });
    }
}
