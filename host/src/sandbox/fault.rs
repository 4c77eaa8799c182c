//! What ended an instance, out of what wasmtime says. No error of wasmtime leaves the sandbox.

use std::fmt::Write as _;
use std::time::Duration;

use thespian_core::fate::{Budget, Fault};
use wasmtime::{Trap, WasmBacktrace};

use super::bounds::WASM_STACK_BYTES;
use super::limiter::NoGrowth;
use super::{function, text};

/// Frames of the guest's stack that a trap names.
const FRAMES_MAX: usize = 6;

/// A reason why the sandbox itself stops a guest; travels through wasmtime as its error.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// The actor was killed.
    #[error("killed")]
    Killed,
    /// A bound is reached.
    #[error("{0} ({1})")]
    Budget(Budget, String),
    /// The guest called something that this sandbox has not.
    #[error("{0}")]
    Refused(String),
}

impl Stop {
    pub(super) fn over(budget: Budget, max: Duration) -> Self {
        Self::Budget(budget, format!("{} ms are allowed", max.as_millis()))
    }

    pub(super) fn refused(why: impl Into<String>) -> wasmtime::Error {
        wasmtime::Error::new(Self::Refused(why.into()))
    }
}

/// Judges an error of a call into the guest. `refused` is a growth that was refused in the turn, `last_words`
/// what the guest wrote to stderr in it.
pub(super) fn judge(error: &wasmtime::Error, refused: Option<NoGrowth>, last_words: &str) -> Fault {
    match error.downcast_ref::<Stop>() {
        Some(Stop::Killed) => return Fault::Killed,
        Some(Stop::Budget(budget, detail)) => {
            return Fault::Budget(*budget, text::for_error(&with_frames(detail, error)));
        }
        Some(Stop::Refused(why)) => return Fault::Trap(text::for_error(&with_frames(why, error))),
        None => {}
    }
    if let Some(refusal) = refused {
        return Fault::Budget(Budget::Memory, refusal.to_string());
    }
    let cause = error.root_cause().to_string();
    // The type of this error is private to wasmtime; a test holds on to its words.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return Fault::Budget(Budget::Copy, text::for_error(&with_frames("", error)));
    }
    let cause = match error.downcast_ref::<Trap>() {
        Some(trap) if !last_words.is_empty() => format!("{last_words} ({trap})"),
        Some(trap) => in_words(*trap),
        None if !last_words.is_empty() => format!("{last_words} ({cause})"),
        None => cause,
    };
    Fault::Trap(text::for_error(&with_frames(&cause, error)))
}

/// A trap, with what to do about it where that is known.
fn in_words(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => format!(
            "its stack is used up ({} KiB are allowed): it calls itself without end, or too deep",
            WASM_STACK_BYTES >> 10
        ),
        Trap::MemoryOutOfBounds => format!(
            "{trap}; where no code is `unsafe`, its stack in memory is used up (1 MiB in Rust where nobody has said otherwise): large values belong into a \
             `Box` or a `Vec`, and calls may not go too deep"
        ),
        _ => trap.to_string(),
    }
}

/// Adds where the guest was, innermost first, without the machinery of panics.
fn with_frames(text: &str, error: &wasmtime::Error) -> String {
    let mut text = text.to_owned();
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return text };
    let names = trace.frames().iter().filter_map(wasmtime::FrameInfo::func_name).map(function::shown);
    let mut own = names.filter(|name| !function::is_machinery(name)).peekable();
    if own.peek().is_some() {
        text.push_str(if text.is_empty() { "in " } else { "; in " });
    }
    for (place, name) in own.take(FRAMES_MAX).enumerate() {
        let _ = write!(text, "{}{name}", if place == 0 { "" } else { " < " });
    }
    text
}

/// The text of an error that is about a component rather than a turn.
pub(super) fn describe(error: &wasmtime::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            let _ = write!(text, "{}{cause}", if text.is_empty() { "" } else { ": " });
        }
    }
    text::one_line(&text)
}
