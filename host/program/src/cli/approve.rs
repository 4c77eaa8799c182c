//! `approve` and `refuse`: what a person says of a source that waits for one.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::connect::NodeArgs;
use super::deadline::{at_once, within};
use super::load::{named_rights, show_loaded};
use super::output::Output;

/// Approves a source that waits for a person, so that actors can be created from it.
///
/// `sources pending` lists those that wait, with what they want.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 approved, and loaded; 2 it waits for nobody, or does not want such a right; 3 no such source; 4 it \
                  can't be used, or the role is not enough; 5 no node (all: `thespian-host --help`)"
)]
pub(super) struct ApproveArgs {
    /// Hash of the source, or an unambiguous beginning of it.
    hash: String,
    /// Right that its actors get, of those that it wants; may be repeated [default: none].
    #[arg(long = "allow", value_name = "RIGHT", value_delimiter = ',')]
    rights: Vec<String>,
    #[command(flatten)]
    node: NodeArgs,
}

/// Refuses a source that waits for a person. Whoever loads it is told why.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 refused; 2 it waits for nobody; 3 no such source; 4 the role is not enough; 5 no node (all: \
                  `thespian-host --help`)"
)]
pub(super) struct RefuseArgs {
    /// Hash of the source, or an unambiguous beginning of it.
    hash: String,
    /// Reason, for whoever loads it and for the audit log.
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn approve(args: ApproveArgs, output: &Output) -> Result<()> {
    let rights = named_rights(&args.rights)?;
    let client = args.node.connect().await?;
    // One source is compiled after the other, and nobody knows how many there are before this one.
    let loaded = within(Duration::MAX, client.approve(&args.hash, rights)).await?;
    show_loaded(&loaded, output)
}

pub(super) async fn refuse(args: RefuseArgs, output: &Output) -> Result<()> {
    at_once(args.node.connect().await?.refuse(&args.hash, &args.why)).await?;
    if output.is_json() {
        output.json(&json!({"refused": args.hash}))?;
    } else {
        output.line("refused")?;
    }
    Ok(())
}
