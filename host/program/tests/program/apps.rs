//! A restarted node is no empty node: it runs what its configuration wants.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Folder, RunningNode, hello, until};

/// The addresses and classes of the actors that run.
fn running(node: &RunningNode) -> Vec<(String, String)> {
    let actors = node.run(&["actors", "--json"]).json();
    let runs = |actor: &Value| actor["phase"] != "starting" && actor["phase"] != "pending";
    let shown = |actor: &Value| {
        let text = |key: &str| actor[key].as_str().unwrap().to_string();
        (text("address"), text("class"))
    };
    actors.as_array().unwrap().iter().filter(|actor| runs(actor)).map(shown).collect()
}

fn await_running(node: &RunningNode, count: usize) -> Vec<(String, String)> {
    until(|| Some(running(node)).filter(|actors| actors.len() == count))
}

#[test]
fn what_is_to_run_runs_after_every_start_and_comes_back_unless_somebody_ends_it() {
    let folder = Folder::new();
    let apps = folder.path().join("apps");
    fs::create_dir(&apps).unwrap();
    fs::copy(hello(), apps.join("hello.wasm")).unwrap();
    let probe = thespian_guests::bytes(thespian_guests::PROBE);
    fs::write(apps.join("probe.wasm"), probe).unwrap();
    let app = "[[source]]\nfile = \"hello.wasm\"\n[[actor]]\nsource = \"hello.wasm\"\nname = \"lead\"\n";
    fs::write(apps.join("1.toml"), app).unwrap();
    let app = "[[source]]\nfile = \"probe.wasm\"\n[[actor]]\nsource = \"probe.wasm\"\nclass = \"Mortal\"\ncount = 2\n";
    fs::write(apps.join("2.toml"), app).unwrap();
    let args = ["--authority", "trust-all", "--apps", apps.to_str().unwrap()];
    let node = RunningNode::start_in(folder, &args);
    let actors = await_running(&node, 3);
    assert_eq!(actors.iter().filter(|(_, class)| class == "Mortal").count(), 2);
    let lead = |actors: &[(String, String)]| {
        actors.iter().find(|(_, class)| class == "Hello").expect("the one of the name").0.clone()
    };
    let greeted = node.run(&["ask", &lead(&actors), "Greet", r#"{"name":"Ada"}"#]).ok();
    assert!(greeted.contains("Hello, Ada!"), "{greeted}");
    node.signal(Signal::KILL);
    let (_, folder, _) = node.ended();

    let node = RunningNode::start_in(folder, &args);
    let actors = await_running(&node, 3);
    // Of two that ended by themselves, and one that was asked to, the two come back.
    node.run(&["exit", &lead(&actors), "--wait"]).ok();
    let mortals: Vec<_> =
        actors.iter().filter(|(_, class)| class == "Mortal").map(|(at, _)| at.clone()).collect();
    for mortal in &mortals {
        node.run(&["ask", mortal, "Die", "{}"]).failed(7);
    }
    let again = until(|| {
        let now = running(&node);
        (now.len() == 2 && now.iter().all(|(at, _)| !mortals.contains(at))).then_some(now)
    });
    assert!(again.iter().all(|(_, class)| class == "Mortal"), "{again:?}");
    node.run(&["kill", &again[0].0]).ok();
    assert_eq!(await_running(&node, 1), [again[1].clone()]);
}

#[test]
fn a_configuration_file_names_sources_that_lie_beside_it() {
    let folder = Folder::new();
    fs::copy(hello(), folder.path().join("hello.wasm")).unwrap();
    let text = "authority = \"trust-all\"\n[[source]]\nfile = \"hello.wasm\"\nallow = [\"status\"]\n\
                [[actor]]\nsource = \"hello.wasm\"\ninit = 'Secret={\"key\":1}'\ncount = 2\n";
    let config = folder.file("node.toml", text);
    let config = config.to_str().unwrap();
    let data = folder.data();
    let shown = ["config", "show", "--config", config, "--data-dir", data.to_str().unwrap()];
    let shown = crate::process::run(shown).ok();
    assert!(shown.contains("hello.wasm") && !shown.contains("Secret"), "{shown}");
    let node = RunningNode::start_in(folder, &["--config", config]);
    let logs =
        until(|| Some(node.run(&["logs"]).ok()).filter(|logs| logs.contains("which is to run, is loaded")));
    assert!(logs.contains("hello.wasm"), "{logs}");
    let sources = node.run(&["sources", "--json"]).json();
    assert_eq!(sources[0]["rights"]["status"], true);
}

#[test]
fn a_node_does_not_start_with_what_it_could_never_run() {
    let folder = Folder::new();
    let config = folder.file("node.toml", "[[source]]\nfile = \"gone.wasm\"\n");
    let data = folder.data();
    let args = ["run", "--config", config.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
    let told = crate::process::run(args).failed(2);
    assert!(told.contains("gone.wasm: No such file"), "{told}");
}
