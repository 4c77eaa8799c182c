//! The program `thespian-host`: runs a node, and talks to one from a shell.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
