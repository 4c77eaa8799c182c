//! A compiled source: what it is, and what instances of it are made of.

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use thespian_core::source::{SourceHash, SourceInfo};
use wasmtime::component::ComponentExportIndex;

use super::bindings::ActorPre;
use super::machine::Machine;
use super::state::State;

/// A compiled source. Clones are the same source.
#[derive(Clone)]
pub struct Source(Arc<Made>);

/// The compiler's work on a component, and the component's own description.
pub(super) struct Made {
    pub(super) machine: Arc<Machine>,
    pub(super) hash: SourceHash,
    pub(super) info: SourceInfo,
    pub(super) pre: ActorPre<State>,
    /// Places of the engine's pool that an instance takes.
    pub(super) places: usize,
    /// Memory that the engine allocates for an instance besides its memories and tables, in bytes.
    pub(super) engine_bytes: usize,
    /// The function by which a class says where it can run.
    pub(super) accepts: Option<ComponentExportIndex>,
    pub(super) compile_time: Duration,
    pub(super) from_cache: bool,
    /// Something that is to be there for as long as anybody has the code.
    pub(super) kept: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Source {
    pub(super) fn new(made: Made) -> Self {
        Self(Arc::new(made))
    }

    /// The source's own description.
    #[must_use]
    pub fn info(&self) -> &SourceInfo {
        &self.0.info
    }

    /// The source's name.
    #[must_use]
    pub fn hash(&self) -> SourceHash {
        self.0.hash
    }

    /// How many of the engine's places for actors one of this source takes: one for each of its memories.
    #[must_use]
    pub fn places(&self) -> usize {
        self.0.places
    }

    /// The size of its code, with the images of its memories, in bytes.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        let image = self.0.pre.instance_pre().component().image_range();
        (image.end as usize).saturating_sub(image.start as usize)
    }

    /// Keeps something for as long as anybody has the code: an actor may have it when nobody else does. The first counts.
    pub fn keep(&self, what: impl Any + Send + Sync) {
        let _there_is_one = self.0.kept.set(Box::new(what));
    }

    /// How long it took to compile it, or to take it from the cache.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.0.compile_time
    }

    /// Whether it came from the cache.
    #[must_use]
    pub fn from_cache(&self) -> bool {
        self.0.from_cache
    }

    pub(super) fn machine(&self) -> &Arc<Machine> {
        &self.0.machine
    }

    pub(super) fn pre(&self) -> &ActorPre<State> {
        &self.0.pre
    }

    pub(super) fn engine_bytes(&self) -> usize {
        self.0.engine_bytes
    }

    pub(super) fn accepts_export(&self) -> Option<ComponentExportIndex> {
        self.0.accepts
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("hash", &self.0.hash).finish_non_exhaustive()
    }
}
