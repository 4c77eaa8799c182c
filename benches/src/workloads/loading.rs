//! W9: from bytes in memory to the first answer.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use thespian_host::config::NodeConfig;
use thespian_host::node::Node;

use super::ask::{ScratchDir, asks};
use crate::bench::Bench;
use crate::report::{Bar, Line};
use crate::stats::{median, times};
use crate::system::{self, load};

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let sources: Vec<Bytes> =
        (0..bench.count(20, 2)).map(|number| marked(&bench.component, number)).collect();
    let dir = ScratchDir::new("w9")?;
    let config = NodeConfig { data_dir: Some(dir.path("node")), ..system::config() };
    let (mut bare, mut cold, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let node = Node::start(config.clone())?;
    // A warm-up, of a source that is none of them.
    first_answer(bench, &node, &marked(&bench.component, u64::MAX))?;
    for source in &sources {
        let alone = bench.bare()?.compile_time(source)?;
        let (took, compiled) = first_answer(bench, &node, source)?;
        ensure!(compiled, "a new source is compiled");
        bare.push(alone);
        cold.push(took);
        ratios.push(took.as_secs_f64() / alone.as_secs_f64());
    }
    bench.runtime.block_on(node.stop());
    drop(node);
    let node = Node::start(config)?;
    first_answer(bench, &node, &marked(&bench.component, u64::MAX))?;
    let mut cached = Vec::new();
    for source in &sources {
        let (took, compiled) = first_answer(bench, &node, source)?;
        ensure!(!compiled, "a source that an earlier node compiled is in the cache");
        cached.push(took);
    }
    bench.runtime.block_on(node.stop());
    let (cold_ms, cached_ms) = (millis(&cold), millis(&cached));
    bench.report(
        &Line::new("W9", "cold")
            .param("n", sources.len())
            .param("bytes", bench.component.len())
            .metric("ms", &cold_ms)
            .metric("p50_us", &[times(&cold).p50])
            .metric("bare_compile_ms", &millis(&bare))
            .metric("ratio", &ratios)
            .bar(Bar::at_most("load to first answer, as a multiple of bare Cranelift", median(&ratios), 1.5)),
    );
    bench.report(
        &Line::new("W9", "cached")
            .param("n", sources.len())
            .metric("ms", &cached_ms)
            .metric("p50_us", &[times(&cached).p50])
            .bar(Bar::at_most("ms from load to first answer", median(&cached_ms), 5.0))
            .note("a node started anew on the same data directory"),
    );
    Ok(())
}

/// How long it took, and whether the source was compiled.
fn first_answer(bench: &Bench, node: &Node, source: &Bytes) -> anyhow::Result<(Duration, bool)> {
    let client = node.client();
    bench.runtime.block_on(async {
        let begun = Instant::now();
        let loaded = load(&client, source.clone()).await?;
        let echo = client.create(&loaded.hash.to_string(), "Echo").await?;
        asks(&client, echo, 1).await?;
        let took = begun.elapsed();
        client.kill(echo).await?;
        Ok((took, loaded.compile_us > 0))
    })
}

/// The component with a section more, which says nothing: the same code under another hash.
pub(super) fn marked(component: &Bytes, number: u64) -> Bytes {
    const CUSTOM: u8 = 0;
    let (name, content) = (b"bench", number.to_le_bytes());
    let mut bytes = component.to_vec();
    bytes.extend_from_slice(&[CUSTOM, (1 + name.len() + content.len()) as u8, name.len() as u8]);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&content);
    bytes.into()
}

fn millis(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|took| took.as_secs_f64() * 1e3).collect()
}
