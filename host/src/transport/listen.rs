//! Where a node can be reached for control.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thespian_core::limits::SOCKET_PATH_LEN_MAX;
use tokio::net::{TcpListener, UnixListener};

use super::{SocketFile, Stream};

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
    /// The system takes no path that long.
    #[error(
        "the path of the control socket has {len} bytes, and the system takes {SOCKET_PATH_LEN_MAX}: {path}; give the node a \
         data directory with a shorter path"
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

/// A listener that accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// At a path; the socket is removed when this is dropped.
    Unix(UnixListener, Arc<SocketFile>),
    /// At a loopback address.
    Tcp(TcpListener),
}

impl Listener {
    /// Listens at `path`, which lies in a private directory. A socket that nobody answers at is replaced.
    ///
    /// # Errors
    /// Somebody answers there, or the socket can't be made.
    pub async fn unix(path: &Path) -> Result<Self, BindError> {
        check_socket_path(path)?;
        let io_error = |error| BindError::Io { at: path.display().to_string(), error };
        match Stream::connect_unix(path).await {
            Ok(_) => return Err(BindError::InUse(path.to_path_buf())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(io_error)?;
            }
            Err(_) => {}
        }
        let file = SocketFile::new(path).map_err(io_error)?;
        let listener = bind(&file).map_err(io_error)?;
        Ok(Self::Unix(listener, Arc::new(file)))
    }

    /// Listens anew at its path, from which its socket was removed.
    ///
    /// # Errors
    /// Something is there by now, or the socket can't be made.
    pub fn renew(&mut self) -> io::Result<()> {
        if let Self::Unix(listener, file) = self {
            *listener = bind(file)?;
        }
        Ok(())
    }

    /// The file of its socket, if it listens at one.
    #[must_use]
    pub const fn file(&self) -> Option<&Arc<SocketFile>> {
        match self {
            Self::Unix(_, file) => Some(file),
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

    /// The next connection. Over a Unix socket only of our own user or of root: the kernel says who it is.
    ///
    /// # Errors
    /// As the system says: it may be out of descriptors, so the caller goes on after a while.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Unix(listener, _) => loop {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                if uid == 0 || uid == rustix::process::geteuid().as_raw() {
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
        if let Self::Unix(_, file) = self {
            file.remove();
        }
    }
}

fn bind(file: &SocketFile) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(file.path())?;
    // The directory is private already; this is for whoever moves the socket elsewhere.
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600))?;
    file.claim()?;
    Ok(listener)
}
