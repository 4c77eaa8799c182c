//! The bytes of sources on disk, each in a file of its own under the name of its hash, and beside those of admitted ones a record.
//! What lies there is whole: it is written under another name first, and compared with its hash when it is read; a record carries
//! the node's seal.
//!
//! Bytes without a record are of a load that came to no end: they go when the directory is opened. Those with one come back
//! with the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use thespian_core::limits::{SOURCE_BYTES_MAX, STORE_BYTES_MAX};
use thespian_core::source::SourceHash;

use super::records::{RECORD_BYTES_MAX, SourceRecord};
use super::{DirLock, StoreError, private_dir};
use crate::descriptors::{self, ADVICE};
use crate::input;
use crate::seal::Seal;

/// The directory of sources in the data directory.
const DIR: &str = "sources";
/// The ending of a record's name.
const RECORD: &str = "record";

/// The bytes of a source can't be kept or had back. Nothing half-written is left.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceFileError {
    /// The process, or the system, has no file descriptor left.
    #[error("this host has no file descriptor left for the source's file: {ADVICE}")]
    NoDescriptor,
    /// The disk is full, or does not do what it should.
    #[error("its bytes can't be kept in {path}: {error}")]
    Write { path: PathBuf, error: io::Error },
    /// The file is gone, or can't be read.
    #[error("its bytes can't be read back from {path}: {error}")]
    Read { path: PathBuf, error: io::Error },
    /// All files together have as much as they may.
    #[error(
        "the sources that are kept have {taken} bytes, this one has {bytes}, and at most {STORE_BYTES_MAX} are kept: unload others"
    )]
    Full { taken: u64, bytes: u64 },
    /// Somebody else wrote the file, or the disk lost some of it.
    #[error("its bytes can't be used: {path} has others than were written")]
    Changed { path: PathBuf },
}

impl SourceFileError {
    fn write(path: &Path, error: io::Error) -> Self {
        if descriptors::are_gone(&error) {
            return Self::NoDescriptor;
        }
        Self::Write { path: path.to_path_buf(), error }
    }

    fn read(path: &Path, error: io::Error) -> Self {
        if descriptors::are_gone(&error) {
            return Self::NoDescriptor;
        }
        Self::Read { path: path.to_path_buf(), error }
    }
}

/// The directory in which a node keeps the bytes of its sources.
pub(crate) struct SourceFiles {
    dir: PathBuf,
    seal: Arc<Seal>,
    current: Mutex<SourceVersions>,
    /// The node's hold on the data directory: without it nothing is written.
    lock: Weak<DirLock>,
}

/// A source that an earlier run admitted, and has left here.
pub(crate) struct KeptSource {
    pub(crate) file: SourceFile,
    pub(crate) record: SourceRecord,
}

/// All that was found where the sources are.
pub(crate) struct FoundSources {
    pub(crate) files: Arc<SourceFiles>,
    /// In order of hash.
    pub(crate) kept: Vec<KeptSource>,
    /// Files that are not as they should be, and are not used.
    pub(crate) problems: Vec<String>,
}

/// The files that are in use. A source that is loaded again while its earlier file is being removed keeps the new one.
#[derive(Debug, Default)]
struct SourceVersions {
    versions: BTreeMap<SourceHash, u64>,
    last: u64,
    /// Bytes of all files together, those that are being written too.
    bytes: u64,
}

impl SourceFiles {
    /// Makes the directory if it is missing, finds what earlier runs have admitted, and removes what else they left. What no run
    /// wrote stays.
    ///
    /// # Errors
    /// It can't be made or emptied, is open to others, or leads elsewhere.
    pub(crate) fn open(
        data_dir: &Path,
        seal: Arc<Seal>,
        lock: Weak<DirLock>,
    ) -> Result<FoundSources, StoreError> {
        let dir = data_dir.join(DIR);
        // Files are removed here: not where somebody's link leads.
        if fs::symlink_metadata(&dir).is_ok_and(|found| !found.is_dir()) {
            return Err(StoreError::NotOwnDir { path: dir });
        }
        private_dir(&dir)?;
        let io_error = |path: &Path| {
            let path = path.to_path_buf();
            move |error| StoreError::Io { path, error }
        };
        let files = Arc::new(Self { dir: dir.clone(), seal, current: Mutex::default(), lock });
        let (mut kept, mut problems, mut left) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut bytes = BTreeSet::new();
        let mut recorded = BTreeSet::new();
        for entry in fs::read_dir(&dir).map_err(io_error(&dir))? {
            let entry = entry.map_err(io_error(&dir))?;
            let path = entry.path();
            let is_file = entry.file_type().map_err(io_error(&path))?.is_file();
            let name = entry.file_name();
            let Some(ours) = name.to_str().filter(|_| is_file).and_then(OurFile::of) else { continue };
            match ours {
                OurFile::Record(hash) => {
                    recorded.insert(hash);
                    // What can't be used stays: the key, or the disk, may be as it was with the next start.
                    match files.read_record(hash) {
                        Ok(record) => drop(kept.insert(hash, record)),
                        Err(why) => problems.push(format!("{}: {why}", path.display())),
                    }
                }
                OurFile::Bytes(hash) => drop(bytes.insert(hash)),
                OurFile::Begun => left.push(path),
            }
        }
        left.extend(bytes.difference(&recorded).map(|hash| files.path(*hash)));
        for path in left {
            if let Err(error) = fs::remove_file(&path) {
                problems.push(format!("{} can't be removed: {error}", path.display()));
            }
        }
        let kept = kept.into_iter().map(|(hash, record)| files.found(hash, record)).collect();
        Ok(FoundSources { files, kept, problems })
    }

    /// The record of a source, if it is as a node of this directory wrote it and its bytes are there.
    fn read_record(&self, hash: SourceHash) -> Result<SourceRecord, String> {
        let bytes =
            input::read_own(&self.record_path(hash), RECORD_BYTES_MAX).map_err(|error| error.to_string())?;
        let json = self.seal.opened(&SourceRecord::purpose(hash), &bytes);
        let record = json.and_then(|json| serde_json::from_slice::<SourceRecord>(json).ok());
        let record = record.ok_or("it is not as this node wrote it, and is not used")?;
        let found = fs::symlink_metadata(self.path(hash)).map_err(|error| error.to_string())?;
        if !found.is_file() || found.len() != record.size {
            return Err("the source beside it has another size, and is not used".to_string());
        }
        Ok(record)
    }

    fn found(self: &Arc<Self>, hash: SourceHash, record: SourceRecord) -> KeptSource {
        let version = self.next_version();
        let mut current = self.current.lock();
        current.versions.insert(hash, version);
        current.bytes += record.size;
        drop(current);
        KeptSource { file: SourceFile { files: self.clone(), hash, version, size: record.size }, record }
    }

    /// Writes the bytes of a source. When it returns they can be read back. Blocks for as long as that takes.
    ///
    /// # Errors
    /// They can't be written; then nothing of them is left.
    pub(crate) fn keep(
        self: &Arc<Self>,
        hash: SourceHash,
        bytes: &[u8],
    ) -> Result<SourceFile, SourceFileError> {
        let path = self.path(hash);
        let write_error = |error| SourceFileError::write(&path, error);
        let _held = DirLock::held(&self.lock).map_err(write_error)?;
        let version = self.next_version();
        let size = bytes.len() as u64;
        let taken = self.current.lock().bytes;
        if taken + size > STORE_BYTES_MAX {
            return Err(SourceFileError::Full { taken, bytes: size });
        }
        let new = self.dir.join(format!("{hash}.{version}.new"));
        write_whole(&new, bytes).map_err(write_error)?;
        // From here on the name is this version's: whoever removes an earlier one finds that it is not its own.
        let mut current = self.current.lock();
        // The record of an earlier one says nothing of this load.
        let _ = fs::remove_file(self.record_path(hash));
        let published = fs::rename(&new, &path).inspect_err(|_| drop(fs::remove_file(&new)));
        published.map_err(write_error)?;
        if current.versions.insert(hash, version).is_none() {
            current.bytes += size;
        }
        drop(current);
        Ok(SourceFile { files: self.clone(), hash, version, size })
    }

    fn next_version(&self) -> u64 {
        let mut current = self.current.lock();
        current.last += 1;
        current.last
    }

    fn path(&self, hash: SourceHash) -> PathBuf {
        self.dir.join(hash.to_string())
    }

    fn record_path(&self, hash: SourceHash) -> PathBuf {
        self.dir.join(format!("{hash}.{RECORD}"))
    }
}

/// A file in the directory that a node has written, by its name.
enum OurFile {
    Bytes(SourceHash),
    Record(SourceHash),
    /// Bytes or a record, not written to its end.
    Begun,
}

impl OurFile {
    fn of(name: &str) -> Option<Self> {
        let hash = |text: &str| text.parse::<SourceHash>().ok().filter(|hash| hash.to_string() == text);
        match name.split_once('.') {
            None => hash(name).map(Self::Bytes),
            Some((text, RECORD)) => hash(text).map(Self::Record),
            Some((text, rest)) => {
                let version = rest.strip_suffix(".new")?;
                hash(text)
                    .filter(|_| version.parse::<u64>().is_ok() || version == RECORD)
                    .map(|_| Self::Begun)
            }
        }
    }
}

/// Writes a file. Where that fails nothing is left.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes).inspect_err(|_| drop(fs::remove_file(path)))
}

/// The kept bytes of one source. Clones are the same file.
#[derive(Clone)]
pub(crate) struct SourceFile {
    files: Arc<SourceFiles>,
    hash: SourceHash,
    version: u64,
    size: u64,
}

impl SourceFile {
    /// Reads the bytes, and holds them against their hash.
    ///
    /// # Errors
    /// They can't be read, or are others.
    pub(crate) fn read(&self) -> Result<Vec<u8>, SourceFileError> {
        let path = self.files.path(self.hash);
        let bytes = input::read_own(&path, SOURCE_BYTES_MAX)
            .map_err(|error| SourceFileError::read(&path, error.into()))?;
        let is_whole = SourceHash(Sha256::digest(&bytes).into()) == self.hash;
        if is_whole { Ok(bytes) } else { Err(SourceFileError::Changed { path }) }
    }

    /// The source that it is of.
    pub(crate) const fn hash(&self) -> SourceHash {
        self.hash
    }

    /// Has the source come back with the next start: its bytes and this record are there for good when it returns. Nothing is
    /// written where the file was removed meanwhile, or its place taken by a later one, which has a record of its own: then `false`.
    ///
    /// # Errors
    /// They can't be written for good. Then the source does not come back.
    pub(crate) fn admit(&self, record: &SourceRecord) -> Result<bool, SourceFileError> {
        let path = self.files.record_path(self.hash);
        let write_error = |error| SourceFileError::write(&path, error);
        let _held = DirLock::held(&self.files.lock).map_err(write_error)?;
        let json = serde_json::to_vec(record).map_err(|error| write_error(io::Error::other(error)))?;
        let sealed = self.files.seal.sealed(&SourceRecord::purpose(self.hash), &json);
        let new = self.files.dir.join(format!("{}.{}.new", self.hash, self.files.next_version()));
        write_whole(&new, &sealed).map_err(write_error)?;
        let synced = [&new, &self.files.path(self.hash)].map(|path| File::open(path)?.sync_all());
        let current = self.files.current.lock();
        if current.versions.get(&self.hash) != Some(&self.version) {
            let _ = fs::remove_file(&new);
            return Ok(false);
        }
        let published = synced.into_iter().collect::<io::Result<()>>().and_then(|()| fs::rename(&new, &path));
        drop(current);
        let published = published.inspect_err(|_| drop(fs::remove_file(&new)));
        published.and_then(|()| File::open(&self.files.dir)?.sync_all()).map_err(write_error)?;
        Ok(true)
    }

    /// Whether it was written after another of the same source.
    pub(crate) const fn is_later_than(&self, other: &Self) -> bool {
        self.version > other.version
    }

    /// Removes the file and its record, unless its place was taken by a later one of the same source.
    ///
    /// # Errors
    /// The system does not let it be removed.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let _held = DirLock::held(&self.files.lock)?;
        let mut current = self.files.current.lock();
        if current.versions.get(&self.hash) != Some(&self.version) {
            return Ok(());
        }
        current.versions.remove(&self.hash);
        current.bytes -= self.size;
        // First: without it the bytes are of no use, with it they would come back.
        match fs::remove_file(self.files.record_path(self.hash)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::remove_file(self.files.path(self.hash))?;
        File::open(&self.files.dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    /// A data directory; gone with its value.
    struct DataDir(PathBuf, Arc<DirLock>);

    impl DataDir {
        fn new() -> Self {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("thespian-sources-{}-{number}", std::process::id()));
            private_dir(&path).unwrap();
            let lock = Arc::new(super::super::lock(&path).unwrap());
            Self(path, lock)
        }

        fn seal(&self) -> Arc<Seal> {
            Arc::new(Seal::open(&self.0.join("store-key")).unwrap())
        }

        fn lock(&self) -> Weak<DirLock> {
            Arc::downgrade(&self.1)
        }

        fn find(&self) -> FoundSources {
            SourceFiles::open(&self.0, self.seal(), self.lock()).unwrap_or_else(|error| panic!("{error}"))
        }

        fn open(&self) -> Arc<SourceFiles> {
            self.find().files
        }

        fn names(&self) -> Vec<String> {
            let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
            fs::read_dir(self.0.join(DIR)).unwrap().map(name).collect()
        }
    }

    impl Drop for DataDir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn hash(bytes: &[u8]) -> SourceHash {
        SourceHash(Sha256::digest(bytes).into())
    }

    #[test]
    fn what_is_kept_is_private_and_comes_back_until_it_is_removed() {
        let data = DataDir::new();
        let files = data.open();
        let file = files.keep(hash(b"code"), b"code").unwrap();
        assert_eq!(file.read().unwrap(), b"code");
        assert_eq!(data.names(), [hash(b"code").to_string()]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&files.dir), mode(&files.path(file.hash))), (0o700, 0o600));
        file.remove().unwrap();
        assert!(data.names().is_empty());
    }

    #[test]
    fn bytes_that_were_changed_are_refused() {
        let data = DataDir::new();
        let files = data.open();
        let file = files.keep(hash(b"code"), b"code").unwrap();
        fs::write(files.path(file.hash), b"c0de").unwrap();
        assert!(matches!(file.read(), Err(SourceFileError::Changed { .. })));
        fs::remove_file(files.path(file.hash)).unwrap();
        assert!(matches!(file.read(), Err(SourceFileError::Read { .. })));
    }

    #[test]
    fn a_source_that_is_kept_anew_outlives_the_end_of_its_earlier_file() {
        let data = DataDir::new();
        let files = data.open();
        let [first, second] = [(); 2].map(|()| files.keep(hash(b"code"), b"code").unwrap());
        first.remove().unwrap();
        assert_eq!(second.read().unwrap(), b"code");
        second.remove().unwrap();
        assert!(data.names().is_empty());
    }

    #[test]
    fn what_an_earlier_run_left_is_removed() {
        let data = DataDir::new();
        let files = data.open();
        drop(files.keep(hash(b"code"), b"code").unwrap());
        fs::write(files.dir.join(format!("{}.1.new", hash(b"half"))), b"ha").unwrap();
        drop(files);
        data.open();
        assert!(data.names().is_empty());
    }

    fn record(size: u64) -> SourceRecord {
        let verdict = thespian_core::source::Verdict::default();
        let at = thespian_core::utc::UtcTime(1);
        let rights = (thespian_core::source::Rights::ALL, None);
        let record = SourceRecord::new("orders.wasm".to_string(), size, rights, at, "keys", verdict);
        record.with_papers(Some(b"[source]"), [&b"\xff"[..], b""].into_iter())
    }

    #[test]
    fn what_is_admitted_is_found_again_with_its_record_until_it_is_removed() {
        let data = DataDir::new();
        let files = data.open();
        let file = files.keep(hash(b"code"), b"code").unwrap();
        file.admit(&record(4)).unwrap();
        drop((file, files));
        let FoundSources { files, kept, problems } = data.find();
        let [KeptSource { file, record: found }] = &kept[..] else { panic!("{problems:?}") };
        assert_eq!((found, file.hash(), file.read().unwrap()), (&record(4), hash(b"code"), b"code".to_vec()));
        assert_eq!(found.papers(), (Some(b"[source]".to_vec()), vec![vec![0xff], Vec::new()]));
        // A later load of the same takes its place, and its end takes nothing from that; nor does its record come late.
        let later = files.keep(hash(b"code"), b"code").unwrap();
        let record_is_there = files.read_record(hash(b"code")).is_ok();
        assert!(!record_is_there, "the earlier one's record says nothing of the later");
        assert!(later.admit(&record(4)).unwrap());
        assert!(!file.admit(&record(5)).unwrap());
        file.remove().unwrap();
        assert_eq!(files.read_record(hash(b"code")), Ok(record(4)));
        assert_eq!(later.read().unwrap(), b"code");
        later.remove().unwrap();
        later.admit(&record(4)).unwrap();
        assert!(data.names().is_empty() && data.find().kept.is_empty());
    }

    #[test]
    fn a_record_that_was_changed_or_is_another_sources_is_told_and_not_used() {
        let data = DataDir::new();
        let mut random = StdRng::seed_from_u64(1);
        let path = data.0.join(DIR).join(format!("{}.record", hash(b"code")));
        let good = {
            let file = data.open().keep(hash(b"code"), b"code").unwrap();
            file.admit(&record(4)).unwrap();
            fs::read(&path).unwrap()
        };
        for round in 0..10_000 {
            let mut other = good.clone();
            match round % 3 {
                0 => other[random.random_range(0..good.len())] ^= 1 << random.random_range(0..8),
                1 => other.truncate(random.random_range(0..good.len())),
                _ => other.extend([random.random_range(0..=255)]),
            }
            assert!(data.seal().opened(&SourceRecord::purpose(hash(b"code")), &other).is_none(), "{round}");
        }
        let mut other = good.clone();
        other[40] ^= 1;
        // Changed; of another size than the bytes; another's.
        for (bytes, name, text) in [
            (other, hash(b"code"), &b"code"[..]),
            (good.clone(), hash(b"code"), b"cod"),
            (good, hash(b"else"), b"else"),
        ] {
            for left in data.names() {
                fs::remove_file(data.0.join(DIR).join(left)).unwrap();
            }
            fs::write(data.0.join(DIR).join(format!("{name}.record")), bytes).unwrap();
            fs::write(data.0.join(DIR).join(name.to_string()), text).unwrap();
            let found = data.find();
            assert!(found.kept.is_empty() && found.problems.len() == 1, "{:?}", found.problems);
            assert_eq!(data.names().len(), 2, "the fault may be in the key, or the disk");
        }
    }

    #[test]
    fn what_is_kept_together_is_bounded_and_what_is_removed_gives_room() {
        let data = DataDir::new();
        let files = data.open();
        files.current.lock().bytes = STORE_BYTES_MAX - 4;
        let file = files.keep(hash(b"code"), b"code").unwrap();
        let error = files.keep(hash(b"more"), b"more").err().unwrap();
        assert!(matches!(error, SourceFileError::Full { bytes: 4, .. }), "{error}");
        file.remove().unwrap();
        assert!(files.keep(hash(b"more"), b"more").is_ok());
    }

    #[test]
    fn what_no_run_has_written_stays() {
        let data = DataDir::new();
        let files = data.open();
        let name = hash(b"code").to_string();
        let mut foreign = vec![
            "notes".to_string(),
            "half.1.new".to_string(),
            format!("{name}.new"),
            format!("{name}.x.new"),
            format!("{name}0"),
            name[1..].to_string(),
        ];
        for name in &foreign {
            fs::write(files.dir.join(name), b"mine").unwrap();
        }
        for dir in ["dir".to_string(), hash(b"dir").to_string()] {
            fs::create_dir(files.dir.join(&dir)).unwrap();
            foreign.push(dir);
        }
        data.open();
        let mut left = data.names();
        left.sort();
        foreign.sort();
        assert_eq!(left, foreign);
    }

    #[test]
    fn a_link_to_another_directory_is_refused_and_not_followed() {
        let (data, elsewhere) = (DataDir::new(), DataDir::new());
        let file = elsewhere.0.join(hash(b"code").to_string());
        fs::write(&file, b"code").unwrap();
        let link = data.0.join(DIR);
        std::os::unix::fs::symlink(&elsewhere.0, &link).unwrap();
        let refused = || match SourceFiles::open(&data.0, data.seal(), data.lock()).map(drop) {
            Err(StoreError::NotOwnDir { path }) => assert_eq!(path, link),
            other => panic!("{other:?}"),
        };
        refused();
        assert!(file.exists());
        // One that leads nowhere is none of ours either.
        fs::remove_dir_all(&elsewhere.0).unwrap();
        refused();
    }

    #[test]
    fn what_can_not_be_written_leaves_nothing() {
        let data = DataDir::new();
        let files = data.open();
        // A directory in its place: the last step fails, after all bytes were written.
        fs::create_dir(files.path(hash(b"code"))).unwrap();
        let error = files.keep(hash(b"code"), b"code").err().unwrap();
        assert!(matches!(error, SourceFileError::Write { .. }), "{error}");
        assert_eq!(data.names(), [hash(b"code").to_string()]);
    }
}
