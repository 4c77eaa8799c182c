//! What a person is shown who is to judge a source, and what they say of it.

use alloc::string::String;
use alloc::vec::Vec;

use super::{LowerLimits, Rights, SourceName, SourceVersion};

/// An offer that waits for a person: its wishes, read and not yet granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingOffer {
    /// Its name and version, if it comes with a manifest. Nobody has looked whether somebody signed that.
    pub named: Option<(SourceName, SourceVersion)>,
    /// The rights that it wants, of those that its loader lets it have.
    pub wanted: Rights,
    /// The limits that its actors can do with.
    pub limits: LowerLimits,
    /// Whether it outlives the node, as far as that can keep it.
    pub is_kept: bool,
    /// The classes that its manifest names; absent: it does not say.
    pub classes: Option<Vec<String>>,
}

/// The approval of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonsApproval {
    /// The rights that it has of those that it wants: no others are given, for what it wants may have changed since somebody looked.
    pub allowed: Rights,
}
