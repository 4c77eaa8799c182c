//! The way to the audit log: approvals are written before anybody is told of them, and all else behind.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use thespian_core::limits::{
    AUDIT_BATCH_LEN, AUDIT_NOTES_OF_ONE_PER_SECOND, AUDIT_NOTES_PER_SECOND, AUDIT_QUEUE_LEN,
    AUDIT_SHOWN_BYTES_MAX, AUDIT_SHOWN_MAX,
};
use thespian_core::text::inert;
use thespian_core::utc::UtcTime;
use thespian_core::wire::control::ControlError;
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
    log: Option<Arc<AuditLog>>,
    io: Handle,
    notes: Arc<Mutex<NotesOfSecond>>,
}

/// Something to be written, and who waits until it is.
struct AuditEntry {
    event: AuditEvent,
    is_synced: bool,
    done: Option<oneshot::Sender<io::Result<()>>>,
}

/// Records of the second under way that somebody could cause any number of: more than anybody reads are counted.
#[derive(Default)]
struct NotesOfSecond {
    second: UtcTime,
    by_cause: HashMap<String, u32>,
    written: u32,
    left_out: u64,
}

impl NotesOfSecond {
    /// Whether one more of this cause is written; and how many were left out before, if a new second begins.
    fn note(&mut self, now: UtcTime, cause: &str) -> (bool, u64) {
        let mut before = 0;
        if now != self.second {
            (self.second, self.written) = (now, 0);
            self.by_cause.clear();
            before = std::mem::take(&mut self.left_out);
        }
        // As many causes as records at most, and so the map is bounded too.
        let is_written = self.written < AUDIT_NOTES_PER_SECOND && {
            let count = self.by_cause.entry(cause.to_owned()).or_default();
            *count += 1;
            *count <= AUDIT_NOTES_OF_ONE_PER_SECOND
        };
        self.written += u32::from(is_written);
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
        let notes = Arc::<Mutex<NotesOfSecond>>::default();
        let io = io.clone();
        let Some(audit) = audit.map(Arc::new) else { return Self { queue: None, log: None, io, notes } };
        let (queue, entries) = mpsc::channel(AUDIT_QUEUE_LEN);
        faults.spawn(
            &io,
            "the audit log",
            write(audit.clone(), entries, io.clone(), log, Arc::clone(&notes)),
        );
        Self { queue: Some(queue), log: Some(audit), io, notes }
    }

    /// The last records that are written, each a line of JSON, the oldest first: so many, or as many as are shown at one time.
    ///
    /// # Errors
    /// There is no such log, or it can't be read.
    pub(crate) async fn last(&self, len_max: u64) -> Result<Vec<String>, ControlError> {
        let Some(log) = self.log.clone() else {
            let text = "this node has no audit log, for it has no data directory";
            return Err(ControlError::Invalid(text.to_string()));
        };
        let len_max = usize::try_from(len_max).unwrap_or(usize::MAX).min(AUDIT_SHOWN_MAX);
        let read = self.io.spawn_blocking(move || log.last_lines(len_max)).await;
        // An error means that the node ends.
        let lines = read.map_err(|_| ControlError::ShuttingDown)?;
        let lines =
            lines.map_err(|error| ControlError::Invalid(format!("the audit log can't be read: {error}")))?;
        let mut bytes = 0;
        let shown = lines.into_iter().rev().take_while(|line| {
            bytes += line.len();
            bytes <= AUDIT_SHOWN_BYTES_MAX
        });
        let mut shown: Vec<_> = shown.map(|line| String::from_utf8_lossy(&line).into_owned()).collect();
        shown.reverse();
        Ok(shown)
    }

    /// Has an event written. Never waits: where too much waits already it is left out, and counted.
    pub(crate) fn note(&self, event: AuditEvent) {
        let Some(queue) = &self.queue else { return };
        if let Some(cause) = cause(&event) {
            let (is_written, before) = self.notes.lock().note(utc(), cause);
            if before > 0 {
                let left_out = AuditEvent::LeftOut { records: before };
                self.count_lost(queue.try_send(AuditEntry { event: left_out, is_synced: true, done: None }));
            }
            if !is_written {
                return;
            }
        }
        self.count_lost(queue.try_send(AuditEntry { event, is_synced: true, done: None }));
    }

    fn count_lost(&self, sent: Result<(), mpsc::error::TrySendError<AuditEntry>>) {
        if sent.is_err() {
            self.notes.lock().left_out += 1;
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

/// Whoever causes a record, where it is somebody that could cause any number of them: an endpoint, an actor, or the source.
fn cause(event: &AuditEvent) -> Option<&str> {
    match event {
        AuditEvent::Refused { by, .. } => Some(by.as_deref().unwrap_or_default()),
        AuditEvent::Unloaded { source } => Some(source),
        AuditEvent::Authority { .. } => Some("authority"),
        AuditEvent::Ignored { actor, .. } => Some(actor),
        _ => None,
    }
}

/// Writes what comes, as much at once as there is.
async fn write(
    audit: Arc<AuditLog>,
    mut entries: mpsc::Receiver<AuditEntry>,
    io: Handle,
    log: Arc<LogStore>,
    notes: Arc<Mutex<NotesOfSecond>>,
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
        if written.is_err() {
            // Nobody else hears of those that nobody waits for.
            notes.lock().left_out += waiting.iter().filter(|done| done.is_none()).count() as u64;
        }
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
    fn of_many_records_in_a_second_the_first_of_each_cause_are_written_and_the_rest_is_counted() {
        let mut notes = NotesOfSecond::default();
        let written = (0..1_000).filter(|_| notes.note(UtcTime(1), "flood").0).count() as u32;
        assert_eq!(written, AUDIT_NOTES_OF_ONE_PER_SECOND);
        assert_eq!(notes.note(UtcTime(1), "other"), (true, 0));
        assert_eq!(notes.note(UtcTime(2), "flood"), (true, 1_000 - u64::from(written)));
        assert_eq!(notes.note(UtcTime(3), ""), (true, 0));
        let causes = (0..10 * AUDIT_NOTES_PER_SECOND).map(|nth| nth.to_string());
        let written = causes.filter(|cause| notes.note(UtcTime(4), cause).0).count();
        assert_eq!(written as u32, AUDIT_NOTES_PER_SECOND);
        assert!(notes.by_cause.len() as u32 <= AUDIT_NOTES_PER_SECOND);
    }
}
