//! Messages that an actor sends itself later, once or again and again, without a host.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor, TestStart};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Comes later.
#[message]
#[derive(Debug, PartialEq)]
struct Tick {
    n: u32,
}

/// Has a clock do something.
#[message]
enum Do {
    After(u64),
    Every(u64, u32),
    Cancel,
    FailEvery(u64),
    FailCancel,
    Fail(u32),
    Shut,
    Open,
}

#[derive(Default)]
struct Clock {
    ticks: Vec<u32>,
    senders: Vec<Address>,
    timer: Option<Timer>,
    failures: u32,
    is_shut: bool,
    stash: Stash,
}

#[actor(parts(stash))]
impl Clock {
    #[start]
    fn new(begun: Option<Tick>, ctx: &mut Context) -> Result<Self> {
        if let Some(tick) = begun {
            ctx.send_every(ms(10), &tick)?;
        }
        Ok(Self::default())
    }

    #[receive]
    fn act(&mut self, act: Do, ctx: &mut Context) -> Result {
        match act {
            Do::After(delay) => self.timer = Some(ctx.send_after(ms(delay), &Tick { n: 0 })?),
            Do::Every(period, n) => self.timer = Some(ctx.send_every(ms(period), &Tick { n })?),
            Do::Cancel => {
                if let Some(timer) = self.timer {
                    ctx.cancel_timer(timer);
                }
            }
            Do::FailEvery(period) => {
                ctx.send_every(ms(period), &Tick { n: 1 })?;
                return Err(Error::poison("on purpose"));
            }
            Do::FailCancel => {
                self.act(Do::Cancel, ctx)?;
                return Err(Error::poison("on purpose"));
            }
            Do::Fail(times) => self.failures = times,
            Do::Shut => self.is_shut = true,
            Do::Open => {
                self.is_shut = false;
                self.stash.unstash_all();
            }
        }
        Ok(())
    }

    fn is_shut(&self) -> bool {
        self.is_shut
    }

    #[receive(when = Self::is_shut)]
    fn keep(&mut self, tick: Tick, ctx: &mut Context) -> Result {
        self.stash.put(ctx, &tick)
    }

    #[receive]
    fn tick(&mut self, tick: Tick, ctx: &mut Context) -> Result {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(Error::poison("no time for that"));
        }
        self.ticks.push(tick.n);
        self.senders.push(ctx.sender().clone());
        Ok(())
    }
}

fn clock() -> TestActor<Clock> {
    TestActor::start().unwrap()
}

fn wakeups(effects: &[Effect]) -> Vec<Duration> {
    let delay = |effect: &Effect| if let Effect::Wakeup { delay, .. } = effect { Some(*delay) } else { None };
    effects.iter().filter_map(delay).collect()
}

#[test]
fn a_message_comes_once_after_its_delay_from_the_actor_itself() {
    let mut clock = clock();
    let effects = clock.tell("a", &Do::After(50)).unwrap();
    assert_eq!(effects[0].sent_after(), Some((ms(50), Tick { n: 0 })));
    clock.advance(ms(49)).unwrap();
    assert!(clock.state().ticks.is_empty());
    clock.advance(ms(1)).unwrap();
    clock.advance(ms(1_000)).unwrap();
    assert_eq!((&clock.state().ticks[..], &clock.state().senders[..]), (&[0][..], &["me".into()][..]));
}

#[test]
fn a_message_that_is_taken_back_does_not_come() {
    for begun in [Do::After(50), Do::Every(50, 0)] {
        let mut clock = clock();
        clock.tell("a", &begun).unwrap();
        clock.advance(ms(49)).unwrap();
        clock.tell("a", &Do::Cancel).unwrap();
        assert_eq!(clock.advance(ms(1_000)).unwrap(), [], "nothing is pending");
        assert!(clock.state().ticks.is_empty());
    }
}

#[test]
fn what_comes_again_and_again_comes_at_its_times_however_late_it_is_handled() {
    let mut clock = clock();
    let first = clock.tell("a", &Do::Every(100, 7)).unwrap();
    let [next, tick] = &first[..] else { panic!("{first:?}") };
    assert_eq!((tick.sent_after(), next.sent_after::<Tick>()), (Some((ms(100), Tick { n: 7 })), None));
    let effects = clock.advance(ms(100)).unwrap();
    assert_eq!((&clock.state().ticks[..], wakeups(&effects)), (&[7][..], vec![ms(100); 2]));
    let effects = clock.advance(ms(300)).unwrap();
    assert_eq!(clock.state().ticks.len(), 4);
    assert_eq!(wakeups(&effects).len(), 6, "one pair at a time");
}

/// Handles the first message, and has so much time pass before the wakeup that sets the next.
fn late_by(late: Duration) -> (usize, Vec<Duration>) {
    let mut clock = clock();
    let first = clock.tell("a", &Do::Every(100, 7)).unwrap();
    clock.wake(&first[1]).unwrap();
    clock.tell("a", &Do::After(0)).unwrap();
    // What is in its way takes so long: the time is what the test says it is.
    let other = clock.tell("a", &Do::After(u64::try_from(late.as_millis()).unwrap())).unwrap();
    clock.wake(&other[0]).unwrap();
    let ticks = clock.state().ticks.len();
    (ticks, wakeups(&clock.wake(&first[0]).unwrap()))
}

#[test]
fn an_actor_that_is_late_leaves_out_what_it_missed_and_keeps_the_rhythm() {
    let delay = |late: u64| {
        let (_, delays) = late_by(ms(late));
        delays[1]
    };
    assert_eq!(delay(30), ms(70));
    assert_eq!(delay(250), ms(50));
    assert_eq!(delay(1_000), ms(100), "never at once");
}

#[test]
fn a_handler_that_fails_does_not_end_what_comes_again() {
    let mut clock = clock();
    clock.tell("a", &Do::Every(100, 1)).unwrap();
    clock.tell("a", &Do::Fail(2)).unwrap();
    for _ in 0..2 {
        assert_eq!(clock.advance(ms(100)).unwrap_err().reason(), "no time for that");
    }
    clock.advance(ms(200)).unwrap();
    assert!(!clock.state().ticks.is_empty());
}

#[test]
fn what_a_failed_turn_begins_is_not_and_what_it_takes_back_is_still_there() {
    let mut clock = clock();
    assert!(clock.tell("a", &Do::FailEvery(10)).is_err());
    assert_eq!(clock.advance(ms(100)).unwrap(), []);

    clock.tell("a", &Do::Every(100, 1)).unwrap();
    assert!(clock.tell("a", &Do::FailCancel).is_err());
    assert!(clock.tell("a", &Do::FailEvery(7)).is_err(), "it would have taken the place of the other");
    clock.advance(ms(300)).unwrap();
    assert_eq!(clock.state().ticks, [1, 1, 1]);
    clock.tell("a", &Do::Cancel).unwrap();
    assert_eq!(clock.advance(ms(100)).unwrap(), []);
}

#[test]
fn what_comes_again_ends_with_its_instance_and_a_fresh_one_begins_its_own_in_its_start() {
    let mut lost = clock();
    let pending = lost.tell("a", &Do::Every(100, 1)).unwrap();

    let mut fresh = TestStart::default().incarnation(2).start::<Clock>().unwrap();
    assert_eq!(fresh.wake(&pending[0]).unwrap(), []);
    fresh.wake(&pending[1]).unwrap();
    assert_eq!(fresh.advance(ms(1_000)).unwrap(), []);
    assert_eq!(fresh.state().ticks, [1], "what was asked for already comes");

    let start = TestStart::default().incarnation(2).init(&Tick { n: 2 }).unwrap();
    let mut fresh = start.start::<Clock>().unwrap();
    assert_eq!(fresh.wake(&pending[0]).unwrap(), []);
    fresh.advance(ms(20)).unwrap();
    assert_eq!(fresh.state().ticks, [2, 2]);
}

#[test]
fn what_comes_later_is_kept_by_a_handler_of_the_state_as_any_message_is() {
    let mut clock = clock();
    clock.tell("a", &Do::Shut).unwrap();
    clock.tell("a", &Do::Every(10, 3)).unwrap();
    clock.advance(ms(20)).unwrap();
    assert_eq!((clock.state().ticks.len(), clock.state().stash.len()), (0, 2));
    let effects = clock.tell("a", &Do::Open).unwrap();
    let Effect::Send { message: signal, .. } = &effects[0] else { panic!("{effects:?}") };
    clock.tell_raw("me", signal.clone(), 1).unwrap();
    assert_eq!(clock.state().ticks, [3]);
    assert_eq!(clock.state().senders, ["me".into()]);
}

#[test]
fn a_period_of_no_time_is_refused() {
    let error = clock().tell("a", &Do::Every(0, 1)).unwrap_err();
    assert_eq!(error.reason(), "a period of no time for `Tick`; 1 ms is the shortest");
}
