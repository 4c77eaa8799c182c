//! Makes sources of components: looks at the bytes, has them compiled or finds their code in the cache, joins them with what
//! the host offers, and asks them what they are.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use thespian_core::limits::CORE_INSTANCES_MAX;
use thespian_core::source::{RunHash, SourceHash, SourceInfo};
use tracing::Level;
use wasmtime::component::{Component, ComponentExportIndex, Linker};

use super::bounds::{self, INSTANCE_BYTES_MAX};
use super::cache::Cache;
use super::census::CORE_INSTANCES;
use super::code::Code;
use super::compile_process::{CompileControl, CompileProcess};
use super::confine::Walls;
use super::contract;
use super::describe::{PLACEMENT_EXPORT, describe};
use super::fault;
use super::inspect::{ScanBounds, inspect};
use super::machine::Machine;
use super::source::{Made, Source};
use super::source_error::{SourceError, TooMuch, unsupported};
use super::state::State;
use super::workshop;
use crate::descriptors::{are_gone, are_scarce};

/// Functions, globals and names of an instance's modules, as the engine keeps them for each instance.
const INSTANCE_BYTES: &str = "bytes for its functions and globals";

/// Where code is made.
pub(super) enum Workplace {
    /// In a process for each source.
    Process(CompileProcess),
    /// In this process, of components that are small and simple: nothing bounds what the compiler takes here.
    Within,
}

impl Workplace {
    /// The bounds on what is compiled there.
    const fn scan(&self) -> &'static ScanBounds {
        match self {
            Self::Process(_) => &ScanBounds::WHOLE,
            Self::Within => &ScanBounds::WITHIN,
        }
    }
}

/// All that compiling takes.
pub(super) struct Compiler {
    machine: Arc<Machine>,
    linker: Linker<State>,
    cache: Option<Cache>,
    workplace: Workplace,
    failures: AtomicU64,
}

impl Compiler {
    pub(super) fn new(
        machine: Arc<Machine>,
        linker: Linker<State>,
        cache: Option<Cache>,
        workplace: Workplace,
    ) -> Self {
        Self { machine, linker, cache, workplace, failures: AtomicU64::new(0) }
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) const fn workplace(&self) -> &Workplace {
        &self.workplace
    }

    pub(super) fn cache_rejections(&self) -> u64 {
        self.cache.as_ref().map_or(0, Cache::rejections)
    }

    /// Compiles a component, or takes it from the cache, and asks it to describe itself. `runs` names the very bytes, `hash` the
    /// source that they are of.
    ///
    /// # Errors
    /// Says what is wrong with the component.
    pub(super) fn compile(
        &self,
        hash: SourceHash,
        runs: RunHash,
        bytes: &[u8],
        control: &CompileControl,
    ) -> Result<Source, SourceError> {
        let start = Instant::now();
        let wasmtime = &self.machine.wasmtime;
        // Before the compiler sees it: a defect in here is none of the compiler's.
        let engine_bytes = inspect(bytes, &self.machine.limits, self.workplace.scan())?;
        let cache = self.cache_of(hash, runs);
        let known = cache.and_then(|cache| cache.get(wasmtime, runs));
        let from_cache = known.is_some();
        let component = match known {
            Some(component) => component,
            None => self.code(cache, runs, bytes, control).inspect_err(|why| self.note(hash, why))?,
        };
        let compile_time = start.elapsed();
        let made = workshop::work(|| {
            image(&component)?;
            contract::join(&self.linker, &component)
        });
        let pre = made.inspect_err(|why| self.note(hash, why))?;
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
        let memory_each = needs.max_initial_memory_size.unwrap_or(0);
        let memory_bytes = memory_each.saturating_mul(u64::from(needs.num_memories));
        let described = describe(&self.machine, hash, &pre, engine_bytes, accepts.is_some())?;
        let info = SourceInfo { memory_bytes, ..described };
        let machine = Arc::clone(&self.machine);
        Ok(Source::new(Made {
            machine,
            hash,
            info,
            pre,
            places,
            engine_bytes,
            accepts,
            compile_time,
            from_cache,
            kept: OnceLock::new(),
        }))
    }

    /// The cache, if the code may be in it: what an authority has put in a source's place is in memory alone.
    fn cache_of(&self, hash: SourceHash, runs: RunHash) -> Option<&Cache> {
        self.cache.as_ref().filter(|_| runs == RunHash(hash))
    }

    /// Has its code made, and keeps it.
    fn code(
        &self,
        cache: Option<&Cache>,
        runs: RunHash,
        bytes: &[u8],
        control: &CompileControl,
    ) -> Result<Component, SourceError> {
        let wasmtime = &self.machine.wasmtime;
        let code = match &self.workplace {
            Workplace::Process(process) => process.compile(bytes, control),
            Workplace::Within => workshop::compile(wasmtime, bytes),
        };
        let code = Code::proven(code.map_err(refused)?);
        let component = code.component(wasmtime);
        let component = component.map_err(|error| refused(SourceError::Invalid(fault::describe(&error))))?;
        if let Some(cache) = cache {
            cache.put(wasmtime, runs, &code);
        }
        Ok(component)
    }

    /// Counts and logs what is nobody's fault but the compiler's.
    fn note(&self, hash: SourceHash, why: &SourceError) {
        if let SourceError::CompilerFailed(_) = why {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.machine.log.log(Level::ERROR, "compiler", &format!("source {hash}: {why}"));
        }
    }

    /// Where code is made, and how that goes.
    pub(super) fn place(&self) -> CompilerPlace {
        let failures = self.failures.load(Ordering::Relaxed);
        match &self.workplace {
            Workplace::Process(process) => {
                let Walls { landlock, seccomp } = process.walls();
                CompilerPlace { program: Some(process.program().to_owned()), landlock, seccomp, failures }
            }
            Workplace::Within => CompilerPlace { program: None, landlock: false, seccomp: false, failures },
        }
    }
}

/// Where sources are compiled, and what stands between the compiler and the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerPlace {
    /// The program that is started for each source; absent: it is this process.
    pub program: Option<PathBuf>,
    /// Whether the kernel closes the file system to it.
    pub landlock: bool,
    /// Whether the kernel refuses it every call but those that computing takes.
    pub seccomp: bool,
    /// Components on which the compiler failed for a defect of its own.
    pub failures: u64,
}

impl CompilerPlace {
    /// Something that an operator should know of it, if there is.
    #[must_use]
    pub const fn weakness(&self) -> Option<&'static str> {
        match self {
            Self { program: None, .. } => Some(
                "sources are compiled in the node's own process, where nothing bounds what the compiler takes: so only those \
                 of at most 8 MiB and of a simple shape are; name a program for it (`NodeConfig::compiler`)",
            ),
            Self { landlock: true, seccomp: true, .. } => None,
            Self { landlock: false, seccomp: false, .. } => Some(
                "the kernel has neither Landlock nor seccomp: a defect of the compiler could reach the user's files; its \
                 memory and CPU time are bounded",
            ),
            Self { landlock: false, .. } => {
                Some("the kernel has no Landlock: seccomp alone confines the compiler")
            }
            Self { seccomp: false, .. } => {
                Some("the kernel has no seccomp: Landlock alone confines the compiler")
            }
        }
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

/// The refusal of a component that the engine does not take, out of the engine's words. Bounds of its pool that only it can count
/// are told as others are.
fn refused(why: SourceError) -> SourceError {
    let SourceError::Invalid(text) = why else { return why };
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
