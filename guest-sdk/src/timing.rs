//! What an actor sends itself later: once, or again and again.

use std::rc::Rc;
use std::time::Duration;

use crate::bindings::thespian::actor::types::{Event, Wakeup};
use crate::context::Context;
use crate::event::WakeupId;
use crate::failure::{Error, Result};
use crate::host;
use crate::incoming::Came;
use crate::message::{Message, RawMessage};
#[cfg(not(target_family = "wasm"))]
use crate::reply::header;
use crate::reply::take_header;
use crate::timers::{Repeated, Timer, TimerKind, Timers};

/// The header of a wakeup's payload that is a message which the actor is to get.
const DELAYED: &str = "thespian-delayed";
/// The type name of a wakeup's payload after which what comes next is set.
const NEXT: &str = "thespian/next";

impl Context {
    /// Sends this actor a message after `delay`, from itself: it comes to the handler of its type, as any message does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thespian::prelude::*;
    ///
    /// #[message]
    /// struct Login { name: String }
    /// #[message]
    /// struct Expired { name: String }
    ///
    /// #[derive(Default)]
    /// struct Sessions { names: Vec<String> }
    ///
    /// #[actor]
    /// impl Sessions {
    ///     #[receive]
    ///     fn login(&mut self, login: Login, ctx: &mut Context) -> Result {
    ///         ctx.send_after(Duration::from_secs(60), &Expired { name: login.name.clone() })?;
    ///         self.names.push(login.name);
    ///         Ok(())
    ///     }
    ///
    ///     #[receive]
    ///     fn expired(&mut self, expired: Expired) {
    ///         self.names.retain(|name| *name != expired.name);
    ///     }
    /// }
    ///
    /// let mut sessions = thespian::testing::TestActor::<Sessions>::start()?;
    /// sessions.tell("door", &Login { name: "Ada".into() })?;
    /// sessions.advance(Duration::from_secs(60))?;
    /// assert!(sessions.state().names.is_empty());
    /// # Ok::<(), thespian::Error>(())
    /// ```
    ///
    /// It outlives a restart of the instance, not the actor. If its handler fails for good it is a dead letter, as a wakeup
    /// is.
    ///
    /// # Errors
    /// Too many wakeups are pending, or the message is above a bound.
    pub fn send_after<M: Message>(&mut self, delay: Duration, message: &M) -> Result<Timer> {
        self.set(RawMessage::of(message)?, nanos(delay)).map(|wakeup| Timer(TimerKind::Once(wakeup)))
    }

    /// Sends this actor a message again and again, from itself: the first after a `period`, and each a period after the one
    /// before was *due*, however late that was handled. So it does not drift.
    ///
    /// An actor that is late gets one message for all that it has missed, and the next at its time. What a handler fails on
    /// does not end it. It ends with the instance, like all that the actor knows: one that is fresh after a trap begins its
    /// own in its `#[start]`, which runs again.
    ///
    /// # Errors
    /// The period is zero, too many wakeups are pending, of which it takes two, or the message is above a bound.
    pub fn send_every<M: Message>(&mut self, period: Duration, message: &M) -> Result<Timer> {
        let message = Rc::new(RawMessage::of(message)?);
        let (period, due) = (nanos(period), host::now());
        if period == 0 {
            return Err(Error::poison(format!(
                "a period of no time for `{}`; 1 ms is the shortest",
                M::TYPE_NAME
            )));
        }
        let mut repeated = Repeated { message, period, due, next: WakeupId(0), ticks: [None; 2] };
        let delay = repeated.move_on(due);
        repeated.next = self.set_next(delay)?;
        match self.set((*repeated.message).clone(), delay) {
            Ok(tick) => repeated.ticks[0] = Some(tick),
            Err(error) => {
                self.cancel_wakeup(repeated.next);
                return Err(error);
            }
        }
        let timers = self.timers.get_or_insert_with(|| Box::new(Timers::new(Self::go_on)));
        Ok(Timer(TimerKind::Every(timers.timers().add(repeated))))
    }

    /// Takes back what [`Context::send_after`] or [`Context::send_every`] has begun: no message of it comes any more.
    pub fn cancel_timer(&mut self, timer: Timer) {
        let number = match timer.0 {
            TimerKind::Once(wakeup) => return self.cancel_wakeup(wakeup),
            TimerKind::Every(number) => number,
        };
        if let Some(ended) = self.timers.as_mut().and_then(|timers| timers.timers().take(number)) {
            self.cancel_wakeup(ended.next);
            ended.ticks.into_iter().flatten().for_each(|tick| self.cancel_wakeup(tick));
        }
    }

    /// Asks for a wakeup that brings a message.
    fn set(&mut self, mut message: RawMessage, delay: u64) -> Result<WakeupId> {
        message.headers.push((DELAYED.to_string(), String::new()));
        self.wakeup_after_raw(Duration::from_nanos(delay), message)
    }

    /// Asks for the wakeup that comes before such a one, and sets what comes after it.
    fn set_next(&mut self, delay: u64) -> Result<WakeupId> {
        self.wakeup_after_raw(Duration::from_nanos(delay), RawMessage::signal(NEXT, ""))
    }

    /// Sets the next message of a timer. Its own place among the wakeups is free, so that it does not end for want of one.
    fn go_on(&mut self, wakeup: WakeupId) -> Result {
        let Some(timers) = &mut self.timers else { return Ok(()) };
        let known = timers.timers().repeated.iter().find(|(_, known)| known.next == wakeup);
        let Some((number, mut repeated)) = known.cloned() else { return Ok(()) };
        let delay = repeated.move_on(host::now());
        repeated.next = self.set_next(delay)?;
        let tick = match self.set((*repeated.message).clone(), delay) {
            Ok(tick) => Some(tick),
            Err(error) => {
                crate::warn!(self, "a `{}` is left out: {error}", repeated.message.type_name);
                None
            }
        };
        repeated.ticks = [tick, repeated.ticks[0]];
        if let Some(timers) = &mut self.timers {
            timers.timers().replace(number, repeated);
        }
        Ok(())
    }

    /// Notes that a turn is over.
    #[inline(always)]
    pub(crate) fn end_timing(&mut self, succeeded: bool) {
        if let Some(timers) = &mut self.timers {
            timers.end(succeeded);
        }
    }
}

/// Takes an event for what it is to an actor: itself, a message that it was to get, or nothing.
///
/// # Errors
/// The next message of a timer can't be set.
pub(crate) fn event(mut event: Event, ctx: &mut Context) -> Result<Option<Came>> {
    let Event::Wakeup(Wakeup { id, payload: Some(payload), .. }) = &mut event else {
        return Ok(Some(Came::Event(event)));
    };
    if payload.type_name == NEXT {
        // Of an instance that is lost, where nobody knows it.
        let go_on = ctx.timers.as_mut().map(|timers| timers.timers().go_on);
        return go_on.map_or(Ok(()), |go_on| go_on(ctx, WakeupId(*id))).map(|()| None);
    }
    let is_message = payload.headers.as_mut().is_some_and(|headers| take_header(headers, DELAYED).is_some());
    Ok(Some(match event {
        Event::Wakeup(Wakeup { payload: Some(message), .. }) if is_message => Came::Message(message),
        event => Came::Event(event),
    }))
}

/// Whether this payload of a wakeup is a message that the actor is to get.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn is_delayed(payload: &RawMessage) -> bool {
    header(&payload.headers, DELAYED).is_some()
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}
