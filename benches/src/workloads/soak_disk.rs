//! Everything at once with a log file on a disk that is full for half of the time: whether what is missing is counted and
//! said, and whether anything more is held than in the other half.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::Value;
use thespian_host::config::NodeConfig;
use tokio::signal::unix::{SignalKind, signal};

use super::soak::{REST, held, load, settle};
use crate::bench::Bench;
use crate::report::{Bar, Line};
use crate::system::{self, DEADLINE, System};

/// The log and the one before it fit on the disk.
const LOG_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let half = if bench.is_quick() { 1 } else { 300 };
    let rest = if bench.is_quick() { Duration::from_millis(100) } else { REST };
    // Caught, a write beyond the limit of a file's size is an error and not the process's end.
    let _caught = {
        let _entered = bench.runtime.enter();
        signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?
    };
    let disk = Disk::new()?;
    let path = disk.folder.join("node.log");
    let config = NodeConfig {
        log_file: Some(path.clone()),
        log_file_bytes_max: Some(LOG_BYTES_MAX),
        ..system::config()
    };
    let system = bench.runtime.block_on(System::start(config, bench.component.clone()))?;
    let in_half = || Instant::now() + Duration::from_secs(half);
    let mut rounds = bench.runtime.block_on(load(&system, in_half()))?;
    settle(rest);
    let (before, lost_before) = (held(), lost(bench, &system)?);
    disk.fill()?;
    let filled_ms = now_ms();
    rounds += bench.runtime.block_on(load(&system, in_half()))?;
    settle(rest);
    let after = held();
    disk.make_room()?;
    let said = bench.runtime.block_on(all_said(&system, &path, filled_ms))?;
    let lost = lost(bench, &system)? - lost_before;
    let status = bench.runtime.block_on(system.client.status())?;
    bench.runtime.block_on(system.stop());
    let allowed = (before.bytes as f64 * 0.02).max((8 << 20) as f64);
    let line = Line::new("soak-disk", format!("{}s", 2 * half))
        .param("seconds", 2 * half)
        .metric("rounds", &[rounds as f64])
        .metric("messages", &[status.messages as f64])
        .metric("records_lost", &[lost as f64])
        .metric("records_said_to_be_missing", &[said as f64])
        .metric("bytes_before", &[before.bytes as f64])
        .metric("bytes_after", &[after.bytes as f64])
        .bar(Bar::at_least("records that a full disk did not take", lost as f64, 1.0))
        .bar(Bar::at_most(
            "of these, records that the log does not say to be missing",
            lost.abs_diff(said) as f64,
            0.0,
        ))
        .bar(Bar::at_most(
            "bytes that were not there after the half with a disk",
            after.bytes as f64 - before.bytes as f64,
            allowed,
        ))
        .bar(Bar::at_most(
            "threads, and threads after that half",
            after.threads as f64,
            before.threads as f64,
        ))
        .bar(Bar::at_most("open files, and after that half", after.files as f64, before.files as f64))
        .bar(Bar::at_most("live actors", status.actors as f64, 0.0))
        .note(if disk.is_mounted { "on a small disk of its own" } else { "by a limit on the size of files" });
    bench.report(&line);
    Ok(())
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lost(bench: &Bench, system: &System) -> anyhow::Result<u64> {
    let status = bench.runtime.block_on(system.client.status())?;
    Ok(status.log_file.context("it has a log file")?.lost)
}

/// Has records written until the log says what is missing in it; returns how many it says.
async fn all_said(system: &System, path: &Path, since_ms: u64) -> anyhow::Result<u64> {
    let until = Instant::now() + DEADLINE;
    loop {
        let one = system.create("Echo").await?;
        system.client.exit_and_wait(one, true).await?;
        let lost = system.client.status().await?.log_file.context("it has a log file")?.lost;
        let said = said(path, since_ms)?;
        // What is said stands before the first record that is written, so nothing comes after the record of that end.
        let is_written = fs::read_to_string(path)?.contains(&one.to_string());
        if is_written && lost == system.client.status().await?.log_file.context("it has a log file")?.lost {
            return Ok(said.max(self::said(path, since_ms)?));
        }
        anyhow::ensure!(Instant::now() < until, "the log is not written again: {said} of {lost} said");
    }
}

/// What the log says to be missing, since then.
fn said(path: &Path, since_ms: u64) -> anyhow::Result<u64> {
    let mut said = 0;
    for file in [path.with_extension("log.old"), path.to_path_buf()] {
        for line in fs::read_to_string(file).unwrap_or_default().lines() {
            let record: Value = serde_json::from_str(line)?;
            let count = record["text"].as_str().and_then(|text| text.split_once(" records are missing here"));
            if let Some((count, _)) = count
                && record["time_ms"].as_u64() >= Some(since_ms)
            {
                said += count.parse::<u64>()?;
            }
        }
    }
    Ok(said)
}

/// A small disk where one may be mounted, else files that may not grow for a while.
struct Disk {
    folder: PathBuf,
    is_mounted: bool,
}

impl Disk {
    fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("thespian-soak-disk-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs"]).arg(&folder).stderr(Stdio::null());
        let is_mounted = mount.status().is_ok_and(|status| status.success());
        Ok(Self { folder, is_mounted })
    }

    fn fill(&self) -> anyhow::Result<()> {
        if !self.is_mounted {
            return Ok(setrlimit(Resource::Fsize, Rlimit { current: Some(1), maximum: None })?);
        }
        let mut file = File::create(self.folder.join("fill"))?;
        while file.write_all(&[0; 512]).is_ok() {}
        Ok(())
    }

    fn make_room(&self) -> anyhow::Result<()> {
        if !self.is_mounted {
            return Ok(setrlimit(Resource::Fsize, Rlimit { current: None, maximum: None })?);
        }
        Ok(fs::remove_file(self.folder.join("fill"))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // It may be in use still; it is gone then when it is not.
            let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
