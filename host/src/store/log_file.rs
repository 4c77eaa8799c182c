//! The log as a file, if a node is to write one: a record a line, as JSON, and of bounded size. A thread of its own
//! writes it, so that nobody waits for a disk; what that one can't take is counted, and said in the file where it is
//! missing.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::mem;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::{Condvar, Mutex};
use rustix::fs::OFlags;
use thespian_core::limits::LOG_FILE_QUEUE_BYTES_MAX;
use thespian_core::text::inert_json;
use thespian_core::wire::control::{LogFileStatus, LogRecord};
use tokio::sync::watch;

use super::StoreError;

/// What a record costs besides its texts, in bytes.
const RECORD_COST: usize = size_of::<LogRecord>();
/// How much is written at one time, in bytes.
const WRITE_BYTES: usize = 64 << 10;

/// The way to the file.
pub(crate) struct LogFile {
    path: PathBuf,
    bytes_max: u64,
    queue: Arc<Queue>,
}

/// Between those who log and the one who writes.
struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
    /// How many of the records pushed are dealt with.
    done: watch::Sender<u64>,
    lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<LogRecord>,
    bytes: usize,
    pushed: u64,
    /// Since the last that was taken.
    refused: u64,
    is_closed: bool,
}

impl LogFile {
    /// Opens the file, or makes it, and writes `first` to it: so a disk that is full is found at the start.
    ///
    /// # Errors
    /// It can't be made or written, is no ordinary file, belongs to somebody else, or another node writes it.
    pub(crate) fn open(path: &Path, bytes_max: u64, first: &LogRecord) -> Result<Self, StoreError> {
        let io_error = |error| StoreError::LogFile { path: path.to_path_buf(), error };
        let (log_file, writer) = Self::prepare(path, bytes_max, first).map_err(io_error)?;
        let builder = thread::Builder::new().name("thespian-log".to_string());
        builder.spawn(move || writer.run()).map_err(io_error)?;
        Ok(log_file)
    }

    /// The way to the file, and the one who writes it.
    fn prepare(path: &Path, bytes_max: u64, first: &LogRecord) -> io::Result<(Self, Writer)> {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            more: Condvar::new(),
            done: watch::Sender::new(0),
            lost: AtomicU64::new(0),
        });
        let (file, len) = open(path)?;
        let mut writer = Writer {
            path: path.to_path_buf(),
            bytes_max,
            lines: end_of_line(&file, len)?,
            file: Some(file),
            len,
            lines_len: 0,
            missing: 0,
            said: 0,
            why: String::new(),
            queue: queue.clone(),
        };
        writer.add(first)?;
        writer.write()?;
        Ok((Self { path: path.to_path_buf(), bytes_max, queue }, writer))
    }

    /// Has a record written. Never waits: what finds the queue full is counted.
    pub(crate) fn push(&self, record: &LogRecord) {
        let cost = cost(record);
        let mut waiting = self.queue.waiting.lock();
        if waiting.bytes + cost > LOG_FILE_QUEUE_BYTES_MAX {
            waiting.refused += 1;
            self.queue.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes += cost;
        waiting.pushed += 1;
        waiting.records.push_back(record.clone());
        drop(waiting);
        self.queue.more.notify_one();
    }

    /// Returns when all that was pushed is written, or counted as lost.
    pub(crate) async fn written(&self) {
        let pushed = self.queue.waiting.lock().pushed;
        // An error means that the writer is gone, and nothing more will be written.
        let _ = self.queue.done.subscribe().wait_for(|done| *done >= pushed).await;
    }

    /// For those who look at the node.
    pub(crate) fn status(&self) -> LogFileStatus {
        LogFileStatus {
            path: self.path.display().to_string(),
            bytes_max: self.bytes_max,
            lost: self.queue.lost.load(Ordering::Relaxed),
        }
    }
}

impl Drop for LogFile {
    /// The writer ends when it has written what waits.
    fn drop(&mut self) {
        self.queue.waiting.lock().is_closed = true;
        self.queue.more.notify_one();
    }
}

fn cost(record: &LogRecord) -> usize {
    let class = record.class.as_ref().map_or(0, String::len);
    RECORD_COST + record.text.len() + record.target.len() + class
}

/// Whose lines are written, and what came in the way.
struct Writer {
    path: PathBuf,
    bytes_max: u64,
    /// Absent when the old one was put aside and no new one could be made.
    file: Option<File>,
    len: u64,
    /// Whole lines that are not written yet, and how many records they are.
    lines: Vec<u8>,
    lines_len: u64,
    /// Records that are missing, and not said to be; and those that the lines say to be.
    missing: u64,
    said: u64,
    why: String,
    queue: Arc<Queue>,
}

impl Writer {
    fn run(mut self) {
        while let Some((records, refused)) = self.take() {
            if refused > 0 {
                self.missing += refused;
                self.why = "they came faster than they were written".to_string();
            }
            for record in &records {
                if let Err(error) = self.add(record) {
                    self.lose(1, &error);
                }
                if self.lines.len() >= WRITE_BYTES {
                    self.flush();
                }
            }
            self.flush();
            self.queue.done.send_modify(|done| *done += records.len() as u64);
        }
    }

    /// Waits for records; `None` when none will come any more.
    fn take(&self) -> Option<(VecDeque<LogRecord>, u64)> {
        let mut waiting = self.queue.waiting.lock();
        while waiting.records.is_empty() {
            if waiting.is_closed {
                return None;
            }
            self.queue.more.wait(&mut waiting);
        }
        waiting.bytes = 0;
        Some((mem::take(&mut waiting.records), mem::take(&mut waiting.refused)))
    }

    /// Adds a record to the lines, and before it what is missing there.
    fn add(&mut self, record: &LogRecord) -> io::Result<()> {
        let mut lines = String::new();
        if self.missing > 0 {
            let text = format!("{} records are missing here: {}", self.missing, self.why);
            lines += &line(&remark(record.time_ms, "WARN", text))?;
        }
        lines += &line(record)?;
        self.make_room(lines.len() as u64)?;
        self.lines.extend_from_slice(lines.as_bytes());
        self.lines_len += 1;
        self.said += mem::take(&mut self.missing);
        Ok(())
    }

    /// Begins a new file, where the one that there is has no room for so many bytes more.
    fn make_room(&mut self, more: u64) -> io::Result<()> {
        if self.file.is_some() && self.len + self.lines.len() as u64 + more <= self.bytes_max {
            return Ok(());
        }
        self.flush();
        if more > self.bytes_max {
            return Err(io::Error::other("a record is larger than the file may be"));
        }
        if self.file.is_some() {
            match fs::rename(&self.path, old(&self.path)) {
                // Somebody else has put it aside.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
            self.file = None;
        }
        let (file, len) = open(&self.path)?;
        (self.file, self.len) = (Some(file), len);
        Ok(())
    }

    /// Writes the lines. If that fails they are lost, and the file is as it was.
    fn flush(&mut self) {
        if let Err(error) = self.write() {
            let records = mem::take(&mut self.lines_len);
            self.lines.clear();
            self.lose(records, &error);
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| !self.lines.is_empty()) else { return Ok(()) };
        if let Err(error) = file.write_all(&self.lines) {
            // Half a line would spoil the next one.
            let _ = file.set_len(self.len);
            return Err(error);
        }
        self.len += self.lines.len() as u64;
        self.lines.clear();
        (self.lines_len, self.said) = (0, 0);
        Ok(())
    }

    /// Counts what is not in the file, and says so where nothing was missing before.
    fn lose(&mut self, records: u64, error: &io::Error) {
        if self.missing + self.said == 0 {
            let path = self.path.display();
            tracing::error!(target: "node", %path, %error, "the log file can't be written: what is missing is counted");
        }
        self.queue.lost.fetch_add(records, Ordering::Relaxed);
        self.missing += records + mem::take(&mut self.said);
        self.why = error.to_string();
    }
}

/// A record as it stands in the file.
fn line(record: &LogRecord) -> io::Result<String> {
    Ok(inert_json(&serde_json::to_string(record)?).into_owned() + "\n")
}

/// A record of the file itself: it has the number 0, for it is none of the node's.
pub(crate) fn remark(time_ms: u64, level: &str, text: String) -> LogRecord {
    let target = "log file".to_string();
    LogRecord { seq: 0, time_ms, level: level.to_string(), actor: None, class: None, target, text }
}

/// Where the file goes when it is full; what was there before is gone.
fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".old");
    name.into()
}

/// What is needed for a new line to begin: a node that was killed may have left half a one.
fn end_of_line(file: &File, len: u64) -> io::Result<Vec<u8>> {
    let mut last = *b"\n";
    if len > 0 {
        file.read_exact_at(&mut last, len - 1)?;
    }
    Ok(if last == *b"\n" { Vec::new() } else { vec![b'\n'] })
}

/// The file, for this user alone, and its length. No link is followed: it would be the link that is put aside later, and
/// in a folder of others it might lead anywhere.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    match file.try_lock() {
        Ok(()) => Ok((file, metadata.len())),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another node writes it")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path that no other test uses; the file is gone with its value.
    struct Path(PathBuf);

    impl Path {
        fn new(name: &str) -> Self {
            let name = format!("thespian-log-file-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Path {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn texts(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(&path.0).unwrap();
        text.lines().map(|line| serde_json::from_str::<LogRecord>(line).unwrap().text).collect()
    }

    #[test]
    fn what_comes_faster_than_it_is_written_is_counted_and_said_and_nothing_else_is_lost() {
        let path = Path::new("fast");
        let first = remark(1, "INFO", "first".to_string());
        let (file, writer) = LogFile::prepare(&path.0, 8 << 20, &first).unwrap();
        // Nobody writes yet.
        let record = remark(2, "INFO", "x".repeat(4_000));
        let mut pushed = 0;
        while file.status().lost < 3 {
            file.push(&record);
            pushed += 1;
        }
        assert!(file.queue.waiting.lock().bytes <= LOG_FILE_QUEUE_BYTES_MAX);
        drop(file);
        writer.run();
        let texts = texts(&path);
        assert_eq!(&*texts[0], "first");
        assert_eq!(texts[1], "3 records are missing here: they came faster than they were written");
        assert_eq!(texts.len() - 2, pushed - 3);
    }

    #[test]
    fn half_a_line_of_a_node_that_was_killed_spoils_no_other() {
        let path = Path::new("half");
        fs::write(&path.0, "{\"seq\":1,\"te").unwrap();
        let first = remark(1, "INFO", "first".to_string());
        drop(LogFile::prepare(&path.0, 1 << 20, &first).unwrap());
        let text = fs::read_to_string(&path.0).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(serde_json::from_str::<LogRecord>(lines[1]).unwrap(), first);
        assert_eq!(fs::metadata(&path.0).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
