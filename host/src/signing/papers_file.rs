//! The papers of a component as they lie beside it: its manifest, `NAME.toml` for `NAME.wasm`, and the signatures of that,
//! `NAME.toml.minisig` and `NAME.toml.*.minisig`.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thespian_core::limits::{MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_LEN_MAX};

use super::SourcePapers;
use crate::input::{self, InputError};

/// The papers of a component can't be read.
#[derive(Debug, thiserror::Error)]
pub enum PapersFileError {
    /// A signature is named, and no manifest that it could be of.
    #[error("a signature is one of a manifest, and there is none")]
    NoManifest,
    /// There are too many signatures.
    #[error("{path} has {count} signatures, and a node takes {SIGNATURES_LEN_MAX}")]
    Signatures {
        /// The path of the manifest.
        path: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// A file can't be read, or is too long.
    #[error("can't read {path}: {error}")]
    Input {
        /// The path of the file.
        path: PathBuf,
        /// The reason of it.
        error: InputError,
    },
}

/// The place of a component's manifest.
#[must_use]
pub fn manifest_of(component: &Path) -> PathBuf {
    component.with_extension("toml")
}

/// The signature files beside a manifest, in order of name.
///
/// # Errors
/// Its folder can't be read.
pub fn signatures_of(manifest: &Path) -> Result<Vec<PathBuf>, PapersFileError> {
    let (Some(name), folder) = (manifest.file_name(), manifest.parent().unwrap_or(Path::new(""))) else {
        return Ok(Vec::new());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let begin = format!("{}.", name.to_string_lossy());
    let unread = |error| PapersFileError::Input { path: folder.to_path_buf(), error: InputError::Io(error) };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        if file_name.starts_with(&begin) && file_name.ends_with(".minisig") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads the papers of a component: those that are named, else those that lie beside it.
///
/// # Errors
/// One of them can't be read, or they do not fit together.
pub fn read(
    component: &Path,
    manifest: Option<&Path>,
    signatures: &[PathBuf],
) -> Result<SourcePapers, PapersFileError> {
    let beside = manifest_of(component);
    let manifest = match manifest {
        Some(named) => named.to_path_buf(),
        None if beside.is_file() => beside,
        None if signatures.is_empty() => return Ok(SourcePapers::default()),
        None => return Err(PapersFileError::NoManifest),
    };
    let read = |path: &Path, bytes_max| {
        let read = input::read_named(path, bytes_max);
        read.map(Bytes::from).map_err(|error| PapersFileError::Input { path: path.to_path_buf(), error })
    };
    let text = read(&manifest, MANIFEST_BYTES_MAX)?;
    let files = if signatures.is_empty() { signatures_of(&manifest)? } else { signatures.to_vec() };
    if files.len() > SIGNATURES_LEN_MAX {
        return Err(PapersFileError::Signatures { path: manifest, count: files.len() });
    }
    let signatures: Result<_, _> = files.iter().map(|file| read(file, SIGNATURE_BYTES_MAX)).collect();
    Ok(SourcePapers { manifest: Some(text), signatures: signatures? })
}
