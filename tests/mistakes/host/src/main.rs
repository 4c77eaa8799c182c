//! The program `thespian-host` around a core that makes the mistake which the environment names.

extern crate thespian_host_mistaken as thespian_host;

#[path = "../../../../host/program/src/cli/mod.rs"]
mod cli;

use thespian_core::mistake::{Mistake, make};

fn main() -> std::process::ExitCode {
    if let Some(ended) = thespian_host::sandbox::compile_if_asked() {
        return ended;
    }
    make(match std::env::var("MISTAKE").as_deref() {
        Ok("PanicInTheExit") => Some(Mistake::PanicInTheExit),
        Ok("PanicInTheOutbox") => Some(Mistake::PanicInTheOutbox),
        Ok("PanicOnTheDesk") => Some(Mistake::PanicOnTheDesk),
        _ => None,
    });
    cli::main()
}
