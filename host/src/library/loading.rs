//! Loads that are under way: while one is, its source's file is in use, though nobody can create from it yet.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use thespian_core::source::SourceHash;

/// How many loads are under way, by source.
pub(super) type LoadCounts = Mutex<HashMap<SourceHash, u32>>;

/// Notes that a load is under way, until it is dropped.
pub(super) struct LoadUnderWay {
    all: Arc<LoadCounts>,
    hash: SourceHash,
}

impl LoadUnderWay {
    pub(super) fn begin(all: &Arc<LoadCounts>, hash: SourceHash) -> Self {
        *all.lock().entry(hash).or_default() += 1;
        Self { all: all.clone(), hash }
    }
}

impl Drop for LoadUnderWay {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(count) = all.get_mut(&self.hash) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.hash);
            }
        }
    }
}
