//! Every attack in one node, three times over: code, crowds and hoards, each of sources that are killed afterwards. A node that has
//! lived through all of it once has what it keeps; the second and the third time may add nothing.

use std::time::{Duration, Instant};

use anyhow::ensure;
use thespian_bombs::Bomb;
use thespian_host::config::NodeConfig;

use super::loading::marked;
use super::siege::{self, Siege};
use super::siege_memory::{BUDGET_BYTES, HOARDS, hoard};
use super::siege_time::{Crowd, begin, limits};
use crate::bench::Bench;
use crate::machine;
use crate::report::{Bar, Line};
use crate::system::{self, DEADLINE};

/// How much of it is done.
struct Scale {
    /// How often all of it is done.
    rounds: usize,
    /// How long others ask beside one attack.
    length: Duration,
    /// How long the node has to give back what a round has taken.
    rest: Duration,
    bombs: &'static [Bomb],
    hoards: &'static [(&'static str, u64, usize)],
}

impl Scale {
    const WHOLE: Self = Self {
        rounds: 3,
        length: Duration::from_secs(10),
        rest: Duration::from_secs(5),
        bombs: &Bomb::ALL,
        hoards: &HOARDS,
    };
    /// Whether it runs at all.
    const QUICK: Self = Self {
        rounds: 1,
        length: Duration::from_millis(500),
        rest: Duration::ZERO,
        bombs: &[Bomb::Tables],
        hoards: &[HOARDS[0]],
    };
}

/// By how much its memory may grow from the first round to the last: a part, or so many MiB.
const GROWTH_MAX: f64 = 1.02;
const GROWTH_MIB_MAX: f64 = 8.0;
/// The size of each component that keeps the compiler busy, in bytes.
const BOMB_BYTES: usize = 64 << 10;
/// All at once: as many actors as fit into the node's memory.
const CROWDS: [Crowd; 4] =
    [Crowd::Busy(400, 100), Crowd::Busy(400, 900), Crowd::Dying(20, 100), Crowd::Spinning(200)];

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let scale = if bench.is_quick() { Scale::QUICK } else { Scale::WHOLE };
    let lines = bench.runtime.block_on(async {
        let config =
            NodeConfig { memory_budget_bytes: Some(BUDGET_BYTES), limits: limits(), ..system::config() };
        let siege = Siege::start(config, 0, scale.length).await?;
        let (mut lines, mut after, mut marks) = (Vec::new(), Vec::new(), 1..);
        let mut next = || marks.next().unwrap_or_default();
        for round in 1..=scale.rounds {
            let mut attacks =
                vec![code(&siege, &mut next, scale.bombs).await?, crowds(&siege, &mut next).await?];
            for (what, count, times) in scale.hoards {
                attacks.push(hoard(&siege, &mut next, what, *count, *times).await?);
            }
            lines.extend(attacks.into_iter().map(|line| line.param("round", round)));
            tokio::time::sleep(scale.rest).await;
            after.push((machine::resident_bytes() as f64 / f64::from(1 << 20), machine::threads() as f64));
        }
        lines.push(all_rounds(&after));
        siege.stop().await;
        anyhow::Ok(lines)
    })?;
    lines.into_iter().for_each(|line| bench.report(&line.of("siege-all")));
    Ok(())
}

/// Components of every kind that keeps the compiler busy, one after the other.
async fn code(siege: &Siege, next: &mut impl FnMut() -> u64, bombs: &[Bomb]) -> anyhow::Result<Line> {
    let honest = thespian_guests::bytes(thespian_guests::HOSTILE);
    let client = siege.system.node.client();
    let bombs: Vec<_> =
        bombs.iter().map(|bomb| marked(&bomb.appended_to(&honest, BOMB_BYTES).into(), next())).collect();
    let loads = async {
        for bomb in bombs {
            // Refused, or loaded: either is right.
            if let Ok(loaded) = client.load("bomb", bomb, |_| {}).await {
                client.unload(&loaded.hash.to_string()).await?;
            }
        }
        anyhow::Ok(())
    };
    let (asked, loaded) = tokio::join!(siege.ask(), loads);
    loaded?;
    let (asked, asks, _) = asked?;
    Ok(siege::not_held_up(siege::line("siege-code", "code", &asked, asks), &asked))
}

/// Crowds of all kinds, each of a source of its own.
async fn crowds(siege: &Siege, next: &mut impl FnMut() -> u64) -> anyhow::Result<Line> {
    let honest = thespian_guests::bytes(thespian_guests::HOSTILE).into();
    let client = siege.system.node.client();
    let mut sources = Vec::new();
    for crowd in CROWDS {
        let source = system::load(&client, marked(&honest, next())).await?.hash.to_string();
        begin(siege, &source, crowd).await?;
        sources.push(source);
    }
    let (asked, asks, _) = siege.ask().await?;
    for source in &sources {
        client.unload(source).await?;
        client.kill_source(source).await?;
    }
    let begun = Instant::now();
    for source in &sources {
        while siege.uses(source).await?.memory_bytes > 0 {
            ensure!(begun.elapsed() < DEADLINE, "not all of a crowd is given back");
            tokio::task::yield_now().await;
        }
    }
    Ok(siege::not_held_up(siege::line("siege-time", "crowds", &asked, asks), &asked))
}

/// The memory in MiB and the threads after each round.
fn all_rounds(after: &[(f64, f64)]) -> Line {
    let (first, last) = (after[0], after[after.len() - 1]);
    let limit = (first.0 * GROWTH_MAX).max(first.0 + GROWTH_MIB_MAX);
    Line::new("siege-all", "all-rounds")
        .param("rounds", after.len())
        .metric("resident_mib", &after.iter().map(|(mib, _)| *mib).collect::<Vec<_>>())
        .metric("threads", &after.iter().map(|(_, threads)| *threads).collect::<Vec<_>>())
        .bar(Bar::at_most("memory after the last round in MiB", last.0, limit))
        .bar(Bar::at_most("threads after the last round", last.1, first.1))
}
