//! W10: from a message that makes its receiver fail, to the one who has to know.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use crate::bench::Bench;
use crate::hops;
use crate::report::{Bar, Line};
use crate::stats::{Times, median, times};
use crate::system::{self, System};

/// A failure, and how the parent hears of it.
pub(super) struct Failure {
    pub(super) variant: &'static str,
    pub(super) what: &'static str,
    pub(super) ends: bool,
    pub(super) note: &'static str,
}

const FAILURES: [Failure; 3] = [
    Failure {
        variant: "trap-poison",
        what: "Trap",
        ends: false,
        note: "a panic; the message is delivered once more to a fresh instance, and then comes back",
    },
    Failure {
        variant: "trap-exit",
        what: "Trap",
        ends: true,
        note: "a panic of an actor that was created to end by it; the parent hears that it exited",
    },
    Failure { variant: "err-poison", what: "Error", ends: false, note: "an error that is not to be retried" },
];

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.count(1_000, 10);
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    for failure in FAILURES {
        let repeats = bench.repeat(5, || {
            let instantiate = times(&bench.bare()?.instantiate_times(bench.count(2_000, 10))?).p50;
            let hops = bench.count(50_000, 100);
            let hop = hops::ring(&bench.runtime, 2, 1, 64, hops).wall_us_each(hops);
            let noticed = bench.runtime.block_on(notices(&system, &failure, count))?;
            Ok((times(&noticed), instantiate, hop))
        })?;
        let each = |value: fn(&(Times, f64, f64)) -> f64| repeats.iter().map(value).collect::<Vec<f64>>();
        let ratios = each(|(times, instantiate, hop)| times.p50 / (instantiate + 2.0 * hop));
        let line = Line::new("W10", failure.variant)
            .param("n", count)
            .metric("p50_us", &each(|(times, ..)| times.p50))
            .metric("p99_us", &each(|(times, ..)| times.p99))
            .metric("bare_instantiate_us", &each(|(_, instantiate, _)| *instantiate))
            .metric("bare_hop_us", &each(|(.., hop)| *hop))
            .metric("ratio", &ratios)
            .bar(Bar::at_most("p50, as a multiple of a bare instantiate and two hops", median(&ratios), 5.0))
            .note(failure.note);
        bench.report(&line);
    }
    bench.runtime.block_on(system.stop());
    Ok(())
}

pub(super) async fn notices(system: &System, failure: &Failure, count: u64) -> anyhow::Result<Vec<Duration>> {
    let parent = system.create("Parent").await?;
    let watch = json!({ "failure": failure.what, "ends": failure.ends, "count": count });
    let noticed = system.ask(parent, "Watch", watch).await?;
    system.end(vec![parent]).await?;
    let nanos = noticed["nanos"].as_array().context("the parent lists how long each took")?;
    Ok(nanos.iter().filter_map(serde_json::Value::as_u64).map(Duration::from_nanos).collect())
}
