//! The policy: a file in TOML that an operator writes, by hand or with `key trust` and `key revoke`.
//!
//! ```toml
//! format = 1
//! [[key]]
//! name = "ci"                           # shown in place of its number
//! public = "RWQ…"                       # the second line of minisign's public key file
//! sources = ["shop/*"]                  # the names that it may sign; * stays within a part
//! rights = ["status"]                   # the most that it gives; none where nothing stands here
//! memory-bytes-max = "64 MiB"           # or any other limit of actors, the most that it gives
//! expires = 2027-11-01T00:00:00Z        # may be left out
//! [[rule]]                              # the first that covers a name; without one a key in scope is enough
//! sources = ["shop/pay*"]
//! signatures = 2                        # of different keys, each in scope
//! [revocations]
//! version = 3                           # never goes down
//! expires = 2027-01-01T00:00:00Z        # past it nothing is admitted; may be left out
//! keys = ["RWQ…"]
//! sources = ["ba08…"]
//! ```

mod edit;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use thespian_core::limits::{
    ERROR_TEXT_LEN_MAX, KEYS_OF_A_NUMBER_MAX, POLICY_BYTES_MAX, POLICY_KEYS_MAX, POLICY_PATTERNS_MAX,
    SIGNATURES_LEN_MAX, cut,
};
use thespian_core::source::policy::{Policy, PublicKey, Revocations, Rule, TrustedKey};
use thespian_core::source::{NamePattern, Rights, SourceHash};
use thespian_core::text::inert;
use thespian_core::utc::UtcTime;

use super::key_text;
use super::wording::{NamedLimits, format, moment, rights, rights_if_any};
use crate::input::{self, InputError};

pub use edit::{EditError, PolicyEdit};

/// A policy, and the text that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// The policy as it is said.
    pub policy: Policy,
    /// As it was written.
    pub text: String,
}

/// A policy can't be used. What was in force before still is.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// There is none.
    #[error(
        "there is no policy at {path}: `key trust` makes one, for a key whose sources are to be admitted"
    )]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file can't be read, or written.
    #[error("the policy {path}: {error}")]
    Io {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// Others could change it.
    #[error(
        "the policy {path} could be changed by others (owner {uid}, mode {mode:03o}); make it yours: chmod go-w {path}"
    )]
    NotPrivate {
        /// The path of the file.
        path: PathBuf,
        /// The user who owns it.
        uid: u32,
        /// The mode bits that it has.
        mode: u32,
    },
    /// The text says something that it may not, in this line.
    #[error("the policy {path}, {why}")]
    Malformed {
        /// The path of the file.
        path: PathBuf,
        /// Where, and what.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyDocument {
    #[serde(deserialize_with = "format", rename = "format")]
    _format: u32,
    #[serde(default)]
    key: Vec<KeyEntry>,
    #[serde(default)]
    rule: Vec<RuleEntry>,
    #[serde(default)]
    revocations: RevocationsEntry,
}

#[derive(Deserialize)]
struct KeyEntry {
    name: String,
    public: KeyText,
    sources: Vec<NamePattern>,
    #[serde(default, deserialize_with = "rights")]
    rights: Rights,
    #[serde(default, deserialize_with = "moment")]
    expires: Option<UtcTime>,
    #[serde(flatten)]
    limits: NamedLimits,
}

#[derive(Deserialize)]
struct RuleEntry {
    sources: Vec<NamePattern>,
    signatures: usize,
    #[serde(default, deserialize_with = "rights_if_any")]
    rights: Option<Rights>,
    #[serde(flatten)]
    limits: NamedLimits,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationsEntry {
    version: u64,
    #[serde(default, deserialize_with = "moment")]
    expires: Option<UtcTime>,
    #[serde(default)]
    keys: Vec<KeyText>,
    #[serde(default)]
    sources: BTreeSet<SourceHash>,
}

/// A public key among other keys of TOML.
struct KeyText(PublicKey);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key_text::read(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

impl PolicyFile {
    /// Reads what stands at `path`: a file of this user or root that nobody else can change.
    ///
    /// # Errors
    /// There is none, or it can't be used.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let io_error = |error: InputError| match io::Error::from(error) {
            error if error.kind() == io::ErrorKind::NotFound => {
                PolicyError::Absent { path: path.to_path_buf() }
            }
            error => PolicyError::Io { path: path.to_path_buf(), error },
        };
        let file = input::open_own(OpenOptions::new().read(true), path).map_err(io_error)?;
        let metadata = file.metadata().map_err(|error| io_error(error.into()))?;
        let (uid, mode) = (metadata.uid(), metadata.mode() & 0o777);
        if (uid != 0 && uid != rustix::process::geteuid().as_raw()) || mode & 0o022 != 0 {
            return Err(PolicyError::NotPrivate { path: path.to_path_buf(), uid, mode });
        }
        let bytes = input::read(file, POLICY_BYTES_MAX).map_err(io_error)?;
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| "it is not UTF-8".to_string());
        text.and_then(Self::parse).map_err(|why| PolicyError::Malformed { path: path.to_path_buf(), why })
    }

    /// Reads a policy's text.
    ///
    /// # Errors
    /// It says something that it may not: the text names the line.
    pub fn parse(text: String) -> Result<Self, String> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(format!("it has {} bytes, and at most {POLICY_BYTES_MAX} are allowed", text.len()));
        }
        let document: PolicyDocument = toml::from_str(&text).map_err(|error| in_one_line(&text, &error))?;
        let keys: Vec<TrustedKey> = document.key.into_iter().map(TrustedKey::from).collect();
        if keys.len().max(document.rule.len()) > POLICY_KEYS_MAX {
            return Err(format!("it has more than {POLICY_KEYS_MAX} keys or rules"));
        }
        let patterns = keys.iter().map(|key| key.sources.len());
        if patterns
            .chain(document.rule.iter().map(|rule| rule.sources.len()))
            .any(|len| len > POLICY_PATTERNS_MAX)
        {
            return Err(format!("a key or rule has more than {POLICY_PATTERNS_MAX} patterns of names"));
        }
        for (at, key) in keys.iter().enumerate() {
            if key.name.is_empty() || inert(&key.name) != key.name || key.name.len() > 64 {
                return Err(format!("`{}` is no name of a key", inert(&key.name)));
            }
            let of_number = keys[..at].iter().filter(|before| before.key.id == key.key.id).count();
            if of_number >= KEYS_OF_A_NUMBER_MAX {
                return Err(format!("more than {KEYS_OF_A_NUMBER_MAX} keys have the number {}", key.key.id));
            }
            if keys[..at].iter().any(|before| before.name == key.name) {
                return Err(format!("two keys have the name `{}`", key.name));
            }
            if let Some(before) = keys[..at].iter().find(|before| before.key.point == key.key.point) {
                return Err(format!("`{}` and `{}` are the same key", before.name, key.name));
            }
        }
        let rules: Vec<Rule> = document.rule.into_iter().map(Rule::from).collect();
        if rules.iter().any(|rule| !(1..=SIGNATURES_LEN_MAX).contains(&rule.signatures)) {
            return Err(format!("a rule takes 1 to {SIGNATURES_LEN_MAX} signatures"));
        }
        let RevocationsEntry { version, expires, keys: revoked, sources } = document.revocations;
        let revoked = revoked.into_iter().map(|key| key.0).collect();
        let revocations = Revocations { version, expires, keys: revoked, sources };
        Ok(Self { policy: Policy { keys, rules, revocations }, text })
    }

    /// The name of this very text, for records.
    #[must_use]
    pub fn hash(&self) -> SourceHash {
        SourceHash(Sha256::digest(&self.text).into())
    }

    /// All keys that signatures are held against.
    #[must_use]
    pub fn keys(&self) -> Vec<PublicKey> {
        self.policy.keys.iter().map(|trusted| trusted.key).collect()
    }
}

impl From<KeyEntry> for TrustedKey {
    fn from(entry: KeyEntry) -> Self {
        Self {
            name: entry.name,
            key: entry.public.0,
            sources: entry.sources,
            rights: entry.rights,
            limits: entry.limits.0,
            expires: entry.expires,
        }
    }
}

impl From<RuleEntry> for Rule {
    fn from(entry: RuleEntry) -> Self {
        Self {
            sources: entry.sources,
            signatures: entry.signatures,
            rights: entry.rights,
            limits: entry.limits.0,
        }
    }
}

/// Tells what is wrong with a text in TOML and where, in one line that nothing acts in.
pub(super) fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let words: Vec<&str> = error.message().split_whitespace().collect();
    // A stranger's file has a part in it.
    let message = cut(words.join(" "), ERROR_TEXT_LEN_MAX / 8);
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", inert(&message)),
        None => inert(&message).into_owned(),
    }
}
