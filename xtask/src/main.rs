//! The commands that work on this repository: `cargo xtask test`.
//!
//! Plain `cargo test --workspace` does the same where the guests' target is installed already. A build script must not
//! change a machine, so it can only say what is missing; a command that somebody typed may install it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people: it says what it does")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

const GUEST_TARGET: &str = "wasm32-wasip2";

const USAGE: &str = "\
Usage: cargo xtask test [ARGS]

  test    Installs the compiler's target for actors if it is missing, then runs every test.
          ARGS go to `cargo test --workspace`: cargo xtask test -p thespian-core -- turn";

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let outcome = match args.next().as_deref().and_then(OsStr::to_str) {
        Some("test") => test(args.collect()),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn test(args: Vec<OsString>) -> Result<(), String> {
    ensure_guest_target()?;
    let mut cargo = Command::new(env_or("CARGO", "cargo"));
    cargo.arg("test");
    // Beside `--workspace` a `--package` would be ignored.
    if !args.iter().take_while(|arg| *arg != "--").any(names_package) {
        cargo.arg("--workspace");
    }
    run(cargo.args(args))
}

fn names_package(arg: &OsString) -> bool {
    arg.to_str().is_some_and(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

/// Installs the target that actors are compiled to, unless this compiler has it.
fn ensure_guest_target() -> Result<(), String> {
    let output = Command::new(env_or("RUSTC", "rustc"))
        .args(["--print", "target-libdir", "--target", GUEST_TARGET])
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
    run(Command::new("rustup").args(["target", "add", GUEST_TARGET]))
}

/// Shows a command and runs it.
fn run(command: &mut Command) -> Result<(), String> {
    let name = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy);
    let line = words.collect::<Vec<_>>().join(" ");
    println!("$ {line}");
    let status = command.status().map_err(|error| format!("`{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed: {status}")) }
}

fn env_or(name: &str, default: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| default.into())
}
