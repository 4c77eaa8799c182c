//! How long a command waits for a node: one whose process is stopped, or that has too much to do, answers nothing.

use std::time::Duration;

use anyhow::Result;
use thespian_core::limits::ANSWER_TIME_MAX;
use thespian_host::client::ClientError;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::outcome::TimedOut;

/// An answer for which the node need not wait.
pub(super) async fn at_once<T>(answer: impl Future<Output = Result<T, ClientError>>) -> Result<T> {
    within(Duration::ZERO, answer).await
}

/// An answer for which the node may wait as long as `wait`, and which has to come soon after.
pub(super) async fn within<T>(
    wait: Duration,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T> {
    let time = wait.saturating_add(ANSWER_TIME_MAX);
    match timeout(time, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(silent("the node", "did not answer", time).into()),
    }
}

/// An answer before which the node says how far it is. Each step says how long the next one may take.
pub(super) async fn step_by_step<T>(
    mut steps: watch::Receiver<Duration>,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T> {
    let mut answer = std::pin::pin!(answer);
    loop {
        let time = steps.borrow_and_update().saturating_add(ANSWER_TIME_MAX);
        tokio::select! {
            answer = &mut answer => return Ok(answer?),
            Ok(()) = steps.changed() => {}
            () = sleep(time) => return Err(silent("the node", "did not go on", time).into()),
        }
    }
}

/// Says what was waited for, and what may be the matter.
pub(super) fn silent(who: &str, what: &str, time: Duration) -> TimedOut {
    TimedOut(format!(
        "{who} {what} within {} s: its process may be stopped (then SIGCONT lets it go on), or has too much to do; \
         `thespian-host wait-ready` waits for it",
        time.as_secs_f64()
    ))
}
