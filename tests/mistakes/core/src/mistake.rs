//! Which mistake is made.

use core::sync::atomic::{AtomicUsize, Ordering};

macro_rules! mistakes {
    ($($file:literal { $($name:ident $test:ident $complaint:literal: $right:literal => $wrong:literal;)* })*) => {
        /// Some lines of a rule, done wrong. The table shows how.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the table shows it")]
        pub enum Mistake {
            $($($name,)*)*
        }
    };
}

#[path = "../../table.rs"]
mod table;
pub use table::Mistake;

static MADE: AtomicUsize = AtomicUsize::new(usize::MAX);

/// From now on this mistake is made, and no other.
pub fn make(mistake: Option<Mistake>) {
    MADE.store(mistake.map_or(usize::MAX, |mistake| mistake as usize), Ordering::Relaxed);
}

pub(crate) fn is_made(mistake: Mistake) -> bool {
    MADE.load(Ordering::Relaxed) == mistake as usize
}
