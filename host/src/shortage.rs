//! A word in the log when no connection can be accepted.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::Level;

use crate::descriptors::{ADVICE, are_gone, limit};
use crate::log::LogStore;

/// How often it is said that none are left: whoever is refused comes again.
const SAID_PERIOD: Duration = Duration::from_secs(1);

/// Says that connections can't be accepted, once in a while.
#[derive(Default)]
pub(crate) struct Shortage(Mutex<Said>);

#[derive(Default)]
struct Said {
    last: Option<Instant>,
    /// How often it would have been said since then.
    times: u64,
}

impl Shortage {
    /// A connection could not be accepted.
    pub(crate) fn tell(&self, log: &LogStore, whose: &str, error: &io::Error) {
        let mut said = self.0.lock();
        said.times += 1;
        if said.last.is_some_and(|last| last.elapsed() < SAID_PERIOD) {
            return;
        }
        let times = std::mem::take(&mut said.times);
        said.last = Some(Instant::now());
        drop(said);
        let again =
            if times > 1 { format!(" ({times} times since this was last said)") } else { String::new() };
        let text = if are_gone(error) {
            let limit = limit();
            format!("no file descriptor of {limit} is left for another connection{again}: {ADVICE}")
        } else {
            format!("can't accept a connection{again}: {error}")
        };
        log.node(Level::WARN, whose, &text);
    }
}
