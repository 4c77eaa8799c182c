//! Values to bytes and back. The only file that names bincode: to leave it is to change this file.
//!
//! The format is bincode 2's standard one with fixed-width integers: little-endian, lengths as `u64`, variants as
//! `u32`. Fixed widths cost a few bytes in a frame and make a client in another language a page long.

use alloc::vec::Vec;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::FRAME_BYTES_MAX;
use crate::wire::frame::{FrameError, HEADER_LEN, finish_frame};

#[cfg(test)]
mod tests;

type Config<const MAX: usize> = Configuration<LittleEndian, Fixint, Limit<MAX>>;

const fn config<const MAX: usize>() -> Config<MAX> {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MAX>()
}

/// A frame this small can't have a length in it make room for more than this, in bytes.
const SMALL: usize = 64 << 10;

/// The bytes are not a value of the wanted type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end early, hold an impossible value, or claim more than a frame can hold.
    #[error("the frame's body is malformed")]
    Malformed,
    /// The value ends before the bytes do.
    #[error("{extra} bytes follow the frame's value")]
    Trailing {
        /// The number of bytes too many.
        extra: usize,
    },
}

/// Appends `value` to `bytes`, whatever stands there already.
///
/// # Errors
/// The value alone takes more than a frame may hold; `bytes` is as before.
pub fn encode_into<T: Serialize>(value: &T, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = bytes.len();
    let appender = Appender { len_max: start + FRAME_BYTES_MAX, bytes };
    if bincode::serde::encode_into_writer(value, appender, config::<FRAME_BYTES_MAX>()).is_err() {
        // Serialisation into memory fails for one reason only: the bound.
        bytes.truncate(start);
        return Err(FrameError::TooBig { size: size(value), max: FRAME_BYTES_MAX });
    }
    Ok(())
}

/// Bytes that `value` takes as the body of a frame.
fn size<T: Serialize>(value: &T) -> usize {
    let mut counter = bincode::enc::write::SizeWriter::default();
    // Nothing bounds a count.
    let _ = bincode::serde::encode_into_writer(value, &mut counter, config::<FRAME_BYTES_MAX>());
    counter.bytes_written
}

/// A whole frame with `value` as its body.
///
/// # Errors
/// The value does not fit into a frame.
pub fn encode_frame<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = Vec::with_capacity(256);
    encode_frame_into(value, &mut frame)?;
    Ok(frame)
}

/// Appends a whole frame with `value` as its body.
///
/// # Errors
/// The value does not fit into a frame; `bytes` is then as before.
pub fn encode_frame_into<T: Serialize>(value: &T, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; HEADER_LEN]);
    encode_into(value, bytes).and_then(|()| finish_frame(bytes, start)).inspect_err(|_| bytes.truncate(start))
}

/// The value that `bytes` hold.
///
/// # Errors
/// They hold none, or more than one.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    // What a length claims is allocated before it is read, so the bound follows the frame.
    let decoded = if bytes.len() <= SMALL {
        bincode::serde::decode_from_slice(bytes, config::<SMALL>())
    } else {
        bincode::serde::decode_from_slice(bytes, config::<FRAME_BYTES_MAX>())
    };
    let (value, used) = decoded.map_err(|_| DecodeError::Malformed)?;
    if used < bytes.len() {
        return Err(DecodeError::Trailing { extra: bytes.len() - used });
    }
    Ok(value)
}

struct Appender<'a> {
    bytes: &'a mut Vec<u8>,
    len_max: usize,
}

impl bincode::enc::write::Writer for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        if bytes.len() > self.len_max - self.bytes.len() {
            return Err(bincode::error::EncodeError::UnexpectedEnd);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}
