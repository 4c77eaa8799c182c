//! The machine on which instances run: the engine's clockwork, and the number of actors that it can hold. It knows neither
//! what is compiled nor what an instance may call.

use std::sync::Arc;

use thespian_core::budget::Account;
use thespian_core::limits::ActorLimits;

use super::host::EngineLog;
use super::preempt::{Threads, Ticker};

/// The thing that bounds the number of live actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapacityBound {
    /// The configuration says so.
    Configured,
    /// Memory mappings that the kernel allows one process: `vm.max_map_count`.
    Mappings,
    /// Address space that the kernel gives one process.
    AddressSpace,
}

impl std::fmt::Display for CapacityBound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Configured => "the configuration",
            Self::Mappings => "the memory mappings of one process (vm.max_map_count)",
            Self::AddressSpace => "the address space of one process",
        })
    }
}

/// How many actors may live, and why not more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Live actors at most, of one memory each: one that has more takes the places of as many.
    pub actors_max: usize,
    /// The thing that bounds them.
    pub limited_by: CapacityBound,
    /// The way to raise the bound, where there is one.
    pub how_to_raise: Option<String>,
}

/// The machine that all sources and instances of an engine share.
pub(super) struct Machine {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) ticker: Arc<Ticker>,
    pub(super) threads: Arc<dyn Threads>,
    pub(super) limits: Arc<ActorLimits>,
    pub(super) log: Arc<dyn EngineLog>,
    pub(super) capacity: Capacity,
    /// Memory that a place keeps when its actor has ended, in bytes.
    pub(super) kept_bytes: usize,
    /// The account of instances that are nobody's: they describe their source, and are thrown away.
    pub(super) account: Arc<Account>,
}
