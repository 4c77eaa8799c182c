//! What one turn asks for: collected while the handler runs, committed when it returns `ok`, else dropped.
//!
//! An [`Outbox`] only holds it. While the turn runs, all that is added goes through its [`Draft`], which checks it and
//! takes what it needs besides.

mod child;
mod draft;
mod error;
mod request;
mod standing;
#[cfg(test)]
pub(crate) mod tests;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use child::{CreateChild, CreateOptions};
pub use draft::{Draft, Means};
pub use error::{NoPlace, OutboxError, Refused};
pub use request::{TurnRequest, check_capability, check_class_name, check_create, check_global_name};
pub use standing::{Leaving, Standing};

use crate::budget::Loan;
use crate::children::Children;
use crate::envelope::FailsFor;
use crate::fate::Bound;

/// The outbox of a turn: all that it has asked for so far.
#[derive(Debug, Default, PartialEq)]
pub struct Outbox {
    requests: Vec<TurnRequest>,
    bytes: usize,
    /// Memory that what is asked for takes besides, in bytes.
    kept: usize,
    /// Memory that is drawn for both. A turn that fails gives it back.
    loan: Loan,
    /// Things that the actor has under way, with what this turn adds to them.
    standing: Standing,
    creates: usize,
    keeps_children: bool,
    /// Noted, and no request: it is for a turn that fails, whose requests are dropped.
    fails_for: Option<Box<FailsFor>>,
    /// The reason for which the actor is to end as failed, if it is.
    failure: Option<String>,
    /// The first bound that refused something.
    met: Option<Box<OutboxError>>,
}

impl Outbox {
    /// Makes it empty, for a turn of an actor that has this under way.
    #[inline]
    pub fn reset(&mut self, standing: Standing) {
        self.requests.clear();
        self.bytes = 0;
        self.kept = 0;
        self.standing = standing;
        self.creates = 0;
        self.keeps_children = false;
        self.fails_for = None;
        self.failure = None;
        self.met = None;
    }

    /// Whether an exit turn lets the children live.
    #[must_use]
    pub const fn keeps_children(&self) -> bool {
        self.keeps_children
    }

    /// Takes out whoever is to hear that the turn failed, if that is not the sender of what it handled.
    pub const fn take_fails_for(&mut self) -> Option<Box<FailsFor>> {
        self.fails_for.take()
    }

    /// The reason for which the actor is to end as failed, if the turn says so.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Lets go of the turn's copy of the children: from here on they change.
    pub fn close_children(&mut self) {
        self.standing.children = Children::default();
    }

    /// Takes out what was drawn for it, for whoever carries it out.
    pub fn take_loan(&mut self) -> Loan {
        core::mem::take(&mut self.loan)
    }

    /// How many children are to be created.
    #[must_use]
    pub const fn creates(&self) -> usize {
        self.creates
    }

    /// How many requests there is memory for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.requests.capacity()
    }

    /// The first bound that refused something in this turn, if any did.
    #[must_use]
    pub fn met(&self) -> Option<Bound> {
        self.met.clone().map(Bound::Import)
    }

    /// Takes out what was asked for, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = TurnRequest> {
        self.requests.drain(..)
    }

    /// The requests so far, in order.
    #[must_use]
    pub fn requests(&self) -> &[TurnRequest] {
        &self.requests
    }
}
