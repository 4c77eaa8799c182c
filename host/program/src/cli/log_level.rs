//! `log-level`: how much actors write to the log.

use std::io;

use anyhow::Result;
use clap::Args;
use thespian_core::address::ActorAddress;
use thespian_core::log_level::LogLevel;
use thespian_core::wire::control::{LogLevelsStatus, LogScope};

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::Output;

/// Shows how much of what actors write to the log is kept, or changes it at once.
///
/// The narrowest that is set holds: an actor's own, else its source's, else the node's. What the node itself says, of
/// actors too, is always kept.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 shown or changed; 3 no such actor or source; 5 no node (all: `thespian-host --help`)"
)]
pub(super) struct LogLevelArgs {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`; `default` takes back what was set.
    #[arg(value_parser = level)]
    level: Option<Level>,
    /// Only for this actor.
    #[arg(long, value_name = "ADDR", requires = "level", conflicts_with = "source")]
    actor: Option<ActorAddress>,
    /// Only for the actors of this source: its hash, or a beginning of it.
    #[arg(long, value_name = "HASH", requires = "level")]
    source: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
}

/// The level that was typed.
#[derive(Clone, Copy)]
enum Level {
    Default,
    Set(LogLevel),
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "default" => Ok(Level::Default),
        text => text.parse().map(Level::Set).map_err(|error| format!("{error}, default")),
    }
}

pub(super) async fn log_level(args: LogLevelArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let levels = match args.level {
        None => at_once(client.log_levels()).await?,
        Some(level) => {
            let scope = match (args.actor, args.source) {
                (Some(actor), _) => LogScope::Actor(actor),
                (None, Some(source)) => LogScope::Source(source),
                (None, None) => LogScope::Node,
            };
            let level = match level {
                Level::Default => None,
                Level::Set(level) => Some(level),
            };
            at_once(client.set_log_level(scope, level)).await?
        }
    };
    if output.is_json() {
        output.json(&levels)?;
    } else {
        show(&levels, output)?;
    }
    Ok(())
}

fn show(levels: &LogLevelsStatus, output: &Output) -> io::Result<()> {
    let configured = if levels.node == levels.configured { " (as configured)" } else { "" };
    let node = ["node".to_string(), String::new(), format!("{}{configured}", levels.node)];
    let sources = levels.sources.iter().map(|entry| {
        let hash = entry.source.to_string();
        ["source".to_string(), hash, entry.level.to_string()]
    });
    let actors = levels
        .actors
        .iter()
        .map(|entry| ["actor".to_string(), entry.actor.to_string(), entry.level.to_string()]);
    let rows = [node].into_iter().chain(sources).chain(actors).map(Vec::from).collect();
    output.table(&["FOR", "WHICH", "LEVEL"], rows)
}
