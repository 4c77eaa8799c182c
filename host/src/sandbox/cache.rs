//! Compiled code on disk. It is native code that this process will run, so nothing is trusted but what this user
//! wrote here: the directory is private, and every file carries a code made with a key that lies in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use thespian_core::source::{RunHash, SourceHash};
use tracing::Level;
use wasmtime::component::Component;

use super::code::{self, Code};
use super::host::{EngineLog, Unheard};
use crate::descriptors::are_gone;
use crate::input::{self, InputError};
use crate::seal::{SEAL_LEN, Seal};

/// Changes whenever files of an earlier version must not be read.
const FORMAT: &[u8; 16] = b"thespian-code-1\n";
/// The start of each file: format, source, engine.
const HEADER_LEN: usize = FORMAT.len() + 32 + 32;
/// All files together, in bytes: some hundred sources. What was used longest ago goes first.
const CACHE_BYTES_MAX: u64 = 4 << 30;
/// The bound of a single file, in bytes. Native code has some ten times the size of a component.
const FILE_BYTES_MAX: usize = 1 << 30;
const EXTENSION: &str = "code";
/// Of a file that is being written.
const NEW_EXTENSION: &str = "new";
/// The age at which such a file is a leftover: whoever wrote it was ended. A disk takes the largest in a minute.
const LEFTOVER_AGE: Duration = Duration::from_secs(3_600);

/// A reason why a cache directory is not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The directory, or the key in it, can't be read or made.
    #[error("can't use the cache directory {path}: {error}")]
    Io {
        /// The file or directory in question.
        path: PathBuf,
        /// The system's own word for it.
        error: io::Error,
    },
    /// Others could put code into it that this process would run.
    #[error("the cache directory holds code that will run: {path} must {rule}")]
    NotPrivate {
        /// The file or directory in question.
        path: PathBuf,
        /// The rule that is broken: how it should be.
        rule: &'static str,
    },
}

/// A directory of compiled components.
pub(super) struct Cache {
    dir: PathBuf,
    seal: Seal,
    bytes_max: u64,
    warned: AtomicBool,
    rejections: AtomicU64,
    log: Arc<dyn EngineLog>,
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
        let seal = Seal::open(&path).map_err(io_error(&path))?;
        check_private(&path, &fs::symlink_metadata(&path).map_err(io_error(&path))?)?;
        let cache = Self {
            dir: dir.to_owned(),
            seal,
            bytes_max: CACHE_BYTES_MAX,
            warned: AtomicBool::new(false),
            rejections: AtomicU64::new(0),
            log: Arc::new(Unheard),
            eviction: Mutex::new(()),
        };
        cache.evict(None);
        Ok(cache)
    }

    /// Where it says what is wrong with it.
    pub(super) fn with_log(self, log: Arc<dyn EngineLog>) -> Self {
        Self { log, ..self }
    }

    /// Files that were not what had been written.
    pub(super) fn rejections(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }

    /// The code of a source for this engine, if it is here and intact.
    pub(super) fn get(&self, engine: &wasmtime::Engine, runs: RunHash) -> Option<Component> {
        let header = header(engine, runs);
        let path = self.path(&header);
        let bytes = match input::read_own(&path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(InputError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(InputError::Io(error)) => {
                self.warn_once(&path, &error);
                return None;
            }
            // No file of ours is such a thing.
            Err(InputError::NotAFile | InputError::TooLong { .. }) => {
                remove(&path);
                return None;
            }
        };
        let component = match self.verify(&header, &bytes) {
            Some(code) => code.component(engine).map_err(|error| super::fault::describe(&error)),
            None => Err("it is not what was written".to_owned()),
        };
        component
            .inspect(|_| touch(&path))
            .inspect_err(|why| {
                self.rejections.fetch_add(1, Ordering::Relaxed);
                let at = path.display();
                let text = format!("cached code in {at} is refused, and compiled anew: {why}");
                self.log.log(Level::WARN, "cache", &text);
                let _gone_or_unwritable = fs::remove_file(&path);
            })
            .ok()
    }

    /// Keeps the code of a source. Not being able to is no error: it will be compiled again.
    pub(super) fn put(&self, engine: &wasmtime::Engine, runs: RunHash, code: &Code) {
        let header = header(engine, runs);
        let path = self.path(&header);
        match self.publish(&path, &header, code.bytes()) {
            Ok(()) => self.evict(Some(&path)),
            Err(error) => self.warn_once(&path, &error),
        }
    }

    fn warn_once(&self, path: &Path, error: &io::Error) {
        // A load that finds no descriptor says so itself, and the next one may find some.
        if !are_gone(error) && !self.warned.swap(true, Ordering::Relaxed) {
            let path = path.display();
            let text =
                format!("the code cache is of no use, sources are compiled each time: {path}: {error}");
            self.log.log(Level::WARN, "cache", &text);
        }
    }

    fn path(&self, header: &[u8; HEADER_LEN]) -> PathBuf {
        let name = SourceHash(Sha256::digest(header).into());
        self.dir.join(format!("{name}.{EXTENSION}"))
    }

    /// The code in a file, if the file is whole and was written with our key for this source and engine. The
    /// comparison takes the same time wherever they differ.
    fn verify(&self, header: &[u8; HEADER_LEN], bytes: &[u8]) -> Option<Code> {
        let (seal, rest) = bytes.split_at_checked(SEAL_LEN)?;
        if !self.seal.is_over(seal, &[rest]) {
            return None;
        }
        let code = rest.strip_prefix(header.as_slice())?;
        Some(Code::proven(code.to_vec()))
    }

    /// Writes a file under another name first, so that no one ever sees half of it.
    fn publish(&self, path: &Path, header: &[u8; HEADER_LEN], code: &[u8]) -> io::Result<()> {
        let seal = self.seal.over(&[header, code]);
        let number = getrandom::u64().map_err(io::Error::other)?;
        let temporary = self.dir.join(format!("{number:016x}.{NEW_EXTENSION}"));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(&seal)?;
            file.write_all(header)?;
            file.write_all(code)?;
            fs::rename(&temporary, path)
        };
        write().inspect_err(|_| {
            let _never_made = fs::remove_file(&temporary);
        })
    }

    /// Removes what is no file of ours, or was left behind; then what was used longest ago, while all together are too
    /// big; never `kept`, which was just written.
    fn evict(&self, kept: Option<&Path>) {
        let _one_at_a_time = self.eviction.lock().unwrap_or_else(PoisonError::into_inner);
        let (useless, mut files): (Vec<_>, Vec<_>) =
            files(&self.dir).into_iter().partition(CacheFile::is_useless);
        for entry in useless {
            remove(&entry.path);
        }
        files.sort_by_key(|file| file.used);
        let mut total: u64 = files.iter().map(|file| file.len).sum();
        for file in files.iter().filter(|file| Some(&*file.path) != kept) {
            if total <= self.bytes_max {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                total -= file.len;
            }
        }
    }
}

/// The beginning of each file: format, source and engine, so that no file can stand in for another.
fn header(engine: &wasmtime::Engine, runs: RunHash) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..16].copy_from_slice(FORMAT);
    header[16..48].copy_from_slice(&runs.0.0);
    header[48..].copy_from_slice(&code::mark(engine));
    header
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

/// An entry of the directory that has the name of a file of the cache.
struct CacheFile {
    path: PathBuf,
    is_file: bool,
    len: u64,
    /// When it was written or used last.
    used: Option<SystemTime>,
}

impl CacheFile {
    fn is_useless(&self) -> bool {
        let is_new = self.path.extension().is_some_and(|end| end == NEW_EXTENSION);
        let age = self.used.and_then(|used| used.elapsed().ok());
        !self.is_file || is_new && age.is_some_and(|age| age >= LEFTOVER_AGE)
    }
}

/// The files of the cache: also those that a crash left half written, and what others put in their place.
fn files(dir: &Path) -> Vec<CacheFile> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == EXTENSION || end == NEW_EXTENSION))
        .filter_map(|entry| {
            // Of a link its own, and not that of what it leads to.
            let metadata = entry.metadata().ok()?;
            let (is_file, len) = (metadata.is_file(), metadata.len());
            Some(CacheFile { path: entry.path(), is_file, len, used: metadata.modified().ok() })
        })
        .collect()
}

/// Notes that a file was used: what was used longest ago goes first.
fn touch(path: &Path) {
    let now = |file: File| file.set_modified(SystemTime::now());
    // It is in use all the same, only its place in the order is not right.
    let _unwritable = input::open_own(OpenOptions::new().read(true), path).map(now);
}

/// Removes what is in the place of a file. A folder with something in it stays: nobody knows whose that is.
fn remove(path: &Path) {
    let _gone_or_full = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const HASH: RunHash = RunHash(SourceHash([7; 32]));

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

    fn code(engine: &wasmtime::Engine) -> Code {
        let text = r#"(component (core module (func (export "run") (result i32) (i32.const 42))))"#;
        Code::proven(engine.precompile_component(&wat::parse_str(text).unwrap()).unwrap())
    }

    /// A cache with one source in it.
    fn filled(folder: &Folder) -> (Cache, wasmtime::Engine) {
        let engine = engine();
        let cache = Cache::open(&folder.0).unwrap();
        cache.put(&engine, HASH, &code(&engine));
        (cache, engine)
    }

    #[test]
    fn what_was_put_in_comes_out_also_for_the_next_run() {
        let folder = Folder::new();
        let (cache, engine) = filled(&folder);
        assert!(cache.get(&engine, HASH).is_some());
        assert!(cache.get(&engine, RunHash(SourceHash([8; 32]))).is_none());
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
        let flips = (0..SEAL_LEN + HEADER_LEN + 16).chain((0..honest.len()).step_by(step));
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
        changed.push(code(&engine).bytes().to_vec());
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
        let other = RunHash(SourceHash([8; 32]));
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
    fn what_lies_in_the_place_of_a_file_holds_nothing_up_and_makes_room() {
        let folder = Folder::new();
        let (cache, engine) = filled(&folder);
        let path = folder.only_file();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let pipe = |path: &Path| rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
        let socket = |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        let link = |path: &Path| symlink("/dev/zero", path).unwrap();
        let dangling = |path: &Path| symlink("/nowhere", path).unwrap();
        let directory = |path: &Path| fs::create_dir(path).unwrap();
        let things: [&dyn Fn(&Path); 5] = [&pipe, &socket, &link, &dangling, &directory];
        for (nth, put) in things.into_iter().enumerate() {
            fs::remove_file(&path).unwrap();
            put(&path);
            assert!(cache.get(&engine, HASH).is_none(), "{nth}");
            cache.put(&engine, HASH, &code(&engine));
            assert!(cache.get(&engine, HASH).is_some(), "{nth}");
            // So does one of a source that nobody loads, at the next start.
            let other = folder.0.join("other.code");
            put(&other);
            drop(Cache::open(&folder.0).unwrap());
            assert!(fs::symlink_metadata(&other).is_err(), "{nth}");
        }
        // What is in a directory may be somebody's; the cache goes on without that place.
        fs::remove_file(&path).unwrap();
        directory(&path);
        fs::write(path.join("theirs"), "").unwrap();
        cache.put(&engine, HASH, &code(&engine));
        assert!(cache.get(&engine, HASH).is_none() && path.join("theirs").exists());
    }

    #[test]
    fn a_key_that_is_no_file_holds_nothing_up() {
        let folder = Folder::new();
        drop(filled(&folder));
        let key = folder.0.join("key");
        fs::remove_file(&key).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &key, mode).unwrap();
        let Err(CacheError::Io { error, .. }) = Cache::open(&folder.0) else { panic!("it is opened") };
        assert_eq!(error.to_string(), "it is no ordinary file");
    }

    fn set_age(path: &Path, age: Duration) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn what_a_killed_process_left_half_written_goes_and_what_is_being_written_stays() {
        let folder = Folder::new();
        let (cache, engine) = filled(&folder);
        let at = |name: &str| folder.0.join(name);
        for name in ["left.new", "key.left.new", "written.new"] {
            fs::write(at(name), "half").unwrap();
        }
        set_age(&at("left.new"), LEFTOVER_AGE);
        set_age(&at("key.left.new"), 2 * LEFTOVER_AGE);
        set_age(&at("written.new"), LEFTOVER_AGE / 2);
        drop(Cache::open(&folder.0).unwrap());
        let is_there = |name: &str| at(name).exists();
        assert_eq!(["left.new", "key.left.new", "written.new"].map(is_there), [false, false, true]);
        // One that gets old while the node runs goes with the next file that is written.
        set_age(&at("written.new"), LEFTOVER_AGE);
        cache.put(&engine, RunHash(SourceHash([8; 32])), &code(&engine));
        assert!(!is_there("written.new"));
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let folder = Folder::new();
        let (mut cache, engine) = filled(&folder);
        let len = fs::metadata(folder.only_file()).unwrap().len();
        cache.bytes_max = 3 * len;
        let hash = |nth: u8| RunHash(SourceHash([nth; 32]));
        for nth in [1, 2] {
            cache.put(&engine, hash(nth), &code(&engine));
        }
        for (nth, hours) in [(7, 3), (1, 2), (2, 1)] {
            set_age(&cache.path(&header(&engine, hash(nth))), Duration::from_secs(hours * 3_600));
        }
        // The oldest is used, also by another run.
        assert!(Cache::open(&folder.0).unwrap().get(&engine, HASH).is_some());
        cache.put(&engine, hash(3), &code(&engine));
        let is_there = |nth| cache.path(&header(&engine, hash(nth))).exists();
        assert_eq!([7, 1, 2, 3].map(is_there), [true, false, true, true]);
        cache.put(&engine, hash(4), &code(&engine));
        assert_eq!([7, 2, 3, 4].map(is_there), [true, false, true, true]);
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
        cache.put(&engine, HASH, &code(&engine));
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
