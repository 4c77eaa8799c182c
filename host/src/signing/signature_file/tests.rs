//! Signatures by minisign's own library, and all that could be made of them.

use std::io::Cursor;

use ct_codecs::Encoder;
use minisign::KeyPair;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;
use crate::signing::manifest_file;

const MANIFEST: &[u8] = b"[source]\nformat = 1\n\
    sha256 = \"ba0800000000000000000000000000000000000000000000000000000000ba08\"\n\
    name = \"shop/orders\"\nversion = \"1.4.2\"\n[wants]\nrights = [\"status\"]\n";

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

fn public(pair: &KeyPair) -> PublicKey {
    key_text::read(&pair.pk.to_base64()).unwrap()
}

fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
    let file = minisign::sign(None, &pair.sk, Cursor::new(bytes), Some("for a test"), None).unwrap();
    format!("{}\n", file.into_string().trim_end())
}

#[test]
fn a_signature_is_of_the_key_that_made_it_and_of_these_bytes_alone() {
    let (ours, theirs) = (pair(), pair());
    let (key, other) = (public(&ours), public(&theirs));
    let file = sign(&ours, MANIFEST);
    let held = |manifest: &[u8], keys: &[PublicKey]| held_against(file.as_bytes(), manifest, keys);
    assert_eq!(held(MANIFEST, &[other, key]), Signature::Good(key));
    assert_eq!(held(MANIFEST, &[other]), Signature::UnknownKey(key.id));
    assert_eq!(held(MANIFEST, &[]), Signature::UnknownKey(key.id));
    assert_eq!(held(b"[source]", &[key]), Signature::False(key.id));
    // A number says nothing: all keys that have it are tried, and only the one that has signed counts.
    let namesake = PublicKey { id: key.id, point: other.point };
    assert_eq!(held(MANIFEST, &[namesake]), Signature::False(key.id));
    assert_eq!(held(MANIFEST, &[namesake, key]), Signature::Good(key));
}

#[test]
fn only_four_lines_that_end_as_they_should_are_a_signature() {
    let ours = pair();
    let file = sign(&ours, MANIFEST);
    let lines: Vec<&str> = file.lines().collect();
    let legacy = {
        let mut bytes = Base64::decode_to_vec(lines[1], None).unwrap();
        bytes[1] = b'd';
        Base64::encode_to_string(&bytes).unwrap()
    };
    let with_second = |second: &str| format!("{}\n{second}\n{}\n{}\n", lines[0], lines[2], lines[3]);
    let cases = [
        (format!("{file}more\n"), "four lines"),
        (file.trim_end().to_string(), "four lines"),
        (file.replace('\n', "\r\n"), "four lines"),
        (file.replacen('\n', "\r\n", 1), "four lines"),
        (format!("{file}\n"), "four lines"),
        (String::new(), "four lines"),
        (with_second(&legacy), "legacy"),
        (with_second("RWQ"), "second line"),
        (with_second(""), "second line"),
        (file.replace("trusted comment: for", "comment: for"), "not a signature's"),
        ("x".repeat(SIGNATURE_BYTES_MAX + 1), "too long"),
    ];
    for (text, why) in cases {
        match held_against(text.as_bytes(), MANIFEST, &[public(&ours)]) {
            Signature::Malformed(told) => assert!(told.contains(why), "{told} does not say {why}"),
            other => panic!("{other:?} of {text:?}"),
        }
    }
    assert!(matches!(held_against(&[0xff], MANIFEST, &[]), Signature::Malformed(_)));
}

/// Changes some bytes: flips bits, and takes out, doubles, or moves pieces.
fn mutate(bytes: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..6) {
            0 | 1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, random.next_u32() as u8),
            4 => bytes.truncate(at.max(1)),
            _ => {
                let piece: Vec<u8> = bytes[at..].iter().take(40).copied().collect();
                let to = random.random_range(0..bytes.len());
                bytes.splice(to..to, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

/// As many as `THESPIAN_MUTATIONS` says.
#[test]
fn of_all_that_is_made_of_a_signed_manifest_only_another_first_line_of_its_signature_is_let_pass() {
    let rounds = std::env::var("THESPIAN_MUTATIONS").ok().and_then(|text| text.parse().ok());
    let mut random = StdRng::seed_from_u64(0x7468_6573);
    let ours = pair();
    let keys = [public(&ours)];
    let file = sign(&ours, MANIFEST);
    let rest = |file: &[u8]| file.iter().position(|byte| *byte == b'\n').map(|end| file[end..].to_vec());
    let mut passed = 0;
    for round in 0..rounds.unwrap_or(20_000) {
        let (mut manifest, mut signature) = (MANIFEST.to_vec(), file.clone().into_bytes());
        if round % 2 == 0 {
            mutate(&mut manifest, &mut random);
            // What can be read of it says what it says; nobody has signed it.
            let _ = manifest_file::read(&manifest);
        } else {
            mutate(&mut signature, &mut random);
        }
        let is_other = signature != file.as_bytes();
        if let Signature::Good(key) = held_against(&signature, &manifest, &keys) {
            assert_eq!(key, keys[0]);
            assert_eq!(manifest, MANIFEST, "round {round}");
            assert_eq!(rest(&signature), rest(file.as_bytes()), "round {round}");
            passed += usize::from(is_other);
        }
    }
    assert!(passed > 0, "no first line was changed alone: the loop shows nothing");
}
