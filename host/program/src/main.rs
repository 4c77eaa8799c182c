//! The program `thespian-host`: runs a node, and talks to one from a shell.

mod cli;

// Messages are freed by other threads than allocate them: docs/decisions/0012.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    thespian_host::sandbox::compile_if_asked().unwrap_or_else(cli::main)
}
