//! Sources that wait for a person.

use core::time::Duration;

use super::judging::{STATUS, papers, rights_of};
use super::*;
use crate::limits::{NOT_APPROVED_TIME_MAX, PENDING_BYTES_MAX, PENDING_OFFERS_MAX, PERSON_TIME_MAX};
use crate::question::{LoadStep, MetBound};
use crate::source::admission::ReadPapers;
use crate::source::{JudgedBy, LowerLimits, PersonsApproval, SourceState};
use crate::utc::UtcTime;

const NOBODY_SIGNED: fn() -> ReadPapers = ReadPapers::default;

impl Node {
    fn found(&mut self, hash: SourceHash, papers: ReadPapers) -> Vec<Effect> {
        let offer = self.offer_id(hash);
        self.handle(SourceEvent::Examined { hash, offer, papers, now: UtcTime(0) })
    }

    fn approve(&mut self, source: SourceHash, allowed: Rights) -> Vec<Effect> {
        let asker = self.asker();
        self.ask(asker, Question::Approve { source, approval: PersonsApproval { allowed } })
    }
}

/// A node on which a source waits for a person; with who loads it.
fn waiting(papers: ReadPapers) -> (Node, Asker) {
    let mut node = judged_by(AuthorityKind::Person);
    let effects = node.offer();
    let offer = node.offer_id(SOURCE);
    assert!(effects.contains(&Effect::Source(SourceEffect::Examine { hash: SOURCE, offer })));
    let loader = Asker(node.next_asker);
    let effects = node.found(SOURCE, papers);
    let due = Time(0) + PERSON_TIME_MAX;
    assert_eq!(
        effects,
        [Effect::Source(SourceEffect::KeepPending { hash: SOURCE, offer, due })],
        "nobody is told before it is kept"
    );
    let effects = node.handle(SourceEvent::PendingKept { hash: SOURCE, offer });
    assert_eq!(effects, [Effect::Progress { asker: loader, step: LoadStep::Pending }]);
    (node, loader)
}

#[test]
fn what_a_person_approves_is_loaded_and_whoever_waits_for_it_hears_so() {
    let (mut node, loader) = waiting(NOBODY_SIGNED());
    let (address, _, _) = node.create_with(|_| ());
    let effects = node.approve(SOURCE, Rights::NONE);
    assert_eq!(
        effects,
        [
            Effect::Progress { asker: loader, step: LoadStep::Compiling },
            Effect::Progress { asker: Asker(node.next_asker), step: LoadStep::Compiling },
            Effect::Source(SourceEffect::Validate { hash: SOURCE, runs: None }),
        ]
    );
    let effects = node.validate();
    let told: Vec<_> = answers(&effects).into_iter().map(|(asker, answer)| (asker, answer.is_ok())).collect();
    assert_eq!(told, [(loader, true), (Asker(node.next_asker), true)]);
    assert!(runs(&effects, address), "the create that waited goes on");
    let verdict = node.admin.sources().verdict(SOURCE).expect("it is approved");
    assert_eq!(verdict.judged_by, JudgedBy::Person { classes: None });
}

#[test]
fn what_a_person_refuses_is_gone_and_its_loader_hears_why() {
    let (mut node, loader) = waiting(NOBODY_SIGNED());
    let asker = node.asker();
    let effects = node.ask(asker, Question::Refuse { source: SOURCE, why: "not ours".into() });
    for gone in [SourceEffect::Forget(SOURCE), SourceEffect::Erase(SOURCE)] {
        assert!(effects.contains(&Effect::Source(gone)), "{effects:?}");
    }
    let refusal = Refusal::SourceRefused { hash: SOURCE, reason: "not ours".into() };
    assert_eq!(answers(&effects), [(loader, Err(refusal)), (asker, Ok(Answer::Done))]);
    // Nobody is asked about it any more.
    let not_pending = Refusal::NotPending { hash: SOURCE };
    assert_eq!(answers(&node.approve(SOURCE, Rights::NONE)), [(Asker(node.next_asker), Err(not_pending))]);
}

#[test]
fn a_person_gives_by_name_and_nothing_that_is_not_wanted() {
    let (mut node, _) = waiting(papers(|_| ()));
    let listed: Vec<_> =
        node.admin.sources().pending().map(|(hash, source)| (hash, source.pending())).collect();
    let [(SOURCE, Some(wishes))] = listed[..] else { panic!("{listed:?}") };
    assert_eq!((wishes.wanted, wishes.named.as_ref().unwrap().0.to_string()), (STATUS, "shop/orders".into()));

    let unwanted = Rights { shutdown: true, ..Rights::NONE };
    let effects = node.approve(SOURCE, Rights { status: true, ..unwanted });
    let refusal = Refusal::NotWanted { hash: SOURCE, unwanted };
    assert_eq!(answers(&effects), [(Asker(node.next_asker), Err(refusal))]);
    assert_eq!(node.state_of(SOURCE), SourceState::Offered, "it waits on");

    node.approve(SOURCE, STATUS);
    node.validate();
    assert_eq!(rights_of(&node.create_with(|_| ()).2), Some(STATUS));
    // What was not named was not given, however much is wanted.
    let (mut node, _) = waiting(papers(|_| ()));
    node.approve(SOURCE, Rights::NONE);
    node.validate();
    assert_eq!(rights_of(&node.create_with(|_| ()).2), Some(Rights::NONE));
}

#[test]
fn nobody_makes_an_authority_of_what_a_person_approves() {
    let authority = Rights { authority: true, ..Rights::NONE };
    let (mut node, _) = waiting(papers(|manifest| manifest.rights = authority));
    let effects = node.approve(SOURCE, authority);
    assert!(matches!(&answers(&effects)[..], [(_, Err(Refusal::NotWanted { .. }))]), "{effects:?}");
}

#[test]
fn nobody_has_to_look_at_papers_that_are_about_something_else_or_want_too_much() {
    let other = SourceHash([9; 32]);
    let broken = ReadPapers { manifest: Some(Err("line 3: no such key".into())), signatures: Vec::new() };
    let mut limits = LowerLimits::default();
    limits.set("mailbox-len-max", 100_000_000).expect("it is a limit");
    for (papers, told) in [
        (papers(|manifest| manifest.sha256 = other), "about another source"),
        (broken, "line 3: no such key"),
        (papers(|manifest| manifest.limits = limits.clone()), "and this node gives"),
    ] {
        let mut node = judged_by(AuthorityKind::Person);
        node.offer();
        let effects = node.found(SOURCE, papers);
        let [(_, Err(Refusal::SourceRefused { reason, .. }))] = &answers(&effects)[..] else {
            panic!("{effects:?}")
        };
        assert!(reason.contains(told), "{reason}");
    }
}

#[test]
fn a_source_is_the_classes_that_a_person_was_shown() {
    let (mut node, _) = waiting(papers(|manifest| manifest.classes = Some(vec!["other".into()])));
    node.approve(SOURCE, Rights::NONE);
    node.validate();
    assert!(matches!(node.state_of(SOURCE), SourceState::Refused(why) if why.contains("`other`")));
}

#[test]
fn src_121_a_second_load_joins_the_one_that_waits_and_its_loader_is_told_so() {
    let (mut node, _) = waiting(NOBODY_SIGNED());
    let effects = node.offer();
    assert_eq!(effects, [Effect::Progress { asker: Asker(node.next_asker), step: LoadStep::Pending }]);
    assert_eq!(node.admin.sources().pending().count(), 1);
}

#[test]
fn to_unload_what_waits_leaves_nothing_of_it() {
    let (mut node, loader) = waiting(NOBODY_SIGNED());
    let asker = node.asker();
    let effects = node.ask(asker, Question::Unload { source: SOURCE });
    assert!(effects.contains(&Effect::Source(SourceEffect::Erase(SOURCE))));
    let unloaded = Refusal::SourceUnloaded { hash: SOURCE };
    assert_eq!(answers(&effects), [(loader, Err(unloaded)), (asker, Ok(Answer::Done))]);
    assert_eq!(node.admin.sources().pending().count(), 0);
    assert_eq!(node.admin.deadline(), None);
}

#[test]
fn silence_of_a_week_is_refusal_and_a_create_hears_sooner_that_nobody_has_looked() {
    let (mut node, loader) = waiting(NOBODY_SIGNED());
    let (address, asker, _) = node.create_with(|_| ());
    node.now = node.admin.deadline().expect("the create is due first");
    assert_eq!(node.now, Time(0) + NOT_APPROVED_TIME_MAX);
    let effects = node.handle(Event::TimePassed);
    assert_eq!(answers(&effects), [(asker, Err(Refusal::NotApproved { hash: SOURCE }))]);
    assert!(refusal(&effects, address).unwrap().contains("is not approved yet"));

    node.now = node.admin.deadline().expect("the judgement is due");
    assert_eq!(node.now, Time(0) + PERSON_TIME_MAX);
    let effects = node.handle(Event::TimePassed);
    let silence =
        Refusal::SourceRefused { hash: SOURCE, reason: "its authority did not judge it in time".into() };
    assert_eq!(answers(&effects), [(loader, Err(silence))]);
    assert!(effects.contains(&Effect::Source(SourceEffect::Erase(SOURCE))));
}

#[test]
fn what_waits_is_bounded_in_number_and_bytes() {
    let mut node = judged_by(AuthorityKind::Person);
    let mut load = |size: u64, at: u8| {
        let (asker, hash) = (node.asker(), SourceHash([at; 32]));
        node.ask(asker, Question::Load(Box::new(Offer { size, ..offer_of(hash) })));
        answers(&node.found(hash, NOBODY_SIGNED())).pop().map(|(_, answer)| answer)
    };
    let full = |answer: Option<Result<Answer, Refusal>>| {
        matches!(answer, Some(Err(Refusal::SourceRefused { reason, .. }))
            if reason == Refusal::LimitReached(MetBound::PendingOffers).to_string())
    };
    assert_eq!(load(PENDING_BYTES_MAX - 10, 200), None);
    assert!(full(load(11, 201)));
    for at in 1..PENDING_OFFERS_MAX {
        assert_eq!(load(0, u8::try_from(at).unwrap()), None, "{at}");
    }
    assert!(full(load(0, 202)));
}

#[test]
fn what_waited_waits_on_after_a_start_for_what_was_left_of_its_time() {
    let mut node = judged_by(AuthorityKind::Person);
    let left = Duration::from_secs(3_600);
    let effects = node.handle(SourceEvent::PendingFound { offer: Box::new(offer_of(SOURCE)), left });
    let offer = node.offer_id(SOURCE);
    assert_eq!(
        effects,
        [
            Effect::Source(SourceEffect::Keep { hash: SOURCE, offer }),
            Effect::Source(SourceEffect::Examine { hash: SOURCE, offer }),
        ]
    );
    let due = Time(0) + left;
    let kept = Effect::Source(SourceEffect::KeepPending { hash: SOURCE, offer, due });
    assert_eq!(node.found(SOURCE, NOBODY_SIGNED()), [kept]);
    assert_eq!(node.admin.deadline(), Some(due));
    // Another authority judges it as if it came now.
    let mut node = judged_by(AuthorityKind::None);
    let effects = node.handle(SourceEvent::PendingFound { offer: Box::new(offer_of(SOURCE)), left });
    assert!(effects.contains(&Effect::Source(SourceEffect::Forget(SOURCE))));
    assert!(matches!(node.state_of(SOURCE), SourceState::Refused(_)));
}

#[test]
fn what_a_person_approved_holds_after_a_start_as_long_as_persons_judge() {
    let verdict =
        Verdict { rights: STATUS, judged_by: JudgedBy::Person { classes: None }, ..Verdict::default() };
    let restored = |kind| {
        let mut node = judged_by(kind);
        let offer = Box::new(offer_of(SOURCE));
        node.handle(SourceEvent::Restored { offer, verdict: verdict.clone() });
        node.state_of(SOURCE)
    };
    assert_eq!(restored(AuthorityKind::Person), SourceState::Validating);
    assert_eq!(restored(AuthorityKind::Keys), SourceState::Offered);
    assert!(matches!(restored(AuthorityKind::None), SourceState::Refused(_)));
}
