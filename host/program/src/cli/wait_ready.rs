//! `wait-ready`.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use thespian_core::role::Role;
use thespian_core::wire::control::NodeStatus;
use thespian_host::client::ClientError;
use tokio::time::{sleep, timeout};

use super::ask::seconds;
use super::connect::{NodeAddress, NodeArgs};
use super::outcome::TimedOut;
use super::output::Output;

/// The first pause between two looks; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Waits until the node answers.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 it answers; 4 it does not let this program in; 6 it did not answer in time (all: \
                        `thespian-host --help`)"
)]
pub(super) struct WaitReadyArgs {
    /// How long to wait.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn wait_ready(args: WaitReadyArgs, output: &Output) -> Result<()> {
    let place = args.node.place()?;
    let ready = match timeout(args.timeout, answer(&args.node, &place)).await {
        Ok(ready) => ready?,
        Err(_) => {
            let text = format!("no node answered at {place} within {} s", args.timeout.as_secs_f64());
            return Err(TimedOut(text).into());
        }
    };
    if output.is_json() {
        output.json(&ready)?;
    }
    Ok(())
}

/// A node's status, or as much as a program that may not look is told.
#[derive(Serialize)]
#[serde(untagged)]
enum Ready {
    Status(Box<NodeStatus>),
    LetIn { role: Role },
}

async fn answer(node: &NodeArgs, place: &NodeAddress) -> Result<Ready, ClientError> {
    let mut pause = PAUSE_MIN;
    loop {
        let ready = match node.try_connect(place, None).await {
            Ok(client) if client.role().may(Role::Read) => {
                client.status().await.map(|status| Ready::Status(Box::new(status)))
            }
            Ok(client) => Ok(Ready::LetIn { role: client.role() }),
            Err(error) => Err(error),
        };
        match ready {
            // It may be starting: its socket, or its token file, is on its way.
            Err(ClientError::NoNode { .. } | ClientError::Lost(_) | ClientError::Token(_)) => {}
            answered => return answered,
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
