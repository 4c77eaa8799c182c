//! What a node keeps on disk: a private directory with its identity. Others put their files beside it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thespian_core::address::HostId;

/// The data directory can't be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It, or a file in it, can't be made, read or written.
    #[error("the data directory can't be used: {path}: {error}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others could read or change what is in it.
    #[error("{path} is open to others (owner {uid}, mode {mode:03o}); make it yours alone: chmod 700 {path}")]
    NotPrivate {
        /// Which directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its mode.
        mode: u32,
    },
    /// The identity is damaged.
    #[error("{path} does not hold a host's identity; remove it to give this host a new one")]
    BadIdentity {
        /// Which file.
        path: PathBuf,
    },
}

/// Makes the directory if it is missing, and makes sure that it belongs to us alone.
///
/// # Errors
/// It can't be made, or is open to others.
pub fn private_dir(path: &Path) -> Result<(), StoreError> {
    let io_error = |error| StoreError::Io { path: path.to_path_buf(), error };
    if !path.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error)?;
    }
    let metadata = fs::metadata(path).map_err(io_error)?;
    let (uid, mode) = (metadata.uid(), metadata.mode() & 0o777);
    if uid != rustix::process::geteuid().as_raw() || mode & 0o077 != 0 || !metadata.is_dir() {
        return Err(StoreError::NotPrivate { path: path.to_path_buf(), uid, mode });
    }
    Ok(())
}

/// The identity kept in `dir`, or a new one that is kept from now on.
///
/// # Errors
/// The file can't be read or written, or is damaged.
pub fn host_id(dir: &Path, fresh: HostId) -> Result<HostId, StoreError> {
    let path = dir.join("host-id");
    let io_error = |error| StoreError::Io { path: path.clone(), error };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let written = writeln!(file, "{:016x}", fresh.0).and_then(|()| file.sync_all());
            // A half-written identity would be found damaged at the next start.
            written.inspect_err(|_| drop(fs::remove_file(&path))).map_err(io_error)?;
            Ok(fresh)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut text = String::new();
            let file = File::open(&path).map_err(io_error)?;
            file.take(64).read_to_string(&mut text).map_err(io_error)?;
            let id = u64::from_str_radix(text.trim(), 16).ok().filter(|_| text.trim().len() == 16);
            id.map(HostId).ok_or(StoreError::BadIdentity { path })
        }
        Err(error) => Err(io_error(error)),
    }
}
