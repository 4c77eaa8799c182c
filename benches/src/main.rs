//! The workloads as a program, which a profiler and the smoke test can start. `cargo bench` runs the same.

fn main() -> std::process::ExitCode {
    thespian_benches::main()
}
