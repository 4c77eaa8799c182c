//! What is printed: results on stdout, everything else on stderr. Whatever stands in it, a guest, a node or a file's name,
//! it can't drive the reader's terminal: each text becomes inert here, on its way out, and colors are added behind that.

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::json;
use thespian_core::limits::OUTPUT_CLOSE_TIME_MAX;
use thespian_core::text::{acts, escaped, inert, inert_json, inert_lines};
use thespian_host::outlet::Outlet;

use super::streams::{self, Streams};

pub(super) struct Output {
    json: bool,
    color: bool,
    error_color: bool,
    /// Absent where it may take as long as its reader likes.
    streams: Option<Streams>,
}

#[derive(Clone, Copy)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
}

/// A part of a line, and how it looks.
pub(super) type Piece<'a> = (Style, &'a str);

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            color: wants_color(io::stdout().is_terminal()),
            error_color: wants_color(io::stderr().is_terminal()),
            streams: None,
        }
    }

    /// From here on nobody waits for a reader: neither a node in this process nor its signals may be held up by one.
    pub(super) fn never_wait(&mut self, is_json_log: bool) -> io::Result<()> {
        let stdout = if self.json { missing_in_results } else { missing };
        let stderr = if is_json_log { missing_in_records } else { missing };
        self.streams = Some(Streams::start(stdout, stderr)?);
        Ok(())
    }

    /// The streams that nobody waits for, if there are any.
    pub(super) const fn streams(&self) -> Option<&Streams> {
        self.streams.as_ref()
    }

    /// The last words are said: waits until they are written, but not for long.
    pub(super) fn close(&self) {
        if let Some(streams) = &self.streams {
            streams.close(OUTPUT_CLOSE_TIME_MAX);
        }
    }

    /// Where the log goes.
    pub(super) fn log_writer(&self) -> LogWriter {
        self.streams.as_ref().map_or(LogWriter::Direct, |streams| LogWriter::Stream(streams.stderr.clone()))
    }

    /// Whether results are for programs.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// A result for people: one line, whatever the text has.
    pub(super) fn line(&self, text: impl Display) -> io::Result<()> {
        self.print(&inert(&text.to_string()))
    }

    /// The same in pieces.
    pub(super) fn pieces(&self, pieces: &[Piece<'_>]) -> io::Result<()> {
        self.print(&painted(self.color, pieces))
    }

    /// A result that may have several lines. Only its head begins at the margin: in a list none can pass its further lines
    /// off as others' heads.
    pub(super) fn record(&self, head: &[Piece<'_>], text: &str) -> io::Result<()> {
        self.print(&(painted(self.color, head) + &further_indented(text)))
    }

    /// A result that has lines of its own, all of them at the margin: what it is made of must have none.
    pub(super) fn block(&self, text: &str) -> io::Result<()> {
        self.print(&inert_lines(text))
    }

    /// A result for programs: one line, which a person may have on a terminal all the same.
    pub(super) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        self.print(&inert_json(&serde_json::to_string(value)?))
    }

    /// Has what follows take the place of what was shown before: on a terminal, and for people.
    pub(super) fn begin_again(&self) -> io::Result<()> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if self.json || is_dumb || !io::stdout().is_terminal() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        // To the first place, and nothing is left behind it.
        stdout.write_all(b"\x1b[H\x1b[2J")?;
        stdout.flush()
    }

    /// A word for people that is no result.
    pub(super) fn note(&self, text: impl Display) {
        self.say(&[], &text.to_string());
    }

    pub(super) fn error(&self, code: u8, kind: &str, text: &str, help: Option<&str>) {
        if self.json {
            let error = json!({"error": {"code": code, "kind": kind, "message": text, "help": help}});
            return self.say_inert(&inert_json(&error.to_string()));
        }
        self.say(&[(Style::Red, "error:"), (Style::Plain, " ")], text.trim_end());
        if let Some(help) = help {
            self.say(&[(Style::Green, "help:"), (Style::Plain, " ")], help);
        }
    }

    /// A warning: never a result, and shown to programs' operators too.
    pub(super) fn warn(&self, text: impl Display) {
        self.say(&[(Style::Yellow, "warning:"), (Style::Plain, " ")], &text.to_string());
    }

    fn say(&self, head: &[Piece<'_>], text: &str) {
        self.say_inert(&(painted(self.error_color, head) + &further_indented(text)));
    }

    /// A result's text, which is inert.
    fn print(&self, text: &str) -> io::Result<()> {
        if let Some(streams) = &self.streams {
            streams::push(&streams.stdout, format!("{text}\n").into_bytes());
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// A text for people, which is inert.
    fn say_inert(&self, text: &str) {
        match &self.streams {
            Some(streams) => streams::push(&streams.stderr, format!("{text}\n").into_bytes()),
            None => say(text),
        }
    }

    /// Rows in columns, unwrapped, so that a line stays one thing.
    pub(super) fn table(&self, header: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header);
        for row in rows {
            table.add_row(row.iter().map(|cell| Cell::new(inert(cell))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for (number, line) in table.lines().enumerate() {
            self.pieces(&[(if number == 0 { Style::Bold } else { Style::Plain }, line.trim_end())])?;
        }
        Ok(())
    }
}

/// A text for people, which is inert.
fn say(text: &str) {
    // Where nobody listens, nothing is lost.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says what a library wrote for people, which has lines of its own.
pub(super) fn say_record(text: &str) {
    say(&further_indented(text.trim_end()));
}

/// <https://no-color.org>: set and not empty means no.
pub(super) fn wants_color(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn painted(color: bool, pieces: &[Piece<'_>]) -> String {
    let mut line = String::new();
    for (style, text) in pieces {
        let code = match style {
            Style::Plain => None,
            Style::Bold => Some(1),
            Style::Dim => Some(2),
            Style::Red => Some(31),
            Style::Green => Some(32),
            Style::Yellow => Some(33),
        };
        let text = inert(text);
        // Writing to a String can't fail.
        let _ = match code.filter(|_| color) {
            Some(code) => write!(line, "\x1b[{code}m{text}\x1b[0m"),
            None => line.write_str(&text),
        };
    }
    line
}

fn further_indented(text: &str) -> String {
    indented(&inert_lines(text))
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// A line in a stream from which others are missing.
fn missing(count: u64, why: &str) -> String {
    format!("warning: {count} lines are missing here: {why}")
}

fn missing_in_results(count: u64, why: &str) -> String {
    json!({"event": "missing", "lines": count, "why": why}).to_string()
}

/// As the others in a log that is JSON.
fn missing_in_records(count: u64, why: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = utc(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let fields = json!({"message": format!("{count} lines are missing here: {why}")});
    json!({"timestamp": time, "level": "WARN", "fields": fields, "target": "stderr"}).to_string()
}

/// Where `tracing` writes: each write is one record.
#[derive(Clone)]
pub(super) enum LogWriter {
    Direct,
    Stream(Arc<Outlet<Vec<u8>>>),
}

impl Write for LogWriter {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        match self {
            // Where nobody listens, nothing is lost.
            Self::Direct => drop(io::stderr().write_all(record)),
            Self::Stream(stderr) => streams::push(stderr, record.to_vec()),
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the log is written as text: each write is one record and its line feed, and what lies between is indented as
/// in [`Output::record`].
pub(super) struct RecordWriter<W> {
    to: W,
    /// Whether what comes has colors.
    color: bool,
}

impl<W> RecordWriter<W> {
    pub(super) const fn new(to: W, color: bool) -> Self {
        Self { to, color }
    }
}

impl<W: Write> Write for RecordWriter<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record.strip_suffix(b"\n").unwrap_or(record));
        // What makes the records has no escapes left in their texts where it adds its own.
        let is_bad = |char| acts(char) && char != '\n' && !(self.color && char == '\x1b');
        let mut text = indented(&escaped(&text, is_bad));
        text.push('\n');
        self.to.write_all(text.as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// `1536` is `1.5 KiB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut unit = 0;
    let mut number = count as f64;
    while number >= 1024.0 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    if number.fract() == 0.0 {
        format!("{number} {}", UNITS[unit])
    } else {
        format!("{number:.1} {}", UNITS[unit])
    }
}

/// `15000` is `15,000`.
pub(super) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A length of time, short.
pub(super) fn length(time: std::time::Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() == 0 => format!("{} µs", time.as_micros()),
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// Milliseconds since 1970 as UTC: `2026-01-31T23:59:59.250Z`.
pub(super) fn utc(time_ms: u64) -> String {
    let (days, ms) = (time_ms / 86_400_000, time_ms % 86_400_000);
    // Years that begin in March end with the leap day; 400 of them have 146,097 days.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next_year;
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, ms) = (ms / 1_000 % 60, ms % 1_000);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Bytes as text where they are some, else in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_colors_of_our_own_reach_the_terminal() {
        let pieces = [(Style::Bold, "a\x1b[2J\nb"), (Style::Plain, " \x1b[31mc")];
        assert_eq!(painted(true, &pieces), "\x1b[1ma\\u{1b}[2J\\nb\x1b[0m \\u{1b}[31mc");
        assert_eq!(painted(false, &pieces), "a\\u{1b}[2J\\nb \\u{1b}[31mc");
    }

    #[test]
    fn a_record_can_not_pass_off_its_lines_as_other_records() {
        let text = "one\n2026-01-01T00:00:00.000Z WARN  node: forged\ntwo";
        let shown = "one\n    2026-01-01T00:00:00.000Z WARN  node: forged\n    two";
        assert_eq!(further_indented(text), shown);
        let mut written = Vec::new();
        for record in [format!("{text}\n"), "short\x1b\u{9b}\u{202e}\n".to_string()] {
            RecordWriter::new(&mut written, false).write_all(record.as_bytes()).unwrap();
        }
        let expected = format!("{shown}\nshort\\u{{1b}}\\u{{9b}}\\u{{202e}}\n");
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        let mut colored = Vec::new();
        RecordWriter::new(&mut colored, true).write_all("\x1b[1mbold\x1b[0m\u{9b}\n".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(colored).unwrap(), "\x1b[1mbold\x1b[0m\\u{9b}\n");
    }

    #[test]
    fn quantities_are_short() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(length(Duration::from_micros(250)), "250 µs");
        assert_eq!(length(Duration::from_secs(3_725)), "1 h 2 min");
    }

    #[test]
    fn days_are_counted_through_leap_years() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(utc(1_709_251_199_250), "2024-02-29T23:59:59.250Z");
        assert_eq!(utc(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }
}
