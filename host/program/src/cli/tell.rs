//! `tell`.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::limits::TELL_TIME_MAX;

use super::connect::{EndpointArgs, NodeArgs};
use super::deadline::within;
use super::message::MessageArgs;
use super::output::Output;

/// Sends a message; done when it is in the actor's mailbox.
///
/// Answers go to the endpoint: `listen --endpoint NAME` receives them if `tell --endpoint NAME` sent.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 sent; 2 the message makes no sense; 3 no such actor; 5 no node; 8 mailbox full \
                        (all: `thespian-host --help`)"
)]
pub(super) struct TellArgs {
    /// The actor's address.
    #[arg(value_name = "ADDR")]
    address: ActorAddress,
    #[command(flatten)]
    message: MessageArgs,
    #[command(flatten)]
    endpoint: EndpointArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn tell(args: TellArgs, output: &Output) -> Result<()> {
    let message = args.message.message()?;
    let client = args.node.connect_at(args.endpoint.name()).await?;
    within(TELL_TIME_MAX, client.tell(args.address, message)).await?;
    if output.is_json() {
        output.json(&json!({"sent_to": args.address}))?;
    }
    Ok(())
}
