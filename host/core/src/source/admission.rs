//! Whether a signed source may be loaded: what its manifest says, who has signed it, and what the policy makes of that. The
//! wall clock is an argument.
//!
//! ```text
//!  clock ─► revocations ─► manifest ─► its dates ─► signatures ─► rule ─► version ─► rights ─► limits ─► admitted
//! ```

#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::policy::{KeyId, Policy, PublicKey, Revocations, TrustedKey};
use super::{LowerLimits, Rights, SourceHash, SourceName, SourceVersion};
use crate::limits::{ADMITTED_NAMES_MAX, CLOCK_BEHIND_MAX};
use crate::utc::UtcTime;

/// A signature file, held against the keys of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// This key has signed the manifest's very bytes.
    Good(PublicKey),
    /// No key of this number is trusted.
    UnknownKey(KeyId),
    /// None of the trusted keys of this number has signed these bytes.
    False(KeyId),
    /// The file is no signature, for this reason.
    Malformed(String),
}

/// The papers that came with a source, read: nothing of them is believed yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadPapers {
    /// Its manifest, or why that is none; absent: it came without.
    pub manifest: Option<Result<Manifest, String>>,
    /// Its signatures, each held against the keys.
    pub signatures: Vec<Signature>,
}

/// A source that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The hash of its bytes, as submitted.
    pub hash: SourceHash,
    /// Its manifest; absent: it has none.
    pub manifest: Option<&'a Manifest>,
    /// Its signatures, each held against the keys.
    pub signatures: &'a [Signature],
    /// The rights that whoever loads it lets it have of those it wants; absent: all.
    pub allowed: Option<Rights>,
    /// How it comes to be judged.
    pub occasion: Occasion,
}

/// How a source comes to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody loads it.
    Load,
    /// An operator loads it, and means it to be an older version than one before.
    Downgrade,
    /// The node starts again, and it was admitted before: no newer version takes anything from it.
    Start,
    /// The policy changes while it is in use: neither a newer version nor a date takes anything from it.
    Again,
}

impl Occasion {
    /// Whether dates count.
    const fn has_dates(self) -> bool {
        !matches!(self, Self::Again)
    }
}

/// An admitted source: as what, and with which rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The name of the source.
    pub name: SourceName,
    /// The version of it.
    pub version: SourceVersion,
    /// The rights that its manifest wants.
    pub wanted: Rights,
    /// The rights that its actors have.
    pub rights: Rights,
    /// The limits of its actors, below the node's.
    pub limits: LowerLimits,
    /// Its classes, which must be those that it describes; absent: its manifest does not say.
    pub classes: Option<Vec<String>>,
    /// The names of the keys that count for it.
    pub signers: Vec<String>,
    /// The keys themselves, for as long as this node runs.
    #[serde(skip)]
    pub keys: Vec<PublicKey>,
    /// Whether it had been admitted before the node started.
    #[serde(skip)]
    pub is_restored: bool,
    /// When it was admitted.
    pub at: UtcTime,
    /// Whether an operator meant it to be an older version than one before.
    pub is_downgrade: bool,
}

/// All that a node has admitted, as far as it remembers: so nobody brings back what was replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When something was admitted last.
    pub latest: UtcTime,
    /// The newest list of revocations that was in force.
    pub revocations: Revocations,
    /// The newest version that was admitted, of each name.
    pub newest: BTreeMap<SourceName, SourceVersion>,
}

/// Somebody who has a say in what a source may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Giver {
    /// A key that has signed it, by its name.
    Key(String),
    /// A rule of the policy, by its place.
    Rule(usize),
}

impl fmt::Display for Giver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name) => write!(f, "key `{name}`"),
            Self::Rule(at) => write!(f, "rule {at} of the policy"),
        }
    }
}

/// The reason why one signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// Nobody said that its key is trusted.
    #[error("key {0} is not trusted: `key trust` makes it so")]
    UnknownKey(KeyId),
    /// Nobody with that key has signed this manifest.
    #[error("the signature that names key {0} is not that key's, or of other bytes")]
    False(KeyId),
    /// The file is none.
    #[error("a signature file is none: {0}")]
    Malformed(String),
    /// Its key was revoked.
    #[error("key `{0}` is revoked")]
    Revoked(String),
    /// Its key has expired.
    #[error("key `{name}` has expired, on {at}")]
    Expired {
        /// The name of the key.
        name: String,
        /// When it did.
        at: UtcTime,
    },
    /// Its key is trusted for others.
    #[error("key `{name}` is trusted for other sources than `{source_name}`")]
    OutOfScope {
        /// The name of the key.
        name: String,
        /// The name of the source.
        source_name: SourceName,
    },
    /// Its key has signed already.
    #[error("key `{0}` has signed twice, and counts once")]
    Twice(String),
}

/// The reason why a source is not admitted. Its text is for people, and says what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inadmissible {
    /// The wall clock shows an earlier time than at an admission before.
    #[error(
        "the clock shows {now}, and something was admitted at {latest}: set it right, or accept it with `policy \
         accept-clock`"
    )]
    ClockBehind {
        /// The time that it shows.
        now: UtcTime,
        /// The latest admission.
        latest: UtcTime,
    },
    /// The list of revocations is older than one that was in force.
    #[error("the policy has version {version} of the revocations, and version {seen} was in force before")]
    RevocationsOld {
        /// The version that it has.
        version: u64,
        /// The newest that was seen.
        seen: u64,
    },
    /// The list of revocations says less than another of its version.
    #[error(
        "the policy's revocations lack some that were in force, and have the same version, {0}: a change takes a higher one"
    )]
    RevocationsFewer(u64),
    /// The list of revocations has expired.
    #[error("the policy's revocations have expired, on {0}: nothing is admitted until they are renewed")]
    RevocationsExpired(UtcTime),
    /// The source itself was revoked.
    #[error("the source is revoked")]
    SourceRevoked,
    /// Nobody has said anything about it.
    #[error("it is not signed: it has no manifest, which `sign` makes beside it")]
    NoManifest,
    /// The manifest is about other bytes.
    #[error("its manifest is about another source, {0}")]
    OtherSource(SourceHash),
    /// Its time has not come.
    #[error("its manifest is not valid before {not_before}, and it is {now}")]
    NotYetValid {
        /// From when on it may.
        not_before: UtcTime,
        /// The time that the clock shows.
        now: UtcTime,
    },
    /// Its time is over.
    #[error("its manifest has expired, on {0}")]
    Expired(UtcTime),
    /// Too few keys have signed that count for it.
    #[error("{}", TooFew(*.needed, *.counted, .objections))]
    TooFewSignatures {
        /// How many different keys it takes.
        needed: usize,
        /// How many count.
        counted: usize,
        /// The reasons why others do not.
        objections: Vec<Objection>,
    },
    /// A newer version was admitted before.
    #[error(
        "version {version} of `{name}` is older than {newest}, which was admitted before: an operator may load it with \
         `--allow-downgrade`"
    )]
    Downgrade {
        /// The name of the source.
        name: SourceName,
        /// The version that is offered.
        version: SourceVersion,
        /// The newest that was admitted.
        newest: SourceVersion,
    },
    /// Rights are wanted that whoever has signed it can't give.
    #[error("it wants the rights {missing}, which {giver} may not give; `load --allow` takes it with fewer")]
    Rights {
        /// Those that it wants and can't have.
        missing: Rights,
        /// Somebody who can't give them.
        giver: Giver,
    },
    /// More of something is wanted than whoever has signed it can give.
    #[error("it wants `{limit}` {wanted}, of which {giver} may give {most}")]
    Limit {
        /// The name of the limit.
        limit: &'static str,
        /// As much as it wants.
        wanted: u64,
        /// As much as it can have.
        most: u64,
        /// Somebody who says so.
        giver: Giver,
    },
    /// The node remembers the versions of so many names already.
    #[error("the node remembers the versions of {ADMITTED_NAMES_MAX} names, and can't of one more")]
    NamesFull,
}

struct TooFew<'a>(usize, usize, &'a [Objection]);

impl fmt::Display for TooFew<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(needed, counted, objections) = self;
        match (needed, objections) {
            (1, []) => return f.write_str("its manifest has no signature, which `sign` makes beside it"),
            (1, [only]) => return only.fmt(f),
            _ => write!(f, "it takes signatures of {needed} different keys in scope, and has {counted}")?,
        }
        for (at, objection) in objections.iter().enumerate() {
            write!(f, "{}{objection}", if at == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl Policy {
    /// Whether a source may be loaded now, and what its actors may do then.
    ///
    /// # Errors
    /// The first reason why not, in the order of this module's picture.
    pub fn admit(&self, case: &Case<'_>, history: &History, now: UtcTime) -> Result<Admission, Inadmissible> {
        // Nothing that has expired is brought back by a clock that shows less than it did.
        let now = if case.occasion == Occasion::Start { now.max(history.latest) } else { now };
        self.check_force(case.hash, case.occasion, history, now)?;
        let manifest = case.manifest.ok_or(Inadmissible::NoManifest)?;
        if manifest.sha256 != case.hash {
            return Err(Inadmissible::OtherSource(manifest.sha256));
        }
        if case.occasion.has_dates() {
            check_dates(manifest, now)?;
        }
        let signers = self.signers(manifest, case, now)?;
        check_version(manifest, case.occasion, history)?;
        let wanted = case.allowed.map_or(manifest.rights, |allowed| manifest.rights.and(allowed));
        let limits = self.grant(manifest, wanted, &signers)?;
        Ok(Admission {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            wanted: manifest.rights,
            rights: wanted,
            limits,
            classes: manifest.classes.clone(),
            signers: signers.iter().map(|signer| signer.name.clone()).collect(),
            keys: signers.iter().map(|signer| signer.key).collect(),
            is_restored: case.occasion == Occasion::Start,
            at: now,
            is_downgrade: case.occasion == Occasion::Downgrade,
        })
    }

    /// Whether the policy is in force at all, for this source.
    fn check_force(
        &self,
        hash: SourceHash,
        occasion: Occasion,
        history: &History,
        now: UtcTime,
    ) -> Result<(), Inadmissible> {
        let latest = history.latest;
        let is_new = matches!(occasion, Occasion::Load | Occasion::Downgrade);
        if is_new && now.plus(CLOCK_BEHIND_MAX) < latest {
            return Err(Inadmissible::ClockBehind { now, latest });
        }
        let (version, seen) = (self.revocations.version, history.revocations.version);
        if version < seen {
            return Err(Inadmissible::RevocationsOld { version, seen });
        }
        if let Some(expires) = self.revocations.expires.filter(|expires| *expires <= now)
            && occasion.has_dates()
        {
            return Err(Inadmissible::RevocationsExpired(expires));
        }
        if self.revocations.sources.contains(&hash) {
            return Err(Inadmissible::SourceRevoked);
        }
        Ok(())
    }

    /// The keys that count for a manifest: enough of them, each once.
    fn signers(
        &self,
        manifest: &Manifest,
        case: &Case<'_>,
        now: UtcTime,
    ) -> Result<Vec<&TrustedKey>, Inadmissible> {
        let needed = self.rule(&manifest.name).map_or(1, |(_, rule)| rule.signatures.max(1));
        let (mut signers, mut seen, mut objections) = (Vec::new(), BTreeSet::new(), Vec::new());
        // No key has expired before 1970.
        let now = if case.occasion.has_dates() { now } else { UtcTime(0) };
        for signature in case.signatures {
            match self.counts(manifest, signature, now) {
                Ok(signer) if seen.insert(signer.key.point) => signers.push(signer),
                Ok(signer) => objections.push(Objection::Twice(signer.name.clone())),
                Err(objection) => objections.push(objection),
            }
        }
        if signers.len() < needed {
            let counted = signers.len();
            return Err(Inadmissible::TooFewSignatures { needed, counted, objections });
        }
        Ok(signers)
    }

    fn counts(
        &self,
        manifest: &Manifest,
        signature: &Signature,
        now: UtcTime,
    ) -> Result<&TrustedKey, Objection> {
        let key = match signature {
            Signature::Good(key) => key,
            Signature::UnknownKey(id) if self.revocations.keys.iter().any(|key| key.id == *id) => {
                return Err(Objection::Revoked(id.to_string()));
            }
            Signature::UnknownKey(id) => return Err(Objection::UnknownKey(*id)),
            Signature::False(id) => return Err(Objection::False(*id)),
            Signature::Malformed(why) => return Err(Objection::Malformed(why.clone())),
        };
        let Some(trusted) = self.key(key) else { return Err(Objection::UnknownKey(key.id)) };
        let name = trusted.name.clone();
        if self.revocations.has_key(key) {
            return Err(Objection::Revoked(name));
        }
        if let Some(at) = trusted.expires.filter(|expires| *expires <= now) {
            return Err(Objection::Expired { name, at });
        }
        if !trusted.covers(&manifest.name) {
            return Err(Objection::OutOfScope { name, source_name: manifest.name.clone() });
        }
        Ok(trusted)
    }

    /// Whether all who have a say let it have what it wants. Returns its limits.
    fn grant(
        &self,
        manifest: &Manifest,
        wanted: Rights,
        signers: &[&TrustedKey],
    ) -> Result<LowerLimits, Inadmissible> {
        let keys = signers.iter().map(|key| (Giver::Key(key.name.clone()), key.rights, &key.limits));
        let rule = self.rule(&manifest.name).into_iter();
        let rule = rule.map(|(at, rule)| (Giver::Rule(at), rule.rights.unwrap_or(wanted), &rule.limits));
        let mut limits = manifest.limits.clone();
        for (giver, rights, most) in keys.chain(rule) {
            let missing = wanted.beyond(rights);
            if missing.any() {
                return Err(Inadmissible::Rights { missing, giver });
            }
            if let Some((limit, wanted, most)) = manifest.limits.above(most) {
                return Err(Inadmissible::Limit { limit, wanted, most, giver });
            }
            limits = limits.and(most);
        }
        Ok(limits)
    }
}

fn check_dates(manifest: &Manifest, now: UtcTime) -> Result<(), Inadmissible> {
    if let Some(not_before) = manifest.not_before.filter(|not_before| now < *not_before) {
        return Err(Inadmissible::NotYetValid { not_before, now });
    }
    match manifest.expires.filter(|expires| *expires <= now) {
        Some(expires) => Err(Inadmissible::Expired(expires)),
        None => Ok(()),
    }
}

fn check_version(manifest: &Manifest, occasion: Occasion, history: &History) -> Result<(), Inadmissible> {
    let Manifest { name, version, .. } = manifest;
    match history.newest.get(name) {
        Some(newest) if occasion == Occasion::Load && version < newest => Err(Inadmissible::Downgrade {
            name: name.clone(),
            version: version.clone(),
            newest: newest.clone(),
        }),
        None if history.newest.len() >= ADMITTED_NAMES_MAX => Err(Inadmissible::NamesFull),
        _ => Ok(()),
    }
}

impl History {
    /// Remembers an admission. An operator who means an older version means that there is no newer one any more.
    pub fn note(&mut self, admission: &Admission) {
        self.latest = self.latest.max(admission.at);
        let newest = self.newest.entry(admission.name.clone()).or_insert_with(|| admission.version.clone());
        // What comes back with a start was there before an operator went back.
        if (*newest < admission.version && !admission.is_restored) || admission.is_downgrade {
            *newest = admission.version.clone();
        }
    }

    /// Remembers that a policy is in force.
    pub fn note_policy(&mut self, policy: &Policy) {
        if policy.revocations.version >= self.revocations.version {
            self.revocations = policy.revocations.clone();
        }
    }
}

/// The classes of a source are not those that its manifest names.
///
/// # Errors
/// They differ: with both.
pub fn check_classes(named: &[String], described: &[String]) -> Result<(), String> {
    let [named_set, described_set] =
        [named, described].map(|classes| classes.iter().collect::<BTreeSet<_>>());
    if named_set == described_set {
        return Ok(());
    }
    let list = |classes: &BTreeSet<&String>| {
        classes.iter().map(|class| format!("`{class}`")).collect::<Vec<_>>().join(", ").to_string()
    };
    Err(format!(
        "its manifest names the classes {}, and it describes {}",
        list(&named_set),
        list(&described_set)
    ))
}
