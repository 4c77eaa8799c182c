//! `why-refused`: why nothing can be created from a source.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use thespian_core::wire::control::SourceState;

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::Output;

/// Says why a source was refused: what its authority, the compiler, or a later policy had against it.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 said, also that it is not refused; 3 no such source; 5 no node (all: `thespian-host --help`)"
)]
pub(super) struct WhyRefusedArgs {
    /// Hash of the source, or an unambiguous beginning of it.
    #[arg(value_name = "HASH")]
    source: String,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn why_refused(args: WhyRefusedArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let report = at_once(client.source(&args.source)).await?;
    let reason = match &report.status.state {
        SourceState::Refused(reason) => Some(reason),
        _ => None,
    };
    if output.is_json() {
        output.json(&json!({"hash": report.status.hash, "state": report.status.state, "reason": reason}))?;
    } else if let Some(reason) = reason {
        output.line(reason)?;
    } else {
        output.note("it is not refused; `thespian-host sources HASH` shows what it is");
    }
    Ok(())
}
