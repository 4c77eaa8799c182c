//! Reads the audit log back: whether it is whole, and if not, where it breaks.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thespian_core::limits::{AUDIT_FILES_KEPT, AUDIT_LINE_BYTES_MAX};

use super::{FILE, HEAD_FILE, Last, Noted, file_of, hex, read_head};
use crate::seal::Seal;

/// The parts of a line that make it a link.
#[derive(Deserialize)]
struct Link {
    n: u64,
    prev: String,
}

/// The audit log of a node, as it was found to be whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditTrail {
    /// The number of its first record that is kept; 0 where there is none.
    pub first: u64,
    /// The number of its last.
    pub last: u64,
    /// The hash of its last record: whoever noted it elsewhere can tell whether all of it is another.
    pub hash: String,
}

/// Where an audit log is not as the node wrote it.
#[derive(Debug, thiserror::Error)]
pub enum AuditBreak {
    /// The files can't be read.
    #[error("{path}: {error}")]
    Io {
        /// The file that can't.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// A line is no record, or not the one that comes next.
    #[error("{path}, line {line}: {why}")]
    Line {
        /// The file that it is in.
        path: PathBuf,
        /// The number of the line in it, from 1.
        line: u64,
        /// The reason in words.
        why: String,
    },
    /// The end is another than the node noted.
    #[error("{0}")]
    End(String),
}

/// The last record, and where the last whole line ends. Looks at the newest file; where that is empty, at the one before.
pub(super) fn end_of(dir: &Path, newest: &File) -> io::Result<(Last, u64)> {
    let (last, len) = last_line(newest)?;
    if let Some(last) = last {
        return Ok((last, len));
    }
    match File::open(file_of(dir, 1)) {
        Ok(before) => Ok((last_line(&before)?.0.unwrap_or_default(), len)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((Last::default(), len)),
        Err(error) => Err(error),
    }
}

/// The last whole line of a file, if it is a record, and where it ends.
fn last_line(file: &File) -> io::Result<(Option<Last>, u64)> {
    let len = file.metadata()?.len();
    let from = len.saturating_sub(2 * AUDIT_LINE_BYTES_MAX as u64);
    let mut tail = vec![0; usize::try_from(len - from).unwrap_or(0)];
    file.read_exact_at(&mut tail, from)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
        return Ok((None, if from == 0 { 0 } else { len }));
    };
    let start = tail[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = &tail[start..end];
    let link: Option<Link> = serde_json::from_slice(line).ok();
    Ok((link.map(|link| Last::of_line(link.n, line)), from + end as u64 + 1))
}

/// The last lines of the log in a data directory, the oldest first, at most so many.
///
/// # Errors
/// They can't be read, or a line is longer than a record.
pub fn last_lines(data_dir: &Path, len_max: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut lines = VecDeque::new();
    for age in 0..=AUDIT_FILES_KEPT {
        if lines.len() >= len_max {
            break;
        }
        let file = match File::open(file_of(data_dir, age)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && age > 0 => break,
            file => file?,
        };
        let mut of_file = VecDeque::new();
        let mut reader = BufReader::new(file);
        while let Some(line) = next_line(&mut reader)? {
            if of_file.len() == len_max - lines.len() {
                of_file.pop_front();
            }
            // A node may be writing the last one.
            of_file.extend(line.strip_suffix(b"\n").map(<[u8]>::to_vec));
        }
        of_file.append(&mut lines);
        lines = of_file;
    }
    Ok(lines.into())
}

/// The next line, with its end, if that has come.
fn next_line(reader: &mut BufReader<File>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    // A line has a bound, whoever wrote it.
    let len = io::Read::take(reader, AUDIT_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    if len == AUDIT_LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        return Err(io::Error::other("a line is longer than any record"));
    }
    Ok((len > 0).then_some(line))
}

/// Reads the whole log in a data directory, whether a node runs there or not, and checks each link.
///
/// # Errors
/// The first place where it breaks.
pub fn verify(data_dir: &Path) -> Result<AuditTrail, AuditBreak> {
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |error| AuditBreak::Io { path, error }
    };
    // First: what a node that runs adds meanwhile is behind it.
    let key = data_dir.join(crate::store::data::STORE_KEY_FILE);
    if !key.exists() {
        return Err(AuditBreak::Io { path: key, error: io::ErrorKind::NotFound.into() });
    }
    let seal = Seal::open(&key).map_err(io_error(&key))?;
    let head_path = data_dir.join(HEAD_FILE);
    let noted = match File::open(&head_path) {
        Ok(head) => read_head(&seal, &head).map_err(io_error(&head_path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Noted::Nothing,
        Err(error) => return Err(AuditBreak::Io { path: head_path, error }),
    };
    let mut walk = Walk { first: None, last: Last::default(), noted: head_of(&noted), at_head: None };
    for age in (0..=AUDIT_FILES_KEPT).rev() {
        let path = file_of(data_dir, age);
        match File::open(&path) {
            Ok(file) => walk.file(&path, file, age == 0)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(AuditBreak::Io { path, error }),
        }
    }
    walk.ended(&noted)?;
    Ok(AuditTrail { first: walk.first.unwrap_or(0), last: walk.last.n, hash: hex(&walk.last.hash) })
}

fn head_of(noted: &Noted) -> u64 {
    match noted {
        Noted::At(head) => head.n,
        Noted::Nothing | Noted::Damaged => 0,
    }
}

/// A walk from record to record.
struct Walk {
    first: Option<u64>,
    last: Last,
    /// The record that the node noted as its last.
    noted: u64,
    at_head: Option<Last>,
}

impl Walk {
    fn file(&mut self, path: &Path, file: File, is_newest: bool) -> Result<(), AuditBreak> {
        let mut reader = BufReader::new(file);
        for number in 1.. {
            let io_error = |error| AuditBreak::Io { path: path.to_owned(), error };
            let Some(line) = next_line(&mut reader).map_err(io_error)? else { break };
            if is_newest && line.last() != Some(&b'\n') {
                // A node is writing it, or was killed meanwhile. Had it been told of, it would be missing below.
                break;
            }
            self.line(&line).map_err(|why| AuditBreak::Line { path: path.to_owned(), line: number, why })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let line = line.strip_suffix(b"\n").ok_or("it was cut in the middle, or is no record")?;
        let link: Link = serde_json::from_slice(line).map_err(|error| format!("it is no record: {error}"))?;
        if self.first.is_none() {
            self.first = Some(link.n);
        } else if link.n != self.last.n + 1 {
            return Err(format!("record {} follows record {}", link.n, self.last.n));
        } else if link.prev != hex(&self.last.hash) {
            return Err(format!("record {} was changed after record {} was written", self.last.n, link.n));
        }
        self.last = Last::of_line(link.n, line);
        if link.n == self.noted {
            self.at_head = Some(self.last);
        }
        Ok(())
    }

    fn ended(&self, noted: &Noted) -> Result<(), AuditBreak> {
        let why = match noted {
            Noted::Nothing if self.last.n == 0 => return Ok(()),
            Noted::Nothing => format!("there is no {HEAD_FILE} that says where it ends"),
            Noted::Damaged => format!("{HEAD_FILE} is not as the node wrote it"),
            Noted::At(head) if self.at_head == Some(*head) => return Ok(()),
            Noted::At(head) if head.n > self.last.n => {
                let missing = head.n - self.last.n;
                format!("the last {missing} records are cut off: {FILE} ended with record {}", head.n)
            }
            Noted::At(head) => format!("record {} is another than the node wrote", head.n),
        };
        Err(AuditBreak::End(why))
    }
}
