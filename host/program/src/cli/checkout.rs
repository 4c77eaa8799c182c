//! A checkout of the project: where it is, and how its first example is built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::guest_target::{GUEST_TARGET, ensure_guest_target, env_or, run};

/// The example that the demo runs.
pub(super) const EXAMPLE: &str = "examples/01-hello";
const PACKAGE: &str = "hello";
const PROFILE: &str = "guest";
/// As `.cargo/config.toml` has it, and the build of the tests' guests: a stack of 64 KiB.
const STACK_FLAGS: &str = "-C\u{1f}link-arg=-zstack-size=65536";

/// The checkout that cargo runs us from, or that the current directory is in.
pub(super) fn find() -> Option<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let starts = manifest.into_iter().chain(env::current_dir().ok());
    let folders = starts.flat_map(|start| start.ancestors().map(Path::to_path_buf).collect::<Vec<_>>());
    folders.into_iter().find(|folder| {
        folder.join(EXAMPLE).join("Cargo.toml").is_file() && folder.join("wit/actor.wit").is_file()
    })
}

/// Compiles the example to a component; gives its path.
pub(super) fn build_example(root: &Path) -> Result<PathBuf, String> {
    ensure_guest_target(root)?;
    // Where the tests' guests are built too, so that neither builds what the other has.
    let target = target_folder(root).join("guests");
    let mut cargo = Command::new(env_or("CARGO", "cargo"));
    cargo.args(["build", "--locked", "--package", PACKAGE, "--profile", PROFILE, "--target", GUEST_TARGET]);
    cargo.arg("--target-dir").arg(&target).current_dir(root);
    // What whoever called us wants of the host's code, not of the guests': a linker, a processor's features.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", STACK_FLAGS).env("CARGO_BUILD_BUILD_DIR", &target);
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    run(&mut cargo)?;
    let component = target.join(GUEST_TARGET).join(PROFILE).join(PACKAGE).with_extension("wasm");
    if component.is_file() { Ok(component) } else { Err(format!("cargo built no {}", component.display())) }
}

/// Cargo's own folder, which it marks for backup programs, if it built this program; else where cargo puts it.
fn target_folder(root: &Path) -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let built_in = program.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").is_file());
    built_in.map_or_else(|| root.join("target"), Path::to_path_buf)
}
