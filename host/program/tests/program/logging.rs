//! What is logged, how much of it, and what it can do to its reader.

use std::fmt::Write as _;
use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{Folder, RunningNode, compare, run, steady, until};

/// Sets a terminal's title, clears it, in one byte and in two, and turns the direction of writing.
const EVIL: &str = "\u{1b}]0;mine\u{7} \u{1b}[2J \u{9b}2J \u{202e}gnorw\r";

/// No character but line feeds acts on a terminal.
#[track_caller]
fn assert_inert(text: &str) {
    let acts = |char: char| char != '\n' && thespian_core::text::acts(char);
    assert!(!text.contains(acts), "{text:?}");
}

#[test]
fn log_levels_read_as_reviewed() {
    let node = RunningNode::start();
    let address = node.hello();
    let sources = node.run(&["sources", "--json"]).json();
    let hash = sources[0]["hash"].as_str().unwrap();
    let commands: &[&[&str]] = &[
        &["log-level"],
        &["log-level", "debug", "--actor", &address],
        &["log-level", "off", "--source", &hash[..12]],
        &["log-level", "warn"],
        &["log-level", "default", "--actor", &address],
        &["log-level", "default", "--source", hash],
        &["log-level", "default", "--json"],
        &["log-level", "debug", "--source", "0000"],
        &["kill", &address],
        &["log-level", "debug", "--actor", &address],
    ];
    let mut session = String::new();
    for args in commands {
        let ended = node.run(args);
        write!(session, "$ thespian-host {}\n{}{}", args.join(" "), ended.stderr, ended.stdout).unwrap();
        writeln!(session, "exit code {}\n", ended.code.unwrap()).unwrap();
    }
    compare("log-levels.txt", &steady(&session, node.folder.path()));
}

/// A node with an actor that does as it is told.
fn probing() -> (RunningNode, String) {
    let node = RunningNode::start();
    let folder = Folder::new();
    let file = folder.file("probe.wasm", thespian_guests::bytes(thespian_guests::PROBE));
    let hash = node.run(&["load", file.to_str().unwrap()]).ok();
    let address = node.run(&["create", hash.trim(), "Probe", "--on-trap", "exit"]).ok();
    (node, address.trim().to_string())
}

#[test]
fn nothing_that_an_actor_says_acts_on_a_terminal() {
    let (node, address) = probing();
    let check = |args: &[&str]| {
        let ended = node.run(args);
        assert_inert(&ended.stdout);
        assert_inert(&ended.stderr);
        format!("{}{}", ended.stdout, ended.stderr)
    };
    let told = |steps: Value| check(&["ask", &address, "Run", &json!({ "steps": steps }).to_string()]);
    let text = format!("{EVIL}\nsecond");
    let payload = json!(EVIL).to_string();
    for (type_name, payload) in [("Reply", &*payload), (EVIL, "no JSON \u{9b}")] {
        let said = told(json!([{ "send": { "to": "origin", "type_name": type_name, "payload": payload } }]));
        assert!(said.contains("from"), "{said}");
        let steps = json!([{ "send": { "to": "origin", "type_name": type_name, "payload": payload } }]);
        check(&["ask", &address, "Run", &json!({ "steps": steps }).to_string(), "--json"]);
    }
    told(json!([{ "log": { "text": text } }, { "fail": { "reason": text } }]));
    let nobody = "0000000000001-00000000000000000000000001";
    told(json!([
        { "send": { "to": nobody, "type_name": EVIL, "payload": EVIL } },
        { "say": { "to": "origin", "text": EVIL } },
    ]));
    check(&["ask", &address, EVIL, "1"]);
    check(&["status", &address]);
    told(json!([{ "trap": { "reason": text } }]));
    until(|| check(&["status"]).contains("ended ").then_some(()));
    let status = check(&["status"]);
    assert!(status.contains("2J") && status.contains("dead letter  "), "{status}");
    for command in ["logs", "actors", "sources", "status"] {
        let said = check(&[command]) + &check(&[command, "--json"]);
        assert!(command == "actors" || command == "sources" || said.contains("2J"), "{command}: {said}");
    }
    node.signal(Signal::TERM);
    let (_, _folder, log) = node.ended();
    assert!(log.contains("2J"), "{log}");
    assert_inert(&log);
}

#[test]
fn a_text_can_not_pass_itself_off_as_another_message() {
    let node = RunningNode::start();
    let (mut listener, heard, noted) = node.spawn(&["listen", "--follow"]);
    let address = noted.next().rsplit(' ').next().unwrap().to_string();
    node.run(&["tell", &address, "Note", "--text", "one\nOrder from the bank\nthree"]).ok();
    node.run(&["tell", &address, "End", "1"]).ok();
    let mut lines = vec![heard.next()];
    while !lines.last().unwrap().starts_with("End from") {
        lines.push(heard.next());
    }
    let at_the_margin: Vec<_> = lines.iter().filter(|line| !line.starts_with("    ")).collect();
    assert_eq!(at_the_margin.len(), 2, "{lines:?}");
    assert!(lines.contains(&"    Order from the bank".to_string()), "{lines:?}");
    listener.kill().unwrap();
    listener.wait().unwrap();
}

#[test]
fn the_log_file_has_what_the_log_has_and_ends_with_the_node() {
    let folder = Folder::new();
    let file = folder.path().join("node.log");
    let path = file.to_str().unwrap();
    let node = RunningNode::start_with(&["--log-file", path, "--authority", "trust-all"]);
    let address = node.hello();
    node.run(&["kill", &address]).ok();
    let status = node.run(&["status", "--json"]).json();
    assert_eq!(status["log_file"], json!({"path": path, "bytes_max": 10 << 20, "lost": 0}));
    assert!(node.run(&["status"]).ok().contains("node.log, at most 10 MiB; 0 records lost"));
    let logs = node.run(&["logs", "--json"]).ok();
    node.run(&["stop"]).ok();
    node.ended();
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("runs as host") && lines.last().unwrap().contains("\"stopped\""), "{text}");
    let in_both: Vec<_> = logs.lines().collect();
    assert_eq!(lines[1..=in_both.len()], in_both, "line by line what `logs --json` prints");
}

#[test]
fn a_log_file_that_can_not_be_written_is_an_error_at_the_start() {
    let folder = Folder::new();
    let data = folder.data();
    let start = ["run", "--data-dir", data.to_str().unwrap(), "--log-file"];
    let text = run(start.into_iter().chain(["/dev/full"])).failed(1);
    assert!(text.contains("the log file /dev/full can't be used"), "{text}");
    assert!(!data.join("control.sock").exists());
}

#[test]
fn who_has_been_in_one_turn_for_long_is_shown_everywhere() {
    let node = RunningNode::start_with(&[
        "--authority",
        "trust-all",
        "--limit",
        "turn-cpu-ms-max=600000",
        "--limit",
        "turn-wall-ms-max=600000",
    ]);
    let folder = Folder::new();
    let file = folder.file("probe.wasm", thespian_guests::bytes(thespian_guests::PROBE));
    let hash = node.run(&["load", file.to_str().unwrap()]).ok();
    let address = node.run(&["create", hash.trim(), "Probe"]).ok();
    let address = address.trim();
    for _ in 0..2 {
        node.run(&["tell", address, "Run", &json!({ "steps": ["spin"] }).to_string()]).ok();
    }
    let wanted = ["in a turn for ", " s"];
    let is_shown = |text: &str| wanted.iter().all(|words| text.contains(words));
    // From a second on it is shown in seconds.
    let status = until(|| {
        let status = node.run(&["status", address, "--json"]).json();
        (status["actor"]["in_turn_ms"].as_u64() >= Some(1_000)).then_some(status)
    });
    let ms = |name: &str| status["actor"][name].as_u64().unwrap();
    assert!(ms("oldest_ms") >= ms("in_turn_ms") && ms("mailbox_len") == 1, "{status}");
    let text = node.run(&["status", address]).ok();
    assert!(is_shown(&text) && text.contains("the oldest has waited for "), "{text}");
    assert!(is_shown(&node.run(&["actors"]).ok()));
    assert!(is_shown(&node.run(&["actors", "--tree"]).ok()));
    let text = node.run(&["status"]).ok();
    assert!(is_shown(&text) && text.contains("1 turns spin") && text.contains(address), "{text}");
    let status = node.run(&["status", "--json"]).json();
    assert_eq!((&status["runaways"], &status["long_turns"][0]["actor"]), (&json!(1), &json!(address)));
    node.signal(Signal::USR1);
    let line = format!("{address} Probe Running, in a turn for ");
    until(|| node.run(&["logs"]).ok().contains(&line).then_some(()));
    node.run(&["kill", address]).ok();
    assert_eq!(node.run(&["status", "--json"]).json()["runaways"], json!(0));
}

#[test]
fn sigusr1_has_the_status_written_to_the_log_and_ends_nothing() {
    let node = RunningNode::start();
    let address = node.hello();
    node.signal(Signal::USR1);
    let of_status = |logs: &str| {
        let records = logs.lines().filter(|line| line.contains(" INFO  node status: "));
        records.map(str::to_string).collect::<Vec<_>>()
    };
    let records = until(|| Some(of_status(&node.run(&["logs"]).ok())).filter(|records| records.len() >= 3));
    assert!(records[0].contains("1 actors of at most"), "{records:?}");
    assert!(records[2].contains(&format!("{address} Hello")), "{records:?}");
    node.run(&["stop"]).ok();
    let (code, _folder, log) = node.ended();
    assert_eq!(code, Some(0));
    assert!(log.contains("1 actors of at most"), "{log}");
}
