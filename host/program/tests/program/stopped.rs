//! A node whose process is stopped answers nothing, and no command waits for it for ever.

use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::role::Role;
use thespian_core::wire::hello::{self, Greeting, Welcome};

use crate::process::{Folder, RunningNode, end, hello, program};

const TOLD: &str = "its process may be stopped";

#[test]
fn every_command_gives_up_on_a_node_that_is_stopped() {
    let node = RunningNode::start_with(&["--authority", "trust-all", "--listen", "127.0.0.1:0"]);
    let address = node.hello();
    let tcp = node.ready["tcp"]["address"].as_str().unwrap();
    node.signal(Signal::STOP);
    let commands: [&[&str]; 20] = [
        &["status"],
        &["status", "--connect", tcp],
        &["status", &address],
        &["stop"],
        &["actors"],
        &["sources"],
        &["load", hello()],
        &["unload", "abc"],
        &["create", "abc"],
        &["tell", &address, "Greet", "{}"],
        &["ask", &address, "Greet", "{}"],
        &["listen"],
        &["exit", &address],
        &["exit", &address, "--wait"],
        &["kill", &address],
        &["grant", "list"],
        &["logs", "--follow"],
        &["log-level"],
        &["capabilities"],
        &["wait-ready", "--timeout", "1"],
    ];
    let running: Vec<_> = commands.iter().map(|args| (args, node.spawn_piped(args))).collect();
    for (args, child) in running {
        let text = end(child).failed(6);
        assert!(args[0] == "wait-ready" || text.contains(TOLD), "{args:?}: {text}");
    }
    node.signal(Signal::CONT);
    node.run(&["ask", &address, "Greet", r#"{"name": "Ada"}"#]).ok();
}

#[test]
fn a_command_that_was_let_in_gives_up_as_well() {
    let node = RunningNode::start();
    let (watching, lines, told) = node.spawn(&["status", "--json", "--watch", "0.1"]);
    lines.next();
    node.signal(Signal::STOP);
    assert_eq!(end(watching).code, Some(6));
    let told = told.next();
    assert!(told.contains("did not answer within") && told.contains(TOLD), "{told}");
    node.signal(Signal::CONT);
    node.run(&["status"]).ok();
}

/// Lets in whoever comes to the socket in this data directory, and says nothing more. Its thread ends with the process.
fn welcome_and_be_silent(data: &std::path::Path) {
    DirBuilder::new().mode(0o700).create(data).unwrap();
    let listener = UnixListener::bind(data.join("control.sock")).unwrap();
    thread::spawn(move || {
        let endpoint = ActorAddress::new(HostId(1), 1);
        let welcome =
            Welcome { node_version: "0".to_string(), host: HostId(1), endpoint, role: Role::Operate };
        let welcome = hello::encode::<Greeting>(&Ok(welcome)).unwrap();
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            stream.write_all(&welcome).unwrap();
            kept.push(stream);
        }
    });
}

#[test]
fn every_command_that_needs_no_waiting_gives_up_on_a_node_that_lets_it_in_and_says_nothing() {
    let folder = Folder::new();
    let data = folder.data();
    welcome_and_be_silent(&data);
    let address = ActorAddress::new(HostId(1), 2).to_string();
    // With a section that means nothing, it is more than the system keeps for a reader that reads nothing.
    let mut big = fs::read(hello()).unwrap();
    big.extend_from_slice(&[0, 0x80, 0x80, 0x80, 4, 1, b'x']);
    big.resize(big.len() - 2 + (8 << 20), 0);
    let big = folder.file("big.wasm", big);
    let commands: [&[&str]; 17] = [
        &["status"],
        &["status", &address],
        &["stop"],
        &["actors"],
        &["actors", "--tree", "--watch", "1"],
        &["sources"],
        &["load", hello()],
        &["load", big.to_str().unwrap()],
        &["unload", "abc"],
        &["tell", &address, "Greet", "{}"],
        &["ask", &address, "Greet", "{}", "--timeout", "1"],
        &["listen", "--timeout", "1"],
        &["exit", &address],
        &["grant", "list"],
        &["grant", "revoke", "127.0.0.1:1"],
        &["log-level"],
        &["capabilities", "gpu"],
    ];
    let running: Vec<_> = commands
        .iter()
        .map(|args| {
            let mut command = program(*args);
            command.env("THESPIAN_HOST_DATA_DIR", &data).stdout(Stdio::piped()).stderr(Stdio::piped());
            (args, command.spawn().unwrap())
        })
        .collect();
    for (args, child) in running {
        let text = end(child).failed(6);
        assert!(text.contains(TOLD), "{args:?}: {text}");
    }
    fs::remove_file(data.join("control.sock")).unwrap();
}

#[test]
fn a_turn_is_not_ended_for_the_time_in_which_its_node_was_stopped() {
    let limits = ["turn-cpu-ms-max=60000", "turn-wall-ms-max=3000"].map(|limit| ["--limit", limit]).concat();
    let node = RunningNode::start_with(&[&["--authority", "trust-all"][..], &limits].concat());
    let file = node.folder.file("probe.wasm", thespian_guests::bytes(thespian_guests::PROBE));
    let hash = node.run(&["load", file.to_str().unwrap()]).ok();
    let address = node.run(&["create", hash.trim(), "Probe"]).ok().trim().to_string();
    let (mut following, records, _) = node.spawn(&["logs", "--follow"]);
    // By its own clock the turn takes longer than it may, and is stopped for nearly all of that.
    let run = r#"{"steps":[{"log":{"text":"in its turn"}},{"spend":{"ms":5000}},{"say":{"to":"origin","text":"done"}}]}"#;
    let ask = node.spawn_piped(&["ask", &address, "Run", run, "--timeout", "60"]);
    while !records.next().contains("in its turn") {}
    node.signal(Signal::STOP);
    #[expect(clippy::disallowed_methods, reason = "how long it is stopped is what is tried")]
    thread::sleep(std::time::Duration::from_millis(5_000));
    node.signal(Signal::CONT);
    let answer = end(ask).ok();
    assert!(answer.contains("done"), "{answer}");
    following.kill().unwrap();
    following.wait().unwrap();
}
