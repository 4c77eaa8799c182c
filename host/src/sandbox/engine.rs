//! The engine: how code is compiled and run here, and how many actors this machine can hold.

use std::path::PathBuf;
use std::sync::Arc;

use thespian_core::budget::Account;
use thespian_core::compiling::{CompileBounds, CompileLimits, CompileSeats};
use thespian_core::limits::{ActorLimits, CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
use thespian_core::source::{RunHash, SourceHash};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::bindings::Actor;
use super::bounds::{self, EXTRA_PLACES, INSTANCE_BYTES_MAX};
use super::cache::{Cache, CacheError};
use super::compile_process::{CompileControl, CompileProcess, CompilerError};
use super::compiler::{Compiler, CompilerPlace, Workplace};
use super::host::{EngineLog, Unheard};
use super::machine::{Capacity, CapacityBound, Machine};
use super::preempt::{Alone, Threads, Ticker};
use super::settings::settings;
use super::source::Source;
use super::source_error::SourceError;
use super::state::State;
use super::wasi;

/// Memory mappings of one memory of a live instance: its image, grown part, and what lies between them.
const MAPPINGS_PER_ACTOR: usize = 4;
/// Mappings for everything else: threads, libraries, the allocator, compiled code.
const MAPPINGS_RESERVED: usize = 4_000;
/// Actors, of one memory each, beyond which address space (4 GiB for each) is used up.
const ACTORS_MAX: usize = 15_000;
/// Memory of a slot that stays mapped when its actor ends, in bytes: the next one need not fault it in. What most actors touch;
/// with half of it a third fewer are made in a second, with none half as many, and more makes no more.
const KEEP_RESIDENT_BYTES: usize = 16 << 10;
/// The same of a table.
const KEEP_TABLE_BYTES: usize = 4 << 10;
/// Part of the node's memory that all free slots together may keep so.
const KEEP_DIVISOR: u64 = 32;
/// Bytes of a page of the machine, as far as it matters here.
const PAGE_BYTES: usize = 4 << 10;
/// Freed slots that keep their image for the next instance of the same source.
const WARM_SLOTS_MAX: u32 = 1_000;

/// How an engine is to be.
#[derive(Clone)]
pub struct EngineConfig {
    /// Live actors at most; `None` is what the machine can hold.
    pub actors_max: Option<usize>,
    /// The largest bounds that any actor will have, and those of `describe`.
    pub limits: ActorLimits,
    /// Where compiled code is kept; `None` compiles each time. Private to this user.
    pub cache_dir: Option<PathBuf>,
    /// The program that compiles when it is started; `None` is this process, and small components alone.
    pub compiler: Option<PathBuf>,
    /// Bounds on what that takes for one source.
    pub compile_limits: CompileLimits,
    /// Memory that the node may take, in bytes: a compile may have half of it.
    pub budget_bytes: u64,
    /// The account of instances that are nobody's: they are asked to describe their source.
    pub account: Arc<Account>,
    /// The threads on which turns run.
    pub threads: Arc<dyn Threads>,
    /// Where it says what concerns no actor.
    pub log: Arc<dyn EngineLog>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            actors_max: None,
            limits: ActorLimits::default(),
            cache_dir: None,
            compiler: None,
            compile_limits: CompileLimits::default(),
            budget_bytes: u64::MAX,
            account: Arc::new(Account::unbounded()),
            threads: Arc::new(Alone),
            log: Arc::new(Unheard),
        }
    }
}

/// A reason why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Not even a few instances fit.
    #[error(
        "no room for even {tried} actors, each of which reserves 4 GiB of address space: {reason}; lift the limit on \
         virtual memory: `ulimit -v unlimited`"
    )]
    NoRoom {
        /// The smallest number tried.
        tried: usize,
        /// The system's own word for it.
        reason: String,
    },
    /// The cache directory can't be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The program that is to compile can't.
    #[error(transparent)]
    Compiler(#[from] CompilerError),
    /// The thread that moves the epoch could not be started.
    #[error("can't start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The interfaces of the host do not link: a defect of this program.
    #[error("the interfaces of the host do not link: {0}")]
    Link(String),
}

/// Compiles sources and runs their instances. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    compiler: Arc<Compiler>,
}

impl Engine {
    /// Makes an engine. Where the machine refuses the wished number of actors, there will be fewer:
    /// [`Self::capacity`] says how many and why.
    ///
    /// # Errors
    /// When not even a few actors fit, or the cache directory is not private to this user.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let open = |dir: PathBuf| Ok::<_, CacheError>(Cache::open(&dir)?.with_log(config.log.clone()));
        let cache = config.cache_dir.map(open).transpose()?;
        let (wasmtime, capacity) = fit(config.actors_max, &config.limits, config.budget_bytes)?;
        let workplace = match config.compiler {
            Some(program) => Workplace::Process(CompileProcess::of(
                program,
                config.compile_limits,
                config.budget_bytes,
                config.account.clone(),
                &wasmtime,
            )?),
            None => Workplace::Within,
        };
        let linker =
            new_linker(&wasmtime).map_err(|error| EngineError::Link(super::fault::describe(&error)))?;
        let epoch = wasmtime.weak();
        let ticker = Ticker::start(move || {
            if let Some(engine) = epoch.upgrade() {
                engine.increment_epoch();
            }
        })?;
        let kept_bytes = SlotKeep::of(config.budget_bytes, capacity.actors_max).bytes();
        let machine = Machine {
            wasmtime,
            ticker,
            threads: config.threads,
            limits: Arc::new(config.limits),
            log: config.log,
            capacity,
            account: config.account,
            kept_bytes,
        };
        Ok(Self { compiler: Arc::new(Compiler::new(Arc::new(machine), linker, cache, workplace)) })
    }

    /// Memory that a place keeps when its actor has ended, in bytes, for the next.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.machine().kept_bytes
    }

    /// How many actors may live here, and why not more.
    #[must_use]
    pub fn capacity(&self) -> &Capacity {
        &self.machine().capacity
    }

    /// Instances that live now, by the pool's own count.
    #[must_use]
    pub fn live_instances(&self) -> u64 {
        let pool = self.machine().wasmtime.pooling_allocator_metrics();
        pool.map_or(0, |pool| pool.component_instances())
    }

    /// Compiles a component, or takes it from the cache, and asks it to describe itself. Blocks for as long as
    /// that takes: about a second for each megabyte, and while `control` has it paused.
    ///
    /// # Errors
    /// Says what is wrong with the component.
    pub fn compile(
        &self,
        hash: SourceHash,
        bytes: &[u8],
        control: &CompileControl,
    ) -> Result<Source, SourceError> {
        self.compile_as(hash, RunHash(hash), bytes, control)
    }

    /// The same of bytes that run in the place of those that the source is named by.
    ///
    /// # Errors
    /// Says what is wrong with the component.
    pub fn compile_as(
        &self,
        hash: SourceHash,
        runs: RunHash,
        bytes: &[u8],
        control: &CompileControl,
    ) -> Result<Source, SourceError> {
        self.compiler.compile(hash, runs, bytes, control)
    }

    /// How many compiles may be under way at one time, and be stopped for each other's sake.
    #[must_use]
    pub fn compile_seats(&self) -> CompileSeats {
        match self.compiler.workplace() {
            Workplace::Process(process) => CompileSeats::of_processes(process.budget_bytes()),
            Workplace::Within => CompileSeats::WITHIN,
        }
    }

    /// Bounds on what the compiler takes for a component of so many bytes, where it has some.
    #[must_use]
    pub fn compile_bounds(&self, bytes: u64) -> CompileBounds {
        match self.compiler.workplace() {
            Workplace::Process(process) => process.bounds(bytes),
            Workplace::Within => CompileBounds::of(bytes, CompileLimits::default(), u64::MAX),
        }
    }

    /// Where sources are compiled, and what stands between the compiler and this machine.
    #[must_use]
    pub fn compiler(&self) -> CompilerPlace {
        self.compiler.place()
    }

    /// Cached code that was refused because it was not what had been written.
    #[must_use]
    pub fn cache_rejections(&self) -> u64 {
        self.compiler.cache_rejections()
    }

    fn machine(&self) -> &Machine {
        self.compiler.machine()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("capacity", self.capacity()).finish_non_exhaustive()
    }
}

fn new_linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    Actor::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Finds the largest pool that the machine allows.
fn fit(
    wished: Option<usize>,
    limits: &ActorLimits,
    budget_bytes: u64,
) -> Result<(wasmtime::Engine, Capacity), EngineError> {
    let mut capacity = allowed(wished);
    loop {
        let kept = SlotKeep::of(budget_bytes, capacity.actors_max);
        let error = match wasmtime::Engine::new(&engine_config(capacity.actors_max, limits, kept)) {
            Ok(engine) => return Ok((engine, capacity)),
            Err(error) => error,
        };
        if capacity.actors_max < 2 {
            let reason = super::fault::describe(&error);
            return Err(EngineError::NoRoom { tried: capacity.actors_max, reason });
        }
        capacity = Capacity {
            actors_max: capacity.actors_max / 2,
            limited_by: CapacityBound::AddressSpace,
            how_to_raise: Some(
                "lift the limit on virtual memory: `ulimit -v unlimited`, or \
                 `sysctl vm.overcommit_memory=1` where overcommitting is off"
                    .to_owned(),
            ),
        };
    }
}

/// The number of actors that the configuration and the kernel's count of mappings allow.
fn allowed(wished: Option<usize>) -> Capacity {
    let max_map_count = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let mappings = max_map_count.and_then(|text| text.trim().parse::<usize>().ok());
    let mappable = mappings.map_or(ACTORS_MAX, |mappings| {
        (mappings.saturating_sub(MAPPINGS_RESERVED) / MAPPINGS_PER_ACTOR).max(1)
    });
    let wished_or_default = wished.unwrap_or(ACTORS_MAX).clamp(1, 2 * ACTORS_MAX);
    if mappable < wished_or_default {
        let needed = wished_or_default * MAPPINGS_PER_ACTOR + MAPPINGS_RESERVED;
        let how_to_raise = Some(format!("as root: `sysctl vm.max_map_count={needed}`"));
        return Capacity { actors_max: mappable, limited_by: CapacityBound::Mappings, how_to_raise };
    }
    let (limited_by, how_to_raise) = match wished {
        Some(wished) if wished <= wished_or_default => (CapacityBound::Configured, None),
        _ => (CapacityBound::AddressSpace, None),
    };
    Capacity { actors_max: wished_or_default, limited_by, how_to_raise }
}

/// Memory that a slot keeps when its actor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotKeep {
    memory_bytes: usize,
    table_bytes: usize,
}

impl SlotKeep {
    /// All of them together keep a small part of the memory that there is.
    fn of(budget_bytes: u64, actors_max: usize) -> Self {
        let each = budget_bytes / KEEP_DIVISOR / actors_max.max(1) as u64;
        let each = usize::try_from(each).unwrap_or(usize::MAX);
        let memory_bytes = each.min(KEEP_RESIDENT_BYTES) / PAGE_BYTES * PAGE_BYTES;
        let table_bytes = if each >= KEEP_RESIDENT_BYTES + KEEP_TABLE_BYTES { KEEP_TABLE_BYTES } else { 0 };
        Self { memory_bytes, table_bytes }
    }

    const fn bytes(self) -> usize {
        self.memory_bytes + self.table_bytes
    }
}

fn engine_config(actors_max: usize, limits: &ActorLimits, kept: SlotKeep) -> wasmtime::Config {
    let mut config = settings();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(actors_max, limits, kept)));
    config
}

fn pool(actors_max: usize, limits: &ActorLimits, kept: SlotKeep) -> PoolingAllocationConfig {
    let places = u32::try_from(actors_max + EXTRA_PLACES).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    // Core instances are only counted, tables cost 160 KB of address space, memories 4 GiB.
    pool.total_component_instances(places)
        .total_core_instances(places.saturating_mul(CORE_INSTANCES_MAX))
        .total_tables(bounds::tables(places))
        .total_memories(places)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_component_instance_size(INSTANCE_BYTES_MAX)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .max_memory_size(limits.memory_bytes_max.next_multiple_of(64 << 10))
        .table_elements(limits.table_elements_max)
        .linear_memory_keep_resident(kept.memory_bytes)
        .table_keep_resident(kept.table_bytes)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(WARM_SLOTS_MAX);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::code::mark;
    use crate::sandbox::settings::of_compiler;

    #[test]
    fn code_of_a_compilers_process_is_code_for_a_node() {
        let (node, _) = fit(Some(1), &ActorLimits::default(), u64::MAX).unwrap();
        let compiler = wasmtime::Engine::new(&of_compiler()).unwrap();
        assert_eq!(mark(&node), mark(&compiler));
        // And a mark tells engines apart.
        let other = wasmtime::Engine::new(settings().epoch_interruption(false)).unwrap();
        assert_ne!(mark(&node), mark(&other));
    }

    #[test]
    fn free_slots_keep_a_small_part_of_the_memory_that_there_is() {
        for (gib, actors, kept) in
            [(16, 15_000, 20), (8, 15_000, 16), (4, 15_000, 8), (1, 15_000, 0), (1, 100, 20)]
        {
            let keep = SlotKeep::of(gib << 30, actors);
            assert_eq!(keep.bytes(), kept << 10, "{gib} GiB, {actors} actors");
            assert!((keep.bytes() * actors) as u64 <= (gib << 30) / KEEP_DIVISOR);
        }
    }

    #[test]
    fn what_the_engine_keeps_for_each_instance_is_bounded_and_refused_in_our_words() {
        let globals = "(global i32 (i32.const 0))".repeat(70_000);
        let wide = format!(
            r#"(component (core module $m {globals}) (core instance (instantiate $m))
               (component $none) (instance $none (instantiate $none))
               (export "thespian:actor/guest@0.1.1" (instance $none)))"#
        );
        let engine = Engine::new(EngineConfig { actors_max: Some(1), ..EngineConfig::default() }).unwrap();
        let (hash, bytes) = (SourceHash([0; 32]), wat::parse_str(wide).unwrap());
        let why = engine.compile(hash, &bytes, &CompileControl::default()).unwrap_err().to_string();
        assert!(why.contains("bytes for its functions and globals, at most 1048576 are allowed"), "{why}");
    }
}
