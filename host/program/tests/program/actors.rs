//! Sources, actors and messages from a shell.

use std::fmt::Write as _;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::process::{Folder, RunningNode, compare, finish_with_stdin, hello, steady, until};

#[test]
fn a_session_reads_as_reviewed() {
    let node = RunningNode::start_with_own_cache();
    let mut session = String::new();
    let mut type_in = |args: &[&str]| {
        let ended = node.run(args);
        let code = ended.code.unwrap();
        let args: Vec<_> = args.iter().map(|arg| if *arg == hello() { "hello.wasm" } else { arg }).collect();
        let line =
            args.iter().map(|arg| if arg.contains(' ') { format!("'{arg}'") } else { arg.to_string() });
        let line = line.collect::<Vec<_>>().join(" ");
        writeln!(session, "$ thespian-host {line}").unwrap();
        // How long it compiled differs.
        let said = ended.stderr.lines().map(|line| line.split(", compiled in").next().unwrap());
        session.extend(said.flat_map(|line| [line, "\n"]));
        session += &ended.stdout;
        writeln!(session, "exit code {code}\n").unwrap();
        ended.stdout.trim().to_string()
    };
    type_in(&["actors"]);
    type_in(&["sources"]);
    let hash = type_in(&["load", hello()]);
    type_in(&["load", hello()]);
    let address = type_in(&["create", &hash[..12]]);
    type_in(&["actors"]);
    type_in(&["actors", "--tree"]);
    type_in(&["actors", "--class", "Hello", "--source", &hash[..12], "--state", "running"]);
    type_in(&["actors", "--class", "Hello", "--name", "lead"]);
    type_in(&["actors", "--source", "0000"]);
    type_in(&["ask", &address, "Greet", "{\"name\": \"Ada\"}"]);
    type_in(&["ask", &address, "Greet"]);
    type_in(&["ask", &address, "Frobnicate", "1"]);
    type_in(&["tell", &address, "Greet", "{\"name\": \"Ada\"}"]);
    type_in(&["create", &hash, "Nobody"]);
    type_in(&["create", &hash, "--require", "gpu"]);
    type_in(&["create", "0000", "Hello"]);
    let second = type_in(&["create", &hash, "Hello"]);
    type_in(&["exit", &address, "--wait"]);
    type_in(&["exit", &address]);
    type_in(&["tell", &address, "Greet", "{\"name\": \"Ada\"}"]);
    type_in(&["kill", &second]);
    type_in(&["unload", &hash]);
    type_in(&["create", &hash]);
    compare("session.txt", &steady(&session, node.folder.path()));
}

#[test]
fn every_command_answers_in_json() {
    let node = RunningNode::start();
    let loaded = node.run(&["load", hello(), "--json", "--label", "first"]).json();
    let hash = loaded["hash"].as_str().unwrap();
    assert_eq!(loaded["info"]["classes"][0]["receives"], json!(["Greet"]));
    let sources = node.run(&["sources", "--json"]).json();
    assert_eq!((&sources[0]["hash"], &sources[0]["label"]), (&json!(hash), &json!("first")));
    let created = node.run(&["create", hash, "--json"]).json();
    let address = created["address"].as_str().unwrap();
    assert_eq!(created["class"], "Hello");
    let actors = node.run(&["actors", "--json"]).json();
    assert_eq!((&actors[0]["address"], &actors[0]["phase"]), (&json!(address), &json!("running")));
    let told = node.run(&["tell", address, "Greet", "{\"name\":\"Ada\"}", "--json"]).json();
    assert_eq!(told["sent_to"], address);
    let answer = node.run(&["ask", address, "Greet", "{\"name\":\"Ada\"}", "--json"]).json();
    assert_eq!((&answer["kind"], &answer["sender"]), (&json!("message"), &json!(address)));
    assert_eq!(
        answer["message"],
        json!({"type": "Greeting", "encoding": "json", "payload": {"text": "Hello, Ada!"}})
    );
    let status = node.run(&["status", "--json"]).json();
    assert_eq!((&status["actors"], &status["sources_loaded"]), (&json!(1), &json!(1)));
    let logs = node.run(&["logs", "-n", "1", "--json"]).ok();
    assert!(serde_json::from_str::<serde_json::Value>(&logs).unwrap()["seq"].is_u64());
    let ended = node.run(&["exit", address, "--wait", "--json"]).json();
    assert_eq!(ended, json!({"ended": address, "reason": "requested"}));
    let second = node.run(&["create", hash, "--json"]).json();
    let killed = node.run(&["kill", second["address"].as_str().unwrap(), "--json"]).json();
    assert!(killed["reason"]["killed"].is_string(), "{killed}");
    assert_eq!(node.run(&["unload", hash, "--json"]).json()["unloaded"], hash);

    let dead = node.run(&["tell", address, "Greet", "{}", "--json"]).failed(3);
    let error: serde_json::Value = serde_json::from_str(&dead).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["kind"]), (&json!(3), &json!("not-found")));
    assert!(error["error"]["help"].as_str().unwrap().contains("thespian-host actors"));
}

#[test]
fn the_status_of_a_gone_actor_says_how_it_ended() {
    let node = RunningNode::start();
    let address = node.hello();
    node.run(&["exit", &address, "--wait"]).ok();
    let text = node.run(&["status", &address]).failed(3);
    assert!(text.contains("it was a `Hello`, and it ended: requested"), "{text}");
    let stranger = "0000000000001-00000000000000000000000001";
    let text = node.run(&["status", stranger]).failed(3);
    assert!(text.contains("there is no actor at") && text.contains("it ended, or never was"), "{text}");
}

#[test]
fn a_create_says_whether_the_name_was_there_already() {
    let node = RunningNode::start();
    let hash = node.run(&["load", hello()]).ok();
    let create = |args: &[&str]| node.run(&[&["create", hash.trim(), "--name", "lead"], args].concat());
    let first = create(&[]);
    assert!(!first.stderr.contains("already"), "{first:?}");
    let second = create(&[]);
    assert_eq!(second.stdout, first.stdout);
    assert!(second.stderr.contains("the name was there already: nothing was created"), "{second:?}");
    assert_eq!(create(&["--json"]).json()["already"], true);
    let other = node.run(&["create", hash.trim(), "--name", "other", "--json"]).json();
    assert_eq!(other["already"], false);
}

#[test]
fn poison_is_an_error_of_its_own_that_says_why() {
    let node = RunningNode::start();
    let address = node.hello();
    let text = node.run(&["ask", &address, "Frobnicate", "1"]).failed(7);
    assert!(text.contains("`Frobnicate` came back from") && text.contains("Greet"), "{text}");
    let ended = node.run(&["ask", &address, "Frobnicate", "1", "--json"]);
    assert_eq!(ended.code, Some(7), "{ended:?}");
    let answer: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&answer["kind"], &answer["message"]["payload"]), (&json!("poison"), &json!(1)));
}

#[test]
fn a_node_without_an_authority_refuses_and_says_what_to_do() {
    let node = RunningNode::start_with(&[]);
    let text = node.run(&["load", hello()]).failed(4);
    assert!(text.contains("--authority trust-all"), "{text}");
    let sources = node.run(&["sources", "--json"]).json();
    assert!(sources[0]["state"]["refused"].is_string(), "{sources}");
    assert!(node.run(&["sources"]).ok().contains("was refused: "));
}

#[test]
fn messages_come_from_stdin_as_text_and_as_bytes() {
    let node = RunningNode::start();
    let address = node.hello();
    let mut ask = node.program(&["ask", &address, "Greet", "-"]);
    let answer = finish_with_stdin(&mut ask, "{\"name\": \"stdin\"}").ok();
    assert!(answer.contains("\"text\": \"Hello, stdin!\""), "{answer}");
    let text = node.run(&["ask", &address, "Greet", "--text", "{\"name\": \"text\"}"]).ok();
    assert!(text.contains("Hello, text!"), "{text}");
    let folder = Folder::new();
    let file = folder.file("bytes", [0, 159, 146, 150]);
    let poison = node.run(&["ask", &address, "Greet", "--bytes-file", file.to_str().unwrap(), "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&poison.stdout).unwrap();
    assert_eq!(answer["message"], json!({"type": "Greet", "encoding": "bytes", "payload_hex": "009f9296"}));
}

#[test]
fn separate_commands_share_a_named_endpoint() {
    let node = RunningNode::start();
    let address = node.hello();
    node.run(&["tell", &address, "Greet", "{\"name\": \"Ada\"}", "--endpoint", "me"]).ok();
    let heard = node.run(&["listen", "--endpoint", "me", "--timeout", "60"]).ok();
    assert!(heard.contains("Greeting") && heard.contains("Hello, Ada!"), "{heard}");
    let nothing = node.run(&["listen", "--endpoint", "me", "--timeout", "0.05"]).code;
    assert_eq!(nothing, Some(6));
    let bad = node.run(&["listen", "--endpoint", "no spaces"]).failed(2);
    assert!(bad.contains("letters, digits"), "{bad}");
}

#[test]
fn a_client_killed_in_the_middle_of_an_ask_leaves_no_endpoint() {
    let node = RunningNode::start();
    let (mut listener, heard, noted) = node.spawn(&["listen", "--follow", "--json"]);
    let address = noted.next().rsplit(' ').next().unwrap().to_string();
    // Whoever listens does not answer, so the ask waits.
    let (mut asker, _, _) = node.spawn(&["ask", &address, "Ping", "--timeout", "600"]);
    assert!(heard.next().contains("\"Ping\""));
    let endpoints = || node.run(&["status", "--json"]).json()["endpoints"].as_u64().unwrap();
    assert_eq!(endpoints(), 3, "the listener's, the asker's and that of `status`");
    kill_process(Pid::from_child(&asker), Signal::KILL).unwrap();
    asker.wait().unwrap();
    until(|| (endpoints() <= 2).then_some(()));
    listener.kill().unwrap();
    listener.wait().unwrap();
    until(|| (endpoints() <= 1).then_some(()));
}

#[test]
fn an_ask_without_an_answer_times_out() {
    let node = RunningNode::start();
    let (mut listener, _heard, noted) = node.spawn(&["listen", "--follow"]);
    let address = noted.next().rsplit(' ').next().unwrap().to_string();
    let text = node.run(&["ask", &address, "Ping", "--timeout", "0.05"]).failed(6);
    assert!(text.contains("no answer within 50 ms") && text.contains("--timeout"), "{text}");
    listener.kill().unwrap();
    listener.wait().unwrap();
}

#[test]
fn log_records_come_before_the_end_of_the_log() {
    let node = RunningNode::start();
    for _ in 0..20 {
        let logs = node.run(&["logs", "-n", "1", "--json"]).ok();
        assert_eq!(logs.lines().count(), 1, "{logs}");
    }
}

#[test]
fn a_full_mailbox_is_told() {
    let limits = ["--limit", "mailbox-len-max=1", "--limit", "turn-cpu-ms-max=600000"];
    let node = RunningNode::start_with(&[&["--authority", "trust-all"], &limits[..]].concat());
    let hash = node.run(&["load", thespian_guests::PROBE]).ok();
    let address = node.run(&["create", hash.trim(), "Probe"]).ok();
    let address = address.trim();
    node.run(&["tell", address, "Run", r#"{"steps": ["spin"]}"#]).ok();
    // Waits until the actor has taken the one before, and then no longer.
    node.run(&["tell", address, "Echo", r#"{"text": "hi"}"#]).ok();
    let text = node.run(&["tell", address, "Echo", r#"{"text": "hi"}"#]).failed(8);
    assert!(text.contains("is full"), "{text}");
}

#[test]
fn logs_follow_until_the_node_stops() {
    let node = RunningNode::start();
    let (follower, lines, _) = node.spawn(&["logs", "--follow"]);
    assert!(lines.next().contains("every source is trusted"));
    node.run(&["stop"]).ok();
    let ended = crate::process::end(follower);
    assert_eq!(ended.code, Some(5));
}
