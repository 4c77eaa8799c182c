//! The papers of a component that a command is given: its manifest, and the signatures of that.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use thespian_host::signing::SourcePapers;
use thespian_host::signing::papers_file::{self, PapersFileError};

use super::outcome::Usage;

/// The papers that come with a component.
#[derive(Args)]
pub(super) struct PapersArgs {
    /// Its manifest [default: FILE.toml beside FILE.wasm, if there is one].
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// A signature of the manifest [default: those beside it, MANIFEST.minisig and MANIFEST.*.minisig]; may be repeated.
    #[arg(long = "signature", value_name = "FILE")]
    signatures: Vec<PathBuf>,
}

impl PapersArgs {
    /// Reads the papers of a component.
    pub(super) fn read(&self, component: &Path) -> Result<SourcePapers> {
        let read = papers_file::read(component, self.manifest.as_deref(), &self.signatures);
        Ok(read.map_err(|error| match error {
            PapersFileError::NoManifest => Usage(format!("{error}: name it with --manifest")),
            error => Usage(error.to_string()),
        })?)
    }
}
