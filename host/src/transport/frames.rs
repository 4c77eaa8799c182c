//! Frames out of a connection.

use std::io;

use bytes::Bytes;
use thespian_core::wire::frame::{FrameDecoder, FrameError};
use tokio::io::AsyncReadExt;

use super::ReadHalf;

/// Nothing more can be read from a connection.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The connection broke, or ended within a frame.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes came that are no frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Room for the next read, in bytes.
const READ_BYTES: usize = 16 << 10;

/// Reads frames. Dropping a read that is under way loses nothing.
pub struct FrameReader {
    stream: ReadHalf,
    decoder: FrameDecoder,
}

impl FrameReader {
    /// Reads from `stream`.
    #[must_use]
    pub fn new(stream: ReadHalf) -> Self {
        Self { stream, decoder: FrameDecoder::default() }
    }

    /// Takes frames of at most this size from here on.
    pub fn limit(&mut self, size_max: usize) {
        self.decoder.limit(size_max);
    }

    /// A frame that is already here.
    ///
    /// # Errors
    /// What came is no frame.
    pub fn ready(&mut self) -> Result<Option<Bytes>, ReadError> {
        Ok(self.decoder.next_frame()?)
    }

    /// Memory that holds the part of a frame that is here, in bytes. None: no frame has begun.
    #[must_use]
    pub fn part_bytes(&self) -> Option<usize> {
        (!self.decoder.is_between_frames()).then(|| self.decoder.held_bytes())
    }

    /// Whether the other end sends no more, though some of what it has sent may not have been read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.stream.is_ended()
    }

    /// Reads more bytes. False: the other end has closed between two frames.
    ///
    /// # Errors
    /// The connection broke, or ended within a frame.
    pub async fn fill(&mut self) -> Result<bool, ReadError> {
        let buffer = self.decoder.buffer();
        buffer.reserve(READ_BYTES);
        if self.stream.read_buf(buffer).await? > 0 {
            return Ok(true);
        }
        if self.decoder.is_between_frames() {
            return Ok(false);
        }
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }

    /// The next frame; `None` when the other end has closed.
    ///
    /// # Errors
    /// The connection broke, or what came is no frame.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            if let Some(frame) = self.ready()? {
                return Ok(Some(frame));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }
}
