//! `unload`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::Output;

/// Lets no more actors be created from a source. Those that run stay.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 unloaded; 2 several sources begin so; 3 no such source; 5 no node (all: \
                        `thespian-host --help`)"
)]
pub(super) struct UnloadArgs {
    /// The source's hash, or an unambiguous beginning of it.
    hash: String,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn unload(args: UnloadArgs, output: &Output) -> Result<()> {
    at_once(args.node.connect().await?.unload(&args.hash)).await?;
    if output.is_json() {
        output.json(&json!({"unloaded": args.hash}))?;
    } else {
        output.line("unloaded; actors that run stay")?;
    }
    Ok(())
}
