//! Public keys as minisign writes them: one line in base 64, with the key's number in front.

use ct_codecs::{Base64, Decoder, Encoder};
use curve25519_dalek::edwards::CompressedEdwardsY;
use thespian_core::source::policy::{KeyId, PublicKey};

/// The bytes with which minisign marks a key of Ed25519.
const ALGORITHM: [u8; 2] = *b"Ed";
/// Algorithm, number and point, in bytes.
const LEN: usize = 2 + 8 + 32;

/// The text is no public key that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// The text is something else.
    #[error("a public key is the second line of minisign's public key file, and looks like `RWQ…`")]
    NoKey,
    /// Anybody could sign for it.
    #[error("the key is weak: signatures of it can be made without its secret")]
    Weak,
}

/// Reads a key: the line alone, or the file that it stands in.
///
/// # Errors
/// The text is none, or the key is weak.
pub fn read(text: &str) -> Result<PublicKey, KeyTextError> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = match lines[..] {
        [line] => line,
        [comment, line] if comment.starts_with("untrusted comment:") => line,
        _ => return Err(KeyTextError::NoKey),
    };
    let mut bytes = [0; LEN];
    let decoded = Base64::decode(&mut bytes, line, None).map_err(|_| KeyTextError::NoKey)?;
    let rest = decoded.strip_prefix(&ALGORITHM).ok_or(KeyTextError::NoKey)?;
    let (id, point) = rest.split_first_chunk::<8>().ok_or(KeyTextError::NoKey)?;
    let point: [u8; 32] = point.try_into().map_err(|_| KeyTextError::NoKey)?;
    let is_strong =
        CompressedEdwardsY(point).decompress().is_some_and(|decompressed| !decompressed.is_small_order());
    if !is_strong {
        return Err(KeyTextError::Weak);
    }
    Ok(PublicKey { id: KeyId(*id), point })
}

/// As it is written in a policy.
///
/// # Panics
/// Never: so few bytes have a text.
#[must_use]
pub fn write(key: &PublicKey) -> String {
    let bytes = [&ALGORITHM[..], &key.id.0, &key.point].concat();
    Base64::encode_to_string(bytes).expect("42 bytes have a text in base 64")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From minisign's own documentation.
    const TEXT: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn a_key_is_written_as_it_is_read_and_its_number_is_minisigns() {
        let key = read(TEXT).unwrap();
        assert_eq!(write(&key), TEXT);
        assert_eq!(key.id.to_string(), "E7620F1842B4E81F");
        assert_eq!(read(&format!("untrusted comment: minisign public key\n{TEXT}\n")), Ok(key));
    }

    #[test]
    fn what_is_no_key_and_what_anybody_could_sign_for_is_refused() {
        let secret = format!("untrusted comment: a\n{TEXT}\n{TEXT}\n");
        for text in ["", "RWQ", &TEXT[1..], &format!("{TEXT}A"), &TEXT.replace('R', "S"), &secret] {
            assert_eq!(read(text), Err(KeyTextError::NoKey), "{text}");
        }
        // The points of order 1, 2 and 4, and what is no point at all.
        let mut two = [0xff; 32];
        (two[0], two[31]) = (0xec, 0x7f);
        let mut one = [0; 32];
        one[0] = 1;
        let mut none = [0; 32];
        none[0] = 2;
        for point in [[0; 32], one, two, none] {
            let weak = write(&PublicKey { id: KeyId([1; 8]), point });
            assert_eq!(read(&weak), Err(KeyTextError::Weak), "{weak}");
        }
    }
}
