//! Pauses between attempts at one thing: they double as long as none of them lasts.

use core::time::Duration;

use crate::limits::{RESTART_PAUSE_MAX, RESTART_PAUSE_MIN, RESTART_WINDOW};
use crate::time::Time;

/// The pauses behind attempts that end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// When the attempt under way began.
    since: Option<Time>,
    last: Option<Duration>,
}

impl Pauses {
    /// An attempt begins.
    pub const fn begin(&mut self, now: Time) {
        self.since = Some(now);
    }

    /// An attempt ends, or could not begin. Returns the pause until the next.
    pub fn end(&mut self, now: Time) -> Duration {
        let lasted = self.since.take().is_some_and(|since| now.since(since) >= RESTART_WINDOW);
        let last = self.last.filter(|_| !lasted);
        let pause = last.map_or(RESTART_PAUSE_MIN, |last| (last * 2).min(RESTART_PAUSE_MAX));
        self.last = Some(pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_double_to_ten_seconds_and_begin_anew_behind_what_has_lasted() {
        let mut pauses = Pauses::default();
        let mut now = Time(0);
        let mut pause = |lasts: Duration| {
            pauses.begin(now);
            now = now + lasts;
            pauses.end(now).as_millis()
        };
        let all: [u128; 12] = core::array::from_fn(|_| pause(Duration::ZERO));
        assert_eq!(all, [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_000, 10_000]);
        assert_eq!(pause(RESTART_WINDOW), 10, "one that lasted");
        assert_eq!(pause(Duration::ZERO), 20);
    }
}
