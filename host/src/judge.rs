//! A Source Authority of the program that has the node in it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use thespian_core::source::{LowerLimits, Rights, SourceHash};

/// A source that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct OfferedSource<'a> {
    /// The hash of its bytes.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: &'a str,
    /// Its bytes: nobody has looked at them.
    pub component: &'a [u8],
    /// Its manifest as it came; absent: it has none.
    pub manifest: Option<&'a [u8]>,
    /// The signature files of the manifest as they came.
    pub signatures: &'a [Bytes],
    /// The rights that its loader would give it, or let it have of those that its manifest wants.
    pub rights: Rights,
}

/// An approval, and what the source may do then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// The rights of its actors, besides what all may.
    pub rights: Rights,
    /// The limits of its actors, below the node's.
    pub limits: LowerLimits,
}

/// Judges the sources that are offered to a node.
pub trait Judge: Send + Sync {
    /// Says whether a source may be loaded. It is called on a thread that may wait, for two minutes at most: after that the
    /// source is refused, whatever is said.
    ///
    /// # Errors
    /// It may not, for this reason, which its loader is told.
    fn judge(&self, source: OfferedSource<'_>) -> Result<Approval, String>;
}

/// The judge of a node's configuration. Equal to itself alone.
#[derive(Clone)]
pub struct SharedJudge(pub Arc<dyn Judge>);

impl fmt::Debug for SharedJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a judge of the program's own")
    }
}

impl PartialEq for SharedJudge {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedJudge {}
