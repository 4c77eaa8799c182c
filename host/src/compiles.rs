//! The compiles of a node: each waits here until it may begin, and is stopped and let go on as `CompileQueue` decides.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::compiling::{CompileEffect, CompileId, CompileQueue, CompileSeats};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::plane::clock::Clock;
use crate::sandbox::CompileControl;

/// All compiles that wait or run.
pub(crate) struct Compiles {
    clock: Clock,
    entered: Mutex<Entered>,
    /// Whenever somebody comes or goes: moments for which others wait are other ones then.
    changed: Notify,
}

struct Entered {
    queue: CompileQueue,
    entries: HashMap<CompileId, Arc<Entry>>,
    effects: Vec<CompileEffect>,
}

#[derive(Default)]
struct Entry {
    /// Holds a permit from the moment on at which it may begin.
    begin: Notify,
    control: CompileControl,
}

/// A compile that is asked for. It leaves when it is dropped.
pub(crate) struct Compile {
    id: CompileId,
    entry: Arc<Entry>,
    compiles: Arc<Compiles>,
}

impl Compiles {
    pub(crate) fn new(clock: Clock, seats: CompileSeats) -> Self {
        let entered =
            Entered { queue: CompileQueue::new(seats), entries: HashMap::new(), effects: Vec::new() };
        Self { clock, entered: Mutex::new(entered), changed: Notify::new() }
    }

    /// Asks for the compile of a component of so many bytes, for which the compiler may take so much memory.
    pub(crate) fn enter(self: &Arc<Self>, loader: ActorAddress, bytes: u64, memory_bytes: u64) -> Compile {
        let entry = Arc::<Entry>::default();
        let mut entered = self.entered.lock();
        let Entered { queue, entries, effects } = &mut *entered;
        let id = queue.enter(self.clock.now(), loader, bytes, memory_bytes, effects);
        entries.insert(id, entry.clone());
        entered.carry_out();
        drop(entered);
        self.changed.notify_waiters();
        Compile { id, entry, compiles: self.clone() }
    }

    /// Ends all that have begun: the node stops, and nobody waits for them.
    pub(crate) fn end_all(&self) {
        for entry in self.entered.lock().entries.values() {
            entry.control.end();
        }
    }

    /// Returns when time alone may change something, as things are now: perhaps never.
    async fn due(&self) {
        let due = self.entered.lock().queue.deadline();
        match due {
            Some(due) => sleep_until(self.clock.instant(due).into()).await,
            None => std::future::pending().await,
        }
    }

    fn tick(&self) {
        let mut entered = self.entered.lock();
        let Entered { queue, effects, .. } = &mut *entered;
        queue.tick(self.clock.now(), effects);
        entered.carry_out();
    }

    fn leave(&self, id: CompileId) {
        let mut entered = self.entered.lock();
        let Entered { queue, entries, effects } = &mut *entered;
        entries.remove(&id);
        queue.leave(self.clock.now(), id, effects);
        entered.carry_out();
        drop(entered);
        self.changed.notify_waiters();
    }
}

impl Entered {
    fn carry_out(&mut self) {
        for effect in self.effects.drain(..) {
            let (CompileEffect::Start(id) | CompileEffect::Pause(id) | CompileEffect::Resume(id)) = effect;
            let Some(entry) = self.entries.get(&id) else { continue };
            match effect {
                CompileEffect::Start(_) => entry.begin.notify_one(),
                CompileEffect::Pause(_) => entry.control.pause(),
                CompileEffect::Resume(_) => entry.control.resume(),
            }
        }
    }
}

impl Compile {
    /// Returns when it may begin.
    pub(crate) async fn begin(&self) {
        loop {
            let changed = self.compiles.changed.notified();
            tokio::select! {
                biased;
                () = self.entry.begin.notified() => return,
                () = changed => {}
                () = self.compiles.due() => self.compiles.tick(),
            }
        }
    }

    /// Whether it may begin without a wait.
    pub(crate) fn may_begin(&self) -> bool {
        self.begin().now_or_never().is_some()
    }

    /// The control by which it is stopped and let go on.
    pub(crate) fn control(&self) -> &CompileControl {
        &self.entry.control
    }
}

impl Drop for Compile {
    fn drop(&mut self) {
        self.compiles.leave(self.id);
    }
}
