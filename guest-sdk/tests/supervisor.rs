//! Supervision without a host: who is created anew, in which order, and when it is given up.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor, TestStart};
use thespian::{
    Actor, ChildStatus, Children, ExitReason, RestartType, Shutdown, Strategy, Supervisor, WhichChildren,
};

#[message]
struct With {
    strategy: u32,
}

struct Boss {
    supervisor: Supervisor,
    heard: u32,
    fails: Option<bool>,
}

/// The handler of the next end fails, for good or so that it is tried again.
#[message]
struct FailNext {
    for_good: bool,
}

#[actor(parts(supervisor))]
impl Boss {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let strategy = match ctx.init::<With>().transpose()?.map(|with| with.strategy) {
            Some(1) => Strategy::OneForAll,
            Some(2) => Strategy::RestForOne,
            _ => Strategy::OneForOne,
        };
        let supervisor = Supervisor::new(strategy)
            .intensity(2, Duration::from_secs(10))
            .child("a", Create::class("A"), RestartType::Permanent)
            .child("b", Create::class("B").on_trap(OnTrap::Restart), RestartType::Transient)
            .child("c", Create::class("C"), RestartType::Permanent)
            .start(ctx)?;
        Ok(Self { supervisor, heard: 0, fails: None })
    }

    #[receive]
    fn fail_next(&mut self, fail: FailNext) {
        self.fails = Some(fail.for_good);
    }

    #[receive]
    fn exited(&mut self, _: ChildActorExited) -> Result {
        match self.fails.take() {
            Some(true) => return Err(Error::poison("on purpose")),
            Some(false) => return Err(Error::new("on purpose")),
            None => {}
        }
        self.heard += 1;
        Ok(())
    }
}

fn boss(strategy: u32) -> TestActor<Boss> {
    TestStart::default().init(&With { strategy }).unwrap().start().unwrap()
}

fn children(boss: &mut TestActor<Boss>) -> Vec<ChildStatus> {
    boss.tell("client", &WhichChildren).unwrap()[0].sent::<Children>("client").unwrap().children
}

fn address(boss: &TestActor<Boss>, name: &str) -> Address {
    boss.state().supervisor.address(name).unwrap().clone()
}

fn created(effects: &[Effect]) -> Vec<&str> {
    effects.iter().filter_map(Effect::created).collect()
}

/// Whom they ask to exit.
fn asked(effects: &[Effect]) -> Vec<Address> {
    let target = |effect: &Effect| match effect {
        Effect::Exit { target, .. } => Some(target.clone()),
        _ => None,
    };
    effects.iter().filter_map(target).collect()
}

fn failed() -> ExitReason {
    ExitReason::Failed("ouch".into())
}

#[test]
fn children_are_created_in_order_and_end_at_a_trap_unless_it_is_said_otherwise() {
    let mut boss = boss(0);
    assert_eq!(created(boss.started()), ["A", "B", "C"]);
    let names: Vec<_> = children(&mut boss).into_iter().map(|child| child.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let text = format!("{:?}", boss.started());
    assert_eq!(
        (text.matches("on_trap: Some(Exit)").count(), text.matches("on_trap: Some(Restart)").count()),
        (2, 1)
    );
    assert_eq!(Boss::RECEIVES, ["FailNext", "WhichChildren", "Shutdown"]);
}

#[test]
fn one_for_one_creates_the_one_that_ended_at_a_new_address() {
    let mut boss = boss(0);
    let old = address(&boss, "a");
    let effects = boss.child_exited(&old, failed()).unwrap();
    assert_eq!((created(&effects), asked(&effects).len()), (vec!["A"], 0));
    let child = &children(&mut boss)[0];
    assert_eq!((child.restarts, child.address == Some(old)), (1, false));
    assert_eq!(boss.state().heard, 1, "the actor's own handler hears too");
}

#[test]
fn a_transient_child_that_was_asked_to_exit_is_not_created_anew() {
    let mut boss = boss(0);
    let effects = boss.child_exited(&address(&boss, "b"), ExitReason::Requested).unwrap();
    assert_eq!(effects, []);
    assert_eq!(children(&mut boss)[1].address, None);
    let effects = boss.child_exited(&address(&boss, "a"), ExitReason::Requested).unwrap();
    assert_eq!(created(&effects), ["A"], "a permanent one is");
}

#[test]
fn one_for_all_ends_the_others_last_first_and_creates_all_in_order() {
    let mut boss = boss(1);
    let (b, c) = (address(&boss, "b"), address(&boss, "c"));
    let effects = boss.child_exited(&address(&boss, "a"), failed()).unwrap();
    assert_eq!((created(&effects), asked(&effects)), (vec![], vec![c.clone()]));
    let effects = boss.child_exited(&c, ExitReason::Requested).unwrap();
    assert_eq!((created(&effects), asked(&effects)), (vec![], vec![b.clone()]));
    let effects = boss.child_exited(&b, ExitReason::Requested).unwrap();
    assert_eq!(created(&effects), ["A", "B", "C"]);
}

#[test]
fn rest_for_one_leaves_those_before_it_alone() {
    let mut boss = boss(2);
    let (a, c) = (address(&boss, "a"), address(&boss, "c"));
    let effects = boss.child_exited(&address(&boss, "b"), failed()).unwrap();
    assert_eq!(asked(&effects), std::slice::from_ref(&c));
    let effects = boss.child_exited(&c, ExitReason::Requested).unwrap();
    assert_eq!(created(&effects), ["B", "C"]);
    assert_eq!(address(&boss, "a"), a);
}

#[test]
fn an_earlier_child_that_ends_meanwhile_widens_the_restart() {
    let mut boss = boss(2);
    let (a, b, c) = (address(&boss, "a"), address(&boss, "b"), address(&boss, "c"));
    boss.child_exited(&b, failed()).unwrap();
    let effects = boss.child_exited(&a, failed()).unwrap();
    assert_eq!((created(&effects), asked(&effects).len()), (vec![], 0), "it waits for `c`");
    let effects = boss.child_exited(&c, ExitReason::Requested).unwrap();
    assert_eq!(created(&effects), ["A", "B", "C"]);
}

#[test]
fn it_gives_up_after_too_many_restarts_ends_its_children_last_first_and_then_itself() {
    let mut boss = boss(0);
    for _ in 0..2 {
        boss.child_exited(&address(&boss, "a"), failed()).unwrap();
    }
    let (b, c) = (address(&boss, "b"), address(&boss, "c"));
    let effects = boss.child_exited(&address(&boss, "a"), failed()).unwrap();
    assert_eq!((created(&effects), asked(&effects)), (vec![], vec![c.clone()]));
    assert_eq!(asked(&boss.child_exited(&c, ExitReason::Requested).unwrap()), std::slice::from_ref(&b));
    let reason = "gave up after 2 restarts in 10s; the last to end was `a`: failed: ouch".to_string();
    assert_eq!(boss.child_exited(&b, ExitReason::Requested).unwrap(), [Effect::Fail { reason }]);
}

#[test]
fn a_restart_counts_only_for_the_period() {
    let mut boss = boss(0);
    let first = boss.child_exited(&address(&boss, "a"), failed()).unwrap();
    boss.child_exited(&address(&boss, "a"), failed()).unwrap();
    let forget = first.iter().find(|effect| matches!(effect, Effect::Wakeup { .. })).unwrap();
    assert!(matches!(forget, Effect::Wakeup { delay, .. } if *delay == Duration::from_secs(10)));
    boss.wake(forget).unwrap();
    let effects = boss.child_exited(&address(&boss, "a"), failed()).unwrap();
    assert_eq!(created(&effects), ["A"]);
}

#[test]
fn a_shutdown_ends_the_children_one_by_one_and_then_the_supervisor() {
    let mut boss = boss(0);
    let (a, b, c) = (address(&boss, "a"), address(&boss, "b"), address(&boss, "c"));
    assert_eq!(asked(&boss.tell("ops", &Shutdown).unwrap()), std::slice::from_ref(&c));
    // That it fails meanwhile makes no difference.
    assert_eq!(boss.child_exited(&a, failed()).unwrap(), []);
    assert_eq!(asked(&boss.child_exited(&c, ExitReason::Requested).unwrap()), std::slice::from_ref(&b));
    assert_eq!(asked(&boss.child_exited(&b, ExitReason::Requested).unwrap()), ["me".into()]);
}

#[test]
fn what_a_failed_turn_changed_is_taken_back() {
    let mut boss = boss(0);
    let a = address(&boss, "a");
    boss.tell("test", &FailNext { for_good: false }).unwrap();
    assert!(boss.child_exited(&a, failed()).is_err());
    assert_eq!(address(&boss, "a"), a, "the child of the failed turn was never created");
    assert_eq!(created(&boss.child_exited(&a, failed()).unwrap()), ["A"]);
}

#[test]
fn a_fresh_instance_takes_over_the_children_that_live_and_creates_nobody_twice() {
    for strategy in 0..3 {
        let boss = boss(strategy);
        let before = ["a", "b", "c"].map(|name| address(&boss, name));
        let mut boss = boss.trapped().unwrap();
        assert_eq!(boss.started(), []);
        assert_eq!(["a", "b", "c"].map(|name| address(&boss, name)), before);
        let [a, ..] = before;
        boss.child_exited(&a, failed()).unwrap();
        assert!(children(&mut boss)[0].address != Some(a), "it is supervised as before");
    }
}

#[test]
fn who_ended_meanwhile_is_replaced_as_the_strategy_says_if_it_is_permanent() {
    for (strategy, expected) in [(0, (vec!["A"], 0)), (1, (vec![], 1)), (2, (vec![], 1))] {
        let mut boss = boss(strategy);
        boss.tell("test", &FailNext { for_good: true }).unwrap();
        // A host lists a child no more when its end is told, whatever comes of that.
        assert!(boss.child_exited(&address(&boss, "a"), failed()).is_err());
        let boss = boss.trapped().unwrap();
        assert_eq!((created(boss.started()), asked(boss.started()).len()), expected);
    }
    let mut boss = boss(0);
    boss.child_exited(&address(&boss, "b"), ExitReason::Requested).unwrap();
    let boss = boss.trapped().unwrap();
    assert_eq!(boss.started(), [], "why a transient one ended, nobody knows");
    assert_eq!(boss.state().supervisor.address("b"), None);
}

/// Two supervisors, and a child of no supervisor.
struct House {
    upper: Supervisor,
    lower: Supervisor,
}

/// The children there are, and whether the supervisors have one name.
#[message]
struct Rooms {
    upper: Vec<String>,
    same_name: bool,
}

#[actor(parts(upper, lower))]
impl House {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let rooms = match ctx.init::<Rooms>().transpose()? {
            Some(rooms) if ctx.incarnation() == 1 => rooms,
            _ => Rooms { upper: vec!["bath".into()], same_name: false },
        };
        if ctx.incarnation() == 1 {
            Create::class("Cat").label("supervisor:").create(ctx)?;
        }
        let upper = Supervisor::new(Strategy::OneForOne).named("upper");
        let room = |supervisor: Supervisor, name: &str| {
            supervisor.child(name, Create::class("Room"), RestartType::Permanent)
        };
        let upper = rooms.upper.iter().fold(upper, |upper, name| room(upper, name)).start(ctx)?;
        let lower = Supervisor::new(Strategy::OneForOne).named(if rooms.same_name { "upper" } else { "" });
        Ok(Self { upper, lower: room(lower, "bath").start(ctx)? })
    }
}

fn house(upper: &[&str], same_name: bool) -> Result<TestActor<House>> {
    let upper = upper.iter().map(ToString::to_string).collect();
    TestStart::default().init(&Rooms { upper, same_name })?.start()
}

#[test]
fn two_supervisors_of_an_actor_know_their_own_children_and_end_those_they_no_longer_have() {
    let house = house(&["bath", "attic"], false).unwrap();
    let address = |supervisor: &Supervisor, name| supervisor.address(name).unwrap().clone();
    let (upper, attic) = (address(&house.state().upper, "bath"), address(&house.state().upper, "attic"));
    let lower = address(&house.state().lower, "bath");
    let house = house.trapped().unwrap();
    assert_eq!((asked(house.started()), created(house.started())), (vec![attic], vec![]));
    let state = house.state();
    assert_eq!((address(&state.upper, "bath"), address(&state.lower, "bath")), (upper, lower));
}

#[test]
fn names_that_would_confuse_children_after_a_trap_are_refused_at_the_start() {
    let refused = |upper: &[&str], same_name| house(upper, same_name).map(drop).unwrap_err().to_string();
    let text = "two supervisors of `House` are called `upper`; give each a name of its own: \
                `Supervisor::new(...).named(\"...\")`";
    assert!(refused(&["attic"], true).contains(text));
    assert!(refused(&["bath", "bath"], false).contains("two children are called `bath`"));
    let long = "x".repeat(48);
    let text = format!("have 52 bytes at most together: `upper` and `{long}`");
    assert!(refused(&[&long], false).contains(&text), "{}", refused(&[&long], false));
}

#[test]
fn an_end_whose_turn_failed_for_good_is_handled_in_the_next() {
    let mut boss = boss(0);
    boss.tell("test", &FailNext { for_good: true }).unwrap();
    assert!(boss.child_exited(&address(&boss, "a"), failed()).is_err());
    let effects = boss.tell("client", &WhichChildren).unwrap();
    assert_eq!(created(&effects), ["A"]);
    assert_eq!(created(&boss.tell("client", &WhichChildren).unwrap()), Vec::<&str>::new());
}

#[test]
fn an_end_whose_turn_failed_is_handled_in_the_next_when_no_second_attempt_comes() {
    let mut boss = boss(0);
    boss.tell("test", &FailNext { for_good: false }).unwrap();
    let old = address(&boss, "a");
    // It may be tried again, but the host knows of a bound that the turn met, and goes on.
    assert!(boss.child_exited(&old, failed()).unwrap_err().may_retry());
    let effects = boss.tell("client", &WhichChildren).unwrap();
    assert_eq!(created(&effects), ["A"]);
    assert_ne!(address(&boss, "a"), old);
}

#[test]
fn an_end_that_is_tried_again_is_handled_once() {
    let mut boss = boss(0);
    boss.tell("test", &FailNext { for_good: false }).unwrap();
    let old = address(&boss, "a");
    assert!(boss.child_exited(&old, failed()).is_err());
    assert_eq!(created(&boss.child_exited_again(&old, failed()).unwrap()), ["A"]);
    assert_eq!(created(&boss.tell("client", &WhichChildren).unwrap()), Vec::<&str>::new());
}

#[test]
fn a_supervisor_that_exits_creates_nobody_anew_and_gives_nothing_up() {
    for strategy in 0..3 {
        let mut boss = boss(strategy);
        let children = ["a", "b", "c"].map(|name| address(&boss, name));
        assert_eq!(boss.exit_requested(true).unwrap(), []);
        for (child, reason) in children.iter().zip([ExitReason::Requested, failed(), failed()]) {
            assert_eq!(boss.child_exited(child, reason).unwrap(), []);
        }
        assert!(boss.state().supervisor.children().children.iter().all(|child| child.address.is_none()));
        assert_eq!(boss.state().heard, 3);
    }
}

#[test]
fn a_supervisor_that_is_about_to_give_up_exits_when_it_is_asked_to() {
    let mut boss = boss(0);
    for _ in 0..3 {
        boss.child_exited(&address(&boss, "a"), failed()).unwrap();
    }
    let (b, c) = (address(&boss, "b"), address(&boss, "c"));
    boss.exit_requested(true).unwrap();
    for child in [c, b] {
        assert_eq!(boss.child_exited(&child, ExitReason::Requested).unwrap(), []);
    }
}
