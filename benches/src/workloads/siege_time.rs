//! The siege by crowds: actors that keep every core busy without a turn that is long, children that die, turns that spin; beside
//! them others are asked.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::limits::ActorLimits;
use thespian_core::message::Message;
use thespian_core::wire::control::UseStatus;
use thespian_host::client::{Client, ClientError};
use thespian_host::config::NodeConfig;
use thespian_host::shell::Shell;

use super::ask::ScratchDir;
use super::loading::marked;
use crate::bench::Bench;
use crate::report::{Bar, Line};
use crate::stats::{Times, times};
use crate::system::{self, AT_ONCE, DEADLINE, System};

/// Programs that ask, each on a connection of its own and an actor of its own.
const BYSTANDERS: usize = 8;
/// How long each of them rests before it asks again.
const REST: Duration = Duration::from_millis(3);
/// How long they ask beside one crowd.
const LENGTH: Duration = Duration::from_secs(30);
/// Asks of which the longest tells something.
const ASKS_MIN: usize = 20_000;
/// What the slowest in a hundred and the slowest of all may take beside another source's crowd, in ms.
const P99_MS_MAX: f64 = 10.0;
const LONGEST_MS_MAX: f64 = 50.0;
/// Millions of steps of a turn that is long and honest: about a tenth of a second.
const HARD_STEPS: u64 = 60;
/// How many times as long that may take beside one hostile source.
const HARD_TIMES_MAX: f64 = 3.0;
/// How long spinning turns may, so that they outlast the asks.
const SPIN_MS: u64 = 600_000;

/// What a crowd consists of.
#[derive(Clone, Copy)]
enum Crowd {
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

/// A node, the sources of an attack, and those who ask.
pub(super) struct Siege {
    pub(super) system: System,
    shell: Shell,
    hostile: Vec<String>,
    length: Duration,
    _dir: ScratchDir,
}

impl Siege {
    async fn of_crowds(bench: &Bench, sources: usize) -> anyhow::Result<Self> {
        let limits =
            ActorLimits { turn_cpu_ms_max: SPIN_MS, turn_wall_ms_max: SPIN_MS, ..ActorLimits::default() };
        let length = if bench.is_quick() { LENGTH / 15 } else { LENGTH };
        Self::start(NodeConfig { limits, ..system::config() }, sources, length).await
    }

    pub(super) async fn start(config: NodeConfig, sources: usize, length: Duration) -> anyhow::Result<Self> {
        let dir = ScratchDir::new("siege")?;
        let config = NodeConfig { data_dir: Some(dir.path("node")), ..config };
        let honest = thespian_guests::bytes(thespian_guests::HOSTILE).into();
        let system = System::start(config.clone(), marked(&honest, 0)).await?;
        let mut hostile = Vec::new();
        for number in 0..sources {
            let loaded = system::load(&system.client, marked(&honest, 1 + number as u64)).await?;
            hostile.push(loaded.hash.to_string());
        }
        let shell = Shell::serve(&system.node, &config).await?;
        Ok(Self { system, shell, hostile, length, _dir: dir })
    }

    /// Lets a crowd loose.
    async fn begin(&self, source: &str, crowd: Crowd) -> anyhow::Result<()> {
        let (class, count, n) = match crowd {
            Crowd::Busy(count, us) => ("KeepsCoreBusy", count, us),
            Crowd::Dying(count, children) => ("LosesChildren", count, children),
            Crowd::Spinning(count) => ("Spinner", count, 0),
        };
        let client = self.system.node.client();
        let create = |_| client.create(source, class);
        let actors: Vec<_> = stream::iter(0..count).map(create).buffered(AT_ONCE).try_collect().await?;
        for actor in actors {
            client.tell(actor, go(n)).await?;
        }
        Ok(())
    }

    /// Asks beside it, and has honest turns worked that are long: how long the asks took, and each of the turns in ms.
    pub(super) async fn ask(&self) -> anyhow::Result<(Times, usize, Vec<f64>)> {
        let until = Instant::now() + self.length;
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..BYSTANDERS {
            let client = Client::connect(self.shell.socket(), None).await?;
            let echo = client.create(&self.system.source, "Echo").await?;
            asking.spawn(ask_until(client, echo, until));
        }
        let mut took = Vec::new();
        for asked in asking.join_all().await {
            took.extend(asked?);
        }
        Ok((times(&took), took.len(), self.hard_turns().await?))
    }

    /// Some honest turns that are long, one after the other: how long each took, in ms.
    async fn hard_turns(&self) -> anyhow::Result<Vec<f64>> {
        let client = Client::connect(self.shell.socket(), None).await?;
        let worker = client.create(&self.system.source, "WorksHard").await?;
        let mut took = Vec::new();
        for _ in 0..5 {
            let begun = Instant::now();
            system::answer(&client, worker, go(HARD_STEPS)).await.context("an honest turn that is long")?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(took)
    }

    /// What the actors of a source have.
    pub(super) async fn uses(&self, source: &str) -> anyhow::Result<UseStatus> {
        let sources = self.system.client.sources().await?;
        let found = sources.iter().find(|known| known.hash.to_string() == source);
        Ok(found.context("the source is known")?.uses)
    }

    pub(super) async fn stop(self) {
        let Self { system, shell, .. } = self;
        drop(shell);
        system.stop().await;
    }
}

fn go(n: u64) -> Message {
    Message::json("Go", json!({ "n": n, "text": "" }).to_string())
}

async fn ask_until(client: Client, echo: ActorAddress, until: Instant) -> Result<Vec<Duration>, ClientError> {
    let mut took = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        client.ask(echo, go(1), Some(DEADLINE)).await?;
        took.push(begun.elapsed());
        tokio::time::sleep(REST).await;
    }
    Ok(took)
}

fn beside_others(bench: &Bench, name: &str, crowds: &[Crowd]) -> anyhow::Result<Line> {
    bench.runtime.block_on(async {
        let siege = Siege::of_crowds(bench, crowds.len()).await?;
        let peace = crate::stats::median(&siege.hard_turns().await?);
        for (source, crowd) in siege.hostile.iter().zip(crowds) {
            siege.begin(source, *crowd).await?;
        }
        let (asked, count, hard) = siege.ask().await?;
        ensure!(bench.is_quick() || count >= ASKS_MIN, "only {count} asks were answered");
        let hard = crate::stats::median(&hard) / peace;
        let hard_max = if crowds.len() == 1 { HARD_TIMES_MAX } else { crowds.len() as f64 + 2.0 };
        siege.stop().await;
        Ok(line(name, &asked, count)
            .metric("honest_turn_times", &[hard])
            .bar(Bar::at_most("a bystander's p99 in ms", asked.p99 / 1e3, P99_MS_MAX))
            .bar(Bar::at_most("a bystander's longest in ms", asked.max / 1e3, LONGEST_MS_MAX))
            .bar(Bar::at_most("an honest turn of 100 ms, times as long as in peace", hard, hard_max)))
    })
}

fn beside_own(bench: &Bench, count: usize, us: u64) -> anyhow::Result<Line> {
    bench.runtime.block_on(async {
        let siege = Siege::of_crowds(bench, 0).await?;
        siege.begin(&siege.system.source, Crowd::Busy(count, us)).await?;
        let (asked, asks, _) = siege.ask().await?;
        siege.stop().await;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let fair_ms = count as f64 * us as f64 / 1e3 / cores as f64;
        Ok(line(&format!("own-{count}x{us}us"), &asked, asks).bar(Bar::at_most(
            "a bystander's longest in ms",
            asked.max / 1e3,
            OWN_TIMES_MAX * fair_ms,
        )))
    })
}

fn line(name: &str, asked: &Times, asks: usize) -> Line {
    Line::new("siege-time", name)
        .metric("ask_p50_us", &[asked.p50])
        .metric("ask_p99_us", &[asked.p99])
        .metric("ask_max_us", &[asked.max])
        .metric("asks", &[asks as f64])
}
