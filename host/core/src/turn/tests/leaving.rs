//! Actors that can't start again, and how actors leave.

use super::*;

/// It has lost its instance over a message, and the next could not start.
fn fragile(on_trap: OnTrap) -> Actor {
    let mut actor = running(on_trap);
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    assert_eq!(actor.next(), Next::Start { incarnation: 2 });
    actor.start(Err(locked()));
    actor
}

fn locked() -> Failure {
    Failure::Returned { reason: "locked".to_string(), retry: true, met: None }
}

impl Actor {
    fn until(&mut self) -> Time {
        match self.next() {
            Next::Pause(until) => until,
            other => panic!("it pauses, and does not {other:?}"),
        }
    }

    /// It exits without a turn, for this reason.
    fn assert_left(&mut self, with_children: bool, reason: &ExitReason) {
        assert_eq!(self.next(), Next::Rest, "its children go first");
        assert!(self.effects().contains(&ActorEffect::Exiting { with_children }.into()));
        self.receive(Body::ChildrenGone);
        assert_eq!(self.next(), Next::Ended);
        assert_eq!(self.turn.ended(), Some(reason));
    }
}

fn poison(type_name: &str, details: &str) -> (String, String) {
    (type_name.to_string(), details.to_string())
}

#[test]
fn the_message_whose_turn_trapped_goes_back_when_the_next_instance_can_not_start() {
    for failure in [locked(), trap(), Failure::Fault(Fault::Budget(Budget::Cpu, String::new()))] {
        let why = failure.to_string();
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("m"));
        actor.receive(message("behind"));
        actor.handle(Err(trap()));
        assert_eq!(actor.poison_to(SENDER), []);
        assert_eq!(actor.next(), Next::Start { incarnation: 2 });
        actor.start(Err(failure));
        let details = format!("trapped: unreachable (there is no second attempt: it can't start: {why})");
        assert_eq!(actor.poison_to(SENDER), [poison("m", &details)]);
        actor.now = actor.until();
        actor.start(Ok(()));
        assert_eq!(actor.handle(Ok(())), at("behind", 1), "what came behind is handled in its turn");
    }
}

#[test]
fn a_notice_whose_turn_trapped_is_a_dead_letter_when_the_next_instance_can_not_start() {
    let original = Message::json("m", "");
    let poisoned = Body::Poisoned(Box::new(Poisoned { target: OTHER, details: String::new(), original }));
    let exit = ActorExit { address: OTHER, reason: ExitReason::Requested };
    for (body, type_name) in [(poisoned, "m"), (Body::ChildExited(Box::new(exit)), "thespian:child-exited")] {
        let mut actor = running(OnTrap::Restart);
        actor.receive(body);
        actor.handle(Err(trap()));
        actor.next();
        actor.start(Err(locked()));
        let dead = actor.dead_letters();
        assert!(dead.len() == 1 && dead[0].0 == type_name, "{dead:?}");
    }
}

#[test]
fn an_actor_that_can_not_start_goes_on_trying_with_pauses_and_counts_each() {
    let mut actor = fragile(OnTrap::Restart);
    let mut pauses = Vec::new();
    for failures in 1..20 {
        let until = actor.until();
        let wait = actor.turn.waits(actor.now).unwrap();
        assert_eq!((wait.until, &*wait.why), (until, "it can't start: locked"));
        assert_eq!(actor.turn.counters().restarts, failures);
        pauses.push(until - actor.now);
        actor.now = until;
        assert_eq!(actor.next(), Next::Start { incarnation: 2 });
        actor.start(Err(locked()));
    }
    assert_eq!(pauses[..3], [10, 20, 40].map(Duration::from_millis));
    assert_eq!(pauses.last(), Some(&Duration::from_secs(10)));
    actor.now = actor.until();
    actor.effects();
    actor.start(Ok(()));
    assert_eq!(actor.turn.counters().restarts, 21);
    let reason = "start after a restart failed: locked".to_string();
    let restarted = ActorEffect::Restarted(ActorRestart { address: ME, incarnation: 2, reason }).into();
    assert!(actor.effects().contains(&restarted));
    assert_eq!(actor.turn.waits(actor.now), None);
}

#[test]
fn an_exit_request_is_not_kept_waiting_by_a_pause_and_what_came_before_it_goes_back() {
    for recursive in [true, false] {
        let mut actor = fragile(OnTrap::Restart);
        actor.until();
        actor.effects();
        actor.receive(message("1"));
        let original = Message::json("own", "");
        let back = Poisoned { target: OTHER, details: String::new(), original };
        actor.receive(Body::Poisoned(Box::new(back)));
        let exit = ActorExit { address: OTHER, reason: ExitReason::Requested };
        actor.receive(Body::ChildExited(Box::new(exit)));
        actor.receive(message("2"));
        actor.until();
        actor.receive(exit_request(recursive));
        actor.receive(message("behind"));
        assert_eq!(actor.next(), Next::Rest);
        let effects = actor.effects();
        actor.effects.clone_from(&effects);
        let why = "it can't start: locked";
        assert_eq!(actor.poison_to(SENDER), [poison("1", why), poison("2", why)]);
        actor.effects.clone_from(&effects);
        assert_eq!(actor.dead_letters(), [poison("own", why), poison("behind", "the actor is exiting")]);
        actor.effects = effects;
        actor.assert_left(recursive, &ExitReason::Requested);
    }
}

#[test]
fn an_exit_request_does_not_wait_where_the_restart_budget_is_spent() {
    let mut actor = running(OnTrap::Restart);
    for _ in 0..RESTARTS_MAX {
        actor.receive(message("bad"));
        actor.handle(Err(trap()));
        actor.handle(Err(trap()));
    }
    actor.receive(message("bad"));
    actor.handle(Err(trap()));
    actor.until();
    actor.effects();
    actor.receive(message("good"));
    actor.receive(exit_request(true));
    assert_eq!(actor.next(), Next::Rest);
    let effects = actor.effects();
    actor.effects.clone_from(&effects);
    let why = "it can't start now, it was restarted too often; the last time: trapped: unreachable";
    assert_eq!(
        actor.poison_to(SENDER),
        [poison("bad", why), poison("good", why)],
        "also what was to be retried"
    );
    actor.effects = effects;
    actor.assert_left(true, &ExitReason::Requested);
}

#[test]
fn a_pause_holds_up_messages_until_it_is_over() {
    let mut actor = fragile(OnTrap::Restart);
    actor.receive(message("behind"));
    let until = actor.until();
    assert_eq!(until, actor.now + RESTART_PAUSE_MIN);
    actor.now = until;
    assert_eq!(actor.handle(Ok(())), at("behind", 1));
}

#[test]
fn a_kill_ends_a_pause() {
    let mut actor = fragile(OnTrap::Restart);
    actor.receive(message("behind"));
    actor.until();
    actor.turn.kill("by an operator", &mut actor.effects);
    assert_eq!(actor.dead_letters().len(), 1, "what waited");
    assert_eq!(actor.next(), Next::Ended);
}

#[test]
fn what_is_held_is_accepted_or_expires_before_an_actor_leaves_from_a_pause() {
    let mut actor = fragile(OnTrap::Restart);
    actor.turn.hold(actor.now, Envelope { target: OTHER, sender: ME, body: message("held") });
    actor.receive(exit_request(true));
    assert_eq!(actor.next(), Next::AwaitRoom(actor.now + HOLD_TIME_MAX));
    assert!(!actor.turn.pauses(actor.now), "its mailbox is not emptied meanwhile");
    actor.turn.retry_held(|_| None);
    actor.effects();
    actor.assert_left(true, &ExitReason::Requested);
}

#[test]
fn a_transient_actor_ends_in_time_also_while_it_pauses() {
    let life = Duration::from_millis(25);
    for transient in [Transient::After(life), Transient::Idle(life)] {
        let mut actor = lifetime::transient(transient);
        actor.receive(message("m"));
        actor.handle(Err(trap()));
        let due = actor.now + life;
        while actor.now < due {
            assert_eq!(actor.next(), Next::Start { incarnation: 2 });
            actor.start(Err(locked()));
            let until = actor.until();
            actor.now = actor.turn.lifetime.ends_pause(actor.now, until);
        }
        assert_eq!(actor.now, due, "somebody looks at it then");
        actor.effects();
        actor.assert_left(true, &ExitReason::Requested);
    }
}

#[test]
fn restart_within_budget_ends_an_actor_whose_fresh_instances_can_not_start() {
    let mut actor = running(OnTrap::RestartWithinBudget);
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    let begun = actor.now;
    while actor.turn.ended().is_none() {
        match actor.next() {
            Next::Pause(until) => actor.now = until,
            _ => actor.start(Err(err(true))),
        }
    }
    assert!(actor.now - begun < Duration::from_secs(30));
    let reason = ExitReason::Failed("start after a restart failed: no".to_string());
    assert_eq!(actor.turn.ended(), Some(&reason));
}

#[test]
fn life_022_a_failure_in_the_exit_turn_is_neither_retried_nor_poisoned_and_the_exit_goes_on() {
    let spun = Failure::Fault(Fault::Budget(Budget::Cpu, String::new()));
    for failure in [err(true), trap(), spun] {
        for on_trap in [OnTrap::Restart, OnTrap::RestartWithinBudget, OnTrap::Exit] {
            let mut actor = running(on_trap);
            actor.receive(exit_request(false));
            assert_eq!(actor.handle(Err(failure.clone())), at("thespian:exit-request", 1));
            let text = format!("in its exit turn: {failure}");
            let expected = [
                ActorEffect::ExitFailed(text.clone()).into(),
                ActorEffect::Exiting { with_children: false }.into(),
            ];
            assert_eq!(actor.effects(), expected);
            actor.receive(Body::ChildrenGone);
            assert_eq!(actor.next(), Next::Ended);
            let reason = if let Failure::Fault(_) = failure {
                ExitReason::Failed(text)
            } else {
                ExitReason::Requested
            };
            assert_eq!(actor.turn.ended(), Some(&reason));
        }
    }
}

#[test]
fn a_fault_behind_the_exit_turn_ends_nobody_before_the_children_are_gone() {
    for on_trap in [OnTrap::Restart, OnTrap::Exit] {
        let mut actor = running(on_trap);
        actor.receive(exit_request(true));
        actor.handle(Ok(()));
        let exit = ActorExit { address: OTHER, reason: ExitReason::Requested };
        actor.receive(Body::ChildExited(Box::new(exit)));
        assert_eq!(actor.handle(Err(trap())), at("thespian:child-exited", 1));
        assert_eq!(actor.next(), Next::Rest);
        actor.receive(Body::ChildrenGone);
        assert_eq!(actor.next(), Next::Ended);
        let why = "while its children exited: trapped: unreachable".to_string();
        assert_eq!(actor.turn.ended(), Some(&ExitReason::Failed(why)));
    }
}
