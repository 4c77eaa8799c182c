//! `sources`.

use std::cmp::Reverse;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use thespian_core::source::Rights;
use thespian_core::source::admission::Admission;
use thespian_core::wire::control::{PendingSource, SourceReport, SourceState, SourceStatus};

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::load::class_line;
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
/// `--json` has each, now and at its worst. Of one source it shows all: its judge, its papers, and what its actors may do.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Exit codes: 0 listed; 3 no such source; 5 no node, or it stopped (all: `thespian-host --help`)"
)]
pub(super) struct SourcesArgs {
    #[command(subcommand)]
    which: Option<WhichSources>,
    /// Hash of a source, or an unambiguous beginning of it.
    #[arg(value_name = "HASH", conflicts_with_all = ["sort", "watch"])]
    source: Option<String>,
    /// Sorts them by this, the most first [default: by hash].
    #[arg(long, value_name = "WHAT", value_enum, hide_possible_values = false)]
    sort: Option<Sort>,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Subcommand)]
enum WhichSources {
    Pending(PendingArgs),
}

/// Lists the sources that wait until a person approves them, the first that is overdue first.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 listed; 5 no node (all: `thespian-host --help`)")]
struct PendingArgs {
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn sources(args: SourcesArgs, output: &Output) -> Result<()> {
    if let Some(WhichSources::Pending(args)) = args.which {
        let client = args.node.connect().await?;
        return show_pending(&at_once(client.pending()).await?, output);
    }
    let client = args.node.connect().await?;
    if let Some(source) = &args.source {
        return show_one(&at_once(client.source(source)).await?, output);
    }
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

fn show_pending(pending: &[PendingSource], output: &Output) -> Result<()> {
    if output.is_json() {
        output.json(&pending)?;
        return Ok(());
    }
    if pending.is_empty() {
        output.note("no source waits for a person");
        return Ok(());
    }
    let row = |source: &PendingSource| {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_string());
        let rights: Vec<_> = source.wants.names().collect();
        vec![
            source.hash.to_string(),
            or_none(source.name.as_ref().map(ToString::to_string)),
            or_none(source.version.as_ref().map(ToString::to_string)),
            or_none((!rights.is_empty()).then(|| rights.join(","))),
            bytes(source.size),
            or_none(source.loader.map(|loader| loader.to_string())),
            length(Duration::from_millis(source.left_ms)),
            source.label.clone(),
        ]
    };
    let header = ["HASH", "NAME", "VERSION", "WANTS", "SIZE", "LOADER", "LEFT", "LABEL"];
    output.table(&header, pending.iter().map(row).collect())?;
    output.note("`thespian-host approve HASH --allow RIGHT` lets one in, `thespian-host refuse HASH --why TEXT` does not");
    Ok(())
}

fn show_one(report: &SourceReport, output: &Output) -> Result<()> {
    if output.is_json() {
        output.json(report)?;
        return Ok(());
    }
    let SourceReport { status, judged_by, runs, admission, limits, manifest, manifest_sha256, signatures } =
        report;
    let mut rows = vec![("hash", status.hash.to_string()), ("label", status.label.clone())];
    rows.push(("size", bytes(status.size)));
    rows.push((
        "state",
        match &status.state {
            SourceState::Refused(reason) => format!("refused: {reason}"),
            state => state_name(state).to_string(),
        },
    ));
    rows.extend(judged_by.clone().map(|judge| ("judged by", judge)));
    rows.extend(runs.map(|runs| ("runs", format!("{runs}, which its authority has put in its place"))));
    if let Some(Admission { name, version, wanted, .. }) = admission {
        rows.push(("name", format!("{name} {version}")));
        rows.push(("wanted", named(*wanted)));
    }
    if judged_by.is_some() {
        rows.push(("granted", named(status.rights)));
    }
    rows.extend(limits.iter().map(|(name, value)| (name, value.to_string())));
    if let Some(sha256) = manifest_sha256 {
        rows.push(("manifest", format!("{sha256}, with {signatures} signatures")));
    }
    rows.push(("actors", number(status.actors)));
    for class in status.info.iter().flat_map(|info| &info.classes) {
        rows.push(("", class_line(class)));
    }
    for (name, value) in rows {
        output.pieces(&[(Style::Dim, &format!("{name:<16}")), (Style::Plain, &value)])?;
    }
    if let Some(text) = manifest {
        output.record(&[(Style::Dim, "its manifest:")], &format!("\n{}", text.trim_end()))?;
    }
    Ok(())
}

fn named(rights: Rights) -> String {
    if rights.any() {
        rights.names().collect::<Vec<_>>().join(", ")
    } else {
        "no rights besides those of all".to_string()
    }
}

fn row(source: &SourceStatus) -> Vec<String> {
    let state = state_name(&source.state);
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

const fn state_name(state: &SourceState) -> &'static str {
    match state {
        SourceState::Offered => "offered",
        SourceState::Validating => "validating",
        SourceState::Loaded => "loaded",
        SourceState::Refused(_) => "refused",
        SourceState::Unloaded => "unloaded",
    }
}

fn short(source: &SourceStatus) -> String {
    source.hash.to_string()[..HASH_DIGITS].to_string()
}
