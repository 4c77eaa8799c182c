//! `capabilities`.

use anyhow::Result;
use clap::Args;
use thespian_core::capability::Value;
use thespian_host::typed_text::capability;

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::Output;

/// Shows what the node has, and changes it.
///
/// Actors that the node no longer fits exit. A change lasts until the node ends: what it has at its start is in its
/// configuration.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 shown; 2 a capability that can't be; 5 no node (all: `thespian-host --help`)"
)]
pub(super) struct CapabilitiesArgs {
    /// Capability that it has from now on: `gpu`, `zone=eu`, `ram-gb=8`; may be repeated.
    #[arg(value_name = "NAME[=VALUE]", value_parser = capability)]
    set: Vec<(String, Value)>,
    /// Capability that it no longer has; may be repeated.
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn capabilities(args: CapabilitiesArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let removed = args.remove.into_iter().map(|name| (name, None));
    let set = args.set.into_iter().map(|(name, value)| (name, Some(value)));
    for (name, value) in removed.chain(set) {
        at_once(client.update_capability(&name, value)).await?;
    }
    let capabilities = at_once(client.status()).await?.capabilities;
    if output.is_json() {
        return Ok(output.json(&capabilities)?);
    }
    for (name, value) in &capabilities {
        output.line(format_args!("{name}={value}"))?;
    }
    if capabilities.is_empty() {
        output.note("the node has no capabilities");
    }
    Ok(())
}
