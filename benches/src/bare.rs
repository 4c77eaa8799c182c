//! The same guest under nothing but the engine, set up as the host's: what a call costs at best.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreContextMut,
    Strategy,
};

use crate::stats::thread_cpu;

/// The contract, and the bench's own calls.
#[expect(missing_docs, reason = "generated; the interfaces document themselves")]
pub mod bindings {
    wasmtime::component::bindgen!({
        path: ["../wit", "../tests/guests/bench/wit"],
        world: "thespian:bench/bench-actor",
        imports: { default: trappable },
        ownership: Borrowing { duplicate_if_necessary: true },
        require_store_data_send: true,
    });
}

use bindings::thespian::actor::types as wit;
use bindings::{BenchActor, BenchActorPre};

/// The import that a reply needs.
const MESSAGING: &str = "thespian:actor/messaging@0.1.1";

/// An address as the host writes it: what a delivery carries.
pub const ADDRESS: &str = "0g4k1t6v9x2m5-0r3w7c1d5f9h2k6n8p4s0t3v7x";

/// What a guest asks of a host that does nothing: it keeps what was sent until the next turn.
#[derive(Default)]
pub struct Nothing {
    /// What the turn sent.
    pub sent: Vec<(String, wit::MessageResult)>,
}

impl Nothing {
    /// What the workloads' turns ask for. Everything else that the contract has, and WASI, is a trap: none needs it.
    fn link(linker: &mut Linker<Self>, component: &Component) -> wasmtime::Result<()> {
        let mut messaging = linker.instance(MESSAGING)?;
        messaging.func_wrap(
            "send",
            |mut store: StoreContextMut<'_, Self>, sent: (String, wit::MessageResult)| {
                store.data_mut().sent.push(sent);
                Ok((Ok::<(), wit::Error>(()),))
            },
        )?;
        linker.define_unknown_imports_as_traps(component)
    }
}

/// The guest, compiled.
pub struct Bare {
    engine: Engine,
    pre: BenchActorPre<Nothing>,
}

/// One instance.
pub struct BareActor {
    /// Its store.
    pub store: Store<Nothing>,
    /// Its exports.
    pub actor: BenchActor,
}

impl Bare {
    /// Compiles a component.
    ///
    /// # Errors
    /// The engine does not take it.
    pub fn new(component: &[u8], instances_max: u32) -> anyhow::Result<Self> {
        let engine = engine(instances_max)?;
        let component = Component::from_binary(&engine, component).map_err(flat)?;
        let mut linker = Linker::new(&engine);
        Nothing::link(&mut linker, &component).map_err(flat)?;
        let pre = BenchActorPre::new(linker.instantiate_pre(&component).map_err(flat)?).map_err(flat)?;
        Ok(Self { engine, pre })
    }

    /// The time that the engine takes to compile a component.
    ///
    /// # Errors
    /// The engine does not take it.
    pub fn compile_time(&self, component: &[u8]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        black_box(Component::from_binary(&self.engine, component).map_err(flat)?);
        Ok(begun.elapsed())
    }

    /// A fresh instance.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn instantiate(&self) -> anyhow::Result<BareActor> {
        let mut store = Store::new(&self.engine, Nothing::default());
        // Nobody moves the epoch here.
        store.set_epoch_deadline(1);
        let actor = self.pre.instantiate(&mut store).map_err(flat)?;
        Ok(BareActor { store, actor })
    }

    /// A fresh instance that is an actor of `class`.
    ///
    /// # Errors
    /// There is no room for it, or no such class.
    pub fn start(&self, class: &str) -> anyhow::Result<BareActor> {
        let mut started = self.instantiate()?;
        let init = wit::ActorInit {
            class,
            me: ADDRESS,
            parent: None,
            global_name: None,
            source: "",
            incarnation: 1,
            capabilities: &[],
            requirements: &[],
            init: None,
            extra: &[],
        };
        let BareActor { store, actor } = &mut started;
        let answer = actor.thespian_actor_guest().call_start(store, init).map_err(flat)?;
        if let Err(failure) = answer {
            bail!("the guest does not start: {}", failure.reason);
        }
        Ok(started)
    }

    /// CPU time of one call with `size` bytes, round robin over `instances`, in nanoseconds.
    ///
    /// # Errors
    /// A call fails.
    pub fn call_ns(&self, instances: usize, size: usize, calls: u64) -> anyhow::Result<f64> {
        let mut all: Vec<BareActor> = (0..instances).map(|_| self.instantiate()).collect::<Result<_, _>>()?;
        let payload: Vec<u8> = (0..size).map(|place| place as u8).collect();
        let rounds = (calls / instances as u64).max(1);
        let call = |BareActor { store, actor }: &mut BareActor| {
            actor.thespian_bench_calls().call_payload(store, black_box(&payload)).map_err(flat)
        };
        // The first calls fault memory in.
        for bare in &mut all {
            call(bare)?;
        }
        let begun = thread_cpu();
        for _ in 0..rounds {
            for bare in &mut all {
                call(bare)?;
            }
        }
        Ok((thread_cpu() - begun).as_secs_f64() * 1e9 / (rounds * instances as u64) as f64)
    }

    /// The time of making an instance and dropping it.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn instantiate_times(&self, count: u64) -> anyhow::Result<Vec<Duration>> {
        let one = |_| {
            let begun = Instant::now();
            drop(self.instantiate()?);
            Ok(begun.elapsed())
        };
        (0..count).map(one).collect()
    }
}

/// The engine, set as the host sets its own.
fn engine(instances_max: u32) -> anyhow::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances_max)
        .total_core_instances(64 * instances_max)
        .total_tables(4 * instances_max)
        .total_memories(instances_max)
        .max_core_instances_per_component(64)
        .max_tables_per_component(4)
        .max_memories_per_component(1)
        .max_tables_per_module(4)
        .max_memories_per_module(1)
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        .max_memory_size(64 << 20)
        .table_elements(20_000)
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(4 << 10)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(1_000);
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .wasm_component_model(true)
        .wasm_gc(false)
        .gc_support(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .wasm_stack_switching(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(flat).context("the bare engine does not start")
}

/// The engine's errors are of a type of their own.
pub(crate) fn flat(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}
