//! Makes sources of components: looks at the bytes, has them compiled or finds their code in the cache, joins them with what
//! the host offers, and asks them what they are.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use thespian_core::source::SourceHash;
use wasmtime::component::{Component, ComponentExportIndex, Linker};

use super::bindings::ActorPre;
use super::cache::Cache;
use super::describe::{PLACEMENT_EXPORT, describe};
use super::fault;
use super::inspect::inspect;
use super::machine::Machine;
use super::source::{Made, Source};
use super::source_error::SourceError;
use super::state::State;
use crate::descriptors::{are_gone, are_scarce};

/// All that compiling takes.
pub(super) struct Compiler {
    machine: Arc<Machine>,
    linker: Linker<State>,
    cache: Option<Cache>,
}

impl Compiler {
    pub(super) const fn new(machine: Arc<Machine>, linker: Linker<State>, cache: Option<Cache>) -> Self {
        Self { machine, linker, cache }
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) fn cache_rejections(&self) -> u64 {
        self.cache.as_ref().map_or(0, Cache::rejections)
    }

    /// Compiles a component, or takes it from the cache, and asks it to describe itself.
    ///
    /// # Errors
    /// Says what is wrong with the component.
    pub(super) fn compile(&self, hash: SourceHash, bytes: &[u8]) -> Result<Source, SourceError> {
        let start = Instant::now();
        inspect(bytes)?;
        let (component, from_cache) = self.load(hash, bytes)?;
        image(&component)?;
        let compile_time = start.elapsed();
        let pre = self.link(&component)?;
        let accepts = accepts_export(&component);
        let info = describe(&self.machine, hash, &pre, accepts.is_some())?;
        let machine = Arc::clone(&self.machine);
        Ok(Source::new(Made { machine, hash, info, pre, accepts, compile_time, from_cache }))
    }

    /// The compiled component, and whether it came from the cache.
    fn load(&self, hash: SourceHash, bytes: &[u8]) -> Result<(Component, bool), SourceError> {
        let wasmtime = &self.machine.wasmtime;
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.get(wasmtime, hash)) {
            return Ok((component, true));
        }
        let component = Component::from_binary(wasmtime, bytes)
            .map_err(|error| SourceError::Invalid(fault::describe(&error)))?;
        if let Some(cache) = &self.cache {
            cache.put(wasmtime, hash, &component);
        }
        Ok((component, false))
    }

    /// Joins a component with what the host offers.
    fn link(&self, component: &Component) -> Result<ActorPre<State>, SourceError> {
        let mismatch = |error: wasmtime::Error| SourceError::Mismatch(fault::describe(&error));
        let pre = self.linker.instantiate_pre(component).map_err(mismatch)?;
        ActorPre::new(pre).map_err(mismatch)
    }
}

/// Makes the image of its memory, from which each instance begins. A file that is nowhere, and the only one that a source
/// keeps open: were it left to the first instance, that one would seem to have trapped where no file can be opened.
fn image(component: &Component) -> Result<(), SourceError> {
    if are_scarce() {
        return Err(SourceError::NoDescriptors);
    }
    component.initialize_copy_on_write_image().map_err(|error| {
        let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        if causes.any(are_gone) {
            return SourceError::NoDescriptors;
        }
        SourceError::Invalid(fault::describe(&error))
    })
}

fn accepts_export(component: &Component) -> Option<ComponentExportIndex> {
    let placement = component.get_export_index(None, PLACEMENT_EXPORT)?;
    component.get_export_index(Some(&placement), "accepts")
}
