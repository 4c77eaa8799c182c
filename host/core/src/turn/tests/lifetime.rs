//! Transient actors, and what they monitor.

use super::*;

pub(super) fn transient(transient: Transient) -> Actor {
    let identity = Identity {
        me: ME,
        parent: None,
        on_trap: OnTrap::Restart,
        children_at_restart: ChildrenAtRestart::Keep,
        watch_restarts: false,
        transient: Some(transient),
    };
    let mut actor = around(Turn::new(identity));
    assert_eq!(actor.next(), Next::Start { incarnation: 1 });
    actor.start(Ok(()));
    actor.effects();
    actor
}

const LIFE: Duration = Duration::from_millis(500);

/// Whether it exits now, without having been asked to.
fn exits(actor: &mut Actor) -> bool {
    actor.next() == Next::Handle
        && matches!(actor.turn.current(), Some((Envelope { body: Body::ExitRequest(_), .. }, 1)))
}

#[test]
fn a_transient_actor_ends_a_while_after_its_first_message() {
    let mut actor = transient(Transient::After(LIFE));
    actor.now = Time(0) + 100 * LIFE;
    assert_eq!(actor.next(), Next::Rest, "it lives until it was used");
    assert_eq!(actor.turn.look_due(), None);
    let begun = actor.now;
    for _ in 0..2 {
        actor.receive(message("m"));
        actor.handle(Ok(()));
        assert_eq!(actor.next(), Next::Rest);
        actor.now = actor.now + LIFE / 2;
    }
    assert_eq!(actor.turn.look_due(), Some(begun + LIFE));
    assert_eq!(actor.turn.set_alarm(begun + LIFE), Some(begun + LIFE));
    assert_eq!(actor.turn.set_alarm(begun + 2 * LIFE), None, "it is moved to no later time");
    // What waits does not keep it.
    actor.receive(message("m"));
    assert!(exits(&mut actor));
}

#[test]
fn a_transient_idle_actor_ends_when_nothing_came_for_a_while() {
    let mut actor = transient(Transient::Idle(LIFE));
    for _ in 0..10 {
        actor.now = actor.now + LIFE / 2;
        actor.receive(message("m"));
        actor.handle(Ok(()));
        assert_eq!(actor.next(), Next::Rest);
    }
    actor.now = actor.now + LIFE;
    actor.receive(message("m"));
    assert_eq!(actor.next(), Next::Handle);
    assert!(matches!(actor.turn.current(), Some((Envelope { body: Body::Message(_), .. }, _))), "not idle");
    actor.handle(Ok(()));
    actor.now = actor.now + LIFE;
    assert!(exits(&mut actor));
}

#[test]
fn the_end_of_an_actor_that_is_no_longer_monitored_is_not_told() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("m"));
    actor.handle_with(
        |draft| {
            draft.monitor(OTHER).unwrap();
            draft.monitor(OTHER).unwrap();
            draft.monitor(SENDER).unwrap();
            draft.demonitor(SENDER).unwrap();
        },
        Ok(()),
    );
    let monitored = |target| told(ActorEvent::Monitored { watcher: ME, target });
    let demonitored = told(ActorEvent::Demonitored { watcher: ME, target: SENDER });
    assert_eq!(actor.effects(), [monitored(OTHER), monitored(SENDER), demonitored]);
    let down = |address| Body::ActorDown(Box::new(ActorExit { address, reason: ExitReason::Requested }));
    actor.receive(down(SENDER));
    assert_eq!(actor.next(), Next::Rest);
    for is_told in [Next::Handle, Next::Rest] {
        actor.receive(down(OTHER));
        assert_eq!(actor.next(), is_told);
        if is_told == Next::Handle {
            actor.handle(Ok(()));
        }
    }
}
