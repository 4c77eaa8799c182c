//! The wakeups of one actor: in the order of their times, and each behind what was in the mailbox when it fell due.
//!
//! ```text
//!  set ──► pending ── the alarm has gone off at or after its time ──► due ── all that came before is handled ──► handed over
//!             │                                                       │
//!             └──────────────── taken back, or the actor exits ───────┴──► gone
//! ```

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use crate::envelope::Wakeup;
use crate::limits::WAKEUP_BYTES;
use crate::mailbox::Mark;
use crate::message::Message;
use crate::time::Time;

/// More wakeups than one turn can ask for.
const IDS_OF_A_TURN: u64 = 1 << 24;

/// All wakeups of an actor that it has not been given.
#[derive(Debug, Default)]
pub(super) struct Wakeups {
    next_id: u64,
    /// Absent where there are none: then a turn, of which there are many more than wakeups, looks at nothing but this.
    set: Option<Box<Set>>,
}

#[derive(Debug, Default)]
struct Set {
    /// Wakeups that have not fallen due as far as is known, by their time and their id.
    pending: BTreeMap<(Time, u64), Box<Wakeup>>,
    /// Wakeups that have, by the same: what falls due at a later alarm has a later time, for none is set to a time that has
    /// passed. Each comes behind so many envelopes of all that ever came into the mailbox.
    due: BTreeMap<(Time, u64), (u64, Box<Wakeup>)>,
    /// The times of both, by id.
    times: BTreeMap<u64, Time>,
    /// The cost of all payloads.
    bytes: usize,
}

impl Wakeups {
    pub(super) fn len(&self) -> usize {
        self.set.as_ref().map_or(0, |set| set.times.len())
    }

    pub(super) fn bytes(&self) -> usize {
        self.set.as_ref().map_or(0, |set| set.bytes)
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.set.is_none()
    }

    /// Memory that they take, payloads included.
    pub(super) fn kept_bytes(&self) -> usize {
        self.set.as_ref().map_or(0, |set| set.bytes + set.times.len() * WAKEUP_BYTES)
    }

    pub(super) const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// The guest may have kept ids that a failed turn was given. They must not come to stand for other wakeups.
    pub(super) const fn skip_ids(&mut self) {
        self.next_id = self.next_id.wrapping_add(IDS_OF_A_TURN);
    }

    pub(super) fn set(&mut self, due: Time, wakeup: Wakeup) {
        self.next_id = wakeup.id + 1;
        let set = self.set.get_or_insert_default();
        set.bytes += cost(&wakeup);
        set.times.insert(wakeup.id, due);
        set.pending.insert((due, wakeup.id), Box::new(wakeup));
    }

    /// Takes it back, also when it has fallen due and is not handed over yet.
    pub(super) fn cancel(&mut self, id: u64) {
        let Some(set) = &mut self.set else { return };
        let Some(due) = set.times.remove(&id) else { return };
        let pending = set.pending.remove(&(due, id));
        let taken_back = pending.or_else(|| set.due.remove(&(due, id)).map(|(_, wakeup)| wakeup));
        set.bytes -= taken_back.map_or(0, |wakeup| cost(&wakeup));
        self.tidy();
    }

    /// When the first of those is due that have not fallen due as far as is known.
    pub(super) fn next_due(&self) -> Option<Time> {
        let set = self.set.as_ref()?;
        set.pending.first_key_value().map(|((due, _), _)| *due)
    }

    /// The alarm went off: what is due by then comes behind what was in the mailbox, and before all that comes later.
    pub(super) fn fall_due(&mut self, mark: Mark) {
        let Some(set) = &mut self.set else { return };
        while let Some(first) = set.pending.first_entry()
            && first.key().0 <= mark.at
        {
            let (key, wakeup) = first.remove_entry();
            set.due.insert(key, (mark.pushed, wakeup));
        }
    }

    /// Whether one is due, with so many envelopes handled of all that ever came.
    #[inline]
    pub(super) fn is_due(&self, handled: u64) -> bool {
        self.set.as_ref().is_some_and(|set| set.is_due(handled))
    }

    /// Takes out the first of those that are due.
    pub(super) fn take_due(&mut self) -> Option<Box<Wakeup>> {
        let set = self.set.as_mut()?;
        let (_, (_, wakeup)) = set.due.pop_first()?;
        set.times.remove(&wakeup.id);
        set.bytes -= cost(&wakeup);
        self.tidy();
        Some(wakeup)
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.set = None;
    }

    fn tidy(&mut self) {
        self.set.take_if(|set| set.times.is_empty());
    }
}

impl Set {
    fn is_due(&self, handled: u64) -> bool {
        self.due.first_key_value().is_some_and(|(_, (behind, _))| *behind <= handled)
    }
}

fn cost(wakeup: &Wakeup) -> usize {
    wakeup.payload.as_ref().map_or(0, Message::cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::time::Duration;

    fn set(wakeups: &mut Wakeups, due: u64, size: usize) -> u64 {
        let id = wakeups.next_id();
        let payload = (size > 0).then(|| Message::bytes("M", alloc::vec![0; size]));
        wakeups.set(Time(due), Wakeup { id, delay: Duration::ZERO, payload });
        id
    }

    fn taken(wakeups: &mut Wakeups, handled: u64) -> Vec<u64> {
        let next = || wakeups.is_due(handled).then(|| wakeups.take_due()).flatten();
        core::iter::from_fn(next).map(|wakeup| wakeup.id).collect()
    }

    #[test]
    fn they_fall_due_in_the_order_of_their_times_and_for_one_time_of_the_asking() {
        let mut wakeups = Wakeups::default();
        for due in [30, 10, 20, 10, 40] {
            set(&mut wakeups, due, 0);
        }
        assert_eq!(wakeups.next_due(), Some(Time(10)));
        assert_eq!(taken(&mut wakeups, 100), [], "no alarm has gone off");
        wakeups.fall_due(Mark { at: Time(9), pushed: 0 });
        assert_eq!(taken(&mut wakeups, 100), [], "none before its time");
        wakeups.fall_due(Mark { at: Time(30), pushed: 0 });
        assert_eq!(wakeups.next_due(), Some(Time(40)));
        assert_eq!(taken(&mut wakeups, 0), [1, 3, 2, 0]);
        assert_eq!(wakeups.len(), 1);
    }

    #[test]
    fn each_comes_behind_what_had_come_when_its_alarm_went_off() {
        let mut wakeups = Wakeups::default();
        for due in [10, 20] {
            set(&mut wakeups, due, 0);
        }
        wakeups.fall_due(Mark { at: Time(10), pushed: 3 });
        wakeups.fall_due(Mark { at: Time(20), pushed: 5 });
        assert_eq!(taken(&mut wakeups, 2), []);
        assert_eq!(taken(&mut wakeups, 3), [0]);
        assert_eq!(taken(&mut wakeups, 4), []);
        assert_eq!(taken(&mut wakeups, 5), [1]);
        assert!(wakeups.set.is_none(), "no memory is kept for none");
    }

    #[test]
    fn one_is_taken_back_until_it_is_handed_over() {
        let mut wakeups = Wakeups::default();
        let ids: Vec<_> = [10, 20, 30].map(|due| set(&mut wakeups, due, 100)).into();
        let one = wakeups.bytes() / 3;
        wakeups.fall_due(Mark { at: Time(20), pushed: 0 });
        wakeups.cancel(ids[1]);
        wakeups.cancel(ids[2]);
        wakeups.cancel(ids[2]);
        assert_eq!((wakeups.len(), wakeups.bytes(), wakeups.next_due()), (1, one, None));
        assert_eq!(taken(&mut wakeups, 0), [ids[0]]);
        wakeups.cancel(ids[0]);
        assert_eq!((wakeups.len(), wakeups.bytes(), wakeups.next_id()), (0, 0, 3));
    }
}
