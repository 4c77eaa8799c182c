//! The workloads, in order.

mod ask;
mod bounds;
mod contract;
mod fairness;
mod fault;
mod flow;
pub(crate) mod idle;
mod life;
pub(crate) mod lists;
mod loading;
mod many;
mod ring;
mod siege;
mod siege_all;
mod siege_code;
mod siege_memory;
mod siege_time;
mod soak;
mod soak_disk;
mod starts;

use crate::bench::Bench;

type Workload = fn(&mut Bench) -> anyhow::Result<()>;

/// Their names, and how to run them.
pub(crate) const ALL: &[(&str, Workload)] = &[
    ("W1", ask::run),
    ("W2", flow::ping_pong),
    ("W3", flow::one_way),
    ("W4", flow::fan_in),
    ("W5", starts::run),
    ("W6", idle::run),
    ("W7", ring::run),
    ("W7b", ring::busy),
    ("W9", loading::run),
    ("W10", fault::run),
    ("W11", fairness::run),
    ("life", life::run),
    ("lists", lists::run),
    ("fan-out", many::fan_out),
    ("troupe", many::troupe),
    ("contract", contract::run),
];

/// Those that are run only where they are named: they take long.
pub(crate) const LONG: &[(&str, Workload)] = &[
    ("siege-code", siege_code::run),
    ("siege-time", siege_time::run),
    ("siege-memory", siege_memory::run),
    ("siege-all", siege_all::run),
    ("soak", soak::run),
    ("soak-disk", soak_disk::run),
];
