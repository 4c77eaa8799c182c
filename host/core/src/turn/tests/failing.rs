//! Turns that fail for somebody else than the sender of what they handle.

use super::*;
use crate::envelope::SourceOffered;
use crate::source::SourceHash;

/// A turn with a message of `SENDER` that has to do with `who`.
fn handle_for(actor: &mut Actor, who: ActorAddress, result: Result<(), Failure>) -> u32 {
    let original = Message::json("Order", "");
    actor.handle_with(|draft| draft.fails_for(who, original).unwrap(), result).1
}

fn budget() -> Failure {
    Failure::Fault(Fault::Budget(Budget::Cpu, String::new()))
}

/// What came of it for `OTHER`, when nobody else hears anything: no sender, and no dead letters.
#[track_caller]
fn assert_only_other_hears(actor: &mut Actor, details: &str) {
    let effects = actor.effects();
    let is_dead = |effect: &&TurnEffect| matches!(effect, TurnEffect::Perform(ActorEffect::DeadLetter(..)));
    assert_eq!(effects.iter().find(is_dead), None);
    let routed = effects.iter().filter_map(|effect| match effect {
        TurnEffect::Route(envelope @ Envelope { body: Body::Poisoned(poisoned), .. }) => {
            Some((envelope.target, poisoned.target, &*poisoned.original.type_name, &*poisoned.details))
        }
        _ => None,
    });
    assert_eq!(routed.collect::<Vec<_>>(), [(OTHER, ME, "Order", details)]);
    let is_counted = |effect: &&TurnEffect| matches!(effect, TurnEffect::Perform(ActorEffect::Poisoned));
    assert_eq!(effects.iter().filter(is_counted).count(), 1);
}

#[test]
fn a_turn_that_fails_for_good_is_told_to_whom_it_was_for_and_not_to_the_sender() {
    for (failure, details) in [(err(false), "no"), (budget(), "the turn used more CPU time than it may")] {
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("answer"));
        handle_for(&mut actor, OTHER, Err(failure));
        assert_only_other_hears(&mut actor, details);
    }
}

#[test]
fn it_holds_for_both_attempts_unless_the_second_says_otherwise_and_a_success_forgets_it() {
    for failure in [err(true), trap()] {
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("answer"));
        handle_for(&mut actor, OTHER, Err(failure.clone()));
        assert_eq!(actor.poison_to(OTHER), [], "there is another attempt");
        assert_eq!(actor.handle(Err(failure.clone())).1, 2);
        assert_only_other_hears(&mut actor, &format!("{failure} (attempt 2)"));

        actor.receive(message("answer"));
        handle_for(&mut actor, PARENT, Err(failure.clone()));
        assert_eq!(handle_for(&mut actor, OTHER, Err(failure.clone())), 2);
        assert_only_other_hears(&mut actor, &format!("{failure} (attempt 2)"));

        actor.receive(message("answer"));
        handle_for(&mut actor, OTHER, Err(failure));
        assert_eq!(handle_for(&mut actor, OTHER, Ok(())), 2);
        actor.receive(message("next"));
        actor.handle(Err(err(false)));
        let heard = |(type_name, _): &(String, String)| type_name == "next";
        assert!(actor.poison_to(SENDER).iter().all(heard), "the next message is nobody's but its sender's");
    }
}

#[test]
fn what_the_host_tells_is_told_to_whom_it_was_for_in_place_of_a_dead_letter() {
    let original = Message::json("Mine", "");
    let exit = ActorExit { address: OTHER, reason: ExitReason::Requested };
    let bodies = [
        Body::ChildExited(Box::new(exit)),
        Body::Poisoned(Box::new(Poisoned { target: SENDER, details: String::new(), original })),
    ];
    for body in bodies {
        let mut actor = running(OnTrap::Restart);
        actor.receive(body);
        handle_for(&mut actor, OTHER, Err(err(false)));
        assert_only_other_hears(&mut actor, "no");
    }
}

#[test]
fn an_authority_that_fails_on_what_is_offered_is_told_of_once_and_after_its_second_attempt() {
    let offered = SourceOffered { hash: SourceHash([1; 32]), label: String::new() };
    let failed = |actor: &mut Actor| {
        let failed = |effect: &TurnEffect| match effect {
            TurnEffect::Perform(ActorEffect::Tell(event)) => match &**event {
                Event::Actor(ActorEvent::AuthorityFailed { by: ME, reason }) => Some(reason.clone()),
                _ => None,
            },
            _ => None,
        };
        actor.effects().iter().filter_map(failed).collect::<Vec<_>>()
    };
    let mut actor = running(OnTrap::Restart);
    actor.receive(Body::SourceOffered(Box::new(offered)));
    actor.handle(Err(err(true)));
    assert_eq!(failed(&mut actor), Vec::<String>::new());
    actor.handle(Err(err(true)));
    assert_eq!(failed(&mut actor), ["no (attempt 2)"]);
}

#[test]
fn an_actor_that_is_ended_before_it_was_handled_has_failed() {
    let ended = "the actor ended before it had handled the message (killed: by hand)";
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("answer"));
    handle_for(&mut actor, OTHER, Err(trap()));
    actor.turn.kill("by hand", &mut actor.effects);
    assert_only_other_hears(&mut actor, ended);

    let mut actor = running(OnTrap::Restart);
    actor.receive(message("answer"));
    handle_for(&mut actor, OTHER, Err(Failure::Fault(Fault::Killed)));
    assert_only_other_hears(
        &mut actor,
        "the actor ended before it had handled the message (killed: while it handled a message)",
    );

    let mut actor = running(OnTrap::Exit);
    actor.receive(message("answer"));
    handle_for(&mut actor, OTHER, Err(trap()));
    assert_only_other_hears(&mut actor, "trapped: unreachable");
}

#[test]
fn an_instance_that_can_not_start_again_does_not_keep_whom_it_was_for_waiting() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("answer"));
    handle_for(&mut actor, OTHER, Err(trap()));
    assert_eq!(actor.next(), Next::Start { incarnation: 2 });
    actor.start(Err(err(false)));
    let poison = actor.poison_to(OTHER);
    assert_eq!((poison.len(), &*poison[0].0), (1, "Order"));
    assert!(poison[0].1.starts_with("trapped: unreachable (there is no second attempt: "), "{poison:?}");
}

#[test]
fn an_exit_turn_that_fails_is_told_to_whom_it_was_for() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(exit_request(true));
    handle_for(&mut actor, OTHER, Err(err(true)));
    assert_only_other_hears(&mut actor, "no");
}
