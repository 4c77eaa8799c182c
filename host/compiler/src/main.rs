//! The program `thespian-compiler`: for nodes in programs that can't be their own compiler. `NodeConfig::compiler` names it;
//! the program `thespian-host` needs it not.
#![expect(clippy::print_stderr, reason = "said to whoever starts it in a shell")]

use std::process::ExitCode;

fn main() -> ExitCode {
    thespian_host::sandbox::compile_if_asked().unwrap_or_else(|| {
        eprintln!("thespian-compiler compiles sources for a node, which starts it: name it in `NodeConfig::compiler`");
        ExitCode::from(2)
    })
}
