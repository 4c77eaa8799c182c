//! What a leader and its workers say to each other: jobs, which are messages with headers, and their course.

use crate::message;
use crate::reply::ReplyTo;

/// A worker's word to its leader.
#[message(name = "thespian/troupe-report")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) job: u64,
    pub(super) stage: Stage,
    pub(super) incarnation: u32,
}

/// How far a worker is.
#[message]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The worker lives, whatever became of its last job.
    Ready,
    /// The worker goes on with its job after the turn.
    Working,
    /// Its job is done.
    Done,
}

/// Asks a worker whether it lives.
#[message(name = "thespian/troupe-call")]
pub(super) struct RollCall;

/// Tells a worker that its leader exits: from now on nobody but the worker itself can tell what becomes of its job.
#[message(name = "thespian/troupe-last-call")]
#[derive(Clone, Debug)]
pub(super) struct LastCall {
    /// The job that it was given last.
    pub(super) job: u64,
    /// Whose that is.
    pub(super) from: ReplyTo,
}

/// The reason for those who wait when a troupe exits.
pub(super) const EXITS: &str = "the troupe exits";

/// The header that says which job a message is; its number is new each time that the job is handed out.
pub(super) const JOB: &str = "thespian-job";
/// The header with the sender of the job.
pub(super) const JOB_SENDER: &str = "thespian-job-sender";
/// The header with the sender's name for it, if it is a question.
pub(super) const JOB_REQUEST: &str = "thespian-job-request";
/// The header of a worker's start message: that it is a worker.
pub(super) const WORKER: &str = "thespian-troupe-worker";
/// The type name of a worker's start message where its leader had none.
pub(super) const NO_INIT: &str = "thespian/no-init";
