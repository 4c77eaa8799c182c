//! Actors that are the authority, that load sources, and that hear of them.

use super::*;
use crate::envelope::{LoadAnswer, SourceUpdate};
use crate::limits::{OFFERS_IN_HANDS_MAX, RESTART_PAUSE_MIN};
use crate::source::{ActorsApproval, Appointment, HandOver, JudgedBy, RunHash, SourceState};

/// Where the authority comes from.
const JUDGES: SourceHash = SourceHash([0x0a; 32]);
const AUTHORITY: Rights = Rights { authority: true, ..Rights::NONE };
const SOURCES: Rights = Rights { sources: true, ..Rights::NONE };
const STATUS: Rights = Rights { status: true, ..Rights::NONE };

/// A node whose configuration names the actor that judges.
pub(super) fn appointing() -> Node {
    let authority = SourceAuthority::new(AuthorityKind::Actor, ActorLimits::default());
    let admin = Admin::new(Capabilities::default()).with_authority(
        authority.with_appointment(Appointment::new(JUDGES, Some("plain".to_string()), None)),
    );
    Node { admin, now: Time(0), next_id: 0, next_asker: 0 }
}

/// The same, with its authority at work.
fn appointed() -> (Node, ActorAddress) {
    let mut node = appointing();
    node.load_of(JUDGES, Rights::NONE);
    node.validated(JUDGES);
    let (asker, judge) = (node.asker(), node.address());
    let effects = node.ask(asker, Question::Appoint { address: judge });
    assert!(runs(&effects, judge));
    let effects = node.handle(ActorEvent::Started { address: judge });
    assert!(matches!(&answers(&effects)[..], [(_, Ok(Answer::Created(_)))]));
    (node, judge)
}

/// A node that trusts everything, with an actor whose source has these rights.
fn with_actor(rights: Rights) -> (Node, ActorAddress) {
    let mut node = judged_by(AuthorityKind::TrustAll);
    node.load_of(JUDGES, rights);
    node.validated(JUDGES);
    let actor = node.create_from(JUDGES);
    (node, actor)
}

fn hand_overs(effects: &[Effect]) -> Vec<HandOver> {
    let hand_over = |effect: &Effect| match effect {
        Effect::Source(SourceEffect::HandOver(hand_over)) => Some((**hand_over).clone()),
        _ => None,
    };
    effects.iter().filter_map(hand_over).collect()
}

fn refused(effects: &[Effect]) -> String {
    match &answers(effects)[..] {
        [(_, Err(Refusal::SourceRefused { reason, .. }))] => reason.clone(),
        other => panic!("{other:?}"),
    }
}

fn is_ignored(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Source(SourceEffect::NoteIgnored { .. })])
}

fn updates(effects: &[Effect]) -> Vec<(ActorAddress, SourceUpdate)> {
    let update = |effect: &Effect| match effect {
        Effect::Route(Envelope { target, body: Body::SourceUpdate(update), .. }) => {
            Some((*target, (**update).clone()))
        }
        _ => None,
    };
    effects.iter().filter_map(update).collect()
}

fn load_answer(effects: &[Effect]) -> Option<LoadAnswer> {
    effects.iter().find_map(|effect| match effect {
        Effect::Route(Envelope { body: Body::LoadAnswered(answer), .. }) => Some((**answer).clone()),
        _ => None,
    })
}

fn approval(rights: Rights) -> Result<Box<ActorsApproval>, String> {
    Ok(Box::new(ActorsApproval { rights, ..ActorsApproval::default() }))
}

impl Node {
    fn load_of(&mut self, hash: SourceHash, given: Rights) -> Vec<Effect> {
        let asker = self.asker();
        self.ask(asker, Question::Load(Box::new(Offer { given, ..offer_of(hash) })))
    }

    fn validated(&mut self, hash: SourceHash) -> Vec<Effect> {
        self.handle(SourceEvent::Validated { runs: None, hash, outcome: Ok(info()), compile_us: 1 })
    }

    fn create_from(&mut self, hash: SourceHash) -> ActorAddress {
        let (address, _, effects) = self.create_with(|create| create.source = Ok(hash));
        assert!(runs(&effects, address));
        self.handle(ActorEvent::Started { address });
        address
    }

    fn register(&mut self, by: ActorAddress, judges: bool) -> Vec<Effect> {
        self.handle(ActorEvent::AuthorityAsked { by, judges })
    }

    fn said(
        &mut self,
        by: ActorAddress,
        offer: OfferId,
        verdict: Result<Box<ActorsApproval>, String>,
    ) -> Vec<Effect> {
        self.handle(ActorEvent::OfferJudged { by, offer, verdict })
    }

    pub(super) fn state_of(&self, hash: SourceHash) -> SourceState {
        let mut known = self.admin.sources().iter();
        known.find(|(known, _)| *known == hash).map(|(_, source)| source.state().clone()).unwrap()
    }
}

#[test]
fn what_is_offered_comes_into_the_hands_of_the_authority_and_what_it_says_holds() {
    let (mut node, judge) = appointed();
    let effects = node.load_of(SOURCE, STATUS);
    let [HandOver { to, hash, offer, rights, loader: None, .. }] = hand_overs(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((to, hash, rights), (judge, SOURCE, STATUS));
    let runs = Some(RunHash(SourceHash([9; 32])));
    let said = ActorsApproval { rights: Rights::ALL, label: Some("ours".into()), runs, ..Default::default() };
    let effects = node.said(judge, offer, Ok(Box::new(said)));
    assert!(effects.contains(&Effect::Source(SourceEffect::Validate { hash: SOURCE, runs })));
    node.validated(SOURCE);
    assert_eq!(
        node.state_of(SOURCE),
        SourceState::Validating,
        "an outcome of other bytes says nothing of these"
    );
    node.handle(SourceEvent::Validated { runs, hash: SOURCE, outcome: Ok(info()), compile_us: 1 });
    let verdict = node.admin.sources().verdict(SOURCE).unwrap();
    assert_eq!(verdict.rights, STATUS, "of what it grants no more than its loader lets it have");
    assert_eq!(verdict.judged_by, JudgedBy::Actor(JUDGES));
    let known = node.admin.sources().iter().find(|(hash, _)| *hash == SOURCE).unwrap().1;
    assert_eq!(known.label(), "ours");

    assert!(is_ignored(&node.said(judge, offer, Err("too late".into()))), "it has judged already");
    assert_eq!(node.state_of(SOURCE), SourceState::Loaded);
}

#[test]
fn nobody_makes_another_actor_the_authority_but_who_may_by_policy() {
    let (mut node, judge) = appointed();
    let given = Rights { authority: true, ..STATUS };
    let offer = hand_overs(&node.load_of(SOURCE, given))[0].offer;
    node.said(judge, offer, approval(Rights::ALL));
    assert_eq!(node.admin.sources().verdict(SOURCE).unwrap().rights, STATUS);
}

#[test]
fn src_160_what_anybody_else_says_of_an_offer_counts_for_nothing() {
    let (mut node, judge) = appointed();
    let effects = node.load_of(SOURCE, Rights::NONE);
    let offer = hand_overs(&effects)[0].offer;
    let other = node.create_from(JUDGES);
    assert!(is_ignored(&node.said(other, offer, approval(Rights::ALL))));
    assert!(is_ignored(&node.said(other, OfferId(77), Err("no".into()))));
    assert!(is_ignored(&node.said(judge, OfferId(77), approval(Rights::ALL))), "another offer");
    assert_eq!(node.state_of(SOURCE), SourceState::Offered);
    assert!(is_ignored(&node.register(other, true)), "configuration has named who it is");
    assert_eq!(refused(&node.said(judge, offer, Err("not ours".into()))), "not ours");
}

#[test]
fn what_is_offered_before_the_authority_runs_waits_for_it() {
    let mut node = appointing();
    assert_eq!(hand_overs(&node.load_of(SOURCE, Rights::NONE)), []);
    node.load_of(JUDGES, Rights::NONE);
    node.validated(JUDGES);
    let (asker, judge) = (node.asker(), node.address());
    assert_eq!(hand_overs(&node.ask(asker, Question::Appoint { address: judge })), []);
    let effects = node.handle(ActorEvent::Started { address: judge });
    assert_eq!(hand_overs(&effects).len(), 1);
}

#[test]
fn an_authority_that_ends_comes_back_and_what_was_in_its_hands_is_refused_at_once() {
    let (mut node, judge) = appointed();
    node.load_of(SOURCE, Rights::NONE);
    let effects = node.end(judge, ExitReason::Killed("by an operator".into()));
    assert!(refused(&effects).contains("its authority ended before it had judged: killed: by an operator"));

    let effects = node.load_of(SOURCE, Rights::NONE);
    assert_eq!((hand_overs(&effects), answers(&effects)), (vec![], vec![]), "it waits for the next");
    assert_eq!(node.admin.deadline(), Some(node.now + RESTART_PAUSE_MIN));
    node.now = node.now + RESTART_PAUSE_MIN;
    let effects = node.handle(Event::TimePassed);
    assert!(effects.contains(&Effect::Source(SourceEffect::FindPlace)), "{effects:?}");
    // There is none at first.
    node.handle(SourceEvent::PlaceFound(Err("no room".into())));
    node.now = node.admin.deadline().unwrap();
    assert!(node.handle(Event::TimePassed).contains(&Effect::Source(SourceEffect::FindPlace)));
    let next = node.address();
    assert!(runs(&node.handle(SourceEvent::PlaceFound(Ok(next))), next));
    let effects = node.handle(ActorEvent::Started { address: next });
    assert_eq!(hand_overs(&effects)[0].to, next);
}

#[test]
fn an_authority_is_not_created_twice_and_its_source_stays() {
    let (mut node, _) = appointed();
    let (asker, second) = (node.asker(), node.address());
    let effects = node.ask(asker, Question::Appoint { address: second });
    assert!(!runs(&effects, second));
    assert!(matches!(&answers(&effects)[..], [(_, Err(Refusal::NotAppointed))]));
    let effects = node.ask(asker, Question::Unload { source: JUDGES });
    assert!(matches!(&answers(&effects)[..], [(_, Err(Refusal::OfTheAuthority { .. }))]));
}

#[test]
fn an_authority_that_fails_on_what_it_is_to_judge_refuses_all_that_it_has() {
    let (mut node, judge) = appointed();
    node.load_of(SOURCE, Rights::NONE);
    let effects = node.handle(ActorEvent::AuthorityFailed { by: judge, reason: "trapped".into() });
    assert_eq!(refused(&effects), "its authority failed: trapped");
    let other = node.create_from(JUDGES);
    assert_eq!(node.handle(ActorEvent::AuthorityFailed { by: other, reason: "trapped".into() }), []);
}

#[test]
fn silence_is_refusal_and_no_more_offers_than_it_may_have_are_in_its_hands() {
    let (mut node, judge) = appointed();
    let hash = |nth: usize| SourceHash([0xc0; 32].map(|byte: u8| byte ^ (nth as u8)));
    let mut handed = Vec::new();
    for nth in 0..=OFFERS_IN_HANDS_MAX {
        handed.extend(hand_overs(&node.load_of(hash(nth), Rights::NONE)));
    }
    assert_eq!(handed.len(), OFFERS_IN_HANDS_MAX);
    let effects = node.said(judge, handed[3].offer, Err("no".into()));
    assert_eq!(hand_overs(&effects).len(), 1, "the next comes when one is judged");
    node.now = node.now + JUDGEMENT_TIME_MAX;
    let effects = node.handle(Event::TimePassed);
    let answers = answers(&effects);
    assert_eq!(answers.len(), OFFERS_IN_HANDS_MAX);
    let is_overdue = |answer: &Result<Answer, Refusal>| matches!(answer, Err(Refusal::SourceRefused { reason, .. }) if reason.contains("in time"));
    assert!(answers.iter().all(|(_, answer)| is_overdue(answer)), "{answers:?}");
}

#[test]
fn the_last_that_registers_is_the_authority_and_takes_over_what_waits() {
    let (mut node, first) = with_actor(AUTHORITY);
    node.register(first, true);
    let offer = hand_overs(&node.load_of(SOURCE, Rights::NONE))[0].offer;
    let second = node.create_from(JUDGES);
    let effects = node.register(second, true);
    assert_eq!(hand_overs(&effects).iter().map(|offer| offer.to).collect::<Vec<_>>(), [second]);
    assert!(is_ignored(&node.said(first, offer, approval(Rights::NONE))));
    assert_eq!(node.register(first, false), [], "it has nothing to give up");
    let effects = node.register(second, false);
    assert!(refused(&effects).contains("is so no longer: it gave that up"));

    // Whom configuration names judges again.
    let effects = node.load_of(SOURCE, Rights::NONE);
    assert!(effects.contains(&Effect::Source(SourceEffect::Validate { hash: SOURCE, runs: None })));
}

#[test]
fn who_has_no_right_to_it_is_no_authority() {
    let (mut node, actor) = with_actor(STATUS);
    assert!(is_ignored(&node.register(actor, true)));
    assert_eq!(hand_overs(&node.load_of(SOURCE, Rights::NONE)), []);
}

#[test]
fn the_word_of_the_same_authority_holds_over_a_restart_and_that_of_another_does_not() {
    let restored = |by, runs| {
        let mut node = appointing();
        let verdict = Verdict { judged_by: by, runs, ..Verdict::default() };
        node.handle(SourceEvent::Restored { offer: Box::new(offer_of(SOURCE)), verdict });
        node.state_of(SOURCE)
    };
    assert_eq!(restored(JudgedBy::Actor(JUDGES), None), SourceState::Validating);
    for (by, runs) in [
        (JudgedBy::Actor(SOURCE), None),
        (JudgedBy::Nobody, None),
        // Nobody has kept what it put in its place.
        (JudgedBy::Actor(JUDGES), Some(RunHash(SOURCE))),
    ] {
        assert_eq!(restored(by, runs), SourceState::Offered, "it is to judge again");
    }
}

#[test]
fn src_154_an_actor_loads_creates_from_and_unloads_a_source() {
    let (mut node, actor) = with_actor(SOURCES);
    let origin = Origin::Actor { address: actor, request: 5 };
    let offer = Box::new(offer_of(SOURCE));
    assert_eq!(load_answer(&node.handle(Event::Asked { origin, question: Question::Load(offer) })), None);
    let effects = node.validated(SOURCE);
    assert_eq!(load_answer(&effects), Some(LoadAnswer { request: 5, hash: SOURCE, outcome: Ok(()) }));
    node.create_from(SOURCE);
    node.handle(ActorEvent::UnloadAsked { by: actor, source: SOURCE });
    assert_eq!(node.state_of(SOURCE), SourceState::Unloaded);
}

#[test]
fn an_actor_hears_why_what_it_loads_is_refused_and_one_without_the_right_unloads_nothing() {
    let (mut node, actor) = with_actor(STATUS);
    node.load_of(SOURCE, Rights::NONE);
    node.validated(SOURCE);
    assert_eq!(node.handle(ActorEvent::UnloadAsked { by: actor, source: SOURCE }), []);
    assert_eq!(node.state_of(SOURCE), SourceState::Loaded);
    let origin = Origin::Actor { address: actor, request: 6 };
    let offer = Box::new(offer_of(SourceHash([1; 32])));
    node.handle(Event::Asked { origin, question: Question::Load(offer) });
    let outcome = Err(crate::source::Unusable::now("no component".into()));
    let effects =
        node.handle(SourceEvent::Validated { runs: None, hash: SourceHash([1; 32]), outcome, compile_us: 0 });
    assert!(load_answer(&effects).unwrap().outcome.unwrap_err().contains("no component"));
}

#[test]
fn src_155_who_registers_before_or_after_a_load_or_twice_hears_of_each_source_once() {
    let (mut node, early) = with_actor(SOURCES);
    let watch = |node: &mut Node, by| node.handle(ActorEvent::SourcesWatched { by, watches: true });
    let told = |effects: &[Effect]| -> Vec<(ActorAddress, SourceHash, bool)> {
        updates(effects).into_iter().map(|(to, update)| (to, update.hash, update.is_loaded)).collect()
    };
    assert_eq!(told(&watch(&mut node, early)), [(early, JUDGES, true)]);
    assert_eq!(told(&watch(&mut node, early)), []);
    node.load_of(SOURCE, Rights::NONE);
    assert_eq!(told(&node.validated(SOURCE)), [(early, SOURCE, true)]);
    assert_eq!(told(&node.load_of(SOURCE, Rights::NONE)), [], "it was there");
    let late = node.create_from(JUDGES);
    assert_eq!(told(&watch(&mut node, late)), [(late, JUDGES, true), (late, SOURCE, true)]);

    // SRC-157
    let asker = node.asker();
    let effects = node.ask(asker, Question::Unload { source: SOURCE });
    assert_eq!(told(&effects), [(early, SOURCE, false), (late, SOURCE, false)]);
    assert_eq!(told(&node.ask(asker, Question::Unload { source: SOURCE })), []);
    node.handle(ActorEvent::SourcesWatched { by: early, watches: false });
    node.end(late, ExitReason::Requested);
    node.load_of(SOURCE, Rights::NONE);
    assert_eq!(told(&node.validated(SOURCE)), []);
}

#[test]
fn creates_that_waited_go_on_before_anybody_hears_of_the_source() {
    let (mut node, watcher) = with_actor(SOURCES);
    node.handle(ActorEvent::SourcesWatched { by: watcher, watches: true });
    node.load_of(SOURCE, Rights::NONE);
    let (waiting, ..) = node.create_with(|_| ());
    let effects = node.validated(SOURCE);
    let settled = effects.iter().position(
        |effect| matches!(effect, Effect::Life(LifeEffect::Settle { address, .. }) if *address == waiting),
    );
    let told = effects
        .iter()
        .position(|effect| matches!(effect, Effect::Route(Envelope { body: Body::SourceUpdate(_), .. })));
    assert!(settled.is_some() && settled < told, "{effects:?}");
}
