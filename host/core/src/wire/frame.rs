//! Frames: a length in four bytes, little-endian, and as many bytes of body. Knows nothing of their content.

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::FRAME_BYTES_MAX;

/// Length of a frame's header, in bytes.
pub const HEADER_LEN: usize = 4;

/// The stream is not one of frames. Nothing after this can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The body is bigger than allowed.
    #[error("a frame of {size} bytes; at most {max} are allowed")]
    TooBig {
        /// The size that it takes, or that its header says.
        size: usize,
        /// The bound that it exceeds.
        max: usize,
    },
    /// A body has at least one byte.
    #[error("an empty frame")]
    Empty,
}

/// Cuts a stream of bytes into frames, however the bytes arrive.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: BytesMut,
    size_max: usize,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), size_max: FRAME_BYTES_MAX }
    }
}

impl FrameDecoder {
    /// Lets the bodies of the frames to come have at most `size_max` bytes: a stranger is allowed less.
    pub fn limit(&mut self, size_max: usize) {
        self.size_max = size_max.min(FRAME_BYTES_MAX);
    }

    /// Where the next bytes of the stream are to be written: bounded, since a caller takes out every whole
    /// frame before it reads on.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole frame's body, or `None` until more bytes are there. Shares the buffer's memory.
    ///
    /// # Errors
    /// The header announces an impossible body. The decoder then stays at it: the stream is lost.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(header) = self.buffer.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let size = u32::from_le_bytes(*header) as usize;
        match size {
            0 => return Err(FrameError::Empty),
            size if size > self.size_max => return Err(FrameError::TooBig { size, max: self.size_max }),
            _ => {}
        }
        if self.buffer.len() < HEADER_LEN + size {
            // Reserve what is announced only as far as it is already arriving: a header alone costs nothing.
            let missing = HEADER_LEN + size - self.buffer.len();
            self.buffer.reserve(missing.min(self.buffer.len().max(8 << 10)));
            return Ok(None);
        }
        self.buffer.advance(HEADER_LEN);
        Ok(Some(self.buffer.split_to(size).freeze()))
    }

    /// Memory that holds what has come of the next frame, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether the stream may end here: no frame has begun.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.buffer.is_empty()
    }
}

/// Puts the header before a body that was written behind [`HEADER_LEN`] spare bytes.
///
/// # Errors
/// The body is empty or bigger than allowed.
pub fn finish_frame(frame: &mut [u8], start: usize) -> Result<(), FrameError> {
    let size = frame.len() - start - HEADER_LEN;
    if size == 0 {
        return Err(FrameError::Empty);
    }
    match u32::try_from(size) {
        Ok(header) if size <= FRAME_BYTES_MAX => {
            frame[start..start + HEADER_LEN].copy_from_slice(&header.to_le_bytes());
            Ok(())
        }
        _ => Err(FrameError::TooBig { size, max: FRAME_BYTES_MAX }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; HEADER_LEN];
        frame.extend_from_slice(body);
        finish_frame(&mut frame, 0).unwrap();
        frame
    }

    #[test]
    fn net_204_a_frame_split_at_any_byte_arrives_whole_and_the_rest_is_kept() {
        let stream = [frame(b"first"), frame(&[7; 300]), frame(b"x")].concat();
        for cut in 0..=stream.len() {
            let mut decoder = FrameDecoder::default();
            let mut bodies = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                decoder.buffer().extend_from_slice(part);
                while let Some(body) = decoder.next_frame().unwrap() {
                    bodies.push(body);
                }
            }
            assert_eq!(bodies, [&b"first"[..], &[7; 300], b"x"]);
            assert!(decoder.is_between_frames());
        }
    }

    #[test]
    fn an_impossible_length_is_an_error_and_stays_one() {
        let mut decoder = FrameDecoder::default();
        decoder.buffer().extend_from_slice(&u32::MAX.to_le_bytes());
        let error = FrameError::TooBig { size: u32::MAX as usize, max: FRAME_BYTES_MAX };
        assert_eq!(decoder.next_frame(), Err(error));
        assert_eq!(decoder.next_frame(), Err(error));
        let mut decoder = FrameDecoder::default();
        decoder.buffer().extend_from_slice(&[0; 4]);
        assert_eq!(decoder.next_frame(), Err(FrameError::Empty));
    }

    #[test]
    fn a_lower_limit_holds_until_it_is_raised() {
        let mut decoder = FrameDecoder::default();
        decoder.limit(2);
        decoder.buffer().extend_from_slice(&[frame(b"ab"), frame(b"abc")].concat());
        assert_eq!(decoder.next_frame(), Ok(Some(Bytes::from_static(b"ab"))));
        assert_eq!(decoder.next_frame(), Err(FrameError::TooBig { size: 3, max: 2 }));
        decoder.limit(usize::MAX);
        assert_eq!(decoder.next_frame(), Ok(Some(Bytes::from_static(b"abc"))));
    }

    #[test]
    fn a_header_alone_reserves_little() {
        let mut decoder = FrameDecoder::default();
        decoder.buffer().extend_from_slice(&(FRAME_BYTES_MAX as u32).to_le_bytes());
        assert_eq!(decoder.next_frame(), Ok(None));
        assert!(decoder.buffer().capacity() < 64 << 10);
    }
}
