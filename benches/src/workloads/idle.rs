//! W6: what an actor takes that does nothing. In a process that has done nothing else.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;

use crate::bench::Bench;
use crate::hops;
use crate::machine;
use crate::other_process::OtherProcess;
use crate::report::{Bar, Line};
use crate::stats::median;
use crate::system::{self, AT_ONCE, System};

/// What the bar allows for one of 10,000, in bytes.
const BYTES_MAX: f64 = (64 << 10) as f64;
/// So that what was only needed to get there is given back.
const SETTLE: Duration = Duration::from_millis(500);

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let counts = if bench.is_quick() { vec![20, 100_000] } else { vec![10_000, 100_000] };
    for count in counts {
        let variant = count.to_string();
        let mut measured = Vec::new();
        let mut why = String::new();
        for _ in 0..bench.count(3, 1) {
            let answer = OtherProcess::start(&["idle", &variant])?.line()?;
            match answer.parse::<f64>() {
                Ok(bytes) => measured.push(bytes / f64::from(count)),
                Err(_) => {
                    why = answer;
                    break;
                }
            }
        }
        if measured.is_empty() {
            bench.report(&Line::skipped("W6", variant, why));
            continue;
        }
        let mut line = Line::new("W6", variant).param("n", count).metric("bytes_per_actor", &measured);
        if !bench.is_quick() {
            line = line.bar(Bar::at_most("bytes per idle actor", median(&measured), BYTES_MAX));
        }
        bench.report(&line.note("proportional set size and page tables"));
    }
    Ok(())
}

/// What `count` idle actors take, in bytes; or words that say why they can't be.
pub(crate) fn footprint(count: usize) -> anyhow::Result<Footprint> {
    let runtime = hops::runtime()?;
    let component = thespian_guests::bytes(thespian_guests::BENCH_ACTORS).into();
    runtime.block_on(async {
        let system = System::start(system::config(), component).await?;
        let capacity = system.node.capacity();
        if capacity.actors_max < count {
            let (max, limited_by) = (capacity.actors_max, capacity.limited_by);
            return Ok(Footprint::TooMany(format!("this node holds {max} actors, because of {limited_by}")));
        }
        let before = machine::footprint();
        let one = |_| async {
            let actor = system.create("Idler").await?;
            system.ask(actor, "Ready", json!({})).await
        };
        let actors = stream::iter(0..count).map(one).buffer_unordered(AT_ONCE);
        actors.try_for_each(|_| async { Ok(()) }).await?;
        tokio::time::sleep(SETTLE).await;
        Ok(Footprint::Bytes(machine::footprint().saturating_sub(before)))
    })
}

/// What came of it.
pub(crate) enum Footprint {
    Bytes(u64),
    TooMany(String),
}

impl std::fmt::Display for Footprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::TooMany(why) => f.write_str(why),
        }
    }
}
