//! Compiled code on disk. It is native code that this process will run, so nothing is trusted but what this user
//! wrote here: the directory is private, and every file carries a code made with a key that lies in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use thespian_core::source::SourceHash;
use wasmtime::component::Component;

/// Changes whenever files of an earlier version must not be read.
const FORMAT: &[u8; 16] = b"thespian-code-1\n";
const MAC_LEN: usize = 32;
const KEY_LEN: usize = 32;
/// The start of each file: format, source, engine.
const HEADER_LEN: usize = FORMAT.len() + 32 + 32;
/// All files together, in bytes: some hundred sources. The oldest go first.
const CACHE_BYTES_MAX: u64 = 4 << 30;
/// One file, in bytes. Native code has some ten times the size of a component.
const FILE_BYTES_MAX: u64 = 1 << 30;
const EXTENSION: &str = "code";

/// Why a cache directory is not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It, or the key in it, can't be read or made.
    #[error("can't use the cache directory {path}: {error}")]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others could put code into it that this process would run.
    #[error("the cache directory holds code that will run: {path} must {rule}")]
    NotPrivate {
        /// Which file or directory.
        path: PathBuf,
        /// What it should be.
        rule: &'static str,
    },
}

/// A directory of compiled components.
pub(super) struct Cache {
    dir: PathBuf,
    key: [u8; KEY_LEN],
    warned: AtomicBool,
    rejections: AtomicU64,
    /// Held while the directory is brought back to its size.
    eviction: Mutex<()>,
}

impl Cache {
    /// Opens the directory, or makes it.
    ///
    /// # Errors
    /// When it is not private to this user, or unusable.
    pub(super) fn open(dir: &Path) -> Result<Self, CacheError> {
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |error| CacheError::Io { path, error }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error(dir))?;
        let metadata = fs::symlink_metadata(dir).map_err(io_error(dir))?;
        if !metadata.is_dir() {
            return Err(CacheError::NotPrivate { path: dir.to_owned(), rule: "be a directory and no link" });
        }
        check_private(dir, &metadata)?;
        let path = dir.join("key");
        let key = match read_key(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_key(&path).map_err(io_error(&path))?
            }
            key => key.map_err(io_error(&path))?,
        };
        check_private(&path, &fs::symlink_metadata(&path).map_err(io_error(&path))?)?;
        Ok(Self {
            dir: dir.to_owned(),
            key,
            warned: AtomicBool::new(false),
            rejections: AtomicU64::new(0),
            eviction: Mutex::new(()),
        })
    }

    /// Files that were not what had been written.
    pub(super) fn rejections(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }

    /// The code of a source for this engine, if it is here and intact.
    pub(super) fn get(&self, engine: &wasmtime::Engine, hash: SourceHash) -> Option<Component> {
        let header = header(engine, hash);
        let path = self.path(&header);
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.warn_once(&path, &error);
                return None;
            }
        };
        let component = match self.verify(&header, &bytes) {
            Some(code) => deserialize(engine, &code),
            None => Err("it is not what was written".to_owned()),
        };
        component
            .inspect_err(|why| {
                self.rejections.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(path = %path.display(), why, "cached code refused: compiling anew");
                let _gone_or_unwritable = fs::remove_file(&path);
            })
            .ok()
    }

    /// Keeps the code of a source. Not being able to is no error: it will be compiled again.
    pub(super) fn put(&self, engine: &wasmtime::Engine, hash: SourceHash, component: &Component) {
        let header = header(engine, hash);
        let path = self.path(&header);
        let written = match component.serialize() {
            Ok(code) => self.publish(&path, &header, &code),
            Err(error) => Err(io::Error::other(error.to_string())),
        };
        match written {
            Ok(()) => self.evict(&path),
            Err(error) => self.warn_once(&path, &error),
        }
    }

    fn warn_once(&self, path: &Path, error: &io::Error) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(path = %path.display(), %error, "the code cache is of no use: sources are compiled each time");
        }
    }

    fn path(&self, header: &[u8; HEADER_LEN]) -> PathBuf {
        let name = SourceHash(Sha256::digest(header).into());
        self.dir.join(format!("{name}.{EXTENSION}"))
    }

    fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.key).expect("HMAC takes keys of any length")
    }

    /// The code in a file, if the file is whole and was written with our key for this source and engine. The
    /// comparison takes the same time wherever they differ.
    fn verify(&self, header: &[u8; HEADER_LEN], bytes: &[u8]) -> Option<Verified> {
        let (mac, rest) = bytes.split_at_checked(MAC_LEN)?;
        self.mac().chain_update(rest).verify_slice(mac).ok()?;
        let code = rest.strip_prefix(header.as_slice())?;
        Some(Verified(code.to_vec()))
    }

    /// Writes a file under another name first, so that no one ever sees half of it.
    fn publish(&self, path: &Path, header: &[u8; HEADER_LEN], code: &[u8]) -> io::Result<()> {
        let mac = self.mac().chain_update(header).chain_update(code).finalize().into_bytes();
        let number = getrandom::u64().map_err(io::Error::other)?;
        let temporary = self.dir.join(format!("{number:016x}.new"));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(&mac)?;
            file.write_all(header)?;
            file.write_all(code)?;
            fs::rename(&temporary, path)
        };
        write().inspect_err(|_| {
            let _never_made = fs::remove_file(&temporary);
        })
    }

    /// Removes the oldest files while all together are too big; never `kept`, which was just written.
    fn evict(&self, kept: &Path) {
        let _one_at_a_time = self.eviction.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = files(&self.dir);
        files.sort_by_key(|file| file.modified);
        let mut total: u64 = files.iter().map(|file| file.len).sum();
        for file in files.iter().filter(|file| file.path != kept) {
            if total <= CACHE_BYTES_MAX {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                total -= file.len;
            }
        }
    }
}

/// Code whose origin is proven.
struct Verified(Vec<u8>);

/// Turns proven code into a component.
#[expect(unsafe_code, reason = "there is no safe way to make a component of compiled code")]
fn deserialize(engine: &wasmtime::Engine, code: &Verified) -> Result<Component, String> {
    // SAFETY: the bytes must be what `Component::serialize` returned, because they become native code. They are: a
    // `Verified` is made only by `Cache::verify`, after an HMAC-SHA256 under a key that only this user can read has
    // shown that this program wrote them, for this source, and for an engine of the same version, settings and CPU
    // (wasmtime checks these itself as well). They were read whole into our own memory before the check, so no one
    // can change them after it.
    let component = unsafe { Component::deserialize(engine, &code.0) };
    component.map_err(|error| super::fault::describe(&error))
}

/// What a file must begin with: it names format, source and engine, so that no file can stand in for another.
fn header(engine: &wasmtime::Engine, hash: SourceHash) -> [u8; HEADER_LEN] {
    let mut settings = Settings(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    let settings: [u8; 32] = settings.0.finalize().into();
    let mut header = [0; HEADER_LEN];
    header[..16].copy_from_slice(FORMAT);
    header[16..48].copy_from_slice(&hash.0);
    header[48..].copy_from_slice(&settings);
    header
}

/// Hashes what wasmtime says of its settings, with all bits.
struct Settings(Sha256);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn check_private(path: &Path, metadata: &fs::Metadata) -> Result<(), CacheError> {
    let refuse = |rule| Err(CacheError::NotPrivate { path: path.to_owned(), rule });
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refuse("belong to the user who runs this program");
    }
    if metadata.mode() & 0o077 != 0 {
        return refuse("be closed to everyone else (chmod go= )");
    }
    Ok(())
}

/// Reads a whole file of bounded size, without following a link.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let len = file.metadata()?.len();
    if len > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it has {len} bytes")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    let bytes = read(path)?;
    bytes.try_into().map_err(|_| io::Error::other("the key has the wrong length: remove it"))
}

/// Draws a key and publishes it whole; where two programs do so at once, both end up with the first one's.
fn make_key(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    let mut key = [0; KEY_LEN];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let temporary = path.with_extension(format!("{:016x}.new", getrandom::u64().map_err(io::Error::other)?));
    let write = |mut file: File| file.write_all(&key).and_then(|()| file.sync_all());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(write);
    // A link, unlike a rename, does not replace a key that is there already.
    let published = made.and_then(|()| fs::hard_link(&temporary, path));
    let _never_made = fs::remove_file(&temporary);
    match published {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_key(path),
    }
}

struct CachedFile {
    path: PathBuf,
    len: u64,
    modified: Option<std::time::SystemTime>,
}

/// The files of the cache: also those that a crash left half written.
fn files(dir: &Path) -> Vec<CachedFile> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == EXTENSION || end == "new"))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some(CachedFile { path: entry.path(), len: metadata.len(), modified: metadata.modified().ok() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const HASH: SourceHash = SourceHash([7; 32]);

    /// A private folder, removed with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("thespian-cache-{:016x}", getrandom::u64().unwrap());
            Self(std::env::temp_dir().join(name))
        }

        fn only_file(&self) -> PathBuf {
            let mut files = files(&self.0);
            assert_eq!(files.len(), 1);
            files.remove(0).path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _never_made = fs::remove_dir_all(&self.0);
        }
    }

    fn engine() -> wasmtime::Engine {
        wasmtime::Engine::default()
    }

    fn component(engine: &wasmtime::Engine) -> Component {
        let text = r#"(component (core module (func (export "run") (result i32) (i32.const 42))))"#;
        Component::new(engine, wat::parse_str(text).unwrap()).unwrap()
    }

    /// A cache with one source in it.
    fn filled(folder: &Folder) -> (Cache, wasmtime::Engine) {
        let engine = engine();
        let cache = Cache::open(&folder.0).unwrap();
        cache.put(&engine, HASH, &component(&engine));
        (cache, engine)
    }

    #[test]
    fn what_was_put_in_comes_out_also_for_the_next_run() {
        let folder = Folder::new();
        let (cache, engine) = filled(&folder);
        assert!(cache.get(&engine, HASH).is_some());
        assert!(cache.get(&engine, SourceHash([8; 32])).is_none());
        assert!(Cache::open(&folder.0).unwrap().get(&engine, HASH).is_some());
        assert_eq!(cache.rejections(), 0);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&folder.0), 0o700);
        assert_eq!((mode(&folder.only_file()), mode(&folder.0.join("key"))), (0o600, 0o600));
    }

    #[test]
    fn a_changed_file_is_never_run() {
        let folder = Folder::new();
        let (cache, engine) = filled(&folder);
        let path = folder.only_file();
        let honest = fs::read(&path).unwrap();
        let step = (honest.len() / 500).max(1);
        let flips = (0..MAC_LEN + HEADER_LEN + 16).chain((0..honest.len()).step_by(step));
        let mut changed: Vec<Vec<u8>> = flips
            .map(|place| {
                let mut bytes = honest.clone();
                bytes[place] ^= 0x10;
                bytes
            })
            .collect();
        changed.extend((0..honest.len()).step_by(step).map(|len| honest[..len].to_vec()));
        changed.push([&honest[..], b"\0"].concat());
        // Code without any code of ours to vouch for it.
        changed.push(component(&engine).serialize().unwrap());
        for (nth, bytes) in changed.iter().enumerate() {
            fs::write(&path, bytes).unwrap();
            assert!(cache.get(&engine, HASH).is_none(), "change {nth}");
            assert!(!path.exists(), "it is removed");
        }
        assert_eq!(cache.rejections(), changed.len() as u64);
        fs::write(&path, honest).unwrap();
        assert!(cache.get(&engine, HASH).is_some());
    }

    #[test]
    fn a_file_of_another_source_engine_or_key_is_never_run() {
        let folder = Folder::new();
        let (cache, engine) = filled(&folder);
        let path = folder.only_file();
        let other = SourceHash([8; 32]);
        fs::copy(&path, cache.path(&header(&engine, other))).unwrap();
        assert!(cache.get(&engine, other).is_none(), "another source's");
        let mut config = wasmtime::Config::new();
        let slower = wasmtime::Engine::new(config.epoch_interruption(true)).unwrap();
        assert!(cache.get(&slower, HASH).is_none());
        fs::copy(&path, cache.path(&header(&slower, HASH))).unwrap();
        assert!(cache.get(&slower, HASH).is_none(), "another engine's");
        let elsewhere = Folder::new();
        let (strangers, _) = filled(&elsewhere);
        fs::copy(elsewhere.only_file(), &path).unwrap();
        assert!(cache.get(&engine, HASH).is_none(), "another key's");
        assert_eq!((cache.rejections(), strangers.rejections()), (3, 0));
    }

    #[test]
    fn links_are_not_followed() {
        let folder = Folder::new();
        let (cache, engine) = filled(&folder);
        let path = folder.only_file();
        let aside = folder.0.join("aside");
        fs::rename(&path, &aside).unwrap();
        symlink(&aside, &path).unwrap();
        assert!(cache.get(&engine, HASH).is_none());
        // Being written anew, it replaces the link and not what that leads to.
        let before = fs::read(&aside).unwrap();
        cache.put(&engine, HASH, &component(&engine));
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read(&aside).unwrap(), before);
        let link = Folder::new();
        symlink(&folder.0, &link.0).unwrap();
        assert!(matches!(Cache::open(&link.0), Err(CacheError::NotPrivate { .. })));
        fs::remove_file(&link.0).unwrap();
    }

    #[test]
    fn a_directory_or_key_that_others_can_reach_is_refused() {
        let folder = Folder::new();
        drop(filled(&folder));
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (path, open, private) in [(folder.0.clone(), 0o750, 0o700), (folder.0.join("key"), 0o644, 0o600)]
        {
            set(&path, open);
            assert!(matches!(Cache::open(&folder.0), Err(CacheError::NotPrivate { .. })));
            set(&path, private);
            assert!(Cache::open(&folder.0).is_ok());
        }
        fs::write(folder.0.join("key"), b"short").unwrap();
        assert!(matches!(Cache::open(&folder.0), Err(CacheError::Io { .. })));
    }
}
