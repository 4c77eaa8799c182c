//! The walls around a compiler's process: it has a stranger's bytes in hand, and a compiler is large. So it may compute and
//! take memory, up to its bounds, and nothing else: no file, no connection, no other process.

use std::collections::BTreeMap;
use std::io;

use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};
use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use thespian_core::compiling::CompileBounds;
use thespian_core::limits::COMPILE_SPACE_FACTOR;

/// How much less of a busy core it gets than the threads of actors: a tenth.
const NICENESS: i32 = 10;
/// Descriptors of every process: input, output, and what goes wrong.
const STANDARD_DESCRIPTORS: u64 = 3;

/// Calls that a process makes which computes, takes memory, waits for its own threads, and ends.
const CALLS: [libc::c_long; 27] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_write,
];

/// Walls that the kernel may have or not. The bounds on memory and time are everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Walls {
    /// No file, whatever the user may read.
    pub(super) landlock: bool,
    /// No call of the system but the few that computing takes.
    pub(super) seccomp: bool,
}

impl Walls {
    pub(super) const fn bits(self) -> u8 {
        self.landlock as u8 | (self.seccomp as u8) << 1
    }

    pub(super) const fn of_bits(bits: u8) -> Self {
        Self { landlock: bits & 1 != 0, seccomp: bits & 2 != 0 }
    }
}

/// Leaves what came from the process that started this one: its descriptors, its priority, and a life beyond its own.
pub(super) fn leave_parent() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    close_inherited()?;
    // A process that may not be nice is as good a compiler; and where memory is short, it is to go before its node.
    let _ = nice(NICENESS);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "descriptors are closed by their numbers: whoever opened them is another program"
)]
fn close_inherited() -> io::Result<()> {
    // By its number: C libraries have a name for it only lately.
    // SAFETY: a descriptor must not be closed while somebody holds it as theirs. Called first of all in this process, which
    // has opened none that it still holds: what is open was inherited.
    match unsafe { libc::syscall(libc::SYS_close_range, STANDARD_DESCRIPTORS, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::other(format!(
            "it can't close what it has inherited, which takes Linux 5.9 or newer: {}",
            io::Error::last_os_error()
        ))),
    }
}

/// Closes the file system and the network to this thread and to those that it starts.
pub(super) fn landlock() -> bool {
    let shut = || {
        let abi = ABI::V6;
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?;
        rules.create()?.restrict_self()
    };
    shut().is_ok_and(|status: landlock::RestrictionStatus| status.ruleset != RulesetStatus::NotEnforced)
}

/// The address space that this process has taken, in bytes: its program is mapped into it, too.
pub(super) fn address_space() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| io::Error::other("the system does not say how large this process is"))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Bounds what this process may take from here on, beside what it has. The system can bound address space alone, of which an
/// allocator takes up to twice as much as memory: how much that is, the node looks at.
pub(super) fn bound(bounds: &CompileBounds, space_before: u64) -> io::Result<()> {
    let set = |resource, current: u64, maximum: u64| {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
    };
    let space = space_before.saturating_add(COMPILE_SPACE_FACTOR.saturating_mul(bounds.memory_bytes));
    // Rounded up: the system counts in whole seconds.
    let cpu_s = bounds.cpu.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX - 1);
    set(Resource::As, space, space)?;
    set(Resource::Cpu, cpu_s, cpu_s + 1)?;
    // With 0 a program that takes dumps would be started.
    set(Resource::Core, 1, 1)?;
    set(Resource::Fsize, 0, 0)?;
    set(Resource::Nofile, STANDARD_DESCRIPTORS, STANDARD_DESCRIPTORS)?;
    Ok(())
}

/// Has the kernel refuse all threads of this process every call but those that computing takes.
pub(super) fn seccomp() -> bool {
    let mut rules: BTreeMap<_, _> = CALLS.into_iter().map(|call| (call, Vec::new())).collect();
    let own = u64::from(std::process::id());
    // Refused and not killed for: a library may ask for what it can do without.
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let shut = move || -> Option<()> {
        // So it ends itself where an invariant is broken; no other process hears of it.
        let to_itself = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own).ok()?;
        rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![to_itself]).ok()?]);
        let arch = std::env::consts::ARCH.try_into().ok()?;
        let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch).ok()?;
        let program: BpfProgram = filter.try_into().ok()?;
        seccompiler::apply_filter_all_threads(&program).ok()
    };
    shut().is_some()
}
