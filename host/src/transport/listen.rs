//! Where a node can be reached for control.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, listen, socket_with};
use thespian_core::limits::SOCKET_PATH_LEN_MAX;
use tokio::net::{TcpListener, UnixListener};

use super::socket_file::parent;
use super::{SocketFile, Stream};

/// Connections that the system keeps for a socket until they are accepted: as many as tokio asks for.
const LISTEN_BACKLOG: i32 = 1_024;

/// A control address can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process answers there.
    #[error("another node answers at {0}")]
    InUse(PathBuf),
    /// The socket can't be made.
    #[error("can't listen at {at}: {error}")]
    Io {
        /// The address to listen at.
        at: String,
        /// The error of the system.
        error: io::Error,
    },
    /// There is a file at its path that is no socket.
    #[error("there is something else at {0}, which is left alone: remove it, or listen somewhere else")]
    NotASocket(PathBuf),
    /// Others could put another socket, or a link, in its place.
    #[error(
        "others may write to the directory of {0}: a control socket has to be where only its node and root may"
    )]
    OpenDir(PathBuf),
    /// The system takes no path that long.
    #[error(
        "the path of the control socket has {len} bytes, and the system takes {SOCKET_PATH_LEN_MAX}: {path}; give it, or \
         the node's data directory, a shorter path"
    )]
    PathTooLong {
        /// Where it was to be.
        path: PathBuf,
        /// Its length in bytes.
        len: usize,
    },
    /// Others than this machine could connect, and control is not encrypted.
    #[error("{0} is not a loopback address; control is for this machine only: use 127.0.0.1 or ::1")]
    NotLoopback(SocketAddr),
}

/// Whether the system takes a socket at this path.
///
/// # Errors
/// It is too long.
pub fn check_socket_path(path: &Path) -> Result<(), BindError> {
    let len = path.as_os_str().len();
    if len > SOCKET_PATH_LEN_MAX {
        return Err(BindError::PathTooLong { path: path.to_path_buf(), len });
    }
    Ok(())
}

/// Those who may connect to a socket at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetIn {
    /// Our own user and root: the kernel says who is at the other end.
    OwnUser,
    /// Whoever may write to its file, which has this mode and, where there is one, this group.
    Permissions {
        /// The mode bits of the file.
        mode: u32,
        /// The id of its group; absent: our own.
        group: Option<u32>,
    },
}

/// A listener that accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// At a path; the socket is removed when this is dropped.
    Unix(UnixListener, Arc<SocketFile>, LetIn),
    /// At a loopback address.
    Tcp(TcpListener),
}

impl Listener {
    /// Listens at `path`, which lies in a private directory where our own user alone is let in. A socket that nobody answers
    /// at is replaced.
    ///
    /// # Errors
    /// Somebody answers there, or the socket can't be made.
    pub async fn unix(path: &Path, let_in: LetIn) -> Result<Self, BindError> {
        check_socket_path(path)?;
        let io_error = |error| BindError::Io { at: path.display().to_string(), error };
        let is_beside = matches!(let_in, LetIn::Permissions { .. });
        match Stream::connect_unix(path).await {
            Ok(_) => return Err(BindError::InUse(path.to_path_buf())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // What lies in the node's own directory is the node's.
                if is_beside && !fs::symlink_metadata(path).map_err(io_error)?.file_type().is_socket() {
                    return Err(BindError::NotASocket(path.to_path_buf()));
                }
                fs::remove_file(path).map_err(io_error)?;
            }
            Err(_) => {}
        }
        if is_beside && !is_dir_ours(path).map_err(io_error)? {
            return Err(BindError::OpenDir(path.to_path_buf()));
        }
        let file = SocketFile::new(path).map_err(io_error)?;
        let listener = bind(&file, let_in).map_err(io_error)?;
        Ok(Self::Unix(listener, Arc::new(file), let_in))
    }

    /// Listens anew at its path, from which its socket was removed.
    ///
    /// # Errors
    /// Something is there by now, or the socket can't be made.
    pub fn renew(&mut self) -> io::Result<()> {
        if let Self::Unix(listener, file, let_in) = self {
            *listener = bind(file, *let_in)?;
        }
        Ok(())
    }

    /// The file of its socket, if it listens at one.
    #[must_use]
    pub const fn file(&self) -> Option<&Arc<SocketFile>> {
        match self {
            Self::Unix(_, file, _) => Some(file),
            Self::Tcp(_) => None,
        }
    }

    /// Listens on the loopback interface.
    ///
    /// # Errors
    /// The address is not loopback, or can't be bound.
    pub async fn tcp(address: SocketAddr) -> Result<Self, BindError> {
        if !address.ip().is_loopback() {
            return Err(BindError::NotLoopback(address));
        }
        let listener = TcpListener::bind(address).await;
        listener.map(Self::Tcp).map_err(|error| BindError::Io { at: address.to_string(), error })
    }

    /// Where it listens, if over TCP.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Unix(..) => None,
            Self::Tcp(listener) => listener.local_addr().ok(),
        }
    }

    /// The next connection. At a socket for our own user only of that one or of root.
    ///
    /// # Errors
    /// As the system says: it may be out of descriptors, so the caller goes on after a while.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Unix(listener, _, let_in) => loop {
                let (stream, _) = listener.accept().await?;
                let is_let_in = match let_in {
                    LetIn::OwnUser => {
                        let uid = stream.peer_cred()?.uid();
                        uid == 0 || uid == rustix::process::geteuid().as_raw()
                    }
                    LetIn::Permissions { .. } => true,
                };
                if is_let_in {
                    return Ok(Stream::Unix(stream));
                }
            },
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Fails where the other end is gone again, which is no trouble of the listener's.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, file, _) = self {
            file.remove();
        }
    }
}

/// Whether nobody but our own user and root can put something else in the place of this file.
fn is_dir_ours(path: &Path) -> io::Result<bool> {
    const STICKY: u32 = 0o1000;
    let dir = fs::metadata(parent(path))?;
    let is_owned = dir.uid() == 0 || dir.uid() == rustix::process::geteuid().as_raw();
    Ok(is_owned && (dir.mode() & 0o022 == 0 || dir.mode() & STICKY != 0))
}

/// Its permissions are there before anybody is heard.
fn bind(file: &SocketFile, let_in: LetIn) -> io::Result<UnixListener> {
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(file.path())?)?;
    file.claim()?;
    let (mode, group) = match let_in {
        // The directory is private already; this is for whoever moves the socket elsewhere.
        LetIn::OwnUser => (0o600, None),
        LetIn::Permissions { mode, group } => (mode, group),
    };
    let of_group = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("its group can't be set, of which this process has to be: {error}"),
        )
    };
    let allowed = group.map_or(Ok(()), |group| chown(file.path(), None, Some(group)).map_err(of_group));
    let allowed = allowed.and_then(|()| fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)));
    allowed.and_then(|()| Ok(listen(&socket, LISTEN_BACKLOG)?)).inspect_err(|_| file.remove())?;
    UnixListener::from_std(socket.into())
}
