//! Names, monitors, dead letters, capabilities and rights.

use super::*;
use crate::life::LifeEffect;
use crate::limits::CAPABILITIES_LEN_MAX;
use crate::monitors;

fn name_of(create: &mut NewActor) {
    create.name = Some("lead".to_string());
}

fn created(effects: &[Effect]) -> Vec<ActorAddress> {
    let created = |(_, answer)| match answer {
        Ok(Answer::Created(Found { address, .. })) => Some(address),
        _ => None,
    };
    answers(effects).into_iter().filter_map(created).collect()
}

#[test]
fn a_name_stands_for_one_actor_whoever_asks_first() {
    let mut node = loaded();
    let (first, _, effects) = node.create_with(name_of);
    assert!(effects.contains(&Effect::Life(LifeEffect::EnterPending(first))) && runs(&effects, first));
    // Those who ask while it starts wait with who asked first; their places are given back.
    let (_, _, effects) = node.create_with(|create| {
        name_of(create);
        create.class = Some("no such class".to_string());
    });
    assert!(
        matches!(&effects[..], [Effect::Life(LifeEffect::Settle { place: Settled::Nowhere(_), .. })]),
        "{effects:?}"
    );
    let started = node.handle(ActorEvent::Started { address: first });
    assert_eq!(created(&started), [first, first]);
    let (_, _, effects) = node.create_with(name_of);
    assert_eq!(created(&effects), [first]);
    // The name is free when the actor has ended.
    node.handle(ActorEvent::Ended { address: first, reason: ExitReason::Requested });
    let (second, _, effects) = node.create_with(name_of);
    assert!(runs(&effects, second));
}

#[test]
fn whoever_waits_for_a_name_hears_why_there_is_none() {
    let mut node = loaded();
    let (address, asker, effects) = node.create_with(|create| {
        name_of(create);
        create.class = Some("picky".to_string());
    });
    assert!(matches!(
        answers(&effects)[..],
        [(answered, Err(Refusal::NoCompatibleHost { .. }))] if answered == asker
    ));
    node.handle(ActorEvent::Ended { address, reason: ExitReason::NeverStarted(String::new()) });
    let (address, asker, _) = node.create_with(name_of);
    let ended = ActorEvent::Ended { address, reason: ExitReason::NeverStarted("it trapped".to_string()) };
    let reason = "it trapped".to_string();
    assert_eq!(answers(&node.handle(ended)), [(asker, Err(Refusal::StartFailed { reason }))]);
}

#[test]
fn a_name_that_another_has_by_now_is_not_freed_by_the_end_of_who_was_refused() {
    let mut node = loaded();
    let (refused, _, _) = node.create_with(|create| {
        name_of(create);
        create.class = Some("picky".to_string());
    });
    let (address, _, _) = node.create_with(name_of);
    assert_eq!(answers(&node.end(refused, ExitReason::NeverStarted(String::new()))), []);
    let started = node.handle(ActorEvent::Started { address });
    assert_eq!(created(&started), [address]);
    let (_, _, effects) = node.create_with(name_of);
    assert_eq!(created(&effects), [address]);
}

#[test]
fn an_actor_that_asks_for_a_name_hears_by_its_question() {
    let mut node = loaded();
    let (me, address) = (node.create(), node.address());
    let child = CreateChild { address, source: None, class: "plain".into(), options: Default::default() };
    let question = Question::CreateNamed { name: "lead".into(), child: Box::new(child) };
    let origin = Origin::Actor { address: me, request: 7 };
    assert!(runs(&node.handle(Event::Asked { origin, question }), address));
    let effects = node.handle(ActorEvent::Started { address });
    let [Effect::Route(Envelope { target, body: Body::Named(named), .. })] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((*target, named.request, &named.outcome), (me, 7, &Ok(address)));
    // The host is its parent, not who asked for it.
    assert_eq!(node.admin.family().get(address).unwrap().parent, None);
}

#[test]
fn who_monitors_hears_of_the_end_and_at_once_of_one_that_is_past() {
    let mut node = loaded();
    let (watcher, target) = (node.create(), node.create());
    assert_eq!(node.handle(ActorEvent::Monitored { watcher, target }), []);
    let reason = ExitReason::Failed("trap".to_string());
    let effects = node.handle(ActorEvent::Ended { address: target, reason: reason.clone() });
    assert!(effects.contains(&monitors::down(watcher, target, reason)));
    let effects = node.handle(ActorEvent::Monitored { watcher, target });
    assert_eq!(effects, [monitors::down(watcher, target, ExitReason::Unknown)]);
}

#[test]
fn only_a_parent_ends_a_child() {
    let mut node = loaded();
    let (parent, stranger) = (node.create(), node.create());
    let child = node.address();
    let create =
        CreateChild { address: child, source: None, class: "plain".into(), options: Default::default() };
    node.child_created(parent, create);
    assert_eq!(node.handle(ActorEvent::ChildKilled { parent: stranger, child }), []);
    let effects = node.handle(ActorEvent::ChildKilled { parent, child });
    assert!(matches!(&effects[..], [Effect::Life(LifeEffect::Kill { address, .. })] if *address == child));
}

#[test]
fn the_last_that_registers_has_the_dead_letters_while_it_lives() {
    let mut node = loaded();
    let (first, second) = (node.create(), node.create());
    let asked = |by, handles| ActorEvent::DeadLettersAsked { by, handles };
    assert_eq!(
        node.handle(asked(first, true)),
        [Effect::Life(LifeEffect::SetDeadLetterHandler(Some(first)))]
    );
    assert_eq!(node.handle(asked(first, true)), []);
    assert_eq!(
        node.handle(asked(second, true)),
        [Effect::Life(LifeEffect::SetDeadLetterHandler(Some(second)))]
    );
    assert_eq!(node.handle(asked(first, false)), [], "it has nothing to give up");
    let effects = node.handle(ActorEvent::Ended { address: second, reason: ExitReason::Requested });
    assert!(effects.contains(&Effect::Life(LifeEffect::SetDeadLetterHandler(None))));
    assert_eq!(node.admin.dead_letter_handler(), None, "the earlier one has to register anew");
}

#[test]
fn a_change_of_capabilities_ends_the_actors_that_need_what_is_gone() {
    let mut node = loaded();
    let update = |name: &str, value| ActorEvent::CapabilityUpdated { name: name.to_string(), value };
    let on = || Some(Value::Boolean(true));
    assert_eq!(node.handle(update("big", on())), [], "nothing changed");
    assert_eq!(node.handle(update("unknown", None)), []);
    assert!(matches!(node.handle(update("gpu", on()))[..], [Effect::SetCapabilities(_)]));
    let (picky, _, effects) = node.create_with(|create| create.class = Some("picky".to_string()));
    assert!(runs(&effects, picky));
    let plain = node.create();
    let effects = node.handle(update("gpu", None));
    assert_eq!(exit_requested(&effects), [picky]);
    assert!(node.admin.family().get(plain).is_some());
    let effects = node.handle(ActorEvent::Ended { address: picky, reason: ExitReason::Requested });
    let why = "`gpu` is true no longer holds".to_string();
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Life(LifeEffect::NoteEnd { reason: ExitReason::Unfit(reason), .. }) if reason.starts_with(&why))),
        "{effects:?}"
    );
}

#[test]
fn capabilities_are_bounded() {
    let mut node = loaded();
    let long = "x".repeat(crate::limits::CAPABILITY_TEXT_LEN_MAX + 1);
    for (name, value) in [("", None), (&*long, None), ("n", Some(Value::Text(long.clone())))] {
        let asker = node.asker();
        let effects = node.ask(asker, Question::UpdateCapability { name: name.to_string(), value });
        assert!(matches!(answers(&effects)[..], [(_, Err(Refusal::Malformed(_)))]));
    }
    for number in 0..CAPABILITIES_LEN_MAX {
        let value = Some(Value::Integer(1));
        node.handle(ActorEvent::CapabilityUpdated { name: format!("n{number}"), value });
    }
    assert_eq!(node.admin.capabilities().len(), CAPABILITIES_LEN_MAX);
}

#[test]
fn an_actor_can_stop_the_node() {
    let mut node = loaded();
    let actor = node.create();
    let effects = node.handle(ActorEvent::ShutdownAsked { by: actor });
    assert_eq!(exit_requested(&effects), [actor]);
    let effects = node.handle(ActorEvent::Ended { address: actor, reason: ExitReason::Requested });
    assert!(effects.contains(&Effect::Stop));
}
