//! `long`: the tests that draw at random, or kill, as often as a change of the rules they hold deserves; the usual runs draw less.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::guest_target::{ensure_guest_target, env_or, run};

/// A test that takes a number from the environment.
struct LongTest {
    /// The promise that it shows.
    what: &'static str,
    /// Options of cargo that choose its program.
    program: &'static [&'static str],
    /// A part of its name, and of no other's.
    name: &'static str,
    variable: &'static str,
    times: &'static str,
}

const TESTS: [LongTest; 3] = [
    LongTest {
        what: "of a million changed manifests and signatures only another comment passes",
        program: &["--lib"],
        name: "of_all_that_is_made_of_a_signed_manifest",
        variable: "THESPIAN_MUTATIONS",
        times: "1000000",
    },
    LongTest {
        what: "a node that is killed a hundred times amid loads has each source whole and approved, or not at all",
        program: &["--test", "program"],
        name: "a_node_that_is_killed_while_it_loads",
        variable: "THESPIAN_KILLS",
        times: "100",
    },
    LongTest {
        what: "five thousand lives of each kind keep every invariant",
        program: &["--package", "thespian-simulation", "--lib"],
        name: "orders::",
        variable: "THESPIAN_LIVES",
        times: "5000",
    },
];

/// Runs all of them, and says how long each took.
pub(crate) fn long(root: &Path) -> Result<(), String> {
    ensure_guest_target(root)?;
    for LongTest { what, program, name, variable, times } in TESTS {
        println!("\n== {what} ({variable}={times})");
        let begun = Instant::now();
        let mut cargo = Command::new(env_or("CARGO", "cargo"));
        cargo.args(["test", "--locked", "--quiet"]);
        if !program.contains(&"--package") {
            cargo.arg("--workspace");
        }
        run(cargo.args(program).args(["--", name]).env(variable, times))?;
        println!("== {} s", begun.elapsed().as_secs());
    }
    Ok(())
}
