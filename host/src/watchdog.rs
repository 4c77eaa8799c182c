//! What happens unless it is called off in time: on a thread of its own, whatever else of a process is stuck.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use thespian_core::time::awake;

/// How often it looks at the clock, and so how late it may be.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

const RESTING: u8 = 0;
const RUNNING: u8 = 1;
const CALLED_OFF: u8 = 2;

/// Does something after a time that is counted from [`Self::begin`], unless it is dropped before. Time in which the whole
/// process was stopped does not count.
pub struct Watchdog {
    state: Arc<AtomicU8>,
    thread: Thread,
}

impl Watchdog {
    /// A watchdog that rests. It has its thread from here: when it is needed the system may have none left.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(time: Duration, overdue: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let state = Arc::new(AtomicU8::new(RESTING));
        let theirs = state.clone();
        let run = move || {
            if is_overdue(&theirs, time) {
                overdue();
            }
        };
        let handle = thread::Builder::new().name("watchdog".to_string()).spawn(run)?;
        Ok(Self { state, thread: handle.thread().clone() })
    }

    /// The time begins, unless it did before.
    pub fn begin(&self) {
        let _ = self.state.compare_exchange(RESTING, RUNNING, Ordering::AcqRel, Ordering::Acquire);
        self.thread.unpark();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.state.store(CALLED_OFF, Ordering::Release);
        self.thread.unpark();
    }
}

/// Returns when the time has passed, or it was called off.
fn is_overdue(state: &AtomicU8, time: Duration) -> bool {
    while state.load(Ordering::Acquire) == RESTING {
        thread::park();
    }
    let (mut passed, mut last) = (Duration::ZERO, Instant::now());
    while passed < time {
        thread::park_timeout(LOOK_PERIOD.min(time - passed));
        if state.load(Ordering::Acquire) == CALLED_OFF {
            return false;
        }
        let now = Instant::now();
        passed += awake(now - last, LOOK_PERIOD);
        last = now;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn it_does_what_it_is_to_do_when_nobody_calls_it_off() {
        let (done, is_done) = sync_channel(1);
        let watchdog = Watchdog::new(Duration::from_millis(1), move || done.send(()).unwrap()).unwrap();
        watchdog.begin();
        is_done.recv_timeout(Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn it_does_nothing_before_it_begins_and_after_it_is_called_off() {
        for begins in [false, true] {
            let (done, is_done) = sync_channel::<()>(1);
            let watchdog = Watchdog::new(Duration::from_secs(3_600), move || done.send(()).unwrap()).unwrap();
            if begins {
                watchdog.begin();
            }
            drop(watchdog);
            // Its thread ends, and with it what it was to do.
            let ended = is_done.recv_timeout(Duration::from_secs(60));
            assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
        }
    }
}
