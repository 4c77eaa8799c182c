//! The node's log: what actors and the node itself write, kept in a ring for `logs`, and passed on to `tracing` and, if
//! there is one, to the log file. Whoever writes waits for neither: each has an [`Outlet`] of its own.

mod subscriber;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::limits::{LOG_FOLLOWER_LAG_MAX, LOG_QUEUE_BYTES_MAX, LOG_RECORDS_KEPT};
use thespian_core::text::inert;
use thespian_core::wire::control::{DeadLetter, LogOutletStatus, LogRecord};
use tokio::sync::broadcast;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::outlet::{Losses, Outlet};
use crate::sandbox::EngineLog;
use crate::store::StoreError;
use crate::store::log_file::{LogFile, OpenLogFile};
use subscriber::{Passed, Subscriber};

/// Cost of a record besides its texts, in bytes.
const RECORD_COST: usize = size_of::<LogRecord>();

/// Dead letters that are logged one by one in a second; a flood of them is a number in the status.
const DEAD_LETTERS_LOGGED_PER_SECOND: u32 = 20;

struct Ring {
    records: VecDeque<Arc<LogRecord>>,
    next_seq: u64,
    second: Instant,
    dead_letters: u32,
}

/// The newest records, and those who follow.
pub(crate) struct LogStore {
    ring: Mutex<Ring>,
    followers: broadcast::Sender<Arc<LogRecord>>,
    subscriber: Outlet<Passed>,
    file: OnceLock<LogFile>,
    /// Losses of the program around the node on the way to its own outputs.
    others: Mutex<Vec<(String, Losses)>>,
}

impl LogStore {
    /// Starts the threads that take the records away.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn start(file: Option<OpenLogFile>) -> Result<Arc<Self>, LogError> {
        let ring = Ring { records: VecDeque::new(), next_seq: 1, second: Instant::now(), dead_letters: 0 };
        let store = Arc::new(Self {
            ring: Mutex::new(ring),
            followers: broadcast::Sender::new(LOG_FOLLOWER_LAG_MAX),
            subscriber: Outlet::start("thespian-log", LOG_QUEUE_BYTES_MAX, Losses::default(), Subscriber)
                .map_err(LogError::Thread)?,
            file: OnceLock::new(),
            others: Mutex::default(),
        });
        if let Some(file) = file {
            let log = Arc::downgrade(&store);
            let file = file.start(move |text| {
                if let Some(log) = log.upgrade() {
                    log.node(Level::ERROR, "log file", text);
                }
            })?;
            // Nobody else has the store yet.
            let _ = store.file.set(file);
        }
        Ok(store)
    }

    /// Writes a record of an actor.
    pub(crate) fn actor(&self, actor: ActorAddress, class: &str, level: Level, target: &str, text: &str) {
        self.keep(Some((actor, class)), level, target, text);
    }

    /// Writes a record of the node itself. What is for those who look for a defect goes to `tracing` alone.
    pub(crate) fn node(&self, level: Level, target: &str, text: &str) {
        if level <= Level::INFO {
            self.keep(None, level, target, text);
        } else if level <= LevelFilter::current() {
            let record = record(None, level, target, text);
            let cost = cost(&record);
            self.subscriber.push((level, Arc::new(record)), cost);
        }
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
        let mut record = record(actor, level, target, text);
        let cost = cost(&record);
        let mut ring = self.ring.lock();
        record.seq = ring.next_seq;
        record.time_ms = crate::plane::clock::unix_ms();
        let record = Arc::new(record);
        ring.next_seq += 1;
        if ring.records.len() >= LOG_RECORDS_KEPT {
            ring.records.pop_front();
        }
        // All of this under the lock, so that everybody sees the order of the numbers. Nothing of it waits.
        if self.followers.receiver_count() > 0 {
            let _ = self.followers.send(record.clone());
        }
        // What no subscriber asks for wakes nobody.
        if level <= LevelFilter::current() {
            self.subscriber.push((level, record.clone()), cost);
        }
        if let Some(file) = self.file.get() {
            file.push(record.clone(), cost);
        }
        ring.records.push_back(record);
    }

    /// The file, if there is one.
    pub(crate) fn file(&self) -> Option<&LogFile> {
        self.file.get()
    }

    /// Has the status show what is lost elsewhere of what the log says.
    pub(crate) fn count(&self, name: &str, losses: Losses) {
        self.others.lock().push((name.to_string(), losses));
    }

    /// Losses at each way out but the file.
    pub(crate) fn outlets(&self) -> Vec<LogOutletStatus> {
        let outlet =
            |name: &str, losses: &Losses| LogOutletStatus { name: name.into(), lost: losses.count() };
        let mut outlets = vec![outlet("tracing", self.subscriber.losses())];
        outlets.extend(self.others.lock().iter().map(|(name, losses)| outlet(name, losses)));
        outlets
    }

    /// Returns when everything logged so far is where it goes, or is counted as lost.
    pub(crate) async fn written(&self) {
        let file = async {
            if let Some(file) = self.file() {
                file.written().await;
            }
        };
        tokio::join!(file, self.subscriber.written());
    }

    /// The records kept, oldest first, and those to come, without a gap between them.
    pub(crate) fn follow(
        &self,
        actor: Option<ActorAddress>,
    ) -> (Vec<Arc<LogRecord>>, broadcast::Receiver<Arc<LogRecord>>) {
        let ring = self.ring.lock();
        let wanted = |record: &&Arc<LogRecord>| actor.is_none() || record.actor == actor;
        (ring.records.iter().filter(wanted).cloned().collect(), self.followers.subscribe())
    }
}

/// A log can't be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The system gives no thread.
    #[error("can't start a thread for the log: {0}")]
    Thread(std::io::Error),
    /// Nor one for its file.
    #[error(transparent)]
    File(#[from] StoreError),
}

impl EngineLog for LogStore {
    fn log(&self, level: Level, about: &str, text: &str) {
        self.node(level, about, text);
    }
}

/// A record; its number, if it gets one, and its time are the ring's to say.
fn record(actor: Option<(ActorAddress, &str)>, level: Level, target: &str, text: &str) -> LogRecord {
    LogRecord {
        seq: 0,
        time_ms: 0,
        level: level.to_string(),
        actor: actor.map(|(address, _)| address),
        class: actor.map(|(_, class)| class.to_string()),
        target: target.to_string(),
        text: text.to_string(),
    }
}

fn cost(record: &LogRecord) -> usize {
    let class = record.class.as_ref().map_or(0, String::len);
    RECORD_COST + record.text.len() + record.target.len() + class
}
