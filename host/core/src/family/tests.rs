use super::*;
use crate::address::HostId;
use crate::effect::Effect;
use crate::envelope::Envelope;
use crate::life::LifeEffect;
use alloc::string::ToString;

fn notice(target: ActorAddress, sender: ActorAddress, body: Body) -> Effect {
    Effect::Route(Envelope { target, sender, body })
}

const DEADLINE: Time = Time(100);

fn address(id: u128) -> ActorAddress {
    ActorAddress::new(HostId(1), id)
}

/// 1 is the parent of 2 and 3, and 2 of 4.
fn family() -> Family {
    let mut family = Family::default();
    for (child, parent) in [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(2))] {
        family.add(address(child), parent.map(address), "c", None);
    }
    family
}

fn exited(target: u128, child: u128, reason: ExitReason) -> Effect {
    let exit = ActorExit { address: address(child), reason };
    notice(address(target), address(child), Body::ChildExited(Box::new(exit)))
}

fn gone(actor: u128) -> Effect {
    notice(address(actor), address(actor), Body::ChildrenGone)
}

#[test]
fn a_parent_hears_of_a_child_once_when_it_is_removed() {
    let mut family = family();
    let mut effects = Effects::default();
    family.remove(address(3), ExitReason::Requested, &mut effects);
    assert_eq!(*effects, [exited(1, 3, ExitReason::Requested)]);
    effects.drain().for_each(drop);
    assert_eq!(family.remove(address(3), ExitReason::Requested, &mut effects), None);
    assert_eq!(*effects, []);
}

#[test]
fn an_actor_without_a_parent_has_its_end_noted() {
    let mut family = family();
    let mut effects = Effects::default();
    family.remove(address(4), ExitReason::Requested, &mut effects);
    family.remove(address(2), ExitReason::Requested, &mut effects);
    family.remove(address(3), ExitReason::Requested, &mut effects);
    effects.drain().for_each(drop);
    family.remove(address(1), ExitReason::Requested, &mut effects);
    let note = Effect::Life(LifeEffect::NoteEnd {
        address: address(1),
        class: "c".into(),
        reason: ExitReason::Requested,
    });
    assert_eq!(*effects, [note]);
    assert!(family.is_empty());
}

#[test]
fn an_exiting_actor_is_told_when_its_last_child_is_gone_behind_that_childs_notice() {
    let mut family = family();
    let mut effects = Effects::default();
    family.exiting(address(1), true, DEADLINE, &mut effects);
    assert_eq!(effects.len(), 2, "both children are asked");
    effects.drain().for_each(drop);
    family.remove(address(3), ExitReason::Requested, &mut effects);
    assert_eq!(*effects, [exited(1, 3, ExitReason::Requested)]);
    family.remove(address(4), ExitReason::Requested, &mut effects);
    effects.drain().for_each(drop);
    family.remove(address(2), ExitReason::Requested, &mut effects);
    assert_eq!(*effects, [exited(1, 2, ExitReason::Requested), gone(1)]);
}

#[test]
fn children_that_are_kept_have_no_parent_afterwards() {
    let mut family = family();
    let mut effects = Effects::default();
    family.exiting(address(1), false, DEADLINE, &mut effects);
    assert_eq!(*effects, [gone(1)]);
    assert_eq!(family.get(address(2)).map(|member| member.parent), Some(None));
    effects.drain().for_each(drop);
    family.remove(address(1), ExitReason::Requested, &mut effects);
    assert!(matches!(effects[..], [Effect::Life(LifeEffect::NoteEnd { .. })]), "nobody else is touched");
}

#[test]
fn children_end_with_a_parent_that_failed_or_was_killed() {
    let failed = ExitReason::Failed("trapped".to_string());
    let killed = ExitReason::Killed("by an operator".to_string());
    for (reason, is_kill) in [(failed, false), (killed, true)] {
        let mut family = family();
        let mut effects = Effects::default();
        family.remove(address(2), reason.clone(), &mut effects);
        let request = Body::ExitRequest(ExitRequest { recursive: true });
        let expected = if is_kill {
            Effect::Life(LifeEffect::Kill { address: address(4), reason: "by an operator".to_string() })
        } else {
            notice(address(4), address(2), request)
        };
        assert_eq!(*effects, [expected, exited(1, 2, reason)]);
    }
}

#[test]
fn patience_with_children_ends_once_and_not_for_those_that_are_gone() {
    let mut family = family();
    for actor in [1, 2] {
        family.exiting(address(actor), true, DEADLINE, &mut Effects::default());
    }
    family.exiting(address(1), true, Time(200), &mut Effects::default());
    family.remove(address(2), ExitReason::Requested, &mut Effects::default());
    assert_eq!(family.overdue(DEADLINE), []);
    assert_eq!(family.deadline(), Some(Time(200)));
    assert_eq!(family.overdue(Time(200)), [address(1)]);
    assert_eq!(family.overdue(Time(200)), []);
}

#[test]
fn a_subtree_lists_parents_before_their_children() {
    let family = family();
    assert_eq!(family.subtree(address(1)), [1, 2, 3, 4].map(address));
    assert_eq!(family.subtree(address(9)), [address(9)]);
}

#[test]
#[should_panic(expected = "addresses are never reused")]
fn an_address_is_never_reused() {
    family().add(address(1), None, "c", None);
}

#[test]
fn whom_its_creator_left_behind_is_known_and_whom_nobody_created_is_not_among_them() {
    let mut family = family();
    let mut effects = Effects::default();
    family.exiting(address(2), false, DEADLINE, &mut effects);
    assert_eq!(family.orphans().collect::<Vec<_>>(), [address(4)]);
    family.add(address(5), Some(address(9)), "c", None);
    assert_eq!(family.orphans().collect::<Vec<_>>(), [address(4), address(5)], "its creator was gone before");
    family.remove(address(4), ExitReason::Requested, &mut Effects::default());
    assert_eq!(family.orphans().collect::<Vec<_>>(), [address(5)], "who is gone is none");
    assert!(!family.get(address(1)).unwrap().is_orphan());
}

#[test]
fn a_list_goes_on_behind_an_address_also_of_one_that_is_gone() {
    let mut family = family();
    let behind = |family: &Family, after| family.after(after).map(|(address, _)| address).collect::<Vec<_>>();
    assert_eq!(behind(&family, None), [1, 2, 3, 4].map(address));
    family.remove(address(2), ExitReason::Requested, &mut Effects::default());
    assert_eq!(behind(&family, Some(address(2))), [3, 4].map(address));
    assert_eq!(behind(&family, Some(address(4))), []);
}
