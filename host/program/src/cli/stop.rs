//! `stop`.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::json;
use thespian_core::limits::STOP_TIME_MAX;
use thespian_host::client::ClientError;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use super::connect::NodeArgs;
use super::deadline::silent;
use super::outcome::TimedOut;
use super::output::Output;

/// Stops the node in order: asks its actors to exit, and ends after five seconds those that do not.
///
/// Done when its process is gone, so that its data directory is free for the next. A node that can't end in order ends
/// all the same within ten seconds.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 stopped; 5 no node; 6 its process is still there (all: `thespian-host --help`)"
)]
pub(super) struct StopArgs {
    #[command(flatten)]
    node: NodeArgs,
}

/// Beyond the time that a node takes at most: its process must be seen to be gone.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn stop(args: StopArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let process = client.pid().and_then(process);
    let answered = Cell::new(false);
    let gone = async {
        let stopped = client.stop().await;
        answered.set(true);
        match (stopped, &process) {
            // Without an answer it did not end in order, but it is seen to end.
            (Ok(()) | Err(ClientError::Lost(_)), Some((_, process))) => Ok(process.readable().await?),
            (stopped, _) => anyhow::Ok(stopped?),
        }
    };
    let time_max = STOP_TIME_MAX + PATIENCE;
    match (timeout(time_max, gone).await, &process) {
        (Ok(gone), _) => gone?,
        (Err(_), Some((pid, _))) if answered.get() => {
            let text = format!("the node stopped its actors, but its process, {pid}, is still there");
            return Err(TimedOut(text).into());
        }
        (Err(_), _) => return Err(silent("the node", "did not answer", time_max).into()),
    }
    if output.is_json() {
        output.json(&json!({"stopped": true}))?;
    } else {
        output.line("stopped")?;
    }
    Ok(())
}

/// Its number, and what becomes readable when it ends. `None` where it can't be seen from here.
fn process(pid: u32) -> Option<(u32, Receiver)> {
    let process = Pid::from_raw(i32::try_from(pid).ok()?)?;
    // It is no pipe; all that is done with it is to wait until it can be read.
    let end = Receiver::from_owned_fd_unchecked(pidfd_open(process, PidfdFlags::empty()).ok()?).ok()?;
    Some((pid, end))
}
