//! `kill`.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::limits::EXIT_GRACE;

use super::connect::NodeArgs;
use super::deadline::within;
use super::output::{Output, number};

/// Ends an actor and its children now, without asking them; done when it is gone. With `--source` all actors of a source, and
/// their children; done when all are told, and those in a turn end at its next tick. `unload` first, and no more are made.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 gone; 3 no such actor or source; 5 no node (all: `thespian-host --help`)"
)]
pub(super) struct KillArgs {
    /// The actor's address.
    #[arg(value_name = "ADDR", required_unless_present = "source", conflicts_with = "source")]
    address: Option<ActorAddress>,
    /// All actors of this source: its hash, or an unambiguous beginning of it.
    #[arg(long, value_name = "HASH")]
    source: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn kill(args: KillArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    if let Some(source) = args.source {
        let actors = within(EXIT_GRACE, client.kill_source(&source)).await?;
        if output.is_json() {
            output.json(&json!({"killed": actors}))?;
        } else {
            output.line(format_args!("{} actors killed", number(actors)))?;
        }
        return Ok(());
    }
    let address = args.address.expect("required where no source is given");
    let reason = within(EXIT_GRACE, client.kill(address)).await?;
    if output.is_json() {
        output.json(&json!({"ended": address, "reason": reason}))?;
    } else {
        output.record(&[], &reason.to_string())?;
    }
    Ok(())
}
