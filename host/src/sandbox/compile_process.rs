//! The compiler in a process of its own: a node starts one for each source, gives it the bytes, and takes the code.
//!
//! Whatever the bytes do to the compiler happens there, and ends there: at a bound of its own, which is told as the component's
//! fault; or because somebody else ended the process, which says nothing about the component.

use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use thespian_core::compiling::{CompileBounds, CompileLimits};
use thespian_core::limits::{CODE_BASE_BYTES, CODE_FACTOR, COMPILE_WALL_TIME_MAX, ERROR_TEXT_LEN_MAX};
use wait4::{ResUse, Wait4 as _};

use super::code::mark;
use super::compile_answer::CompileAnswer;
use super::compile_main::{CHECK, COMMAND};
use super::confine::Walls;
use super::source_error::SourceError;
use super::text;

/// How long a wait for a process takes before its time is counted on.
const LOOK_PERIOD: Duration = Duration::from_millis(250);
/// How long a program has to say that it can compile: it is to start, and no more.
const CHECK_TIME_MAX: Duration = Duration::from_secs(30);
/// Bytes that are taken from a process at one time.
const PIECE_BYTES: usize = 256 << 10;

/// How much address space the program's allocator reserves ahead, in KiB: its least. What it has before the bound is set, it could
/// take beside it.
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
        if controlled.is_paused {
            controlled.signal();
        }
    }

    fn end(&self) {
        self.0.lock().process = None;
    }
}

impl Controlled {
    fn signal(&self) {
        if let Some(process) = &self.process {
            let signal = if self.is_paused { Signal::STOP } else { Signal::CONT };
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
        engine: &wasmtime::Engine,
    ) -> Result<Self, CompilerError> {
        match ready(&program, engine) {
            Ok(walls) => Ok(Self { program, limits, budget_bytes, walls }),
            Err(why) => Err(CompilerError { program, why }),
        }
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
        let bounds = CompileBounds::of(bytes.len() as u64, self.limits, self.budget_bytes);
        let args = [bounds.memory_bytes.to_string(), bounds.cpu.as_millis().to_string()];
        let most = CODE_BASE_BYTES + CODE_FACTOR * bytes.len();
        let mut run = Run::start(&self.program, &args, control)
            .map_err(|error| SourceError::NoCompiler(error.to_string()))?;
        run.give(bytes);
        let said = run.take(most, COMPILE_WALL_TIME_MAX);
        let ended = run.wait().map_err(|error| SourceError::NoCompiler(error.to_string()))?;
        match said {
            Ok(said) => judge(said, &ended, &bounds),
            Err(Unread::TooMuch) => Err(SourceError::TooMuchCode { max: most as u64 }),
            Err(why) => Err(SourceError::CompileStopped(why.to_string())),
        }
    }
}

/// Asks a program whether it could compile for this engine, and behind which walls.
fn ready(program: &Path, engine: &wasmtime::Engine) -> Result<Walls, String> {
    let control = CompileControl::default();
    let mut run = Run::start(program, &[CHECK.to_owned()], &control).map_err(|error| error.to_string())?;
    run.give(&[]);
    let said = run.take(ERROR_TEXT_LEN_MAX, CHECK_TIME_MAX);
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

/// Judges the component by the answer, or by the end without one.
fn judge(said: Vec<u8>, ended: &ResUse, bounds: &CompileBounds) -> Result<Vec<u8>, SourceError> {
    let no_memory =
        || SourceError::CompileMemory { used_bytes: ended.rusage.maxrss, max_bytes: bounds.memory_bytes };
    if ended.status.success() {
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
    match ended.status.signal().and_then(Signal::from_named_raw) {
        Some(Signal::XCPU) => {
            Err(SourceError::CompileTime { used: ended.rusage.utime + ended.rusage.stime, max: bounds.cpu })
        }
        // So Rust's runtime ends when an allocation fails.
        Some(Signal::ABORT) if words.contains("memory allocation of ") => Err(no_memory()),
        Some(Signal::ABORT | Signal::SEGV | Signal::ILL | Signal::BUS | Signal::FPE | Signal::TRAP) => {
            Err(SourceError::CompilerFailed(format!("{}: {words}", ended.status)))
        }
        _ => Err(SourceError::CompileStopped(format!("{}: {words}", ended.status))),
    }
}

/// A reason why an answer was not read to its end.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("it writes more than it may")]
    TooMuch,
    #[error("it was not done after {} s", .0.as_secs())]
    TooLong(Duration),
    #[error("its answer can't be read: {0}")]
    Io(#[from] io::Error),
}

/// A process while it runs. Dropped before it was waited for, it is ended.
struct Run<'a> {
    child: Option<Child>,
    said: PipeReader,
    control: &'a CompileControl,
}

impl<'a> Run<'a> {
    fn start(program: &Path, args: &[String], control: &'a CompileControl) -> io::Result<Self> {
        let (said, says) = io::pipe()?;
        let mut command = Command::new(program);
        command.arg(COMMAND).args(args).env_clear().current_dir("/").stdin(Stdio::piped());
        command.env(RESERVE_LITTLE.0, RESERVE_LITTLE.1);
        // What its runtime says when it has to end comes behind what it was about to answer.
        command.stdout(says.try_clone()?).stderr(says);
        let mut run = Self { child: Some(command.spawn()?), said, control };
        // It holds the other end, and with it the answer would have none.
        drop(command);
        let pid = Pid::from_child(run.child());
        control.begin(pidfd_open(pid, PidfdFlags::empty())?);
        Ok(run)
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it is taken out at the end only")
    }

    /// Gives it all bytes that it is to have. One that ends before it has them says why by its end.
    fn give(&mut self, bytes: &[u8]) {
        if let Some(mut stdin) = self.child().stdin.take() {
            let _ended = stdin.write_all(bytes);
        }
    }

    /// Takes what it says until its end.
    fn take(&mut self, bytes_max: usize, time_max: Duration) -> Result<Vec<u8>, Unread> {
        let (mut said, mut waited) = (Vec::new(), Duration::ZERO);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            if !self.is_readable()? {
                if !self.control.is_paused() {
                    waited += LOOK_PERIOD;
                }
                if waited >= time_max {
                    return Err(Unread::TooLong(time_max));
                }
                continue;
            }
            match self.said.read(&mut piece)? {
                0 => return Ok(said),
                len if said.len() + len > bytes_max => return Err(Unread::TooMuch),
                len => said.extend_from_slice(&piece[..len]),
            }
        }
    }

    /// Waits a while for it to say something, or to end.
    fn is_readable(&self) -> io::Result<bool> {
        let timeout = Timespec::try_from(LOOK_PERIOD).expect("it is short");
        match poll(&mut [PollFd::new(&self.said, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for its end, to which it is helped if its answer was not read to the end.
    fn wait(mut self) -> io::Result<ResUse> {
        self.end()
    }

    fn end(&mut self) -> io::Result<ResUse> {
        self.control.end();
        let mut child = self.child.take().expect("it ends once");
        // It closes its answer by ending; or it says too much, or nothing.
        let _ended = child.kill();
        child.wait4()
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if self.child.is_some() {
            let _nobody_asks = self.end();
        }
    }
}
