//! What an actor knows of its children, and actors whose children end before they start again; actors that say that they
//! have failed.

use super::*;

/// An actor whose children end before it starts again, and two of them, in their order.
fn parent() -> (Actor, [ActorAddress; 2]) {
    let mut actor = around(Turn::new(Identity {
        children_at_restart: ChildrenAtRestart::End,
        ..created(OnTrap::Restart).turn.identity
    }));
    actor.next();
    actor.start(Ok(()));
    let children = ["first", "second"].map(|label| actor.create(label));
    actor.effects();
    (actor, children)
}

fn exited(child: ActorAddress) -> Body {
    Body::ChildExited(Box::new(ActorExit { address: child, reason: ExitReason::Requested }))
}

impl Actor {
    /// A child that a turn of its own creates.
    fn create(&mut self, label: &str) -> ActorAddress {
        let options = CreateOptions { label: label.into(), ..CreateOptions::default() };
        let mut child = None;
        self.receive(message("create"));
        self.handle_with(|draft| child = draft.create(None, "c".to_string(), options).ok(), Ok(()));
        child.unwrap()
    }

    /// The labels of the children, as the next turn sees them.
    fn labels(&mut self) -> Vec<String> {
        let mut labels = Vec::new();
        self.receive(message("list"));
        let look = |draft: &mut Draft<'_, Stock>| {
            labels.extend(draft.children(None, u32::MAX).map(|(_, label)| label.to_string()));
        };
        self.handle_with(look, Ok(()));
        labels
    }

    fn fail(&mut self, why: &str) {
        self.handle_with(|draft| draft.fail(why.to_string()), Ok(()));
    }

    /// It has its exit turn, and waits for its children.
    fn exit(&mut self) {
        assert_eq!(self.handle(Ok(())), at("thespian:exit-request", 1));
    }

    fn ends_as(&mut self, reason: &ExitReason) {
        self.receive(Body::ChildrenGone);
        assert_eq!(self.next(), Next::Ended);
        assert_eq!(self.turn.ended(), Some(reason));
    }
}

#[test]
fn children_are_listed_from_the_commit_of_their_create_until_their_end_is_told() {
    let mut actor = running(OnTrap::Restart);
    let first = actor.create("first");
    actor.create("second");
    actor.receive(message("create"));
    let create = |draft: &mut Draft<'_, Stock>| {
        draft.create(None, "c".to_string(), CreateOptions::default()).unwrap();
        assert_eq!(draft.children(None, 9).count(), 2, "not before the commit");
        assert_eq!(draft.children(None, 1).map(|(child, _)| child).collect::<Vec<_>>(), [first]);
    };
    actor.handle_with(create, Err(err(false)));
    assert_eq!(actor.labels(), ["first", "second"], "that turn failed");
    actor.receive(exited(first));
    assert_eq!(actor.labels(), ["second"], "in the turn that is told, it is none any more");
}

#[test]
fn a_list_of_children_has_its_bound_whatever_is_asked_for() {
    let mut actor = running(OnTrap::Restart);
    actor.stock.places.set(CHILDREN_LISTED_MAX + 1);
    for _ in 0..=CHILDREN_LISTED_MAX {
        actor.create("");
    }
    assert_eq!(actor.labels().len(), CHILDREN_LISTED_MAX);
}

#[test]
fn children_outlive_their_parents_instance_with_their_labels() {
    let mut actor = running(OnTrap::Restart);
    actor.create("kept");
    actor.effects();
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    assert_eq!(actor.next(), Next::Start { incarnation: 2 }, "it waits for nobody");
    assert_eq!(actor.effects(), []);
    actor.start(Ok(()));
    actor.handle(Ok(()));
    assert_eq!(actor.labels(), ["kept"]);
}

#[test]
fn an_actor_starts_again_when_the_children_are_gone_that_its_class_ends() {
    let (mut actor, [first, second]) = parent();
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    assert!(actor.effects().contains(&told(ActorEvent::Restarting { address: ME })));
    actor.receive(exited(first));
    for _ in 0..2 {
        assert_eq!((actor.next(), actor.turn.pauses(actor.now)), (Next::AwaitChildren, true));
        assert_eq!(actor.turn.phase(actor.now), ActorPhase::Paused);
    }
    actor.turn.let_start();
    assert_eq!(actor.next(), Next::Start { incarnation: 2 });
    actor.start(Ok(()));
    assert_eq!(actor.handle(Ok(())), at("m", 2), "it is tried again, and the end is not told");
    actor.receive(exited(second));
    assert_eq!(actor.next(), Next::Rest, "nor is this one, which came late");
    assert_eq!(actor.labels(), [""; 0]);
    let third = actor.create("third");
    actor.receive(exited(third));
    assert_eq!(actor.handle(Ok(())), at("thespian:child-exited", 1));
}

#[test]
fn children_that_are_ended_for_a_restart_count_until_their_notice_has_come() {
    let (mut actor, [first, _]) = parent();
    actor.limits.children_max = 2;
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    actor.turn.let_start();
    let creates = |actor: &mut Actor| {
        let mut created = None;
        actor.receive(message("create"));
        let create = |draft: &mut Draft<'_, Stock>| {
            created = Some(draft.create(None, "c".to_string(), CreateOptions::default()).is_ok());
        };
        actor.handle_with(create, Err(err(false)));
        created
    };
    actor.handle(Ok(()));
    assert_eq!(creates(&mut actor), Some(false));
    actor.receive(exited(first));
    assert_eq!(creates(&mut actor), Some(true));
}

#[test]
fn a_fresh_instance_hears_nothing_more_of_those_that_ended_before_it() {
    let (mut actor, [first, second]) = parent();
    actor.receive(message("m"));
    actor.handle_with(|draft| draft.monitor(second).unwrap(), Ok(()));
    actor.receive(exited(first));
    actor.handle(Err(trap()));
    assert_eq!(actor.dead_letters().len(), 1, "what it failed on is not told to the next");
    let down = ActorExit { address: second, reason: ExitReason::Requested };
    let restart = ActorRestart { address: second, incarnation: 2, reason: String::new() };
    for body in [Body::ChildRestarted(Box::new(restart)), Body::ActorDown(Box::new(down)), exited(second)] {
        actor.receive(body);
    }
    actor.turn.let_start();
    actor.next();
    actor.start(Ok(()));
    assert_eq!(actor.next(), Next::Rest);
}

#[test]
fn an_actor_without_children_and_one_that_ends_wait_for_no_child() {
    let (mut actor, children) = parent();
    for child in children {
        actor.receive(exited(child));
        actor.handle(Ok(()));
    }
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    assert_eq!(actor.next(), Next::Start { incarnation: 2 });

    let (mut actor, _) = parent();
    actor.turn.identity.on_trap = OnTrap::Exit;
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    assert_eq!(actor.next(), Next::Ended);
}

#[test]
fn an_actor_that_waits_for_its_children_exits_when_it_is_asked_to() {
    let (mut actor, _) = parent();
    actor.receive(message("m"));
    actor.handle(Err(trap()));
    actor.effects();
    assert_eq!(actor.next(), Next::AwaitChildren);
    actor.receive(exit_request(true));
    assert_eq!(actor.next(), Next::Rest);
    let effects = actor.effects();
    assert!(effects.contains(&ActorEffect::Exiting { with_children: true }.into()), "{effects:?}");
    assert!(format!("{effects:?}").contains("before its children have ended"), "{effects:?}");
    actor.ends_as(&ExitReason::Requested);
}

#[test]
fn a_pause_and_the_end_of_the_children_are_both_waited_for() {
    let (mut actor, _) = parent();
    actor.stock.places.set(RESTARTS_MAX + 1);
    for _ in 0..=RESTARTS_MAX {
        actor.create("one more");
        actor.receive(message("m"));
        actor.handle(Err(Failure::Fault(Fault::Budget(Budget::Cpu, String::new()))));
        if actor.turn.restarts.paused_until(actor.now).is_none() {
            actor.turn.let_start();
        }
    }
    let Next::Pause(until) = actor.next() else { panic!("its budget is spent") };
    actor.now = until;
    assert_eq!(actor.next(), Next::AwaitChildren);
    actor.turn.let_start();
    assert!(matches!(actor.next(), Next::Start { .. }));
}

#[test]
fn an_actor_ends_as_it_says_when_its_turn_commits_and_its_children_exit_first() {
    let mut actor = running(OnTrap::Restart);
    let child = actor.create("");
    actor.effects();
    actor.receive(message("m"));
    actor.receive(message("behind"));
    let fail = |draft: &mut Draft<'_, Stock>| {
        draft.send(OTHER, Message::json("last", "")).unwrap();
        draft.fail("no licence".to_string());
        draft.fail("for another reason".to_string());
    };
    actor.handle_with(fail, Ok(()));
    let last = Envelope { target: OTHER, sender: ME, body: Body::Message(Message::json("last", "")) };
    assert_eq!(actor.effects(), [TurnEffect::Route(last)]);
    actor.exit();
    assert_eq!(actor.effects(), [ActorEffect::Exiting { with_children: true }.into()]);
    actor.receive(exited(child));
    assert_eq!(actor.handle(Ok(())), at("thespian:child-exited", 1));
    assert_eq!(actor.dead_letters()[0].0, "behind");
    actor.ends_as(&ExitReason::Failed("no licence".to_string()));
}

#[test]
fn a_turn_that_fails_says_nothing_of_the_actors_failure() {
    for failure in [err(false), trap()] {
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("m"));
        actor.handle_with(|draft| draft.fail("no".to_string()), Err(failure));
        while actor.turn.current().is_some() {
            actor.handle(Ok(()));
        }
        assert_eq!(actor.next(), Next::Rest);
    }
}

#[test]
fn an_actor_that_exits_can_say_that_it_failed_and_the_first_failure_is_the_reason() {
    let failed = |why: &str| ExitReason::Failed(why.to_string());
    for (words, expected) in [
        (["", "", ""], ExitReason::Requested),
        (["in its exit", "", "later"], failed("in its exit")),
        (["", "of a child", "later"], failed("of a child")),
    ] {
        let mut actor = running(OnTrap::Restart);
        let children = [actor.create(""), actor.create("")];
        actor.receive(exit_request(true));
        children.iter().for_each(|child| actor.receive(exited(*child)));
        for why in words {
            if why.is_empty() {
                actor.handle(Ok(()));
            } else {
                actor.fail(why);
            }
        }
        actor.ends_as(&expected);
    }
}

#[test]
fn an_exit_turn_that_fails_does_not_change_what_the_actor_said_of_its_failure() {
    for failure in [err(true), trap()] {
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("m"));
        actor.fail("no licence");
        actor.handle(Err(failure));
        actor.ends_as(&ExitReason::Failed("no licence".to_string()));
    }
}

#[test]
fn a_start_can_say_that_the_actor_failed_and_what_was_to_be_tried_again_comes_back() {
    let mut first = created(OnTrap::Restart);
    let mut second = running(OnTrap::Restart);
    second.receive(message("m"));
    second.handle(Err(trap()));
    for actor in [&mut first, &mut second] {
        actor.next();
        let mut outbox = actor.turn.outbox(Rights::default());
        Draft::new(ME, &mut outbox, &actor.limits, &actor.stock).fail("no licence".to_string());
        actor.turn.finish_start(actor.now, Ok(outbox), &mut actor.effects);
        actor.exit();
    }
    let details = "trapped: unreachable (there is no second attempt: it has failed: no licence)";
    assert_eq!(second.poison_to(SENDER), [("m".to_string(), details.to_string())]);
    for actor in [&mut first, &mut second] {
        actor.ends_as(&ExitReason::Failed("no licence".to_string()));
    }
}
