//! Memory that is drawn in grants, so that most of what comes and goes touches no counter that others touch too.

use super::{Account, MemoryPart, Purpose, Short};
use crate::limits::{QUEUE_FREE_BYTES, QUEUE_GRANT_BYTES};

/// Memory that has been drawn for something that grows and shrinks.
#[derive(Debug, PartialEq, Eq)]
pub struct Loan {
    granted: usize,
    part: MemoryPart,
}

impl Default for Loan {
    fn default() -> Self {
        Self::new()
    }
}

impl Loan {
    /// A loan of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self::of(MemoryPart::Actors)
    }

    /// A loan of nothing, for this part of a node.
    #[must_use]
    pub const fn of(part: MemoryPart) -> Self {
        Self { granted: 0, part }
    }

    /// How much is missing for so many bytes; the first few are free.
    #[inline]
    const fn missing(&self, bytes: usize) -> usize {
        bytes.saturating_sub(QUEUE_FREE_BYTES).saturating_sub(self.granted)
    }

    /// Draws what is missing for so many bytes that wait in a queue. False: it can't be had.
    #[inline]
    #[must_use]
    pub fn cover_queued(&mut self, bytes: usize, account: &Account) -> bool {
        let missing = self.missing(bytes);
        missing == 0
            || self
                .grant(missing, account, |grant| account.draw_queued(grant).then_some(()).ok_or(()))
                .is_ok()
    }

    /// Draws what is missing for so many bytes.
    ///
    /// # Errors
    /// It can't be had.
    #[inline]
    pub fn cover<'a>(&mut self, bytes: usize, account: impl FnOnce() -> &'a Account) -> Result<(), Short> {
        let missing = self.missing(bytes);
        if missing == 0 {
            return Ok(());
        }
        let (account, part) = (account(), self.part);
        self.grant(missing, account, |grant| account.draw(part, Purpose::Growth, grant))
    }

    /// Draws a whole grant, or what is missing: the rest of a budget that is all but spent still carries something.
    fn grant<E>(
        &mut self,
        missing: usize,
        account: &Account,
        draw: impl Fn(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let grant = missing.next_multiple_of(QUEUE_GRANT_BYTES);
        let granted = draw(grant).map(|()| grant).or_else(|_| draw(missing).map(|()| missing));
        self.granted += granted.inspect_err(|_| account.count_refusal())?;
        Ok(())
    }

    /// Has drawn what so many bytes take that are there already, and gives back what is too much.
    #[inline]
    pub fn settle(&mut self, bytes: usize, account: &Account) {
        let missing = self.missing(bytes);
        if missing > 0 {
            account.redraw(self.part, missing);
            self.granted += missing;
        }
        let spare = self.spare(bytes);
        if spare > 0 {
            account.give_back(self.part, spare);
        }
    }

    /// Gives back what is too much for so many bytes that wait in a queue.
    #[inline]
    pub fn shrink_queued(&mut self, bytes: usize, account: &Account) {
        let spare = self.spare(bytes);
        if spare > 0 {
            account.give_back_queued(spare);
        }
    }

    /// Takes out what is too much. One grant is kept against coming and going, but nothing for nothing: who is idle draws nothing.
    #[inline]
    const fn spare(&mut self, bytes: usize) -> usize {
        if self.granted == 0 {
            return 0;
        }
        let needed = bytes.saturating_sub(QUEUE_FREE_BYTES).next_multiple_of(QUEUE_GRANT_BYTES);
        if self.granted > needed + QUEUE_GRANT_BYTES || bytes == 0 {
            return core::mem::replace(&mut self.granted, needed) - needed;
        }
        0
    }

    /// Another has what was drawn for a queue from now on, and pays for it whatever it has.
    pub(crate) fn hand_queued(&self, from: &Account, to: &Account) {
        from.give_back_queued(self.granted);
        to.redraw_queued(self.granted);
    }
}
