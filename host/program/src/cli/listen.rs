//! `listen`.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use thespian_core::wire::control::{ControlError, Incoming};
use thespian_host::client::{Client, ClientError};

use super::ask::seconds;
use super::connect::{EndpointArgs, NodeArgs};
use super::deadline::within;
use super::incoming;
use super::outcome::{Outcome, TimedOut};
use super::output::Output;

/// Prints the next message that reaches an endpoint.
///
/// What came to a named endpoint while nobody listened waits there. Without a name the endpoint is a new one, and only
/// who is told its address can send to it.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 received; 2 the endpoint's name can't be used; 5 no node; 6 nothing came in time; \
                        7 a message of this endpoint came back (all: `thespian-host --help`)"
)]
pub(super) struct ListenArgs {
    /// How long to wait for each message [default: until there is one].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Goes on after the first message.
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    endpoint: EndpointArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Nothing was asked, so what did not come is no answer.
fn silence(error: anyhow::Error, client: &Client) -> anyhow::Error {
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Node(ControlError::TimedOut { timeout_ms })) => {
            let at = client.endpoint();
            TimedOut(format!("nothing reached {at} within {timeout_ms} ms; --timeout waits longer")).into()
        }
        _ => error,
    }
}

pub(super) async fn listen(args: ListenArgs, output: &Output) -> Result<()> {
    let client = args.node.connect_at(args.endpoint.name()).await?;
    output.note(format_args!("listening at {}", client.endpoint()));
    loop {
        let received = match args.timeout {
            Some(wait) => within(wait, client.listen(args.timeout)).await,
            None => Ok(client.listen(None).await?),
        };
        let received = received.map_err(|error| silence(error, &client))?;
        let shown = incoming::show(&received, output);
        match (&received, shown) {
            // One message that came back does not end the listening for others.
            (Incoming::Poisoned(_), Err(error)) if args.follow && Outcome::of(&error) == Outcome::Poison => {
                if !output.is_json() {
                    output.warn(&error);
                }
            }
            (_, Ok(())) if args.follow => {}
            (_, shown) => return shown,
        }
    }
}
