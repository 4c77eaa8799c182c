//! How much memory this process may take: the machine's, or less where it is in control groups. Made of texts, so that
//! those of any machine can be tried on any other.

mod budget;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

pub(crate) use self::budget::budget;
pub use self::budget::{MemoryBudget, QueueBound};

/// Where the system does not say, in bytes.
const ASSUMED_BYTES: u64 = 4 << 30;
/// No text of the system that is read here is longer, in bytes; the longest is the list of mounts.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// How much there is, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) bytes: u64,
    pub(crate) bound: MemoryBound,
}

/// The source of the knowledge how much memory there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MemoryBound {
    /// The memory of the machine.
    Machine,
    /// A control group that this process is in, or one around it: the file that says so.
    Group(PathBuf),
    /// Nothing that was found: an assumption.
    Assumed,
}

impl fmt::Display for MemoryBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("the machine's memory"),
            Self::Group(file) => write!(f, "the memory of a control group ({})", file.display()),
            Self::Assumed => f.write_str("a guess at the machine's memory, of which the system says nothing"),
        }
    }
}

/// Memory that this process may take.
pub(crate) fn memory() -> Memory {
    of(|path| {
        let mut text = String::new();
        std::fs::File::open(path).ok()?.take(TEXT_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text)
    })
}

/// Memory that a process may take which reads these texts.
fn of(read: impl Fn(&Path) -> Option<String>) -> Memory {
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| kib(&text, "MemTotal:"));
    let mut memory = match machine {
        Some(bytes) => Memory { bytes, bound: MemoryBound::Machine },
        None => Memory { bytes: ASSUMED_BYTES, bound: MemoryBound::Assumed },
    };
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let mounts = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    for (hierarchy, group) in groups.lines().filter_map(membership) {
        for mount in mounts.lines().filter_map(mount).filter(|mount| mount.hierarchy == hierarchy) {
            let own = mount.folder_of(group);
            // The group's own folder, and those around it as far as they can be seen.
            let seen = own.ancestors().take_while(|folder| folder.starts_with(&mount.at));
            let files = seen
                .flat_map(|folder| hierarchy.files().iter().map(|name| (folder.join(name), number as Limit)));
            // What groups around it say that can't be seen.
            let unseen =
                (hierarchy == Hierarchy::V1).then(|| (own.join("memory.stat"), hierarchical as Limit));
            for (file, limit) in files.chain(unseen) {
                // Without a limit it says `max`, or a number beyond any machine's memory.
                let bytes = read(&file).and_then(|text| limit(&text));
                if let Some(bytes) = bytes.filter(|bytes| *bytes < memory.bytes) {
                    memory = Memory { bytes, bound: MemoryBound::Group(file) };
                }
            }
        }
    }
    memory
}

/// The two kinds of control groups that know of memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hierarchy {
    V1,
    V2,
}

/// Reads a limit, in bytes, out of a file's text.
type Limit = fn(&str) -> Option<u64>;

impl Hierarchy {
    /// The files of a group's folder that have a limit.
    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::V1 => &["memory.limit_in_bytes"],
            // Beyond the second a group is slowed down until it takes less: it is a limit too.
            Self::V2 => &["memory.max", "memory.high"],
        }
    }
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn hierarchical(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("hierarchical_memory_limit ")).and_then(number)
}

fn kib(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    number(rest.trim().strip_suffix("kB")?).and_then(|kib| kib.checked_mul(1 << 10))
}

/// A line of `/proc/self/cgroup`: `0::/a/b`, or `5:cpu,memory:/a/b`.
fn membership(line: &str) -> Option<(Hierarchy, &str)> {
    let mut fields = line.splitn(3, ':');
    let (id, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
    if controllers.split(',').any(|controller| controller == "memory") {
        return Some((Hierarchy::V1, group));
    }
    (id == "0" && controllers.is_empty()).then_some((Hierarchy::V2, group))
}

/// Where groups can be seen, and which of them is the uppermost there.
struct Mount {
    hierarchy: Hierarchy,
    root: PathBuf,
    at: PathBuf,
}

/// A line of `/proc/self/mountinfo`: `ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE OPTIONS`.
fn mount(line: &str) -> Option<Mount> {
    let (mount, system) = line.split_once(" - ")?;
    let mut system = system.split(' ');
    let hierarchy = match system.next()? {
        "cgroup2" => Hierarchy::V2,
        "cgroup" if system.nth(1)?.split(',').any(|option| option == "memory") => Hierarchy::V1,
        _ => return None,
    };
    let mut fields = mount.split(' ').skip(3);
    Some(Mount { hierarchy, root: unescaped(fields.next()?), at: unescaped(fields.next()?) })
}

impl Mount {
    /// The folder of a group. One that lies outside of what can be seen here has the limits of the uppermost.
    fn folder_of(&self, group: &str) -> PathBuf {
        let inner = Path::new(group).strip_prefix(&self.root).ok();
        let is_plain =
            |inner: &&Path| inner.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        inner.filter(is_plain).map_or_else(|| self.at.clone(), |inner| self.at.join(inner))
    }
}

/// A path as the list of mounts has it, where white space and backslashes are three octal digits.
fn unescaped(text: &str) -> PathBuf {
    let mut path = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        path += &rest[..at];
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                path.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                path.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    (path + rest).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const MEMINFO: (&str, &str) = ("/proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\n");
    const MACHINE: u64 = 8 << 30;
    const UNLIMITED_V1: &str = "9223372036854771712\n";
    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "33 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                      36 23 0:32 / /sys/fs/cgroup/memory rw shared:15 - cgroup cgroup rw,memory\n";

    fn with(texts: &[(&str, &str)]) -> Memory {
        of(|path| {
            let found = texts.iter().chain([&MEMINFO]).find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_string())
        })
    }

    fn group(bytes: u64, file: &str) -> Memory {
        Memory { bytes, bound: MemoryBound::Group(file.into()) }
    }

    #[test]
    fn without_control_groups_it_is_the_machines() {
        assert_eq!(with(&[]), Memory { bytes: MACHINE, bound: MemoryBound::Machine });
        let nothing = of(|_| None);
        assert_eq!(nothing, Memory { bytes: ASSUMED_BYTES, bound: MemoryBound::Assumed });
        let garbage = of(|_| Some("\0 - : /\n - cgroup2\n0::\n".to_string()));
        assert_eq!(garbage.bound, MemoryBound::Assumed);
    }

    #[test]
    fn the_smallest_limit_on_the_way_up_counts_in_version_2() {
        let mut texts = vec![
            ("/proc/self/cgroup", "0::/app.slice/node.service\n"),
            ("/proc/self/mountinfo", V2),
            ("/sys/fs/cgroup/app.slice/node.service/memory.max", "max\n"),
            ("/sys/fs/cgroup/app.slice/node.service/memory.high", "max\n"),
            ("/sys/fs/cgroup/other.slice/memory.max", "4096\n"),
        ];
        assert_eq!(with(&texts).bound, MemoryBound::Machine);
        texts.push(("/sys/fs/cgroup/app.slice/memory.max", "536870912\n"));
        assert_eq!(with(&texts), group(512 * MIB, "/sys/fs/cgroup/app.slice/memory.max"));
        texts[2].1 = "1073741824\n";
        assert_eq!(with(&texts), group(512 * MIB, "/sys/fs/cgroup/app.slice/memory.max"));
        texts[2].1 = "268435456\n";
        assert_eq!(with(&texts), group(256 * MIB, "/sys/fs/cgroup/app.slice/node.service/memory.max"));
        texts[3].1 = "134217728\n";
        assert_eq!(with(&texts), group(128 * MIB, "/sys/fs/cgroup/app.slice/node.service/memory.high"));
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_uppermost() {
        let limited = ("/sys/fs/cgroup/memory.max", "134217728\n");
        let own = group(128 * MIB, "/sys/fs/cgroup/memory.max");
        let texts = [("/proc/self/cgroup", "0::/\n"), ("/proc/self/mountinfo", V2), limited];
        assert_eq!(with(&texts), own, "with a namespace of its own");
        let mount = "41 40 0:27 /docker/4f1c /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let texts = [("/proc/self/cgroup", "0::/docker/4f1c\n"), ("/proc/self/mountinfo", mount), limited];
        assert_eq!(with(&texts), own, "without one");
        let inner = ("/sys/fs/cgroup/inner/memory.max", "67108864\n");
        let texts = [
            ("/proc/self/cgroup", "0::/docker/4f1c/inner\n"),
            ("/proc/self/mountinfo", mount),
            limited,
            inner,
        ];
        assert_eq!(with(&texts), group(64 * MIB, inner.0));
        let texts = [("/proc/self/cgroup", "0::/../elsewhere\n"), ("/proc/self/mountinfo", V2), limited];
        assert_eq!(with(&texts), own, "one that lies outside of what can be seen");
    }

    #[test]
    fn in_version_1_the_group_of_the_memory_controller_counts() {
        let groups = "7:cpu,cpuacct:/a\n4:memory:/jobs/node\n1:name=systemd:/b\n0::/c\n";
        let mut texts = vec![
            ("/proc/self/cgroup", groups),
            ("/proc/self/mountinfo", V1),
            ("/sys/fs/cgroup/memory/jobs/node/memory.limit_in_bytes", UNLIMITED_V1),
            ("/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", UNLIMITED_V1),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", UNLIMITED_V1),
        ];
        assert_eq!(with(&texts), Memory { bytes: MACHINE, bound: MemoryBound::Machine });
        texts[3].1 = "536870912\n";
        assert_eq!(with(&texts), group(512 * MIB, "/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes"));
        let stat = "cache 1\nhierarchical_memory_limit 268435456\nhierarchical_memsw_limit 1\n";
        let file = "/sys/fs/cgroup/memory/jobs/node/memory.stat";
        texts.push((file, "hierarchical_memory_limit 536870912\n"));
        assert_eq!(with(&texts), group(512 * MIB, "/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes"));
        texts[5].1 = stat;
        assert_eq!(with(&texts), group(256 * MIB, file), "one around it that can't be seen");
    }

    #[test]
    fn both_versions_side_by_side_count_and_so_do_mounts_with_odd_names() {
        let mounts = format!("{V1}50 23 0:40 / /mnt/my\\040groups rw - cgroup2 none rw\n");
        let texts = [
            ("/proc/self/cgroup", "4:memory:/\n0::/x\n"),
            ("/proc/self/mountinfo", &*mounts),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
            ("/mnt/my groups/x/memory.max", "536870912\n"),
        ];
        assert_eq!(with(&texts), group(512 * MIB, "/mnt/my groups/x/memory.max"));
        assert_eq!(unescaped("a\\134b\\"), Path::new("a\\b\\"));
    }

    #[test]
    fn this_machine_says_something() {
        let memory = memory();
        assert_ne!(memory.bound, MemoryBound::Assumed);
        assert!(memory.bytes > MIB);
    }
}
