//! The log as a file, if a node is to write one: a record a line, as JSON, and of bounded size. It is the sink of an
//! [`Outlet`], so nobody waits for a disk; what can't be written is counted, and said in the file where it is missing.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::mem;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use thespian_core::limits::LOG_QUEUE_BYTES_MAX;
use thespian_core::text::inert_json;
use thespian_core::wire::control::{LogFileStatus, LogRecord};

use super::StoreError;
use crate::outlet::{Drain, Gap, Losses, Outlet, Sink};

/// How much is written at one time, in bytes.
const WRITE_BYTES: usize = 64 << 10;

/// The way to the file.
pub(crate) struct LogFile {
    path: PathBuf,
    bytes_max: u64,
    outlet: Outlet<Arc<LogRecord>>,
}

/// A file that is open, and that nobody writes yet.
pub(crate) struct OpenLogFile {
    log_file: LogFile,
    drain: Drain<Arc<LogRecord>>,
    writer: Writer,
}

impl OpenLogFile {
    /// Opens the file, or makes it, and writes `first` to it: so a disk that is full is found at the start.
    ///
    /// # Errors
    /// It can't be made or written, is no ordinary file, belongs to somebody else, or another node writes it.
    pub(crate) fn open(path: &Path, bytes_max: u64, first: &LogRecord) -> Result<Self, StoreError> {
        let io_error = |error| StoreError::LogFile { path: path.to_path_buf(), error };
        let (file, len) = open(path).map_err(io_error)?;
        let losses = Losses::default();
        let mut writer = Writer {
            path: path.to_path_buf(),
            bytes_max,
            lines: end_of_line(&file, len).map_err(io_error)?,
            file: Some(file),
            len,
            lines_len: 0,
            last_ms: first.time_ms,
            gap: Gap::default(),
            losses: losses.clone(),
            is_told: false,
            tell: Box::new(|_| {}),
        };
        writer.add(first).and_then(|()| writer.write()).map_err(io_error)?;
        let (outlet, drain) = Outlet::new(LOG_QUEUE_BYTES_MAX, losses);
        Ok(Self { log_file: LogFile { path: path.to_path_buf(), bytes_max, outlet }, drain, writer })
    }

    /// Begins to write. `tell` hears when that can't be done.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(mut self, tell: impl Fn(&str) + Send + 'static) -> Result<LogFile, StoreError> {
        self.writer.tell = Box::new(tell);
        let path = self.log_file.path.clone();
        let started = self.drain.start("thespian-file", self.writer);
        started.map_err(|error| StoreError::LogFile { path, error })?;
        Ok(self.log_file)
    }
}

impl LogFile {
    /// Has a record written that takes about so many bytes. Never waits.
    pub(crate) fn push(&self, record: Arc<LogRecord>, bytes: usize) {
        self.outlet.push(record, bytes);
    }

    /// Returns when all that was pushed is written, or counted as lost.
    pub(crate) async fn written(&self) {
        self.outlet.written().await;
    }

    /// For those who look at the node.
    pub(crate) fn status(&self) -> LogFileStatus {
        LogFileStatus {
            path: self.path.display().to_string(),
            bytes_max: self.bytes_max,
            lost: self.outlet.losses().count(),
        }
    }
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
    /// When the last record came.
    last_ms: u64,
    gap: Gap,
    losses: Losses,
    /// Whether it was told that nothing can be written.
    is_told: bool,
    tell: Box<dyn Fn(&str) + Send>,
}

impl Sink<Arc<LogRecord>> for Writer {
    fn item(&mut self, record: Arc<LogRecord>) {
        self.last_ms = record.time_ms;
        if let Err(error) = self.add(&record) {
            self.lose(1, &error);
        }
        if self.lines.len() >= WRITE_BYTES {
            self.flush();
        }
    }

    fn missing(&mut self, count: u64) {
        self.gap.add_refused(count);
    }

    /// Writes the lines, and at their end what is missing there.
    fn flush(&mut self) {
        if let Err(error) = self.add_gap().and_then(|()| self.write()) {
            let records = mem::take(&mut self.lines_len);
            self.lines.clear();
            self.lose(records, &error);
        }
    }
}

impl Writer {
    /// Adds a record to the lines, and before it what is missing there.
    fn add(&mut self, record: &LogRecord) -> io::Result<()> {
        self.add_gap()?;
        self.add_line(&line(record)?)?;
        self.lines_len += 1;
        Ok(())
    }

    fn add_gap(&mut self) -> io::Result<()> {
        let Some((count, why)) = self.gap.to_say() else { return Ok(()) };
        let text = format!("{count} records are missing here: {why}");
        self.add_line(&line(&remark(self.last_ms, "WARN", text))?)?;
        self.gap.say();
        Ok(())
    }

    fn add_line(&mut self, line: &str) -> io::Result<()> {
        self.make_room(line.len() as u64)?;
        self.lines.extend_from_slice(line.as_bytes());
        Ok(())
    }

    /// Begins a new file, where the one that there is has no room for so many bytes more.
    fn make_room(&mut self, more: u64) -> io::Result<()> {
        if self.file.is_some() && self.len + self.lines.len() as u64 + more <= self.bytes_max {
            return Ok(());
        }
        self.write()?;
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

    /// Writes the lines. If that fails the file is as it was, and they are still here.
    fn write(&mut self) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| !self.lines.is_empty()) else { return Ok(()) };
        if let Err(error) = file.write_all(&self.lines) {
            // Half a line would spoil the next one.
            let _ = file.set_len(self.len);
            return Err(error);
        }
        self.len += self.lines.len() as u64;
        self.lines.clear();
        self.lines_len = 0;
        self.gap.written();
        self.is_told = false;
        Ok(())
    }

    /// Counts what is not in the file, and tells of it once for each time that the file can't be written.
    fn lose(&mut self, records: u64, error: &io::Error) {
        self.losses.add(records);
        self.gap.add(records, &error.to_string());
        if !mem::replace(&mut self.is_told, true) {
            let path = self.path.display();
            (self.tell)(&format!("{path} can't be written: {error}; what is missing in it is counted"));
        }
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

/// Bytes that are needed for a new line to begin: a node that was killed may have left half a one.
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
        let OpenLogFile { log_file, drain, writer } = OpenLogFile::open(&path.0, 8 << 20, &first).unwrap();
        // Nobody writes yet.
        let record = Arc::new(remark(2, "INFO", "x".repeat(4_000)));
        let mut pushed = 0;
        while log_file.status().lost < 3 {
            log_file.push(record.clone(), 4_000);
            pushed += 1;
        }
        drop(log_file);
        drain.run(writer);
        let texts = texts(&path);
        assert_eq!(&*texts[0], "first");
        assert_eq!(
            texts.last().unwrap(),
            "3 records are missing here: they came faster than they were written"
        );
        assert_eq!(texts.len() - 2, pushed - 3);
    }

    #[test]
    fn half_a_line_of_a_node_that_was_killed_spoils_no_other() {
        let path = Path::new("half");
        fs::write(&path.0, "{\"seq\":1,\"te").unwrap();
        let first = remark(1, "INFO", "first".to_string());
        drop(OpenLogFile::open(&path.0, 1 << 20, &first).unwrap());
        let text = fs::read_to_string(&path.0).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(serde_json::from_str::<LogRecord>(lines[1]).unwrap(), first);
        assert_eq!(fs::metadata(&path.0).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
