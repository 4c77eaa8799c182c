//! The siege by crowds: actors that keep every core busy without a turn that is long, children that die, turns that spin; beside
//! them others are asked.

use std::time::Duration;

use anyhow::ensure;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use thespian_core::limits::ActorLimits;
use thespian_host::config::NodeConfig;

use super::siege::{self, Siege, go};
use crate::bench::Bench;
use crate::report::{Bar, Line};
use crate::system::{self, AT_ONCE};

/// How long they ask beside one crowd.
const LENGTH: Duration = Duration::from_secs(30);
/// Asks of which the longest tells something.
const ASKS_MIN: usize = 20_000;
/// How many times as long that may take beside one hostile source.
const HARD_TIMES_MAX: f64 = 3.0;
/// How long spinning turns may, so that they outlast the asks.
const SPIN_MS: u64 = 600_000;

/// What a crowd consists of.
#[derive(Clone, Copy)]
pub(super) enum Crowd {
    /// So many, of which each works for so many microseconds a message.
    Busy(usize, u64),
    /// So many parents of so many children.
    Dying(usize, u64),
    /// So many turns that spin.
    Spinning(usize),
}

/// Crowds of one attack, each of a source of its own.
type Attack = (&'static str, &'static [Crowd]);

const ATTACKS: [Attack; 10] = [
    ("400x100us", &[Crowd::Busy(400, 100)]),
    ("400x900us", &[Crowd::Busy(400, 900)]),
    ("1000x100us", &[Crowd::Busy(1_000, 100)]),
    ("1000x900us", &[Crowd::Busy(1_000, 900)]),
    ("5000x100us", &[Crowd::Busy(5_000, 100)]),
    ("5000x900us", &[Crowd::Busy(5_000, 900)]),
    ("40x300-dying", &[Crowd::Dying(40, 300)]),
    ("1000-spinning", &[Crowd::Spinning(1_000)]),
    ("6-sources-spinning", &[Crowd::Spinning(100); 6]),
    ("all", &[Crowd::Busy(1_000, 100), Crowd::Busy(1_000, 900), Crowd::Dying(20, 100), Crowd::Spinning(500)]),
];

/// Crowds of the bystanders' own source: they wait among them, and no longer than in a queue that is first in, first out.
const OWN_CROWDS: [(usize, u64); 3] = [(400, 900), (1_000, 100), (5_000, 100)];
const OWN_TIMES_MAX: f64 = 1.5;

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for (name, crowds) in if bench.is_quick() { &ATTACKS[4..5] } else { &ATTACKS[..] } {
        let line = beside_others(bench, name, crowds)?;
        bench.report(&line);
    }
    for (count, us) in if bench.is_quick() { &OWN_CROWDS[1..2] } else { &OWN_CROWDS[..] } {
        let line = beside_own(bench, *count, *us)?;
        bench.report(&line);
    }
    Ok(())
}

/// A node for crowds, of so many sources.
async fn start(bench: &Bench, sources: usize) -> anyhow::Result<Siege> {
    let length = if bench.is_quick() { LENGTH / 15 } else { LENGTH };
    Siege::start(NodeConfig { limits: limits(), ..system::config() }, sources, length).await
}

/// Turns may spin.
pub(super) fn limits() -> ActorLimits {
    ActorLimits { turn_cpu_ms_max: SPIN_MS, turn_wall_ms_max: SPIN_MS, ..ActorLimits::default() }
}

/// Lets a crowd loose.
pub(super) async fn begin(siege: &Siege, source: &str, crowd: Crowd) -> anyhow::Result<()> {
    let (class, count, n) = match crowd {
        Crowd::Busy(count, us) => ("KeepsCoreBusy", count, us),
        Crowd::Dying(count, children) => ("LosesChildren", count, children),
        Crowd::Spinning(count) => ("Spinner", count, 0),
    };
    let client = siege.system.node.client();
    let create = |_| client.create(source, class);
    let actors: Vec<_> = stream::iter(0..count).map(create).buffered(AT_ONCE).try_collect().await?;
    for actor in actors {
        client.tell(actor, go(n)).await?;
    }
    Ok(())
}

fn beside_others(bench: &Bench, name: &str, crowds: &[Crowd]) -> anyhow::Result<Line> {
    bench.runtime.block_on(async {
        let siege = start(bench, crowds.len()).await?;
        let peace = crate::stats::median(&siege.hard_turns().await?);
        for (source, crowd) in siege.hostile.iter().zip(crowds) {
            begin(&siege, source, *crowd).await?;
        }
        let (asked, count, hard) = siege.ask().await?;
        ensure!(bench.is_quick() || count >= ASKS_MIN, "only {count} asks were answered");
        let hard = crate::stats::median(&hard) / peace;
        let hard_max = if crowds.len() == 1 { HARD_TIMES_MAX } else { crowds.len() as f64 + 2.0 };
        siege.stop().await;
        Ok(siege::not_held_up(siege::line("siege-time", name, &asked, count), &asked)
            .metric("honest_turn_times", &[hard])
            .bar(Bar::at_most("an honest turn of 100 ms, times as long as in peace", hard, hard_max)))
    })
}

fn beside_own(bench: &Bench, count: usize, us: u64) -> anyhow::Result<Line> {
    bench.runtime.block_on(async {
        let siege = start(bench, 0).await?;
        begin(&siege, &siege.system.source, Crowd::Busy(count, us)).await?;
        let (asked, asks, _) = siege.ask().await?;
        siege.stop().await;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let fair_ms = count as f64 * us as f64 / 1e3 / cores as f64;
        Ok(siege::line("siege-time", &format!("own-{count}x{us}us"), &asked, asks).bar(Bar::at_most(
            "a bystander's longest in ms",
            asked.max / 1e3,
            OWN_TIMES_MAX * fair_ms,
        )))
    })
}
