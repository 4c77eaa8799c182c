//! The way to the audit log: approvals are written before anybody is told of them, and all else behind.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use thespian_core::limits::{AUDIT_BATCH_LEN, AUDIT_LOADERS_MAX, AUDIT_QUEUE_LEN, AUDIT_REFUSALS_PER_SECOND};
use thespian_core::text::inert;
use thespian_core::utc::UtcTime;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tracing::Level;

use crate::log::LogStore;
use crate::node_fault::FaultWatch;
use crate::plane::clock::utc;
use crate::store::audit::{AuditEvent, AuditLog};

/// Takes what is to be in the audit log. A node without a data directory has none.
#[derive(Clone)]
pub(crate) struct Auditor {
    queue: Option<mpsc::Sender<AuditEntry>>,
    refusals: Arc<Mutex<RefusalsOfSecond>>,
}

/// Something to be written, and who waits until it is.
struct AuditEntry {
    event: AuditEvent,
    is_synced: bool,
    done: Option<oneshot::Sender<io::Result<()>>>,
}

/// RefusalsOfSecond of the second under way: more than anybody reads are counted.
#[derive(Default)]
struct RefusalsOfSecond {
    second: UtcTime,
    /// How many each loader has had.
    of_loaders: HashMap<Option<String>, u32>,
    left_out: u64,
}

impl RefusalsOfSecond {
    /// Whether one more of this loader is written; and how many were left out before, if a new second begins.
    fn note(&mut self, now: UtcTime, by: Option<&String>) -> (bool, u64) {
        let mut before = 0;
        if now != self.second {
            self.second = now;
            self.of_loaders.clear();
            before = std::mem::take(&mut self.left_out);
        }
        let is_known = self.of_loaders.contains_key(&by.cloned());
        let has_room = is_known || self.of_loaders.len() < AUDIT_LOADERS_MAX;
        let is_written = has_room && {
            let count = self.of_loaders.entry(by.cloned()).or_default();
            *count += 1;
            *count <= AUDIT_REFUSALS_PER_SECOND
        };
        self.left_out += u64::from(!is_written);
        (is_written, before)
    }
}

impl Auditor {
    /// Has a log written, by a task on `io`.
    pub(crate) fn start(
        audit: Option<AuditLog>,
        io: &Handle,
        faults: &Arc<FaultWatch>,
        log: Arc<LogStore>,
    ) -> Self {
        let refusals = Arc::default();
        let Some(audit) = audit else { return Self { queue: None, refusals } };
        let (queue, entries) = mpsc::channel(AUDIT_QUEUE_LEN);
        faults.spawn(io, "the audit log", write(Arc::new(audit), entries, io.clone(), log));
        Self { queue: Some(queue), refusals }
    }

    /// Has an event written. Never waits: where too much waits already it is left out, and counted.
    pub(crate) fn note(&self, event: AuditEvent) {
        let Some(queue) = &self.queue else { return };
        if let AuditEvent::Refused { by, .. } = &event {
            let (is_written, before) = self.refusals.lock().note(utc(), by.as_ref());
            if before > 0 {
                let left_out = AuditEvent::LeftOut { refusals: before };
                self.count_lost(queue.try_send(AuditEntry { event: left_out, is_synced: false, done: None }));
            }
            if !is_written {
                return;
            }
        }
        self.count_lost(queue.try_send(AuditEntry { event, is_synced: false, done: None }));
    }

    fn count_lost(&self, sent: Result<(), mpsc::error::TrySendError<AuditEntry>>) {
        if sent.is_err() {
            self.refusals.lock().left_out += 1;
        }
    }

    /// Has an approval written, and returns when it is; what was there before a start need not outlive a power failure once more.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) async fn approve(&self, event: AuditEvent, is_synced: bool) -> io::Result<()> {
        let Some(queue) = &self.queue else { return Ok(()) };
        let (done, outcome) = oneshot::channel();
        let ends = || io::Error::other("the node ends");
        queue.send(AuditEntry { event, is_synced, done: Some(done) }).await.map_err(|_| ends())?;
        outcome.await.map_err(|_| ends())?
    }
}

/// Writes what comes, as much at once as there is.
async fn write(
    audit: Arc<AuditLog>,
    mut entries: mpsc::Receiver<AuditEntry>,
    io: Handle,
    log: Arc<LogStore>,
) {
    let mut batch = Vec::with_capacity(AUDIT_BATCH_LEN);
    let mut is_told = false;
    while entries.recv_many(&mut batch, AUDIT_BATCH_LEN).await > 0 {
        let is_synced = batch.iter().any(|entry| entry.is_synced);
        let (events, waiting): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|entry| (entry.event, entry.done)).unzip();
        let audit = audit.clone();
        let written = io.spawn_blocking(move || audit.append(utc(), &events, is_synced)).await;
        // The error means that the node ends.
        let Ok(written) = written else { return };
        if let Err(error) = &written
            && !std::mem::replace(&mut is_told, true)
        {
            let text = format!("the audit log can't be written, and nothing is loaded until it can: {error}");
            log.node(Level::ERROR, "sources", &inert(&text));
        }
        is_told &= written.is_err();
        for done in waiting.into_iter().flatten() {
            // Who waited may have left.
            let _ = done.send(written.as_ref().copied().map_err(|error| io::Error::other(error.to_string())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_refusals_in_a_second_each_loaders_first_are_written_and_the_rest_is_counted() {
        let mut refusals = RefusalsOfSecond::default();
        let (flood, other) = ("flood".to_owned(), "other".to_owned());
        let mut written = 0;
        for _ in 0..1_000 {
            written += u32::from(refusals.note(UtcTime(1), Some(&flood)).0);
        }
        assert_eq!(written, AUDIT_REFUSALS_PER_SECOND);
        assert_eq!(refusals.note(UtcTime(1), Some(&other)), (true, 0));
        assert_eq!(refusals.note(UtcTime(2), Some(&flood)), (true, 1_000 - u64::from(written)));
        assert_eq!(refusals.note(UtcTime(3), None), (true, 0));
        let loaders = (0..2 * AUDIT_LOADERS_MAX).map(|nth| nth.to_string());
        let written = loaders.filter(|loader| refusals.note(UtcTime(4), Some(loader)).0).count();
        assert_eq!(written, AUDIT_LOADERS_MAX);
    }
}
