//! The memory and the places of a node, and what each source has of them.
//!
//! Whatever a guest, a program or a peer can make grow is drawn before it is taken and given back when it is gone, so a node
//! that runs out of memory says so instead of being ended by its machine. Draws are atomic and rare: mailboxes and turns draw
//! in grants, actors once and when they grow.
//!
//! ```text
//!  0                                                                6/8          7/8              1
//!  ├─────────────────────────────────────────────────────────────────┼────────────┼───────────────┤
//!    what one source can have that is alone                            for others   the operator's
//! ```
//!
//! A source that is alone may have all but two reserves. Where there are several, who has more than an equal part leaves a
//! little for the others, so what comes free goes to those that have less; and of the reserve behind that each may have an
//! eighth of what is left there, so something is left for whoever has nothing yet, however many have taken what they can.
//! Nothing that anybody has is taken away.

mod draw;
mod loan;
#[cfg(test)]
pub(crate) mod tests;

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub use draw::{MemoryPart, Met, Purpose, Short};
pub use loan::Loan;

use crate::limits::{HEADROOM_DIVISOR, RESERVE_DIVISOR};

/// A bounded quantity that sources share.
#[derive(Debug)]
struct Pot {
    used: AtomicUsize,
    /// Those that have anything of it.
    sharers: AtomicUsize,
    max: AtomicUsize,
}

/// The part of a pot that one source has.
#[derive(Debug, Default)]
struct Share {
    used: AtomicUsize,
    most: AtomicUsize,
}

impl Pot {
    const fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), sharers: AtomicUsize::new(0), max: AtomicUsize::new(max) }
    }

    fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether who has `has` may draw `amount`, with which `used` is in use.
    fn suits(&self, has: usize, amount: usize, used: usize, purpose: Purpose) -> bool {
        let max = self.max();
        let reserve = max / RESERVE_DIVISOR;
        if purpose.is_operators() || reserve == 0 {
            return true;
        }
        let Some(left) = (max - reserve).checked_sub(used) else { return false };
        let shared = max - 2 * reserve;
        let fair = shared / self.sharers.load(Ordering::Relaxed).max(1);
        let kept = if has > fair { max / HEADROOM_DIVISOR } else { 0 };
        used <= shared - kept || has + amount <= ((left + amount) / RESERVE_DIVISOR).max(1)
    }

    /// Draws so much, if no more than `ceiling` is in use then.
    fn draw(&self, share: &Share, amount: usize, ceiling: usize, purpose: Purpose) -> Result<(), Met> {
        let mut met = Met::Node;
        let has = share.used.load(Ordering::Relaxed);
        let drawn = |used: usize| {
            let sum = used.checked_add(amount).filter(|sum| *sum <= ceiling);
            met = if sum.is_some() { Met::Share } else { Met::Node };
            sum.filter(|sum| self.suits(has, amount, *sum, purpose))
        };
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, drawn) {
            Ok(_) => {
                self.add(share, amount);
                Ok(())
            }
            Err(_) => Err(met),
        }
    }

    fn redraw(&self, share: &Share, amount: usize) {
        self.used.fetch_add(amount, Ordering::Relaxed);
        self.add(share, amount);
    }

    fn give_back(&self, share: &Share, amount: usize) {
        self.take(share, amount);
        self.used.fetch_sub(amount, Ordering::Relaxed);
    }

    /// Counts to a share what is in use.
    fn add(&self, share: &Share, amount: usize) {
        let had = share.used.fetch_add(amount, Ordering::Relaxed);
        if had == 0 && amount > 0 {
            self.sharers.fetch_add(1, Ordering::Relaxed);
        }
        if had + amount > share.most.load(Ordering::Relaxed) {
            share.most.fetch_max(had + amount, Ordering::Relaxed);
        }
    }

    fn take(&self, share: &Share, amount: usize) {
        if share.used.fetch_sub(amount, Ordering::Relaxed) == amount && amount > 0 {
            self.sharers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How much a node may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetBounds {
    /// Memory, in bytes.
    pub memory_bytes: usize,
    /// The part of it that may wait in queues, in bytes.
    pub queued_bytes: usize,
    /// Places for actors.
    pub places: usize,
}

/// All that a node has to share.
#[derive(Debug)]
pub struct NodeBudget {
    memory: Pot,
    queues: Pot,
    places: Pot,
    parts: [AtomicUsize; MemoryPart::ALL.len()],
    places_most: AtomicUsize,
}

impl NodeBudget {
    /// A budget within these bounds.
    #[must_use]
    pub fn new(bounds: BudgetBounds) -> Arc<Self> {
        Arc::new(Self {
            memory: Pot::new(bounds.memory_bytes),
            queues: Pot::new(bounds.queued_bytes),
            places: Pot::new(bounds.places),
            parts: Default::default(),
            places_most: AtomicUsize::new(0),
        })
    }

    /// There are only so many places: known once the engine has been made, before anybody takes one.
    pub fn limit_places(&self, max: usize) {
        self.places.max.store(max, Ordering::Relaxed);
    }

    /// The bounds within which everything is drawn.
    #[must_use]
    pub fn bounds(&self) -> BudgetBounds {
        BudgetBounds {
            memory_bytes: self.memory.max(),
            queued_bytes: self.queues.max(),
            places: self.places.max(),
        }
    }

    /// How much of each is in use.
    #[must_use]
    pub fn used(&self) -> BudgetBounds {
        BudgetBounds {
            memory_bytes: self.memory.used(),
            queued_bytes: self.queues.used(),
            places: self.places.used(),
        }
    }

    /// The most places that were ever in use.
    #[must_use]
    pub fn places_most(&self) -> usize {
        self.places_most.load(Ordering::Relaxed)
    }

    /// Bytes that one part of the node has of its memory.
    #[must_use]
    pub fn part(&self, part: MemoryPart) -> usize {
        self.parts[part as usize].load(Ordering::Relaxed)
    }
}

/// Everything that an account has, or had at its worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Memory, in bytes, with what is queued.
    pub memory_bytes: usize,
    /// Messages that wait in queues, in bytes.
    pub queued_bytes: usize,
    /// Places for actors.
    pub places: usize,
}

/// The account of a source, on which all its actors draw. Programs have one together as well.
#[derive(Debug)]
pub struct Account {
    budget: Arc<NodeBudget>,
    memory: Share,
    queued: Share,
    places: Share,
    refusals: AtomicU64,
}

impl Account {
    /// An account that has nothing yet.
    #[must_use]
    pub fn new(budget: Arc<NodeBudget>) -> Self {
        Self {
            budget,
            memory: Share::default(),
            queued: Share::default(),
            places: Share::default(),
            refusals: AtomicU64::new(0),
        }
    }

    /// An account without bounds, for whoever has no node.
    #[must_use]
    pub fn unbounded() -> Self {
        let all = usize::MAX / 2;
        Self::new(NodeBudget::new(BudgetBounds { memory_bytes: all, queued_bytes: all, places: all }))
    }

    /// The budget that it draws on.
    #[must_use]
    pub const fn budget(&self) -> &Arc<NodeBudget> {
        &self.budget
    }

    /// Everything that it has now.
    #[must_use]
    pub fn has(&self) -> Holdings {
        self.of_each(|share| &share.used)
    }

    /// The most that it ever had of each.
    #[must_use]
    pub fn most(&self) -> Holdings {
        self.of_each(|share| &share.most)
    }

    fn of_each(&self, count: impl Fn(&Share) -> &AtomicUsize) -> Holdings {
        let of = |share| count(share).load(Ordering::Relaxed);
        Holdings { memory_bytes: of(&self.memory), queued_bytes: of(&self.queued), places: of(&self.places) }
    }

    /// Counts something that was refused for want of what is drawn here.
    #[cold]
    pub fn count_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of refusals so far.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Draws memory for a part of the node.
    ///
    /// # Errors
    /// Says what is short. Nothing is drawn then.
    pub fn draw(&self, part: MemoryPart, purpose: Purpose, bytes: usize) -> Result<(), Short> {
        let pot = &self.budget.memory;
        let drawn = pot.draw(&self.memory, bytes, purpose.ceiling(pot.max()), purpose);
        drawn.map_err(|met| self.short(met))?;
        self.budget.parts[part as usize].fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    #[cold]
    fn short(&self, met: Met) -> Short {
        let pot = &self.budget.memory;
        match met {
            Met::Share => Short::Share { has: self.memory.used.load(Ordering::Relaxed), max: pot.max() },
            Met::Node => Short::Node { used: pot.used(), max: pot.max() },
        }
    }

    /// Draws what is there already, whatever is left: a budget that is overdrawn by so much is whole again sooner than what
    /// was dropped for it.
    pub fn redraw(&self, part: MemoryPart, bytes: usize) {
        if bytes > 0 {
            self.budget.memory.redraw(&self.memory, bytes);
            self.budget.parts[part as usize].fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Gives memory back that was drawn for the same.
    pub fn give_back(&self, part: MemoryPart, bytes: usize) {
        if bytes > 0 {
            self.budget.memory.give_back(&self.memory, bytes);
            self.budget.parts[part as usize].fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Draws for what waits in a queue.
    #[must_use]
    pub fn draw_queued(&self, bytes: usize) -> bool {
        let pot = &self.budget.queues;
        if pot.draw(&self.queued, bytes, pot.max(), Purpose::Growth).is_err() {
            return false;
        }
        if self.draw(MemoryPart::Queues, Purpose::Growth, bytes).is_err() {
            pot.give_back(&self.queued, bytes);
            return false;
        }
        true
    }

    /// Draws what was given back a moment ago, even if others have drawn it since.
    pub fn redraw_queued(&self, bytes: usize) {
        if bytes > 0 {
            self.budget.queues.redraw(&self.queued, bytes);
            self.redraw(MemoryPart::Queues, bytes);
        }
    }

    /// Gives back what was drawn for a queue.
    pub fn give_back_queued(&self, bytes: usize) {
        if bytes > 0 {
            self.budget.queues.give_back(&self.queued, bytes);
            self.give_back(MemoryPart::Queues, bytes);
        }
    }

    /// Takes places for actors.
    ///
    /// # Errors
    /// There are too few, at all or for this source. Takes none.
    pub fn take_places(&self, places: usize, purpose: Purpose) -> Result<(), Met> {
        let pot = &self.budget.places;
        pot.draw(&self.places, places, pot.max(), purpose)?;
        let used = pot.used();
        if used > self.budget.places_most.load(Ordering::Relaxed) {
            self.budget.places_most.fetch_max(used, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives places back.
    pub fn give_places(&self, places: usize) {
        self.budget.places.give_back(&self.places, places);
    }

    /// Lets another account have places that are this one's.
    ///
    /// # Errors
    /// The other has its share.
    pub fn hand_places(&self, to: &Self, places: usize, purpose: Purpose) -> Result<(), Met> {
        let pot = &self.budget.places;
        if !pot.suits(to.places.used.load(Ordering::Relaxed), places, pot.used(), purpose) {
            return Err(Met::Share);
        }
        pot.take(&self.places, places);
        pot.add(&to.places, places);
        Ok(())
    }
}
