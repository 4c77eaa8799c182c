//! What a node keeps of a source that waits for a person, besides its bytes. Sealed as the records of admitted ones are: what is
//! put before a person is what somebody offered.

use serde::{Deserialize, Serialize};
use thespian_core::address::ActorAddress;
use thespian_core::question::Offer;
use thespian_core::source::{Rights, SourceHash};
use thespian_core::utc::UtcTime;

use super::records::{as_bytes, as_text};

/// A source that waits for a person, for the next start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PendingRecord {
    /// Its submitter's words about it.
    label: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The rights that its loader would give it.
    given: Rights,
    /// Those that its loader lets it have of what its manifest wants.
    allowed: Option<Rights>,
    /// Where its loader received.
    by: Option<ActorAddress>,
    /// Until when somebody may judge it.
    pub(crate) due: UtcTime,
    /// Its manifest in base 64.
    manifest: Option<String>,
    /// The manifest's signature files in base 64.
    signatures: Vec<String>,
}

impl PendingRecord {
    /// A record of what was offered so, with these papers.
    pub(crate) fn new<'a>(
        offer: Offer,
        due: UtcTime,
        manifest: Option<&[u8]>,
        signatures: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let Offer { label, size, given, allowed, by, .. } = offer;
        let (manifest, signatures) = (manifest.map(as_text), signatures.map(as_text).collect());
        Self { label, size, given, allowed, by, due, manifest, signatures }
    }

    /// As it was offered.
    pub(crate) fn offer(&self, hash: SourceHash) -> Offer {
        let Self { label, size, given, allowed, by, manifest, .. } = self.clone();
        Offer { hash, label, size, given, allowed, has_manifest: manifest.is_some(), is_downgrade: false, by }
    }

    /// The bytes of its manifest, and of that one's signature files.
    pub(crate) fn papers(&self) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
        (self.manifest.as_ref().map(as_bytes), self.signatures.iter().map(as_bytes).collect())
    }

    /// The purpose of a seal over a record of this source: over another's it is none.
    pub(super) fn purpose(hash: SourceHash) -> Vec<u8> {
        format!("thespian-pending-1 {hash}\n").into_bytes()
    }
}
