//! Actors made with the parts of the guest SDK, for tests of what these promise: questions, troupes, supervisors, bases,
//! and messages that are held back.

pub mod asking;
pub mod held;
pub mod supervised;
pub mod timing;
pub mod troupe;

use thespian::prelude::*;

use asking::{Asker, Clerk, Forwarder};
use held::{Counter, Department, Door, Setting};
use supervised::{Boss, Member};
use timing::Ticker;
use troupe::{Crew, MortalCrew};

/// Words.
#[message]
pub struct Said {
    /// The words.
    pub text: String,
}

source!(Asker, Clerk, Forwarder, Crew, MortalCrew, Boss, Member, Counter, Department, Door, Setting, Ticker);
