//! `exit`.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use thespian_core::address::ActorAddress;

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::Output;

/// Asks an actor to exit, after the messages that it already has. It may clean up; it can't refuse.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 asked, or with --wait gone; 3 no such actor; 5 no node (all: `thespian-host --help`)"
)]
pub(super) struct ExitArgs {
    /// The actor's address.
    #[arg(value_name = "ADDR")]
    address: ActorAddress,
    /// Its children exit first; the default.
    #[arg(long, overrides_with = "no_recursive")]
    recursive: bool,
    /// Its children live on, without a parent.
    #[arg(long)]
    no_recursive: bool,
    /// Waits until it is gone, and prints why it ended.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn exit(args: ExitArgs, output: &Output) -> Result<()> {
    let recursive = args.recursive || !args.no_recursive;
    let client = args.node.connect().await?;
    if !args.wait {
        at_once(client.exit(args.address, recursive)).await?;
        if output.is_json() {
            output.json(&json!({"asked": args.address}))?;
        }
        return Ok(());
    }
    let reason = client.exit_and_wait(args.address, recursive).await?;
    if output.is_json() {
        output.json(&json!({"ended": args.address, "reason": reason}))?;
    } else {
        output.record(&[], &reason.to_string())?;
    }
    Ok(())
}
