//! Sources that are signed, each by a key of its own, and policies that trust some of the keys.

use std::collections::BTreeMap;

use thespian_core::question::{NewPolicy, Offer};
use thespian_core::source::admission::{ReadPapers, Signature};
use thespian_core::source::manifest::Manifest;
use thespian_core::source::policy::{KeyId, Policy, PublicKey, TrustedKey};
use thespian_core::source::{LowerLimits, OfferId, Rights, SourceHash};
use thespian_core::utc::UtcTime;

use crate::rng::Rng;

/// The day on which everything happens.
pub(crate) const TODAY: UtcTime = UtcTime(1_800_000_000);

/// What every source wants, and every key may give.
const RIGHTS: Rights = Rights { dead_letters: true, ..Rights::NONE };

/// The key that has signed a source.
pub(crate) const fn signer_of(source: SourceHash) -> PublicKey {
    PublicKey { id: KeyId([source.0[0]; 8]), point: source.0 }
}

/// The papers with which a source comes.
pub(crate) fn papers_of(source: SourceHash) -> ReadPapers {
    let manifest = Manifest {
        sha256: source,
        name: "some/source".parse().expect("it is a name"),
        version: "1".parse().expect("it is a version"),
        not_before: None,
        expires: None,
        rights: RIGHTS,
        limits: LowerLimits::default(),
        classes: None,
    };
    ReadPapers { manifest: Some(Ok(manifest)), signatures: vec![Signature::Good(signer_of(source))] }
}

/// A source as somebody offers it, who gives it rights or none.
pub(crate) fn some_offer(rng: &mut Rng, hash: SourceHash) -> Offer {
    let given = Rights { dead_letters: rng.chance(50), ..Rights::NONE };
    let (label, allowed) = (String::new(), None);
    Offer { hash, label, size: 1, given, allowed, has_manifest: true, is_downgrade: false, by: None }
}

/// A policy that trusts some of the keys, with the papers of most sources: some came too late for that. Now and then it is only
/// asked what would be.
pub(crate) fn some_policy(rng: &mut Rng, offers: &BTreeMap<SourceHash, OfferId>) -> NewPolicy {
    let sources = [SourceHash([0; 32]), SourceHash([1; 32])];
    let key = |source: &SourceHash| TrustedKey {
        name: format!("key {}", source.0[0]),
        key: signer_of(*source),
        sources: vec!["some/*".parse().expect("it is a pattern")],
        rights: RIGHTS,
        limits: LowerLimits::default(),
        expires: None,
    };
    let mut keys: Vec<_> = sources.iter().map(key).collect();
    keys.retain(|_| rng.chance(70));
    let papers = offers.iter().map(|(source, offer)| (*source, (*offer, papers_of(*source))));
    let papers = papers.filter(|_| rng.chance(95)).collect();
    let policy = Policy { keys, ..Policy::default() };
    NewPolicy { policy, papers, now: TODAY, is_trial: rng.chance(20) }
}
