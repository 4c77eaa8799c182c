//! The actor that a thread activates next: the one that the activation under way has made active.
//!
//! Mostly a turn makes one other actor active, and is the last of its activation. The other then runs at once, on the
//! same thread, while the message is still in its cache. A task for it would cost as much as the turn, and may wake
//! another core for nothing.

use std::cell::{Cell as Flag, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thespian_core::limits::ACTIVATION_TIME_MAX;
use thespian_core::time::Time;
use thespian_core::turn::Buffers;

use crate::plane::clock::Clock;

/// An actor, as what is activated.
pub(super) trait Activated: Send + Sync {
    /// Is activated by a task of its own, on any thread.
    fn begin_task(self: Arc<Self>);

    /// Handles what waits, until nothing does or others must have their turn. `begun` is when the first of the activations
    /// on this thread began that follow on each other. Returns the time at its end, or nothing where the node has a fault.
    fn activate(self: Arc<Self>, begun: Time, active: &mut Active) -> Option<Time>;
}

enum Successor {
    /// No activation is under way on this thread.
    Outside,
    /// None was made active.
    Nobody,
    This(Arc<dyn Activated>),
}

thread_local! {
    static IS_NEAR: Flag<bool> = const { Flag::new(false) };
    static NEXT: RefCell<Successor> = const { RefCell::new(Successor::Outside) };
    static BUFFERS: RefCell<Option<Buffers>> = const { RefCell::new(None) };
}

/// Whoever `push` makes active gets its task on the runtime of the task that calls this, and so mostly on the same
/// thread: a program that waits for one answer then wakes no other core, twice. One at a time; others are activated
/// among the actors.
pub(crate) fn near<T>(push: impl FnOnce() -> T) -> T {
    IS_NEAR.set(true);
    let pushed = push();
    IS_NEAR.set(false);
    pushed
}

/// Whether `near` is under way on this thread.
pub(super) fn is_near() -> bool {
    IS_NEAR.get()
}

/// The one activation at a time that runs on a thread for other things than actors: so another such thread is always
/// free of guests, whatever they do.
pub(super) struct Near(Arc<AtomicBool>);

impl Near {
    pub(super) fn enter(is_taken: &Arc<AtomicBool>) -> Option<Self> {
        (!is_taken.swap(true, Ordering::Acquire)).then(|| Self(is_taken.clone()))
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Activates an actor, then the one that this made active, and so on, until others must have their turn.
pub(super) fn run(first: Arc<dyn Activated>, clock: Clock) {
    let begun = clock.now();
    let mut active = Active::begin();
    let mut cell = first;
    loop {
        let Some(now) = cell.activate(begun, &mut active) else { return };
        if now - begun >= ACTIVATION_TIME_MAX {
            return;
        }
        let Some(next) = active.take() else { return };
        cell = next;
    }
}

/// Keeps `cell` for after the activation under way. Gives it back where there is none, or it has one already.
pub(super) fn offer(cell: Arc<dyn Activated>) -> Option<Arc<dyn Activated>> {
    NEXT.with_borrow_mut(|next| match next {
        Successor::Nobody => {
            *next = Successor::This(cell);
            None
        }
        Successor::Outside | Successor::This(_) => Some(cell),
    })
}

/// Activations are under way on this thread. When it is dropped, also by a panic, whoever is left gets a task.
pub(super) struct Active(Buffers);

impl Active {
    pub(super) fn begin() -> Self {
        NEXT.set(Successor::Nobody);
        Self(BUFFERS.take().unwrap_or_default())
    }

    /// Memory for turns.
    pub(super) const fn buffers(&mut self) -> &mut Buffers {
        &mut self.0
    }

    /// Whether somebody is next.
    pub(super) fn has_next(&self) -> bool {
        NEXT.with_borrow(|next| matches!(next, Successor::This(_)))
    }

    /// Takes out whoever is next.
    pub(super) fn take(&self) -> Option<Arc<dyn Activated>> {
        match NEXT.replace(Successor::Nobody) {
            Successor::This(cell) => Some(cell),
            Successor::Nobody | Successor::Outside => None,
        }
    }

    /// Whoever is next gets a task, so that any thread can take it.
    pub(super) fn let_go(&self) {
        if let Some(cell) = self.take() {
            cell.begin_task();
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        BUFFERS.set(Some(std::mem::take(&mut self.0)));
        if let Successor::This(cell) = NEXT.replace(Successor::Outside) {
            cell.begin_task();
        }
    }
}
