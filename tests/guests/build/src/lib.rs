//! The actors that tests and benches run: one constant for each, the path of its component.
//!
//! `build.rs` compiles every package under `examples/` and `tests/guests/` whose crate type is `cdylib`, once for all
//! tests, and again when its sources change. The package `hello-goodbye` becomes `HELLO_GOODBYE`. `tests/tidy` fails
//! for a guest that nothing runs.
//!
//! `THESPIAN_GUESTS=DIR` takes components that are built already (`DIR/hello_goodbye.wasm`), for machines without the
//! target.

use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// The bytes of a component.
///
/// # Panics
/// The file can't be read: it was there when the tests were compiled.
#[must_use]
pub fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => panic!(
            "the component {}: {error}; `cargo clean -p thespian-guests` builds it anew",
            path.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a component: not those of a core module.
    const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

    #[test]
    fn every_guest_is_a_component() {
        for path in ALL {
            assert!(bytes(path).starts_with(&COMPONENT), "{path} is no component");
        }
    }
}
