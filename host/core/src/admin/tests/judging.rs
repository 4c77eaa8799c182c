//! What authorities say of sources, and what a policy does to those that are loaded.

use super::*;
use crate::question::NewPolicy;
use crate::role::Role;
use crate::source::admission::{ReadPapers, Signature};
use crate::source::manifest::Manifest;
use crate::source::policy::{KeyId, Policy, PublicKey, TrustedKey};
use crate::source::{JudgedBy, LowerLimits, SourceOutcome, SourceState, Unusable};
use crate::utc::UtcTime;

pub(super) const STATUS: Rights = Rights { status: true, ..Rights::NONE };
const KEY: PublicKey = PublicKey { id: KeyId([1; 8]), point: [1; 32] };
const NOW: UtcTime = UtcTime(1_800_000_000);

pub(super) fn rights_of(effects: &[Effect]) -> Option<Rights> {
    effects.iter().find_map(|effect| match effect {
        Effect::Life(LifeEffect::Settle { place: Settled::Here(plan), .. }) => Some(plan.rights),
        _ => None,
    })
}

fn policy() -> Policy {
    let sources = vec!["shop/*".parse().unwrap()];
    let (limits, expires) = (LowerLimits::default(), None);
    let ci = TrustedKey { name: "ci".into(), key: KEY, sources, rights: STATUS, limits, expires };
    Policy { keys: vec![ci], ..Policy::default() }
}

/// Papers of a manifest that wants to see status, signed by the one key.
pub(super) fn papers(change: impl FnOnce(&mut Manifest)) -> ReadPapers {
    let mut manifest = Manifest {
        sha256: SOURCE,
        name: "shop/orders".parse().unwrap(),
        version: "1".parse().unwrap(),
        not_before: None,
        expires: None,
        rights: STATUS,
        limits: LowerLimits::default(),
        classes: None,
    };
    change(&mut manifest);
    ReadPapers { manifest: Some(Ok(manifest)), signatures: vec![Signature::Good(KEY)] }
}

impl Node {
    pub(super) fn judge_of(&mut self, hash: SourceHash, verdict: Result<Verdict, String>) -> Vec<Effect> {
        let offer = self.offer_id(hash);
        self.handle(SourceEvent::Judged { hash, offer, verdict })
    }

    pub(super) fn offer_id(&self, hash: SourceHash) -> OfferId {
        let mut known = self.admin.sources().iter();
        known.find(|(known, _)| *known == hash).map_or(OfferId(0), |(_, source)| source.offer())
    }

    fn examined(&mut self, papers: ReadPapers) -> Vec<Effect> {
        let offer = self.offer_id(SOURCE);
        self.handle(SourceEvent::Examined { hash: SOURCE, offer, papers, now: NOW })
    }

    fn set_policy(&mut self, policy: Policy, papers: Option<ReadPapers>, is_trial: bool) -> Vec<Effect> {
        let offer = self.offer_id(SOURCE);
        let papers = papers.into_iter().map(|papers| (SOURCE, (offer, papers))).collect();
        let asker = self.asker();
        self.ask(asker, Question::SetPolicy(Box::new(NewPolicy { policy, papers, now: NOW, is_trial })))
    }

    fn state(&self) -> SourceState {
        let mut known = self.admin.sources().iter();
        known.find(|(hash, _)| *hash == SOURCE).map(|(_, source)| source.state().clone()).unwrap()
    }
}

fn outcomes(effects: &[Effect]) -> Vec<SourceOutcome> {
    match &answers(effects)[..] {
        [(_, Ok(Answer::Outcomes(outcomes)))] => outcomes.clone(),
        other => panic!("{other:?}"),
    }
}

/// A node whose policy trusts the key, and that has admitted the source.
fn admitted() -> Node {
    let mut node = judged_by(AuthorityKind::Keys);
    node.set_policy(policy(), None, false);
    let effects = node.offer();
    let offer = node.offer_id(SOURCE);
    assert!(effects.contains(&Effect::Source(SourceEffect::Keep { hash: SOURCE, offer })));
    assert!(effects.contains(&Effect::Source(SourceEffect::Examine { hash: SOURCE, offer })));
    node.examined(papers(|_| ()));
    node.validate();
    assert_eq!(node.state(), SourceState::Loaded);
    node
}

#[test]
fn without_an_authority_nothing_is_loaded_and_nothing_kept() {
    let mut node = judged_by(AuthorityKind::None);
    let effects = node.offer();
    let offer = node.offer_id(SOURCE);
    assert!(!effects.contains(&Effect::Source(SourceEffect::Keep { hash: SOURCE, offer })));
    let [(_, Err(Refusal::SourceRefused { reason, .. }))] = &answers(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert!(reason.contains("no Source Authority") && reason.contains("--authority trust-all"), "{reason}");
}

#[test]
fn a_source_has_the_rights_that_were_given_first_and_loading_it_again_gives_none() {
    let mut node = judged_by(AuthorityKind::TrustAll);
    let load = |node: &mut Node, given: Rights| {
        let asker = node.asker();
        let effects = node.ask(asker, Question::Load(Box::new(Offer { given, ..offer_of(SOURCE) })));
        answers(&effects).pop().map(|(_, answer)| answer)
    };
    assert_eq!(load(&mut node, STATUS), None);
    node.validate();
    assert_eq!(rights_of(&node.create_with(|_| ()).2), Some(STATUS));
    // Who asks for fewer, or for the same, finds it as it is.
    for given in [STATUS, Rights::NONE] {
        assert!(matches!(load(&mut node, given), Some(Ok(Answer::Loaded { already: true, .. }))));
        assert_eq!(rights_of(&node.create_with(|_| ()).2), Some(STATUS));
    }
    let more = Rights { shutdown: true, ..STATUS };
    let missing = Rights { status: false, ..more };
    assert_eq!(load(&mut node, more), Some(Err(Refusal::WantsMoreRights { hash: SOURCE, missing })));
    let asker = node.asker();
    node.ask(asker, Question::Unload { source: SOURCE });
    load(&mut node, Rights::NONE);
    node.validate();
    assert_eq!(rights_of(&node.create_with(|_| ()).2), Some(Rights::NONE));
}

#[test]
fn a_verdict_belongs_to_one_offer() {
    let mut node = node();
    node.offer();
    let first = node.offer_id(SOURCE);
    let asker = node.asker();
    node.ask(asker, Question::Unload { source: SOURCE });
    node.offer();
    assert_ne!(node.offer_id(SOURCE), first);
    let late = SourceEvent::Judged { hash: SOURCE, offer: first, verdict: Ok(Verdict::default()) };
    assert_eq!(node.handle(late), []);
    assert_eq!(node.state(), SourceState::Offered);
    node.judge(Ok(()));
    // Who answers twice says nothing the second time.
    assert_eq!(node.judge(Err("no".to_string())), []);
    assert_eq!(node.state(), SourceState::Validating);
}

#[test]
fn what_a_policy_admits_has_what_its_manifest_wants_and_no_more_than_its_loader_lets_it() {
    let mut node = admitted();
    assert_eq!(rights_of(&node.create_with(|_| ()).2), Some(STATUS));
    assert_eq!(node.admin.authority().history().latest, NOW);
    let mut node = judged_by(AuthorityKind::Keys);
    node.set_policy(policy(), None, false);
    let asker = node.asker();
    let allowed = Some(Rights::NONE);
    // Where signatures are asked for, an operator gives nothing of their own.
    node.ask(asker, Question::Load(Box::new(Offer { allowed, given: STATUS, ..offer_of(SOURCE) })));
    node.examined(papers(|_| ()));
    node.validate();
    assert_eq!(rights_of(&node.create_with(|_| ()).2), Some(Rights::NONE));
}

#[test]
fn what_a_source_turns_out_to_be_is_held_against_its_manifest() {
    type Change = fn(&mut Manifest);
    let other_classes: Change = |manifest| manifest.classes = Some(vec!["plain".into()]);
    let too_small: Change = |manifest| manifest.limits.set("memory-bytes-max", 65_536).unwrap();
    for (change, why) in [
        (other_classes, "its manifest names the classes `plain`, and it describes"),
        (too_small, "begins with 70000 bytes of memory, and may have 65536"),
    ] {
        let mut node = judged_by(AuthorityKind::Keys);
        node.set_policy(policy(), None, false);
        node.offer();
        node.examined(papers(change));
        let info = SourceInfo { memory_bytes: 70_000, ..info() };
        let effects = node.handle(SourceEvent::Validated {
            runs: None,
            hash: SOURCE,
            outcome: Ok(info),
            compile_us: 1,
        });
        let [(_, Err(Refusal::SourceRefused { reason, .. }))] = &answers(&effects)[..] else {
            panic!("{effects:?}")
        };
        assert!(reason.contains(why), "{reason} does not say {why}");
    }
}

#[test]
fn more_than_the_node_has_is_wanted_in_vain() {
    let mut node = judged_by(AuthorityKind::Keys);
    node.set_policy(policy(), None, false);
    node.offer();
    let much = ActorLimits::default().memory_bytes_max as u64 + 65_536;
    let effects = node.examined(papers(|manifest| manifest.limits.set("memory-bytes-max", much).unwrap()));
    let [(_, Err(Refusal::SourceRefused { reason, .. }))] = &answers(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert!(reason.contains("it wants `memory-bytes-max`") && reason.contains("this node gives"), "{reason}");
}

#[test]
fn a_policy_that_trusts_its_key_no_more_ends_what_can_be_created_and_takes_the_rights_of_what_runs() {
    let both = Rights { dead_letters: true, ..STATUS };
    let mut trusting = policy();
    trusting.keys[0].rights = both;
    let found = || Some(papers(|manifest| manifest.rights = both));
    let mut node = judged_by(AuthorityKind::Keys);
    node.set_policy(trusting.clone(), None, false);
    node.offer();
    node.examined(found().unwrap());
    node.validate();
    let actor = node.create();
    let handler = node.handle(ActorEvent::DeadLettersAsked { by: actor, handles: true });
    assert_eq!(handler, [Effect::Life(LifeEffect::SetDeadLetterHandler(Some(actor)))]);
    let mut revoked = trusting;
    revoked.revocations.version = 1;
    revoked.revocations.keys.insert(KEY);
    // To ask is not to do.
    let told = outcomes(&node.set_policy(revoked.clone(), found(), true));
    assert_eq!((told[0].hash, told[0].actors), (SOURCE, 1));
    assert_eq!(told[0].outcome, Err("key `ci` is revoked".to_string()));
    assert_eq!(node.state(), SourceState::Loaded);
    let effects = node.set_policy(revoked, found(), false);
    assert_eq!(outcomes(&effects), told);
    assert!(effects.contains(&Effect::Source(SourceEffect::Forget(SOURCE))));
    assert!(effects.contains(&Effect::Life(LifeEffect::SetRights { address: actor, rights: Rights::NONE })));
    assert!(effects.contains(&Effect::Life(LifeEffect::SetDeadLetterHandler(None))));
    let (new, _, effects) = node.create_with(|_| ());
    assert!(refusal(&effects, new).unwrap().contains("key `ci` is revoked"));
    assert!(node.admin.family().get(actor).is_some(), "what runs goes on");
    // The list can't be taken back.
    let effects = node.set_policy(policy(), found(), false);
    assert!(
        matches!(&answers(&effects)[..], [(_, Err(Refusal::PolicyRefused { why }))] if why.contains("version 0"))
    );
}

#[test]
fn a_policy_that_gives_less_is_told_and_one_that_gives_as_much_leaves_all_as_it_is() {
    let mut node = admitted();
    node.create();
    let effects = node.set_policy(policy(), Some(papers(|_| ())), false);
    assert_eq!(outcomes(&effects)[0].outcome, Ok(STATUS));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Life(LifeEffect::SetRights { .. }))));
    assert_eq!(node.state(), SourceState::Loaded);
    let mut less = policy();
    less.keys[0].rights = Rights::NONE;
    let effects = node.set_policy(less, Some(papers(|_| ())), false);
    let why = outcomes(&effects).remove(0).outcome.unwrap_err();
    assert!(why.contains("it wants the rights `status`, which key `ci` may not give"), "{why}");
    assert!(matches!(node.state(), SourceState::Refused(_)));
}

#[test]
fn a_source_that_was_approved_while_a_policy_was_read_is_to_be_loaded_again() {
    let mut node = admitted();
    let why = outcomes(&node.set_policy(policy(), None, false)).remove(0).outcome.unwrap_err();
    assert!(why.ends_with("load it again"), "{why}");
    assert!(matches!(node.state(), SourceState::Refused(_)));
    // One that still waits is judged by the policy that holds then.
    node.offer();
    node.set_policy(Policy::default(), None, false);
    let effects = node.examined(papers(|_| ()));
    assert!(
        matches!(&answers(&effects)[..], [(_, Err(Refusal::SourceRefused { reason, .. }))] if reason.contains("is not trusted"))
    );
}

#[test]
fn what_runs_of_a_source_that_is_not_in_use_loses_its_rights_with_the_trust_in_it_and_not_before() {
    let mut revoked = policy();
    revoked.revocations.version = 1;
    revoked.revocations.keys.insert(KEY);
    for offered_again in [false, true] {
        let mut node = admitted();
        let actor = node.create();
        let asker = node.asker();
        node.ask(asker, Question::Unload { source: SOURCE });
        if offered_again {
            // Whoever offers it once more, with other papers or none, hides nothing.
            node.offer();
        }
        let taken = Effect::Life(LifeEffect::SetRights { address: actor, rights: Rights::NONE });
        let effects = node.set_policy(policy(), None, false);
        assert_eq!(outcomes(&effects), []);
        assert!(!effects.contains(&taken));
        let effects = node.set_policy(revoked.clone(), None, false);
        assert!(effects.contains(&taken));
        assert_eq!((outcomes(&effects)[0].hash, outcomes(&effects)[0].actors), (SOURCE, 1));
    }
}

#[test]
fn an_actor_never_has_more_than_it_began_with() {
    let mut node = judged_by(AuthorityKind::Keys);
    node.set_policy(policy(), None, false);
    let load = |node: &mut Node, allowed| {
        let asker = node.asker();
        let offer = Offer { allowed, has_manifest: true, ..offer_of(SOURCE) };
        node.ask(asker, Question::Load(Box::new(offer)));
        node.examined(papers(|_| ()));
        node.validate();
    };
    load(&mut node, Some(Rights::NONE));
    node.create();
    let asker = node.asker();
    node.ask(asker, Question::Unload { source: SOURCE });
    load(&mut node, None);
    let effects = node.set_policy(policy(), Some(papers(|_| ())), false);
    assert_eq!(outcomes(&effects)[0].outcome, Ok(STATUS));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Life(LifeEffect::SetRights { .. }))));
}

#[test]
fn nobody_creates_what_may_more_than_they_do() {
    let mut node = admitted();
    let by = |node: &mut Node, role| {
        rights_of(&node.create_with(|create| create.creator = CreatorRights::of(role)).2)
    };
    assert_eq!(by(&mut node, Role::Operate), Some(STATUS));
    assert_eq!(by(&mut node, Role::Load), Some(STATUS), "it could have loaded it");
    assert_eq!(by(&mut node, Role::Talk), Some(Rights::NONE));
    // A child of one that has none has none, of the same source or another.
    let (plain, ..) = node.create_with(|create| create.creator = CreatorRights::of(Role::Talk));
    node.handle(ActorEvent::Started { address: plain });
    let (_, effects) = node.create_child(plain);
    assert_eq!(rights_of(&effects), Some(Rights::NONE));
    let with = node.create();
    let (_, effects) = node.create_child(with);
    assert_eq!(rights_of(&effects), Some(STATUS));
    // What an operator gave is not what whoever loads could have given.
    let mut node = judged_by(AuthorityKind::TrustAll);
    let asker = node.asker();
    node.ask(asker, Question::Load(Box::new(Offer { given: STATUS, ..offer_of(SOURCE) })));
    node.validate();
    assert_eq!(by(&mut node, Role::Load), Some(Rights::NONE));
    assert_eq!(by(&mut node, Role::Operate), Some(STATUS));
}

#[test]
fn whoever_lost_the_right_to_dead_letters_is_not_given_them_by_the_turn_that_asked() {
    let mut node = admitted();
    let actor = node.create();
    assert_eq!(node.handle(ActorEvent::DeadLettersAsked { by: actor, handles: true }), [], "it never had it");
}

#[test]
fn loading_again_with_a_manifest_asks_for_what_that_wants() {
    let mut node = admitted();
    let load = |node: &mut Node, given, allowed, has_manifest| {
        let asker = node.asker();
        let offer = Offer { given, allowed, has_manifest, ..offer_of(SOURCE) };
        let effects = node.ask(asker, Question::Load(Box::new(offer)));
        answers(&effects).pop().unwrap().1.is_ok()
    };
    let more = Rights { shutdown: true, ..STATUS };
    assert!(load(&mut node, more, Some(more), true), "of what it does not want nothing is lacking");
    assert!(!load(&mut node, more, None, false));
    let asker = node.asker();
    node.ask(asker, Question::Unload { source: SOURCE });
    let asker = node.asker();
    let narrow = Offer { allowed: Some(Rights::NONE), has_manifest: true, ..offer_of(SOURCE) };
    node.ask(asker, Question::Load(Box::new(narrow)));
    node.examined(papers(|_| ()));
    node.validate();
    assert!(!load(&mut node, Rights::NONE, None, true), "it wants what it was not let have");
    assert!(load(&mut node, Rights::NONE, Some(Rights::NONE), true));
}

#[test]
fn a_version_counts_once_it_is_loaded_and_an_operator_can_go_back() {
    let mut node = judged_by(AuthorityKind::Keys);
    node.set_policy(policy(), None, false);
    node.offer();
    node.examined(papers(|manifest| manifest.version = "9999".parse().unwrap()));
    let broken = Unusable::now("broken".to_string());
    node.handle(SourceEvent::Validated { runs: None, hash: SOURCE, outcome: Err(broken), compile_us: 1 });
    assert!(node.admin.authority().history().newest.is_empty(), "what never ran replaces nothing");
    for version in ["2", "1"] {
        let asker = node.asker();
        node.ask(asker, Question::Load(Box::new(Offer { is_downgrade: version == "1", ..offer_of(SOURCE) })));
        node.examined(papers(|manifest| manifest.version = version.parse().unwrap()));
        node.validate();
        assert_eq!(node.state(), SourceState::Loaded);
        let newest = node.admin.authority().history().newest.values().next().cloned();
        assert_eq!(newest, Some(version.parse().unwrap()));
        let asker = node.asker();
        node.ask(asker, Question::Unload { source: SOURCE });
    }
}

#[test]
fn only_keys_go_by_a_policy() {
    for kind in [AuthorityKind::None, AuthorityKind::TrustAll, AuthorityKind::Asked] {
        let mut node = judged_by(kind);
        let effects = node.set_policy(policy(), None, false);
        let authority = kind.name();
        assert!(
            matches!(&answers(&effects)[..], [(_, Err(Refusal::NoPolicy { authority: told }))] if *told == authority)
        );
    }
}

#[test]
fn a_clock_that_was_set_back_admits_nothing_until_an_operator_accepts_it() {
    let mut node = admitted();
    let asker = node.asker();
    node.ask(asker, Question::Unload { source: SOURCE });
    let early = UtcTime(NOW.0 - 1_000);
    let examine = |node: &mut Node| {
        node.offer();
        let offer = node.offer_id(SOURCE);
        node.handle(SourceEvent::Examined { hash: SOURCE, offer, papers: papers(|_| ()), now: early })
    };
    let effects = examine(&mut node);
    assert!(
        matches!(&answers(&effects)[..], [(_, Err(Refusal::SourceRefused { reason, .. }))] if reason.contains("policy accept-clock"))
    );
    let asker = node.asker();
    assert!(answers(&node.ask(asker, Question::AcceptClock { now: early }))[0].1.is_ok());
    examine(&mut node);
    assert_eq!(node.state(), SourceState::Validating);
}

#[test]
fn whoever_loads_while_the_node_stops_takes_nothing_from_what_is_there() {
    let mut node = admitted();
    node.create();
    let asker = node.asker();
    node.ask(asker, Question::Stop);
    let effects = node.offer();
    assert!(matches!(&answers(&effects)[..], [(_, Err(Refusal::ShuttingDown))]));
    assert_eq!(effects.len(), 1, "{effects:?}");
}

#[test]
fn what_was_admitted_before_a_start_is_judged_by_rules_and_by_no_other_authoritys_word() {
    let restored = |kind, by| {
        let mut node = judged_by(kind);
        let verdict = Verdict { rights: Rights::ALL, judged_by: by, ..Verdict::default() };
        let offer = Box::new(Offer { given: STATUS, ..offer_of(SOURCE) });
        let effects = node.handle(SourceEvent::Restored { offer, verdict });
        (node.state(), effects)
    };
    let (state, _) = restored(AuthorityKind::Asked, JudgedBy::Program);
    assert_eq!(state, SourceState::Validating);
    let (state, effects) = restored(AuthorityKind::Asked, JudgedBy::Nobody);
    assert_eq!(state, SourceState::Offered);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Source(SourceEffect::Judge(_)))));
    let (state, effects) = restored(AuthorityKind::Keys, JudgedBy::Program);
    assert_eq!(state, SourceState::Offered);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Source(SourceEffect::Examine { .. }))));
    assert_eq!(restored(AuthorityKind::TrustAll, JudgedBy::Program).0, SourceState::Validating);
    let (state, effects) = restored(AuthorityKind::None, JudgedBy::Nobody);
    assert!(matches!(state, SourceState::Refused(_)));
    assert!(
        !effects.contains(&Effect::Source(SourceEffect::Erase(SOURCE))),
        "it may come back with the next start"
    );
}

#[test]
fn running_actors_survive_an_unload_and_new_creates_fail() {
    let mut node = loaded();
    let old = node.create();
    let effects = node.ask(Asker(99), Question::Unload { source: SOURCE });
    let answer = Effect::Answer { asker: Asker(99), answer: Ok(Answer::Done) };
    let of = [SourceEffect::NoteUnloaded, SourceEffect::Forget, SourceEffect::Erase];
    let [noted, forget, erase] = of.map(|effect| Effect::Source(effect(SOURCE)));
    assert_eq!(effects, [noted, forget, erase, answer]);
    let (new, _, effects) = node.create_with(|_| ());
    assert!(refusal(&effects, new).unwrap().contains("was unloaded"));
    assert!(node.admin.family().get(old).is_some());
}

#[test]
fn what_is_set_aside_is_not_erased_unless_nobody_has_approved_it() {
    let mut node = admitted();
    let asker = node.asker();
    let effects = node.ask(asker, Question::SetAside { source: SOURCE });
    assert_eq!(node.state(), SourceState::Unloaded);
    assert!(effects.contains(&Effect::Source(SourceEffect::Forget(SOURCE))));
    let erased = Effect::Source(SourceEffect::Erase(SOURCE));
    assert!(!effects.contains(&erased), "{effects:?}");
    // Unloaded after all, or never approved.
    let asker = node.asker();
    assert!(node.ask(asker, Question::Unload { source: SOURCE }).contains(&erased));
    node.offer();
    let asker = node.asker();
    assert!(node.ask(asker, Question::SetAside { source: SOURCE }).contains(&erased));
}
