//! What the figures were measured on, and how busy it was.

use std::fs;

/// One paragraph.
pub(crate) fn describe() -> String {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let maps = read("/proc/sys/vm/max_map_count");
    let memory = field("/proc/meminfo", "MemTotal:").unwrap_or(0) >> 20;
    let build = if cfg!(debug_assertions) { "with debug assertions" } else { "optimised" };
    format!(
        "machine: {cpus} cores, {}, {memory} GiB, Linux {}, vm.max_map_count {}\nbuild: thespian-host {}, {build}\n\
         load at the start: {}",
        processor(),
        kernel.trim(),
        maps.trim(),
        env!("CARGO_PKG_VERSION"),
        load(),
    )
}

/// The load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The load average of the last minute.
pub(crate) fn load_now() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

fn processor() -> String {
    let info = read("/proc/cpuinfo");
    let model = info.lines().find(|line| line.starts_with("model name"));
    model
        .and_then(|line| line.split_once(": "))
        .map_or_else(|| "unknown".to_string(), |(_, name)| name.to_string())
}

/// From here on [`peak_mb`] counts anew. False where the kernel does not let us.
pub(crate) fn forget_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most memory that this process had at one time, in 10^6 bytes.
pub(crate) fn peak_mb() -> f64 {
    field("/proc/self/status", "VmHWM:").unwrap_or(0) as f64 * 1024.0 / 1e6
}

/// What this process takes of the machine's memory, in bytes: its proportional share of pages, and page tables.
pub(crate) fn footprint() -> u64 {
    let pages = field("/proc/self/smaps_rollup", "Pss:").unwrap_or(0);
    let tables = field("/proc/self/status", "VmPTE:").unwrap_or(0);
    (pages + tables) << 10
}

/// What this process has reserved of its address space, in bytes.
pub(crate) fn address_space() -> u64 {
    field("/proc/self/status", "VmSize:").unwrap_or(0) << 10
}

/// A number in kB out of one of the kernel's lists.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Memory of the machine that this process has, in bytes.
pub(crate) fn resident_bytes() -> u64 {
    field("/proc/self/status", "VmRSS:").unwrap_or(0) << 10
}

/// Threads of this process.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}
