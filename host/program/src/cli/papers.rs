//! The papers of a component, as they lie beside it: its manifest, and the signatures of that.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use thespian_core::limits::{MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_LEN_MAX};
use thespian_host::signing::SourcePapers;

use super::given;
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
        let beside = manifest_of(component);
        let manifest = match &self.manifest {
            Some(named) => named.clone(),
            None if beside.is_file() => beside,
            None if self.signatures.is_empty() => return Ok(SourcePapers::default()),
            None => {
                return Err(
                    Usage("a signature is one of a manifest: name it with --manifest".to_string()).into()
                );
            }
        };
        let text = given::read_file(&manifest, "a manifest", MANIFEST_BYTES_MAX)?;
        let files =
            if self.signatures.is_empty() { signatures_of(&manifest)? } else { self.signatures.clone() };
        if files.len() > SIGNATURES_LEN_MAX {
            let text = format!(
                "{} has {} signatures, and a node takes {SIGNATURES_LEN_MAX}",
                manifest.display(),
                files.len()
            );
            return Err(Usage(text).into());
        }
        let read =
            |file: &PathBuf| given::read_file(file, "a signature", SIGNATURE_BYTES_MAX).map(Bytes::from);
        let signatures: Result<Vec<Bytes>> = files.iter().map(read).collect();
        Ok(SourcePapers { manifest: Some(text.into()), signatures: signatures? })
    }
}

/// The place of a component's manifest.
pub(super) fn manifest_of(component: &Path) -> PathBuf {
    component.with_extension("toml")
}

/// The signature files beside a manifest, in order of name.
pub(super) fn signatures_of(manifest: &Path) -> Result<Vec<PathBuf>> {
    let (Some(name), folder) = (manifest.file_name(), manifest.parent().unwrap_or(Path::new(""))) else {
        return Ok(Vec::new());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let begin = format!("{}.", name.to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
        let path = entry?.path();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        if file_name.starts_with(&begin) && file_name.ends_with(".minisig") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
