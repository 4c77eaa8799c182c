//! The actor that a thread activates next: the one that the activation under way has made active.
//!
//! Mostly a turn makes one other actor active, and is the last of its activation. The other then runs at once, on the
//! same thread, while the message is still in its cache. A task for it would cost as much as the turn, and may wake
//! another core for nothing.

use std::cell::{Cell as Flag, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use thespian_core::turn::Buffers;

use super::Cell;
use crate::shared::Shared;

enum Next {
    /// No activation is under way on this thread.
    Outside,
    /// None was made active.
    Nobody,
    This(Arc<Cell>),
}

thread_local! {
    static IS_NEAR: Flag<bool> = const { Flag::new(false) };
    static NEXT: RefCell<Next> = const { RefCell::new(Next::Outside) };
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
pub(super) struct Near(Arc<Shared>);

impl Near {
    pub(super) fn enter(shared: &Arc<Shared>) -> Option<Self> {
        (!shared.near_is_taken.swap(true, Ordering::Acquire)).then(|| Self(shared.clone()))
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.0.near_is_taken.store(false, Ordering::Release);
    }
}

/// Keeps `cell` for after the activation under way. Gives it back where there is none, or it has one already.
pub(super) fn offer(cell: Arc<Cell>) -> Option<Arc<Cell>> {
    NEXT.with_borrow_mut(|next| match next {
        Next::Nobody => {
            *next = Next::This(cell);
            None
        }
        Next::Outside | Next::This(_) => Some(cell),
    })
}

/// Activations are under way on this thread. When it is dropped, also by a panic, whoever is left gets a task.
pub(super) struct Active(Buffers);

impl Active {
    pub(super) fn begin() -> Self {
        NEXT.set(Next::Nobody);
        Self(BUFFERS.take().unwrap_or_default())
    }

    /// Memory for turns.
    pub(super) const fn buffers(&mut self) -> &mut Buffers {
        &mut self.0
    }

    /// Whether somebody is next.
    pub(super) fn has_next(&self) -> bool {
        NEXT.with_borrow(|next| matches!(next, Next::This(_)))
    }

    /// Takes out whoever is next.
    pub(super) fn take(&self) -> Option<Arc<Cell>> {
        match NEXT.replace(Next::Nobody) {
            Next::This(cell) => Some(cell),
            Next::Nobody | Next::Outside => None,
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
        if let Next::This(cell) = NEXT.replace(Next::Outside) {
            cell.begin_task();
        }
    }
}
