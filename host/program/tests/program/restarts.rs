//! What of sources outlives a node: those that are admitted, and what was admitted so far.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Folder, RunningNode, hello, until};
use crate::signing::Desk;

fn with_keys(folder: Folder) -> RunningNode {
    RunningNode::start_in(folder, &["--authority", "keys"])
}

fn trusting(folder: Folder) -> RunningNode {
    RunningNode::start_in(folder, &["--authority", "trust-all"])
}

fn states(node: &RunningNode) -> Vec<(String, String)> {
    let sources = node.run(&["sources", "--json"]).json();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let state = |source: &Value| (text(&source["hash"]), text(&source["state"]));
    sources.as_array().unwrap().iter().map(state).collect()
}

fn stopped(node: RunningNode) -> Folder {
    node.run(&["stop"]).ok();
    node.ended().1
}

fn kept(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(data.join("sources")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_was_admitted_is_there_after_a_restart_with_its_rights_and_what_was_unloaded_is_not() {
    let desk = Desk::new();
    let node = with_keys(Folder::new());
    desk.new_key("ci");
    desk.ask(&node, &["key", "trust", "ci", "--sources", "shop/*", "--allow", "status"]).ok();
    desk.sign_anew("ci", "1.10", &["--want", "status", "--limit", "children-max=5"]);
    let hash = desk.ask(&node, &["load", "FILE"]).ok().trim().to_string();
    node.signal(Signal::KILL);
    let (_, folder, _) = node.ended();
    let node = with_keys(folder);
    // Nobody waits before they create: the create does.
    let actor = desk.ask(&node, &["create", &hash]).ok();
    assert!(
        desk.ask(&node, &["ask", actor.trim(), "Greet", r#"{"name":"Ada"}"#]).ok().contains("Hello, Ada!")
    );
    let report = desk.ask(&node, &["sources", &hash, "--json"]).json();
    assert_eq!(report["status"]["rights"]["status"], true);
    assert_eq!((&report["judged_by"], &report["limits"]["children-max"]), (&"key `ci`".into(), &5.into()));
    assert_eq!(report["signatures"], 1);
    desk.ask(&node, &["unload", &hash]).ok();
    // An older version is one still, and a revocation holds.
    desk.sign_anew("ci", "1.9", &[]);
    let node = with_keys(stopped(node));
    assert_eq!(states(&node), []);
    let text = desk.ask(&node, &["load", "FILE"]).failed(4);
    assert!(text.contains("version 1.9 of `shop/hello` is older than 1.10"), "{text}");
    desk.ask(&node, &["key", "revoke", "ci"]).ok();
    let policy = node.data.join("policy.toml");
    let revoking = fs::read_to_string(&policy).unwrap();
    let folder = stopped(node);
    fs::write(&policy, revoking.split("[revocations]").next().unwrap()).unwrap();
    let data = folder.data();
    let args = ["run", "--authority", "keys", "--data-dir", data.to_str().unwrap()];
    let text = crate::process::run(args).failed(2);
    assert!(text.contains("version 0 of the revocations, and version 1 was in force"), "{text}");
}

#[test]
fn a_source_is_judged_anew_at_a_start_and_what_is_refused_then_may_be_admitted_at_the_next() {
    let node = trusting(Folder::new());
    let hash = node.run(&["load", hello(), "--allow", "status"]).ok().trim().to_string();
    let mut folder = stopped(node);
    for authority in ["keys", "none"] {
        let node = RunningNode::start_in(folder, &["--authority", authority]);
        node.run(&["create", &hash]).failed(4);
        let states = states(&node);
        assert!(states.len() == 1 && states[0].1.contains("refused"), "{states:?}");
        folder = stopped(node);
    }
    // What is unloaded where it is refused does not come back where it was not.
    let mut node = RunningNode::start_in(folder, &["--authority", "keys"]);
    node.run(&["unload", &hash]).ok();
    until(|| kept(&node.data).is_empty().then_some(()));
    folder = stopped(node);
    node = trusting(folder);
    assert_eq!(states(&node), []);
    assert_eq!(node.run(&["load", hello(), "--allow", "status"]).ok().trim(), hash);
    folder = stopped(node);
    let node = trusting(folder);
    node.run(&["create", &hash]).ok();
    let report = node.run(&["sources", &hash, "--json"]).json();
    assert_eq!(report["status"]["rights"]["status"], true, "as its operator gave it");
}

#[test]
fn whatever_is_changed_in_the_files_is_not_used_and_told() {
    let node = trusting(Folder::new());
    let hash = node.run(&["load", hello()]).ok().trim().to_string();
    let mut folder = stopped(node);
    let record = folder.data().join(format!("sources/{hash}.record"));
    let bytes = folder.data().join(format!("sources/{hash}"));
    let (good_record, good_bytes) = (fs::read(&record).unwrap(), fs::read(&bytes).unwrap());
    let mut changed_record = good_record.clone();
    changed_record[40] ^= 1;
    fs::write(&record, changed_record).unwrap();
    let node = trusting(folder);
    assert_eq!(states(&node), []);
    assert!(node.run(&["logs"]).ok().contains("is not used"));
    assert_eq!(kept(&node.data).len(), 2, "the fault may be in the key, or the disk");
    folder = stopped(node);
    // The bytes: found out when they are read.
    let mut changed_bytes = good_bytes.clone();
    changed_bytes[100] ^= 1;
    fs::write(&record, &good_record).unwrap();
    fs::write(&bytes, &changed_bytes).unwrap();
    let node = trusting(folder);
    let text = node.run(&["create", &hash]).failed(4);
    assert!(text.contains("has others than were written"), "{text}");
    folder = stopped(node);
    fs::write(&bytes, &good_bytes).unwrap();
    let node = trusting(folder);
    node.run(&["create", &hash]).ok();
}

/// Between any two steps: what is there afterwards is whole and admitted, or is not there.
#[test]
fn a_node_that_is_killed_while_it_loads_has_each_source_whole_or_not_at_all() {
    let mut folder = Folder::new();
    let rounds = std::env::var("THESPIAN_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let hash = {
        let node = trusting(folder);
        let hash = node.run(&["load", hello()]).ok().trim().to_string();
        node.run(&["unload", &hash]).ok();
        folder = stopped(node);
        hash
    };
    for round in 0..rounds {
        let node = trusting(folder);
        let (mut load, progress, _) = node.spawn(&["load", hello()]);
        // Sooner or later, as the rounds go: the command begins, or has its answer.
        if round % 3 == 0 {
            let _ = progress.try_next();
        }
        for _ in 0..round * 2_000 {
            std::hint::spin_loop();
        }
        node.signal(Signal::KILL);
        let is_answered = load.wait().unwrap().success();
        folder = node.ended().1;
        let node = trusting(folder);
        let after = states(&node);
        if !after.is_empty() {
            node.run(&["create", &hash]).ok();
            node.run(&["unload", &hash]).ok();
        }
        assert!(!is_answered || !after.is_empty(), "round {round}: what was loaded is gone");
        // Nobody waits for the disk.
        until(|| kept(&node.data).is_empty().then_some(()));
        folder = stopped(node);
    }
}

/// The first lesson's component with so many MiB more, which mean nothing, and a letter that makes it another source.
fn padded(folder: &Folder, letter: u8, mib: usize) -> PathBuf {
    let mut bytes = fs::read(hello()).unwrap();
    let mut content = vec![1, letter];
    content.resize(mib << 20, 0);
    bytes.push(0);
    let mut left = content.len();
    while left >= 0x80 {
        bytes.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    bytes.push(u8::try_from(left).unwrap());
    bytes.extend(content);
    folder.file(&format!("{}.wasm", char::from(letter)), bytes)
}

#[test]
fn what_was_set_aside_comes_back_unless_its_room_was_needed() {
    let files = Folder::new();
    let [a, b, c] = [b'a', b'b', b'c'].map(|letter| padded(&files, letter, 25));
    let args = ["--authority", "trust-all", "--store-bytes-max", "67108864"];
    let node = RunningNode::start_in(Folder::new(), &args);
    let load = |node: &RunningNode, file: &Path| node.run(&["load", file.to_str().unwrap()]);
    let hash = |loaded: crate::process::Ended| loaded.ok().trim().to_string();
    let (first, second) = (hash(load(&node, &a)), hash(load(&node, &b)));
    // Nobody is turned out who can be created from.
    let full = load(&node, &c).failed(4);
    assert!(full.contains("`store-bytes-max`"), "{full}");
    assert!(node.run(&["unload", &first, "--keep"]).ok().contains("until the next start"));
    node.run(&["create", &first]).failed(3);
    // It is there again, with all that it was admitted with.
    let node = RunningNode::start_in(stopped(node), &args);
    node.run(&["create", &first]).ok();
    node.run(&["unload", &first, "--keep"]).ok();
    let third = hash(load(&node, &c));
    assert!(node.run(&["logs"]).ok().contains("goes, for others need its room"));
    let node = RunningNode::start_in(stopped(node), &args);
    let there: Vec<_> = states(&node).into_iter().map(|(hash, _)| hash).collect();
    assert!(there.len() == 2 && there.contains(&second) && there.contains(&third), "{there:?}");
}
