//! Each one-line mistake of core is noticed, by what it breaks. Built by `tests/mistakes` only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use thespian_core::mistake::{Mistake, make};

use crate::life::live;

/// Lives within which a mistake is to be noticed.
const LIVES: u64 = 2_000;
/// Lives that show that the other core makes none unless it is told to.
const FLAWLESS_LIVES: u64 = 400;

/// One mistake is made at a time, and tests run side by side.
static MAKING: Mutex<()> = Mutex::new(());

/// What the lives complain of while this mistake is made, until one says `complaint`.
#[track_caller]
fn assert_noticed(mistake: Mistake, complaint: &str) {
    let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    make(Some(mistake));
    let mut found = Vec::new();
    let is_noticed = (1..=LIVES).any(|seed| {
        let life = catch_unwind(AssertUnwindSafe(|| live(seed, None)));
        let broken = life.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_string())
        });
        found.extend(broken.err());
        found.last().is_some_and(|text| text.contains(complaint))
    });
    make(None);
    found.iter_mut().for_each(|text| text.truncate(500));
    assert!(is_noticed, "{mistake:?} is not noticed; the lives complain of: {found:#?}");
}

#[test]
fn without_a_mistake_there_is_nothing_to_notice() {
    let _none = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    (1..=FLAWLESS_LIVES).for_each(|seed| drop(live(seed, None).expect("every promise is kept")));
}

/// A test for each mistake.
macro_rules! mistakes {
    ($($file:literal { $($name:ident $test:ident $complaint:literal: $right:literal => $wrong:literal;)* })*) => {
        $($(#[test]
        fn $test() {
            super::assert_noticed(thespian_core::mistake::Mistake::$name, $complaint);
        })*)*
    };
}

#[path = "../../mistakes/table.rs"]
mod table;
