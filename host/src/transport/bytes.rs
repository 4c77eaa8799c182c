//! Connections whose bytes mean nothing to the host.

use std::io;
use std::net::SocketAddr;

use thespian_core::limits::TCP_READ_BYTES_MAX;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Accepts such connections.
#[derive(Debug)]
pub struct ByteListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl ByteListener {
    /// Listens at `address`: whoever calls has seen to it that this is allowed.
    ///
    /// # Errors
    /// As the system says.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection.
    ///
    /// # Errors
    /// As the system says: it may be out of descriptors, so the caller goes on after a while.
    pub async fn accept(&self) -> io::Result<ByteConnection> {
        let (stream, peer) = self.listener.accept().await?;
        // Both fail where the other end is gone again, which is no trouble of the listener's.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(self.address);
        let (reader, writer) = stream.into_split();
        Ok(ByteConnection { peer, local, reader: ByteReader(reader), writer: ByteWriter(writer) })
    }
}

/// A connection of bytes.
#[derive(Debug)]
pub struct ByteConnection {
    /// The other end.
    pub peer: SocketAddr,
    /// The address of this end.
    pub local: SocketAddr,
    /// The bytes that come.
    pub reader: ByteReader,
    /// Where to write.
    pub writer: ByteWriter,
}

/// Bytes to read, or the lack of them.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// So much, at most `TCP_READ_BYTES_MAX`.
    Bytes(Vec<u8>),
    /// Nothing there yet.
    Nothing,
    /// The other end will send no more.
    End,
}

/// The half that is read. It has no buffer: who is silent costs none.
#[derive(Debug)]
pub struct ByteReader(OwnedReadHalf);

impl ByteReader {
    /// Returns when there may be something to read.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn ready(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Takes what there is, without waiting.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn take(&self) -> io::Result<Taken> {
        let mut buffer = [0; TCP_READ_BYTES_MAX];
        match self.0.try_read(&mut buffer) {
            Ok(0) => Ok(Taken::End),
            Ok(len) => Ok(Taken::Bytes(buffer[..len].to_vec())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Taken::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Reads and forgets, until the other end sends no more.
    pub async fn discard(&self) {
        while self.ready().await.is_ok() && !matches!(self.take(), Ok(Taken::End) | Err(_)) {}
    }
}

/// The half that is written.
#[derive(Debug)]
pub struct ByteWriter(OwnedWriteHalf);

impl ByteWriter {
    /// Writes the beginning of `bytes`; says how many.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).await
    }

    /// Ends the connection so that the other end sees an error, and not the end of what was sent.
    pub fn reset(self) {
        // It may be gone already.
        let _ = self.0.as_ref().set_zero_linger();
        self.0.forget();
    }

    /// Tells the other end that nothing more comes.
    pub async fn end(&mut self) {
        // It may be gone already.
        let _ = self.0.shutdown().await;
    }
}
