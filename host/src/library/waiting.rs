//! Offers that wait for a person: on disk, and not in memory.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use thespian_core::source::{OfferId, SourceHash, Unusable};

use super::{Library, OfferedCode, read_papers, waited_for};
use crate::store::pending::PendingRecord;
use crate::store::sources::{SourceFile, WaitingSource};

impl Library {
    /// Has a source that waited for a person, before `Admin` hears of it.
    pub(crate) fn found_waiting(&self, waiting: WaitingSource) {
        let WaitingSource { file, record } = waiting;
        let hash = file.hash();
        self.papers.lock().insert(hash, (OfferId::default(), Arc::new(read_papers(record.papers()))));
        self.on_disk.lock().insert(hash, file.clone());
        self.offered.lock().insert(hash, OfferedCode::Waiting(file));
    }

    /// Has an offer wait on disk, and not in memory, until it is judged: with this record, over a restart too.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) async fn keep_pending(
        &self,
        hash: SourceHash,
        offer: OfferId,
        record: PendingRecord,
    ) -> Result<(), Unusable> {
        let Some(files) = self.files.clone() else { return Ok(()) };
        let _one = self.keeping.lock().await;
        // What comes from disk waits there already; what was judged meanwhile is not wanted any more.
        let Some(bytes) = self.came_as(&self.offered.lock(), hash, offer) else { return Ok(()) };
        self.make_room(&files, bytes.len() as u64).await;
        let keep = move || {
            let file = files.keep(hash, &bytes).map_err(|error| Unusable::now(error.to_string()))?;
            match file.wait(&record) {
                Ok(_) => Ok(file),
                Err(error) => {
                    let _ = file.remove();
                    Err(Unusable::now(error.to_string()))
                }
            }
        };
        let file = waited_for(self.io.spawn_blocking(keep).await)?;
        if let Some(unwanted) = self.swap_for_file(hash, offer, file) {
            // An error means that the node ends.
            let _ = self.remove(unwanted).await;
        }
        Ok(())
    }

    /// Has an offer wait in a file from here on. Returns it where nobody wants that any more.
    fn swap_for_file(&self, hash: SourceHash, offer: OfferId, file: SourceFile) -> Option<SourceFile> {
        let mut offered = self.offered.lock();
        if self.came_as(&offered, hash, offer).is_none() {
            return Some(file);
        }
        self.on_disk.lock().insert(hash, file.clone());
        offered.insert(hash, OfferedCode::Waiting(file));
        None
    }

    /// The bytes of an offer that have come just now, if they wait in memory.
    fn came_as(
        &self,
        offered: &HashMap<SourceHash, OfferedCode>,
        hash: SourceHash,
        offer: OfferId,
    ) -> Option<Bytes> {
        match offered.get(&hash)? {
            OfferedCode::Came(bytes) if self.papers(hash).0 == offer => Some(bytes.bytes()),
            _ => None,
        }
    }
}
