//! What is printed: results on stdout, everything else on stderr; colors and escapes. What guests wrote can't drive the
//! reader's terminal.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::json;
use thespian_core::text::{acts, inert_json};

pub(super) struct Output {
    json: bool,
    color: bool,
    error_color: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Style {
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            color: wants_color(io::stdout().is_terminal()),
            error_color: wants_color(io::stderr().is_terminal()),
        }
    }

    /// Whether results are for programs.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// A result for people.
    pub(super) fn line(&self, text: impl Display) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()
    }

    /// A result for programs: one line, which a person may have on a terminal all the same.
    pub(super) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(inert_json(&text))
    }

    /// What follows takes the place of what was shown before: on a terminal, and for people.
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
        // Where nobody listens, nothing is lost.
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub(super) fn error(&self, code: u8, kind: &str, text: &str, help: Option<&str>) {
        if self.json {
            let error = json!({"error": {"code": code, "kind": kind, "message": text, "help": help}});
            return self.note(inert_json(&error.to_string()));
        }
        self.note(format_args!(
            "{} {}",
            paint(self.error_color, Style::Red, "error:"),
            plain_record(text.trim_end())
        ));
        if let Some(help) = help {
            self.note(format_args!("{} {help}", paint(self.error_color, Style::Green, "help:")));
        }
    }

    /// A warning: never a result, and shown to programs' operators too.
    pub(super) fn warn(&self, text: impl Display) {
        self.note(format_args!("{} {text}", paint(self.error_color, Style::Yellow, "warning:")));
    }

    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        paint(self.color, style, text)
    }

    /// Rows in columns, unwrapped, so that a line stays one thing.
    pub(super) fn table(&self, header: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header);
        for row in rows {
            table.add_row(row.iter().map(|cell| Cell::new(plain(cell))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for (number, line) in table.lines().enumerate() {
            let line = line.trim_end();
            self.line(if number == 0 { self.paint(Style::Bold, line) } else { line.to_string() })?;
        }
        Ok(())
    }
}

/// <https://no-color.org>: set and not empty means no.
pub(super) fn wants_color(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn paint(color: bool, style: Style, text: &str) -> String {
    let code = match style {
        Style::Bold => 1,
        Style::Dim => 2,
        Style::Red => 31,
        Style::Green => 32,
        Style::Yellow => 33,
    };
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

/// Text that a guest may have written, on one line: control characters are shown, not obeyed.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, acts)
}

/// As [`plain`], but it may have several lines.
pub(super) fn plain_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |char| acts(char) && char != '\n')
}

/// As [`plain_lines`], but only the first line begins at the margin: in a list of records none can pass its further
/// lines off as records of others.
pub(super) fn plain_record(text: &str) -> String {
    indented(&plain_lines(text))
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// Where the log is written as text: each write is one record and its line feed, and what lies between is indented as
/// by [`plain_record`].
pub(super) struct RecordWriter<W>(pub(super) W);

impl<W: Write> Write for RecordWriter<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = record.strip_suffix(b"\n").unwrap_or(record);
        if text.contains(&b'\n') {
            let text = indented(&String::from_utf8_lossy(text));
            self.0.write_all((text + "\n").as_bytes())?;
        } else {
            self.0.write_all(record)?;
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        if is_bad(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    Cow::Owned(shown)
}

/// JSON with a line for each member, its names in their order and its numbers in all their digits: a parser would
/// keep neither. `text` is known to be JSON.
pub(super) fn pretty_json(text: &str) -> String {
    let mut pretty = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut chars = text.chars().filter(|char| *char != '\0').peekable();
    let line = |pretty: &mut String, depth: usize| {
        pretty.push('\n');
        pretty.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(char) = chars.next() {
        if in_string {
            in_string = escaped || char != '"';
            escaped = !escaped && char == '\\';
            pretty.push(char);
            continue;
        }
        match char {
            ' ' | '\n' | '\r' | '\t' => {}
            '{' | '[' => {
                while chars.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                pretty.push(char);
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    pretty.push(end);
                } else {
                    depth += 1;
                    line(&mut pretty, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut pretty, depth);
                pretty.push(char);
            }
            ',' => {
                pretty.push(char);
                line(&mut pretty, depth);
            }
            ':' => pretty.push_str(": "),
            _ => {
                in_string = char == '"';
                pretty.push(char);
            }
        }
    }
    pretty
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
    fn json_keeps_its_order_and_its_digits() {
        let text = r#"{"b":[1, {}, [ ]],"a":"x:\",{","n":123456789012345678901234567890}"#;
        let pretty = pretty_json(text);
        let lines: Vec<_> = pretty.lines().collect();
        let expected = [
            "{",
            "  \"b\": [",
            "    1,",
            "    {},",
            "    []",
            "  ],",
            r#"  "a": "x:\",{","#,
            "  \"n\": 123456789012345678901234567890",
            "}",
        ];
        assert_eq!(lines, expected);
        assert_eq!(pretty_json(" null "), "null");
    }

    #[test]
    fn what_a_guest_wrote_is_shown_not_obeyed() {
        assert_eq!(plain("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(plain_lines("a\nb\u{9b}"), "a\nb\\u{9b}");
        assert_eq!(plain("right \u{202e}to left"), "right \\u{202e}to left");
        assert_eq!(plain("ordinary, größer"), "ordinary, größer");
    }

    #[test]
    fn a_record_can_not_pass_off_its_lines_as_other_records() {
        let text = "one\n2026-01-01T00:00:00.000Z WARN  node: forged\ntwo";
        let shown = "one\n    2026-01-01T00:00:00.000Z WARN  node: forged\n    two";
        assert_eq!(plain_record(text), shown);
        let mut written = Vec::new();
        for record in [format!("{text}\n"), "short\n".to_string()] {
            RecordWriter(&mut written).write_all(record.as_bytes()).unwrap();
        }
        assert_eq!(String::from_utf8(written).unwrap(), format!("{shown}\nshort\n"));
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
