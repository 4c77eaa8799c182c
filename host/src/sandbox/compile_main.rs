//! The whole of a compiler's process: it reads a component, writes its code, and ends. A node starts one for each source
//! that it does not know.
//!
//! A component that takes too much of the compiler takes it of this process alone, which has bounds; and where a component
//! finds a defect of the compiler, it has found it in a process that can do nothing but write an answer.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use thespian_core::compiling::{CompileBounds, CompileLimits};
use thespian_core::limits::SOURCE_BYTES_MAX;

use super::code::mark;
use super::compile_answer::CompileAnswer;
use super::confine::{self, Walls};
use super::source_error::SourceError;
use super::{settings, workshop};
use crate::input;

/// The first argument of a program that is to be a compiler's process.
pub(super) const COMMAND: &str = "compile-source";
/// The path of the program that this process runs, also where its file was replaced meanwhile.
pub const THIS_PROGRAM: &str = "/proc/self/exe";
/// In place of bounds: compile nothing, and say whether it could be done.
pub(super) const CHECK: &str = "check";

/// Bounds for the compile that this process was started for; none within where it is only to check. Absent for other words.
fn task(mut args: impl Iterator<Item = OsString>) -> Option<Option<CompileBounds>> {
    let first = args.next()?;
    if first == CHECK {
        return Some(None);
    }
    let memory_bytes = first.to_str()?.parse().ok()?;
    let cpu = args.next()?.to_str()?.parse().ok().map(Duration::from_millis)?;
    Some(Some(CompileBounds { memory_bytes, cpu }))
}

/// Whether this process was started as a compiler's.
pub(super) fn is_asked() -> bool {
    std::env::args_os().nth(1).is_some_and(|first| first == COMMAND)
}

/// Is the compiler's process, if this program was started as one: then it returns how that ended, and the program is to end
/// with it. Whoever embeds a node in a program of their own calls it before anything else, and names that program as the
/// node's compiler: `/proc/self/exe` is this one.
///
/// ```
/// # use std::process::ExitCode;
/// fn main() -> ExitCode {
///     if let Some(ended) = thespian_host::sandbox::compile_if_asked() {
///         return ended;
///     }
///     // The program's own work.
///     ExitCode::SUCCESS
/// }
/// ```
#[must_use]
pub fn compile_if_asked() -> Option<ExitCode> {
    if !is_asked() {
        return None;
    }
    let Some(bounds) = task(std::env::args_os().skip(2)) else {
        let _nobody_reads = writeln!(
            io::stderr(),
            "`{COMMAND}` is how a node has a source compiled, in a process of its own; it is of no use in a shell"
        );
        return Some(ExitCode::from(2));
    };
    let answer = answer(bounds);
    let mut stdout = io::stdout().lock();
    let written = answer.and_then(|answer| answer.write(|part| stdout.write_all(part)));
    Some(written.and_then(|()| stdout.flush()).map_or_else(failed, |()| ExitCode::SUCCESS))
}

/// For whoever reads on: the node tells it.
fn failed(error: io::Error) -> ExitCode {
    let _nobody_reads = writeln!(io::stderr(), "{error}");
    ExitCode::FAILURE
}

fn answer(bounds: Option<CompileBounds>) -> io::Result<CompileAnswer> {
    confine::leave_parent()?;
    let space = confine::address_space()?;
    let landlock = confine::landlock();
    // Its threads begin before they could not.
    workshop::work(|| Ok(())).map_err(io::Error::other)?;
    let engine = wasmtime::Engine::new(&settings::of_compiler()).map_err(io::Error::other)?;
    // Those of the smallest component, where there is none.
    let smallest = || CompileBounds::of(0, CompileLimits::default(), u64::MAX);
    confine::bound(&bounds.unwrap_or_else(smallest), space)?;
    let walls = Walls { landlock, seccomp: confine::seccomp() };
    if bounds.is_none() {
        return Ok(CompileAnswer::Ready { walls, mark: mark(&engine) });
    }
    let bytes = input::read(io::stdin().lock(), SOURCE_BYTES_MAX)?;
    Ok(compile(&engine, &bytes))
}

fn compile(engine: &wasmtime::Engine, bytes: &[u8]) -> CompileAnswer {
    match workshop::compile(engine, bytes) {
        Ok(code) => CompileAnswer::Code(code),
        Err(SourceError::NoMemory) => CompileAnswer::NoMemory,
        Err(SourceError::CompilerFailed(words)) => CompileAnswer::Failed(words),
        Err(SourceError::Invalid(words)) => CompileAnswer::Refused(words),
        Err(why) => CompileAnswer::Failed(why.to_string()),
    }
}
