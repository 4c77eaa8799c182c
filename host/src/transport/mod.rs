//! Bytes between processes: the only place that names sockets. What the bytes mean is not known here.

mod bytes;
mod frames;
mod listen;
mod socket_file;

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

pub use bytes::{ByteConnection, ByteListener, ByteReader, ByteWriter, Taken};
pub use frames::{FrameReader, ReadError};
pub use listen::{BindError, LetIn, Listener, check_socket_path};
pub use socket_file::{SocketFile, Whereabouts};

/// A half of a connection that is read, and knows without being read whether the other end sends on.
pub trait ReadStream: AsyncRead + Send + Sync + Unpin {
    /// Whether nothing comes any more but what the system has.
    fn is_ended(&self) -> bool;
}

impl ReadStream for tokio::net::unix::OwnedReadHalf {
    fn is_ended(&self) -> bool {
        is_ended(self.ready(Interest::READABLE))
    }
}

impl ReadStream for tokio::net::tcp::OwnedReadHalf {
    fn is_ended(&self) -> bool {
        is_ended(self.ready(Interest::READABLE))
    }
}

fn is_ended(ready: impl Future<Output = io::Result<Ready>>) -> bool {
    ready.now_or_never().is_some_and(|ready| ready.map_or(true, Ready::is_read_closed))
}

/// Half of a connection, to be read.
pub type ReadHalf = Box<dyn ReadStream>;
/// Half of a connection, to be written.
pub type WriteHalf = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// A connection of either kind.
#[derive(Debug)]
pub enum Stream {
    /// On this machine, with the kernel's word for who is at the other end.
    Unix(UnixStream),
    /// Over the loopback interface: anybody on this machine may be at the other end.
    Tcp(TcpStream),
}

impl Stream {
    /// Connects to a control socket.
    ///
    /// # Errors
    /// As the system says.
    pub async fn connect_unix(path: &Path) -> io::Result<Self> {
        check_socket_path(path).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        UnixStream::connect(path).await.map(Self::Unix)
    }

    /// Connects over TCP.
    ///
    /// # Errors
    /// As the system says.
    pub async fn connect_tcp(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// The process that listens at the other end, by its number here. `None` where the kernel does not say, or where it
    /// can't be seen from here: in another container.
    #[must_use]
    pub fn listener_pid(&self) -> Option<u32> {
        match self {
            Self::Unix(stream) => {
                let pid = stream.peer_cred().ok()?.pid()?;
                u32::try_from(pid).ok().filter(|pid| *pid > 0)
            }
            Self::Tcp(_) => None,
        }
    }

    /// Its two halves.
    #[must_use]
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Unix(stream) => {
                let (read, write) = stream.into_split();
                (Box::new(read), Box::new(write))
            }
            Self::Tcp(stream) => {
                let (read, write) = stream.into_split();
                (Box::new(read), Box::new(write))
            }
        }
    }
}
