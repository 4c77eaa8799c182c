//! The first command that a newcomer types.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::process::{Folder, finish, hello, program, run};

/// The demo in this checkout, with the tools that run the tests.
fn in_checkout(args: &[&str]) -> Command {
    // Before the demo builds: a test must not read a file that is just being written.
    hello();
    let mut command = program([&["demo"], args].concat());
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    for name in ["PATH", "HOME", "CARGO", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTC"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn steps(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn in_a_checkout_it_builds_the_first_lesson_and_gets_its_greeting() {
    let text = finish(&mut in_checkout(&["--json"])).ok();
    let steps = steps(&text);
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["build", "start", "load", "judge", "compile", "create", "ask", "stop"]);
    assert_eq!(steps[2]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(steps[5]["class"], "Hello");
    assert_eq!(steps[6]["answer"]["message"]["payload"]["text"], "Hello, world!");
    assert!(steps.iter().all(|step| step["took_us"].is_u64()));

    let text = finish(&mut in_checkout(&[])).ok();
    assert!(text.contains("answered Greeting {\"text\":\"Hello, world!\"}"), "{text}");
    assert!(text.contains("thespian-host run --authority trust-all"), "{text}");
}

#[test]
fn elsewhere_it_says_so_and_takes_a_component() {
    let folder = Folder::new();
    let nothing = finish(program(["demo"]).current_dir(folder.path())).failed(2);
    assert!(nothing.contains("no checkout") && nothing.contains("thespian-host demo FILE.wasm"), "{nothing}");

    let mut asked = program(["demo", hello(), "--message", "Greet", "{\"name\": \"Ada\"}", "--json"]);
    let steps = steps(&finish(asked.current_dir(folder.path())).ok());
    assert_eq!(steps[5]["answer"]["message"]["payload"]["text"], "Hello, Ada!");

    let ended = finish(program(["demo", hello()]).current_dir(folder.path()));
    assert!(ended.stdout.contains("class Hello takes Greet"), "{ended:?}");
    assert!(ended.stderr.contains("--message TYPE JSON"), "{ended:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves nothing behind");
}

#[test]
fn what_is_no_actor_is_refused_with_the_reason() {
    let folder = Folder::new();
    let text = folder.file("text.wasm", "this is no component");
    let ended = run(["demo", text.to_str().unwrap()]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("text.wasm is no component: it is a text"), "{ended:?}");
    let unknown = run(["demo", hello(), "--class", "Nobody"]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    let poison = run(["demo", hello(), "--message", "Frobnicate", "1"]);
    assert_eq!(poison.code, Some(7), "{poison:?}");
    assert!(poison.stderr.contains("Greet"), "it says what the class does take: {poison:?}");
}

#[test]
fn without_the_target_and_without_rustup_it_says_what_to_install() {
    let folder = Folder::new();
    // A compiler that has no library for actors: as rustc does, it names the place where there is none.
    let rustc = folder.file("rustc", "#!/bin/sh\necho /nonexistent/wasm32-wasip2/lib\n");
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = in_checkout(&[]);
    let text = finish(command.env("PATH", folder.path()).env("RUSTC", rustc)).failed(1);
    assert!(text.contains("there is no rustup to add it"), "{text}");
    assert!(text.contains("rust-std-wasm32-wasip2"), "{text}");
}
