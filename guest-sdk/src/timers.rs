//! The messages that an instance sends itself again and again: which there are, and when the next of each is due.
//!
//! Two wakeups of one time are pending for each: the first, in a turn that has no handler and so can't fail by one, sets the
//! next two, and the other brings the message.

use std::fmt::Debug;
use std::rc::Rc;

use crate::event::WakeupId;
use crate::failure::Result;
use crate::message::RawMessage;

/// A message that an actor is to get from itself, once or again and again: for [`crate::Context::cancel_timer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer(pub(crate) TimerKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TimerKind {
    Once(WakeupId),
    /// The number of it, which this instance gives only once.
    Every(u64),
}

/// A message that comes again and again.
#[derive(Clone, Debug)]
pub(crate) struct Repeated {
    pub(crate) message: Rc<RawMessage>,
    /// The time from one to the next, in ns.
    pub(crate) period: u64,
    /// When its next message is due, in ns of the host's clock: no turn that is late moves it.
    pub(crate) due: u64,
    /// The wakeup that sets what comes next.
    pub(crate) next: WakeupId,
    /// Wakeups that bring the message: the next, if there was room for it, and one before that may be due.
    pub(crate) ticks: [Option<WakeupId>; 2],
}

/// All of one instance.
#[derive(Debug)]
pub(crate) struct Timers<C> {
    pub(crate) repeated: Vec<(u64, Repeated)>,
    last_number: u64,
    /// As they were before this turn changed them.
    before: Option<Vec<(u64, Repeated)>>,
    /// Sets what comes next. Through a pointer, so that a component has it only where a timer is begun.
    pub(crate) go_on: GoOn<C>,
}

/// A function that sets what comes after the wakeup of this name.
pub(crate) type GoOn<C> = fn(&mut C, WakeupId) -> Result;

/// The account of these, if a turn has begun any: what no component has that begins none is behind it.
pub(crate) trait Account<C>: Debug {
    fn timers(&mut self) -> &mut Timers<C>;

    /// Notes that a turn is over: if it failed, nothing of what it asked for happens.
    fn end(&mut self, succeeded: bool);
}

impl<C: Debug> Account<C> for Timers<C> {
    fn timers(&mut self) -> &mut Self {
        self
    }

    fn end(&mut self, succeeded: bool) {
        if let (Some(before), false) = (self.before.take(), succeeded) {
            self.repeated = before;
        }
    }
}

impl<C> Timers<C> {
    pub(crate) const fn new(go_on: GoOn<C>) -> Self {
        Self { repeated: Vec::new(), last_number: 0, before: None, go_on }
    }

    /// Adds one, in a turn that may yet fail. Returns its number.
    pub(crate) fn add(&mut self, repeated: Repeated) -> u64 {
        self.change();
        self.last_number += 1;
        self.repeated.push((self.last_number, repeated));
        self.last_number
    }

    /// Takes one out, in a turn that may yet fail.
    pub(crate) fn take(&mut self, number: u64) -> Option<Repeated> {
        let place = self.repeated.iter().position(|(known, _)| *known == number)?;
        self.change();
        Some(self.repeated.swap_remove(place).1)
    }

    /// Notes how far one is now, in a turn that can't fail any more.
    pub(crate) fn replace(&mut self, number: u64, repeated: Repeated) {
        if let Some((_, known)) = self.repeated.iter_mut().find(|(known, _)| *known == number) {
            *known = repeated;
        }
    }

    fn change(&mut self) {
        if self.before.is_none() {
            self.before = Some(self.repeated.clone());
        }
    }
}

impl Repeated {
    /// Moves on to the next time that is not past, and gives the time until then. Those that are past are left out: an actor
    /// that is late would only come to be later.
    pub(crate) const fn move_on(&mut self, now: u64) -> u64 {
        let missed = now.saturating_sub(self.due) / self.period;
        self.due = self.due.saturating_add(self.period.saturating_mul(missed + 1));
        self.due.saturating_sub(now)
    }
}
