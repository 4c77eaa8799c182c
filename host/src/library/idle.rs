//! Files that nobody needs: they go where others need their room.

use thespian_core::source::SourceHash;
use tracing::Level;

use super::Library;
use crate::store::sources::{SourceFile, SourceFiles};

impl Library {
    /// Removes files that nobody needs until there is room for one of so many bytes, or none is left that could go.
    pub(super) async fn make_room(&self, files: &SourceFiles, bytes: u64) {
        while files.lacks(bytes) > 0 {
            let Some(file) = self.take_idle_file() else { return };
            let text = format!("the file of source {} goes, for others need its room", file.hash());
            self.log.node(Level::WARN, "sources", &text);
            // An error means that the node ends.
            let _ = self.remove(file).await;
        }
    }

    /// Takes out the file of a source that nobody can create from or waits for, the oldest of them.
    fn take_idle_file(&self) -> Option<SourceFile> {
        // Each source is in one of these from its offer on, and comes to the next before it leaves the last.
        let offered = self.offered.lock();
        let loading = self.loading.lock();
        let loaded = self.loaded.lock();
        let mut on_disk = self.on_disk.lock();
        let is_idle = |hash: &SourceHash| {
            !offered.contains_key(hash) && !loading.contains_key(hash) && !loaded.contains_key(hash)
        };
        let oldest = on_disk.iter().filter(|(hash, _)| is_idle(hash)).min_by_key(|(_, file)| file.age());
        let hash = *oldest?.0;
        on_disk.remove(&hash)
    }
}
