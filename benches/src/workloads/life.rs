//! Ends and fresh starts: from what causes them until the parent's handler runs.

use super::fault::{Failure, notices};
use crate::bench::Bench;
use crate::hops;
use crate::report::Line;
use crate::stats::{Times, times};
use crate::system::{self, System};

const TURNS: [Failure; 2] = [
    Failure {
        variant: "exit-notice",
        what: "Exit",
        ends: false,
        note: "a parent asks a child to exit, and hears that it has",
    },
    Failure {
        variant: "restart",
        what: "Restart",
        ends: false,
        note: "a child panics; a fresh instance takes its place, and its parent hears of it",
    },
];

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.count(1_000, 10);
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    for turn in TURNS {
        let repeats = bench.repeat(5, || {
            let instantiate = times(&bench.bare()?.instantiate_times(bench.count(2_000, 10))?).p50;
            let hops = bench.count(50_000, 100);
            let hop = hops::ring(&bench.runtime, 2, 1, 64, hops).wall_us_each(hops);
            let noticed = bench.runtime.block_on(notices(&system, &turn, count))?;
            Ok((times(&noticed), instantiate, hop))
        })?;
        let each = |value: fn(&(Times, f64, f64)) -> f64| repeats.iter().map(value).collect::<Vec<f64>>();
        let line = Line::new("life", turn.variant)
            .param("n", count)
            .metric("p50_us", &each(|(times, ..)| times.p50))
            .metric("p99_us", &each(|(times, ..)| times.p99))
            .metric("bare_instantiate_us", &each(|(_, instantiate, _)| *instantiate))
            .metric("bare_hop_us", &each(|(.., hop)| *hop))
            .note(turn.note);
        bench.report(&line);
    }
    bench.runtime.block_on(system.stop());
    Ok(())
}
