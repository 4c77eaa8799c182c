//! The commands that work on this repository: `cargo xtask test`, `lint`, `long`, `compare` and `siege`.
//!
//! Plain `cargo test --workspace` does the same where the guests' target is installed already. A build script must not
//! change a machine, so it can only say what is missing; a command that somebody typed may install it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people: it says what it does")]

#[path = "../../host/program/src/cli/guest_target.rs"]
mod guest_target;

mod compare;
mod lint;
mod long;

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

use guest_target::{ensure_guest_target, env_or, run};

const USAGE: &str = "\
Usage: cargo xtask test [ARGS]
       cargo xtask lint [ARGS]
       cargo xtask long
       cargo xtask compare COMMIT [OPTIONS] [WORKLOAD]...
       cargo xtask siege [OPTIONS]

  test     Installs the compiler's target for actors if it is missing, then runs every test.
           ARGS go to `cargo test --workspace`: cargo xtask test -p thespian-core -- turn
  lint     Holds every crate to no warnings of clippy and of the documentation, with what the tests have compiled: a minute
           behind them, where `cargo clippy` and `cargo doc` take three. ARGS go to `cargo build --workspace`.
  long     Runs the tests that draw at random, or kill, far more often than `test` does: some minutes each.
  compare  Builds the benches of COMMIT and of this tree, runs them in turn, 15 times each, and prints how the medians
           compare: more than 1 is worse than before. Best on a quiet machine.
           OPTIONS go to the benches: cargo xtask compare HEAD~1 --runs 5 W2 W3
  siege    Has strangers' components attack a node, beside an actor that is asked, and prints what that cost it: some
           minutes. OPTIONS go to the benches: cargo xtask siege --quick";

/// The workloads of the benches that are attacks.
const SIEGE: [&str; 4] = ["siege-code", "siege-time", "siege-memory", "siege-all"];

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    if lint::is_in_place_of_rustc() {
        return lint::in_place_of_rustc(&args.collect::<Vec<_>>()).unwrap_or_else(|text| {
            eprintln!("{text}");
            ExitCode::FAILURE
        });
    }
    let outcome = match args.next().as_deref().and_then(OsStr::to_str) {
        Some("test") => test(args.collect()),
        Some("lint") => lint::lint(Path::new(ROOT), args.collect()),
        Some("long") => long::long(Path::new(ROOT)),
        Some("compare") => compare::compare(Path::new(ROOT), &args.collect::<Vec<_>>()),
        Some("siege") => siege(args.collect()),
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
    ensure_guest_target(Path::new(ROOT))?;
    let mut cargo = Command::new(env_or("CARGO", "cargo"));
    cargo.arg("test");
    // Beside `--workspace` a `--package` would be ignored.
    if !args.iter().take_while(|arg| *arg != "--").any(names_package) {
        cargo.arg("--workspace");
    }
    // Most tests wait: for nodes, processes and deadlines.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cargo.env("RUST_TEST_THREADS", env_or("RUST_TEST_THREADS", &(2 * cores).to_string()));
    run(cargo.args(args))
}

fn siege(args: Vec<OsString>) -> Result<(), String> {
    ensure_guest_target(Path::new(ROOT))?;
    let mut cargo = Command::new(env_or("CARGO", "cargo"));
    run(cargo.args(["run", "--quiet", "--package", "thespian-benches", "--"]).args(SIEGE).args(args))
}

fn names_package(arg: &OsString) -> bool {
    arg.to_str().is_some_and(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}
