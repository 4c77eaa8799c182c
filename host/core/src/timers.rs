//! What is due when: in the order of the times, and for one time in the order of the asking.

use alloc::collections::BTreeMap;

use crate::time::Time;

/// Names a timer, for taking it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey {
    due: Time,
    seq: u64,
}

/// Things with the times at which they are due.
#[derive(Debug)]
pub struct Timers<T> {
    entries: BTreeMap<TimerKey, T>,
    next_seq: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), next_seq: 0 }
    }
}

impl<T> Timers<T> {
    /// Adds a thing that is due at `due`.
    pub fn insert(&mut self, due: Time, thing: T) -> TimerKey {
        let key = TimerKey { due, seq: self.next_seq };
        self.next_seq += 1;
        self.entries.insert(key, thing);
        key
    }

    /// Takes a thing back that is not due yet.
    pub fn remove(&mut self, key: TimerKey) -> Option<T> {
        self.entries.remove(&key)
    }

    /// Takes out the next thing that is due by `now`.
    pub fn pop_due(&mut self, now: Time) -> Option<(TimerKey, T)> {
        let entry = self.entries.first_entry()?;
        (entry.key().due <= now).then(|| entry.remove_entry())
    }

    /// When the next thing is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.entries.first_key_value().map(|(key, _)| key.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_out_in_the_order_of_their_times_and_of_the_asking() {
        let mut timers = Timers::default();
        timers.insert(Time(30), 'c');
        timers.insert(Time(10), 'a');
        let taken_back = timers.insert(Time(10), 'x');
        timers.insert(Time(10), 'b');
        assert_eq!(timers.remove(taken_back), Some('x'));
        assert_eq!(timers.remove(taken_back), None);
        assert_eq!(timers.pop_due(Time(9)), None, "not before its time");
        let due: alloc::string::String =
            core::iter::from_fn(|| timers.pop_due(Time(20)).map(|(_, c)| c)).collect();
        assert_eq!(due, "ab");
        assert_eq!(timers.next_due(), Some(Time(30)));
    }
}
