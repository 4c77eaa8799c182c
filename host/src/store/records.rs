//! What a node keeps of a source besides its bytes: what it was admitted with, and by which papers. Sealed, so that nobody
//! admits a source by writing a file.

use ct_codecs::{Base64, Decoder, Encoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thespian_core::source::{Rights, SourceHash, Verdict};
use thespian_core::utc::UtcTime;

/// A record, in bytes: papers as large as they may be, in base 64, and some words.
pub(crate) const RECORD_BYTES_MAX: usize = 256 << 10;

/// An admitted source, for the next start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceRecord {
    /// Its submitter's words about it.
    pub(crate) label: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The rights that its loader gave it.
    pub(crate) given: Rights,
    /// Those that its loader let it have of what its manifest wants.
    pub(crate) allowed: Option<Rights>,
    /// When it was admitted first.
    pub(crate) admitted_at: UtcTime,
    /// The kind of the authority that did.
    pub(crate) authority: String,
    /// The verdict of that.
    pub(crate) verdict: Verdict,
    /// Its manifest in base 64.
    manifest: Option<String>,
    /// The manifest's signature files in base 64.
    signatures: Vec<String>,
}

/// Tells records apart that say something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordDigest([u8; 32]);

impl SourceRecord {
    /// The same with these papers.
    pub(crate) fn with_papers<'a>(
        self,
        manifest: Option<&[u8]>,
        signatures: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        Self { manifest: manifest.map(as_text), signatures: signatures.map(as_text).collect(), ..self }
    }

    /// The bytes of its manifest, and of that one's signature files.
    pub(crate) fn papers(&self) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
        (self.manifest.as_ref().map(as_bytes), self.signatures.iter().map(as_bytes).collect())
    }

    /// Names all that it says, but for when: that is another with each start.
    pub(crate) fn digest(&self) -> RecordDigest {
        let Self { label, size, given, allowed, authority, verdict, manifest, signatures, .. } = self;
        let judged = (verdict.rights, &verdict.limits, verdict.runs, &verdict.label);
        let said = (label, size, given, allowed, authority, judged, manifest, signatures);
        let json = serde_json::to_vec(&said).unwrap_or_default();
        RecordDigest(Sha256::digest(&json).into())
    }

    /// Whether it came with a manifest.
    pub(crate) const fn has_manifest(&self) -> bool {
        self.manifest.is_some()
    }

    /// A record without papers.
    pub(crate) fn new(
        label: String,
        size: u64,
        (given, allowed): (Rights, Option<Rights>),
        admitted_at: UtcTime,
        authority: &str,
        verdict: Verdict,
    ) -> Self {
        let (authority, manifest, signatures) = (authority.to_string(), None, Vec::new());
        Self { label, size, given, allowed, admitted_at, authority, verdict, manifest, signatures }
    }

    /// The purpose of a seal over a record of this source: over another's it is none.
    pub(super) fn purpose(hash: SourceHash) -> Vec<u8> {
        format!("thespian-source-1 {hash}\n").into_bytes()
    }
}

/// A paper as a record has it.
pub(super) fn as_text(bytes: &[u8]) -> String {
    Base64::encode_to_string(bytes).unwrap_or_default()
}

/// The bytes of such a paper.
pub(super) fn as_bytes(text: &String) -> Vec<u8> {
    Base64::decode_to_vec(text, None).unwrap_or_default()
}
