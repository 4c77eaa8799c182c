//! A node starts, is waited for, and stops in order.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{DEADLINE, Folder, PROGRAM, RunningNode, end, finish, program, run, until};

#[test]
fn a_signal_stops_in_order_and_leaves_no_socket() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "Ctrl-C"), (Signal::HUP, "SIGHUP")] {
        let node = RunningNode::start();
        node.hello();
        let socket = node.folder.data().join("control.sock");
        assert!(socket.exists());
        node.signal(signal);
        let last: serde_json::Value = serde_json::from_str(&node.lines.next()).unwrap();
        assert_eq!((&last["event"], &last["by"]), (&"stopped".into(), &name.into()));
        let (code, _folder, log) = node.ended();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopping in order"), "{log}");
        assert!(!socket.exists());
    }
}

#[test]
fn stop_returns_when_the_next_node_can_start() {
    let mut folder = Folder::new();
    for _ in 0..3 {
        let node = RunningNode::start_in(folder, &[]);
        assert_eq!(node.run(&["stop", "--json"]).json()["stopped"], true);
        assert!(!node.folder.data().join("control.sock").exists());
        let (code, same, log) = node.ended();
        assert_eq!(code, Some(0), "{log}");
        folder = same;
    }
    // The identity stays.
    let id = fs::read_to_string(folder.data().join("host-id")).unwrap();
    let node = RunningNode::start_in(folder, &[]);
    assert_eq!(node.ready["host"], id.trim());
    // Starts while `stop` has only just returned.
    node.run(&["stop"]).ok();
    let data = node.folder.data();
    let mut again = program(["run", "--data-dir", data.to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    node.run(&["wait-ready"]).ok();
    kill_process(Pid::from_child(&again), Signal::TERM).unwrap();
    assert!(again.wait().unwrap().success());
}

#[test]
fn a_data_directory_has_one_node() {
    let node = RunningNode::start();
    let data = node.folder.data();
    let second = run(["run", "--data-dir", data.to_str().unwrap()]).failed(1);
    assert!(second.contains("another node uses"), "{second}");
    // The first has not noticed.
    node.run(&["status"]).ok();
}

#[test]
fn a_data_directory_that_is_open_to_others_is_not_used() {
    let folder = Folder::new();
    let data = folder.data();
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let text = run(["run", "--data-dir", data.to_str().unwrap()]).failed(1);
    assert!(text.contains("chmod 700"), "{text}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
}

#[test]
fn wait_ready_waits_for_a_node_that_is_not_there_yet() {
    let folder = Folder::new();
    let data = folder.data();
    let waiting = program(["wait-ready", "--json", "--timeout", &DEADLINE.as_secs().to_string()])
        .env("THESPIAN_HOST_DATA_DIR", &data)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let node = RunningNode::start_in(folder, &[]);
    let status = end(waiting).json();
    assert_eq!(status["pid"], node.ready["pid"]);
}

#[test]
fn run_says_what_people_need_to_know() {
    let folder = Folder::new();
    let data = folder.data();
    let child = program(["run", "--data-dir", data.to_str().unwrap(), "--authority", "trust-all"])
        .args(["--listen", "127.0.0.1:0", "--actors-max", "5"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    finish(program(["wait-ready"]).env("THESPIAN_HOST_DATA_DIR", &data)).ok();
    finish(program(["stop"]).env("THESPIAN_HOST_DATA_DIR", &data)).ok();
    let ended = end(child);
    for said in
        ["control.sock", "127.0.0.1:", "token", "trust-all", "at most 5", "a restart", "mailboxes and timers"]
    {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    assert!(ended.stderr.contains("warning: any program that can reach this node"), "{}", ended.stderr);
    assert!(!ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'), "colors are for terminals");
}

#[test]
fn a_terminal_that_is_closed_twice_ends_nothing_at_once() {
    let node = RunningNode::start();
    node.hello();
    for signal in [Signal::HUP, Signal::HUP, Signal::HUP] {
        node.signal(signal);
    }
    let (code, _folder, log) = node.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("SIGHUP: stopping in order") && !log.contains("ending at once"), "{log}");
}

#[test]
fn a_node_under_nohup_outlives_its_terminal() {
    let ignoring = |arguments: &[&str]| {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", PROGRAM]).args(arguments).env_clear();
        shell
    };
    let node = RunningNode::start_by(Folder::new(), ignoring);
    node.signal(Signal::HUP);
    node.run(&["status"]).ok();
    node.run(&["stop"]).ok();
    assert_eq!(node.ended().0, Some(0));
}

#[test]
fn a_node_removes_its_own_socket_and_none_of_another_node() {
    let (folder, moved) = (Folder::new(), Folder::new());
    let first = RunningNode::start_in(folder, &["--listen", "127.0.0.1:0"]);
    let there = moved.path().join("data");
    fs::rename(first.folder.data(), &there).unwrap();
    // At the same path, while the first one runs.
    let data = first.folder.data();
    let command = |arguments: &[&str]| program(arguments.iter().chain(&["--listen", "127.0.0.1:0"]));
    let log = fs::File::create(moved.path().join("second")).unwrap();
    let second = RunningNode::start_at(Folder::new(), data.clone(), log, command);
    first.signal(Signal::TERM);
    let (code, _folder, log) = first.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(!there.join("control.sock").exists(), "its own is gone, wherever it is");
    let status = second.run(&["status", "--json"]).json();
    assert_eq!(status["pid"], second.ready["pid"]);
    let (tcp, token) = (second.ready["tcp"]["address"].as_str().unwrap(), data.join("token"));
    let token = token.to_str().unwrap();
    second.run(&["status", "--connect", tcp, "--token-file", token]).ok();
    second.run(&["stop"]).ok();
}

#[test]
fn a_node_whose_socket_is_removed_says_so_once_and_is_found_again() {
    let node = RunningNode::start();
    let socket = node.data.join("control.sock");
    fs::remove_file(&socket).unwrap();
    node.run(&["wait-ready"]).ok();
    let said = |logs: &str| logs.lines().filter(|line| line.contains("was removed")).count();
    assert_eq!(said(&node.run(&["logs"]).ok()), 1);
    // Somebody else's is left alone.
    fs::remove_file(&socket).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let stderr = || fs::read_to_string(node.folder.path().join("stderr")).unwrap();
    until(|| stderr().contains("something else").then_some(()));
    node.signal(Signal::TERM);
    let (code, _folder, log) = node.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(socket.exists(), "what is another's stays");
    drop(other);
    assert_eq!(log.matches("something else").count(), 1, "{log}");
}

#[test]
fn a_node_whose_directory_is_moved_away_says_so_once() {
    let node = RunningNode::start();
    fs::rename(&node.data, node.folder.path().join("elsewhere")).unwrap();
    let stderr = || fs::read_to_string(node.folder.path().join("stderr")).unwrap();
    until(|| stderr().contains("was moved or removed").then_some(()));
    node.signal(Signal::TERM);
    let (code, folder, _) = node.ended();
    assert_eq!(code, Some(0));
    assert!(!folder.path().join("elsewhere/control.sock").exists());
}
