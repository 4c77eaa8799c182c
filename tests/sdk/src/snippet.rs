//! Follows the document that tells how to write an actor, to the letter, in a fresh crate outside of the workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::World;

/// The document, from the workspace's root.
const DOCUMENT: &str = "README.md";
const HEADING: &str = "## Write an actor";

/// Where the document supposes the SDK to be.
const SDK_PATH: &str = "../thespian-host/guest-sdk";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What the document has under the heading.
fn section() -> String {
    let text = fs::read_to_string(root().join(DOCUMENT)).unwrap();
    let (_, section) = text.split_once(HEADING).unwrap_or_else(|| panic!("{DOCUMENT} has no {HEADING}"));
    section.split("\n## ").next().unwrap().to_owned()
}

/// A block of code that names this file in its first line.
fn block(file: &str) -> String {
    let section = section();
    let mut blocks = section.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    let found = blocks.find(|(_, code)| code.lines().next().is_some_and(|line| line.ends_with(file)));
    found.unwrap_or_else(|| panic!("{DOCUMENT}, {HEADING}, has no block of {file}")).1.to_owned()
}

/// The words behind these, in the line that begins with them.
fn command(begins: &str) -> Vec<String> {
    let section = section();
    let line = section.lines().find_map(|line| line.strip_prefix(begins));
    let line = line.unwrap_or_else(|| panic!("{DOCUMENT}, {HEADING}, has no command {begins}"));
    line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect()
}

/// A folder of this test's own, gone with it.
pub(crate) struct Fresh(pub(crate) PathBuf);

impl Fresh {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("thespian-{name}-{}", std::process::id()));
        for inside in ["src", "tests", "examples"] {
            fs::create_dir_all(folder.join(inside)).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // What is left in a folder for temporary files hurts nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A folder beside the tests' own artefacts, so that the second run has little to compile.
fn target_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // Cargo marks the root of its folder for backup programs.
    let root = test.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    root.unwrap_or_else(|| panic!("{} is in no target folder", test.display())).join("snippet")
}

/// Lays out the document's crate, tests it and builds it; gives the component.
fn build() -> Vec<u8> {
    let root = root();
    let fresh = Fresh::new("snippet");
    let sdk = root.join("guest-sdk");
    let manifest = block("Cargo.toml");
    assert!(manifest.contains(SDK_PATH), "{DOCUMENT} takes the SDK from {SDK_PATH}");
    fs::write(fresh.0.join("Cargo.toml"), manifest.replace(SDK_PATH, &sdk.to_string_lossy())).unwrap();
    for file in ["src/lib.rs", "tests/greeter.rs"] {
        fs::write(fresh.0.join(file), block(file)).unwrap();
    }
    // With the workspace's versions, nothing has to be looked up.
    fs::copy(root.join("Cargo.lock"), fresh.0.join("Cargo.lock")).unwrap();

    let told = cargo("test", &command("cargo test")[..0], &fresh.0);
    assert!(told.contains("test it_greets_by_name ... ok"), "{told}");
    cargo("build", &command("cargo build"), &fresh.0);
    // Where the document has it, but for the target folder.
    let [component] = command("thespian-host load").try_into().unwrap();
    fs::read(target_folder().join(component.strip_prefix("target/").unwrap())).unwrap()
}

/// Runs a command of cargo in this folder; gives what it prints.
fn cargo(command: &str, options: &[String], folder: &Path) -> String {
    let output = cargo_output(command, options, folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same, whatever becomes of it.
pub(crate) fn cargo_output(command: &str, options: &[String], folder: &Path) -> Output {
    let target = target_folder();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg(command).args(options).args(["--offline", "--target-dir"]).arg(&target).current_dir(folder);
    // What is wanted of the tests' own code is not wanted of this crate.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "").env("CARGO_BUILD_BUILD_DIR", &target);
    // Nobody looks into it with a debugger, or compiles it again a little changed.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    cargo.output().unwrap()
}

#[tokio::test]
async fn who_follows_the_document_gets_an_actor_that_answers() {
    let world = World::new();
    let source = world.load(build()).await;
    let [_, class] = command("thespian-host create").try_into().unwrap();
    let [_, type_name, payload] = command("thespian-host ask").try_into().unwrap();
    let actor = world.client.create(&source.hash.to_string(), &class).await.unwrap();
    let answer = world.ask_json(actor, &type_name, &payload).await.message;
    let answer = format!("`{} {}`", answer.type_name, String::from_utf8_lossy(&answer.payload));
    assert!(section().contains(&answer), "{DOCUMENT} promises another answer than {answer}");
}
