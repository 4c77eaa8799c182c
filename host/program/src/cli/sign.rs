//! `sign` and `verify`: a manifest beside a component, and signatures beside that.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};
use thespian_core::limits::{MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX};
use thespian_core::source::admission::Signature;
use thespian_core::source::manifest::Manifest;
use thespian_core::source::policy::PublicKey;
use thespian_core::source::{LowerLimits, SourceHash, SourceName, SourceVersion};
use thespian_core::utc::UtcTime;
use thespian_host::signing::manifest_file::{self, ManifestFile};
use thespian_host::signing::papers_file::{manifest_of, signatures_of};
use thespian_host::signing::{key_text, signature_file};

use super::given;
use super::keys::{self, PassphraseArgs};
use super::load::{named_rights, read_component};
use super::outcome::{NotSigned, Usage};
use super::output::Output;
use super::papers::PapersArgs;
use super::policy::limit;

/// Writes a manifest beside a component and signs it, or signs the one that is there once more, with another key.
///
/// The manifest is FILE.toml for FILE.wasm: what the source is called, until when it may be loaded, and what its actors want.
/// The signature is FILE.toml.minisig, or FILE.toml.KEY.minisig where that is there already; `minisign -V` verifies it too.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 signed; 1 can't be written; 2 no such file or key, or the manifest makes no sense (all: `thespian-host \
                  --help`)"
)]
pub(super) struct SignArgs {
    /// File of a component.
    file: PathBuf,
    /// Name of the key that signs, or the file of a secret one.
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Name of the source: the same for all versions of it, as `shop/orders`.
    #[arg(long, value_name = "NAME")]
    name: Option<SourceName>,
    /// Version of it, as `1.4.2`.
    #[arg(long, value_name = "VERSION")]
    version: Option<SourceVersion>,
    /// When it may be loaded at first, as `2026-11-01T00:00:00Z` [default: at once].
    #[arg(long, value_name = "MOMENT")]
    not_before: Option<UtcTime>,
    /// When it may be loaded no more [default: never].
    #[arg(long, value_name = "MOMENT")]
    expires: Option<UtcTime>,
    /// Right that its actors want: `dead-letters`, `capabilities`, `status`, `shutdown`, `authority`, `sources`; may be repeated.
    #[arg(long = "want", value_name = "RIGHT", value_delimiter = ',')]
    rights: Vec<String>,
    /// Limit that its actors can do with, by its name in the configuration file; may be repeated.
    #[arg(long = "limit", value_name = "NAME=N", value_parser = limit)]
    limits: Vec<(String, u64)>,
    /// Class that it describes: where any is named, all of them; may be repeated.
    #[arg(long = "class", value_name = "CLASS", value_delimiter = ',')]
    classes: Vec<String>,
    /// Where it comes from, shown and not trusted: `commit=c0ffee`; may be repeated.
    #[arg(long = "from", value_name = "NAME=TEXT", value_parser = pair)]
    from: Vec<(String, String)>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Says whether a component's manifest is about it, and who has signed that. Asks no node, and says nothing of who is trusted.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 all signatures are of a given key; 2 no such file; 4 one is not (all: `thespian-host --help`)"
)]
pub(super) struct VerifyArgs {
    /// File of a component.
    file: PathBuf,
    /// Name of a key, the file of a public one, or its text; may be repeated.
    #[arg(long, value_name = "KEY", required = true)]
    key: Vec<String>,
    #[command(flatten)]
    papers: PapersArgs,
}

pub(super) fn sign(args: &SignArgs, output: &Output) -> Result<()> {
    let component = read_component(&args.file)?;
    let sha256 = SourceHash(Sha256::digest(&component).into());
    let path = manifest_of(&args.file);
    let key = keys::open(&args.key, &args.passphrase)?;
    let beside = place(&path, &args.key, key.keynum())?;
    let is_there = path.exists();
    let (file, text) = if is_there {
        args.says_nothing_new(&path)?;
        let text = given::read_file(&path, "a manifest", MANIFEST_BYTES_MAX)?;
        let read = manifest_file::read(&text);
        (read.map_err(|error| Usage(format!("{}: {error}", path.display())))?, text)
    } else {
        let file = args.manifest(sha256)?;
        let text = file.text().into_bytes();
        (file, text)
    };
    if file.manifest.sha256 != sha256 {
        let text = format!(
            "{} is about another component, {}: remove it, and `sign` makes one for this",
            path.display(),
            file.manifest.sha256
        );
        return Err(Usage(text).into());
    }
    let signed_at = UtcTime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let comment = format!("{} signed at {signed_at}", file.title());
    let signature =
        minisign::sign(None, &key, Cursor::new(&text), Some(&comment), Some("signature of a manifest"));
    let signature = signature.map_err(|error| Usage(format!("can't sign: {error}")))?;
    if !is_there {
        write(&path, &text)?;
    }
    let lines = format!("{}\n", signature.into_string().trim_end());
    write(&beside, lines.as_bytes())?;
    if output.is_json() {
        output.json(&json!({"sha256": sha256, "manifest": path.display().to_string(), "signature": beside.display().to_string()}))?;
    } else {
        output.note(format_args!("{} of {}", file.title(), args.file.display()));
        output.line(beside.display())?;
    }
    Ok(())
}

/// Where a signature goes: in the place of an earlier one of the same key, and of no other's.
fn place(manifest: &Path, key: &str, number: &[u8]) -> Result<PathBuf> {
    let there = signatures_of(manifest)?;
    if let Some(stale) = there.first().filter(|_| !manifest.exists()) {
        let text = format!("{} signs a manifest that is gone: remove it", stale.display());
        return Err(Usage(text).into());
    }
    for file in &there {
        let signature = given::read_file(file, "a signature", SIGNATURE_BYTES_MAX)?;
        if signature_file::key_id(&signature).is_some_and(|id| id.0 == number) {
            return Ok(file.clone());
        }
    }
    let name = Path::new(key).file_stem().unwrap_or_default().to_string_lossy();
    let (first, own) = (append(manifest, ".minisig"), append(manifest, &format!(".{name}.minisig")));
    match (first.exists(), own.exists()) {
        (false, _) => Ok(first),
        (true, false) => Ok(own),
        (true, true) => {
            Err(Usage(format!("{} is of another key of that name: move it", own.display())).into())
        }
    }
}

/// Writes a file whole, or leaves what was there.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let new = append(path, ".new");
    let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
    written
        .inspect_err(|_| drop(fs::remove_file(&new)))
        .with_context(|| format!("can't write {}", path.display()))
}

fn append(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

impl SignArgs {
    fn manifest(&self, sha256: SourceHash) -> Result<ManifestFile> {
        let needed =
            |what: &str| Usage(format!("a manifest says what the source is called: --{what} is missing"));
        let name = self.name.clone().ok_or_else(|| needed("name"))?;
        let version = self.version.clone().ok_or_else(|| needed("version"))?;
        let rights = named_rights(&self.rights)?;
        let mut limits = LowerLimits::default();
        for (name, value) in &self.limits {
            limits.set(name, *value).map_err(|error| Usage(error.to_string()))?;
        }
        let classes = (!self.classes.is_empty()).then(|| self.classes.clone());
        let (not_before, expires) = (self.not_before, self.expires);
        let manifest = Manifest { sha256, name, version, not_before, expires, rights, limits, classes };
        Ok(ManifestFile { manifest, from: self.from.iter().cloned().collect() })
    }

    /// Refuses what a manifest that is there already would not say.
    fn says_nothing_new(&self, path: &Path) -> Result<()> {
        let Self { name, version, not_before, expires, rights, limits, classes, from, .. } = self;
        let is_silent = name.is_none()
            && version.is_none()
            && not_before.is_none()
            && expires.is_none()
            && rights.is_empty()
            && limits.is_empty()
            && classes.is_empty()
            && from.is_empty();
        if is_silent {
            return Ok(());
        }
        let text = format!(
            "{} is there already, and is what gets signed: remove it to say something else, or leave those options out",
            path.display()
        );
        Err(Usage(text).into())
    }
}

pub(super) fn verify(args: &VerifyArgs, output: &Output) -> Result<()> {
    let component = read_component(&args.file)?;
    let sha256 = SourceHash(Sha256::digest(&component).into());
    let papers = args.papers.read(&args.file)?;
    let Some(manifest) = &papers.manifest else {
        return Err(NotSigned(format!("{} has no manifest beside it", args.file.display())).into());
    };
    let file = manifest_file::read(manifest).map_err(|error| NotSigned(error.to_string()))?;
    if file.manifest.sha256 != sha256 {
        return Err(
            NotSigned(format!("the manifest is about another component, {}", file.manifest.sha256)).into()
        );
    }
    let keys: Result<Vec<PublicKey>> = args.key.iter().map(|named| keys::public(named)).collect();
    let keys = keys?;
    if papers.signatures.is_empty() {
        return Err(NotSigned("the manifest has no signature beside it".to_string()).into());
    }
    let mut signers = Vec::new();
    for signature in &papers.signatures {
        match signature_file::held_against(signature, manifest, &keys) {
            Signature::Good(key) => signers.push(key_text::write(&key)),
            Signature::UnknownKey(id) => {
                bail!(NotSigned(format!("a signature is of key {id}, which was not given")))
            }
            Signature::False(id) => {
                bail!(NotSigned(format!(
                    "the signature that names key {id} is not that key's, or of other bytes"
                )))
            }
            Signature::Malformed(why) => bail!(NotSigned(format!("a signature file is none: {why}"))),
        }
    }
    if output.is_json() {
        let name = file.manifest.name.to_string();
        output.json(&json!({"name": name, "version": file.manifest.version.to_string(), "sha256": sha256, "keys": signers}))?;
    } else {
        output.note(format_args!("{}, signed by", file.title()));
        for signer in signers {
            output.line(signer)?;
        }
    }
    Ok(())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, text) = text.split_once('=').ok_or("it looks like `commit=c0ffee`")?;
    Ok((name.to_string(), text.to_string()))
}
