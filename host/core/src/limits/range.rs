//! What each limit of an actor can be set to: the least and the most with which a node still makes sense, and why.

use super::{ActorLimits, MESSAGE_BYTES_MOST};

/// The values that one limit can have.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The limit, as it is called in configuration.
    pub name: &'static str,
    /// The least that makes sense.
    pub least: u64,
    /// The most that it can be.
    pub most: u64,
    /// The reason for not less, and for not more.
    pub reason: &'static str,
    value: fn(&ActorLimits) -> u64,
    lower: fn(&mut ActorLimits, u64),
}

impl Range {
    /// The limit's value among these.
    #[must_use]
    pub fn of(&self, limits: &ActorLimits) -> u64 {
        (self.value)(limits)
    }

    /// Sets the limit to `value`, if that is lower.
    pub fn lower(&self, limits: &mut ActorLimits, value: u64) {
        (self.lower)(limits, value);
    }
}

/// Limits do not fit what they are for. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A limit is beyond its range.
    #[error("`{name}` can be {least} to {most}, not {value}: {reason}")]
    OutOfRange {
        /// The name of the limit.
        name: &'static str,
        /// The value that it was to have.
        value: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that it can be.
        most: u64,
        /// The reason for not less, and for not more.
        reason: &'static str,
    },
    /// A limit is too small for another.
    #[error("`{name}` is {value}, less than `{than}` with {least}: {reason}")]
    TooSmallFor {
        /// The name of the limit.
        name: &'static str,
        /// The value that it was to have.
        value: u64,
        /// The name of the other limit.
        than: &'static str,
        /// The other's value.
        least: u64,
        /// The reason for not less.
        reason: &'static str,
    },
}

impl LimitError {
    /// The limit that is not as it should be, and the other that has a part in it.
    #[must_use]
    pub const fn names(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::OutOfRange { name, .. } => (name, None),
            Self::TooSmallFor { name, than, .. } => (name, Some(than)),
        }
    }
}

const HOUR_MS: u64 = 3_600_000;

macro_rules! range {
    ($name:literal, $field:ident, $least:expr, $most:expr, $reason:literal) => {
        Range {
            name: $name,
            least: $least as u64,
            most: $most as u64,
            reason: $reason,
            value: |limits| limits.$field as u64,
            lower: |limits, value| {
                limits.$field = limits.$field.min(value.try_into().unwrap_or(limits.$field));
            },
        }
    };
}

/// Ranges of all [`ActorLimits`].
pub const RANGES: [Range; 15] = [
    range!(
        "memory-bytes-max",
        memory_bytes_max,
        64 << 10,
        4_u64 << 30,
        "memory comes in pages of 64 KiB, and WebAssembly addresses 4 GiB"
    ),
    range!(
        "table-elements-max",
        table_elements_max,
        16,
        10_000_000,
        "a small actor's table has some dozen functions, and each place of each actor takes address space"
    ),
    range!(
        "turn-cpu-ms-max",
        turn_cpu_ms_max,
        10,
        HOUR_MS,
        "CPU time is looked at every few milliseconds, and a node that stops waits for no turn"
    ),
    range!(
        "turn-wall-ms-max",
        turn_wall_ms_max,
        10,
        24 * HOUR_MS,
        "a turn on a busy machine waits some milliseconds for a core, and one that takes longer than a day has no end"
    ),
    range!(
        "start-cpu-ms-max",
        start_cpu_ms_max,
        10,
        120_000,
        "CPU time is looked at every few milliseconds, and who creates an actor waits 150 s at most"
    ),
    range!(
        "message-bytes-max",
        message_bytes_max,
        1 << 10,
        MESSAGE_BYTES_MOST,
        "type names and headers alone take some hundred bytes, and a frame holds no larger message"
    ),
    range!(
        "outbox-len-max",
        outbox_len_max,
        1,
        1_000_000,
        "an answer takes one entry, and each takes some 200 bytes"
    ),
    range!(
        "outbox-bytes-max",
        outbox_bytes_max,
        1 << 10,
        1_u64 << 40,
        "an answer has to fit, and no machine holds more"
    ),
    range!(
        "mailbox-len-max",
        mailbox_len_max,
        1,
        100_000_000,
        "with room for none an actor hears nothing, and each message takes some 100 bytes"
    ),
    range!(
        "mailbox-bytes-max",
        mailbox_bytes_max,
        1 << 10,
        1_u64 << 40,
        "a message has to fit, and no machine holds more"
    ),
    range!("wakeups-max", wakeups_max, 0, 10_000_000, "each takes some 100 bytes"),
    range!("monitors-max", monitors_max, 0, 10_000_000, "each takes some 100 bytes"),
    range!("children-max", children_max, 0, 10_000_000, "no node has more actors"),
    range!(
        "log-records-per-second-max",
        log_records_per_second_max,
        0,
        1_000_000,
        "a node keeps no more than some thousand"
    ),
    range!(
        "log-record-bytes-max",
        log_record_bytes_max,
        64,
        8 << 10,
        "a record says that it is cut, and the smallest log file holds the largest, each byte written as six"
    ),
];

/// Limits that are at least others: each of the first holds one of the largest messages.
const AT_LEAST: [(&str, &str, &str); 2] = [
    ("outbox-bytes-max", "message-bytes-max", "a turn must be able to send one message of that size"),
    ("mailbox-bytes-max", "message-bytes-max", "one message of that size has to have room"),
];

impl ActorLimits {
    /// Whether each is within its range and they fit each other.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), LimitError> {
        for Range { name, least, most, reason, value, .. } in RANGES {
            let value = value(self);
            if !(least..=most).contains(&value) {
                return Err(LimitError::OutOfRange { name, value, least, most, reason });
            }
        }
        let value_of = |wanted: &str| {
            let range = RANGES.iter().find(|range| range.name == wanted);
            range.map_or(0, |range| (range.value)(self))
        };
        for (name, than, reason) in AT_LEAST {
            let (value, least) = (value_of(name), value_of(than));
            if value < least {
                return Err(LimitError::TooSmallFor { name, value, than, least, reason });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// As the configuration says it.
    fn with(name: &str, value: u64) -> ActorLimits {
        let mut limits = ActorLimits::default();
        let value_usize = usize::try_from(value).unwrap();
        match name {
            "memory-bytes-max" => limits.memory_bytes_max = value_usize,
            "table-elements-max" => limits.table_elements_max = value_usize,
            "turn-cpu-ms-max" => limits.turn_cpu_ms_max = value,
            "turn-wall-ms-max" => limits.turn_wall_ms_max = value,
            "start-cpu-ms-max" => limits.start_cpu_ms_max = value,
            "message-bytes-max" => limits.message_bytes_max = value_usize,
            "outbox-len-max" => limits.outbox_len_max = value_usize,
            "outbox-bytes-max" => limits.outbox_bytes_max = value_usize,
            "mailbox-len-max" => limits.mailbox_len_max = value_usize,
            "mailbox-bytes-max" => limits.mailbox_bytes_max = value_usize,
            "wakeups-max" => limits.wakeups_max = value_usize,
            "monitors-max" => limits.monitors_max = value_usize,
            "children-max" => limits.children_max = value_usize,
            "log-records-per-second-max" => {
                limits.log_records_per_second_max = u32::try_from(value).unwrap();
            }
            "log-record-bytes-max" => limits.log_record_bytes_max = value_usize,
            _ => panic!("no limit is called {name}"),
        }
        limits
    }

    #[test]
    fn each_limit_can_be_its_least_and_its_most_and_nothing_beyond() {
        assert_eq!(ActorLimits::default().check(), Ok(()));
        for Range { name, least, most, reason, value, lower } in RANGES {
            let limits = with(name, most);
            assert_eq!(value(&limits), most, "{name}: the table reads another limit");
            let mut lowered = limits;
            lower(&mut lowered, least);
            assert_eq!(lowered, with(name, least), "{name}: the table lowers another limit");
            lower(&mut lowered, most);
            assert_eq!(lowered, with(name, least), "{name}: it is raised");
            for within in [least, most] {
                let checked = with(name, within).check();
                let is_too_small_for = matches!(checked, Err(LimitError::TooSmallFor { .. }));
                assert!(checked == Ok(()) || is_too_small_for, "{name} = {within}: {checked:?}");
            }
            for beyond in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
                let error = LimitError::OutOfRange { name, value: beyond, least, most, reason };
                assert_eq!(with(name, beyond).check(), Err(error));
            }
        }
    }

    #[test]
    fn what_holds_messages_holds_the_largest() {
        for name in ["outbox-bytes-max", "mailbox-bytes-max"] {
            let error = with(name, 1 << 20).check().unwrap_err();
            assert_eq!(error.names(), (name, Some("message-bytes-max")));
            let mut limits = with(name, 1 << 20);
            limits.message_bytes_max = 1 << 20;
            assert_eq!(limits.check(), Ok(()));
        }
    }

    #[test]
    fn who_sets_a_limit_that_makes_no_sense_is_told_the_range_and_why() {
        assert_eq!(
            with("memory-bytes-max", 1).check().unwrap_err().to_string(),
            "`memory-bytes-max` can be 65536 to 4294967296, not 1: memory comes in pages of 64 KiB, and WebAssembly \
             addresses 4 GiB"
        );
        assert_eq!(
            with("mailbox-bytes-max", 2_048).check().unwrap_err().to_string(),
            "`mailbox-bytes-max` is 2048, less than `message-bytes-max` with 16777216: one message of that size has \
             to have room"
        );
    }
}
