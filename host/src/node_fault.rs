//! Faults of the node's own: a panic while its rules or its body run. After one nothing of the node can be believed, so
//! it ends, at once and as a whole, and says why.
//!
//! ```text
//!  desk, activation, task ── panic ──► caught where it entered ──► noted, logged ──► the watchdog begins
//!                                                                                └──► the node's end, without order
//! ```
//!
//! It does not know what the node consists of: whoever starts the node says what ends it.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, OnceLock};

use futures_util::FutureExt;
use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::limits::{ERROR_TEXT_LEN_MAX, cut};
use thespian_core::text::inert;
use tokio::runtime::Handle;
use tracing::Level;

use crate::log::LogStore;
use crate::watchdog::Watchdog;

/// A defect of the host, found as a panic in its own code. The node ended for it, without order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault of the host's own, {entrance}, at {place}: {text}")]
#[non_exhaustive]
pub struct NodeFault {
    /// The code that ran when it happened.
    pub entrance: Entrance,
    /// The place in the host's source text: file, line and column. Unknown where a program took back the hook for panics
    /// that the node had set.
    pub place: String,
    /// The panic's own text.
    pub text: String,
}

/// The way by which the code was entered that had a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entrance {
    /// The rules of creation, exits and sources, or what carries out their effects.
    Desk,
    /// The rules of one actor, or what carries out their effects. Its guest's own code is none of it.
    Actor(ActorAddress),
    /// A task of the node, such as its timers or a connection.
    Task(&'static str),
}

impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Desk => f.write_str("on the desk"),
            Self::Actor(address) => write!(f, "in an activation of {address}"),
            Self::Task(name) => write!(f, "in {name}"),
        }
    }
}

/// Ends the node. It lets no panic out, and must be able to run while any of the node's locks but those of the caller are held.
type EndNode = Box<dyn Fn() + Send + Sync>;

/// The places where a panic of the node's own is caught lead here. It keeps the first one and ends the node.
pub(crate) struct FaultWatch {
    log: Arc<LogStore>,
    first: OnceLock<NodeFault>,
    end_node: OnceLock<EndNode>,
    has_ended: AtomicBool,
    /// Begins with the first fault.
    watchdog: Mutex<Option<Watchdog>>,
}

impl FaultWatch {
    pub(crate) fn new(log: Arc<LogStore>) -> Self {
        note_places();
        Self {
            log,
            first: OnceLock::new(),
            end_node: OnceLock::new(),
            has_ended: AtomicBool::new(false),
            watchdog: Mutex::default(),
        }
    }

    /// Says once what ends the node.
    pub(crate) fn on_fault(&self, end_node: impl Fn() + Send + Sync + 'static) {
        let is_first = self.end_node.set(Box::new(end_node)).is_ok();
        debug_assert!(is_first, "a node has one end");
    }

    /// Has a watchdog begin with the first fault, at once if there was one.
    pub(crate) fn begin_at_fault(&self, watchdog: Watchdog) {
        let mut place = self.watchdog.lock();
        if self.first.get().is_some() {
            watchdog.begin();
        }
        *place = Some(watchdog);
    }

    /// The first fault.
    pub(crate) fn first(&self) -> Option<&NodeFault> {
        self.first.get()
    }

    /// Runs something of the node's own. After a panic in it the node has ended, and there is no outcome.
    pub(crate) fn guard<T>(&self, entrance: Entrance, work: impl FnOnce() -> T) -> Option<T> {
        let outcome = self.catch(entrance, work);
        if outcome.is_none() {
            self.end_node();
        }
        outcome
    }

    /// The same for what waits in between.
    pub(crate) async fn watch<T>(&self, entrance: Entrance, work: impl Future<Output = T>) -> Option<T> {
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(outcome) => Some(outcome),
            Err(panic) => {
                self.note(entrance, &*panic);
                self.end_node();
                None
            }
        }
    }

    /// Runs a task of the node on one of its runtimes. A fault in it is the node's end, and not the task's alone.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        runtime: &Handle,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let faults = self.clone();
        runtime.spawn(async move { faults.watch(Entrance::Task(name), task).await });
    }

    /// As [`Self::guard`], for a caller that has a lock of the node and calls [`Self::end_node`] when it has let go of it.
    pub(crate) fn catch<T>(&self, entrance: Entrance, work: impl FnOnce() -> T) -> Option<T> {
        // Nothing that a panic leaves half done is used again: the node ends.
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| self.note(entrance, &*panic)).ok()
    }

    /// Ends the node, once.
    pub(crate) fn end_node(&self) {
        if !self.has_ended.swap(true, Ordering::SeqCst)
            && let Some(end_node) = self.end_node.get()
        {
            // Whoever waits longer than the watchdog is not waited for.
            end_node();
        }
    }

    fn note(&self, entrance: Entrance, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = cut(text.unwrap_or("a panic without a text").to_string(), ERROR_TEXT_LEN_MAX);
        let place = LAST_PLACE.take().unwrap_or_else(|| "an unknown place".to_string());
        let fault = NodeFault { entrance, place, text };
        let said = format!("{fault}; the node ends without order");
        // Only the first one explains the end, but each is told.
        if self.first.set(fault).is_ok()
            && let Some(watchdog) = &*self.watchdog.lock()
        {
            watchdog.begin();
        }
        self.log.node(Level::ERROR, "node", &inert(&said));
    }
}

thread_local! {
    /// Where the last panic of this thread was.
    static LAST_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has each panic's place kept for the thread that panics: what catches it is not told. The hook of the program around the
/// node is called all the same.
fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if let Some(place) = panic.location() {
                // A thread that ends has none any more.
                let _ = LAST_PLACE.try_with(|last| last.replace(Some(place.to_string())));
            }
            others(panic);
        }));
    });
}
