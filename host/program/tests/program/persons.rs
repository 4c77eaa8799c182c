//! Sources that wait until a person approves them.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Folder, RunningNode, end, hello, until};
use crate::signing::Desk;

fn asking(folder: Folder) -> RunningNode {
    RunningNode::start_in(folder, &["--authority", "person"])
}

fn pending(node: &RunningNode) -> Vec<Value> {
    node.run(&["sources", "pending", "--json"]).json().as_array().unwrap().clone()
}

fn kept(node: &RunningNode) -> Vec<String> {
    let name = |file: fs::DirEntry| file.file_name().into_string().unwrap();
    let mut names: Vec<_> =
        fs::read_dir(node.data.join("sources")).unwrap().map(|file| name(file.unwrap())).collect();
    names.sort();
    names
}

fn killed(node: RunningNode) -> Folder {
    node.signal(Signal::KILL);
    node.ended().1
}

#[test]
fn what_waits_for_a_person_outlives_the_node_and_runs_once_it_is_approved() {
    let (desk, node) = (Desk::new(), asking(Folder::new()));
    desk.new_key("ci");
    desk.sign_anew("ci", "1.0", &["--want", "status"]);
    let text = desk.ask(&node, &["load", "FILE"]).failed(9);
    assert!(text.contains("waits until a person approves it") && text.contains("approve HASH"), "{text}");
    let [waits] = &pending(&node)[..] else { panic!("{:?}", pending(&node)) };
    let hash = waits["hash"].as_str().unwrap().to_string();
    assert!(text.contains(&hash), "{text}");
    assert_eq!((&waits["name"], &waits["version"]), (&"shop/hello".into(), &"1.0".into()));
    assert_eq!(waits["wants"]["status"], true);
    assert!(waits["left_ms"].as_u64().unwrap() > 6 * 86_400_000, "{waits}");

    // Whoever was told so may believe it: it is there after any end.
    let node = asking(killed(node));
    let [waits_on] = &pending(&node)[..] else { panic!("it is gone") };
    assert_eq!((&waits_on["hash"], &waits_on["loader"]), (&waits["hash"], &waits["loader"]));
    assert!(waits_on["left_ms"].as_u64() <= waits["left_ms"].as_u64(), "its time goes on: {waits_on}");
    let table = node.run(&["sources", "pending"]).ok();
    assert!(
        table.contains("shop/hello") && table.contains("status") && table.contains("6 d 23 h"),
        "{table}"
    );

    let unwanted = node.run(&["approve", &hash, "--allow", "shutdown"]).failed(2);
    assert!(unwanted.contains("does not want the rights `shutdown`"), "{unwanted}");
    assert_eq!(node.run(&["approve", &hash[..12], "--allow", "status"]).ok().trim(), hash);
    assert!(pending(&node).is_empty());
    assert_eq!(kept(&node), [hash.clone(), format!("{hash}.record")]);
    let text = node.run(&["approve", &hash]).failed(2);
    assert!(text.contains("waits for no person"), "{text}");

    let node = asking(killed(node));
    let actor = node.run(&["create", &hash]).ok();
    assert!(node.run(&["ask", actor.trim(), "Greet", r#"{"name":"Ada"}"#]).ok().contains("Hello, Ada!"));
    let report = node.run(&["sources", &hash, "--json"]).json();
    assert_eq!(report["judged_by"], "a person, by `approve`");
    assert_eq!(report["status"]["rights"]["status"], true);
}

#[test]
fn whoever_waits_for_what_is_refused_hears_why_and_nothing_of_it_stays() {
    let node = asking(Folder::new());
    let waiting = node.spawn_piped(&["load", hello(), "--wait"]);
    let hash = until(|| Some(pending(&node).first()?["hash"].as_str()?.to_string()));
    node.run(&["refuse", &hash, "--why", ""]).failed(2);
    node.run(&["refuse", &hash, "--why", "nobody knows it"]).ok();
    let told = end(waiting).failed(4);
    assert!(told.contains("was refused: nobody knows it"), "{told}");
    assert!(node.run(&["why-refused", &hash]).ok().contains("nobody knows it"));
    until(|| kept(&node).is_empty().then_some(()));
    let data = node.data.to_str().unwrap();
    let audit = crate::process::run(["audit", "show", "--data-dir", data]).ok();
    assert!(audit.contains("nobody knows it"), "{audit}");
    assert!(pending(&asking(killed(node))).is_empty());
}

#[test]
fn a_source_that_waits_can_be_taken_back_and_offered_anew() {
    let node = asking(Folder::new());
    node.run(&["load", hello()]).failed(9);
    let hash = pending(&node)[0]["hash"].as_str().unwrap().to_string();
    // Loading it twice is one load.
    node.run(&["load", hello()]).failed(9);
    assert_eq!(pending(&node).len(), 1);
    node.run(&["unload", &hash]).ok();
    assert!(pending(&node).is_empty());
    until(|| kept(&node).is_empty().then_some(()));
    node.run(&["load", hello()]).failed(9);
    assert_eq!(node.run(&["approve", &hash]).ok().trim(), hash);
    // What waited is judged by whoever judges when the node is started again.
    node.run(&["unload", &hash]).ok();
    node.run(&["load", hello()]).failed(9);
    let node = RunningNode::start_in(killed(node), &["--authority", "trust-all"]);
    assert!(pending(&node).is_empty());
    node.run(&["create", &hash]).ok();
}

#[test]
fn what_was_changed_in_the_record_of_what_waits_is_not_put_before_a_person() {
    let node = asking(Folder::new());
    node.run(&["load", hello()]).failed(9);
    let hash = pending(&node)[0]["hash"].as_str().unwrap().to_string();
    let folder = killed(node);
    let record = folder.data().join(format!("sources/{hash}.pending"));
    let mut bytes = fs::read(&record).unwrap();
    bytes[40] ^= 1;
    fs::write(&record, bytes).unwrap();
    let node = asking(folder);
    assert!(pending(&node).is_empty());
    assert!(node.run(&["logs"]).ok().contains("is not used"));
}
