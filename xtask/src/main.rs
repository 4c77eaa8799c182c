//! The commands that work on this repository: `cargo xtask test`.
//!
//! Plain `cargo test --workspace` does the same where the guests' target is installed already. A build script must not
//! change a machine, so it can only say what is missing; a command that somebody typed may install it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people: it says what it does")]

#[path = "../../host/src/cli/guest_target.rs"]
mod guest_target;

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

use guest_target::{ensure_guest_target, env_or, run};

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
    ensure_guest_target(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))?;
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
