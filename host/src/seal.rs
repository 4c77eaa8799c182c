//! Files that this user's nodes alone have written: a key in a private directory, and a code made with it over what stands in
//! a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::input::{self, InputError};

/// Length of a seal, in bytes.
pub(crate) const SEAL_LEN: usize = 32;
const KEY_LEN: usize = 32;

/// A maker of seals, who tells them from others.
pub(crate) struct Seal {
    key: [u8; KEY_LEN],
}

impl Seal {
    /// The key that lies in this file, or a new one that does from now on.
    ///
    /// # Errors
    /// It can't be read or made.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let key = match read_key(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(path)?,
            key => key?,
        };
        Ok(Self { key })
    }

    /// The seal over these parts, one after the other.
    pub(crate) fn over(&self, parts: &[&[u8]]) -> [u8; SEAL_LEN] {
        self.mac(parts).finalize().into_bytes().into()
    }

    /// Whether it is the seal over these parts. The comparison takes the same time wherever they differ.
    pub(crate) fn is_over(&self, seal: &[u8], parts: &[&[u8]]) -> bool {
        self.mac(parts).verify_slice(seal).is_ok()
    }

    /// The bytes behind the seal with which a file begins, if it is over those.
    pub(crate) fn opened<'a>(&self, purpose: &[u8], file: &'a [u8]) -> Option<&'a [u8]> {
        let (seal, rest) = file.split_at_checked(SEAL_LEN)?;
        self.is_over(seal, &[purpose, rest]).then_some(rest)
    }

    /// A file's bytes: the seal, and what it is over. What is sealed for one purpose is none for another.
    pub(crate) fn sealed(&self, purpose: &[u8], bytes: &[u8]) -> Vec<u8> {
        [&self.over(&[purpose, bytes]), bytes].concat()
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mac = Hmac::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        parts.iter().fold(mac, |mac, part| mac.chain_update(part))
    }
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    let wrong = |_| io::Error::other("the key has the wrong length: remove it");
    match input::read_own(path, KEY_LEN) {
        Ok(bytes) => bytes.try_into().map_err(wrong),
        Err(InputError::TooLong { .. }) => Err(wrong(Vec::new())),
        Err(error) => Err(error.into()),
    }
}

/// Draws a key and publishes it whole; where two programs do so at once, both end up with the first one's.
fn make_key(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    let mut key = [0; KEY_LEN];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let temporary = path.with_extension(format!("{:016x}.new", getrandom::u64().map_err(io::Error::other)?));
    let write = |mut file: File| file.write_all(&key).and_then(|()| file.sync_all());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(write);
    // A link, unlike a rename, does not replace a key that is there already.
    let published = made.and_then(|()| fs::hard_link(&temporary, path));
    let _never_made = fs::remove_file(&temporary);
    match published {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_key(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_over_what_it_was_made_for_and_nothing_else() {
        let path = std::env::temp_dir().join(format!("thespian-seal-{}", std::process::id()));
        let seal = Seal::open(&path).unwrap();
        let file = seal.sealed(b"record", b"bytes");
        assert_eq!(Seal::open(&path).unwrap().opened(b"record", &file), Some(&b"bytes"[..]), "the key stays");
        assert_eq!(seal.opened(b"history", &file), None);
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 1;
            assert_eq!(seal.opened(b"record", &other), None, "{at}");
            assert_eq!(seal.opened(b"record", &file[..at]), None, "{at}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(Seal::open(&path).unwrap().opened(b"record", &file), None, "another key's");
        fs::remove_file(&path).unwrap();
    }
}
