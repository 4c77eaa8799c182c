//! The bytes of sources on disk, each in a file of its own under the name of its hash, and beside those of admitted ones a record.
//! What lies there is whole: it is written under another name first, and compared with its hash when it is read; a record carries
//! the node's seal.
//!
//! Bytes without a record are of a load that came to no end: they go when the directory is opened. Those with one come back
//! with the next start; so do those that wait for a person, which have a record of another kind.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thespian_core::limits::SOURCE_BYTES_MAX;
use thespian_core::source::SourceHash;

use super::pending::PendingRecord;
use super::records::{RECORD_BYTES_MAX, SourceRecord};
use super::{DirLock, StoreError, private_dir};
use crate::descriptors::{self, ADVICE};
use crate::input;
use crate::seal::Seal;

/// The directory of sources in the data directory.
const DIR: &str = "sources";
/// The ending of a record's name.
const RECORD: &str = "record";
/// The ending of the name of a record of what waits for a person.
const PENDING: &str = "pending";

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
        "the sources that are kept have {taken} bytes, this one has {bytes}, and at most {most} are kept (`store-bytes-max`): unload \
         others"
    )]
    Full { taken: u64, bytes: u64, most: u64 },
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
    /// Bytes of all files together at most.
    bytes_max: u64,
    /// The node's hold on the data directory: without it nothing is written.
    lock: Weak<DirLock>,
}

/// A source that an earlier run admitted, and has left here.
pub(crate) struct KeptSource {
    pub(crate) file: SourceFile,
    pub(crate) record: SourceRecord,
}

/// A source that waited for a person when an earlier run ended.
pub(crate) struct WaitingSource {
    pub(crate) file: SourceFile,
    pub(crate) record: PendingRecord,
}

/// All that was found where the sources are.
pub(crate) struct FoundSources {
    pub(crate) files: Arc<SourceFiles>,
    /// In order of hash.
    pub(crate) kept: Vec<KeptSource>,
    /// In order of hash.
    pub(crate) waiting: Vec<WaitingSource>,
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
        bytes_max: u64,
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
        let files = Arc::new(Self { dir: dir.clone(), seal, current: Mutex::default(), bytes_max, lock });
        let (mut kept, mut waiting) = (BTreeMap::new(), BTreeMap::new());
        let (mut problems, mut left) = (Vec::new(), Vec::new());
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
                OurFile::Pending(hash) => {
                    recorded.insert(hash);
                    match files.read_pending(hash) {
                        Ok(record) => drop(waiting.insert(hash, record)),
                        Err(why) => problems.push(format!("{}: {why}", path.display())),
                    }
                }
                OurFile::Bytes(hash) => drop(bytes.insert(hash)),
                OurFile::Begun => left.push(path),
            }
        }
        left.extend(bytes.difference(&recorded).map(|hash| files.path(*hash)));
        // Approved, and ended before this could go.
        left.extend(
            waiting
                .extract_if(.., |hash, _| kept.contains_key(hash))
                .map(|(hash, _)| files.pending_path(hash)),
        );
        for path in left {
            if let Err(error) = fs::remove_file(&path) {
                problems.push(format!("{} can't be removed: {error}", path.display()));
            }
        }
        let kept = kept.into_iter().map(|(hash, record)| {
            let file = files.found(hash, record.size);
            KeptSource { file, record }
        });
        let kept = kept.collect();
        let waiting = waiting.into_iter().map(|(hash, record)| {
            let file = files.found(hash, record.size);
            WaitingSource { file, record }
        });
        let waiting = waiting.collect();
        Ok(FoundSources { files, kept, waiting, problems })
    }

    /// The record of a source, if it is as a node of this directory wrote it and its bytes are there.
    fn read_record(&self, hash: SourceHash) -> Result<SourceRecord, String> {
        let record: SourceRecord = self.read_sealed(&self.record_path(hash), &SourceRecord::purpose(hash))?;
        self.check_size(hash, record.size)?;
        Ok(record)
    }

    /// The same of one that waits for a person.
    fn read_pending(&self, hash: SourceHash) -> Result<PendingRecord, String> {
        let record: PendingRecord =
            self.read_sealed(&self.pending_path(hash), &PendingRecord::purpose(hash))?;
        self.check_size(hash, record.size)?;
        Ok(record)
    }

    fn read_sealed<T: DeserializeOwned>(&self, path: &Path, purpose: &[u8]) -> Result<T, String> {
        let bytes = input::read_own(path, RECORD_BYTES_MAX).map_err(|error| error.to_string())?;
        let json = self.seal.opened(purpose, &bytes);
        let record = json.and_then(|json| serde_json::from_slice(json).ok());
        record.ok_or_else(|| "it is not as this node wrote it, and is not used".to_string())
    }

    fn check_size(&self, hash: SourceHash, size: u64) -> Result<(), String> {
        let found = fs::symlink_metadata(self.path(hash)).map_err(|error| error.to_string())?;
        if found.is_file() && found.len() == size {
            return Ok(());
        }
        Err("the source beside it has another size, and is not used".to_string())
    }

    fn found(self: &Arc<Self>, hash: SourceHash, size: u64) -> SourceFile {
        let version = self.next_version();
        let mut current = self.current.lock();
        current.versions.insert(hash, version);
        current.bytes += size;
        drop(current);
        SourceFile { files: self.clone(), hash, version, size }
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
        if taken + size > self.bytes_max {
            return Err(SourceFileError::Full { taken, bytes: size, most: self.bytes_max });
        }
        let new = self.dir.join(format!("{hash}.{version}.new"));
        write_whole(&new, bytes).map_err(write_error)?;
        // From here on the name is this version's: whoever removes an earlier one finds that it is not its own.
        let mut current = self.current.lock();
        // The record of an earlier one says nothing of this load.
        let _ = fs::remove_file(self.record_path(hash));
        let _ = fs::remove_file(self.pending_path(hash));
        let published = fs::rename(&new, &path).inspect_err(|_| drop(fs::remove_file(&new)));
        published.map_err(write_error)?;
        if current.versions.insert(hash, version).is_none() {
            current.bytes += size;
        }
        drop(current);
        Ok(SourceFile { files: self.clone(), hash, version, size })
    }

    /// Bytes that have to go before there is room for so many more.
    pub(crate) fn lacks(&self, bytes: u64) -> u64 {
        (self.current.lock().bytes + bytes).saturating_sub(self.bytes_max)
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

    fn pending_path(&self, hash: SourceHash) -> PathBuf {
        self.dir.join(format!("{hash}.{PENDING}"))
    }
}

/// A file in the directory that a node has written, by its name.
enum OurFile {
    Bytes(SourceHash),
    Record(SourceHash),
    Pending(SourceHash),
    /// Bytes or a record, not written to its end.
    Begun,
}

impl OurFile {
    fn of(name: &str) -> Option<Self> {
        let hash = |text: &str| text.parse::<SourceHash>().ok().filter(|hash| hash.to_string() == text);
        match name.split_once('.') {
            None => hash(name).map(Self::Bytes),
            Some((text, RECORD)) => hash(text).map(Self::Record),
            Some((text, PENDING)) => hash(text).map(Self::Pending),
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

    /// Its size in bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.size
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
        let admitted =
            self.seal_beside(&self.files.record_path(self.hash), &SourceRecord::purpose(self.hash), record)?;
        if admitted {
            // The next start finds both, if this is not done, and knows which counts.
            let _ = fs::remove_file(self.files.pending_path(self.hash));
        }
        Ok(admitted)
    }

    /// Has the source wait on after the next start. As [`Self::admit`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn wait(&self, record: &PendingRecord) -> Result<bool, SourceFileError> {
        self.seal_beside(&self.files.pending_path(self.hash), &PendingRecord::purpose(self.hash), record)
    }

    fn seal_beside(
        &self,
        path: &Path,
        purpose: &[u8],
        record: &impl Serialize,
    ) -> Result<bool, SourceFileError> {
        let write_error = |error| SourceFileError::write(path, error);
        let _held = DirLock::held(&self.files.lock).map_err(write_error)?;
        let json = serde_json::to_vec(record).map_err(|error| write_error(io::Error::other(error)))?;
        let sealed = self.files.seal.sealed(purpose, &json);
        let new = self.files.dir.join(format!("{}.{}.new", self.hash, self.files.next_version()));
        write_whole(&new, &sealed).map_err(write_error)?;
        let synced = [&new, &self.files.path(self.hash)].map(|path| File::open(path)?.sync_all());
        let current = self.files.current.lock();
        if current.versions.get(&self.hash) != Some(&self.version) {
            let _ = fs::remove_file(&new);
            return Ok(false);
        }
        let published = synced.into_iter().collect::<io::Result<()>>().and_then(|()| fs::rename(&new, path));
        drop(current);
        let published = published.inspect_err(|_| drop(fs::remove_file(&new)));
        published.and_then(|()| File::open(&self.files.dir)?.sync_all()).map_err(write_error)?;
        Ok(true)
    }

    /// Orders files by when they were written: older ones have less.
    pub(crate) const fn age(&self) -> u64 {
        self.version
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
        for record in [self.files.record_path(self.hash), self.files.pending_path(self.hash)] {
            match fs::remove_file(record) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::remove_file(self.files.path(self.hash))?;
        File::open(&self.files.dir)?.sync_all()
    }
}
