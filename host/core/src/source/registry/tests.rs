use alloc::vec;

use super::*;
use crate::effect::Effect;
use crate::limits::{JUDGEMENT_TIME_MAX, SOURCE_LABEL_LEN_MAX};
use crate::question::Asker;
use crate::source::{RefusedSource, SourceEffect};

const ME: Origin = Origin::Client(Asker(1));

fn offered(hash: SourceHash, label: String) -> Offer {
    Offer {
        hash,
        label,
        size: 10,
        given: Rights::NONE,
        allowed: None,
        has_manifest: false,
        is_downgrade: false,
        by: None,
    }
}

fn hash(first: u8) -> SourceHash {
    let mut hash = [0; 32];
    hash[0] = first;
    SourceHash(hash)
}

fn info() -> SourceInfo {
    SourceInfo {
        name: "n".into(),
        version: "1".into(),
        sdk: "s".into(),
        classes: Vec::new(),
        memory_bytes: 7,
    }
}

/// A registry, with those who wait for loads.
#[derive(Default)]
struct Sources {
    registry: Registry,
    askers: Askers,
    /// The offer that was up for judgement last.
    last: OfferId,
}

impl core::ops::Deref for Sources {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}

impl Sources {
    fn offer_by(&mut self, now: Time, origin: Origin, offer: Offer) -> Vec<Effect> {
        let mut effects = Effects::default();
        let offered = self.registry.offer(
            (now, now + JUDGEMENT_TIME_MAX),
            origin,
            offer,
            &mut self.askers,
            &mut effects,
        );
        self.last = offered.unwrap_or(self.last);
        effects.drain().collect()
    }

    fn unload(&mut self, hash: SourceHash) {
        self.registry.unload(hash, &mut self.askers, &mut Effects::default());
    }
}

fn offer(registry: &mut Sources, now: Time, hash: SourceHash) -> Vec<Effect> {
    registry.offer_by(now, ME, offered(hash, "label".to_string()))
}

fn judge(sources: &mut Sources, hash: SourceHash, verdict: Result<(), String>) -> Vec<Effect> {
    let mut effects = Effects::default();
    let verdict = verdict.map(|()| Verdict::default());
    sources.registry.judged(hash, sources.last, verdict, &mut sources.askers, &mut effects);
    effects.drain().collect()
}

fn validate(sources: &mut Sources, hash: SourceHash) -> Vec<Effect> {
    let mut effects = Effects::default();
    sources.registry.validated(hash, None, (Ok(info()), 5), &mut sources.askers, &mut effects);
    effects.drain().collect()
}

fn load(registry: &mut Sources, hash: SourceHash) {
    offer(registry, Time(0), hash);
    judge(registry, hash, Ok(()));
    validate(registry, hash);
    assert!(matches!(registry.availability(hash), Availability::Loaded(_)));
}

#[test]
fn a_source_is_judged_before_it_is_compiled_and_compiled_before_it_is_used() {
    let mut registry = Sources::default();
    let progress = |step| Effect::Progress { asker: Asker(1), step };
    let offered = offer(&mut registry, Time(0), hash(1));
    assert_eq!(offered, [progress(LoadStep::Judging)]);
    assert!(matches!(registry.availability(hash(1)), Availability::Coming));
    let judged = judge(&mut registry, hash(1), Ok(()));
    assert_eq!(
        judged,
        [progress(LoadStep::Compiling), Effect::Source(SourceEffect::Validate { hash: hash(1), runs: None })]
    );
    assert!(matches!(registry.availability(hash(1)), Availability::Coming));
    let loaded = Answer::Loaded { hash: hash(1), info: Box::new(info()), already: false, compile_us: 5 };
    let answer = Effect::Answer { asker: Asker(1), answer: Ok(loaded) };
    assert_eq!(validate(&mut registry, hash(1)), [answer]);
    assert!(matches!(registry.availability(hash(1)), Availability::Loaded(_)));
}

#[test]
fn loading_twice_is_one_load_and_both_are_answered() {
    let mut registry = Sources::default();
    offer(&mut registry, Time(0), hash(1));
    let first = registry.last;
    registry.offer_by(Time(1), Origin::Client(Asker(2)), offered(hash(1), String::new()));
    assert_eq!(registry.last, first, "it joins the first");
    judge(&mut registry, hash(1), Ok(()));
    let answers = validate(&mut registry, hash(1));
    assert_eq!(answers.len(), 2);
    let again = offer(&mut registry, Time(2), hash(1));
    assert!(matches!(&again[..], [Effect::Answer { answer: Ok(Answer::Loaded { already: true, .. }), .. }]));
}

#[test]
fn silence_of_an_authority_is_overdue_after_its_time_and_not_before() {
    let mut registry = Sources::default();
    offer(&mut registry, Time(0), hash(1));
    let due = Time(0) + JUDGEMENT_TIME_MAX;
    assert_eq!(registry.deadline(), Some(due));
    assert_eq!(registry.overdue(Time(due.0 - 1)), []);
    assert_eq!(registry.overdue(due), [(hash(1), registry.last)]);
    judge(&mut registry, hash(1), Err("silence".to_string()));
    assert_eq!(registry.deadline(), None);
    let late = judge(&mut registry, hash(1), Ok(()));
    assert_eq!(late, [], "a judgement after that changes nothing");
}

#[test]
fn a_source_that_is_offered_again_while_it_compiles_keeps_its_code() {
    let mut registry = Sources::default();
    offer(&mut registry, Time(0), hash(1));
    judge(&mut registry, hash(1), Ok(()));
    registry.unload(hash(1));
    offer(&mut registry, Time(1), hash(1));
    let of_the_first_compile = validate(&mut registry, hash(1));
    assert_eq!(of_the_first_compile, []);
    judge(&mut registry, hash(1), Ok(()));
    validate(&mut registry, hash(1));
    assert_eq!(validate(&mut registry, hash(1)), [], "the second result says nothing new");
    assert!(matches!(registry.availability(hash(1)), Availability::Loaded(_)));
}

#[test]
fn code_that_nobody_wants_any_more_is_forgotten() {
    let mut registry = Sources::default();
    offer(&mut registry, Time(0), hash(1));
    judge(&mut registry, hash(1), Ok(()));
    registry.unload(hash(1));
    assert_eq!(validate(&mut registry, hash(1)), [Effect::Source(SourceEffect::Forget(hash(1)))]);
    assert_eq!(
        validate(&mut registry, hash(9)),
        [Effect::Source(SourceEffect::Forget(hash(9)))],
        "never heard of"
    );
}

#[test]
fn a_hash_is_found_by_any_beginning_that_only_it_has() {
    let mut registry = Sources::default();
    for first in [0x12, 0x13, 0xa0] {
        load(&mut registry, hash(first));
    }
    assert_eq!(registry.find("a"), Ok(hash(0xa0)));
    assert_eq!(registry.find("13"), Ok(hash(0x13)));
    assert_eq!(registry.find(&hash(0x12).to_string()), Ok(hash(0x12)));
    let both = vec![hash(0x12), hash(0x13)];
    assert_eq!(registry.find("1"), Err(Refusal::AmbiguousSource { prefix: "1".to_string(), matches: both }));
    for unknown in ["", "b", "A0", "a0z", "é", &"0".repeat(65)] {
        let error = Refusal::UnknownSource { source_hash: unknown.chars().take(64).collect() };
        assert_eq!(registry.find(unknown), Err(error));
    }
}

#[test]
fn sources_that_nobody_can_use_make_room_for_new_ones() {
    let mut registry = Sources::default();
    load(&mut registry, hash(0xff));
    for number in 1..SOURCES_LEN_MAX {
        let mut refused = hash(0);
        refused.0[8..16].copy_from_slice(&number.to_be_bytes());
        offer(&mut registry, Time(number as u64), refused);
        judge(&mut registry, refused, Err("no".to_string()));
    }
    assert_eq!(registry.iter().len(), SOURCES_LEN_MAX);
    load(&mut registry, hash(0xfe));
    assert_eq!(registry.iter().len(), SOURCES_LEN_MAX);
    let mut oldest = hash(0);
    oldest.0[15] = 1;
    assert!(registry.find(&oldest.to_string()).is_err(), "the oldest refused one went");
    assert_eq!(registry.loaded_len(), 2);
}

#[test]
fn what_a_submitter_says_is_cut() {
    let mut registry = Sources::default();
    registry.offer_by(Time(0), ME, offered(hash(1), "x".repeat(1 << 20)));
    let (_, source) = registry.iter().next().unwrap();
    assert!(source.label().len() <= SOURCE_LABEL_LEN_MAX + "…".len());
}

#[test]
fn a_loader_that_left_is_not_answered() {
    let mut registry = Sources::default();
    offer(&mut registry, Time(0), hash(1));
    registry.askers.forget(ME);
    judge(&mut registry, hash(1), Ok(()));
    assert_eq!(validate(&mut registry, hash(1)), []);
}

#[test]
fn bytes_that_cost_as_much_as_they_may_are_not_tried_again() {
    let mut sources = Sources::default();
    let refuse = |sources: &mut Sources, is_lasting| {
        offer(sources, Time(0), hash(1));
        judge(sources, hash(1), Ok(()));
        let (why, mut effects) = (Unusable { reason: "no".to_string(), is_lasting }, Effects::default());
        sources.registry.validated(hash(1), None, (Err(why), 0), &mut sources.askers, &mut effects);
    };
    let (label, reason) = ("label".to_string(), "no".to_string());
    let noted = RefusedSource { hash: hash(1), label, by: None, reason: reason.clone() };
    let refused = [
        SourceEffect::NoteRefused(Box::new(noted)).into(),
        Effect::Answer { asker: Asker(1), answer: Err(Refusal::SourceRefused { hash: hash(1), reason }) },
    ];
    refuse(&mut sources, false);
    let first = sources.last;
    let tried = offer(&mut sources, Time(1), hash(1));
    assert!(sources.last > first, "that may have passed: {tried:?}");
    sources.unload(hash(1));
    refuse(&mut sources, true);
    assert_eq!(offer(&mut sources, Time(2), hash(1)), refused);
    // Nor after an unload, which is no other component.
    sources.unload(hash(1));
    assert_eq!(offer(&mut sources, Time(3), hash(1)), refused);
    assert!(matches!(sources.availability(hash(1)), Availability::No(Refusal::SourceRefused { .. })));
}

#[test]
fn what_an_actor_has_approved_is_no_policys_to_judge_however_often_it_is_unloaded() {
    let mut sources = Sources::default();
    offer(&mut sources, Time(0), hash(1));
    let judged_by = JudgedBy::Actor(hash(2));
    let (last, mut effects) = (sources.last, Effects::default());
    let verdict = Ok(Verdict { judged_by, ..Verdict::default() });
    sources.registry.judged(hash(1), last, verdict, &mut sources.askers, &mut effects);
    validate(&mut sources, hash(1));
    sources.registry.count(hash(1));
    for _ in 0..2 {
        sources.unload(hash(1));
        assert_eq!(sources.get(hash(1)).and_then(KnownSource::left_behind), None);
    }
}
