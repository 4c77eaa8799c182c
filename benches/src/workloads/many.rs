//! One actor and many: a message to each of ten thousand, and the work of a troupe.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use thespian_core::wire::control::Incoming;

use crate::bench::Bench;
use crate::report::Line;
use crate::stats::Watch;
use crate::system::{self, AT_ONCE, DEADLINE, System, number, payload};

const SIZE: usize = 64;

/// An actor sends to each of its children, and each sends it back.
pub(crate) fn fan_out(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.count(10_000, 20);
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let creator = bench.runtime.block_on(async {
        let creator = system.create("Creator").await?;
        system.ask(creator, "Populate", json!({ "count": count })).await?;
        anyhow::Ok(creator)
    })?;
    let repeats = bench.repeat(5, || {
        bench.runtime.block_on(async {
            let watch = Watch::start();
            let done = system.ask(creator, "FanOut", json!({ "size": SIZE })).await?;
            let cost = watch.stop();
            Ok((cost.cpu_ns_each(2 * count), 2e9 * count as f64 / number(&done, "took")? as f64))
        })
    })?;
    bench.runtime.block_on(system.stop());
    let line = Line::new("fan-out", count.to_string())
        .param("n", count)
        .metric("cpu_ns", &repeats.iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>())
        .metric("msgps", &repeats.iter().map(|(_, rate)| *rate).collect::<Vec<_>>())
        .note("one actor sends to each of n, 1,000 a turn, and each sends back: two messages");
    bench.report(&line);
    Ok(())
}

/// An outside program asks a troupe of ten.
pub(crate) fn troupe(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.count(20_000, 20);
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let mut variants = Vec::new();
    for class in ["Crew", "Echo"] {
        let rates = bench.repeat(5, || {
            bench.runtime.block_on(async {
                let actor = system.create(class).await?;
                let watch = Watch::start();
                let asks = (0..count).map(|_| system.client.ask(actor, payload(SIZE), Some(DEADLINE)));
                let answers: Vec<Incoming> =
                    stream::iter(asks).buffer_unordered(AT_ONCE).try_collect().await?;
                let took = watch.stop().wall;
                let answered =
                    answers.iter().filter(|answer| matches!(answer, Incoming::Message { .. })).count();
                anyhow::ensure!(answered as u64 == count, "{answered} of {count} jobs were answered");
                system.end(vec![actor]).await?;
                Ok(count as f64 / took.as_secs_f64())
            })
        })?;
        variants.push(rates);
    }
    bench.runtime.block_on(system.stop());
    let line = Line::new("troupe", "10")
        .param("n", count)
        .param("at_once", AT_ONCE)
        .metric("jobsps", &variants[0])
        .metric("one_actor_jobsps", &variants[1])
        .note("jobs that take no time: what a leader costs, beside an actor that answers itself");
    bench.report(&line);
    Ok(())
}
