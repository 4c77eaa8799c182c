//! Time as an argument: nanoseconds since the node started, read by whoever owns the clock.

use core::ops::{Add, Sub};
use core::time::Duration;

use crate::limits::STOPPED_LEAST;

/// A moment: nanoseconds since the node started, on a clock that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The time that has passed since `earlier`; zero if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    /// A moment beyond the end of time (584 years) is the end of time.
    fn add(self, length: Duration) -> Self {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// How much counts of the time that a wait took, by a thread that waits for `asked` again and again while others are
/// watched: one that comes back much too late was stopped with its whole process (SIGSTOP, a suspended machine, a paused
/// virtual one), and a time in which nobody could do anything is nobody's.
#[must_use]
pub fn awake(took: Duration, asked: Duration) -> Duration {
    if took > asked + STOPPED_LEAST { asked } else { took }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_awake_and_a_stopped_one_is_not() {
        let tick = Duration::from_millis(1);
        assert_eq!(awake(tick, tick), tick);
        // Late, as threads are where many want a core: it counts.
        assert_eq!(awake(tick + STOPPED_LEAST, tick), tick + STOPPED_LEAST);
        let night = Duration::from_secs(8 * 3_600);
        assert_eq!(awake(night, tick), tick);
        // A thread that means to wait that long is not late.
        assert_eq!(awake(night, night), night);
    }
}
