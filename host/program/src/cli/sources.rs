//! `sources`.

use std::cmp::Reverse;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use thespian_core::wire::control::{SourceState, SourceStatus};

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::{Output, Style, bytes, length, number};
use super::watch::WatchArgs;

/// Digits of a hash that are shown to people: enough to tell any two apart, and every command takes them.
const HASH_DIGITS: usize = 16;

/// A measure by which sources are sorted, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// CPU time that their actors have used.
    Cpu,
    /// Memory that their actors have.
    Memory,
}

/// Lists the sources that the node knows, with what their actors have of it: memory and queued bytes together, and CPU time.
/// `--json` has each, now and at its worst.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 listed; 5 no node, or it stopped (all: `thespian-host --help`)")]
pub(super) struct SourcesArgs {
    /// Sorts them by this, the most first [default: by hash].
    #[arg(long, value_name = "WHAT", value_enum, hide_possible_values = false)]
    sort: Option<Sort>,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn sources(args: SourcesArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    args.watch.show(output, async || show(at_once(client.sources()).await?, args.sort, output)).await
}

fn show(mut sources: Vec<SourceStatus>, sort: Option<Sort>, output: &Output) -> Result<()> {
    match sort {
        Some(Sort::Cpu) => sources.sort_by_key(|source| Reverse(source.uses.cpu_us)),
        Some(Sort::Memory) => sources.sort_by_key(|source| Reverse(source.uses.memory_bytes)),
        None => {}
    }
    if output.is_json() {
        output.json(&sources)?;
        return Ok(());
    }
    if sources.is_empty() {
        output.note("no source is loaded; `thespian-host load FILE` loads one");
        return Ok(());
    }
    let header = ["HASH", "STATE", "NAME", "VERSION", "CLASSES", "ACTORS", "MEMORY", "CPU", "SIZE", "LABEL"];
    output.table(&header, sources.iter().map(row).collect())?;
    for source in &sources {
        if let SourceState::Refused(reason) = &source.state {
            output.record(&[(Style::Plain, &short(source)), (Style::Plain, " was refused: ")], reason)?;
        }
        let uses = &source.uses;
        if uses.refusals > 0 {
            let (times, most) = (number(uses.refusals), bytes(uses.memory_bytes_most));
            let places = number(uses.places_most);
            let text = format!(
                " was refused memory or places {times} times; it had up to {most} and {places} places"
            );
            output.line(format_args!("{}{text}", short(source)))?;
        }
    }
    Ok(())
}

fn row(source: &SourceStatus) -> Vec<String> {
    let state = match source.state {
        SourceState::Offered => "offered",
        SourceState::Validating => "validating",
        SourceState::Loaded => "loaded",
        SourceState::Refused(_) => "refused",
        SourceState::Unloaded => "unloaded",
    };
    let (name, version, classes) = match &source.info {
        None => ("-".to_string(), "-".to_string(), "-".to_string()),
        Some(info) => {
            let classes: Vec<_> = info.classes.iter().map(|class| class.name.as_str()).collect();
            (info.name.clone(), info.version.clone(), classes.join(","))
        }
    };
    let actors = source.actors.to_string();
    vec![
        short(source),
        state.into(),
        name,
        version,
        classes,
        actors,
        bytes(source.uses.memory_bytes),
        length(Duration::from_micros(source.uses.cpu_us)),
        bytes(source.size),
        source.label.clone(),
    ]
}

fn short(source: &SourceStatus) -> String {
    source.hash.to_string()[..HASH_DIGITS].to_string()
}
