//! A source that nobody can read or change who has not the key: AES-256-GCM, NIST SP 800-38D.
//!
//! ```text
//! nonce (12 bytes) │ the component, enciphered │ tag (16 bytes)
//! ```

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of what makes each sealing another. Never use one twice with a key.
pub const NONCE_BYTES: usize = 12;

/// A key out of 64 hex digits.
#[must_use]
pub fn key(digits: &str) -> Option<[u8; KEY_BYTES]> {
    let digits = digits.as_bytes();
    let mut key = [0; KEY_BYTES];
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(key)
}

/// Seals a component.
#[must_use]
pub fn seal(key: &[u8; KEY_BYTES], nonce: [u8; NONCE_BYTES], component: &[u8]) -> Option<Vec<u8>> {
    let mut body = component.to_vec();
    Aes256Gcm::new(key.into()).encrypt_in_place(&nonce.into(), b"", &mut body).ok()?;
    Some([&nonce[..], &body].concat())
}

/// Opens what was sealed with this key; nothing if it was not, or was changed. In the place of the sealed bytes, so that there is
/// no need for twice the memory.
#[must_use]
pub fn open(key: &[u8; KEY_BYTES], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = sealed.get(..NONCE_BYTES)?.try_into().ok()?;
    sealed.drain(..NONCE_BYTES);
    Aes256Gcm::new(key.into()).decrypt_in_place(&Nonce::from(nonce), b"", &mut sealed).ok()?;
    Some(sealed)
}
