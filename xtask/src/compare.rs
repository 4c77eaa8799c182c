//! `compare`: the benches of an earlier commit held against those of this tree.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::guest_target::{ensure_guest_target, env_or, run};

/// Below the target folder: the earlier commit's sources, and what is built from them and from the tree.
const FOLDER: &str = "compare";
const PROGRAM: &str = "thespian-benches";

/// Builds both in target folders of their own, and has the newer program run them in turn.
pub(crate) fn compare(root: &Path, args: &[OsString]) -> Result<(), String> {
    let Some((commit, rest)) = args.split_first().filter(|(commit, _)| !is_option(commit)) else {
        return Err("`cargo xtask compare` needs the commit to compare with: \
                    cargo xtask compare HEAD~1 W2 W3"
            .to_owned());
    };
    let root = &root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    let commit = resolve(root, commit)?;
    ensure_guest_target(root)?;
    let folder = root.join(env_or("CARGO_TARGET_DIR", "target")).join(FOLDER);
    let source = folder.join("source");
    check_out(root, &source, &commit)?;
    take_profiles(root, &source)?;
    let before = build(&source, &folder.join("before"))?;
    let after = build(root, &folder.join("after"))?;
    run(Command::new(after).arg("--against").arg(before).args(rest))
}

fn is_option(arg: &OsString) -> bool {
    arg.to_str().is_some_and(|arg| arg.starts_with('-'))
}

/// The commit's full name.
fn resolve(root: &Path, commit: &OsStr) -> Result<String, String> {
    let mut wanted = commit.to_os_string();
    wanted.push("^{commit}");
    let output = Command::new("git")
        .args(["rev-parse", "--quiet", "--verify", "--end-of-options"])
        .arg(wanted)
        .current_dir(root)
        .output()
        .map_err(|error| format!("can't run git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git knows no commit `{}` here", commit.to_string_lossy()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Has the commit's files at `source`, where those of another commit may be: what did not change is not built again.
fn check_out(root: &Path, source: &Path, commit: &str) -> Result<(), String> {
    let mut git = Command::new("git");
    if source.join(".git").exists() {
        run(git.arg("-C").arg(source).args(["checkout", "--quiet", "--force", "--detach", commit]))
    } else {
        // By force, since git still knows of a folder that `cargo clean` has removed.
        run(git
            .arg("-C")
            .arg(root)
            .args(["worktree", "add", "--quiet", "--force", "--detach"])
            .arg(source)
            .arg(commit))
    }
}

/// Has the earlier sources built by this tree's profiles: what a profile gains or costs is no part of the comparison. In place of
/// their own, since two that name one package differently do not go together.
fn take_profiles(root: &Path, source: &Path) -> Result<(), String> {
    let read = |manifest: &Path| {
        fs::read_to_string(manifest).map_err(|error| format!("{}: {error}", manifest.display()))
    };
    let manifest = source.join("Cargo.toml");
    let text = with_profiles(&read(&manifest)?, &read(&root.join("Cargo.toml"))?);
    fs::write(&manifest, text).map_err(|error| format!("{}: {error}", manifest.display()))
}

/// A manifest with the profiles of another.
fn with_profiles(manifest: &str, other: &str) -> String {
    part(manifest, false) + &part(other, true)
}

/// The profiles of a manifest, or everything else.
fn part(manifest: &str, profiles: bool) -> String {
    let mut is_profile = false;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile.");
        }
        is_profile == profiles
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The program that is built from these sources. Both are built by the profile that tests and the demo use; neither in
/// pieces, as a build that is to be built again is: by what was edited last a program is faster or slower too.
fn build(source: &Path, target: &Path) -> Result<PathBuf, String> {
    run(Command::new(env_or("CARGO", "cargo"))
        .args(["build", "--locked", "--package", PROGRAM, "--bin", PROGRAM, "--target-dir"])
        .arg(target)
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(source))?;
    Ok(target.join("debug").join(PROGRAM).with_extension(env::consts::EXE_EXTENSION))
}

#[cfg(test)]
mod tests {
    use super::with_profiles;

    #[test]
    fn both_builds_take_every_profile_of_the_tree_and_keep_everything_else() {
        let before =
            "[workspace]\nmembers = [\n]\n[profile.dev.package]\nbytes.opt-level = 1\n[workspace.lints]\n";
        let after = "[workspace]\nmembers = [\"x\"]\n[profile.dev]\nlto = \"off\"\n[profile.dev.package]\nbytes.opt-level = 2\n";
        let expected = "[workspace]\nmembers = [\n]\n[workspace.lints]\n\
                        [profile.dev]\nlto = \"off\"\n[profile.dev.package]\nbytes.opt-level = 2\n";
        assert_eq!(with_profiles(before, after), expected);
    }
}
