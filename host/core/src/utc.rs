//! The wall clock, as an argument: seconds since 1970. Only what people date reads it: manifests, keys, revocations and the
//! admission of sources. Whatever else takes time goes by [`crate::time::Time`], which nobody can set.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment of the calendar, in seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcTime(pub u64);

impl UtcTime {
    /// The moment so much later, at most the end of the calendar.
    #[must_use]
    pub const fn plus(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length.as_secs()))
    }

    /// The time that has passed since `earlier`; zero if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// As RFC 3339 has it: `2026-11-01T00:00:00Z`. A moment that no calendar has is the calendar's last.
impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX).min(Timestamp::MAX.as_second());
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).fmt(f)
    }
}

/// The text is no moment since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a moment has a date, a time and an offset, as in `2026-11-01T00:00:00Z`, and none is before 1970")]
pub struct ParseUtcError;

impl FromStr for UtcTime {
    type Err = ParseUtcError;

    fn from_str(text: &str) -> Result<Self, ParseUtcError> {
        let moment: Timestamp = text.parse().map_err(|_| ParseUtcError)?;
        u64::try_from(moment.as_second()).map(Self).map_err(|_| ParseUtcError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        for text in ["1970-01-01T00:00:00Z", "2026-11-01T00:00:00Z", "2028-02-29T23:59:59Z"] {
            assert_eq!(text.parse::<UtcTime>().unwrap().to_string(), text);
        }
        let offset = "2026-11-01T01:00:00+01:00".parse::<UtcTime>();
        assert_eq!(offset.unwrap().to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(UtcTime(u64::MAX).to_string(), "9999-12-30T22:00:00Z");
        for text in ["", "2026-11-01", "2026-11-01T00:00:00", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z"]
        {
            assert_eq!(text.parse::<UtcTime>(), Err(ParseUtcError), "{text}");
        }
    }
}
