//! What the compiler says of a mistake in a class of actors, in a crate outside of the workspace.

use std::fs;

use crate::snippet::{Fresh, cargo_output, root};

const MANIFEST: &str = r#"
[package]
name = "mistaken"
version = "0.1.0"
edition = "2024"

[dependencies]
thespian = { path = "SDK" }

[workspace]
"#;

const HEAD: &str = "#![allow(unused)]
use thespian::prelude::*;
#[message] pub struct Greet { pub name: String }
#[message] pub struct Greeting { pub text: String }
pub struct Plain;
#[derive(Default)] pub struct Hello;
source!(Hello);
fn main() {}
";

/// A name, what is wrong, and how the one error begins.
const MISTAKES: [(&str, &str, &str); 11] = [
    (
        "context_first",
        "#[actor] impl Hello { #[receive] fn greet(&mut self, ctx: &mut Context, greet: Greet) {} }",
        "the message comes first, and then the context: `fn greet(&mut self, message: Type, ctx: &mut Context)`",
    ),
    (
        "text_as_error",
        "#[actor] impl Hello { #[receive] fn greet(&mut self, greet: Greet) -> Result<Greeting, String> { todo!() } }",
        "a text is no error: return `Result<Greeting>`, and make one of the text by `Error::poison(text)`",
    ),
    (
        "text_as_error_of_a_start",
        "#[actor] impl Hello { #[start] fn new() -> Result<Self, &'static str> { todo!() } }",
        "a text is no error: return `Result<Self>`",
    ),
    (
        "context_first_in_a_start",
        "#[actor] impl Hello { #[start] fn new(ctx: &mut Context, greet: Greet) -> Self { Self } }",
        "the message comes first, and then the context: `fn new(init: Type, ctx: &mut Context) -> Self`",
    ),
    (
        "no_message_of_a_start",
        "#[actor] impl Hello { #[start] fn new(plain: Plain, ctx: &mut Context) -> Self { Self } }",
        "a start can't take a `Plain`",
    ),
    (
        "answer_to_an_event",
        "#[actor] impl Hello { #[receive] fn wake(&mut self, wakeup: Wakeup) -> Greeting { todo!() } }",
        "`Wakeup` is an event of the host, and nobody waits for an answer to it",
    ),
    (
        "no_message",
        "#[actor] impl Hello { #[receive] fn greet(&mut self, plain: Plain) {} }",
        "a handler can't take a `Plain`",
    ),
    (
        "no_answer",
        "#[actor] impl Hello { #[receive] fn greet(&mut self, greet: Greet) -> Plain { Plain } }",
        "a handler can't return `Plain`",
    ),
    (
        "unknown_option",
        "#[actor(pars(stash))] impl Hello { #[receive] fn greet(&mut self, greet: Greet) {} }",
        "unknown option; there are `name`, `on_trap`",
    ),
    (
        "borrowed_message",
        "#[actor] impl Hello { #[receive] fn greet(&mut self, greet: &Greet) {} }
        fn other(hello: &mut Hello) { hello.greet(&Greet { name: String::new() }) }",
        "a handler owns its message: take it without `&`",
    ),
    (
        "nameless_message",
        "#[message(name = \"\")] pub struct Empty { pub n: u32 }
        #[actor] impl Hello { #[receive] fn greet(&mut self, greet: Empty) -> Empty { greet } }",
        "a message type has a name",
    ),
];

#[test]
fn a_mistake_is_one_error_that_says_what_to_write() {
    let fresh = Fresh::new("mistakes");
    let sdk = root().join("guest-sdk");
    fs::write(fresh.0.join("Cargo.toml"), MANIFEST.replace("SDK", &sdk.to_string_lossy())).unwrap();
    fs::write(fresh.0.join("src/lib.rs"), "").unwrap();
    fs::copy(root().join("Cargo.lock"), fresh.0.join("Cargo.lock")).unwrap();
    for (name, code, _) in MISTAKES {
        fs::write(fresh.0.join(format!("examples/{name}.rs")), [HEAD, code].concat()).unwrap();
    }
    let held = "pub struct Foreign;
        #[message] pub struct Holds { pub foreign: Foreign }
        #[actor] impl Hello { #[receive] fn greet(&mut self, holds: Holds) {} }";
    fs::write(fresh.0.join("examples/foreign_field.rs"), [HEAD, held].concat()).unwrap();

    let options = ["--examples", "--keep-going", "--message-format", "short"].map(str::to_owned);
    let output = cargo_output("check", &options, &fresh.0);
    let told = String::from_utf8_lossy(&output.stderr);
    let errors = |name: &str| -> Vec<&str> {
        let is_its =
            |line: &&str| line.starts_with(&format!("examples/{name}.rs:")) && line.contains(": error");
        told.lines().filter(is_its).collect()
    };
    for (name, _, text) in MISTAKES {
        let [error] = errors(name)[..] else { panic!("{name}: {:#?}\n{told}", errors(name)) };
        assert!(error.contains(text), "{name}: {error}");
    }
    // Behind the first, serde has words of its own.
    let first = errors("foreign_field").first().copied().unwrap_or_default();
    assert!(first.contains("a message can't hold a `Foreign`"), "{first}\n{told}");
}
