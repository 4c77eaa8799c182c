//! The bytes of sources on disk, each in a file of its own under the name of its hash. What lies there is whole: it is
//! written under another name first, and compared with its hash when it is read. It does not know what the bytes mean.
//!
//! No source outlives its node's run, so what an earlier run left is removed when the directory is opened, and nobody waits
//! until the disk has what was written: there is no power failure after which it would be read.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use thespian_core::limits::SOURCE_BYTES_MAX;
use thespian_core::source::SourceHash;

use super::{StoreError, private_dir};
use crate::descriptors::{self, ADVICE};
use crate::input;

/// The directory of sources in the data directory.
const DIR: &str = "sources";

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
#[derive(Debug)]
pub(crate) struct SourceFiles {
    dir: PathBuf,
    current: Mutex<SourceVersions>,
}

/// The files that are in use. A source that is loaded again while its earlier file is being removed keeps the new one.
#[derive(Debug, Default)]
struct SourceVersions {
    versions: BTreeMap<SourceHash, u64>,
    last: u64,
}

impl SourceFiles {
    /// Makes the directory if it is missing, and removes what an earlier run left in it. What no run wrote stays.
    ///
    /// # Errors
    /// It can't be made or emptied, is open to others, or leads elsewhere.
    pub(crate) fn open(data_dir: &Path) -> Result<Arc<Self>, StoreError> {
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
        for left in fs::read_dir(&dir).map_err(io_error(&dir))? {
            let left = left.map_err(io_error(&dir))?;
            let path = left.path();
            let is_file = left.file_type().map_err(io_error(&path))?.is_file();
            if is_file && left.file_name().to_str().is_some_and(is_ours) {
                fs::remove_file(&path).map_err(io_error(&path))?;
            }
        }
        Ok(Arc::new(Self { dir, current: Mutex::default() }))
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
        let version = self.next_version();
        let new = self.dir.join(format!("{hash}.{version}.new"));
        write_whole(&new, bytes).map_err(write_error)?;
        // From here on the name is this version's: whoever removes an earlier one finds that it is not its own.
        let mut current = self.current.lock();
        let published = fs::rename(&new, &path).inspect_err(|_| drop(fs::remove_file(&new)));
        published.map_err(write_error)?;
        current.versions.insert(hash, version);
        drop(current);
        Ok(SourceFile { files: self.clone(), hash, version })
    }

    fn next_version(&self) -> u64 {
        let mut current = self.current.lock();
        current.last += 1;
        current.last
    }

    fn path(&self, hash: SourceHash) -> PathBuf {
        self.dir.join(hash.to_string())
    }
}

/// Whether a file is one of a source, or the beginning of one, by its name.
fn is_ours(name: &str) -> bool {
    let is_hash = |text: &str| text.parse::<SourceHash>().is_ok_and(|hash| hash.to_string() == text);
    match name.strip_suffix(".new").and_then(|new| new.split_once('.')) {
        Some((hash, version)) => is_hash(hash) && version.parse::<u64>().is_ok(),
        None => is_hash(name),
    }
}

/// Writes a file. Where that fails nothing is left.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes).inspect_err(|_| drop(fs::remove_file(path)))
}

/// The kept bytes of one source. Clones are the same file.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    files: Arc<SourceFiles>,
    hash: SourceHash,
    version: u64,
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

    /// Removes the file, unless its place was taken by a later one of the same source.
    ///
    /// # Errors
    /// The system does not let it be removed.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let mut current = self.files.current.lock();
        if current.versions.get(&self.hash) != Some(&self.version) {
            return Ok(());
        }
        current.versions.remove(&self.hash);
        fs::remove_file(self.files.path(self.hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A data directory; gone with its value.
    struct DataDir(PathBuf);

    impl DataDir {
        fn new() -> Self {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("thespian-sources-{}-{number}", std::process::id()));
            private_dir(&path).unwrap();
            Self(path)
        }

        fn open(&self) -> Arc<SourceFiles> {
            SourceFiles::open(&self.0).unwrap()
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
        let refused = || match SourceFiles::open(&data.0).unwrap_err() {
            StoreError::NotOwnDir { path } => assert_eq!(path, link),
            other => panic!("{other}"),
        };
        refused();
        assert!(file.exists());
        // One that leads nowhere is none of ours either.
        fs::remove_file(&file).unwrap();
        fs::remove_dir(&elsewhere.0).unwrap();
        refused();
    }

    #[test]
    fn what_can_not_be_written_leaves_nothing() {
        let data = DataDir::new();
        let files = data.open();
        // A directory in its place: the last step fails, after all bytes were written.
        fs::create_dir(files.path(hash(b"code"))).unwrap();
        let error = files.keep(hash(b"code"), b"code").unwrap_err();
        assert!(matches!(error, SourceFileError::Write { .. }), "{error}");
        assert_eq!(data.names(), [hash(b"code").to_string()]);
    }
}
