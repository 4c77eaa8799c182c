//! Bytes out of files and streams that somebody else filled: never more than a bound, whatever is at their other end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The reason why an input can't be read. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The system says why.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The input goes on beyond the bound, perhaps without an end.
    #[error("it has more than {bytes_max} bytes")]
    TooLong {
        /// The bound, in bytes.
        bytes_max: usize,
    },
    /// A device, a pipe or a directory where a file should be.
    #[error("it is no ordinary file")]
    NotAFile,
}

impl From<InputError> for io::Error {
    fn from(error: InputError) -> Self {
        match error {
            InputError::Io(error) => error,
            error => Self::other(error),
        }
    }
}

/// All that a stream has, if that is not more than `bytes_max`. Waits for a stream that is slow, as any reader does, but
/// not for the end of one that has none.
///
/// # Errors
/// It goes on beyond the bound, or can't be read.
pub fn read(stream: impl Read, bytes_max: usize) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    // One more than there may be: so it is seen that there is more.
    stream.take((bytes_max as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max { Err(InputError::TooLong { bytes_max }) } else { Ok(bytes) }
}

/// All that the file has that somebody named: also a device or a pipe, which may well be meant.
///
/// # Errors
/// It goes on beyond the bound, or can't be read.
pub fn read_named(path: &Path, bytes_max: usize) -> Result<Vec<u8>, InputError> {
    let file = File::open(path)?;
    // A file that is known to be too long is not read to find that out.
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > bytes_max as u64 {
        return Err(InputError::TooLong { bytes_max });
    }
    read(file, bytes_max)
}

/// All that a file has which this program wrote itself. Whatever else lies in its place is refused at once: no link is
/// followed, and no pipe waited for.
///
/// # Errors
/// It is no ordinary file, goes on beyond the bound, or can't be read.
pub fn read_own(path: &Path, bytes_max: usize) -> Result<Vec<u8>, InputError> {
    read(open_own(OpenOptions::new().read(true), path)?, bytes_max)
}

/// Opens a file of this program's own: what is no ordinary file is refused, and not waited for.
///
/// # Errors
/// It is no ordinary file, or can't be opened.
pub fn open_own(options: &mut OpenOptions, path: &Path) -> Result<File, InputError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match options.custom_flags(flags).open(path) {
        // What the system says of a link, of a socket or a pipe that nobody reads, and of a directory.
        Err(error)
            if matches!(
                rustix::io::Errno::from_io_error(&error),
                Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO | rustix::io::Errno::ISDIR)
            ) =>
        {
            return Err(InputError::NotAFile);
        }
        file => file?,
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(InputError::NotAFile) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    /// A folder that no other test uses; gone with its value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("thespian-input-{}-{name}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn pipe(path: &Path) {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
    }

    #[test]
    fn what_is_as_long_as_the_bound_is_read_and_a_byte_more_is_not() {
        assert_eq!(read(&b"abc"[..], 3).unwrap(), b"abc");
        assert!(matches!(read(&b"abcd"[..], 3), Err(InputError::TooLong { bytes_max: 3 })));
        assert_eq!(read(&b""[..], 0).unwrap(), b"");
        let folder = Folder::new("long");
        let path = folder.0.join("file");
        fs::write(&path, "abcd").unwrap();
        assert!(matches!(read_named(&path, 3), Err(InputError::TooLong { .. })));
        assert_eq!(read_named(&path, 4).unwrap(), b"abcd");
    }

    #[test]
    fn what_has_no_end_is_read_to_the_bound_and_no_further() {
        let mut taken = 0;
        struct Endless<'a>(&'a mut usize);
        impl Read for Endless<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                *self.0 += buffer.len();
                Ok(buffer.len())
            }
        }
        assert!(matches!(read(Endless(&mut taken), 1_000), Err(InputError::TooLong { bytes_max: 1_000 })));
        assert_eq!(taken, 1_001);
        assert!(matches!(read_named(Path::new("/dev/zero"), 1_000), Err(InputError::TooLong { .. })));
    }

    #[test]
    fn nothing_in_the_place_of_an_own_file_holds_its_reader_up() {
        let folder = Folder::new("own");
        let at = |name: &str| folder.0.join(name);
        fs::write(at("file"), "abc").unwrap();
        pipe(&at("pipe"));
        symlink(at("file"), at("link")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        for name in ["pipe", "link", "folder"] {
            assert!(matches!(read_own(&at(name), 10), Err(InputError::NotAFile)), "{name}");
            let written = open_own(OpenOptions::new().write(true), &at(name));
            assert!(matches!(written, Err(InputError::NotAFile)), "{name}");
        }
        assert!(matches!(read_own(Path::new("/dev/zero"), 10), Err(InputError::NotAFile)));
        assert_eq!(read_own(&at("file"), 3).unwrap(), b"abc");
        let missing = read_own(&at("missing"), 3).unwrap_err();
        assert!(matches!(missing, InputError::Io(error) if error.kind() == io::ErrorKind::NotFound));
    }
}
