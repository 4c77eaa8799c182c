//! W1: one question after the other, from a thread that is no actor and from another process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::message::Message;
use thespian_core::wire::codec;
use thespian_core::wire::control::{ClientFrame, Incoming, NodeFrame, Reply, Request};
use thespian_host::client::Client;

use crate::bench::Bench;
use crate::hops;
use crate::other_process::OtherProcess;
use crate::report::{Bar, Line};
use crate::stats::{Times, median, times};
use crate::system::{self, System, payload};

const SIZE: usize = 64;

/// Asks `count` times.
pub(crate) async fn asks(client: &Client, echo: ActorAddress, count: u64) -> anyhow::Result<Vec<Duration>> {
    let message = payload(SIZE);
    let mut took = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let message = Message::bytes("Payload", message.payload.to_vec());
        let begun = Instant::now();
        let answer = client.ask(echo, message, Some(system::DEADLINE)).await?;
        took.push(begun.elapsed());
        debug_assert!(matches!(answer, Incoming::Message { .. }), "an echo answers");
    }
    Ok(took)
}

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let library = library(bench)?;
    bench.report(&library);
    let socket = socket(bench)?;
    bench.report(&socket);
    Ok(())
}

fn library(bench: &Bench) -> anyhow::Result<Line> {
    let count = bench.count(20_000, 50);
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let repeats = bench.repeat(5, || {
        bench.runtime.block_on(async {
            let echo = system.create("Echo").await?;
            let took = times(&asks(&system.client, echo, count).await?);
            system.end(vec![echo]).await?;
            Ok(took)
        })
    })?;
    bench.runtime.block_on(system.stop());
    let line = latencies(Line::new("W1", "library"), count, &repeats);
    let p50 = each(&repeats, |times| times.p50);
    Ok(line
        .bar(Bar::at_most("p50 in us", median(&p50), 15.0))
        .note("the caller is a thread of the node's own process"))
}

fn socket(bench: &Bench) -> anyhow::Result<Line> {
    let count = bench.count(20_000, 50);
    let dir = ScratchDir::new("w1")?;
    let mut other = OtherProcess::start(&["node", &dir.path("node").to_string_lossy()])?;
    let line = other.line()?;
    let (socket, echo) = line.split_once(' ').context("the node says where it is")?;
    let echo: ActorAddress = echo.parse()?;
    let client = bench.runtime.block_on(Client::connect(Path::new(socket), None))?;
    let (request, reply) = frame_lens(echo)?;
    let bare_call = bench.bare()?.call_ns(1, SIZE, bench.count(100_000, 100))? / 1e3;
    let mut number = 0;
    let repeats = bench.repeat(5, || {
        number += 1;
        let path = dir.path(&format!("bare-{number}.sock"));
        let bare = bare_round_trips(bench, &path, request, reply, count)?;
        Ok((times(&bench.runtime.block_on(asks(&client, echo, count))?), bare))
    })?;
    drop(client);
    drop(other);
    let asked: Vec<Times> = repeats.iter().map(|(asked, _)| *asked).collect();
    let bare: Vec<f64> = repeats.iter().map(|(_, bare)| bare.p50).collect();
    let ratios: Vec<f64> = repeats.iter().map(|(asked, bare)| asked.p50 / (bare.p50 + bare_call)).collect();
    Ok(latencies(Line::new("W1", "unix-socket"), count, &asked)
        .param("request_bytes", request)
        .param("reply_bytes", reply)
        .metric("bare_round_trip_p50_us", &bare)
        .metric("bare_call_cpu_us", &[bare_call])
        .metric("ratio", &ratios)
        .bar(Bar::at_most("p50, as a multiple of a bare round trip and a bare call", median(&ratios), 2.0))
        .note("the node is another process; so is the bare echo, with tokio at both ends"))
}

fn bare_round_trips(
    bench: &Bench,
    path: &Path,
    request: usize,
    reply: usize,
    count: u64,
) -> anyhow::Result<Times> {
    let sizes = [request.to_string(), reply.to_string()];
    let mut echo = OtherProcess::start(&["echo", &path.to_string_lossy(), &sizes[0], &sizes[1]])?;
    echo.line()?;
    Ok(times(&bench.runtime.block_on(hops::round_trips(path, request, reply, count))?))
}

/// How many bytes an ask and its answer are on the wire.
fn frame_lens(echo: ActorAddress) -> anyhow::Result<(usize, usize)> {
    // As wide as those of a long run.
    let id = 10_000;
    let timeout_ms = u64::try_from(system::DEADLINE.as_millis()).ok();
    let request = Request::Ask { target: echo, message: payload(SIZE), timeout_ms };
    let request = codec::encode_frame(&ClientFrame::Request { id, request })?;
    let sender = ActorAddress::new(HostId(u64::MAX), u128::MAX);
    let reply = Reply::Received(Incoming::Message { sender, message: payload(SIZE) });
    let reply = codec::encode_frame(&NodeFrame::Reply { id, reply: Ok(reply) })?;
    Ok((request.len(), reply.len()))
}

fn latencies(line: Line, count: u64, repeats: &[Times]) -> Line {
    line.param("n", count)
        .param("bytes", SIZE)
        .metric("p50_us", &each(repeats, |times| times.p50))
        .metric("p99_us", &each(repeats, |times| times.p99))
        .metric("max_us", &each(repeats, |times| times.max))
}

fn each(repeats: &[Times], value: fn(&Times) -> f64) -> Vec<f64> {
    repeats.iter().map(value).collect()
}

/// A folder for sockets and caches; it goes with this.
pub(crate) struct ScratchDir(PathBuf);

impl ScratchDir {
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("thespian-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // What is left there harms no one.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
