//! Actors that configuration wants to run, as it says so.

use alloc::string::String;

use crate::outbox::CreateOptions;
use crate::source::SourceHash;

/// An actor that is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingActor {
    /// Its source; it need not be known yet.
    pub source: SourceHash,
    /// Its class; absent where the source has only one.
    pub class: Option<String>,
    /// Its first message, what it requires, and what else its creator may say.
    pub options: CreateOptions,
    /// Its global name; whoever has that already fills the post.
    pub name: Option<String>,
}

/// Names one of those actors, whoever is it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostId(pub usize);
