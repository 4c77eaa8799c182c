//! Ten minutes of everything at once, and whether anything is left behind.

use std::time::{Duration, Instant};

use serde_json::json;
use thespian_core::message::Message;

use crate::bench::Bench;
use crate::machine;
use crate::report::{Bar, Line};
use crate::system::{self, System};

/// From what is left may come back.
pub(super) const REST: Duration = Duration::from_secs(30);

/// What a process holds.
pub(super) struct Held {
    pub(super) bytes: u64,
    pub(super) threads: usize,
    pub(super) files: usize,
}

pub(super) fn held() -> Held {
    let entries = |dir: &str| std::fs::read_dir(dir).map_or(0, Iterator::count);
    Held { bytes: machine::footprint(), threads: entries("/proc/self/task"), files: entries("/proc/self/fd") }
}

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (first, whole) = if bench.is_quick() { (1, 1) } else { (60, 600) };
    let rest = if bench.is_quick() { Duration::from_millis(100) } else { REST };
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let begun = Instant::now();
    let mut rounds = bench.runtime.block_on(load(&system, begun + Duration::from_secs(first)))?;
    settle(rest);
    let before = held();
    bench.say(&format!(
        "after its first {first} s: {} bytes, {} threads, {} files",
        before.bytes, before.threads, before.files
    ));
    rounds += bench.runtime.block_on(load(&system, Instant::now() + Duration::from_secs(whole - first)))?;
    settle(rest);
    let after = held();
    let status = bench.runtime.block_on(system.client.status())?;
    bench.runtime.block_on(system.stop());
    let allowed = (before.bytes as f64 * 0.02).max((8 << 20) as f64);
    let line = Line::new("soak", format!("{whole}s"))
        .param("seconds", whole)
        .metric("rounds", &[rounds as f64])
        .metric("messages", &[status.messages as f64])
        .metric("restarts", &[status.restarts as f64])
        .metric("dead_letters", &[status.dead_letters as f64])
        .metric("bytes_before", &[before.bytes as f64])
        .metric("bytes_after", &[after.bytes as f64])
        .bar(Bar::at_most("bytes that were not there after the first minute", after.bytes as f64 - before.bytes as f64, allowed))
        .bar(Bar::at_most("threads then, and threads after the first minute", after.threads as f64, before.threads as f64))
        .bar(Bar::at_most("open files then, and after the first minute", after.files as f64, before.files as f64))
        .bar(Bar::at_most("live actors", status.actors as f64, 0.0))
        .note("creates, exits, traps, floods, fan-outs, wakeups and asks that time out, one round after the other, eight at a time");
    bench.report(&line);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how long it rests is what is promised")]
pub(super) fn settle(rest: Duration) {
    std::thread::sleep(rest);
}

/// Goes on until then; returns how many rounds there were.
pub(super) async fn load(system: &System, until: Instant) -> anyhow::Result<u64> {
    let lanes = (0..8).map(|_| async {
        let mut rounds = 0;
        while Instant::now() < until {
            round(system).await?;
            rounds += 1;
        }
        anyhow::Ok(rounds)
    });
    Ok(futures_util::future::try_join_all(lanes).await?.into_iter().sum())
}

async fn round(system: &System) -> anyhow::Result<()> {
    // Children that exit and that trap.
    for (failure, ends) in
        [("Exit", false), ("Trap", true), ("Trap", false), ("Restart", false), ("Error", false)]
    {
        let parent = system.create("Parent").await?;
        system.ask(parent, "Watch", json!({ "failure": failure, "ends": ends, "count": 5 })).await?;
        system.end(vec![parent]).await?;
    }
    // More than a mailbox takes at once, and a consumer that ends amid it.
    let (producer, consumer) = (system.create("Producer").await?, system.create("Consumer").await?);
    let produce = json!({ "to": consumer.to_string(), "count": 5_000, "size": 64 });
    system.ask(producer, "Produce", produce).await?;
    system.end(vec![consumer, producer]).await?;
    // Many at once.
    let creator = system.create("Creator").await?;
    system.ask(creator, "Populate", json!({ "count": 50 })).await?;
    system.ask(creator, "FanOut", json!({ "size": 1_000 })).await?;
    // Nobody answers.
    let silent = Message::json("Nothing", "null");
    let _poison = system.client.ask(creator, silent, Some(Duration::from_millis(5))).await;
    system.client.exit(creator, true).await?;
    // One that ends of itself, by a timer.
    let mayfly = system.create("Mayfly").await?;
    system.ask(mayfly, "Ready", json!({})).await?;
    system.client.exit_and_wait(mayfly, true).await.map(|_| ()).or_else(|error| match error {
        thespian_host::client::ClientError::Node(
            thespian_core::wire::control::ControlError::TargetDead { .. },
        ) => Ok(()),
        error => Err(error),
    })?;
    Ok(())
}
