//! `sources`.

use anyhow::Result;
use clap::Args;
use thespian_core::wire::control::{SourceState, SourceStatus};

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::{Output, Style, bytes};

/// Digits of a hash that are shown to people: enough to tell any two apart, and every command takes them.
const HASH_DIGITS: usize = 16;

/// Lists the sources that the node knows.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 listed; 5 no node (all: `thespian-host --help`)")]
pub(super) struct SourcesArgs {
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn sources(args: SourcesArgs, output: &Output) -> Result<()> {
    let sources = at_once(args.node.connect().await?.sources()).await?;
    if output.is_json() {
        output.json(&sources)?;
        return Ok(());
    }
    if sources.is_empty() {
        output.note("no source is loaded; `thespian-host load FILE` loads one");
        return Ok(());
    }
    let header = ["HASH", "STATE", "NAME", "VERSION", "CLASSES", "ACTORS", "SIZE", "LABEL"];
    output.table(&header, sources.iter().map(row).collect())?;
    for source in &sources {
        if let SourceState::Refused(reason) = &source.state {
            output.record(&[(Style::Plain, &short(source)), (Style::Plain, " was refused: ")], reason)?;
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
        bytes(source.size),
        source.label.clone(),
    ]
}

fn short(source: &SourceStatus) -> String {
    source.hash.to_string()[..HASH_DIGITS].to_string()
}
