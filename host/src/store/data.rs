//! All that lies in a node's data directory, as a start finds it.

use std::path::Path;
use std::sync::Arc;

use thespian_core::address::HostId;
use thespian_core::source::admission::History;
use thespian_core::utc::UtcTime;

use super::audit::{self, AuditLog};
use super::history::HistoryFile;
use super::sources::{FoundSources, KeptSource, SourceFiles, WaitingSource};
use super::{DirLock, StoreError};
use crate::seal::Seal;

/// The key of the data directory's seals.
pub(super) const STORE_KEY_FILE: &str = "store-key";

/// All that lies in a node's data directory; nothing without one.
#[derive(Default)]
pub(crate) struct KeptData {
    pub(crate) dir_lock: Option<Arc<DirLock>>,
    pub(crate) files: Option<Arc<SourceFiles>>,
    pub(crate) kept: Vec<KeptSource>,
    pub(crate) waiting: Vec<WaitingSource>,
    pub(crate) history: Option<Arc<HistoryFile>>,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) remembered: Option<History>,
    pub(crate) problems: Vec<String>,
}

impl KeptData {
    /// Opens the data directory, if there is to be one: the host's name, the directory's lock, and where bytes of sources are.
    ///
    /// # Errors
    /// It can't be used.
    pub(crate) fn open(
        dir: Option<&Path>,
        store_bytes_max: u64,
        now: UtcTime,
    ) -> Result<(HostId, Self), StoreError> {
        let host = HostId(rand::random());
        let Some(dir) = dir else { return Ok((host, Self::default())) };
        super::private_dir(dir)?;
        let lock = super::lock(dir)?;
        let host = super::host_id(dir, host)?;
        let key = dir.join(STORE_KEY_FILE);
        let seal = Seal::open(&key).map_err(|error| StoreError::Io { path: key, error })?;
        let seal = Arc::new(seal);
        let lock = Arc::new(lock);
        let FoundSources { files, kept, waiting, mut problems } =
            SourceFiles::open(dir, seal.clone(), Arc::downgrade(&lock), store_bytes_max)?;
        let audit = AuditLog::open(dir, seal.clone(), Arc::downgrade(&lock), now);
        let (audit, broken) = audit.map_err(|error| StoreError::Io { path: dir.join(audit::FILE), error })?;
        problems.extend(broken);
        let history = HistoryFile::new(dir, seal, Arc::downgrade(&lock));
        let remembered = history.read().unwrap_or_else(|why| {
            problems.push(format!("{why}: it is not known what was admitted before this start"));
            None
        });
        let (dir_lock, files, history) = (Some(lock), Some(files), Some(Arc::new(history)));
        Ok((host, Self { dir_lock, files, kept, waiting, history, audit: Some(audit), remembered, problems }))
    }
}
