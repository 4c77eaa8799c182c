//! `cargo xtask lint`: clippy and the lints of the documentation, on top of what the tests have compiled.
//!
//! `cargo clippy` and `cargo doc` take metadata of another kind than the tests leave, so after these they check each of some
//! 300 dependencies once more, the engine first of all. Here cargo builds as it does for the tests, and calls this program in
//! the compiler's place for the workspace's own crates ([`in_place_of_rustc`]), which makes of each only what a check makes.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::guest_target::{ensure_guest_target, env_or, run};

/// Set for the calls in the compiler's place. Its value is where the documentation goes.
const DOCS: &str = "XTASK_LINT_DOCS";

/// How clippy's own cargo command hands arguments to its driver.
const CLIPPY_ARGS: &str = "CLIPPY_ARGS";
const CLIPPY_SEPARATOR: &str = "__CLIPPY_HACKERY__";

pub(crate) fn lint(root: &Path, args: Vec<OsString>) -> Result<(), String> {
    ensure_guest_target(root)?;
    let this = env::current_exe().map_err(|error| format!("can't find this program: {error}"))?;
    let root = root.canonicalize().map_err(|error| format!("can't find {}: {error}", root.display()))?;
    let mut cargo = Command::new(env_or("CARGO", "cargo"));
    cargo.args(["build", "--workspace", "--all-targets"]).args(args).current_dir(&root);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", this).env(DOCS, root.join("target/doc"));
    cargo.env(CLIPPY_ARGS, format!("-Dwarnings{CLIPPY_SEPARATOR}"));
    run(&mut cargo)
}

/// Whether cargo calls this program, for [`lint`], as it would call the compiler.
pub(crate) fn is_in_place_of_rustc() -> bool {
    env::var_os(DOCS).is_some()
}

/// `args` are the compiler's path and what it is told. Clippy takes the compiler's place; what has documentation goes to rustdoc
/// too.
pub(crate) fn in_place_of_rustc(args: &[OsString]) -> Result<ExitCode, String> {
    let told: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let mut clippy = Command::new("clippy-driver");
    if is_checked_only(&told) {
        clippy.args(args.iter().map(|arg| as_checked(arg)));
    } else {
        clippy.args(args);
    }
    let ends_well = succeeds(&mut clippy)? && (!has_docs(&told) || succeeds(&mut rustdoc(args, &told))?);
    Ok(if ends_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A build script and a macro run in this very build, so they are made in full.
fn is_checked_only(told: &[&str]) -> bool {
    !is_build_script(told) && !told.contains(&"proc-macro")
}

fn is_build_script(told: &[&str]) -> bool {
    value_of(told, "--crate-name").is_some_and(|name| name.starts_with("build_script_"))
}

/// As cargo documents them: libraries, macros and programs. A question about the compiler makes nothing.
fn has_docs(told: &[&str]) -> bool {
    told.iter().any(|arg| is_emit(arg)) && !told.contains(&"--test") && !is_build_script(told)
}

fn is_emit(arg: &str) -> bool {
    arg.starts_with("--emit=")
}

/// What cargo says when it only checks: metadata is made and read, and no code.
fn as_checked(arg: &OsStr) -> OsString {
    let Some(text) = arg.to_str() else { return arg.to_owned() };
    if is_emit(text) {
        return "--emit=dep-info,metadata".into();
    }
    // `name=path`, of a crate that this one uses.
    let Some((name, library)) = text.rsplit_once('=').filter(|(_, path)| path.ends_with(".rlib")) else {
        return text.into();
    };
    let metadata = Path::new(library).with_extension("rmeta");
    if metadata.exists() { format!("{name}={}", metadata.display()).into() } else { text.into() }
}

fn rustdoc(args: &[OsString], told: &[&str]) -> Command {
    let mut rustdoc = Command::new(env_or("RUSTDOC", "rustdoc"));
    // A program and the library of its package have one name.
    let docs =
        PathBuf::from(env_or(DOCS, "target/doc")).join(value_of(told, "--crate-type").unwrap_or_default());
    let [_compiler, args @ ..] = args else { return rustdoc };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--out-dir" {
            rustdoc.arg(arg).arg(&docs);
            args.next();
        } else if !arg.to_str().is_some_and(is_emit) {
            rustdoc.arg(as_checked(arg));
        }
    }
    rustdoc.arg("-Dwarnings");
    // Nothing of a program is public, and all of it is read.
    if value_of(told, "--crate-type") == Some("bin") {
        rustdoc.arg("--document-private-items");
    }
    rustdoc
}

fn value_of<'a>(told: &[&'a str], name: &str) -> Option<&'a str> {
    let at = told.iter().position(|arg| *arg == name)?;
    told.get(at + 1).copied()
}

fn succeeds(command: &mut Command) -> Result<bool, String> {
    let status = command
        .status()
        .map_err(|error| format!("can't run {}: {error}", command.get_program().display()))?;
    Ok(status.success())
}
