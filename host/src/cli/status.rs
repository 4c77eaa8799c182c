//! `status`.

use std::io;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use thespian_core::wire::control::NodeStatus;

use super::connect::NodeArgs;
use super::output::{Output, Style, bytes, length, number, plain};

/// Dead letters and ended actors that are shown to people; --json has all that the node keeps.
const SHOWN: usize = 5;

/// Shows how the node is.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 shown; 5 no node (all: `thespian-host --help`)")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn status(args: StatusArgs, output: &Output) -> Result<()> {
    let status = args.node.connect().await?.status().await?;
    if output.is_json() {
        output.json(&status)?;
    } else {
        show(&status, output)?;
    }
    Ok(())
}

fn show(status: &NodeStatus, output: &Output) -> io::Result<()> {
    let item = |name: &str, value: String| {
        output.line(format_args!("{} {value}", output.paint(Style::Bold, &format!("{name:12}"))))
    };
    let uptime = length(Duration::from_millis(status.uptime_ms));
    let stopping = if status.stopping { ", stopping" } else { "" };
    item("node", format!("{:016x}, pid {}, up {uptime}{stopping}", status.host.0, status.pid))?;
    item("version", status.version.clone())?;
    item("authority", authority(&status.authority, output))?;
    if !status.capabilities.is_empty() {
        let all: Vec<_> = status.capabilities.iter().map(|(name, value)| format!("{name}={value}")).collect();
        item("capabilities", all.join(", "))?;
    }
    let (live, max) = (number(status.actors), number(status.actors_max));
    item("actors", format!("{live} of at most {max}: bound by {}", status.actors_max_reason))?;
    item("sources", number(status.sources_loaded))?;
    item("endpoints", number(status.endpoints))?;
    if status.listeners > 0 || status.connections > 0 {
        let connections = number(status.connections);
        item("listeners", format!("{} for actors, {connections} connections", number(status.listeners)))?;
    }
    let (poisoned, restarts) = (number(status.poisoned), number(status.restarts));
    item("messages", format!("{} handed over, {poisoned} poisoned", number(status.messages)))?;
    item("restarts", restarts)?;
    item("dead letters", number(status.dead_letters))?;
    item("queued", format!("{} of at most {}", bytes(status.queued_bytes), bytes(status.queued_bytes_max)))?;
    for letter in status.recent_dead_letters.iter().take(SHOWN) {
        let (type_name, reason) = (plain(&letter.type_name), plain(&letter.reason));
        item("dead letter", format!("{type_name} from {} to {}: {reason}", letter.sender, letter.target))?;
    }
    for ended in status.recent_ended.iter().take(SHOWN) {
        let reason = ended.reason.to_string();
        item("ended", format!("{} {}: {}", plain(&ended.class), ended.address, plain(&reason)))?;
    }
    Ok(())
}

fn authority(name: &str, output: &Output) -> String {
    match name {
        "none" => "none: every load is refused".to_string(),
        "trust-all" => output.paint(Style::Red, "trust-all: every source is approved; for development only"),
        other => other.to_string(),
    }
}
