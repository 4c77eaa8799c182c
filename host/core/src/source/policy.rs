//! Whose signatures count, for what, and how long: what an operator says once, so that nobody has to be asked for each source.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{LowerLimits, NamePattern, Rights, SourceHash, SourceName};
use crate::utc::UtcTime;

/// The number that a signature names its key by. Anybody can make a key with any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(pub [u8; 8]);

/// As minisign writes it: 16 digits, the last byte first.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A public key: what tells one signer from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey {
    /// Its number, for people and for finding it.
    pub id: KeyId,
    /// The key itself, of Ed25519.
    pub point: [u8; 32],
}

/// A key that an operator trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// Shown in place of its number.
    pub name: String,
    /// The key itself.
    pub key: PublicKey,
    /// The names of the sources that it may sign.
    pub sources: Vec<NamePattern>,
    /// The rights that it may give, at most.
    pub rights: Rights,
    /// The limits that it may give, at most; one that is not named is the node's.
    pub limits: LowerLimits,
    /// The moment from which on it counts no more.
    pub expires: Option<UtcTime>,
}

/// More than one key in scope, for some sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The names of those sources.
    pub sources: Vec<NamePattern>,
    /// How many different keys must have signed.
    pub signatures: usize,
    /// The rights that they may have, at most, whoever has signed; absent: as the keys say.
    pub rights: Option<Rights>,
    /// Likewise the limits.
    pub limits: LowerLimits,
}

/// Keys and sources that are trusted no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    /// Rises with each change: an older list than one that was seen is not believed.
    pub version: u64,
    /// From then on the list says nothing any more, and nothing is admitted.
    pub expires: Option<UtcTime>,
    /// Keys that are trusted no more.
    pub keys: BTreeSet<PublicKey>,
    /// Sources that nobody may load, whoever has signed them.
    pub sources: BTreeSet<SourceHash>,
}

/// All of it. Without a key it admits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The keys that are trusted: each once.
    pub keys: Vec<TrustedKey>,
    /// Rules in order: the first that covers a name holds for it.
    pub rules: Vec<Rule>,
    /// Keys and sources that are trusted no more.
    pub revocations: Revocations,
}

impl Policy {
    /// The trusted key of this point.
    #[must_use]
    pub fn key(&self, key: &PublicKey) -> Option<&TrustedKey> {
        self.keys.iter().find(|trusted| trusted.key.point == key.point)
    }

    /// The rule for a name, with its place among them, counted from 1.
    #[must_use]
    pub fn rule(&self, name: &SourceName) -> Option<(usize, &Rule)> {
        let mut rules = self.rules.iter().zip(1..);
        rules.find(|(rule, _)| covers(&rule.sources, name)).map(|(rule, at)| (at, rule))
    }
}

impl TrustedKey {
    /// Whether it may sign sources of this name.
    #[must_use]
    pub fn covers(&self, name: &SourceName) -> bool {
        covers(&self.sources, name)
    }
}

impl Revocations {
    /// Whether it revokes all that another does.
    #[must_use]
    pub fn has_all_of(&self, other: &Self) -> bool {
        other.keys.iter().all(|key| self.has_key(key)) && other.sources.is_subset(&self.sources)
    }

    /// Whether a key of this point is trusted no more, whatever its number.
    #[must_use]
    pub fn has_key(&self, key: &PublicKey) -> bool {
        self.keys.iter().any(|revoked| revoked.point == key.point)
    }
}

fn covers(patterns: &[NamePattern], name: &SourceName) -> bool {
    patterns.iter().any(|pattern| pattern.covers(name))
}
