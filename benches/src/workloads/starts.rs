//! W5: how quickly actors come into being.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use thespian_core::address::ActorAddress;

use crate::bench::Bench;
use crate::report::{Bar, Line};
use crate::stats::{Watch, median};
use crate::system::{self, AT_ONCE, System, number};

/// Of so many the bar speaks.
const BAR_COUNT: u64 = 10_000;

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let counts = if bench.is_quick() { vec![20, 100_000] } else { vec![1_000, BAR_COUNT, 100_000] };
    for count in counts {
        let capacity = system.node.capacity();
        if capacity.actors_max <= count as usize {
            let why =
                format!("this node holds {} actors, because of {}", capacity.actors_max, capacity.limited_by);
            bench.report(&Line::skipped("W5", count.to_string(), why));
            continue;
        }
        let outside = bench.repeat(3, || bench.runtime.block_on(from_outside(&system, count)))?;
        let inside = bench.repeat(3, || bench.runtime.block_on(from_inside(&system, count)))?;
        let rates = |times: &[Duration]| -> Vec<f64> {
            times.iter().map(|took| count as f64 / took.as_secs_f64()).collect()
        };
        let (outside, inside) = (rates(&outside), rates(&inside));
        let mut by_program = Line::new("W5", format!("{count}"))
            .param("n", count)
            .param("at_once", AT_ONCE)
            .metric("actorsps", &outside)
            .note("an outside program creates them, with 256 questions under way at one time");
        let mut by_actor = Line::new("W5", format!("{count}-by-an-actor"))
            .param("n", count)
            .metric("actorsps", &inside)
            .note("an actor creates them, 1,000 a turn");
        if count == BAR_COUNT {
            by_program = by_program.bar(Bar::at_least("actors/s", median(&outside), 20_000.0));
            by_actor = by_actor.bar(Bar::at_least("actors/s", median(&inside), 20_000.0));
        }
        bench.report(&by_program);
        bench.report(&by_actor);
    }
    bench.runtime.block_on(system.stop());
    Ok(())
}

async fn from_outside(system: &System, count: u64) -> anyhow::Result<Duration> {
    let watch = Watch::start();
    let one = |_| async {
        let actor = system.create("Idler").await?;
        system.ask(actor, "Ready", json!({})).await?;
        anyhow::Ok(actor)
    };
    let actors: Vec<ActorAddress> =
        stream::iter(0..count).map(one).buffer_unordered(AT_ONCE).try_collect().await?;
    let took = watch.stop().wall;
    system.end(actors).await?;
    Ok(took)
}

async fn from_inside(system: &System, count: u64) -> anyhow::Result<Duration> {
    let creator = system.create("Creator").await?;
    let done = system.ask(creator, "Populate", json!({ "count": count })).await?;
    // Its children go with it, but are not waited for.
    system.client.kill(creator).await?;
    system.is_empty().await?;
    Ok(Duration::from_nanos(number(&done, "took")?))
}
