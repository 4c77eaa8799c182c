//! The compiler in a process of its own: a node starts one for each source, gives it the bytes, and takes the code.
//!
//! Whatever the bytes do to the compiler happens there, and ends there: at a bound of its own, which is told as the component's
//! fault; or because somebody else ended the process, which says nothing about the component.

use std::fs::File;
use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use thespian_core::budget::{Account, MemoryPart, Purpose, Short};
use thespian_core::compiling::{CompileBounds, CompileLimits};
use thespian_core::limits::{
    CODE_BASE_BYTES, CODE_FACTOR, COMPILE_LOOK_PERIOD, COMPILE_WALL_TIME_MAX, COMPILER_CHECK_TIME_MAX,
    ERROR_TEXT_LEN_MAX,
};
use wait4::{ResUse, Wait4 as _};

use super::code::mark;
use super::compile_answer::CompileAnswer;
use super::compile_main::{CHECK, COMMAND, is_asked};
use super::confine::Walls;
use super::source_error::SourceError;
use super::text;

/// Bytes that are taken from a process at one time.
const PIECE_BYTES: usize = 256 << 10;

/// How much address space the program's allocator reserves ahead, in KiB: its least, for there is a bound on it.
const RESERVE_LITTLE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "65536");

/// A program that is named as the compiler and can't be one. Nothing was started that still runs.
#[derive(Debug, thiserror::Error)]
#[error("{program} can't be the compiler of this node: {why}")]
pub struct CompilerError {
    /// The program that was named.
    pub program: PathBuf,
    /// The reason, in words for its operator.
    pub why: String,
}

/// Stops a compile and lets it go on, whether or not it has begun.
#[derive(Debug, Default)]
pub struct CompileControl(Mutex<Controlled>);

#[derive(Debug, Default)]
struct Controlled {
    is_paused: bool,
    is_over: bool,
    /// The process, from its start until it is waited for.
    process: Option<OwnedFd>,
}

impl CompileControl {
    /// Stops it where it is, or as soon as it begins.
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    /// Ends it, or lets it end as soon as it begins: nobody waits for it any more.
    pub fn end(&self) {
        let mut controlled = self.0.lock();
        controlled.is_over = true;
        controlled.signal();
    }

    fn set_paused(&self, is_paused: bool) {
        let mut controlled = self.0.lock();
        controlled.is_paused = is_paused;
        controlled.signal();
    }

    fn is_paused(&self) -> bool {
        self.0.lock().is_paused
    }

    fn begin(&self, process: OwnedFd) {
        let mut controlled = self.0.lock();
        controlled.process = Some(process);
        if controlled.is_paused || controlled.is_over {
            controlled.signal();
        }
    }

    /// Its process is waited for, and its number may be that of another then.
    fn forget(&self) {
        self.0.lock().process = None;
    }
}

impl Controlled {
    fn signal(&self) {
        if let Some(process) = &self.process {
            let signal = match (self.is_over, self.is_paused) {
                (true, _) => Signal::KILL,
                (false, true) => Signal::STOP,
                (false, false) => Signal::CONT,
            };
            // One that has ended needs none.
            let _ended = pidfd_send_signal(process, signal);
        }
    }
}

/// A program that compiles when it is started.
pub(super) struct CompileProcess {
    program: PathBuf,
    limits: CompileLimits,
    /// Memory that the node may take, in bytes.
    budget_bytes: u64,
    account: Arc<Account>,
    walls: Walls,
}

impl CompileProcess {
    /// Has the program say whether it makes code for this engine.
    ///
    /// # Errors
    /// It can't be started, is another program, or of another version.
    pub(super) fn of(
        program: PathBuf,
        limits: CompileLimits,
        budget_bytes: u64,
        account: Arc<Account>,
        engine: &wasmtime::Engine,
    ) -> Result<Self, CompilerError> {
        if is_asked() {
            // Or it would start itself, and that itself, without an end.
            let why = "it starts a node where it is to compile; call `compile_if_asked` before anything else";
            return Err(CompilerError { program, why: why.to_owned() });
        }
        match ready(&program, &account, engine) {
            Ok(walls) => Ok(Self { program, limits, budget_bytes, account, walls }),
            Err(why) => Err(CompilerError { program, why }),
        }
    }

    pub(super) const fn budget_bytes(&self) -> u64 {
        self.budget_bytes
    }

    /// Bounds on what it takes for a component of so many bytes.
    pub(super) fn bounds(&self, bytes: u64) -> CompileBounds {
        CompileBounds::of(bytes, self.limits, self.budget_bytes)
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) const fn walls(&self) -> Walls {
        self.walls
    }

    /// The code of a component.
    ///
    /// # Errors
    /// The compiler refuses or can't do it.
    pub(super) fn compile(&self, bytes: &[u8], control: &CompileControl) -> Result<Vec<u8>, SourceError> {
        let bounds = self.bounds(bytes.len() as u64);
        let args = [bounds.memory_bytes.to_string(), bounds.cpu.as_millis().to_string()];
        let most = CODE_BASE_BYTES + CODE_FACTOR * bytes.len();
        let mut run = Run::start(&self.program, &args, control, &self.account)
            .map_err(|error| SourceError::NoCompiler(error.to_string()))?;
        let said = run.talk(bytes, most, bounds.memory_bytes, COMPILE_WALL_TIME_MAX);
        let memory_most = run.memory_most;
        let ended = run.wait().map_err(|error| SourceError::NoCompiler(error.to_string()))?;
        match said {
            Ok(said) => {
                let cpu = ended.rusage.utime + ended.rusage.stime;
                judge(said, ended.status, cpu, memory_most, &bounds)
            }
            Err(Unread::TooMuch) => Err(SourceError::TooMuchCode { max: most as u64 }),
            Err(Unread::TooMuchMemory) => Err(too_much_memory(memory_most, &bounds)),
            Err(Unread::Short(short)) => Err(SourceError::CompileShort(short)),
            Err(why) => Err(SourceError::CompileStopped(why.to_string())),
        }
    }
}

/// Asks a program whether it could compile for this engine, and behind which walls.
fn ready(program: &Path, account: &Account, engine: &wasmtime::Engine) -> Result<Walls, String> {
    let control = CompileControl::default();
    let mut run =
        Run::start(program, &[CHECK.to_owned()], &control, account).map_err(|error| error.to_string())?;
    let said = run.talk(&[], ERROR_TEXT_LEN_MAX, u64::MAX, COMPILER_CHECK_TIME_MAX);
    let ended = run.wait().map_err(|error| error.to_string())?;
    let said = said.map_err(|why| why.to_string())?;
    let other = "name the program `thespian-host`, or one that calls `compile_if_asked` before anything else";
    let words = last_words(&said);
    let answer = CompileAnswer::read(said).filter(|_| ended.status.success());
    let Some(CompileAnswer::Ready { walls, mark: theirs }) = answer else {
        return Err(format!("it does not answer as a compiler does ({}: {words}); {other}", ended.status));
    };
    if theirs != mark(engine) {
        return Err(
            "it makes code for another version or another processor; name the one of this version".to_owned()
        );
    }
    Ok(walls)
}

/// Words that are no answer, for an error.
fn last_words(said: &[u8]) -> String {
    let words = String::from_utf8_lossy(&said[..said.len().min(ERROR_TEXT_LEN_MAX)]);
    text::for_error(words.trim())
}

fn too_much_memory(used_bytes: u64, bounds: &CompileBounds) -> SourceError {
    SourceError::CompileMemory { used_bytes, max_bytes: bounds.memory_bytes }
}

/// Judges the component by the answer, or by the end without one.
fn judge(
    said: Vec<u8>,
    status: ExitStatus,
    cpu: Duration,
    memory_most: u64,
    bounds: &CompileBounds,
) -> Result<Vec<u8>, SourceError> {
    // Far from its bound it is the machine that has no more.
    let no_memory = || match memory_most >= bounds.memory_bytes / 4 {
        true => too_much_memory(memory_most, bounds),
        false => SourceError::NoMemory,
    };
    if status.success() {
        return match CompileAnswer::read(said) {
            Some(CompileAnswer::Code(code)) => Ok(code),
            Some(CompileAnswer::Refused(words)) => Err(SourceError::Invalid(words)),
            Some(CompileAnswer::Failed(words)) => Err(SourceError::CompilerFailed(text::for_error(&words))),
            Some(CompileAnswer::NoMemory) => Err(no_memory()),
            Some(CompileAnswer::Ready { .. }) | None => {
                Err(SourceError::CompileStopped("it gave no answer".to_owned()))
            }
        };
    }
    let words = last_words(&said);
    match status.signal().and_then(Signal::from_named_raw) {
        // By the kernel's other count, in ticks, that process has had all of it, and that is a few ms off this one. Far from
        // it there was a bound of somebody else's.
        Some(Signal::XCPU) if cpu >= bounds.cpu / 2 => {
            Err(SourceError::CompileTime { used: cpu.max(bounds.cpu), max: bounds.cpu })
        }
        // Where the first is ignored, as a program that started the node may have it.
        Some(Signal::KILL) if cpu >= bounds.cpu => {
            Err(SourceError::CompileTime { used: cpu, max: bounds.cpu })
        }
        // So Rust's runtime ends when an allocation fails.
        Some(Signal::ABORT) if words.contains("memory allocation of ") => Err(no_memory()),
        Some(Signal::ABORT | Signal::SEGV | Signal::ILL | Signal::BUS | Signal::FPE | Signal::TRAP) => {
            Err(SourceError::CompilerFailed(format!("{status}: {words}")))
        }
        _ => Err(SourceError::CompileStopped(format!("{status}: {words}"))),
    }
}

/// A reason why an answer was not read to its end.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("it writes more than it may")]
    TooMuch,
    #[error("it takes more memory than it may")]
    TooMuchMemory,
    #[error(transparent)]
    Short(#[from] Short),
    #[error("it was not done after {} s", .0.as_secs())]
    TooLong(Duration),
    #[error("its answer can't be read: {0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for Unread {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// A process while it runs. Dropped before it was waited for, it is ended.
struct Run<'a> {
    child: Option<Child>,
    said: PipeReader,
    /// Where the system says how much memory it has.
    size: File,
    /// The most memory of its own that it was seen to have, in bytes.
    memory_most: u64,
    control: &'a CompileControl,
    account: &'a Account,
    /// Memory that is drawn for it, in bytes.
    drawn: usize,
}

impl<'a> Run<'a> {
    fn start(
        program: &Path,
        args: &[String],
        control: &'a CompileControl,
        account: &'a Account,
    ) -> io::Result<Self> {
        let (said, says) = io::pipe()?;
        let mut command = Command::new(program);
        command.arg(COMMAND).args(args).env_clear().current_dir("/").stdin(Stdio::piped());
        command.env(RESERVE_LITTLE.0, RESERVE_LITTLE.1);
        // Signals of a terminal are for the node.
        command.process_group(0);
        // What its runtime says when it has to end comes behind what it was about to answer.
        command.stdout(says.try_clone()?).stderr(says);
        let mut child = command.spawn()?;
        // It holds the other end, and with it the answer would have none.
        drop(command);
        let size = File::open(format!("/proc/{}/statm", child.id()));
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        match size.and_then(|size| Ok((size, process?))) {
            Ok((size, process)) => {
                control.begin(process);
                Ok(Self { child: Some(child), said, size, memory_most: 0, control, account, drawn: 0 })
            }
            Err(error) => {
                let _ended = child.kill();
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Gives it all bytes that it is to have, and takes what it says until its end.
    fn talk(
        &mut self,
        bytes: &[u8],
        said_max: usize,
        memory_max: u64,
        time_max: Duration,
    ) -> Result<Vec<u8>, Unread> {
        let mut input = Input::new(self.child.as_mut().and_then(|child| child.stdin.take()), bytes)?;
        let (mut said, mut waited) = (Vec::new(), Duration::ZERO);
        let (mut piece, mut looked) = (vec![0; PIECE_BYTES], Instant::now());
        loop {
            let is_readable = self.wait_for_word(&input)?;
            input.give();
            let now = Instant::now();
            if !self.control.is_paused() {
                waited += now - looked;
            }
            looked = now;
            if waited >= time_max {
                return Err(Unread::TooLong(time_max));
            }
            let own = self.memory();
            if own > memory_max {
                return Err(Unread::TooMuchMemory);
            }
            self.draw(usize::try_from(own).unwrap_or(usize::MAX))?;
            if !is_readable {
                continue;
            }
            match self.said.read(&mut piece)? {
                0 => return Ok(said),
                len if said.len() + len > said_max => return Err(Unread::TooMuch),
                len => said.extend_from_slice(&piece[..len]),
            }
        }
    }

    /// Waits a while for it to take bytes, if it is to have some, to say something, or to end.
    fn wait_for_word(&self, input: &Input<'_>) -> Result<bool, Unread> {
        let timeout = Timespec::try_from(COMPILE_LOOK_PERIOD).expect("it is short");
        let mut ends = vec![PollFd::new(&self.said, PollFlags::IN)];
        ends.extend(input.to.as_ref().map(|to| PollFd::new(to, PollFlags::OUT)));
        match poll(&mut ends, Some(&timeout)) {
            Ok(_) => Ok(!ends[0].revents().is_empty()),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The memory of the machine that is its own, in bytes: without its program, which is a file.
    fn memory(&mut self) -> u64 {
        let mut text = [0; 128];
        // One that has ended has none.
        let len = self.size.read_at(&mut text, 0).unwrap_or(0);
        let text = String::from_utf8_lossy(&text[..len]);
        let mut pages = text.split(' ').skip(1).map_while(|pages| pages.parse::<u64>().ok());
        let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
        let own = resident.saturating_sub(shared).saturating_mul(rustix::param::page_size() as u64);
        self.memory_most = self.memory_most.max(own);
        own
    }

    /// Draws for the memory that it has now.
    fn draw(&mut self, bytes: usize) -> Result<(), Short> {
        match bytes.checked_sub(self.drawn) {
            Some(more) => self.account.draw(MemoryPart::Compiling, Purpose::Load, more)?,
            None => self.account.give_back(MemoryPart::Compiling, self.drawn - bytes),
        }
        self.drawn = bytes;
        Ok(())
    }

    /// Waits for its end, to which it is helped if its answer was not read to the end.
    fn wait(mut self) -> io::Result<ResUse> {
        self.end()
    }

    fn end(&mut self) -> io::Result<ResUse> {
        self.control.forget();
        let mut child = self.child.take().expect("it ends once");
        // It closes its answer by ending; or it says too much, or nothing.
        let _ended = child.kill();
        let ended = child.wait4();
        self.account.give_back(MemoryPart::Compiling, std::mem::take(&mut self.drawn));
        ended
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if self.child.is_some() {
            let _nobody_asks = self.end();
        }
    }
}

/// The bytes that a process is to have, as far as it has not taken them.
struct Input<'a> {
    to: Option<ChildStdin>,
    left: &'a [u8],
}

impl<'a> Input<'a> {
    fn new(to: Option<ChildStdin>, bytes: &'a [u8]) -> io::Result<Self> {
        if let Some(to) = &to {
            // It may never read, and is not to be waited for in vain.
            ioctl_fionbio(to, true)?;
        }
        Ok(Self { to, left: bytes })
    }

    /// Gives as many as it takes now. With the last it sees their end; one that takes no more has ended: why, its end says.
    fn give(&mut self) {
        while let Some(to) = &mut self.to {
            match if self.left.is_empty() { Ok(0) } else { to.write(self.left) } {
                Ok(0) => self.to = None,
                Ok(len) => self.left = &self.left[len..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.to = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_at_its_bound_of_cpu_time_was_ended_by_it_by_either_count() {
        let bounds = CompileBounds { memory_bytes: 1 << 30, cpu: Duration::from_secs(1) };
        let judged = |signal: Signal, cpu_ms| {
            let status = ExitStatus::from_raw(signal.as_raw());
            judge(Vec::new(), status, Duration::from_millis(cpu_ms), 0, &bounds).map_err(
                |error| match error {
                    SourceError::CompileTime { used, .. } => Some(used.as_millis()),
                    _ => None,
                },
            )
        };
        assert_eq!(judged(Signal::XCPU, 1_004), Err(Some(1_004)));
        assert_eq!(judged(Signal::XCPU, 996), Err(Some(1_000)), "the kernel's other count was ahead");
        assert_eq!(judged(Signal::XCPU, 100), Err(None), "a bound around the node");
        assert_eq!(judged(Signal::KILL, 1_300), Err(Some(1_300)));
        assert_eq!(judged(Signal::KILL, 996), Err(None), "somebody ended it");
    }
}
