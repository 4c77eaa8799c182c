//! The file of a control socket: whose it is, whether it is still where programs look for it, and its removal. A path is
//! only a name: a directory that was moved away has taken the socket along, and at the path there may be another node's.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, open, stat, statat, unlinkat};
use rustix::io::Errno;

/// A file of a file system, whatever its name.
type FileId = (u64, u64);

/// Where a socket is, and which one is ours.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    name: OsString,
    /// Its directory, wherever that is by now.
    dir: OwnedFd,
    dir_id: FileId,
    ours: Mutex<Option<FileId>>,
}

/// The file at the path of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The socket itself.
    There,
    /// Nothing: it was removed.
    Removed,
    /// Something else instead.
    Replaced,
    /// Another directory, or none: its own was moved away or removed, and it with it.
    Moved,
}

impl SocketFile {
    /// For a socket that is to be at this path.
    ///
    /// # Errors
    /// Its directory can't be opened.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let no_name = || io::Error::other("it names no file in a directory");
        let name = path.file_name().ok_or_else(no_name)?.to_os_string();
        let dir = open(parent(path), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let dir_id = id(&fstat(&dir)?);
        Ok(Self { path: path.to_path_buf(), name, dir, dir_id, ours: Mutex::new(None) })
    }

    /// Where programs look for it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that what is there now is ours.
    pub(super) fn claim(&self) -> io::Result<()> {
        *self.ours.lock() = Some(id(&statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW)?));
        Ok(())
    }

    /// Where it is.
    ///
    /// # Errors
    /// As the system says, which then knows neither.
    pub fn whereabouts(&self) -> io::Result<Whereabouts> {
        match stat(parent(&self.path)) {
            Ok(dir) if id(&dir) == self.dir_id => {}
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Whereabouts::Moved),
            Err(error) => return Err(error.into()),
        }
        match statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(file) if Some(id(&file)) == *self.ours.lock() => Ok(Whereabouts::There),
            Ok(_) => Ok(Whereabouts::Replaced),
            Err(Errno::NOENT) => Ok(Whereabouts::Removed),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes it, wherever it is, and nothing else.
    pub fn remove(&self) {
        let mut ours = self.ours.lock();
        let there = statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        if there.is_ok_and(|file| Some(id(&file)) == *ours) {
            // Gone in this moment is as good.
            let _ = unlinkat(&self.dir, &self.name, AtFlags::empty());
        }
        *ours = None;
    }
}

/// The directory that a file is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

const fn id(file: &Stat) -> FileId {
    (file.st_dev, file.st_ino)
}
