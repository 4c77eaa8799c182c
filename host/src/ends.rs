//! The ends of actors that had no parent to tell: the last of them, for the log and the status.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::envelope::ExitReason;
use thespian_core::limits::ENDED_KEPT;
use thespian_core::text::inert;
use thespian_core::wire::control::EndedActor;
use tracing::Level;

use crate::log::LogStore;

/// The actors that ended last.
pub(crate) struct Ends {
    log: Arc<LogStore>,
    last: Mutex<VecDeque<EndedActor>>,
}

impl Ends {
    pub(crate) fn new(log: Arc<LogStore>) -> Self {
        Self { log, last: Mutex::default() }
    }

    /// Keeps an end, and says it in the log.
    pub(crate) fn note(&self, address: ActorAddress, class: String, reason: ExitReason) {
        let level = if reason == ExitReason::Requested { Level::INFO } else { Level::WARN };
        self.log.actor(address, &class, level, "end", &inert(&reason.to_string()));
        let mut last = self.last.lock();
        last.truncate(ENDED_KEPT - 1);
        last.push_front(EndedActor { address, class, reason });
    }

    /// The last, newest first.
    pub(crate) fn last(&self) -> Vec<EndedActor> {
        self.last.lock().iter().cloned().collect()
    }

    /// How this actor ended, if it is among the last.
    pub(crate) fn of(&self, address: ActorAddress) -> Option<EndedActor> {
        self.last.lock().iter().find(|ended| ended.address == address).cloned()
    }
}
