//! A node starts, is waited for, and stops in order.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{DEADLINE, Folder, RunningNode, end, finish, program, run};

#[test]
fn sigterm_and_ctrl_c_stop_in_order_and_leave_no_socket() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "Ctrl-C")] {
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
