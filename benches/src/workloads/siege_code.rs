//! The siege by code: components of which a compiler takes more than they are worth, two at a time, beside an actor that is
//! asked and an honest source that is loaded.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thespian_bombs::Bomb;
use thespian_core::address::ActorAddress;
use thespian_host::client::{Client, ClientError};
use thespian_host::config::NodeConfig;

use super::ask::{ScratchDir, asks};
use super::loading::marked;
use crate::bench::Bench;
use crate::machine;
use crate::report::{Bar, Line};
use crate::stats::{Times, median, times};
use crate::system::{self, System, load};

/// Bombs, with their sizes in bytes: the last is all that a component may have.
const WAVES: [(&str, usize, &[Bomb]); 3] =
    [("64KB", 64 << 10, &Bomb::ALL), ("1MB", 1 << 20, &Bomb::ALL), ("31MB", 31 << 20, &Bomb::GREEDY)];
/// How long the actor is asked in peace.
const PEACE: Duration = Duration::from_secs(2);
/// Honest loads in peace.
const PEACEFUL_LOADS: u64 = 5;
/// What an honest load may take longer than in peace, in seconds.
const LONGER_S_MAX: f64 = 3.0;
/// What the node's memory may have more at its most than sources and code take, in bytes.
const MEMORY_MORE_MAX: f64 = (64 << 20) as f64;
/// A bystander's p99 that is good whatever it is in peace, in µs.
const P99_US_GOOD: f64 = 500.0;

/// A node that is to be attacked, and how it is in peace.
struct Siege {
    system: System,
    echo: ActorAddress,
    cache: std::path::PathBuf,
    peace: Times,
    load_s: f64,
    /// Of honest sources, each under another hash.
    next: u64,
}

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let dir = ScratchDir::new("siege")?;
    let mut siege = start(bench, &dir.path("node"))?;
    let waves = if bench.is_quick() { &WAVES[..1] } else { &WAVES[..] };
    for (name, bytes, bombs) in waves {
        for bomb in *bombs {
            let line = attack(bench, &mut siege, *bomb, name, *bytes)?;
            bench.report(&line);
        }
    }
    bench.runtime.block_on(siege.system.stop());
    Ok(())
}

fn start(bench: &Bench, data: &Path) -> anyhow::Result<Siege> {
    let config = NodeConfig { data_dir: Some(data.to_path_buf()), ..system::config() };
    bench.runtime.block_on(async {
        let system = System::start(config, bench.component.clone()).await?;
        let echo = system.create("Echo").await?;
        let until = Instant::now() + PEACE / if bench.is_quick() { 20 } else { 1 };
        let peace = times(&ask_until(&system.client, echo, async || Instant::now() >= until).await?);
        let mut loads = Vec::new();
        for number in 0..PEACEFUL_LOADS {
            loads.push(honest_load(&system.node.client(), marked(&bench.component, number)).await?);
        }
        let (cache, load_s) = (data.join("cache"), median(&loads));
        Ok(Siege { system, echo, cache, peace, load_s, next: PEACEFUL_LOADS })
    })
}

/// How long it took, in seconds.
async fn honest_load(client: &Client, source: Bytes) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let loaded = load(client, source).await?;
    let took = begun.elapsed();
    client.unload(&loaded.hash.to_string()).await?;
    Ok(took.as_secs_f64())
}

/// Asks again and again until it is over.
async fn ask_until(
    client: &Client,
    echo: ActorAddress,
    is_over: impl AsyncFn() -> bool,
) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    while !is_over().await {
        took.extend(asks(client, echo, 1).await?);
    }
    Ok(took)
}

fn attack(bench: &Bench, siege: &mut Siege, bomb: Bomb, size: &str, bytes: usize) -> anyhow::Result<Line> {
    let component = bomb.appended_to(&bench.component, bytes);
    let bombs = [0, 1].map(|number| marked(&component.clone().into(), siege.next + number));
    let honest = marked(&bench.component, siege.next + 2);
    siege.next += 3;
    let code_before = code_bytes(&siege.cache);
    let counted = machine::forget_peak();
    let memory_before = machine::peak_mb();
    let begun = Instant::now();
    let (asked, outcomes, load_s) = bench.runtime.block_on(async {
        let Siege { system, echo, .. } = &*siege;
        let [first, second, third] = [(); 3].map(|()| system.node.client());
        let loads = async {
            let [one, two] = &bombs;
            tokio::join!(
                first.load("bomb", one.clone(), |_| {}),
                second.load("bomb", two.clone(), |_| {}),
                honest_load(&third, honest)
            )
        };
        let over = std::cell::Cell::new(false);
        let loads = async {
            let outcome = loads.await;
            over.set(true);
            outcome
        };
        let (asked, (one, two, load_s)) =
            tokio::join!(ask_until(&system.client, *echo, async || over.get()), loads);
        anyhow::Ok((asked?, [one, two], load_s?))
    })?;
    let took = begun.elapsed();
    let code = code_bytes(&siege.cache).saturating_sub(code_before);
    let memory_more = (machine::peak_mb() - memory_before) * 1e6;
    let sources = component.len() * 2 + bench.component.len();
    let asked = times(&asked);
    let mut line = Line::new("siege-code", format!("{bomb:?}-{size}"))
        .param("bytes", component.len())
        .metric("seconds", &[took.as_secs_f64()])
        .metric("ask_p50_us", &[asked.p50])
        .metric("ask_p99_us", &[asked.p99])
        .metric("ask_max_us", &[asked.max])
        .metric("honest_load_s", &[load_s])
        .bar(Bar::at_most("the bystander's p99 in us", asked.p99, (2.0 * siege.peace.p99).max(P99_US_GOOD)))
        .bar(Bar::at_most("an honest load beside it, in s", load_s, siege.load_s + LONGER_S_MAX))
        .note(outcomes.each_ref().map(told).join("; "));
    if counted {
        let allowed = MEMORY_MORE_MAX + sources as f64 + code as f64;
        line = line.bar(Bar::at_most(
            "the node's memory at its most, in bytes more than before",
            memory_more,
            allowed,
        ));
    }
    bench.runtime.block_on(async {
        for loaded in outcomes.iter().flatten() {
            siege.system.client.unload(&loaded.hash.to_string()).await?;
        }
        anyhow::Ok(())
    })?;
    Ok(line)
}

/// What became of a bomb, in some words.
fn told(outcome: &Result<thespian_core::wire::control::LoadedSource, ClientError>) -> String {
    match outcome {
        Ok(loaded) => format!("loaded after {} ms of compiling", loaded.compile_us / 1_000),
        Err(error) => {
            let text = error.to_string();
            text.split_once("too much to compile: ").map_or(text.clone(), |(_, why)| why.to_owned())
        }
    }
}

/// Bytes of all code that the node has kept.
fn code_bytes(cache: &Path) -> u64 {
    let files = fs::read_dir(cache).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
