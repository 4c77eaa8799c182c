//! The actors that tests and benches run: one constant for each, the path of its component.
//!
//! `build.rs` compiles every package under `examples/` and `tests/guests/` whose crate type is `cdylib`, once for all
//! tests, and again when its sources change. The package `hello-goodbye` becomes `HELLO_GOODBYE`. `tests/tidy` fails
//! for a guest that nothing runs.
//!
//! `THESPIAN_GUESTS=DIR` takes components that are built already (`DIR/hello_goodbye.wasm`), for machines without the
//! target.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

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

/// A private directory for compiled code, the same for all tests and benches that do not look at compiling itself: each guest
/// is compiled once.
#[must_use]
pub fn code_dir() -> PathBuf {
    Path::new(env!("OUT_DIR")).join("code")
}

/// The program that compiles for the nodes of tests and benches, as its sources are now.
///
/// # Panics
/// It can't be built.
#[must_use]
pub fn compiler() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_compiler).clone()
}

/// A test binary can't be its own compiler, and cargo builds programs for the tests of their own package alone.
fn build_compiler() -> PathBuf {
    let this = env::current_exe().expect("a program has a path");
    // Of `target/debug/deps/rows-0123` or `target/debug/thespian-benches` the folder of the profile.
    let profile = this.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let profile = profile.expect("cargo puts programs into folders");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Beside the program, and so with the features that all of the workspace has: alone, the engine would be compiled for it in
    // another way, which takes minutes.
    cargo.args(["build", "--locked", "--quiet", "--package", "thespian-host-program"]);
    cargo.args(["--package", "thespian-compiler", "--bin", "thespian-compiler", "--target-dir"]);
    cargo.arg(profile.parent().expect("a profile's folder stands in another"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../..")).status();
    assert!(status.is_ok_and(|status| status.success()), "the package thespian-compiler does not build");
    profile.join("thespian-compiler")
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
