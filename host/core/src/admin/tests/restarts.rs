//! Actors whose children are to be gone before they start again.

use super::*;

#[test]
fn an_actor_that_lost_its_instance_starts_again_when_its_children_are_gone_and_all_below_is_killed() {
    let mut node = loaded();
    let top = node.create();
    let (child, _) = node.create_child(top);
    let (below, _) = node.create_child(child);
    let why = "its parent starts again, without its children".to_string();
    let kill = |address| Effect::Life(LifeEffect::Kill { address, reason: why.clone() });
    let effects = node.handle(ActorEvent::Restarting { address: top });
    assert_eq!(effects, [kill(child), kill(below)]);
    let let_start = Effect::Life(LifeEffect::LetStart(top));
    let effects = node.end(child, ExitReason::Killed(why.clone()));
    assert_eq!(effects.iter().filter(|effect| **effect == let_start).count(), 1, "{effects:?}");
    assert_eq!(
        node.handle(ActorEvent::Restarting { address: top }),
        [let_start],
        "there is nobody to wait for"
    );
    node.exit(top, true);
    assert!(!node.end(below, ExitReason::Killed(why)).contains(&Effect::Life(LifeEffect::LetStart(top))));
}

#[test]
fn a_child_whose_create_waits_is_ended_with_its_siblings_when_its_parent_starts_again() {
    let mut node = loaded();
    let top = node.create();
    let child = node.address();
    let options = CreateOptions::default();
    let choosy = CreateChild { address: child, source: None, class: "choosy".to_string(), options };
    node.child_created(top, choosy);
    let effects = node.handle(ActorEvent::Restarting { address: top });
    assert_eq!(refusal(&effects, child), Some("killed: its parent starts again, without its children"));
    let effects = node.end(child, ExitReason::NeverStarted(String::new()));
    assert!(effects.contains(&Effect::Life(LifeEffect::LetStart(top))), "{effects:?}");
}
