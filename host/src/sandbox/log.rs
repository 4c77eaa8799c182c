//! What an actor writes: log records and lines of its standard output, bounded, and at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thespian_core::limits::ActorLimits;
use tracing::Level;

use super::host::ActorHost;
use super::text;

/// The window over which records are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// How much of what a record is about is kept, in bytes: a module's name.
const TARGET_LEN_MAX: usize = 64;
/// The target of a record in which a guest says why it panics.
const PANIC_TARGET: &str = "panic";
/// How much of a panic message is kept for the reason of the trap, in bytes.
const PANIC_LEN_MAX: usize = 1024;

/// The two output streams of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Stdout,
    Stderr,
}

/// Everything that one actor writes, over all its incarnations. Shared with the output streams that the guest holds.
#[derive(Clone)]
pub(super) struct LogBook(Arc<Mutex<Pages>>);

struct Pages {
    host: Arc<dyn ActorHost>,
    record_bytes_max: usize,
    records_max: u32,
    window_start: Option<Instant>,
    records: u32,
    suppressed: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    last_words: String,
}

impl LogBook {
    pub(super) fn new(host: Arc<dyn ActorHost>, limits: &ActorLimits) -> Self {
        Self(Arc::new(Mutex::new(Pages {
            host,
            record_bytes_max: limits.log_record_bytes_max,
            records_max: limits.log_records_per_second_max,
            window_start: None,
            records: 0,
            suppressed: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            last_words: String::new(),
        })))
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a panic has left a record half written. The book outlives the instance.
    pub(super) fn is_half_written(&self) -> bool {
        self.0.is_poisoned()
    }

    /// A record of the guest's own. What it says of a panic is kept for the trap that follows.
    pub(super) fn record(&self, level: Level, target: &str, text: &str) {
        let mut pages = self.pages();
        if target == PANIC_TARGET {
            pages.last_words.clear();
            pages.last_words.push_str(text::cut(text, PANIC_LEN_MAX));
        }
        pages.record(level, target, text);
    }

    /// Bytes of an output stream: every whole line becomes a record at once.
    pub(super) fn write(&self, channel: Channel, bytes: &[u8]) {
        self.pages().write(channel, bytes);
    }

    /// The text last written to stderr, the message of a panic if there was one.
    pub(super) fn take_last_words(&self) -> String {
        std::mem::take(&mut self.pages().last_words)
    }

    /// The instance is at its end: what it began to write is written, and what was suppressed is told.
    pub(super) fn close(&self) {
        let mut pages = self.pages();
        for channel in [Channel::Stdout, Channel::Stderr] {
            pages.end_line(channel);
        }
        pages.report_suppressed();
    }
}

impl Pages {
    fn record(&mut self, level: Level, target: &str, text: &str) {
        if !self.host.log_enabled(level) || !self.count_record() {
            return;
        }
        let target = text::inert_cut(target, TARGET_LEN_MAX);
        let text = text::inert_cut(text, self.record_bytes_max);
        self.host.log(level, &target, &text);
    }

    /// Whether one more record may be written in this second.
    fn count_record(&mut self) -> bool {
        let now = Instant::now();
        if self.window_start.is_none_or(|start| now.duration_since(start) >= WINDOW) {
            self.report_suppressed();
            self.window_start = Some(now);
            self.records = 0;
        }
        if self.records >= self.records_max {
            self.suppressed += 1;
            return false;
        }
        self.records += 1;
        true
    }

    fn report_suppressed(&mut self) {
        if self.suppressed > 0 {
            let count = std::mem::take(&mut self.suppressed);
            self.host.log(
                Level::WARN,
                "host",
                &format!("suppressed {count} log records: too many in a second"),
            );
        }
    }

    fn write(&mut self, channel: Channel, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.append(channel, &bytes[..end]);
            self.end_line(channel);
            bytes = &bytes[end + 1..];
        }
        self.append(channel, bytes);
    }

    /// Adds to the line under way; what does not fit a record is dropped.
    fn append(&mut self, channel: Channel, bytes: &[u8]) {
        let room = self.record_bytes_max;
        let line = self.line(channel);
        let room = room.saturating_sub(line.len());
        line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self, channel: Channel) {
        let mut line = std::mem::take(self.line(channel));
        if !line.is_empty() {
            let text = String::from_utf8_lossy(&line);
            let (level, target) = match channel {
                Channel::Stdout => (Level::INFO, "stdout"),
                Channel::Stderr => (Level::WARN, "stderr"),
            };
            if channel == Channel::Stderr {
                self.remember(&text);
            }
            self.record(level, target, &text);
        }
        line.clear();
        *self.line(channel) = line;
    }

    const fn line(&mut self, channel: Channel) -> &mut Vec<u8> {
        match channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
        }
    }

    /// Keeps the last line, or all lines of a panic message: a trap alone says only `unreachable`.
    fn remember(&mut self, line: &str) {
        if line.starts_with("note: ") {
            return;
        }
        if !self.last_words.contains("panicked at ") || line.contains("panicked at ") {
            self.last_words.clear();
        } else {
            self.last_words.push('\n');
        }
        let room = PANIC_LEN_MAX.saturating_sub(self.last_words.len());
        self.last_words.push_str(text::cut(line, room));
    }
}
