//! Changes of a policy that commands make. What an operator has written besides stays as it is, with its comments.

use std::path::Path;

use thespian_core::source::policy::{KeyId, PublicKey, TrustedKey};
use thespian_core::source::{LowerLimits, SourceHash};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value};

use super::{PolicyError, PolicyFile};
use crate::output;
use crate::signing::key_text;

/// A change of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyEdit {
    /// Trust a key; one of the same name gives way to it.
    Trust(TrustedKey),
    /// Trust a key no more, and never again.
    RevokeKey(PublicKey),
    /// Let nobody load a source, whoever has signed it.
    RevokeSource(SourceHash),
}

/// A change can't be made. The policy stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The policy before it, or after it, can't be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Whoever has this key is not trusted again.
    #[error("key {0} is revoked, and can't be trusted again: make a new one")]
    Revoked(KeyId),
    /// Nothing is left to change.
    #[error("{0} already")]
    Already(String),
}

const NO_TABLE: &str =
    "`revocations` is no table of a version and lists, or has the last version that there is";
const HEADER: &str = "# Whose sources this node admits: see `thespian-host policy --help`.\nformat = 1\n";

impl PolicyEdit {
    /// The text of a policy with this change; absent: of none.
    ///
    /// # Errors
    /// There is nothing to change, or the policy makes no sense with it.
    pub fn applied_to(&self, path: &Path, before: Option<&PolicyFile>) -> Result<PolicyFile, EditError> {
        let text = before.map_or(HEADER, |before| &before.text);
        let malformed = |why: String| PolicyError::Malformed { path: path.to_path_buf(), why };
        let mut document: DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| malformed(error.to_string()))?;
        match self {
            Self::Trust(key) => {
                if before.is_some_and(|before| before.policy.revocations.has_key(&key.key)) {
                    return Err(EditError::Revoked(key.key.id));
                }
                trust(&mut document, key)
                    .ok_or_else(|| malformed("`key` is no list of `[[key]]`".to_string()))?;
            }
            Self::RevokeKey(key) => {
                if before.is_some_and(|before| before.policy.revocations.has_key(key)) {
                    return Err(EditError::Already(format!("key {} is revoked", key.id)));
                }
                revoke(&mut document, "keys", key_text::write(key))
                    .ok_or_else(|| malformed(NO_TABLE.to_string()))?;
            }
            Self::RevokeSource(hash) => {
                if before.is_some_and(|before| before.policy.revocations.sources.contains(hash)) {
                    return Err(EditError::Already(format!("source {hash} is revoked")));
                }
                revoke(&mut document, "sources", hash.to_string())
                    .ok_or_else(|| malformed(NO_TABLE.to_string()))?;
            }
        }
        Ok(PolicyFile::parse(document.to_string()).map_err(malformed)?)
    }
}

fn trust(document: &mut DocumentMut, key: &TrustedKey) -> Option<()> {
    let keys = document.entry("key").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let keys = keys.as_array_of_tables_mut()?;
    keys.retain(|entry| entry.get("name").and_then(Item::as_str) != Some(&*key.name));
    let mut entry = Table::new();
    entry.insert("name", key.name.as_str().into());
    entry.insert("public", key_text::write(&key.key).into());
    entry.insert("sources", list(key.sources.iter().map(ToString::to_string)));
    if key.rights.any() {
        entry.insert("rights", list(key.rights.names().map(str::to_string)));
    }
    insert_limits(&mut entry, &key.limits);
    if let Some(expires) = key.expires {
        let moment: toml_edit::Datetime = expires.to_string().parse().expect("RFC 3339 is a date of TOML");
        entry.insert("expires", moment.into());
    }
    keys.push(entry);
    Some(())
}

fn insert_limits(entry: &mut Table, limits: &LowerLimits) {
    for (name, value) in limits.iter() {
        let value = i64::try_from(value).map_or_else(|_| Value::from(value.to_string()), Value::from);
        entry.insert(name, Item::Value(value));
    }
}

fn list(texts: impl Iterator<Item = String>) -> Item {
    Item::Value(Value::Array(texts.collect::<Array>()))
}

/// Adds to one of the lists, which is a new list then.
fn revoke(document: &mut DocumentMut, which: &str, text: String) -> Option<()> {
    let revocations = document.entry("revocations").or_insert_with(|| Item::Table(Table::new()));
    let revocations = revocations.as_table_like_mut()?;
    let version = revocations.get("version").and_then(Item::as_integer).unwrap_or(0);
    revocations.insert("version", version.checked_add(1)?.into());
    if !revocations.contains_key(which) {
        revocations.insert(which, Item::Value(Value::Array(Array::new())));
    }
    revocations.get_mut(which)?.as_array_mut()?.push(text);
    Some(())
}

impl PolicyFile {
    /// Writes it in place of what stands at `path`: whole, or not at all, also when the power fails.
    ///
    /// # Errors
    /// It can't be written; what was there still is.
    pub fn write(&self, path: &Path) -> Result<(), PolicyError> {
        let written = output::replace(path, self.text.as_bytes());
        written.map_err(|error| PolicyError::Io { path: path.to_path_buf(), error })?;
        // Written it is; that its folder can't be synced may mean that a power failure takes it back.
        let _ = output::sync_folder(path);
        Ok(())
    }
}
