//! A signature of a manifest: minisign's file of four lines. Its first line is signed by nobody, and shown nowhere.

use ct_codecs::{Base64, Decoder};
use minisign_verify::PublicKey as Verifier;
use thespian_core::limits::SIGNATURE_BYTES_MAX;
use thespian_core::source::admission::Signature;
use thespian_core::source::policy::{KeyId, PublicKey};

use super::key_text;

/// The mark of a signature of the bytes' hash, as all are that minisign makes since 2015.
const HASHED: [u8; 2] = *b"ED";
/// The mark of a signature of the bytes themselves.
const LEGACY: [u8; 2] = *b"Ed";

/// Holds a signature file against all keys that it could be of.
#[must_use]
pub fn held_against(file: &[u8], manifest: &[u8], keys: &[PublicKey]) -> Signature {
    let (text, id) = match parse(file) {
        Ok(parsed) => parsed,
        Err(why) => return Signature::Malformed(why.to_string()),
    };
    let Ok(signature) = minisign_verify::Signature::decode(text) else {
        return Signature::Malformed("its lines are not a signature's".to_string());
    };
    // Numbers are anybody's to choose: all keys of this one are tried.
    let mut of_number = keys.iter().filter(|key| key.id == id).peekable();
    if of_number.peek().is_none() {
        return Signature::UnknownKey(id);
    }
    let has_signed = |key: &&PublicKey| {
        let verifier = Verifier::from_base64(&key_text::write(key));
        verifier.is_ok_and(|verifier| verifier.verify(manifest, &signature, false).is_ok())
    };
    of_number.find(has_signed).map_or(Signature::False(id), |key| Signature::Good(*key))
}

/// The number of the key that a signature file names, if it has a signature's form.
#[must_use]
pub fn key_id(file: &[u8]) -> Option<KeyId> {
    parse(file).ok().map(|(_, id)| id)
}

/// The text of a file that has a signature's form, and the number of the key that it names.
fn parse(file: &[u8]) -> Result<(&str, KeyId), &'static str> {
    if file.len() > SIGNATURE_BYTES_MAX {
        return Err("it is too long");
    }
    let text = str::from_utf8(file).map_err(|_| "it is not UTF-8")?;
    // What is behind the fourth line, or before the end of one, nobody has signed.
    if text.contains('\r') || !text.ends_with('\n') || text.matches('\n').count() != 4 {
        return Err("it has four lines, each of which ends with a line feed alone");
    }
    let line = text.lines().nth(1).unwrap_or_default();
    let bytes = Base64::decode_to_vec(line, None).map_err(|_| "its second line is not a signature's")?;
    match bytes.split_first_chunk::<2>() {
        Some((&HASHED, rest)) => match rest.split_first_chunk::<8>() {
            Some((id, _)) => Ok((text, KeyId(*id))),
            None => Err("its second line is not a signature's"),
        },
        Some((&LEGACY, _)) => Err("it is of the legacy form, which `minisign -l` makes"),
        _ => Err("its second line is not a signature's"),
    }
}

#[cfg(test)]
mod tests;
