//! `stop`.

use anyhow::Result;
use clap::Args;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::json;
use thespian_core::limits::STOP_TIME_MAX;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use super::connect::{NodeArgs, Place};
use super::deadline::{at_once, within};
use super::output::Output;

/// Stops the node in order: asks its actors to exit, and ends after ten seconds those that do not.
///
/// Done when its process is gone, so that its data directory is free for the next.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 stopped; 5 no node (all: `thespian-host --help`)")]
pub(super) struct StopArgs {
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn stop(args: StopArgs, output: &Output) -> Result<()> {
    let place = args.node.place()?;
    let client = args.node.connect_to(&place, None).await?;
    let process = match place {
        Place::Unix(_) => process(at_once(client.status()).await?.pid),
        Place::Tcp(..) => None,
    };
    within(STOP_TIME_MAX, client.stop()).await?;
    if let Some(process) = process {
        // It has nothing left to do but to end. Should the number name another process, as across containers, the
        // wait is bounded.
        let _ = timeout(STOP_TIME_MAX, process.readable()).await;
    }
    if output.is_json() {
        output.json(&json!({"stopped": true}))?;
    } else {
        output.line("stopped")?;
    }
    Ok(())
}

/// Becomes readable when the process ends. `None` where it can't be seen from here.
fn process(pid: u32) -> Option<Receiver> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    // It is no pipe; all that is done with it is to wait until it can be read.
    Receiver::from_owned_fd_unchecked(pidfd_open(pid, PidfdFlags::empty()).ok()?).ok()
}
