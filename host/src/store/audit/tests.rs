//! What is found of a log that was changed, cut, or never ended.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::store;

/// A data directory of a test.
struct Data {
    dir: PathBuf,
    lock: Arc<DirLock>,
}

impl Data {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("thespian-audit-{}-{number}", std::process::id()));
        store::private_dir(&dir).unwrap();
        Self { lock: Arc::new(store::lock(&dir).unwrap()), dir }
    }

    fn open(&self) -> (AuditLog, Option<String>) {
        let seal = Seal::open(&self.dir.join(store::data::STORE_KEY_FILE)).unwrap();
        AuditLog::open(&self.dir, Arc::new(seal), Arc::downgrade(&self.lock), UtcTime(9)).unwrap()
    }

    /// With so many records.
    fn with(records: u64) -> Self {
        let data = Self::new();
        let (log, broken) = data.open();
        assert_eq!(broken, None);
        for n in 0..records {
            log.append(UtcTime(n), &[unloaded(n)], true).unwrap();
        }
        data
    }

    fn path(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.path()).unwrap().lines().map(str::to_owned).collect()
    }

    fn write(&self, lines: &[String]) {
        fs::write(self.path(), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }

    fn breaks(&self) -> String {
        verify(&self.dir).unwrap_err().to_string()
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).unwrap();
    }
}

fn unloaded(n: u64) -> AuditEvent {
    AuditEvent::Unloaded { source: format!("source {n}") }
}

#[test]
fn a_log_that_nobody_touched_is_whole_and_goes_on_with_the_next_start() {
    let data = Data::with(3);
    let trail = verify(&data.dir).unwrap();
    assert_eq!((trail.first, trail.last), (1, 3));
    let (log, broken) = data.open();
    assert_eq!(broken, None);
    log.append(UtcTime(4), &[unloaded(4), unloaded(5)], true).unwrap();
    assert_eq!(verify(&data.dir).unwrap().last, 5);
    assert_eq!(
        data.lines()[3],
        format!(
            r#"{{"n":4,"at":"1970-01-01T00:00:04Z","what":"unloaded","source":"source 4","prev":"{}"}}"#,
            trail.hash
        )
    );
}

#[test]
fn a_record_that_was_changed_taken_out_or_put_in_is_found() {
    let data = Data::with(4);
    let lines = data.lines();
    let mut changed = lines.clone();
    changed[1] = changed[1].replace("source 1", "source 7");
    data.write(&changed);
    assert!(
        data.breaks().ends_with("line 3: record 2 was changed after record 3 was written"),
        "{}",
        data.breaks()
    );
    data.write(&[&lines[..1], &lines[2..]].concat());
    assert!(data.breaks().ends_with("line 2: record 3 follows record 1"), "{}", data.breaks());
    data.write(&[&lines[..2], &lines[1..]].concat());
    assert!(data.breaks().ends_with("line 3: record 2 follows record 2"), "{}", data.breaks());
    let mut last = lines.clone();
    last[3] = last[3].replace("source 3", "source 7");
    data.write(&last);
    assert_eq!(data.breaks(), "record 4 is another than the node wrote");
    data.write(&lines);
    assert!(verify(&data.dir).is_ok());
}

#[test]
fn what_a_power_failure_took_that_was_never_synced_is_no_cut() {
    let data = Data::with(2);
    let lines = data.lines();
    let (log, _) = data.open();
    log.append(UtcTime(3), &[unloaded(3)], false).unwrap();
    drop(log);
    data.write(&lines);
    assert_eq!(data.open().1, None);
    assert_eq!(verify(&data.dir).unwrap().last, 2);
}

#[test]
fn a_tail_that_was_cut_off_is_found_and_the_next_start_says_so() {
    let data = Data::with(4);
    data.write(&data.lines()[..2]);
    assert_eq!(data.breaks(), "the last 2 records are cut off: audit.jsonl ended with record 4");
    let (_, broken) = data.open();
    let broken = broken.expect("it is cut");
    assert!(broken.contains("it ended with record 4, and now with 2"), "{broken}");
    // From here on it is in the log.
    assert!(data.lines()[2].contains(r#""what":"broken""#));
    assert_eq!(verify(&data.dir).unwrap().last, 3);
}

#[test]
fn a_line_that_a_killed_node_left_half_written_goes_with_the_next_start() {
    let data = Data::with(2);
    let whole = fs::read(data.path()).unwrap();
    fs::write(data.path(), [&whole[..], b"{\"n\":3,\"at\""].concat()).unwrap();
    assert_eq!(verify(&data.dir).unwrap().last, 2, "as if it were being written");
    let (log, broken) = data.open();
    assert_eq!(broken, None, "nobody was told of it");
    log.append(UtcTime(3), &[unloaded(3)], true).unwrap();
    assert_eq!(verify(&data.dir).unwrap().last, 3);
}

#[test]
fn no_byte_of_the_log_or_of_its_note_can_be_changed_unseen() {
    let data = Data::with(3);
    for name in [FILE, HEAD_FILE] {
        let path = data.dir.join(name);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            for bit in [0, 3, 7] {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                fs::write(&path, &other).unwrap();
                assert!(verify(&data.dir).is_err(), "{name}: bit {bit} of byte {at}");
            }
        }
        for len in 0..bytes.len() {
            fs::write(&path, &bytes[..len]).unwrap();
            assert!(verify(&data.dir).is_err(), "{name}: {len} bytes");
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(verify(&data.dir).is_ok());
    fs::remove_file(data.path()).unwrap();
    assert_eq!(data.breaks(), "the last 3 records are cut off: audit.jsonl ended with record 3");
    fs::remove_file(data.dir.join(HEAD_FILE)).unwrap();
    assert_eq!(verify(&data.dir).unwrap().last, 0, "there is none at all");
}

#[test]
fn a_file_that_is_full_is_put_aside_and_the_chain_goes_on() {
    let data = Data::with(1);
    let (log, _) = data.open();
    let why = "x".repeat(16 << 10);
    let big: Vec<_> = (0..64).map(|_| AuditEvent::Broken { why: why.clone() }).collect();
    for _ in 0..=AUDIT_FILE_BYTES_MAX / (64 * why.len() as u64) {
        log.append(UtcTime(1), &big, true).unwrap();
    }
    assert!(data.dir.join("audit.jsonl.1").exists());
    assert!(fs::metadata(data.path()).unwrap().len() < AUDIT_FILE_BYTES_MAX);
    let trail = verify(&data.dir).unwrap();
    assert_eq!(trail.first, 1);
    drop(log);
    // A start right behind the change finds the end in the file before.
    fs::rename(data.path(), data.dir.join("aside")).unwrap();
    fs::rename(data.dir.join("audit.jsonl.1"), data.path()).unwrap();
    assert!(data.breaks().contains("are cut off"));
}

#[test]
fn what_is_kept_begins_later_when_the_oldest_files_are_gone() {
    let data = Data::with(3);
    let lines = data.lines();
    data.write(&lines[1..]);
    assert_eq!(verify(&data.dir).map(|trail| (trail.first, trail.last)).unwrap(), (2, 3));
}
