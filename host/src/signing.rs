//! What people sign and trust, as it lies in files: manifests, their signatures, and the policy. What follows from them is
//! decided in core.
//!
//! ```text
//!  NAME.toml ─── manifest_file ──► Manifest ─┐
//!  NAME.toml.minisig ─ signature_file ───────┼─► core: Policy::admit
//!  policy.toml ── policy_file ────► Policy ──┘
//! ```

pub mod key_text;
pub mod manifest_file;
pub mod papers_file;
pub mod policy_file;
pub mod signature_file;
mod wording;

use bytes::Bytes;
use thespian_core::limits::{MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_LEN_MAX};
use thespian_core::source::admission::ReadPapers;
use thespian_core::source::policy::PublicKey;

/// The papers that came with a source, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePapers {
    /// The bytes of its manifest; absent: it has none.
    pub manifest: Option<Bytes>,
    /// The bytes of its signature files.
    pub signatures: Vec<Bytes>,
}

/// Papers are beyond a bound. Nothing of them was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PapersError {
    /// The manifest is too long.
    #[error("its manifest has {0} bytes, and at most {MANIFEST_BYTES_MAX} are allowed")]
    Manifest(usize),
    /// A signature file is too long.
    #[error("a signature file has {0} bytes, and at most {SIGNATURE_BYTES_MAX} are allowed")]
    Signature(usize),
    /// There are too many signatures.
    #[error("it has {0} signatures, and at most {SIGNATURES_LEN_MAX} are allowed")]
    Signatures(usize),
}

impl SourcePapers {
    /// The bytes of all of them.
    #[must_use]
    pub fn len(&self) -> usize {
        let signatures: usize = self.signatures.iter().map(Bytes::len).sum();
        self.manifest.as_ref().map_or(0, Bytes::len) + signatures
    }

    /// Whether the source came without.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.manifest.is_none() && self.signatures.is_empty()
    }

    /// Whether they are within their bounds.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), PapersError> {
        let manifest = self.manifest.as_ref().map_or(0, Bytes::len);
        if manifest > MANIFEST_BYTES_MAX {
            return Err(PapersError::Manifest(manifest));
        }
        if self.signatures.len() > SIGNATURES_LEN_MAX {
            return Err(PapersError::Signatures(self.signatures.len()));
        }
        match self.signatures.iter().map(Bytes::len).find(|len| *len > SIGNATURE_BYTES_MAX) {
            Some(len) => Err(PapersError::Signature(len)),
            None => Ok(()),
        }
    }

    /// Reads the manifest, and holds each signature against those of the keys that it could be of.
    #[must_use]
    pub fn read(&self, keys: &[PublicKey]) -> ReadPapers {
        let Some(manifest) = &self.manifest else { return ReadPapers::default() };
        match manifest_file::read(manifest) {
            Ok(file) => {
                let held = |file: &Bytes| signature_file::held_against(file, manifest, keys);
                let signatures = self.signatures.iter().map(held).collect();
                ReadPapers { manifest: Some(Ok(file.manifest)), signatures }
            }
            // Whoever has signed it has signed what says nothing.
            Err(error) => ReadPapers { manifest: Some(Err(error.to_string())), signatures: Vec::new() },
        }
    }
}
