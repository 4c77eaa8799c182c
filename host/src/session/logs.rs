//! The log, as a program outside reads it: what is kept, and, if it follows, what comes.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::limits::{LOG_BATCH_BYTES, LOG_BATCH_LEN};
use thespian_core::wire::control::{ControlError, LogRecord, Reply};
use tokio::sync::broadcast;

use crate::answers::{Answered, Update, Updates};
use crate::inside::Inside;

/// Passes on the records of one actor or of all.
pub(super) async fn logs(
    inside: &Inside,
    actor: Option<ActorAddress>,
    last: Option<u64>,
    follow: bool,
    updates: &Updates,
) -> Answered {
    let (kept, mut following) = inside.plane.log.follow(actor);
    let skipped =
        last.map_or(0, |last| kept.len().saturating_sub(usize::try_from(last).unwrap_or(usize::MAX)));
    let mut kept = &kept[skipped..];
    while !kept.is_empty() {
        let (batch, rest) = kept.split_at(batch_len(kept));
        pass_on(updates, batch).await?;
        kept = rest;
    }
    if !follow {
        return Ok(Reply::Done);
    }
    loop {
        let record = tokio::select! {
            // What was written before the end is passed on before it.
            biased;
            record = following.recv() => record,
            () = inside.desk.stopped() => return Err(inside.desk.why_closed()),
        };
        match record {
            Ok(record) => {
                let mut bytes = record.text.len();
                let mut batch = vec![record];
                while batch.len() < LOG_BATCH_LEN
                    && bytes < LOG_BATCH_BYTES
                    && let Ok(record) = following.try_recv()
                {
                    bytes += record.text.len();
                    batch.push(record);
                }
                batch.retain(|record| actor.is_none() || record.actor == actor);
                if !batch.is_empty() {
                    pass_on(updates, &batch).await?;
                }
            }
            // The gap shows in the numbers of the records.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return Err(inside.desk.why_closed()),
        }
    }
}

/// How many of these records go into one frame: at least one.
fn batch_len(records: &[Arc<LogRecord>]) -> usize {
    let mut bytes = 0;
    let has_room = |record: &&Arc<LogRecord>| {
        let has_room = bytes < LOG_BATCH_BYTES;
        bytes += record.text.len();
        has_room
    };
    records.iter().take(LOG_BATCH_LEN).take_while(has_room).count()
}

async fn pass_on(updates: &Updates, records: &[Arc<LogRecord>]) -> Result<(), ControlError> {
    let records = records.iter().map(|record| LogRecord::clone(record)).collect();
    updates.send(Update::Log(records)).await.map_err(|_| ControlError::Cancelled)
}
