//! W7: one token through a thousand actors; and W7b, a hundred actors that are all busy.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use thespian_core::address::ActorAddress;

use super::bounds::{PerMessage, held_against};
use crate::bench::Bench;
use crate::hops;
use crate::report::{Bar, Line};
use crate::stats::{Cost, Watch, median};
use crate::system::{self, AT_ONCE, System, number};

const SIZE: usize = 64;

#[derive(Clone, Copy)]
struct Ring {
    members: usize,
    tokens: u64,
    laps: u64,
}

impl Ring {
    fn hops(self) -> u64 {
        self.members as u64 * self.tokens * self.laps
    }
}

/// W7.
pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let ring = Ring { members: bench.count(1_000, 20) as usize, tokens: 1, laps: bench.count(1_000, 20) };
    let line = Line::new("W7", "64B").param("members", ring.members).param("laps", ring.laps);
    let (per_message, rates) = measure(bench, ring)?;
    bench.report(&held_against(line.metric("hopsps", &rates), &per_message));
    Ok(())
}

/// W7b.
pub(crate) fn busy(bench: &mut Bench) -> anyhow::Result<()> {
    let ring = Ring { members: 100, tokens: 100, laps: bench.count(200, 1) };
    let (per_message, rates) = measure(bench, ring)?;
    let line = Line::new("W7b", "100-actors")
        .param("members", ring.members)
        .param("tokens", ring.tokens)
        .param("n", ring.hops())
        .metric("msgps", &rates)
        .bar(Bar::at_least("messages/s over 100 actors", median(&rates), 1e6))
        .note("a ring of 100 in which 100 tokens go round: no peer has this one");
    bench.report(&held_against(line, &per_message));
    Ok(())
}

fn measure(bench: &Bench, ring: Ring) -> anyhow::Result<(Vec<PerMessage>, Vec<f64>)> {
    let bound_rounds = bench.count(200_000, 1_000);
    let system = bench.runtime.block_on(System::start(system::config(), bench.component.clone()))?;
    let repeats = bench.repeat(5, || {
        let call_ns = bench.bare()?.call_ns(ring.members, SIZE, bound_rounds)?;
        let hop = hops::ring(&bench.runtime, ring.members, ring.tokens, SIZE, bound_rounds);
        let (cost, took) = bench.runtime.block_on(go_round(&system, ring))?;
        let hop_ns = hop.cpu_ns_each(bound_rounds);
        let per_message = PerMessage { cpu_ns: cost.cpu_ns_each(ring.hops()), call_ns, hop_ns };
        Ok((per_message, ring.hops() as f64 / took.as_secs_f64()))
    })?;
    bench.runtime.block_on(system.stop());
    Ok(repeats.into_iter().unzip())
}

async fn go_round(system: &System, ring: Ring) -> anyhow::Result<(Cost, Duration)> {
    let members = system.create_many("Member", ring.members).await?;
    let link = |place: usize| {
        let next: ActorAddress = members[(place + 1) % members.len()];
        system.ask(members[place], "Link", json!({ "next": next.to_string() }))
    };
    let links = stream::iter(0..members.len()).map(link).buffer_unordered(AT_ONCE);
    links.try_for_each(|_| async { Ok(()) }).await?;
    let watch = Watch::start();
    let run = json!({ "laps": ring.laps, "tokens": ring.tokens, "size": SIZE });
    let done = system.ask(members[0], "Run", run).await?;
    let cost = watch.stop();
    system.end(members).await?;
    Ok((cost, Duration::from_nanos(number(&done, "took")?)))
}
