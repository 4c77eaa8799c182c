//! `--watch`: shows the same again and again, until Ctrl-C or the node's end.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::signal::ctrl_c;
use tokio::time::sleep;

use super::ask::seconds;
use super::output::Output;

const PERIOD_MIN: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(super) struct WatchArgs {
    /// Shows it again every so many seconds, until Ctrl-C or the node's end: on a terminal in place, else one below the
    /// other.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = period)]
    watch: Option<Duration>,
}

fn period(text: &str) -> Result<Duration, String> {
    let period = seconds(text)?;
    // More often is more than anyone sees, and the node has other things to do.
    if period < PERIOD_MIN { Err(format!("at least {} s", PERIOD_MIN.as_secs_f64())) } else { Ok(period) }
}

impl WatchArgs {
    /// Shows it once, or as often as it is to be shown.
    pub(super) async fn show(
        &self,
        output: &Output,
        mut once: impl AsyncFnMut() -> Result<()>,
    ) -> Result<()> {
        let Some(period) = self.watch else { return once().await };
        let shows = async {
            loop {
                output.begin_again()?;
                once().await?;
                sleep(period).await;
            }
        };
        tokio::select! {
            shown = shows => shown,
            // It is how one ends it.
            interrupted = ctrl_c() => Ok(interrupted?),
        }
    }
}
