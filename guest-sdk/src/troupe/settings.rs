//! What anybody can ask of a troupe's leader: how many workers there may be, and what they do.

use crate::message;
use crate::message::Message;

/// Sets how many workers a troupe may have; what is absent stays. Answered with the [`TroupeSettings`] then in force.
/// A lower number ends no worker that is busy.
#[message]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateTroupeSettings {
    /// Workers at most.
    pub max_count: Option<u32>,
    /// Idle workers that are kept.
    pub idle_count: Option<u32>,
}

/// How many workers a troupe may have.
#[message]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TroupeSettings {
    /// Workers at most.
    pub max_count: u32,
    /// Idle workers that are kept. More end when they were idle for two seconds.
    pub idle_count: u32,
}

/// Asks a troupe for its [`TroupeStatus`].
#[message]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskTroupeStatus;

/// All that a troupe is doing.
#[message]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TroupeStatus {
    /// The settings that are in force.
    pub settings: TroupeSettings,
    /// Workers that there are, those that are about to end included.
    pub workers: u32,
    /// Of those, how many have a job.
    pub busy: u32,
    /// Jobs that wait for a worker.
    pub queued: u32,
    /// Jobs that were done.
    pub done: u64,
    /// Jobs that came to nothing. Each sender was told.
    pub failed: u64,
}

/// The type names that a leader takes for itself.
#[doc(hidden)]
pub const TROUPE_TAKES: &[&str] = &[UpdateTroupeSettings::TYPE_NAME, AskTroupeStatus::TYPE_NAME];
