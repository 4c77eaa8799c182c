//! File descriptors of this process: how many it may have, and a word in the log when there are none left.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thespian_core::limits::{DESCRIPTORS_MOST, DESCRIPTORS_SHARED_LEAST};
use tracing::Level;

use crate::log::LogStore;

pub use thespian_core::descriptors::{Shares, TooFewDescriptors};

/// How often it is said that none are left: whoever is refused comes again.
const SAID_PERIOD: Duration = Duration::from_secs(1);

/// Lets this process have as many descriptors as the system allows it, up to 65,536, and returns how many it may have. The
/// program does so at `run`; who embeds a node decides it for a process of their own, and calls this before
/// [`Node::start`](crate::node::Node::start) if they wish.
///
/// # Errors
/// The system does not let it. It then has what it had.
pub fn raise_limit() -> io::Result<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wished = maximum.map_or(DESCRIPTORS_MOST, |most| most.min(DESCRIPTORS_MOST));
    match current {
        Some(current) if current < wished => {
            setrlimit(Resource::Nofile, Rlimit { current: Some(wished), maximum })?;
            Ok(wished)
        }
        current => Ok(current.unwrap_or(u64::MAX)),
    }
}

/// How many this process may have.
#[must_use]
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Divides what is left of this process's descriptors when it has opened `more` than it has now.
///
/// # Errors
/// They are too few for a node.
pub fn shares(more: u64) -> Result<Shares, TooFewDescriptors> {
    let limit = limit();
    Shares::of(limit, open(limit).saturating_add(more))
}

/// Whether so few are left that sources may take none: whoever unloads one has to reach the node.
pub(crate) fn are_scarce() -> bool {
    let limit = limit();
    limit.saturating_sub(open(limit)) <= DESCRIPTORS_SHARED_LEAST as u64
}

/// How many are open, of `limit`.
fn open(limit: u64) -> u64 {
    match std::fs::read_dir("/proc/self/fd") {
        // One of them is that of the reading.
        Ok(open) => (open.count() as u64).saturating_sub(1),
        Err(error) if are_gone(&error) => limit,
        // The system does not say; no more than a program has at its start, then.
        Err(_) => 3,
    }
}

/// Whether something failed because there are no more descriptors, for this process or for all.
pub(crate) fn are_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// What can be done when none are left.
pub(crate) const ADVICE: &str =
    "end connections, unload sources, or start the node with a higher limit (`ulimit -n`)";

/// Says that connections can't be accepted, once in a while.
#[derive(Default)]
pub(crate) struct Shortage(Mutex<Said>);

#[derive(Default)]
struct Said {
    last: Option<Instant>,
    /// Since then.
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
