//! The gate without a host.

use thespian::testing::{Effect, TestActor, TestStart};

use super::*;

const KEY: [u8; sealed::KEY_BYTES] = [0xab; sealed::KEY_BYTES];

fn gate() -> TestActor<Gate> {
    TestStart::default().init(&Open { key: "ab".repeat(32) }).unwrap().start().unwrap()
}

fn verdict(effects: &[Effect]) -> Result<Option<Vec<u8>>, String> {
    let [Effect::Judge { verdict, replaced, .. }] = effects else { panic!("{effects:?}") };
    verdict.clone().map(|_| replaced.clone())
}

#[test]
fn what_was_sealed_with_its_key_runs_opened() {
    let sealed = sealed::seal(&KEY, [7; sealed::NONCE_BYTES], b"a component").unwrap();
    let effects = gate().source_offered("greeter.wasm.sealed", sealed).unwrap();
    assert_eq!(verdict(&effects), Ok(Some(b"a component".to_vec())));
}

#[test]
fn whatever_else_comes_is_refused() {
    let sealed = sealed::seal(&KEY, [7; sealed::NONCE_BYTES], b"a component").unwrap();
    let mut changed = sealed.clone();
    changed[20] ^= 1;
    let other = sealed::seal(&[1; sealed::KEY_BYTES], [7; sealed::NONCE_BYTES], b"a component").unwrap();
    for refused in [b"a component".to_vec(), Vec::new(), sealed[1..].to_vec(), changed, other] {
        let effects = gate().source_offered("x", refused).unwrap();
        assert_eq!(verdict(&effects), Err("it is not sealed with the key of this host".to_string()));
    }
}

#[test]
fn a_gate_without_a_key_does_not_start() {
    for key in ["", "ab", &"xy".repeat(32)] {
        let start = TestStart::default().init(&Open { key: key.to_string() }).unwrap();
        assert!(start.start::<Gate>().is_err(), "{key}");
    }
}
