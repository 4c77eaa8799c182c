//! The workloads that every peer is measured by, each beside what this machine could do at best: a bare call of the
//! same guest, a bare hop between tasks, a bare round trip over a socket. `README.md` says what the figures mean.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people, and for scripts")]

pub mod bare;
mod bench;
mod compare;
pub mod hops;
mod machine;
mod options;
mod other_process;
mod report;
pub mod stats;
mod system;
mod workloads;

use std::process::ExitCode;

use anyhow::Context as _;

pub use bench::Bench;
pub use options::Options;
pub use report::{Bar, Line};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the workloads that the command line names, or all.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.first().map(String::as_str) {
        Some(other_process::MARK) => other_process::run(&args[1..]),
        _ => run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(args)?;
    if options.help {
        println!("{}", options::USAGE);
        return Ok(());
    }
    let all = || workloads::ALL.iter().chain(workloads::LONG);
    let known: Vec<&str> = all().map(|(name, _)| *name).collect();
    if let Some(unknown) = options.wanted.iter().find(|wanted| !known.contains(&wanted.as_str())) {
        anyhow::bail!("there is no workload {unknown}; there are {}", known.join(", "));
    }
    if let Some(other) = &options.against {
        let usual: Vec<&str> = workloads::ALL.iter().map(|(name, _)| *name).collect();
        return compare::run(&options, other, &usual);
    }
    let mut bench = Bench::new(options)?;
    bench.say(&machine::describe());
    let long: Vec<&str> = workloads::LONG.iter().map(|(name, _)| *name).collect();
    for (name, workload) in all() {
        if if long.contains(name) { bench.names(name) } else { bench.wants(name) } {
            workload(&mut bench).with_context(|| format!("workload {name}"))?;
        }
    }
    bench.say(&format!("load at the end: {}", machine::load()));
    bench.finish();
    Ok(())
}
