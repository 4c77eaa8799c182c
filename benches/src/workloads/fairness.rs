//! W11: a bystander's answers, and the control socket's, while others spin.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::limits::ActorLimits;
use thespian_core::message::Message;
use thespian_host::client::{Client, ClientError};
use thespian_host::config::NodeConfig;
use thespian_host::shell::Shell;

use super::ask::{ScratchDir, asks};
use crate::bench::Bench;
use crate::report::{Bar, Line};
use crate::stats::{Times, median, times};
use crate::system::{self, System};

/// From the start of the spinners to the first ask.
const HEAD_START: Duration = Duration::from_millis(50);
/// How long the bystander is asked.
const LENGTH: Duration = Duration::from_secs(2);
/// How often the control socket is asked meanwhile.
const STATUS_PERIOD: Duration = Duration::from_millis(50);
/// How long a spinner would spin: it is ended before.
const SPIN_MS: u64 = 600_000;

/// What came of one repeat.
struct Seen {
    asked: Times,
    asks: f64,
    status_max_ms: f64,
}

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for spinners in if bench.is_quick() { vec![0, 2] } else { vec![0, 1, 2, 8, 32] } {
        let line = measure(bench, spinners)?;
        bench.report(&line);
    }
    Ok(())
}

fn measure(bench: &Bench, spinners: usize) -> anyhow::Result<Line> {
    let dir = ScratchDir::new("w11")?;
    // By default a turn has a second: the spinners are to outlast the asks.
    let limits =
        ActorLimits { turn_cpu_ms_max: SPIN_MS, turn_wall_ms_max: SPIN_MS, ..ActorLimits::default() };
    let config = NodeConfig { data_dir: Some(dir.path("node")), limits, ..system::config() };
    let system = bench.runtime.block_on(System::start(config.clone(), bench.component.clone()))?;
    let shell = bench.runtime.block_on(Shell::serve(&system.node, &config))?;
    let control = bench.runtime.block_on(Client::connect(shell.socket(), None))?;
    let length = if bench.is_quick() { LENGTH / 20 } else { LENGTH };
    let repeats =
        bench.repeat(3, || bench.runtime.block_on(ask_beside(&system, &control, spinners, length)))?;
    drop(control);
    bench.runtime.block_on(system.stop());
    let each = |value: fn(&Seen) -> f64| repeats.iter().map(value).collect::<Vec<f64>>();
    let (p50, p99) = (each(|seen| seen.asked.p50), each(|seen| seen.asked.p99));
    let status = each(|seen| seen.status_max_ms);
    let mut line = Line::new("W11", format!("k={spinners}"))
        .param("spinners", spinners)
        .metric("p50_us", &p50)
        .metric("p99_us", &p99)
        .metric("max_us", &each(|seen| seen.asked.max))
        .metric("asks", &each(|seen| seen.asks))
        .metric("status_max_ms", &status);
    if spinners >= 2 {
        line = line
            .bar(Bar::at_most("the bystander's p50 in us", median(&p50), 1_000.0))
            .bar(Bar::at_most("the bystander's p99 in us", median(&p99), 10_000.0))
            .bar(Bar::at_most("the slowest answer of the control socket in ms", median(&status), 100.0));
    }
    Ok(line.note("limits raised so that the spinners outlast the asks; the others have their defaults"))
}

async fn ask_beside(
    system: &System,
    control: &Client,
    spinners: usize,
    length: Duration,
) -> anyhow::Result<Seen> {
    let echo = system.create("Echo").await?;
    let spinners = system.create_many("Spinner", spinners).await?;
    // Told by a client of their own: what they would answer comes to its endpoint.
    let teller = system.node.client();
    for spinner in &spinners {
        teller.tell(*spinner, Message::json("Spin", json!({ "ms": SPIN_MS }).to_string())).await?;
    }
    tokio::time::sleep(HEAD_START).await;
    let until = Instant::now() + length;
    let (took, status_max_ms) =
        tokio::try_join!(ask_until(system, echo, until), status_until(control, until))?;
    let answered = teller.listen(Some(Duration::from_millis(1))).await;
    ensure!(matches!(answered, Err(ClientError::Node(_))), "a spinner ended before the last ask");
    let asks = took.len() as f64;
    system.end([vec![echo], spinners].concat()).await?;
    Ok(Seen { asked: times(&took), asks, status_max_ms })
}

async fn ask_until(system: &System, echo: ActorAddress, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    while Instant::now() < until {
        took.extend(asks(&system.client, echo, 1).await?);
    }
    Ok(took)
}

/// The slowest answer, in ms.
async fn status_until(control: &Client, until: Instant) -> anyhow::Result<f64> {
    let mut slowest = Duration::ZERO;
    while Instant::now() < until {
        let begun = Instant::now();
        control.status().await?;
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(STATUS_PERIOD).await;
    }
    Ok(slowest.as_secs_f64() * 1e3)
}
