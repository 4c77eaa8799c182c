//! The workloads: `cargo bench -p thespian-benches -- W1 W3`.

fn main() -> std::process::ExitCode {
    thespian_benches::main()
}
