//! Compiles the guests to components, in one call of cargo, and writes a constant for the path of each.
//!
//! It never installs anything: a build script that changes the machine surprises. `cargo xtask test` does.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "guest";

/// Where guests live, each in a folder of its own.
const FOLDERS: [&str; 2] = ["examples", "tests/guests"];

struct Guest {
    package: String,
    folder: PathBuf,
}

impl Guest {
    /// The name of its file, which cargo makes of its crate's.
    fn stem(&self) -> String {
        self.package.replace('-', "_")
    }
}

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(lines) => {
            // Cargo shows each as an error of its own; a panic would bury them under a backtrace.
            for line in lines.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let root = var("CARGO_MANIFEST_DIR").join("../../..");
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    let out = var("OUT_DIR");
    println!("cargo::rerun-if-env-changed=THESPIAN_GUESTS");
    let guests = guests(&root)?;
    let components = match env::var_os("THESPIAN_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None if guests.is_empty() => out.clone(),
        None => compile(&root, &target_folder(&out), &guests)?,
    };
    fs::write(out.join("guests.rs"), constants(&root, &components, &guests)?)
        .map_err(|error| error.to_string())
}

/// Every package in `FOLDERS` that compiles to a component.
fn guests(root: &Path) -> Result<Vec<Guest>, String> {
    let mut guests = Vec::new();
    for parent in FOLDERS.map(|folder| root.join(folder)) {
        // For a guest that is new, or gone.
        println!("cargo::rerun-if-changed={}", parent.display());
        let Ok(entries) = fs::read_dir(&parent) else { continue };
        for folder in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let manifest = folder.join("Cargo.toml");
            let Ok(text) = fs::read_to_string(&manifest) else { continue };
            println!("cargo::rerun-if-changed={}", manifest.display());
            if !text.lines().any(|line| line.starts_with("crate-type") && line.contains("\"cdylib\"")) {
                continue;
            }
            let package = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
            let package =
                package.ok_or_else(|| format!("{} names no package", manifest.display()))?.to_owned();
            guests.push(Guest { package, folder });
        }
    }
    guests.sort_by(|left, right| left.package.cmp(&right.package));
    Ok(guests)
}

/// A folder beside the host's own artefacts, for clippy has an `OUT_DIR` of its own, and so has each set of compiler
/// flags: the same guests would be compiled for each.
fn target_folder(out: &Path) -> PathBuf {
    // Cargo marks the root of its folder for backup programs.
    let root = out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    root.unwrap_or(out).join("guests")
}

/// As `.cargo/config.toml` has it: a stack of 64 KiB and not of a megabyte, which each actor would begin with.
const STACK_FLAGS: &str = "-C\u{1f}link-arg=-zstack-size=65536";

/// Compiles `guests` in `target`; gives the folder with their components.
fn compile(root: &Path, target: &Path, guests: &[Guest]) -> Result<PathBuf, String> {
    require_target()?;
    let mut cargo = Command::new(var("CARGO"));
    cargo.args(["build", "--locked", "--profile", PROFILE, "--target", TARGET, "--target-dir"]).arg(target);
    cargo.args(guests.iter().flat_map(|guest| ["--package", &guest.package]));
    cargo.current_dir(root);
    // What whoever called us wants of the host's code, not of the guests': a linker, a processor's features, coverage;
    // and clippy, which is a wrapper. Set, so that the flags of a configuration file are passed over too.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", STACK_FLAGS);
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    // In a build folder that it shared with the cargo that runs us, it would wait for us to end.
    cargo.env("CARGO_BUILD_BUILD_DIR", target);
    let status = cargo.status().map_err(|error| format!("can't run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the guests do not compile ({status}); the compiler's words are below"));
    }
    let components = target.join(TARGET).join(PROFILE);
    watch(root, &components, guests);
    Ok(components)
}

fn require_target() -> Result<(), String> {
    let output = Command::new(var("RUSTC"))
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("can't run rustc: {error}"))?;
    // The path is printed whether or not anything is there.
    if output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        return Ok(());
    }
    Err(format!(
        "the test actors need the Rust target {TARGET}, which is not installed\n\
         run `rustup target add {TARGET}`, or `cargo xtask test`, which does"
    ))
}

/// Has cargo run us again when a file changes of which a component is made.
fn watch(root: &Path, components: &Path, guests: &[Guest]) {
    let mut files = BTreeSet::from([root.join("Cargo.toml"), root.join("Cargo.lock")]);
    for guest in guests {
        let list = components.join(format!("{}.d", guest.stem()));
        // A build that went well wrote it; should it ever not, the whole folder is watched.
        let text = fs::read_to_string(list).unwrap_or_else(|_| format!(": {}", guest.folder.display()));
        for line in text.lines() {
            files.extend(sources(line).map(PathBuf::from));
        }
    }
    let manifests: Vec<PathBuf> = files
        .iter()
        .filter_map(|file| {
            file.ancestors().map(|folder| folder.join("Cargo.toml")).find(|path| path.exists())
        })
        .collect();
    files.extend(manifests);
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
    }
}

/// The paths behind the colon of a line of make's language, where a blank in a path has a backslash before it.
fn sources(line: &str) -> impl Iterator<Item = String> {
    let list = line.split_once(": ").map_or("", |(_, list)| list);
    let list = list.replace("\\ ", "\0");
    list.split_whitespace().map(|path| path.replace('\0', " ")).collect::<Vec<_>>().into_iter()
}

/// The constants, as Rust.
fn constants(root: &Path, components: &Path, guests: &[Guest]) -> Result<String, String> {
    let mut code = String::new();
    let mut all = String::new();
    for guest in guests {
        let path = components.join(guest.stem()).with_extension("wasm");
        if !path.is_file() {
            return Err(format!("there is no component {} of the package {}", path.display(), guest.package));
        }
        let name = guest.stem().to_uppercase();
        let folder = guest.folder.strip_prefix(root).unwrap_or(&guest.folder);
        // Writing to a String can't fail.
        let _ = writeln!(
            code,
            "/// The component of `{}`.\npub const {name}: &str = {path:?};",
            folder.display()
        );
        let _ = write!(all, "{name}, ");
    }
    let _ = writeln!(code, "/// Every component.\npub const ALL: &[&str] = &[{all}];");
    Ok(code)
}

fn var(name: &str) -> PathBuf {
    // Cargo sets for every build script what we ask for.
    PathBuf::from(env::var_os(name).unwrap_or_default())
}
