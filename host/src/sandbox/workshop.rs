//! The threads on which the compiler works. It has a stranger's bytes in hand, and nothing of the node: where it panics for
//! a defect of its own, that load ends. So a panic here is told to whoever loads, in one line, and leaves no trace on stderr.
//!
//! The compiler divides its work among threads. Those of a pool of its own are told apart from all others of the process.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use parking_lot::Mutex;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thespian_core::limits::COMPILE_THREADS_MAX;

use super::source_error::SourceError;
use super::{fault, text};

thread_local! {
    /// Whether this is one of these threads.
    static COMPILES: Cell<bool> = const { Cell::new(false) };
}

/// Where the last panic on these threads was: what catches it may be another thread, and is not told.
static LAST_PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Does work of the compiler, and waits for it.
///
/// # Errors
/// Its own, those of a panic in it, or there are no threads.
pub(super) fn work<T: Send>(work: impl FnOnce() -> Result<T, SourceError> + Send) -> Result<T, SourceError> {
    let threads = threads()?;
    threads.install(|| catch_unwind(AssertUnwindSafe(work))).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().copied();
        let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let mut told =
            words.unwrap_or("a panic without a text").split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(place) = LAST_PLACE.lock().take() {
            let _infallible = write!(told, ", at {place}");
        }
        Err(SourceError::CompilerFailed(text::for_error(&told)))
    })
}

/// The code of a component.
///
/// # Errors
/// The engine refuses it, in its own words; or the compiler can't do it.
pub(super) fn compile(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    work(|| {
        engine.precompile_component(bytes).map_err(|error| {
            let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
            if causes.any(|cause| cause.kind() == io::ErrorKind::OutOfMemory) {
                return SourceError::NoMemory;
            }
            SourceError::Invalid(fault::describe(&error))
        })
    })
}

/// The threads, one for each of some cores: the process has them once, for all its engines.
fn threads() -> Result<Arc<ThreadPool>, SourceError> {
    static THREADS: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);
    keep_panics_quiet();
    let mut threads = THREADS.lock();
    if let Some(threads) = &*threads {
        return Ok(threads.clone());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let made = ThreadPoolBuilder::new()
        .num_threads(cores.min(COMPILE_THREADS_MAX))
        .thread_name(|number| format!("compiler-{number}"))
        .start_handler(|_| COMPILES.set(true))
        .build();
    let made = Arc::new(made.map_err(|error| SourceError::NoThreads(error.to_string()))?);
    *threads = Some(made.clone());
    Ok(made)
}

/// Has a panic on these threads noted, and not printed. All others are as they were for the hook that is there.
fn keep_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if COMPILES.get() {
                *LAST_PLACE.lock() = panic.location().map(ToString::to_string);
            } else {
                others(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_compiler_is_one_line_for_whoever_loads_and_the_next_load_works() {
        let told = |failed: Result<(), SourceError>| failed.unwrap_err().to_string();
        let failed = told(work(|| panic!("a broken\n  invariant")));
        assert!(
            failed.starts_with("the compiler failed on this component: a broken invariant, at "),
            "{failed}"
        );
        assert!(failed.contains("workshop.rs:"), "{failed}");
        // On whichever of its threads.
        let failed = told(work(|| {
            rayon::join(|| (), || assert_eq!(1, 2, "in a part of its work"));
            Ok(())
        }));
        assert!(failed.contains("in a part of its work"), "{failed}");
        assert_eq!(work(|| Ok(7)), Ok(7));
    }
}
