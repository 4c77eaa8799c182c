//! What a node has admitted so far, in a file with its seal: so that a restart brings nothing back that was replaced.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use thespian_core::source::admission::History;

use super::DirLock;
use crate::seal::Seal;
use crate::{input, output};

/// The file in the data directory.
const FILE: &str = "admitted";
/// The purpose of its seal.
const PURPOSE: &[u8] = b"thespian-admitted-1\n";
/// A history, in bytes: of as many names as a node remembers, each as long as it may be.
const HISTORY_BYTES_MAX: usize = 8 << 20;

/// The file of a node's history.
pub(crate) struct HistoryFile {
    path: PathBuf,
    seal: Arc<Seal>,
    /// As it is in the file; held while that is written.
    written: Mutex<Option<History>>,
    /// Held from a look at what was admitted until that is written: so that none is overtaken by a later one.
    pub(crate) turn: tokio::sync::Mutex<()>,
    lock: Weak<DirLock>,
}

impl HistoryFile {
    pub(crate) fn new(data_dir: &Path, seal: Arc<Seal>, lock: Weak<DirLock>) -> Self {
        let (written, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { path: data_dir.join(FILE), seal, written, turn, lock }
    }

    /// Reads what was written last; absent: nothing was.
    ///
    /// # Errors
    /// The file can't be read, or is not as this node wrote it.
    pub(crate) fn read(&self) -> Result<Option<History>, String> {
        let bytes = match input::read_own(&self.path, HISTORY_BYTES_MAX).map_err(io::Error::from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(|error| format!("{}: {error}", self.path.display()))?,
        };
        let read = self.seal.opened(PURPOSE, &bytes).and_then(|json| serde_json::from_slice(json).ok());
        self.written.lock().clone_from(&read);
        read.map(Some).ok_or_else(|| format!("{} is not as this node wrote it", self.path.display()))
    }

    /// Writes it in place of what was there, if that is another: whole, and for good.
    ///
    /// # Errors
    /// It can't be written; what was there still is.
    pub(crate) fn write(&self, history: &History) -> io::Result<()> {
        let mut written = self.written.lock();
        if written.as_ref() == Some(history) {
            return Ok(());
        }
        let _held = DirLock::held(&self.lock)?;
        let json = serde_json::to_vec(history).map_err(io::Error::other)?;
        output::replace_synced(&self.path, &self.seal.sealed(PURPOSE, &json))?;
        *written = Some(history.clone());
        Ok(())
    }
}
