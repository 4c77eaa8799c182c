//! Keys of this user: where they lie, and how a secret one is opened.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use minisign::{SecretKey, SecretKeyBox};
use thespian_core::source::policy::PublicKey;
use thespian_host::input;
use thespian_host::signing::key_text;

use super::given;
use super::layers::default_config_dir;
use super::outcome::Usage;

/// A key's file, in bytes. Minisign's have some 300.
const KEY_BYTES_MAX: usize = 4 << 10;
/// A passphrase's file, in bytes: minisign takes no longer one.
const PASSPHRASE_BYTES_MAX: usize = 1 << 10;

/// How a secret key is locked.
#[derive(Args)]
pub(super) struct PassphraseArgs {
    /// A file whose first line is the passphrase [default: asked for on the terminal].
    #[arg(long, value_name = "FILE", conflicts_with = "no_passphrase")]
    passphrase_file: Option<PathBuf>,
    /// The secret key is locked by nothing but its file's mode.
    #[arg(long)]
    no_passphrase: bool,
}

impl PassphraseArgs {
    /// That of a new key; absent: there is to be none.
    pub(super) fn of_a_new_key(&self) -> Result<Option<String>> {
        if self.no_passphrase {
            return Ok(None);
        }
        if let Some(passphrase) = self.read_from_file()? {
            return Ok(Some(passphrase));
        }
        let passphrase = asked("Passphrase for the new key: ")?;
        if asked("Once more: ")? != passphrase {
            return Err(Usage("the two passphrases differ".to_string()).into());
        }
        Ok(Some(passphrase))
    }

    /// That of a key that is locked.
    fn of_a_locked_key(&self) -> Result<String> {
        match self.read_from_file()? {
            Some(passphrase) => Ok(passphrase),
            None => asked("Passphrase: "),
        }
    }

    fn read_from_file(&self) -> Result<Option<String>> {
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        let bytes = given::read_file(path, "a passphrase", PASSPHRASE_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|_| Usage(format!("{} is not UTF-8", path.display())))?;
        Ok(Some(text.lines().next().unwrap_or_default().to_string()))
    }
}

/// Asks on the terminal, whatever stdin and stdout are.
fn asked(prompt: &str) -> Result<String> {
    let asked = rpassword::prompt_password(prompt);
    Ok(asked.map_err(|error| {
        Usage(format!(
            "can't ask for the passphrase on a terminal ({error}): name its file with --passphrase-file"
        ))
    })?)
}

/// The folder of this user's keys.
pub(super) fn folder() -> Result<PathBuf> {
    Ok(default_config_dir()?.join("keys"))
}

/// The file of a key: as it was named, or by its name among this user's keys.
pub(super) fn file_of(name: &str, ending: &str) -> Result<PathBuf> {
    if name.contains('/') || Path::new(name).extension().is_some() {
        return Ok(PathBuf::from(name));
    }
    Ok(folder()?.join(format!("{name}.{ending}")))
}

/// A name for a new key: it is a file's name, and shown in lists.
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        return Err(
            Usage(format!("`{name}` is no name of a key: 1 to 64 letters, digits, `-` or `_`")).into()
        );
    }
    Ok(())
}

/// Writes a key's file where none is.
pub(super) fn write_new(path: &Path, text: &str, mode: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("can't make {}", folder.display()))?;
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(is_there(path).into());
        }
        file => file.with_context(|| format!("can't write {}", path.display()))?,
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // Half a key would be taken for one.
    written
        .inspect_err(|_| drop(fs::remove_file(path)))
        .with_context(|| format!("can't write {}", path.display()))
}

/// A public key by its text, its file, or its name among this user's.
pub(super) fn public(named: &str) -> Result<PublicKey> {
    if let Ok(key) = key_text::read(named) {
        return Ok(key);
    }
    let file = file_of(named, "pub")?;
    let bytes = given::read_file(&file, "a public key", KEY_BYTES_MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| Usage(format!("{} is not UTF-8", file.display())))?;
    Ok(key_text::read(&text).map_err(|error| Usage(format!("{}: {error}", file.display())))?)
}

/// Says that a key has this file.
pub(super) fn is_there(path: &Path) -> Usage {
    Usage(format!("{} is there already: a key is never written over", path.display()))
}

/// Opens a secret key.
pub(super) fn open(name: &str, passphrase: &PassphraseArgs) -> Result<SecretKey> {
    let path = file_of(name, "key")?;
    let bytes = input::read_own(&path, KEY_BYTES_MAX).map_err(|error| match io::Error::from(error) {
        error if error.kind() == io::ErrorKind::NotFound => {
            Usage(format!("there is no key {}: `thespian-host key new` makes one", path.display()))
        }
        error => Usage(format!("can't read the key {}: {error}", path.display())),
    })?;
    let no_key = || Usage(format!("{} is no secret key of minisign's", path.display()));
    let text = String::from_utf8(bytes).map_err(|_| no_key())?;
    let locked = || SecretKeyBox::from_string(&text).map_err(|_| no_key());
    // One that is not locked opens without a passphrase, whatever was said of it.
    if let Ok(key) = locked()?.into_unencrypted_secret_key() {
        return Ok(key);
    }
    let opened = locked()?.into_secret_key(Some(passphrase.of_a_locked_key()?));
    Ok(opened.map_err(|error| Usage(format!("the key {} does not open: {error}", path.display())))?)
}
