//! Actors that attack their host: one class for each attack, set off by the message `Go`. `tests/hostile` runs them
//! beside a bystander.
//!
//! Every class answers `Go` with `Done` where it survives; what it says there is what the test checks.

pub mod asks;
pub mod crowds;
pub mod hoards;
pub mod raw;
pub mod spends;
pub mod witness;

use thespian::prelude::*;

use asks::{
    AskBomb, ChildBomb, Filler, Flooder, Forger, Guesser, KeepsSelfBusy, Logger, Outlaw, PoisonBomb,
    RandomHog, SelfBomb, TimerBomb,
};
use crowds::{KeepsCoreBusy, LosesChildren, WorksHard};
use hoards::{Breeds, Hoards};
use raw::{GiantMessage, LyingPointer, PollsNothing, ResourceLeak};
use spends::{
    DeepRecursion, Exits, Hoarder, Indisposed, MemoryBomb, PanicsAtStart, PrintStorm, Sleeper, Spinner,
    SpinsAtStart, Trapper, Undecided,
};
use witness::{Echo, Parent};

/// Sets an attack off.
#[message]
pub struct Go {
    /// How much of it.
    pub n: u64,
    /// Whom or what it is about, where it is about anything.
    pub text: String,
}

/// An attack is over, and its actor lives.
#[message]
pub struct Done {
    /// How much.
    pub n: u64,
    /// What was found.
    pub text: String,
}

source!(
    Echo,
    Parent,
    AskBomb,
    Breeds,
    ChildBomb,
    DeepRecursion,
    Exits,
    Filler,
    Flooder,
    Forger,
    GiantMessage,
    Guesser,
    Hoarder,
    Hoards,
    Indisposed,
    KeepsCoreBusy,
    KeepsSelfBusy,
    Logger,
    LosesChildren,
    LyingPointer,
    MemoryBomb,
    Outlaw,
    PanicsAtStart,
    PoisonBomb,
    PollsNothing,
    PrintStorm,
    RandomHog,
    ResourceLeak,
    SelfBomb,
    Sleeper,
    Spinner,
    SpinsAtStart,
    TimerBomb,
    Trapper,
    Undecided,
    WorksHard,
);
