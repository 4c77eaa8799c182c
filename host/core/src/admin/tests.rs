mod actors_judging;
mod any_order;
mod changing_judges;
mod hosting;
mod judging;
mod log_levels;
mod persons;
mod restarts;
mod standing_actors;
mod suitability;

use super::*;
use crate::address::HostId;
use crate::capability::{Clause, Requirement, Value};
use crate::envelope::{Body, Envelope, ExitReason};
use crate::fate::{ChildrenAtRestart, OnTrap};
use crate::life::LifeEffect;
use crate::limits::{
    ActorLimits, CLASS_NAME_LEN_MAX, ERROR_TEXT_LEN_MAX, EXIT_GRACE, JUDGEMENT_TIME_MAX,
    STOP_ACTORS_TIME_MAX, STOP_GRACE,
};
use crate::message::Message;
use crate::outbox::{CreateChild, CreateOptions};
use crate::plan::Settled;
use crate::question::{Asker, CreatorRights, Found, NewActor, Offer};
use crate::source::authority::{AuthorityKind, SourceAuthority};
use crate::source::{ActorClass, OfferId, Rights, SourceEffect, SourceHash, SourceInfo, Verdict};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

const SOURCE: SourceHash = SourceHash([0xab; 32]);

/// An `Admin` with a clock and a list of what it wants done.
struct Node {
    admin: Admin,
    now: Time,
    next_id: u128,
    next_asker: u64,
}

fn class(name: &str, requires: Vec<Requirement>) -> ActorClass {
    ActorClass {
        name: name.to_string(),
        requires,
        custom_placement: false,
        on_trap: OnTrap::Exit,
        transient: None,
        receives: Vec::new(),
        children_at_restart: ChildrenAtRestart::End,
        init: None,
    }
}

fn requirement(name: &str) -> Requirement {
    Requirement { name: name.to_string(), clause: Clause::IsTrue }
}

fn offer_of(hash: SourceHash) -> Offer {
    let (given, allowed) = (Rights::NONE, None);
    Offer {
        hash,
        label: String::new(),
        size: 1,
        given,
        allowed,
        has_manifest: false,
        is_downgrade: false,
        by: None,
    }
}

fn new_actor(address: ActorAddress) -> NewActor {
    let class = Some("plain".to_string());
    NewActor {
        address,
        source: Ok(SOURCE),
        class,
        options: CreateOptions::default(),
        name: None,
        creator: CreatorRights::Own(Rights::ALL),
    }
}

fn info() -> SourceInfo {
    let own_check = ActorClass { custom_placement: true, ..class("choosy", Vec::new()) };
    let classes = vec![class("plain", Vec::new()), class("picky", vec![requirement("gpu")]), own_check];
    SourceInfo { name: "n".into(), version: "1".into(), sdk: "s".into(), classes, memory_bytes: 7 }
}

fn node() -> Node {
    judged_by(AuthorityKind::Asked)
}

fn judged_by(kind: AuthorityKind) -> Node {
    let capabilities = Capabilities::from([("big".to_string(), Value::Boolean(true))]);
    let authority = SourceAuthority::new(kind, ActorLimits::default());
    let admin = Admin::new(capabilities).with_authority(authority);
    Node { admin, now: Time(0), next_id: 0, next_asker: 0 }
}

/// A node that has the source.
fn loaded() -> Node {
    let mut node = node();
    node.offer();
    node.judge(Ok(()));
    node.validate();
    node
}

fn answers(effects: &[Effect]) -> Vec<(Asker, Result<Answer, Refusal>)> {
    let answer = |effect: &Effect| match effect {
        Effect::Answer { asker, answer } => Some((*asker, answer.clone())),
        _ => None,
    };
    effects.iter().filter_map(answer).collect()
}

fn refusal(effects: &[Effect], address: ActorAddress) -> Option<&str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Life(LifeEffect::Settle { address: refused, place: Settled::Nowhere(reason) })
            if *refused == address =>
        {
            Some(&**reason)
        }
        _ => None,
    })
}

fn runs(effects: &[Effect], address: ActorAddress) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Life(LifeEffect::Settle { place: Settled::Here(plan), .. }) if plan.address == address))
}

/// Who is told of whose end.
fn exits(effects: &[Effect]) -> Vec<(ActorAddress, ActorAddress)> {
    let exit = |effect: &Effect| match effect {
        Effect::Route(Envelope { target, body: Body::ChildExited(exit), .. }) => {
            Some((*target, exit.address))
        }
        _ => None,
    };
    effects.iter().filter_map(exit).collect()
}

fn exit_requested(effects: &[Effect]) -> Vec<ActorAddress> {
    let request = |effect: &Effect| match effect {
        Effect::Route(Envelope { target, body: Body::ExitRequest(_), .. }) => Some(*target),
        _ => None,
    };
    effects.iter().filter_map(request).collect()
}

fn has_children_gone(effects: &[Effect], address: ActorAddress) -> bool {
    let gone = |effect: &Effect| matches!(effect, Effect::Route(Envelope { target, body: Body::ChildrenGone, .. }) if *target == address);
    effects.iter().any(gone)
}

impl Node {
    fn handle(&mut self, event: impl Into<Event>) -> Vec<Effect> {
        let mut effects = Effects::default();
        self.admin.handle(self.now, event.into(), &mut effects);
        effects.drain().collect()
    }

    fn ask(&mut self, asker: Asker, question: Question) -> Vec<Effect> {
        self.handle(Event::Asked { origin: Origin::Client(asker), question })
    }

    fn withdraw(&mut self, asker: Asker) -> Vec<Effect> {
        self.handle(Event::Withdrawn(Origin::Client(asker)))
    }

    fn actors_of_source(&self) -> u64 {
        self.admin.sources().iter().map(|(_, source)| source.actors()).sum()
    }

    fn asker(&mut self) -> Asker {
        self.next_asker += 1;
        Asker(self.next_asker)
    }

    fn address(&mut self) -> ActorAddress {
        self.next_id += 1;
        ActorAddress::new(HostId(1), self.next_id)
    }

    fn offer(&mut self) -> Vec<Effect> {
        let asker = self.asker();
        self.ask(asker, Question::Load(Box::new(offer_of(SOURCE))))
    }

    fn judge(&mut self, verdict: Result<(), String>) -> Vec<Effect> {
        self.judge_of(SOURCE, verdict.map(|()| Verdict { rights: Rights::ALL, ..Verdict::default() }))
    }

    fn validate(&mut self) -> Vec<Effect> {
        self.handle(SourceEvent::Validated { runs: None, hash: SOURCE, outcome: Ok(info()), compile_us: 1 })
    }

    fn create_with(&mut self, change: impl FnOnce(&mut NewActor)) -> (ActorAddress, Asker, Vec<Effect>) {
        let (asker, address) = (self.asker(), self.address());
        let mut create = new_actor(address);
        change(&mut create);
        let effects = self.ask(asker, Question::Create(Box::new(create)));
        (address, asker, effects)
    }

    fn create(&mut self) -> ActorAddress {
        let (address, _, effects) = self.create_with(|_| ());
        assert!(runs(&effects, address));
        self.handle(ActorEvent::Started { address });
        address
    }

    fn child_created(&mut self, parent: ActorAddress, child: CreateChild) -> Vec<Effect> {
        let entered = self.handle(ActorEvent::ChildrenEntered { parent, children: vec![child.address] });
        assert_eq!(entered, []);
        self.handle(ActorEvent::ChildCreated { parent, child: Box::new(child) })
    }

    fn create_child(&mut self, parent: ActorAddress) -> (ActorAddress, Vec<Effect>) {
        let address = self.address();
        let options = CreateOptions::default();
        let child = CreateChild { address, source: None, class: "plain".to_string(), options };
        let effects = self.child_created(parent, child);
        (address, effects)
    }

    fn end(&mut self, address: ActorAddress, reason: ExitReason) -> Vec<Effect> {
        self.handle(ActorEvent::Ended { address, reason })
    }

    fn exit(&mut self, address: ActorAddress, with_children: bool) -> Vec<Effect> {
        self.handle(ActorEvent::Exiting { address, with_children })
    }

    fn kill(&mut self, target: ActorAddress) -> Vec<Effect> {
        let asker = self.asker();
        self.ask(asker, Question::Kill { target })
    }
}

#[test]
fn life_001_a_create_is_answered_when_the_actor_has_started() {
    let mut node = loaded();
    let (address, asker, effects) = node.create_with(|_| ());
    assert!(runs(&effects, address) && answers(&effects).is_empty());
    let created = Found { address, source: SOURCE, class: "plain".to_string(), already: false };
    let effects = node.handle(ActorEvent::Started { address });
    assert_eq!(answers(&effects), [(asker, Ok(Answer::Created(created)))]);
    assert_eq!(node.actors_of_source(), 1);
}

#[test]
fn life_013_a_start_that_fails_is_answered_with_its_reason() {
    let mut node = loaded();
    let (address, asker, _) = node.create_with(|_| ());
    let effects = node.end(address, ExitReason::NeverStarted("trapped: no".to_string()));
    let error = Refusal::StartFailed { reason: "trapped: no".to_string() };
    assert_eq!(answers(&effects), [(asker, Err(error))]);
    assert_eq!(node.actors_of_source(), 0);
    assert!(node.admin.family().is_empty());
}

#[test]
fn what_can_not_be_created_is_refused_with_the_reason_and_its_asker_hears_once() {
    let mut node = loaded();
    type Change = fn(&mut NewActor);
    let cases: [(Change, &str); 7] = [
        (|create| create.source = Ok(SourceHash([0xcd; 32])), "no source has the hash `cdcdcd"),
        (|create| create.class = Some("odd".to_string()), "has no class `odd`; it has plain, picky, choosy"),
        (|create| create.class = None, "name one of plain, picky, choosy"),
        (|create| create.class = Some("picky".to_string()), "`gpu` is true does not hold, it has no such"),
        (|create| create.options.requirements = vec![requirement("fast")], "`fast` is true does not hold"),
        (|create| create.class = Some("x".repeat(CLASS_NAME_LEN_MAX + 1)), "a class has a name of 1 to"),
        (
            |create| create.options.requirements = vec![requirement(&"x".repeat(1 << 20))],
            "requirements of an actor may take",
        ),
    ];
    for (change, expected) in cases {
        let (address, asker, effects) = node.create_with(change);
        let reason = refusal(&effects, address).unwrap();
        assert!(reason.contains(expected) && reason.len() <= ERROR_TEXT_LEN_MAX, "{reason}");
        let answers = answers(&effects);
        assert!(matches!(&answers[..], [(answered, Err(_))] if *answered == asker));
        let ended = node.end(address, ExitReason::NeverStarted(reason.to_string()));
        assert!(self::answers(&ended).is_empty());
    }
}

#[test]
fn requirements_that_hold_do_not_stand_in_the_way() {
    let mut node = loaded();
    let (address, _, effects) =
        node.create_with(|create| create.options.requirements = vec![requirement("big")]);
    assert!(runs(&effects, address));
}

#[test]
fn a_creator_decides_on_trap_where_it_says_so_and_the_class_elsewhere() {
    for (asked, expected) in [(None, OnTrap::Exit), (Some(OnTrap::Restart), OnTrap::Restart)] {
        let mut node = loaded();
        let (_, _, effects) = node.create_with(|create| create.options.on_trap = asked);
        let [
            Effect::Life(LifeEffect::EnterPending(_)),
            Effect::Life(LifeEffect::Settle { place: Settled::Here(plan), .. }),
        ] = &effects[..]
        else {
            panic!("{effects:?}");
        };
        assert_eq!((plan.on_trap, plan.children_at_restart), (expected, ChildrenAtRestart::End));
    }
}

#[test]
fn a_create_by_a_hash_still_validating_waits_and_then_runs() {
    let mut node = node();
    node.offer();
    let (address, _, effects) = node.create_with(|_| ());
    assert_eq!(effects, [Effect::Life(LifeEffect::EnterPending(address))], "it can be sent to, and waits");
    node.judge(Ok(()));
    assert!(runs(&node.validate(), address));
}

#[test]
fn creates_that_wait_fail_when_the_source_is_refused_unloaded_or_never_judged() {
    type End = fn(&mut Node) -> Vec<Effect>;
    let ends: [(End, &str); 3] = [
        (|node| node.judge(Err("not ours".to_string())), "was refused: not ours"),
        (|node| node.ask(Asker(99), Question::Unload { source: SOURCE }), "was unloaded"),
        (
            |node| {
                node.now = node.admin.deadline().unwrap();
                assert_eq!(node.now, Time(0) + JUDGEMENT_TIME_MAX);
                node.handle(Event::TimePassed)
            },
            "its authority did not judge it in time",
        ),
    ];
    for (end, expected) in ends {
        let mut node = node();
        node.offer();
        let (address, asker, _) = node.create_with(|_| ());
        let effects = end(&mut node);
        assert!(refusal(&effects, address).unwrap().contains(expected));
        assert_eq!(answers(&effects).iter().filter(|(answered, _)| *answered == asker).count(), 1);
        assert_eq!(node.admin.deadline(), None);
    }
}

#[test]
fn creates_that_wait_are_bounded_by_the_bytes_of_their_init_messages() {
    let mut node = node();
    node.offer();
    let big = |create: &mut NewActor| create.options.init = Some(Message::bytes("I", vec![0; 15 << 20]));
    let refused = (0..6)
        .map(|_| node.create_with(big))
        .find(|(address, _, effects)| refusal(effects, *address).is_some());
    let (_, _, effects) = refused.unwrap();
    assert!(matches!(&answers(&effects)[..], [(_, Err(Refusal::LimitReached(_)))]));
    node.judge(Err("no".to_string()));
    assert_eq!(node.admin.births.bytes(), 0);
}

#[test]
fn a_create_that_waits_ends_when_whoever_asked_for_it_leaves() {
    let mut node = node();
    node.offer();
    let (address, asker, _) = node.create_with(|_| ());
    let effects = node.withdraw(asker);
    assert_eq!(refusal(&effects, address), Some("who asked for it left"));
    assert_eq!(answers(&effects), [], "nobody waits for an answer");
}

#[test]
fn a_kill_reaches_an_actor_that_waits_for_its_source() {
    let mut node = node();
    node.offer();
    let (address, _, _) = node.create_with(|_| ());
    let effects = node.kill(address);
    assert_eq!(refusal(&effects, address), Some("killed: by an operator"));
    node.judge(Ok(()));
    assert!(!runs(&node.validate(), address));
}

/// A parent that runs, and a child of it that waits for another source.
fn with_waiting_child() -> (Node, ActorAddress, ActorAddress) {
    let mut node = loaded();
    let parent = node.create();
    let hash = SourceHash([0xcd; 32]);
    let asker = node.asker();
    node.ask(asker, Question::Load(Box::new(offer_of(hash))));
    let address = node.address();
    let options = CreateOptions::default();
    let child = CreateChild { address, source: Some(hash), class: "plain".to_string(), options };
    assert_eq!(node.child_created(parent, child), []);
    (node, parent, address)
}

#[test]
fn a_child_that_waits_for_its_source_goes_at_once_with_its_exiting_parent() {
    let (mut node, parent, child) = with_waiting_child();
    let effects = node.exit(parent, true);
    let reason = refusal(&effects, child).unwrap().to_string();
    assert_eq!(reason, "its creator is exiting");
    let effects = node.end(child, ExitReason::NeverStarted(reason));
    assert_eq!(exits(&effects), [(parent, child)]);
    assert!(has_children_gone(&effects, parent));
}

#[test]
fn a_child_that_waits_for_its_source_goes_at_once_when_its_parent_ends() {
    let (mut node, parent, child) = with_waiting_child();
    let effects = node.end(parent, ExitReason::Failed("trapped".to_string()));
    assert_eq!(refusal(&effects, child), Some("its creator is gone"));
}

#[test]
fn life_024_a_child_that_was_kept_runs_when_its_source_is_there() {
    let (mut node, parent, child) = with_waiting_child();
    let effects = node.exit(parent, false);
    assert!(has_children_gone(&effects, parent) && refusal(&effects, child).is_none());
    let hash = SourceHash([0xcd; 32]);
    node.judge_of(hash, Ok(Verdict::default()));
    let effects =
        node.handle(SourceEvent::Validated { runs: None, hash, outcome: Ok(info()), compile_us: 1 });
    assert!(runs(&effects, child), "whether or not its creator is gone yet");
}

#[test]
fn an_exiting_actor_creates_no_children_and_hears_that_they_never_started() {
    let mut node = loaded();
    let parent = node.create();
    let (first, _) = node.create_child(parent);
    node.exit(parent, true);
    let (second, effects) = node.create_child(parent);
    assert_eq!(refusal(&effects, second), Some("its creator is exiting"));
    let effects = node.end(first, ExitReason::Requested);
    assert!(!has_children_gone(&effects, parent), "the second is not gone yet");
    let effects = node.end(second, ExitReason::NeverStarted("its creator is exiting".to_string()));
    assert_eq!(exits(&effects), [(parent, second)]);
    assert!(has_children_gone(&effects, parent));
}

#[test]
fn a_child_whose_creator_is_gone_never_runs() {
    let mut node = loaded();
    let stranger = node.address();
    let (child, effects) = node.create_child(stranger);
    assert_eq!(refusal(&effects, child), Some("its creator is gone"));
}

#[test]
fn life_017_an_exit_reaches_children_first_and_each_parent_hears_once() {
    let mut node = loaded();
    let top = node.create();
    let (middle, _) = node.create_child(top);
    let (leaf, _) = node.create_child(middle);
    assert_eq!(exit_requested(&node.exit(top, true)), [middle]);
    assert_eq!(exit_requested(&node.exit(middle, true)), [leaf]);
    assert!(has_children_gone(&node.exit(leaf, true), leaf));
    let effects = node.end(leaf, ExitReason::Requested);
    assert_eq!(exits(&effects), [(middle, leaf)]);
    assert!(has_children_gone(&effects, middle));
    assert_eq!(exits(&node.end(middle, ExitReason::Requested)), [(top, middle)]);
    let effects = node.end(top, ExitReason::Requested);
    assert!(matches!(
        &effects[..],
        [Effect::Life(LifeEffect::NoteEnd { reason: ExitReason::Requested, .. })]
    ));
    assert_eq!(exits(&node.end(leaf, ExitReason::Requested)), [], "an end is told once");
}

#[test]
fn a_kill_ends_the_children_too_and_is_answered_when_the_actor_is_gone() {
    let mut node = loaded();
    let top = node.create();
    let (child, _) = node.create_child(top);
    let asker = node.asker();
    let effects = node.ask(asker, Question::Kill { target: top });
    let kill = |address| Effect::Life(LifeEffect::Kill { address, reason: "by an operator".to_string() });
    assert_eq!(effects, [kill(top), kill(child)]);
    let reason = ExitReason::Killed("by an operator".to_string());
    let effects = node.end(top, reason.clone());
    assert_eq!(answers(&effects), [(asker, Ok(Answer::Ended { reason }))]);
    assert_eq!(answers(&node.kill(top))[0].1, Err(Refusal::TargetDead { target: top }));
}

#[test]
fn a_family_that_is_killed_does_not_grow() {
    let mut node = loaded();
    let top = node.create();
    let (child, _) = node.create_child(top);
    node.kill(top);
    for parent in [top, child] {
        let (late, effects) = node.create_child(parent);
        let refused = |effect: &Effect| matches!(effect, Effect::Life(LifeEffect::Settle { address, place: Settled::Nowhere(_) }) if *address == late);
        assert!(effects.iter().any(refused) && !runs(&effects, late), "{effects:?}");
    }
}

#[test]
fn an_exit_that_takes_too_long_ends_in_a_kill_of_all_below() {
    let mut node = loaded();
    let top = node.create();
    let (child, _) = node.create_child(top);
    node.exit(top, true);
    assert_eq!(node.admin.deadline(), Some(node.now + EXIT_GRACE));
    node.now = node.now + EXIT_GRACE;
    let kill =
        |address| Effect::Life(LifeEffect::Kill { address, reason: "its exit took too long".to_string() });
    assert_eq!(node.handle(Event::TimePassed), [kill(top), kill(child)]);
    assert_eq!(node.admin.deadline(), None);
}

#[test]
fn a_stop_asks_then_kills_then_ends_and_answers_everybody_who_asked() {
    let mut node = loaded();
    let top = node.create();
    let (first, second) = (node.asker(), node.asker());
    assert_eq!(exit_requested(&node.ask(first, Question::Stop)), [top]);
    assert_eq!(node.ask(second, Question::Stop), []);
    let (late, _, effects) = node.create_with(|_| ());
    assert_eq!(refusal(&effects, late), Some("the node is stopping"));
    node.end(late, ExitReason::NeverStarted(String::new()));
    assert_eq!(answers(&node.offer())[0].1, Err(Refusal::ShuttingDown));
    node.now = node.admin.deadline().unwrap();
    assert_eq!(node.now, Time(0) + STOP_GRACE);
    assert!(
        matches!(&node.handle(Event::TimePassed)[..], [Effect::Life(LifeEffect::Kill { address, .. })] if *address == top)
    );
    let effects = node.end(top, ExitReason::Killed("the node is stopping".to_string()));
    assert_eq!(answers(&effects), [(first, Ok(Answer::Done)), (second, Ok(Answer::Done))]);
    assert_eq!(effects.last(), Some(&Effect::Stop));
    let third = node.asker();
    let effects = node.ask(third, Question::Stop);
    assert_eq!(answers(&effects), [(third, Ok(Answer::Done))], "life_002: a second stop is no error");
}

#[test]
fn a_stop_ends_in_its_time_whoever_spins_and_nobody_waits_for_an_answer_for_ever() {
    let mut node = loaded();
    let (spinning, creator, _) = node.create_with(|_| ());
    let mourner = node.asker();
    node.ask(mourner, Question::Exit { target: spinning, recursive: true });
    let stopper = node.asker();
    node.ask(stopper, Question::Stop);
    node.now = Time(0) + STOP_GRACE;
    node.handle(Event::TimePassed);
    node.now = node.admin.deadline().unwrap();
    assert_eq!(node.now, Time(0) + STOP_ACTORS_TIME_MAX);
    let effects = node.handle(Event::TimePassed);
    let answered: Vec<_> = answers(&effects).into_iter().map(|(asker, _)| asker).collect();
    assert_eq!(answered, [stopper, creator, mourner]);
    assert_eq!(effects.last(), Some(&Effect::Stop));
    assert_eq!(node.admin.deadline(), None);
}

#[test]
fn a_stopping_node_lets_no_actor_keep_its_children() {
    let mut node = loaded();
    let top = node.create();
    let (child, _) = node.create_child(top);
    let asker = node.asker();
    node.ask(asker, Question::Stop);
    assert_eq!(exit_requested(&node.exit(top, false)), [child]);
}

#[test]
fn an_asker_that_left_is_not_answered() {
    let mut node = loaded();
    let (address, creator, _) = node.create_with(|_| ());
    node.withdraw(creator);
    assert_eq!(node.handle(ActorEvent::Started { address }), []);
    let mourner = node.asker();
    node.ask(mourner, Question::Exit { target: address, recursive: true });
    node.withdraw(mourner);
    assert_eq!(answers(&node.end(address, ExitReason::Requested)), []);
    assert!(node.admin.askers.is_empty());
}

#[test]
fn a_notice_of_a_child_is_cut_since_a_hundred_thousand_may_wait() {
    let mut node = loaded();
    let top = node.create();
    let (child, _) = node.create_child(top);
    let effects = node.end(child, ExitReason::Failed("x".repeat(4_000)));
    let text = effects.iter().find_map(|effect| match effect {
        Effect::Route(Envelope { body: Body::ChildExited(exit), .. }) => Some(exit.reason.to_string()),
        _ => None,
    });
    assert!(text.unwrap().len() < 600);
}
