//! The audit log: what was let in, what was not, and why. A record a line, as JSON, each with the hash of the one before, and a sealed
//! note of the last: so that it is found where a record was changed, taken out between others, or cut off at the end.
//!
//! ```text
//!  audit.jsonl.2 ─► audit.jsonl.1 ─► audit.jsonl ◄── audit.head
//!  (oldest)          each line: what, and the hash of the line before       the last line's number and hash, sealed
//! ```

mod trail;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use thespian_core::limits::{AUDIT_FILE_BYTES_MAX, AUDIT_FILES_KEPT};
use thespian_core::utc::UtcTime;

pub use self::trail::{AuditBreak, AuditTrail, last_lines, verify};

use super::DirLock;
use crate::input;
use crate::output;
use crate::seal::{SEAL_LEN, Seal};

/// The newest file in the data directory; older ones have a number behind it.
pub(super) const FILE: &str = "audit.jsonl";
/// The note of the last record.
const HEAD_FILE: &str = "audit.head";
/// The purpose of its seal.
const PURPOSE: &[u8] = b"thespian-audit-1\n";
/// Its bytes: the seal, the number of the last record, and its hash.
const HEAD_LEN: usize = SEAL_LEN + 8 + 32;

/// Something that happened to what a node lets in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(crate) enum AuditEvent {
    /// The node began.
    Started { version: &'static str, host: String, authority: String, policy_sha256: Option<String> },
    /// A source can be created from.
    Approved(Box<ApprovedRecord>),
    /// A source can't be created from, for this reason.
    Refused { source: String, label: String, by: Option<String>, reason: String },
    /// So many records were left out: more came than anybody reads, or they could not be written.
    LeftOut { records: u64 },
    /// A source was unloaded.
    Unloaded { source: String },
    /// Another policy is in force.
    PolicySet { sha256: String },
    /// The clock was taken for right.
    ClockAccepted { now: String },
    /// An actor judges from here on, or none.
    Authority { actor: Option<String>, source: Option<String> },
    /// An actor said something that was not its to say.
    Ignored { actor: String, offer: Option<u64> },
    /// The log does not go on as it ended.
    Broken { why: String },
}

/// An approval, with all that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ApprovedRecord {
    pub(crate) source: String,
    pub(crate) label: String,
    pub(crate) size: u64,
    pub(crate) by: Option<String>,
    pub(crate) judged_by: String,
    pub(crate) rights: Vec<&'static str>,
    pub(crate) limits: Vec<(&'static str, u64)>,
    pub(crate) runs: Option<String>,
    pub(crate) manifest_sha256: Option<String>,
    pub(crate) signatures_sha256: Vec<String>,
    /// Whether it was there before the node started.
    pub(crate) is_restored: bool,
}

/// A line of the log.
#[derive(Serialize)]
struct AuditLine<'a> {
    n: u64,
    at: String,
    #[serde(flatten)]
    event: &'a AuditEvent,
    prev: String,
}

/// The log of one node.
pub(crate) struct AuditLog {
    dir: PathBuf,
    seal: Arc<Seal>,
    end: Mutex<AuditEnd>,
    lock: Weak<DirLock>,
}

/// Where the log ends.
struct AuditEnd {
    file: File,
    head: File,
    len: u64,
    last: Last,
}

/// The last record: its number, 0 where there is none, and the hash of its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Last {
    n: u64,
    hash: [u8; 32],
}

impl Last {
    fn of_line(n: u64, line: &[u8]) -> Self {
        Self { n, hash: Sha256::digest(line).into() }
    }

    fn sealed(self, seal: &Seal) -> Vec<u8> {
        seal.sealed(PURPOSE, &[&self.n.to_le_bytes()[..], &self.hash].concat())
    }

    fn opened(seal: &Seal, bytes: &[u8]) -> Option<Self> {
        let (n, hash) = seal.opened(PURPOSE, bytes)?.split_first_chunk::<8>()?;
        Some(Self { n: u64::from_le_bytes(*n), hash: hash.try_into().ok()? })
    }
}

/// Digits of a hash.
fn hex(hash: &[u8; 32]) -> String {
    thespian_core::source::SourceHash(*hash).to_string()
}

/// The file of so many turns ago.
fn file_of(dir: &Path, age: usize) -> PathBuf {
    if age == 0 { dir.join(FILE) } else { dir.join(format!("{FILE}.{age}")) }
}

impl AuditLog {
    /// Opens the log in a data directory. A line that was cut in the middle goes: nobody was told of what it says. What else is not as
    /// it was left is told, and is in the log from here on.
    ///
    /// # Errors
    /// It can't be read or written.
    pub(crate) fn open(
        dir: &Path,
        seal: Arc<Seal>,
        lock: Weak<DirLock>,
        now: UtcTime,
    ) -> io::Result<(Self, Option<String>)> {
        let path = dir.join(FILE);
        let options = || {
            let mut options = OpenOptions::new();
            options.read(true).create(true).mode(0o600);
            options
        };
        let file = input::open_own(options().append(true), &path)?;
        let head = input::open_own(options().write(true).truncate(false), &dir.join(HEAD_FILE))?;
        let (last, len) = trail::end_of(dir, &file)?;
        file.set_len(len)?;
        let noted = read_head(&seal, &head)?;
        let log =
            Self { dir: dir.to_owned(), seal, end: Mutex::new(AuditEnd { file, head, len, last }), lock };
        let broken = match noted {
            Noted::Nothing if last.n == 0 => None,
            Noted::Nothing => Some(format!("there is no {HEAD_FILE} that says where it ended")),
            Noted::Damaged => Some(format!("{HEAD_FILE} is not as this node wrote it")),
            Noted::At(head) if head.n > last.n => {
                Some(format!("it ended with record {}, and now with {}", head.n, last.n))
            }
            Noted::At(head) if head.n == last.n && head != last => {
                Some(format!("record {} is another than the one it ended with", last.n))
            }
            Noted::At(_) => None,
        };
        if let Some(why) = &broken {
            log.append(now, &[AuditEvent::Broken { why: why.clone() }], true)?;
        }
        Ok((log, broken.map(|why| format!("the audit log is not as this node left it: {why}"))))
    }

    /// The last records that are written, as [`last_lines`] has them.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn last_lines(&self, len_max: usize) -> io::Result<Vec<Vec<u8>>> {
        last_lines(&self.dir, len_max)
    }

    /// Writes records behind the last; if `is_synced` they outlive a power failure, and none of them can be cut off unseen.
    ///
    /// # Errors
    /// They can't be written: none of them is in the log.
    pub(crate) fn append(&self, now: UtcTime, events: &[AuditEvent], is_synced: bool) -> io::Result<()> {
        let mut end = self.end.lock();
        let _held = DirLock::held(&self.lock)?;
        let mut last = end.last;
        let mut lines = Vec::new();
        for event in events {
            let line = AuditLine { n: last.n + 1, at: now.to_string(), event, prev: hex(&last.hash) };
            let line = serde_json::to_vec(&line).map_err(io::Error::other)?;
            last = Last::of_line(last.n + 1, &line);
            lines.extend(line);
            lines.push(b'\n');
        }
        if end.len > 0 && end.len + lines.len() as u64 > AUDIT_FILE_BYTES_MAX {
            self.turn_over(&mut end)?;
        }
        // Half a line of an attempt that failed would be taken for a cut.
        if end.file.metadata()?.len() != end.len {
            end.file.set_len(end.len)?;
        }
        (&end.file).write_all(&lines)?;
        if is_synced {
            end.file.sync_data()?;
        }
        end.len += lines.len() as u64;
        end.last = last;
        if is_synced {
            // Behind the log, and never before it: one that goes on behind its note is whole.
            let _is_older_then = end.head.write_all_at(&last.sealed(&self.seal), 0);
        }
        Ok(())
    }

    /// Begins another file, and lets go of the oldest.
    fn turn_over(&self, end: &mut AuditEnd) -> io::Result<()> {
        end.file.sync_all()?;
        let (path, next) = (file_of(&self.dir, 0), self.dir.join(format!("{FILE}.new")));
        // First what may fail for want of room.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().append(true).read(true).create_new(true).mode(0o600).open(&next)?;
        for age in (0..AUDIT_FILES_KEPT).rev() {
            match fs::rename(file_of(&self.dir, age), file_of(&self.dir, age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&next, &path)?;
        (end.file, end.len) = (file, 0);
        output::sync_folder(&path)
    }
}

/// The note of the last record, as it was read.
enum Noted {
    Nothing,
    At(Last),
    Damaged,
}

fn read_head(seal: &Seal, head: &File) -> io::Result<Noted> {
    let mut bytes = [0; HEAD_LEN];
    match head.metadata()?.len() {
        0 => Ok(Noted::Nothing),
        _ => match head.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Last::opened(seal, &bytes).map_or(Noted::Damaged, Noted::At)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Noted::Damaged),
            Err(error) => Err(error),
        },
    }
}

#[cfg(test)]
mod tests;
