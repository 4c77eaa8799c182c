//! The one place that reads the clock for core.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use thespian_core::time::Time;
use thespian_core::utc::UtcTime;

/// Time since the node started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(self) -> Time {
        Time::default() + self.start.elapsed()
    }

    /// For waiting until `time`.
    pub(crate) fn instant(self, time: Time) -> Instant {
        self.start + Duration::from_nanos(time.0)
    }
}

/// The wall clock's time, for what people date.
pub(crate) fn utc() -> UtcTime {
    UtcTime(unix_ms() / 1_000)
}

/// Milliseconds since the Unix epoch, for people.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
