//! The compiler's target for actors, and how a command that somebody typed adds it. Part of `thespian-host demo` and of
//! `cargo xtask`, which includes this file; it knows neither.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

pub(crate) const GUEST_TARGET: &str = "wasm32-wasip2";

/// Installs the target for the compiler of the checkout at `root`, unless it is there.
pub(crate) fn ensure_guest_target(root: &Path) -> Result<(), String> {
    let output = Command::new(env_or("RUSTC", "rustc"))
        .args(["--print", "target-libdir", "--target", GUEST_TARGET])
        .current_dir(root)
        .output()
        .map_err(|error| format!("can't run rustc: {error}"))?;
    // The path is printed whether or not anything is there.
    let libdir = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    if Command::new("rustup").arg("--version").output().is_err() {
        return Err(format!(
            "Actors are compiled to {GUEST_TARGET}, which this Rust lacks, and there is no rustup to add it.\n\
             Install the standard library for {GUEST_TARGET} the way this Rust was installed (some distributions \
             package it as `rust-std-{GUEST_TARGET}`), or install Rust with rustup."
        ));
    }
    run(Command::new("rustup").args(["target", "add", GUEST_TARGET]).current_dir(root))
}

/// Shows a command and runs it.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let name = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy);
    let line = words.collect::<Vec<_>>().join(" ");
    // Shown beside the results; where nobody listens, nothing is lost.
    let _ = writeln!(io::stderr(), "$ {line}");
    let status = command.status().map_err(|error| format!("`{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed: {status}")) }
}

pub(crate) fn env_or(name: &str, default: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| default.into())
}
