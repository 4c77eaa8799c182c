//! What authorities say of sources, and what a policy does to those that are loaded.

use super::*;
use crate::question::NewPolicy;
use crate::source::admission::{ReadPapers, Signature};
use crate::source::manifest::Manifest;
use crate::source::policy::{KeyId, Policy, PublicKey, TrustedKey};
use crate::source::{LowerLimits, SourceOutcome, SourceState};
use crate::utc::UtcTime;

const STATUS: Rights = Rights { status: true, ..Rights::NONE };
const KEY: PublicKey = PublicKey { id: KeyId([1; 8]), point: [1; 32] };
const NOW: UtcTime = UtcTime(1_800_000_000);

fn rights_of(effects: &[Effect]) -> Option<Rights> {
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
fn papers(change: impl FnOnce(&mut Manifest)) -> ReadPapers {
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
    fn examined(&mut self, papers: ReadPapers) -> Vec<Effect> {
        let offer = self.offer_id(SOURCE);
        self.handle(SourceEvent::Examined { hash: SOURCE, offer, papers, now: NOW })
    }

    fn set_policy(&mut self, policy: Policy, papers: Option<ReadPapers>, is_trial: bool) -> Vec<Effect> {
        let papers = papers.into_iter().map(|papers| (SOURCE, papers)).collect();
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
    assert!(effects.contains(&Effect::Source(SourceEffect::Keep(SOURCE))));
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
    assert!(!effects.contains(&Effect::Source(SourceEffect::Keep(SOURCE))));
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
        let effects = node.handle(SourceEvent::Validated { hash: SOURCE, outcome: Ok(info), compile_us: 1 });
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
    let mut node = admitted();
    let actor = node.create();
    node.handle(ActorEvent::DeadLettersAsked { by: actor, handles: true });
    let mut revoked = policy();
    revoked.revocations.version = 1;
    revoked.revocations.keys.insert(KEY);
    let found = || Some(papers(|_| ()));
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
    let actor = node.create();
    let effects = node.set_policy(policy(), Some(papers(|_| ())), false);
    assert_eq!(outcomes(&effects)[0].outcome, Ok(STATUS));
    assert!(effects.contains(&Effect::Life(LifeEffect::SetRights { address: actor, rights: STATUS })));
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
fn what_runs_of_a_source_that_is_unloaded_loses_its_rights_with_the_trust_in_it_and_not_before() {
    let mut node = admitted();
    let actor = node.create();
    let asker = node.asker();
    node.ask(asker, Question::Unload { source: SOURCE });
    let taken = Effect::Life(LifeEffect::SetRights { address: actor, rights: Rights::NONE });
    let effects = node.set_policy(policy(), None, false);
    assert_eq!(outcomes(&effects), []);
    assert!(!effects.contains(&taken));
    let mut revoked = policy();
    revoked.revocations.keys.insert(KEY);
    assert!(node.set_policy(revoked, None, false).contains(&taken));
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
