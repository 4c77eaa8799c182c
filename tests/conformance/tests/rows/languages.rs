//! Actors in other languages than Rust: the examples, built by the command of their own pages where its tool is there.

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, io};

use serde_json::{Value, json};
use thespian_conformance::{DEADLINE, TempDir, World, message, poison, run_within};
use thespian_core::address::ActorAddress;
use thespian_core::message::{Header, Message};
use thespian_core::wire::control::Incoming;
use thespian_host::client::Client;

/// An interpreter is compiled within half a minute, on a busy machine within a few.
const LOAD_DEADLINE: Duration = Duration::from_secs(300);
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A tool that makes components of a language.
struct Tool {
    /// Its program, which is looked for in the path.
    program: &'static str,
    /// The variable that says where else it is.
    variable: &'static str,
    /// How to get it.
    install: &'static str,
    /// The folder with its example.
    example: &'static str,
}

const PYTHON: Tool = Tool {
    program: "componentize-py",
    variable: "COMPONENTIZE_PY",
    install: "pip install componentize-py==0.25.1",
    example: "examples/languages/python",
};
const JAVASCRIPT: Tool = Tool {
    program: "componentize-qjs",
    variable: "COMPONENTIZE_QJS",
    install: "npm install --global componentize-qjs@0.4.5",
    example: "examples/languages/javascript",
};

impl Tool {
    fn find(&self) -> Option<OsString> {
        let named = env::var_os(self.variable);
        let program = named.clone().unwrap_or_else(|| self.program.into());
        match Command::new(&program).arg("--help").output() {
            Ok(_) => Some(program),
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
                // Straight to the terminal: what a test that passes prints, its harness keeps to itself.
                let mut terminal = io::stderr();
                writeln!(terminal, "SKIPPED: {} is not installed ({})", self.program, self.install).unwrap();
                None
            }
            Err(error) => panic!("{}: {error}", program.display()),
        }
    }

    /// The example's component, built in a copy, since tools leave things behind. `None` where the tool is not there.
    fn build(&self) -> Option<Vec<u8>> {
        let program = self.find()?;
        let root = TempDir::new();
        copy("wit", root.path());
        copy(self.example, root.path());
        let page = fs::read_to_string(PathBuf::from(ROOT).join(self.example).join("README.md")).unwrap();
        let line = page.lines().find(|line| line.starts_with(self.program)).unwrap();
        let folder = root.path().join(self.example);
        let mut command = Command::new(program);
        let output = command.args(line.split_whitespace().skip(1)).current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        Some(fs::read(folder.join("greeter.wasm")).unwrap())
    }
}

/// Copies the files of a folder of this tree to the same place below another root.
fn copy(folder: &str, root: &Path) {
    fs::create_dir_all(root.join(folder)).unwrap();
    for file in fs::read_dir(PathBuf::from(ROOT).join(folder)).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), root.join(folder).join(file.file_name())).unwrap();
        }
    }
}

/// What an actor's only answer says, which has the header of the question, and who sent it.
async fn ask(client: &Client, actor: ActorAddress, type_name: &str, body: Value) -> (ActorAddress, Value) {
    let mark: Header = ("thespian-request".into(), format!("{type_name} of somebody").into());
    let question = Message { headers: Some([mark].into()), ..message(type_name, &body) };
    match client.ask(actor, question.clone(), Some(DEADLINE)).await.unwrap() {
        Incoming::Message { sender, message } => {
            assert_eq!(message.headers, question.headers);
            (sender, serde_json::from_slice(&message.payload).unwrap())
        }
        other => panic!("an answer was expected, not {other:?}"),
    }
}

/// Why it comes back as poison.
async fn ask_in_vain(client: &Client, actor: ActorAddress, type_name: &str, body: Value) -> String {
    poison(client.ask(actor, message(type_name, &body), Some(DEADLINE)).await.unwrap()).details.to_string()
}

/// What an example promises, in whatever language it is written. `exception` is what its handler throws.
async fn greets(component: Vec<u8>, exception: &str) {
    let world = World::new().await;
    let client = world.client().await;
    let source = client.load("greeter", component, |_| ()).await.unwrap();
    let classes: Vec<_> = source.info.classes.iter().map(|class| &*class.name).collect();
    assert_eq!((&*source.info.name, &classes[..]), ("greeter", &["Greeter", "Understudy"][..]));

    let greeter = client.create(&source.hash.to_string(), "Greeter").await.unwrap();
    let (sender, greeting) = ask(&client, greeter, "Greet", json!({ "name": "Zoë 👋" })).await;
    assert_eq!((sender, greeting), (greeter, json!({ "text": "Hello, Zoë 👋!" })));

    let (understudy, greeting) = ask(&client, greeter, "Introduce", json!({ "name": "Ada" })).await;
    assert_eq!(greeting, json!({ "text": "Hello from the understudy, Ada!" }));
    assert_eq!(client.actor(understudy).await.unwrap().actor.parent, Some(greeter));

    let (_, greeting) = ask(&client, greeter, "GreetLater", json!({ "name": "Ada", "seconds": 0.01 })).await;
    assert_eq!(greeting, json!({ "text": "Good to see you again, Ada!" }));

    let details = ask_in_vain(&client, greeter, "Greet", json!({ "name": "" })).await;
    assert!(details.contains(exception) && details.contains("attempt 2"), "{details}");
    let details = ask_in_vain(&client, greeter, "Frobnicate", json!({})).await;
    assert!(details.contains("`Greeter` takes no `Frobnicate`; it takes Greet, "), "{details}");
    assert_eq!(client.actor(greeter).await.unwrap().actor.restarts, 0);

    // The module ran once, when it was built. What actors draw must differ all the same.
    let second = client.create(&source.hash.to_string(), "Greeter").await.unwrap();
    let (_, one) = ask(&client, greeter, "DrawLots", json!({})).await;
    let (_, other) = ask(&client, second, "DrawLots", json!({})).await;
    assert_ne!(one, other);
}

#[test]
fn an_actor_in_python_answers_creates_is_woken_and_refuses_by_an_exception() {
    let Some(component) = PYTHON.build() else { return };
    run_within(LOAD_DEADLINE, greets(component, "ValueError: nobody to greet"));
}

#[test]
fn an_actor_in_javascript_answers_creates_is_woken_and_refuses_by_an_exception() {
    let Some(component) = JAVASCRIPT.build() else { return };
    run_within(LOAD_DEADLINE, greets(component, "RangeError: nobody to greet"));
}
