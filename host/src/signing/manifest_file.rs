//! A manifest: a file in TOML beside a component, which people sign in its stead.
//!
//! ```toml
//! [source]
//! format = 1
//! sha256 = "ba08…"                      # of the component
//! name = "shop/orders"
//! version = "1.4.2"
//! not-before = 2026-11-01T00:00:00Z     # may be left out
//! expires = 2027-11-01T00:00:00Z        # may be left out
//! [wants]                               # a wish, never a grant; may be left out
//! rights = ["status"]
//! memory-bytes-max = "16 MiB"           # or any other limit of actors
//! classes = ["Desk", "Till"]            # all that it describes
//! [from]                                # shown and not trusted; may be left out
//! commit = "…"
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use thespian_core::limits::MANIFEST_BYTES_MAX;
use thespian_core::source::manifest::Manifest;
use thespian_core::source::{Rights, SourceHash, SourceName, SourceVersion};
use thespian_core::text::inert;
use thespian_core::utc::UtcTime;
use toml::{Table, Value};

use super::wording::{FORMAT, NamedLimits, format, moment, rights};

/// A manifest, and what it says besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// All that admission goes by.
    pub manifest: Manifest,
    /// Where the source came from, in words of its builder: nobody holds them against anything.
    pub from: BTreeMap<String, String>,
}

/// The bytes are no manifest. The text says where, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its manifest can't be read: {0}")]
pub struct ManifestError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ManifestDocument {
    source: About,
    #[serde(default)]
    wants: Wants,
    #[serde(default)]
    from: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct About {
    #[serde(deserialize_with = "format", rename = "format")]
    _format: u32,
    sha256: SourceHash,
    name: SourceName,
    version: SourceVersion,
    #[serde(default, deserialize_with = "moment")]
    not_before: Option<UtcTime>,
    #[serde(default, deserialize_with = "moment")]
    expires: Option<UtcTime>,
}

#[derive(Default, Deserialize)]
struct Wants {
    #[serde(default, deserialize_with = "rights")]
    rights: Rights,
    classes: Option<Vec<String>>,
    /// Refuses what is no limit either.
    #[serde(flatten)]
    limits: NamedLimits,
}

/// Reads a manifest.
///
/// # Errors
/// The bytes are none.
pub fn read(bytes: &[u8]) -> Result<ManifestFile, ManifestError> {
    if bytes.len() > MANIFEST_BYTES_MAX {
        return Err(ManifestError(format!(
            "it has {} bytes, and at most {MANIFEST_BYTES_MAX} are allowed",
            bytes.len()
        )));
    }
    let text = str::from_utf8(bytes).map_err(|_| ManifestError("it is not UTF-8".to_string()))?;
    let ManifestDocument { source, wants, from } =
        toml::from_str(text).map_err(|error| told(text, &error))?;
    let manifest = Manifest {
        sha256: source.sha256,
        name: source.name,
        version: source.version,
        not_before: source.not_before,
        expires: source.expires,
        rights: wants.rights,
        limits: wants.limits.0,
        classes: wants.classes,
    };
    Ok(ManifestFile { manifest, from })
}

fn told(text: &str, error: &toml::de::Error) -> ManifestError {
    ManifestError(super::policy_file::in_one_line(text, error))
}

impl ManifestFile {
    /// As it is written and signed.
    ///
    /// # Panics
    /// Never: every value of it has a form in TOML.
    #[must_use]
    pub fn text(&self) -> String {
        let Manifest { sha256, name, version, not_before, expires, rights, limits, classes } = &self.manifest;
        let moment =
            |at: &UtcTime| Value::Datetime(at.to_string().parse().expect("RFC 3339 is a date of TOML"));
        let mut source = Table::new();
        source.insert("format".into(), i64::from(FORMAT).into());
        source.insert("sha256".into(), sha256.to_string().into());
        source.insert("name".into(), name.to_string().into());
        source.insert("version".into(), version.to_string().into());
        source.extend(not_before.as_ref().map(|at| ("not-before".to_string(), moment(at))));
        source.extend(expires.as_ref().map(|at| ("expires".to_string(), moment(at))));
        let mut wants = Table::new();
        if rights.any() {
            wants.insert("rights".into(), list(rights.names()));
        }
        wants.extend(limits.iter().map(|(name, value)| (name.to_string(), amount(value))));
        if let Some(classes) = classes {
            wants.insert("classes".into(), list(classes.iter().map(String::as_str)));
        }
        let from: Table = self.from.iter().map(|(key, text)| (key.clone(), text.as_str().into())).collect();
        let mut document = Table::new();
        document.insert("source".into(), source.into());
        for (key, table) in [("wants", wants), ("from", from)] {
            if !table.is_empty() {
                document.insert(key.into(), table.into());
            }
        }
        toml::to_string(&document).expect("a table of tables has a form in TOML")
    }

    /// Its name and version, in one line that nothing acts in.
    #[must_use]
    pub fn title(&self) -> String {
        inert(&format!("{} {}", self.manifest.name, self.manifest.version)).into_owned()
    }
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    Value::Array(texts.map(Value::from).collect())
}

fn amount(value: u64) -> Value {
    i64::try_from(value).map_or_else(|_| Value::String(value.to_string()), Value::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "ba0800000000000000000000000000000000000000000000000000000000ba08";

    fn document(rest: &str) -> String {
        format!(
            "[source]\nformat = 1\nsha256 = \"{HASH}\"\nname = \"shop/orders\"\nversion = \"1.4.2\"\n{rest}"
        )
    }

    #[test]
    fn a_manifest_is_read_as_it_is_written() {
        let text = document(
            "not-before = 2026-11-01T00:00:00Z\nexpires = 2027-11-01T02:00:00+02:00\n[wants]\nrights = [\"status\"]\n\
             memory-bytes-max = \"16 MiB\"\nchildren-max = 10\nclasses = [\"Desk\", \"Till\"]\n[from]\ncommit = \"c0de\"\n",
        );
        let file = read(text.as_bytes()).unwrap();
        let manifest = &file.manifest;
        assert_eq!(manifest.sha256.to_string(), HASH);
        assert_eq!(
            (manifest.name.to_string(), manifest.version.to_string()),
            ("shop/orders".into(), "1.4.2".into())
        );
        let dates = [manifest.not_before, manifest.expires].map(|at| at.unwrap().to_string());
        assert_eq!(dates, ["2026-11-01T00:00:00Z", "2027-11-01T00:00:00Z"]);
        assert_eq!(manifest.rights.names().collect::<Vec<_>>(), ["status"]);
        let limits: Vec<_> = manifest.limits.iter().collect();
        assert_eq!(limits, [("children-max", 10), ("memory-bytes-max", 16 << 20)]);
        assert_eq!(manifest.classes.as_deref().unwrap(), ["Desk", "Till"]);
        assert_eq!(file.from["commit"], "c0de");
        assert_eq!(read(file.text().as_bytes()).unwrap(), file);
        let least = read(document("").as_bytes()).unwrap();
        assert_eq!(read(least.text().as_bytes()).unwrap(), least);
        assert!(!least.manifest.rights.any() && least.manifest.limits.is_empty());
    }

    #[test]
    fn what_a_manifest_may_not_say_is_told_with_its_line() {
        let cases = [
            (document("color = 1\n"), "line 6: unknown field `color`"),
            (document("name = \"shop/till\"\n"), "line 6: duplicate key"),
            (document("[wants]\nmemory = 1\n"), "unknown key `memory`"),
            (document("[wants]\nrights = [\"root\"]\n"), "there is no right `root`"),
            (document("[wants]\nturn-cpu-ms-max = \"1 MiB\"\n"), "`turn-cpu-ms-max` is a whole number"),
            (document("[wants]\nmemory-bytes-max = \"many\"\n"), "`many` is no size"),
            (document("[wants]\nmemory-bytes-max = 1\n"), "can be 65536 to 4294967296, not 1"),
            (document("[extra]\n"), "unknown field `extra`"),
            (document("expires = 2027-11-01\n"), "a moment has a date, a time and an offset"),
            (document("expires = 2027-11-01T00:00:00\n"), "a moment has a date, a time and an offset"),
            (document("expires = \"soon\"\n"), "line 6"),
            (document("").replace("format = 1", "format = 2"), "reads format 1, and this is format 2"),
            (document("").replace("format = 1\n", ""), "missing field `format`"),
            (document("").replace("ba08", "BA08"), "a source hash has 64 lower-case hex digits"),
            (document("").replace("shop/", "Shop/"), "is no name of a source"),
            ("\u{1b}[2J".to_string(), "line 1"),
            (String::new(), "missing field `source`"),
        ];
        for (text, why) in cases {
            let told = read(text.as_bytes()).unwrap_err().to_string();
            assert!(told.contains(why), "{told} does not say {why}");
            assert!(!told.contains(['\n', '\u{1b}']), "{told:?}");
        }
        assert!(read(&[0xff]).unwrap_err().to_string().contains("not UTF-8"));
        assert!(read(&vec![b'#'; MANIFEST_BYTES_MAX + 1]).is_err());
    }
}
