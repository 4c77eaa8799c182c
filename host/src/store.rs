//! What a node keeps on disk: a private directory with its identity. Others put their files beside it.

pub mod audit;
pub(crate) mod data;
pub(crate) mod history;
pub(crate) mod log_file;
pub(crate) mod pending;
pub(crate) mod records;
pub(crate) mod sources;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use thespian_core::address::HostId;
use thespian_core::limits::DIR_LOCK_WAIT_MAX;
use thespian_core::role::Role;
use thespian_core::source::SourceHash;

use crate::input::{self, InputError};
use crate::output;

/// Length of the control secret, in bytes.
pub const TOKEN_LEN: usize = 32;
/// Its file in the data directory, of the role that may everything; those of the others end in their names.
pub const TOKEN_FILE: &str = "token";
/// Its bytes at most: the digits, and white space that an editor may have left.
const TOKEN_FILE_BYTES_MAX: usize = 256;
/// The same of the identity's file.
const HOST_ID_FILE_BYTES_MAX: usize = 64;
/// The control socket in the data directory.
pub const SOCKET_FILE: &str = "control.sock";

/// The data directory can't be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory, or a file in it, can't be made, read or written.
    #[error("the data directory can't be used: {path}: {error}")]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// Others could read or change what is in it.
    #[error("{path} is open to others (owner {uid}, mode {mode:03o}); make it yours alone: chmod 700 {path}")]
    NotPrivate {
        /// The path of the directory.
        path: PathBuf,
        /// The user who owns it.
        uid: u32,
        /// The mode bits that it has.
        mode: u32,
    },
    /// A link, or no directory at all, stands where the node is to have a directory of its own.
    #[error(
        "{path} is a symbolic link, or no directory; remove it, and the node makes a directory of its own there"
    )]
    NotOwnDir {
        /// The path of what stands there.
        path: PathBuf,
    },
    /// Another node uses it.
    #[error("another node uses {path}; stop it, or give this one another data directory")]
    InUse {
        /// The path of the directory.
        path: PathBuf,
    },
    /// The token file can't be read.
    #[error("the token file {path} can't be read: {error}")]
    Token {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The file is no token file.
    #[error(
        "{path} is not a token file, which holds 64 hex digits; a node that is started makes a new one where there is none"
    )]
    BadToken {
        /// The path of the file.
        path: PathBuf,
    },
    /// The log file can't be written.
    #[error("the log file {path} can't be used: {error}")]
    LogFile {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The identity is damaged.
    #[error("{path} does not hold a host's identity; remove it to give this host a new one")]
    BadIdentity {
        /// The path of the file.
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

/// Holds the directory for one node, until it is dropped or the process ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Keeps the directory for a write in the background; refused once the node has let go of it.
    fn held(lock: &Weak<Self>) -> io::Result<Arc<Self>> {
        lock.upgrade().ok_or_else(|| io::Error::other("the node has ended"))
    }
}

/// Takes the directory for this node alone, from one that has just ended too: it may be writing a last file.
///
/// # Errors
/// Another node has it, or the lock file can't be made.
pub fn lock(dir: &Path) -> Result<DirLock, StoreError> {
    let path = dir.join("lock");
    let io_error = |error| StoreError::Io { path: path.clone(), error };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = input::open_own(&mut options, &path).map_err(|error| io_error(error.into()))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(DirLock { _file: file }),
            Err(TryLockError::WouldBlock) if begun.elapsed() < DIR_LOCK_WAIT_MAX => {
                #[expect(clippy::disallowed_methods, reason = "no event tells that a lock is free")]
                thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: dir.to_path_buf() }),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
    }
}

/// The file of the secret by which programs show over TCP that they have this role.
#[must_use]
pub fn token_path(dir: &Path, role: Role) -> PathBuf {
    match role {
        Role::Operate => dir.join(TOKEN_FILE),
        Role::Read | Role::Talk | Role::Load => dir.join(format!("{TOKEN_FILE}.{role}")),
    }
}

/// Keeps a secret in that file, where programs find it: whole, or as it was before.
///
/// # Errors
/// The file can't be written.
pub fn keep_token(dir: &Path, role: Role, token: [u8; TOKEN_LEN]) -> Result<(), StoreError> {
    let path = token_path(dir, role);
    let hex: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    output::replace(&path, format!("{hex}\n").as_bytes()).map_err(|error| StoreError::Io { path, error })
}

/// The secret that is kept for this role, if there is one.
///
/// # Errors
/// The file can't be read, or holds something else.
pub fn kept_token(dir: &Path, role: Role) -> Result<Option<[u8; TOKEN_LEN]>, StoreError> {
    let path = token_path(dir, role);
    match input::read_own(&path, TOKEN_FILE_BYTES_MAX) {
        Err(InputError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => token_of(&path, read).map(Some),
    }
}

/// Reads a token file.
///
/// # Errors
/// It can't be read, or holds something else.
pub fn read_token(path: &Path) -> Result<[u8; TOKEN_LEN], StoreError> {
    token_of(path, input::read_named(path, TOKEN_FILE_BYTES_MAX))
}

fn token_of(path: &Path, read: Result<Vec<u8>, InputError>) -> Result<[u8; TOKEN_LEN], StoreError> {
    let bad = || StoreError::BadToken { path: path.to_path_buf() };
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(InputError::Io(error)) => return Err(StoreError::Token { path: path.to_path_buf(), error }),
        Err(InputError::TooLong { .. } | InputError::NotAFile) => return Err(bad()),
    };
    let hash: Option<SourceHash> = str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
    hash.map(|token| token.0).ok_or_else(bad)
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
            let bytes = match input::read_own(&path, HOST_ID_FILE_BYTES_MAX) {
                Ok(bytes) => bytes,
                Err(InputError::Io(error)) => return Err(io_error(error)),
                Err(InputError::TooLong { .. } | InputError::NotAFile) => {
                    return Err(StoreError::BadIdentity { path });
                }
            };
            let text = str::from_utf8(&bytes).unwrap_or_default().trim();
            let id = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16);
            id.map(HostId).ok_or(StoreError::BadIdentity { path })
        }
        Err(error) => Err(io_error(error)),
    }
}
