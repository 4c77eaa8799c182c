//! What people say about a source when they sign it: which bytes are meant, what they are called, and what its actors want.

use alloc::string::String;
use alloc::vec::Vec;

use super::{LowerLimits, Rights, SourceHash, SourceName, SourceVersion};
use crate::utc::UtcTime;

/// A manifest, as it was read. What it says is true once somebody who is trusted has signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The bytes that it is about, as submitted.
    pub sha256: SourceHash,
    /// Its name: the same for all versions of it.
    pub name: SourceName,
    /// The version of it.
    pub version: SourceVersion,
    /// Nobody may load it before.
    pub not_before: Option<UtcTime>,
    /// Nobody may load it from then on.
    pub expires: Option<UtcTime>,
    /// The rights that its actors ask for: a wish, never a grant.
    pub rights: Rights,
    /// The limits that its actors can do with.
    pub limits: LowerLimits,
    /// Its classes, all of them, in order of name; absent: it does not say.
    pub classes: Option<Vec<String>>,
}
