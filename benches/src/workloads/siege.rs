//! A node under siege, and those who ask beside the attack.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::message::Message;
use thespian_core::wire::control::UseStatus;
use thespian_host::client::{Client, ClientError};
use thespian_host::config::NodeConfig;
use thespian_host::shell::Shell;

use super::ask::ScratchDir;
use super::loading::marked;
use crate::report::{Bar, Line};
use crate::stats::{Times, times};
use crate::system::{self, DEADLINE, System};

/// Programs that ask, each on a connection of its own and an actor of its own.
const BYSTANDERS: usize = 8;
/// How long each of them rests before it asks again.
const REST: Duration = Duration::from_millis(3);
/// What the slowest in a hundred and the slowest of all may take beside another source's crowd, in ms.
const P99_MS_MAX: f64 = 10.0;
const LONGEST_MS_MAX: f64 = 50.0;
/// Millions of steps of a turn that is long and honest: about a tenth of a second.
const HARD_STEPS: u64 = 60;

/// A node, the sources of an attack, and those who ask.
pub(super) struct Siege {
    pub(super) system: System,
    shell: Shell,
    pub(super) hostile: Vec<String>,
    length: Duration,
    _dir: ScratchDir,
}

impl Siege {
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
    pub(super) async fn hard_turns(&self) -> anyhow::Result<Vec<f64>> {
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

pub(super) fn go(n: u64) -> Message {
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

/// How long the asks took.
pub(super) fn line(workload: &'static str, name: &str, asked: &Times, asks: usize) -> Line {
    Line::new(workload, name)
        .metric("ask_p50_us", &[asked.p50])
        .metric("ask_p99_us", &[asked.p99])
        .metric("ask_max_us", &[asked.max])
        .metric("asks", &[asks as f64])
}

/// The bars of those who ask beside another source's attack.
pub(super) fn not_held_up(line: Line, asked: &Times) -> Line {
    line.bar(Bar::at_most("a bystander's p99 in ms", asked.p99 / 1e3, P99_MS_MAX)).bar(Bar::at_most(
        "a bystander's longest in ms",
        asked.max / 1e3,
        LONGEST_MS_MAX,
    ))
}
