//! Creates beside somebody who looks: at the node again and again, or at the list of all its actors.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use thespian_host::client::Client;
use thespian_host::config::NodeConfig;
use thespian_host::shell::Shell;

use super::ask::ScratchDir;
use crate::bench::Bench;
use crate::other_process::OtherProcess;
use crate::report::{Bar, Line};
use crate::stats::{Watch, median};
use crate::system::{self, AT_ONCE, System};

/// Actors that live all the time, and are listed.
const LIVE: u64 = 14_000;
/// Actors that are created and ended in one measurement.
const CREATES: u64 = 20_000;

/// One pair of measurements, taken one after the other.
struct Seen {
    beside_status: f64,
    beside_list: f64,
    lists: f64,
    desk_us_max: f64,
}

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (live, creates) = (bench.count(LIVE, 20), bench.count(CREATES, 20));
    let dir = ScratchDir::new("lists")?;
    let config = NodeConfig { data_dir: Some(dir.path("node")), ..system::config() };
    let system = bench.runtime.block_on(System::start(config.clone(), bench.component.clone()))?;
    if system.node.capacity().actors_max < live as usize + AT_ONCE {
        let capacity = system.node.capacity();
        let why =
            format!("this node holds {} actors, because of {}", capacity.actors_max, capacity.limited_by);
        bench.report(&Line::skipped("lists", live.to_string(), why));
        return Ok(());
    }
    let shell = bench.runtime.block_on(Shell::serve(&system.node, &config))?;
    let actors = bench.runtime.block_on(system.create_many("Idler", live as usize))?;
    let repeats = bench.repeat(5, || {
        let beside = |what| beside(bench, &system, shell.socket(), what, creates);
        let (beside_status, _) = beside("status")?;
        let (beside_list, lists) = beside("actors")?;
        let status = bench.runtime.block_on(system.client.status())?;
        Ok(Seen { beside_status, beside_list, lists, desk_us_max: status.desk_us_max as f64 })
    })?;
    bench.runtime.block_on(async {
        system.end(actors).await?;
        system.stop().await;
        anyhow::Ok(())
    })?;
    let each = |value: fn(&Seen) -> f64| repeats.iter().map(value).collect::<Vec<f64>>();
    let ratio = each(|seen| seen.beside_list / seen.beside_status);
    let desk = each(|seen| seen.desk_us_max);
    let mut line = Line::new("lists", live.to_string())
        .param("n", live)
        .param("at_once", AT_ONCE)
        .metric("actorsps_beside_status", &each(|seen| seen.beside_status))
        .metric("actorsps_beside_lists", &each(|seen| seen.beside_list))
        .metric("ratio", &ratio)
        .metric("lists_per_s", &each(|seen| seen.lists))
        .metric("desk_us_max", &desk);
    if !bench.is_quick() {
        line = line
            .bar(Bar::at_least("creates/s beside lists / beside status", median(&ratio), 0.9))
            .bar(Bar::at_most("the longest that the desk was held, in us", median(&desk), 1_000.0));
    }
    bench.report(&line.note("actors are created and ended while another process asks, prints and asks anew"));
    Ok(())
}

/// Creates a second, and what the other process got to see in one.
fn beside(
    bench: &Bench,
    system: &System,
    socket: &Path,
    what: &str,
    creates: u64,
) -> anyhow::Result<(f64, f64)> {
    let socket = socket.to_str().context("the socket's path is no text")?;
    let mut looker = OtherProcess::start(&["look", socket, what])?;
    anyhow::ensure!(looker.line()? == "looking");
    let watch = Watch::start();
    let once = |_| async {
        let actor = system.create("Idler").await?;
        anyhow::Ok(system.client.kill(actor).await.map(drop)?)
    };
    bench.runtime.block_on(
        stream::iter(0..creates).map(once).buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }),
    )?;
    let took = watch.stop().wall.as_secs_f64();
    let looks: f64 = looker.end()?.parse()?;
    Ok((creates as f64 / took, looks / took))
}

/// What a shell does that runs `status --json` or `actors --json` again and again, but for the starts of its processes: a
/// connection, a question, a document of JSON. Goes on until its input ends; says how often.
pub(crate) fn look(socket: &Path, what: &str, say: impl Fn(&str)) -> anyhow::Result<()> {
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        IS_OVER.store(true, Ordering::Relaxed);
    });
    let mut looks = 0_u64;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    say("looking");
    while !IS_OVER.load(Ordering::Relaxed) {
        runtime.block_on(async {
            let client = Client::connect(socket, None).await?;
            match what {
                "actors" => serde_json::to_writer(io::sink(), &client.actors().await?)?,
                _ => serde_json::to_writer(io::sink(), &client.status().await?)?,
            }
            anyhow::Ok(())
        })?;
        looks += 1;
    }
    say(&looks.to_string());
    Ok(())
}
