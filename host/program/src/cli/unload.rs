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
    /// Until the node starts again: what admitted it still holds, and its file stays as long as there is room.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn unload(args: UnloadArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    if args.keep {
        at_once(client.set_aside(&args.hash)).await?;
    } else {
        at_once(client.unload(&args.hash)).await?;
    }
    if output.is_json() {
        output.json(&json!({"unloaded": args.hash}))?;
    } else {
        let until = if args.keep { " until the next start" } else { "" };
        output.line(format_args!("unloaded{until}; actors that run stay"))?;
    }
    Ok(())
}
