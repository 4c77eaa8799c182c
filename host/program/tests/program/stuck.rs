//! Where the log goes nobody reads, or a disk is full: everything else goes on.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use futures_util::stream::{self, StreamExt};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use serde_json::Value;
use thespian_core::address::ActorAddress;
use thespian_core::message::Message;
use thespian_core::wire::control::Incoming;
use thespian_host::client::Client;

use crate::process::{DEADLINE, Folder, Lines, RunningNode, end, hello, program, until, within};

/// Messages that can't be handled, a record each: several times what a pipe and a queue hold.
const FAILURES: usize = 6_000;

/// Has an actor write much more to the log than anybody takes, and be answered each time.
fn flood(node: &RunningNode, address: &str) {
    let address: ActorAddress = address.parse().unwrap();
    let socket = node.data.join("control.sock");
    within(async {
        let client = Client::connect(&socket, None).await.unwrap();
        let asks = (0..FAILURES).map(|_| {
            let nonsense = Message::json(&"N".repeat(200), "1");
            client.ask(address, nonsense, Some(DEADLINE))
        });
        stream::iter(asks)
            .buffer_unordered(64)
            .for_each(|answer| async { assert!(matches!(answer.unwrap(), Incoming::Poisoned(_))) })
            .await;
    });
}

/// Everything that a node does for others, beside the log.
#[track_caller]
fn all_goes_on(node: &RunningNode, address: &str) -> Value {
    let answer = node.run(&["ask", address, "Greet", r#"{"name":"you"}"#]).ok();
    assert!(answer.contains("Hello, you!"), "{answer}");
    let status = node.run(&["status", address, "--json"]).json();
    let hash = status["actor"]["source"].as_str().unwrap().to_string();
    let another = node.run(&["create", &hash]).ok();
    node.run(&["kill", another.trim()]).ok();
    node.run(&["logs", "--last", "1"]).ok();
    node.run(&["status", "--json"]).json()
}

fn lost(status: &Value, outlet: &str) -> u64 {
    let outlets = status["log_outlets"].as_array().unwrap();
    outlets.iter().find(|of| of["name"] == outlet).unwrap()["lost"].as_u64().unwrap()
}

/// Some of a flood may still be on its way to stderr.
fn all_goes_on_while_lines_are_lost(node: &RunningNode, address: &str) {
    until(|| (lost(&all_goes_on(node, address), "stderr") > 0).then_some(()));
}

/// Ends it, by one of the ways.
#[track_caller]
fn ends(node: RunningNode, by_signal: bool) -> (Folder, String) {
    if by_signal {
        node.signal(Signal::TERM);
    } else {
        node.run(&["stop"]).ok();
    }
    let (code, folder, log) = node.ended();
    assert_eq!(code, Some(0), "{log}");
    (folder, log)
}

#[test]
fn nobody_waits_for_a_stderr_that_is_not_read() {
    for by_signal in [false, true] {
        let (reader, writer) = std::io::pipe().unwrap();
        let node = RunningNode::start_to(Folder::new(), &["--authority", "trust-all"], writer);
        let address = node.hello();
        flood(&node, &address);
        all_goes_on_while_lines_are_lost(&node, &address);
        assert!(node.run(&["status"]).ok().contains("did not get to stderr"));
        ends(node, by_signal);
        drop(reader);
    }
}

#[test]
fn what_is_lost_on_the_way_to_stderr_is_said_there_when_it_is_read_again() {
    let (reader, writer) = std::io::pipe().unwrap();
    let node = RunningNode::start_to(Folder::new(), &["--authority", "trust-all"], writer);
    let address = node.hello();
    flood(&node, &address);
    all_goes_on_while_lines_are_lost(&node, &address);
    let lines = Lines::new(reader);
    let mut text = Vec::new();
    // What is lost is known when something is read that came behind the flood.
    until(|| {
        node.run(&["ask", &address, "Afterwards", "1"]).failed(7);
        text.extend(lines.come());
        text.iter().any(|line| line.contains("Afterwards")).then_some(())
    });
    let seen = lost(&all_goes_on(&node, &address), "stderr");
    ends(node, false);
    text.extend(std::iter::from_fn(|| lines.try_next()));
    let missing = |line: &String| {
        let (count, _) = line.strip_prefix("warning: ")?.split_once(" lines are missing here")?;
        count.parse::<u64>().ok()
    };
    let said: u64 = text.iter().filter_map(missing).sum();
    assert_eq!(said, seen, "as many as are counted");
    assert!(text.iter().any(|line| line.contains("stopped")), "and what comes afterwards is there");
}

#[test]
fn nobody_waits_for_a_stderr_that_is_gone_or_takes_nothing() {
    for is_gone in [true, false] {
        let stderr: Stdio = if is_gone {
            std::io::pipe().unwrap().1.into()
        } else {
            OpenOptions::new().write(true).open("/dev/full").unwrap().into()
        };
        let node = RunningNode::start_to(Folder::new(), &["--authority", "trust-all"], stderr);
        let address = node.hello();
        flood(&node, &address);
        let status = all_goes_on(&node, &address);
        assert!(lost(&status, "stderr") > 0, "{status:#}");
        ends(node, is_gone);
    }
}

#[test]
fn a_node_whose_output_takes_nothing_runs_and_stops_in_order() {
    let folder = Folder::new();
    let data = folder.data();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut run = program(["run", "--data-dir", data.to_str().unwrap()]);
    let child = run.stdout(full()).stderr(full()).spawn().unwrap();
    let command = |name: &str| crate::process::finish(program([name]).env("THESPIAN_HOST_DATA_DIR", &data));
    command("wait-ready").ok();
    command("stop").ok();
    assert_eq!(end(child).code, Some(0));
}

/// A disk that is full for a while.
trait Disk {
    /// Where the node is to write everything.
    fn folder(&self) -> &Path;
    fn fill(&self, node: &RunningNode);
    fn make_room(&self, node: &RunningNode);
}

/// Not a disk, but no file may grow.
struct FileSize(Folder);

impl Disk for FileSize {
    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self, node: &RunningNode) {
        limit_file_size(node, Some(1));
    }

    fn make_room(&self, node: &RunningNode) {
        limit_file_size(node, None);
    }
}

fn limit_file_size(node: &RunningNode, current: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(node.ready["pid"].as_i64().unwrap()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
}

/// A small one, where one may be mounted.
struct Tmpfs(Folder);

impl Tmpfs {
    fn mount() -> Option<Self> {
        let folder = Folder::new();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

impl Disk for Tmpfs {
    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self, _node: &RunningNode) {
        let mut file = File::create(self.folder().join("fill")).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    }

    fn make_room(&self, _node: &RunningNode) {
        fs::remove_file(self.folder().join("fill")).unwrap();
    }
}

/// A source that differs from `hello` by a section that means nothing.
fn another_source(node: &RunningNode) -> String {
    let path = node.folder.path().join("another.wasm");
    let section = [0, 2, 1, b'x'];
    fs::write(&path, [&fs::read(hello()).unwrap()[..], &section].concat()).unwrap();
    path.to_str().unwrap().to_string()
}

/// Log file, stderr and data directory are on the disk.
fn survives(disk: &dyn Disk) {
    let (log, stderr) = (disk.folder().join("node.log"), disk.folder().join("stderr"));
    let args = ["--authority", "trust-all", "--log-file", log.to_str().unwrap()];
    let args = [&args[..], &["--log-file-bytes-max", "65536"]].concat();
    let data = disk.folder().join("data");
    let command = |arguments: &[&str]| program(arguments.iter().chain(&args));
    let node = RunningNode::start_at(Folder::new(), data, File::create(&stderr).unwrap(), command);
    let address = node.hello();
    disk.fill(&node);
    let other = another_source(&node);
    let sources = || fs::read_dir(node.data.join("sources")).unwrap().count();
    // Its bytes, and what it was admitted with.
    let before = sources();
    let refused = node.run(&["load", &other]).failed(4);
    assert!(refused.contains("its bytes can't be kept"), "{refused}");
    assert_eq!(sources(), before, "nothing half-written is left");
    flood(&node, &address);
    let status = all_goes_on(&node, &address);
    assert!(lost(&status, "stderr") > 0 && status["log_file"]["lost"].as_u64() > Some(0), "{status:#}");
    let logs = node.run(&["logs"]).ok();
    assert!(!logs.is_empty());
    disk.make_room(&node);
    let until_said = |file: &Path| {
        until(|| {
            node.run(&["ask", &address, "Nonsense", "1"]).failed(7);
            fs::read_to_string(file).unwrap().contains("missing here").then_some(())
        });
    };
    until_said(&log);
    until_said(&stderr);
    all_goes_on(&node, &address);
    node.run(&["load", &other]).ok();
    assert_eq!(sources(), 2 * before);
    ends(node, false);
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.lines().last().unwrap().contains("\"stopped\""), "{text}");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "no half line: {text}");
}

#[test]
fn nobody_waits_for_files_that_may_not_grow_and_what_is_missing_is_said_in_them() {
    survives(&FileSize(Folder::new()));
}

#[test]
fn nobody_waits_for_a_full_disk_and_what_is_missing_is_said_on_it() {
    match Tmpfs::mount() {
        Some(disk) => survives(&disk),
        None => {
            eprintln!("SKIPPED: nothing can be mounted here; files that may not grow are tried elsewhere");
        }
    }
}

/// Holds those threads of a process that serve its connections.
const HOLD: &str = r#"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p]
SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
pid = sys.argv[1]
for tid in os.listdir(f"/proc/{pid}/task"):
    if open(f"/proc/{pid}/task/{tid}/comm").read().startswith("thespian-io"):
        if libc.ptrace(SEIZE, int(tid), None, None) or libc.ptrace(INTERRUPT, int(tid), None, None):
            sys.exit("may not")
        os.waitpid(int(tid), WALL)
print("held", flush=True)
# Whoever holds a thread has to hear of its end, or the process has none.
try:
    while True:
        os.waitpid(-1, WALL)
except ChildProcessError:
    pass
"#;

#[test]
fn a_node_that_can_not_end_in_order_says_so_and_ends_all_the_same() {
    let node = RunningNode::start();
    let pid = node.ready["pid"].to_string();
    let python =
        Command::new("python3").args(["-c", HOLD, &pid]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        eprintln!("SKIPPED: there is no python3 here");
        return;
    };
    let held = Lines::new(python.stdout.take().unwrap());
    if held.try_next().is_none() {
        eprintln!("SKIPPED: a process may not hold the threads of another here");
        return;
    }
    node.signal(Signal::TERM);
    let (code, folder, log) = node.ended();
    assert_eq!(code, Some(70), "{log}");
    assert!(log.contains("can't end in order"), "{log}");
    assert!(python.wait().unwrap().success());
    // What it held is free.
    let next = RunningNode::start_in(folder, &[]);
    next.run(&["stop"]).ok();
}
