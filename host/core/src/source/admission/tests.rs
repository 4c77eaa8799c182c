//! Every reason for which a source is not admitted, and what is admitted beside it.

use super::*;
use crate::source::policy::{Revocations, Rule};
use alloc::vec;

const NOW: UtcTime = UtcTime(1_800_000_000);
const HASH: SourceHash = SourceHash([7; 32]);

fn key(number: u8) -> PublicKey {
    PublicKey { id: KeyId([number; 8]), point: [number; 32] }
}

fn names(names: &[&str]) -> Rights {
    let mut rights = Rights::default();
    names.iter().for_each(|name| rights.add(name).unwrap());
    rights
}

fn trusted(number: u8, name: &str, sources: &str, rights: &[&str]) -> TrustedKey {
    TrustedKey {
        name: name.into(),
        key: key(number),
        sources: vec![sources.parse().unwrap()],
        rights: names(rights),
        limits: LowerLimits::default(),
        expires: None,
    }
}

/// Two keys for `shop/*`, one for `lab/*`; what is paid with takes both of the first.
fn policy() -> Policy {
    let keys = vec![
        trusted(1, "ci", "shop/*", &["status", "shutdown"]),
        trusted(2, "anna", "shop/*", &["status"]),
        trusted(3, "lab", "lab/*", &["status"]),
    ];
    let pay = Rule {
        sources: vec!["shop/pay*".parse().unwrap()],
        signatures: 2,
        rights: None,
        limits: LowerLimits::default(),
    };
    Policy { keys, rules: vec![pay], revocations: Revocations { version: 3, ..Revocations::default() } }
}

fn manifest(name: &str) -> Manifest {
    Manifest {
        sha256: HASH,
        name: name.parse().unwrap(),
        version: "1.4.2".parse().unwrap(),
        not_before: None,
        expires: None,
        rights: names(&["status"]),
        limits: LowerLimits::default(),
        classes: None,
    }
}

fn limits(name: &str, value: u64) -> LowerLimits {
    let mut limits = LowerLimits::default();
    limits.set(name, value).unwrap();
    limits
}

/// What is judged, all of it that a test may want otherwise.
struct Trial {
    policy: Policy,
    history: History,
    manifest: Option<Manifest>,
    signatures: Vec<Signature>,
    allowed: Option<Rights>,
    occasion: Occasion,
    now: UtcTime,
}

impl Trial {
    /// Of `shop/orders`, signed by `ci`.
    fn new() -> Self {
        Self {
            policy: policy(),
            history: History::default(),
            manifest: Some(manifest("shop/orders")),
            signatures: vec![Signature::Good(key(1))],
            allowed: None,
            occasion: Occasion::Load,
            now: NOW,
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut trial = Self::new();
        change(&mut trial);
        trial
    }

    fn manifest(&mut self) -> &mut Manifest {
        self.manifest.as_mut().unwrap()
    }

    fn admit(&self) -> Result<Admission, Inadmissible> {
        let case = Case {
            hash: HASH,
            manifest: self.manifest.as_ref(),
            signatures: &self.signatures,
            allowed: self.allowed,
            occasion: self.occasion,
        };
        self.policy.admit(&case, &self.history, self.now)
    }

    fn refused(&self) -> String {
        self.admit().expect_err("it is admitted").to_string()
    }
}

#[test]
fn one_key_in_scope_is_enough_where_no_rule_asks_for_more() {
    let admission = Trial::new().admit().unwrap();
    assert_eq!((admission.wanted, admission.rights), (names(&["status"]), names(&["status"])));
    assert_eq!(admission.signers, ["ci"]);
    // Others may have signed as well, whoever they are.
    let others = Trial::with(|trial| {
        trial.signatures.insert(0, Signature::UnknownKey(KeyId([9; 8])));
        trial.signatures.push(Signature::False(KeyId([2; 8])));
    });
    assert_eq!(others.admit(), Ok(admission));
}

#[test]
fn whatever_is_not_as_it_should_be_is_refused_and_told() {
    let objection = |signature: Signature| Trial::with(|trial| trial.signatures = vec![signature]);
    let cases: Vec<(Trial, &str)> = vec![
        (Trial::with(|trial| trial.manifest = None), "not signed: it has no manifest"),
        (Trial::with(|trial| trial.signatures.clear()), "its manifest has no signature"),
        (objection(Signature::UnknownKey(KeyId([9; 8]))), "key 0909090909090909 is not trusted"),
        (objection(Signature::Good(key(9))), "key 0909090909090909 is not trusted"),
        (objection(Signature::Good(key(3))), "key `lab` is trusted for other sources than `shop/orders`"),
        (objection(Signature::False(KeyId([1; 8]))), "is not that key's, or of other bytes"),
        (objection(Signature::Malformed("five lines".into())), "a signature file is none: five lines"),
        (
            Trial::with(|trial| trial.policy.keys[0].expires = Some(NOW)),
            "key `ci` has expired, on 2027-01-15T08:00:00Z",
        ),
        (
            Trial::with(|trial| {
                // By its point: whoever revokes a key need not know the number that it goes by.
                let revoked = PublicKey { id: KeyId([0; 8]), point: key(1).point };
                trial.policy.revocations.keys.insert(revoked);
            }),
            "key `ci` is revoked",
        ),
        (Trial::with(|trial| trial.policy.revocations.sources.extend([HASH])), "the source is revoked"),
        (
            Trial::with(|trial| trial.history.revocations.version = 4),
            "the policy has version 3 of the revocations, and version 4 was in force before",
        ),
        (
            Trial::with(|trial| trial.policy.revocations.expires = Some(NOW)),
            "the policy's revocations have expired, on 2027-01-15T08:00:00Z",
        ),
        (Trial::with(|trial| trial.manifest().sha256 = SourceHash([8; 32])), "about another source, 0808"),
        (
            Trial::with(|trial| trial.manifest().not_before = Some(UtcTime(NOW.0 + 1))),
            "not valid before 2027-01-15T08:00:01Z, and it is 2027-01-15T08:00:00Z",
        ),
        (Trial::with(|trial| trial.manifest().expires = Some(NOW)), "its manifest has expired"),
        (
            Trial::with(|trial| {
                let newest = "1.10".parse().unwrap();
                trial.history.newest.insert("shop/orders".parse().unwrap(), newest);
            }),
            "version 1.4.2 of `shop/orders` is older than 1.10",
        ),
        (
            Trial::with(|trial| trial.manifest().rights = names(&["status", "capabilities", "dead-letters"])),
            "it wants the rights `dead-letters`, `capabilities`, which key `ci` may not give",
        ),
        (
            Trial::with(|trial| {
                trial.policy.rules[0].sources = vec!["shop/*".parse().unwrap()];
                trial.policy.rules[0].signatures = 1;
                trial.policy.rules[0].rights = Some(Rights::default());
            }),
            "it wants the rights `status`, which rule 1 of the policy may not give",
        ),
        (
            Trial::with(|trial| {
                trial.policy.keys[0].limits = limits("memory-bytes-max", 1 << 20);
                trial.manifest().limits = limits("memory-bytes-max", 1 << 21);
            }),
            "it wants `memory-bytes-max` 2097152, of which key `ci` may give 1048576",
        ),
        (
            Trial::with(|trial| trial.history.latest = UtcTime(NOW.0 + CLOCK_BEHIND_MAX.as_secs() + 1)),
            "the clock shows 2027-01-15T08:00:00Z, and something was admitted at",
        ),
    ];
    for (trial, why) in cases {
        let told = trial.refused();
        assert!(told.contains(why), "{told} does not say {why}");
    }
}

#[test]
fn a_rule_that_takes_two_takes_two_different_keys() {
    let pay = |signatures: Vec<Signature>| {
        Trial::with(|trial| {
            (trial.manifest, trial.signatures) = (Some(manifest("shop/payments")), signatures);
        })
    };
    let admission = pay(vec![Signature::Good(key(1)), Signature::Good(key(2))]).admit().unwrap();
    assert_eq!(admission.signers, ["ci", "anna"]);
    // Of one key there may be several signatures, and numbers are anybody's to choose.
    let renumbered = PublicKey { id: KeyId([5; 8]), point: key(1).point };
    for twice in [key(1), renumbered] {
        let told = pay(vec![Signature::Good(key(1)), Signature::Good(twice)]).refused();
        assert!(told.contains("takes signatures of 2 different keys in scope, and has 1"), "{told}");
        assert!(told.contains("key `ci` has signed twice, and counts once"), "{told}");
    }
    let told = pay(vec![Signature::Good(key(1)), Signature::Good(key(3))]).refused();
    assert!(told.ends_with("key `lab` is trusted for other sources than `shop/payments`"), "{told}");
}

#[test]
fn a_source_gets_no_more_than_every_key_that_counts_gives() {
    let both = vec![Signature::Good(key(1)), Signature::Good(key(2))];
    let trial = Trial::with(|trial| {
        trial.signatures = both;
        trial.manifest().rights = names(&["status", "shutdown"]);
        trial.policy.keys[1].limits = limits("children-max", 10);
    });
    assert!(trial.refused().contains("the rights `shutdown`, which key `anna` may not give"));
    // Whoever loads it lets it have less.
    let trial = Trial { allowed: Some(names(&["status", "capabilities"])), ..trial };
    let admission = trial.admit().unwrap();
    assert_eq!(admission.rights, names(&["status"]));
    assert_eq!(admission.wanted, names(&["status", "shutdown"]));
    assert_eq!(admission.limits, limits("children-max", 10));
}

#[test]
fn an_older_version_is_an_operators_to_load_and_stays_what_it_is() {
    let newest = || ("shop/orders".parse().unwrap(), "2".parse().unwrap());
    for (occasion, after) in [(Occasion::Downgrade, "1.4.2"), (Occasion::Again, "2"), (Occasion::Start, "2")]
    {
        let trial = Trial::with(|trial| {
            trial.history.newest.extend([newest()]);
            trial.occasion = occasion;
        });
        let admission = trial.admit().unwrap();
        let mut history = trial.history.clone();
        history.note(&admission);
        assert_eq!(history.newest[&admission.name], after.parse().unwrap());
    }
    let same = Trial::with(|trial| {
        trial.history.newest.insert("shop/orders".parse().unwrap(), "1.4.2".parse().unwrap());
    });
    assert!(same.admit().is_ok());
}

#[test]
fn a_clock_that_is_a_little_behind_is_believed_and_what_is_admitted_is_remembered() {
    let mut trial = Trial::new();
    let admission = trial.admit().unwrap();
    trial.history.note(&admission);
    trial.history.note_policy(&trial.policy);
    assert_eq!(trial.history.latest, NOW);
    assert_eq!(trial.history.revocations.version, 3);
    trial.now = UtcTime(NOW.0 - CLOCK_BEHIND_MAX.as_secs());
    assert!(trial.admit().is_ok());
    trial.now = UtcTime(trial.now.0 - 1);
    assert!(matches!(trial.admit(), Err(Inadmissible::ClockBehind { .. })));
    // What is there stays, whatever the clock shows.
    trial.occasion = Occasion::Again;
    assert!(trial.admit().is_ok());
}

#[test]
fn names_are_remembered_up_to_a_bound() {
    let mut trial = Trial::new();
    let version: SourceVersion = "1".parse().unwrap();
    trial.history.newest =
        (0..ADMITTED_NAMES_MAX).map(|at| (format!("n{at}").parse().unwrap(), version.clone())).collect();
    assert_eq!(trial.admit(), Err(Inadmissible::NamesFull));
    trial.history.newest.pop_first();
    assert!(trial.admit().is_ok());
}

#[test]
fn the_classes_of_a_manifest_are_those_that_are_described() {
    let list = |classes: &[&str]| classes.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(check_classes(&list(&["A", "B"]), &list(&["B", "A"])), Ok(()));
    let told = check_classes(&list(&["A"]), &list(&["A", "B"])).unwrap_err();
    assert_eq!(told, "its manifest names the classes `A`, and it describes `A`, `B`");
}

#[test]
fn dates_count_when_a_source_is_loaded_and_at_a_start_and_take_nothing_from_what_is_in_use() {
    let dated = |occasion| {
        Trial::with(|trial| {
            trial.occasion = occasion;
            trial.policy.keys[0].expires = Some(NOW);
            trial.policy.revocations.expires = Some(NOW);
            trial.manifest().expires = Some(NOW);
        })
    };
    assert!(dated(Occasion::Again).admit().is_ok());
    for occasion in [Occasion::Load, Occasion::Downgrade, Occasion::Start] {
        assert!(matches!(dated(occasion).admit(), Err(Inadmissible::RevocationsExpired(_))));
    }
}

#[test]
fn a_key_that_is_revoked_and_no_more_in_the_policy_is_told_to_be_revoked() {
    let trial = Trial::with(|trial| {
        trial.signatures = vec![Signature::UnknownKey(KeyId([9; 8]))];
        trial.policy.revocations.keys.insert(key(9));
    });
    assert_eq!(trial.refused(), "key `0909090909090909` is revoked");
}

#[test]
fn what_comes_back_with_a_start_takes_no_operators_word_back_and_no_expired_date() {
    let mut trial = Trial::new();
    trial.history.newest.insert("shop/orders".parse().unwrap(), "1.3".parse().unwrap());
    trial.occasion = Occasion::Start;
    let admission = trial.admit().unwrap();
    trial.history.note(&admission);
    assert_eq!(trial.history.newest[&admission.name], "1.3".parse().unwrap());
    // The clock shows less than it did, and what has expired since has expired.
    trial.history.latest = NOW;
    trial.now = UtcTime(0);
    trial.manifest().expires = Some(NOW);
    assert_eq!(trial.admit(), Err(Inadmissible::Expired(NOW)));
}
