//! Makes sources of components: looks at the bytes, has them compiled or finds their code in the cache, joins them with what
//! the host offers, and asks them what they are.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use thespian_core::limits::CORE_INSTANCES_MAX;
use thespian_core::source::SourceHash;
use tracing::Level;
use wasmtime::component::{Component, ComponentExportIndex, Linker};

use super::bounds::{self, INSTANCE_BYTES_MAX};
use super::cache::Cache;
use super::census::CORE_INSTANCES;
use super::contract;
use super::describe::{PLACEMENT_EXPORT, describe};
use super::fault;
use super::inspect::inspect;
use super::machine::Machine;
use super::source::{Made, Source};
use super::source_error::{SourceError, TooMuch, unsupported};
use super::state::State;
use super::workshop;
use crate::descriptors::{are_gone, are_scarce};

/// Functions, globals and names of an instance's modules, as the engine keeps them for each instance.
const INSTANCE_BYTES: &str = "bytes for its functions and globals";

/// All that compiling takes.
pub(super) struct Compiler {
    machine: Arc<Machine>,
    linker: Linker<State>,
    cache: Option<Cache>,
    failures: AtomicU64,
}

impl Compiler {
    pub(super) fn new(machine: Arc<Machine>, linker: Linker<State>, cache: Option<Cache>) -> Self {
        Self { machine, linker, cache, failures: AtomicU64::new(0) }
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
        let wasmtime = &self.machine.wasmtime;
        let known = self.cache.as_ref().and_then(|cache| cache.get(wasmtime, hash));
        let from_cache = known.is_some();
        // Before the compiler's threads: a defect in here is none of the compiler's.
        inspect(bytes, &self.machine.limits)?;
        let made = workshop::work(|| {
            let compiled = known.map_or_else(|| Component::from_binary(wasmtime, bytes), Ok);
            let component = compiled.map_err(|error| refused(&error))?;
            image(&component)?;
            let compile_time = start.elapsed();
            Ok((contract::join(&self.linker, &component)?, component, compile_time))
        });
        let (pre, component, compile_time) = made.inspect_err(|why| self.note(hash, why))?;
        if let Some(cache) = self.cache.as_ref().filter(|_| !from_cache) {
            cache.put(wasmtime, hash, &component);
        }
        let needs = component.resources_required().expect("all that it instantiates was counted");
        let places = bounds::places(needs.num_memories, needs.num_tables);
        let places_max = self.machine.capacity.actors_max as u64;
        TooMuch::check(
            "memories, each of which takes a place for an actor",
            places as u64,
            places_max,
            None,
        )?;
        let accepts = accepts_export(&component);
        let info = describe(&self.machine, hash, &pre, accepts.is_some())?;
        let machine = Arc::clone(&self.machine);
        Ok(Source::new(Made { machine, hash, info, pre, places, accepts, compile_time, from_cache }))
    }

    /// Counts and logs what is nobody's fault but the compiler's.
    fn note(&self, hash: SourceHash, why: &SourceError) {
        if let SourceError::CompilerFailed(_) = why {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.machine.log.log(Level::ERROR, "compiler", &format!("source {hash}: {why}"));
        }
    }

    /// Components on which the compiler panicked.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Makes the images of its memories, from which each instance begins. Files that are nowhere, and the only ones that a source
/// keeps open: were they left to the first instance, that one would seem to have trapped where no file can be opened.
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

/// The refusal of a component that the engine does not compile. Bounds of its pool that only it can count are told as others are.
fn refused(error: &wasmtime::Error) -> SourceError {
    let text = fault::describe(error);
    let number = |before: &str, behind: &str| {
        let (_, rest) = text.split_once(before)?;
        rest.split_once(behind)?.0.parse().ok()
    };
    // The types of these errors are private to wasmtime; tests hold on to their words.
    for (before, behind, what, max) in [
        ("transitively contains ", " core module instances", CORE_INSTANCES, CORE_INSTANCES_MAX.into()),
        ("this module requires ", " bytes", INSTANCE_BYTES, INSTANCE_BYTES_MAX as u64),
        ("this component requires ", " bytes", INSTANCE_BYTES, INSTANCE_BYTES_MAX as u64),
    ] {
        if let Some(found) = number(before, behind) {
            return TooMuch { what, found, max, limit: None }.into();
        }
    }
    unsupported(&text).unwrap_or(SourceError::Invalid(text))
}

fn accepts_export(component: &Component) -> Option<ComponentExportIndex> {
    let placement = component.get_export_index(None, PLACEMENT_EXPORT)?;
    component.get_export_index(Some(&placement), "accepts")
}
