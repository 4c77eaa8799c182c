//! The siege by hoards: actors of which each keeps no more than it may, and which together want all the memory there is; beside them
//! others are asked, created and loaded.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use thespian_core::message::Message;
use thespian_host::config::NodeConfig;

use super::loading::marked;
use super::siege::{self, Siege};
use crate::bench::Bench;
use crate::machine;
use crate::report::{Bar, Line};
use crate::system::{self, DEADLINE};

/// Memory of the node.
pub(super) const BUDGET_BYTES: u64 = 1 << 30;
/// What of a node, and of the process around it, can't grow.
const BESIDE_MIB: f64 = 256.0;
/// How long others ask beside one hoard.
const LENGTH: Duration = Duration::from_secs(30);
/// Things that actors hoard, as the guest knows them; how many hoarders are asked for at one time, and how often: as many first
/// messages as one turn can hand over.
pub(super) const HOARDS: [(&str, u64, usize); 4] =
    [("memory", 500, 1), ("init", 60, 40), ("wakeups", 500, 1), ("timers", 5_000, 1)];

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let length = if bench.is_quick() { LENGTH / 15 } else { LENGTH };
    let lines = bench.runtime.block_on(async {
        let config = NodeConfig { memory_budget_bytes: Some(BUDGET_BYTES), ..system::config() };
        let siege = Siege::start(config, 0, length).await?;
        let (mut lines, mut marks) = (Vec::new(), 1..);
        for (what, count, times) in HOARDS {
            lines.push(hoard(&siege, &mut || marks.next().unwrap_or_default(), what, count, times).await?);
        }
        siege.stop().await;
        anyhow::Ok(lines)
    })?;
    lines.iter().for_each(|line| bench.report(line));
    Ok(())
}

fn mib() -> f64 {
    machine::resident_bytes() as f64 / f64::from(1 << 20)
}

/// One hoard of a source of its own, which is then unloaded and killed.
pub(super) async fn hoard(
    siege: &Siege,
    next: &mut impl FnMut() -> u64,
    what: &str,
    count: u64,
    times: usize,
) -> anyhow::Result<Line> {
    let client = siege.system.node.client();
    let honest = thespian_guests::bytes(thespian_guests::HOSTILE).into();
    let source = system::load(&client, marked(&honest, next())).await?.hash.to_string();
    let breeder = client.create(&source, "Breeds").await?;
    for _ in 0..times {
        let go = json!({ "n": count, "text": what }).to_string();
        client.tell(breeder, Message::json("Go", go)).await?;
    }
    let (asked, asks, _) = siege.ask().await?;
    let resident = mib();
    let uses = siege.uses(&source).await?;
    // Others find what they need.
    let other = system::load(&client, marked(&honest, next())).await.context("an honest load beside it")?;
    let other = other.hash.to_string();
    let echo = client.create(&other, "Echo").await.context("an honest create beside it")?;
    client.kill(echo).await?;
    for source in [&source, &other] {
        client.unload(source).await?;
        client.kill_source(source).await?;
    }
    let begun = Instant::now();
    while siege.uses(&source).await?.memory_bytes > 0 {
        ensure!(begun.elapsed() < DEADLINE, "{what}: not all is given back");
        tokio::task::yield_now().await;
    }
    let limit = (BUDGET_BYTES >> 20) as f64 + BESIDE_MIB;
    Ok(siege::not_held_up(siege::line("siege-memory", what, &asked, asks), &asked)
        .metric("resident_mib", &[resident])
        .metric("refusals", &[uses.refusals as f64])
        .bar(Bar::at_least("refusals", uses.refusals as f64, 1.0))
        .bar(Bar::at_most("the process's memory in MiB", resident, limit)))
}
