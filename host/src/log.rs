//! The node's log: what actors and the node itself write, kept in a ring for `logs`, and passed on to `tracing` and, if
//! there is one, to the log file.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::limits::{LOG_FOLLOWER_LAG_MAX, LOG_RECORDS_KEPT};
use thespian_core::text::inert;
use thespian_core::wire::control::{DeadLetter, LogRecord};
use tokio::sync::broadcast;
use tracing::Level;

use crate::store::log_file::LogFile;

/// Dead letters that are logged one by one in a second; a flood of them is a number in the status.
const DEAD_LETTERS_LOGGED_PER_SECOND: u32 = 20;

struct Ring {
    records: VecDeque<LogRecord>,
    next_seq: u64,
    second: Instant,
    dead_letters: u32,
}

/// The newest records, and those who follow.
pub(crate) struct LogStore {
    ring: Mutex<Ring>,
    followers: broadcast::Sender<LogRecord>,
    file: Option<LogFile>,
}

impl LogStore {
    pub(crate) fn new(file: Option<LogFile>) -> Self {
        let ring = Ring { records: VecDeque::new(), next_seq: 1, second: Instant::now(), dead_letters: 0 };
        Self { ring: Mutex::new(ring), followers: broadcast::Sender::new(LOG_FOLLOWER_LAG_MAX), file }
    }

    /// Writes a record of an actor.
    pub(crate) fn actor(&self, actor: ActorAddress, class: &str, level: Level, target: &str, text: &str) {
        match level {
            Level::ERROR => tracing::error!(target: "actor", %actor, class, from = target, "{text}"),
            Level::WARN => tracing::warn!(target: "actor", %actor, class, from = target, "{text}"),
            Level::INFO => tracing::info!(target: "actor", %actor, class, from = target, "{text}"),
            Level::DEBUG => tracing::debug!(target: "actor", %actor, class, from = target, "{text}"),
            Level::TRACE => tracing::trace!(target: "actor", %actor, class, from = target, "{text}"),
        }
        self.keep(Some((actor, class)), level, target, text);
    }

    /// Writes a record of the node itself.
    pub(crate) fn node(&self, level: Level, target: &str, text: &str) {
        match level {
            Level::ERROR => tracing::error!(target: "node", about = target, "{text}"),
            Level::WARN => tracing::warn!(target: "node", about = target, "{text}"),
            _ => tracing::info!(target: "node", about = target, "{text}"),
        }
        self.keep(None, level, target, text);
    }

    pub(crate) fn dead_letter(&self, letter: &DeadLetter) {
        let mut ring = self.ring.lock();
        if ring.second.elapsed() >= Duration::from_secs(1) {
            ring.second = Instant::now();
            ring.dead_letters = 0;
        }
        ring.dead_letters = ring.dead_letters.saturating_add(1);
        let nth = ring.dead_letters;
        drop(ring);
        if nth <= DEAD_LETTERS_LOGGED_PER_SECOND {
            let DeadLetter { target, sender, type_name, reason } = letter;
            let more = if nth == DEAD_LETTERS_LOGGED_PER_SECOND {
                "; more in this second are only counted"
            } else {
                ""
            };
            let text = format!("{type_name} from {sender} to {target}: {reason}{more}");
            self.node(Level::WARN, "dead letter", &inert(&text));
        }
    }

    fn keep(&self, actor: Option<(ActorAddress, &str)>, level: Level, target: &str, text: &str) {
        let mut ring = self.ring.lock();
        let record = LogRecord {
            seq: ring.next_seq,
            time_ms: crate::clock::unix_ms(),
            level: level.to_string(),
            actor: actor.map(|(address, _)| address),
            class: actor.map(|(_, class)| class.to_string()),
            target: target.to_string(),
            text: text.to_string(),
        };
        ring.next_seq += 1;
        if ring.records.len() >= LOG_RECORDS_KEPT {
            ring.records.pop_front();
        }
        if self.followers.receiver_count() > 0 {
            // Sent under the lock, so that followers see the order of the numbers. It never blocks.
            let _ = self.followers.send(record.clone());
        }
        if let Some(file) = &self.file {
            // Under the lock for the same reason, and as little a wait.
            file.push(&record);
        }
        ring.records.push_back(record);
    }

    /// The file, if there is one.
    pub(crate) const fn file(&self) -> Option<&LogFile> {
        self.file.as_ref()
    }

    /// The records kept, oldest first, and those to come, without a gap between them.
    pub(crate) fn follow(
        &self,
        actor: Option<ActorAddress>,
    ) -> (Vec<LogRecord>, broadcast::Receiver<LogRecord>) {
        let ring = self.ring.lock();
        let wanted = |record: &&LogRecord| actor.is_none() || record.actor == actor;
        (ring.records.iter().filter(wanted).cloned().collect(), self.followers.subscribe())
    }
}
