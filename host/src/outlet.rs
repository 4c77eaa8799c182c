//! A way out that nobody waits for: a bounded queue, and a thread of its own that writes what lies there. The log goes to
//! a file, to `tracing` and to a program's output by one each, so that none of them can hold up another, nor an actor.
//!
//! ```text
//!  push ──► queue, at most `bytes_max` ──► thread: item, item, missing(3), flush ──► where it may take for ever
//!              └─ full: counted, and told to the sink where it is missing
//! ```
//!
//! It does not know what is written, nor where to.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{mem, thread};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

/// Places of a queue that outlast a batch: a flood is not to keep its memory.
const PLACES_KEPT_MAX: usize = 1_024;

/// The reason for which things are missing that found a queue full.
pub const TOO_FAST: &str = "they came faster than they were written";

/// Where things go in the end. Called by one thread, which may be held up here.
pub trait Sink<T>: Send + 'static {
    /// The next one.
    fn item(&mut self, item: T);

    /// So many are missing here: they came faster than they were written.
    fn missing(&mut self, count: u64);

    /// Nothing more waits.
    fn flush(&mut self);
}

/// How many things did not get out. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Losses(Arc<AtomicU64>);

impl Losses {
    /// Counts some more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// All so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A sink's knowledge of things that are missing where it writes next, so that it can say so there.
#[derive(Debug, Default)]
pub struct Gap {
    /// Not said yet.
    missing: u64,
    /// Said in what is written next, which may be lost too.
    said: u64,
    why: String,
}

impl Gap {
    /// Nothing is missing.
    #[must_use]
    pub const fn new() -> Self {
        Self { missing: 0, said: 0, why: String::new() }
    }

    /// So many more are missing.
    pub fn add(&mut self, count: u64, why: &str) {
        // What was to be said with them is lost as they are.
        self.missing += count + mem::take(&mut self.said);
        why.clone_into(&mut self.why);
    }

    /// As [`Self::add`], of those that [`Sink::missing`] tells of.
    pub fn add_refused(&mut self, count: u64) {
        self.add(count, TOO_FAST);
    }

    /// How many are missing and why, where that is to be said.
    #[must_use]
    pub fn to_say(&self) -> Option<(u64, &str)> {
        (self.missing > 0).then_some((self.missing, &*self.why))
    }

    /// Notes that what [`Self::to_say`] gave is among what is written next.
    pub fn say(&mut self) {
        self.said += mem::take(&mut self.missing);
    }

    /// Notes that what was to be written is written.
    pub fn written(&mut self) {
        self.said = 0;
    }
}

/// Between those who push and the one who writes.
struct Queue<T> {
    waiting: Mutex<Backlog<T>>,
    more: Condvar,
    /// How many of those pushed are dealt with.
    done: watch::Sender<u64>,
    bytes_max: usize,
    losses: Losses,
}

struct Backlog<T> {
    items: VecDeque<T>,
    bytes: usize,
    /// Came after the items. Until they are taken nothing more is let in: so it is known where they are missing.
    missing: u64,
    pushed: u64,
    is_closed: bool,
}

/// The end at which one pushes. When it is dropped, what waits is still written.
pub struct Outlet<T>(Arc<Queue<T>>);

/// The end at which one writes.
pub(crate) struct Drain<T>(Arc<Queue<T>>);

impl<T: Send + 'static> Outlet<T> {
    /// Starts the thread that writes: at most `bytes_max` wait for it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(name: &str, bytes_max: usize, losses: Losses, sink: impl Sink<T>) -> io::Result<Self> {
        let (outlet, drain) = Self::new(bytes_max, losses);
        drain.start(name, sink)?;
        Ok(outlet)
    }

    /// An outlet at whose other end nobody is yet.
    pub(crate) fn new(bytes_max: usize, losses: Losses) -> (Self, Drain<T>) {
        let waiting = Backlog { items: VecDeque::new(), bytes: 0, missing: 0, pushed: 0, is_closed: false };
        let queue = Arc::new(Queue {
            waiting: Mutex::new(waiting),
            more: Condvar::new(),
            done: watch::Sender::new(0),
            bytes_max,
            losses,
        });
        (Self(queue.clone()), Drain(queue))
    }

    /// Has something written that takes so many bytes. Never waits: what finds the queue full is counted.
    pub fn push(&self, item: T, bytes: usize) {
        let mut waiting = self.0.waiting.lock();
        waiting.pushed += 1;
        if waiting.missing > 0 || waiting.bytes + bytes > self.0.bytes_max {
            waiting.missing += 1;
            self.0.losses.add(1);
        } else {
            waiting.bytes += bytes;
            waiting.items.push_back(item);
        }
        drop(waiting);
        self.0.more.notify_one();
    }

    /// Returns when all that was pushed is written, or counted as lost.
    pub async fn written(&self) {
        let pushed = self.0.waiting.lock().pushed;
        // The sender is ours: there is no error.
        let _ = self.0.done.subscribe().wait_for(|done| *done >= pushed).await;
    }

    /// Losses: things that did not get out.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.0.losses
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.0.waiting.lock().is_closed = true;
        self.0.more.notify_one();
    }
}

impl<T> std::fmt::Debug for Outlet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlet").field("losses", &self.0.losses).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Drain<T> {
    /// Writes on a thread of its own, which ends with the outlet.
    pub(crate) fn start(self, name: &str, sink: impl Sink<T>) -> io::Result<()> {
        thread::Builder::new().name(name.to_string()).spawn(move || self.run(sink)).map(drop)
    }

    /// Writes until the outlet is gone and all that waited is written.
    pub(crate) fn run(self, mut sink: impl Sink<T>) {
        let mut items = VecDeque::new();
        while let Some(missing) = self.take(&mut items) {
            let count = items.len() as u64 + missing;
            for item in items.drain(..) {
                // An embedder's code runs there, and a panic in it loses one record, not the log.
                if catch_unwind(AssertUnwindSafe(|| sink.item(item))).is_err() {
                    self.0.losses.add(1);
                }
            }
            let rest = || {
                if missing > 0 {
                    sink.missing(missing);
                }
                sink.flush();
            };
            // What it did not come to is told, or counted, with what comes next.
            let _ = catch_unwind(AssertUnwindSafe(rest));
            self.0.done.send_modify(|done| *done += count);
            if items.capacity() > PLACES_KEPT_MAX {
                items = VecDeque::new();
            }
        }
    }

    /// Waits for more and takes all of it; returns how many are missing behind it, or `None` when nothing will come.
    fn take(&self, items: &mut VecDeque<T>) -> Option<u64> {
        let mut waiting = self.0.waiting.lock();
        while waiting.items.is_empty() && waiting.missing == 0 {
            if waiting.is_closed {
                return None;
            }
            self.0.more.wait(&mut waiting);
        }
        mem::swap(&mut waiting.items, items);
        waiting.bytes = 0;
        Some(mem::take(&mut waiting.missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came, in order.
    #[derive(Clone, Debug, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Sink<u32> for Seen {
        fn item(&mut self, item: u32) {
            assert_ne!(item, 13, "a sink that panics");
            self.0.lock().push(item.to_string());
        }

        fn missing(&mut self, count: u64) {
            self.0.lock().push(format!("{count} missing"));
        }

        fn flush(&mut self) {
            self.0.lock().push("flush".to_string());
        }
    }

    #[test]
    fn what_is_refused_is_told_where_it_is_missing() {
        let (outlet, drain) = Outlet::new(3, Losses::default());
        for number in 1..=5 {
            outlet.push(number, 1);
        }
        // It is small enough for what is left, and would come before those that are missing.
        outlet.push(6, 0);
        let seen = Seen::default();
        drop(outlet);
        drain.run(seen.clone());
        assert_eq!(*seen.0.lock(), ["1", "2", "3", "3 missing", "flush"]);
    }

    #[test]
    fn what_is_too_large_for_an_empty_queue_is_told_without_waiting_for_more() {
        let (outlet, drain) = Outlet::new(3, Losses::default());
        outlet.push(1, 4);
        assert_eq!(outlet.losses().count(), 1);
        let mut items = VecDeque::new();
        assert_eq!(drain.take(&mut items), Some(1));
        assert!(items.is_empty());
    }

    #[test]
    fn a_sink_that_panics_loses_one_and_goes_on() {
        let (outlet, drain) = Outlet::new(99, Losses::default());
        for number in [12, 13, 14] {
            outlet.push(number, 1);
        }
        let (losses, seen) = (outlet.losses().clone(), Seen::default());
        drop(outlet);
        drain.run(seen.clone());
        assert_eq!(*seen.0.lock(), ["12", "14", "flush"]);
        assert_eq!(losses.count(), 1);
    }

    #[test]
    fn a_gap_is_said_until_what_says_it_is_written() {
        let mut gap = Gap::default();
        assert_eq!(gap.to_say(), None);
        gap.add(2, "full");
        assert_eq!(gap.to_say(), Some((2, "full")));
        gap.say();
        assert_eq!(gap.to_say(), None);
        // The line that says so is lost with another one.
        gap.add(1, "still full");
        assert_eq!(gap.to_say(), Some((3, "still full")));
        gap.say();
        gap.written();
        gap.add(1, "full again");
        assert_eq!(gap.to_say(), Some((1, "full again")));
    }
}
