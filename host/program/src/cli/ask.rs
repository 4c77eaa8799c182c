//! `ask`.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use thespian_core::address::ActorAddress;

use super::connect::{EndpointArgs, NodeArgs};
use super::deadline::within;
use super::incoming;
use super::message::MessageArgs;
use super::output::Output;

/// Sends a message and prints the first answer to it, wherever it comes from.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 answered; 2 the message makes no sense; 3 no such actor; 5 no node; 6 no answer in \
                        time; 7 the actor could not handle it; 8 mailbox full (all: `thespian-host --help`)"
)]
pub(super) struct AskArgs {
    /// The actor's address.
    #[arg(value_name = "ADDR")]
    address: ActorAddress,
    #[command(flatten)]
    message: MessageArgs,
    /// How long to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    endpoint: EndpointArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn ask(args: AskArgs, output: &Output) -> Result<()> {
    let message = args.message.message()?;
    let client = args.node.connect_at(args.endpoint.name()).await?;
    let answer = within(args.timeout, client.ask(args.address, message, Some(args.timeout))).await?;
    incoming::show(&answer, output)
}

/// A length of time in seconds, which may have a fraction.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number of seconds".to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
