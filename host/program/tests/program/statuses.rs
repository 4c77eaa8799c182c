//! How a node and its actors are, once and again and again.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::process::{RunningNode, compare, end, steady, until};

#[test]
fn the_status_of_an_actor_reads_as_reviewed() {
    let node = RunningNode::start();
    let address = node.hello();
    node.run(&["ask", &address, "Greet", "{\"name\": \"Ada\"}"]).ok();
    let of_actor = || node.run(&["status", &address, "--json"]).json();
    let report = until(|| Some(of_actor()).filter(|report| report["actor"]["turns"] == 1));
    let actor = &report["actor"];
    assert_eq!((&actor["address"], &report["children"]), (&json!(address), &json!([])));
    assert_eq!(
        (&actor["sent"], &actor["undelivered"], &actor["log_level"]),
        (&json!(1), &json!(0), &json!("info"))
    );
    assert!(actor["busy_us"].as_u64().unwrap() > 0 && actor["memory_bytes"].as_u64().unwrap() > 0);
    assert_eq!(actor["waits"], Value::Null);
    let shown = node.run(&["status", &address]).ok();
    // How long it took and what it needs differs.
    let shown = shown.lines().map(|line| match line.split_once("awake for ") {
        _ if line.starts_with("memory") => "memory       SIZE".to_string(),
        Some((before, after)) => format!("{before}awake for TIME{}", &after[after.find(';').unwrap()..]),
        None => line.to_string(),
    });
    let shown = shown.collect::<Vec<_>>().join("\n") + "\n";
    compare("status-actor.txt", &steady(&shown, node.folder.path()));
    node.run(&["kill", &address]).ok();
    let text = node.run(&["status", &address]).failed(3);
    assert!(text.contains("there is no actor at"), "{text}");
}

#[test]
fn a_watch_shows_it_again_until_ctrl_c() {
    let node = RunningNode::start();
    let address = node.hello();
    let watches: [(&[&str], &str); 3] = [
        (&["status", "--json", "--watch", "0.1"], "actors"),
        (&["actors", "--json", "--watch", "0.1"], "address"),
        (&["status", &address, "--json", "--watch", "0.1"], "children"),
    ];
    for (args, member) in watches {
        let (watcher, lines, _) = node.spawn(args);
        for _ in 0..3 {
            let document: Value = serde_json::from_str(&lines.next()).unwrap();
            let document = document.get(0).unwrap_or(&document);
            assert!(document.get(member).is_some(), "{document}");
        }
        kill_process(Pid::from_child(&watcher), Signal::INT).unwrap();
        assert_eq!(end(watcher).code, Some(0), "{args:?}");
    }
}

#[test]
fn a_watch_that_is_no_terminals_prints_one_below_the_other_and_ends_with_the_node() {
    let node = RunningNode::start();
    node.hello();
    let (watcher, lines, _) = node.spawn(&["actors", "--watch", "0.1"]);
    for _ in 0..3 {
        let (header, row) = (lines.next(), lines.next());
        assert!(header.starts_with("ADDRESS") && row.contains("Hello"), "{header}\n{row}");
    }
    node.run(&["stop"]).ok();
    assert_eq!(end(watcher).code, Some(5));
}
