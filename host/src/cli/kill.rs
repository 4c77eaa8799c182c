//! `kill`.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::limits::EXIT_GRACE;

use super::connect::NodeArgs;
use super::deadline::within;
use super::output::Output;

/// Ends an actor and its children now, without asking them; done when it is gone.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 gone; 3 no such actor; 5 no node (all: `thespian-host --help`)")]
pub(super) struct KillArgs {
    /// The actor's address.
    #[arg(value_name = "ADDR")]
    address: ActorAddress,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn kill(args: KillArgs, output: &Output) -> Result<()> {
    let reason = within(EXIT_GRACE, args.node.connect().await?.kill(args.address)).await?;
    if output.is_json() {
        output.json(&json!({"ended": args.address, "reason": reason}))?;
    } else {
        output.record(&[], &reason.to_string())?;
    }
    Ok(())
}
