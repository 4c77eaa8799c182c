//! W2 to W4: to and fro, one way, and many to one.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::{join, join_all};
use serde_json::json;

use super::bounds::{PerMessage, held_against};
use crate::bench::Bench;
use crate::hops;
use crate::machine;
use crate::report::{Bar, Line};
use crate::stats::{Cost, Watch, median};
use crate::system::{self, System, number};

const SMALL: usize = 64;
const LARGE: usize = 64 << 10;
/// Calls and hops by which a bound is measured: some tens of milliseconds.
const BOUND_ROUNDS: u64 = 100_000;

/// W2.
pub(crate) fn ping_pong(bench: &mut Bench) -> anyhow::Result<()> {
    let rounds = bench.count(100_000, 100);
    let bound_rounds = bench.count(BOUND_ROUNDS, 100);
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let repeats = bench.repeat(5, || {
        let call_ns = bench.bare()?.call_ns(2, SMALL, bound_rounds)?;
        let hop = hops::ring(&bench.runtime, 2, 1, SMALL, bound_rounds);
        let (cost, took) = bench.runtime.block_on(async {
            let (player, echo) = (system.create("Player").await?, system.create("Echo").await?);
            let watch = Watch::start();
            let play = json!({ "with": echo.to_string(), "rounds": rounds, "size": SMALL });
            let done = system.ask(player, "Play", play).await?;
            let cost = watch.stop();
            system.end(vec![player, echo]).await?;
            anyhow::Ok((cost, number(&done, "took")?))
        })?;
        let per_message = PerMessage {
            cpu_ns: cost.cpu_ns_each(2 * rounds),
            call_ns,
            hop_ns: hop.cpu_ns_each(bound_rounds),
        };
        Ok((
            per_message,
            rounds as f64 / (took as f64 / 1e9),
            bound_rounds as f64 / 2.0 / hop.wall.as_secs_f64(),
        ))
    })?;
    bench.runtime.block_on(system.stop());
    let (per_message, rates): (Vec<_>, Vec<_>) = repeats.iter().map(|(each, rate, _)| (*each, *rate)).unzip();
    let bare: Vec<f64> = repeats.iter().map(|(.., bare)| *bare).collect();
    let line = Line::new("W2", "64B")
        .param("n", rounds)
        .metric("rtps", &rates)
        .metric("bare_tasks_rtps", &bare)
        .note("a round trip is two messages; the bound is that of one");
    bench.report(&held_against(line, &per_message));
    Ok(())
}

/// W3.
pub(crate) fn one_way(bench: &mut Bench) -> anyhow::Result<()> {
    let small = Flow { workload: "W3", producers: 1, size: SMALL, count: bench.count(200_000, 2_000) };
    let line = flow(bench, small)?;
    bench.report(&line);
    let large = Flow { workload: "W3", producers: 1, size: LARGE, count: bench.count(10_000, 20) };
    let line = flow(bench, large)?;
    bench.report(&line);
    Ok(())
}

/// W4.
pub(crate) fn fan_in(bench: &mut Bench) -> anyhow::Result<()> {
    let flow_in = Flow { workload: "W4", producers: 8, size: SMALL, count: bench.count(200_000, 2_000) };
    let line = flow(bench, flow_in)?;
    bench.report(&line);
    Ok(())
}

#[derive(Clone, Copy)]
struct Flow {
    workload: &'static str,
    producers: u64,
    size: usize,
    count: u64,
}

struct Flown {
    cost: Cost,
    /// From the first send to the last message handled.
    took: Duration,
    peak_mb: f64,
    lost: f64,
}

fn flow(bench: &Bench, flow: Flow) -> anyhow::Result<Line> {
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let is_small = flow.size == SMALL;
    let bound_rounds = bench.count(if is_small { BOUND_ROUNDS } else { 5_000 }, 100);
    let repeats = bench.repeat(5, || {
        let call_ns = bench.bare()?.call_ns(1, flow.size, bound_rounds)?;
        let hop = hops::stream(&bench.runtime, flow.producers, flow.size, bound_rounds);
        let copies_ns = if is_small { 0.0 } else { hops::two_copies_ns(flow.size, bound_rounds as usize) };
        let flown = bench.runtime.block_on(run(&system, flow))?;
        let cpu_ns = flown.cost.cpu_ns_each(flow.count);
        Ok((PerMessage { cpu_ns, call_ns, hop_ns: hop.cpu_ns_each(bound_rounds) }, copies_ns, flown))
    })?;
    bench.runtime.block_on(system.stop());
    let each =
        |value: fn(&Flown) -> f64| repeats.iter().map(|(.., flown)| value(flown)).collect::<Vec<f64>>();
    let rates: Vec<f64> =
        each(|flown| 1.0 / flown.took.as_secs_f64()).iter().map(|per| per * flow.count as f64).collect();
    let volumes: Vec<f64> = rates.iter().map(|rate| rate * flow.size as f64 / 1e6).collect();
    let line = Line::new(flow.workload, if is_small { "64B" } else { "64KB" })
        .param("n", flow.count)
        .param("producers", flow.producers)
        .metric("msgps", &rates)
        .metric("mbps", &volumes)
        .metric("rss_peak_mb", &each(|flown| flown.peak_mb))
        .metric("lost", &each(|flown| flown.lost));
    let per_message: Vec<PerMessage> = repeats.iter().map(|(per_message, ..)| *per_message).collect();
    if is_small {
        return Ok(held_against(line, &per_message));
    }
    let cpu: Vec<f64> = per_message.iter().map(|each| each.cpu_ns).collect();
    let copies: Vec<f64> = repeats.iter().map(|(_, copies, _)| *copies).collect();
    let ratios: Vec<f64> = cpu.iter().zip(&copies).map(|(cpu, copies)| cpu / copies).collect();
    Ok(line
        .metric("cpu_ns_per_msg", &cpu)
        .metric("two_copies_cpu_ns", &copies)
        .metric("bare_call_cpu_ns", &per_message.iter().map(|each| each.call_ns).collect::<Vec<_>>())
        .metric("cpu_ratio", &ratios)
        .bar(Bar::at_most("CPU per message, as a multiple of two cold copies", median(&ratios), 3.0)))
}

async fn run(system: &System, flow: Flow) -> anyhow::Result<Flown> {
    let consumer = system.create("Consumer").await?;
    let producers = system.create_many("Producer", flow.producers as usize).await?;
    let lost_before = system.lost().await?;
    machine::forget_peak();
    let watch = Watch::start();
    let expect = system.ask(consumer, "Expect", json!({ "count": flow.count }));
    let job = json!({ "to": consumer.to_string(), "count": flow.count / flow.producers, "size": flow.size });
    let produce = join_all(producers.iter().map(|producer| system.ask(*producer, "Produce", job.clone())));
    // The consumer is asked first, so it knows before anything comes.
    let (done, began) = join(expect, produce).await;
    let cost = watch.stop();
    let began: Vec<u64> = began.into_iter().map(|began| number(&began?, "at")).collect::<Result<_, _>>()?;
    let first = began.into_iter().min().context("there are producers")?;
    let took = Duration::from_nanos(number(&done?, "at")?.saturating_sub(first));
    let flown = Flown { cost, took, peak_mb: machine::peak_mb(), lost: system.lost().await? - lost_before };
    system.end([vec![consumer], producers].concat()).await?;
    Ok(flown)
}
