//! File descriptors of this process: how many it may have, and what is to be said when there are none left.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thespian_core::limits::{DESCRIPTORS_MOST, DESCRIPTORS_SHARED_LEAST};

pub use thespian_core::descriptors::{Shares, TooFewDescriptors};

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

/// Advice for when none are left.
pub(crate) const ADVICE: &str =
    "end connections, unload sources, or start the node with a higher limit (`ulimit -n`)";
