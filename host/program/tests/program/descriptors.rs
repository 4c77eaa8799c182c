//! A node that runs out of file descriptors says so, to those it can't take too, and goes on for those it has.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
use thespian_core::address::ActorAddress;
use thespian_core::message::Message;
use thespian_core::wire::control::{ControlError, Incoming};
use thespian_core::wire::hello::{self, Hello, HelloError, Welcome};
use thespian_host::client::{Client, ClientError};

use crate::process::{DEADLINE, Folder, RunningNode, finish, hello, program, within};

const ADVICE: &str = "raise the limit with `ulimit -n ";

/// A command whose process may have so many descriptors and no more.
fn limited(most: u64, args: &[&str]) -> Command {
    after(&format!("ulimit -n {most}"), args)
}

/// The program as a shell runs it that has done something before.
fn after(done: &str, args: &[&str]) -> Command {
    let inner = program(args);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{done}; exec \"$0\" \"$@\"")]).env_clear();
    shell.arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
    shell
}

/// The number that is told to be enough.
fn told_to_be_enough(most: u64) -> u64 {
    let folder = Folder::new();
    let data = folder.data();
    let text = finish(&mut limited(most, &["run", "--data-dir", data.to_str().unwrap()])).failed(1);
    assert!(text.contains(&format!("this process may have {most} file descriptors")), "{text}");
    assert!(!data.exists(), "nothing was made");
    let rest = text.split(ADVICE).nth(1).unwrap_or_else(|| panic!("{text}"));
    rest.split('`').next().unwrap().parse().unwrap()
}

/// Somebody who is connected, and the actor that must answer.
struct Bystander {
    client: Client,
    actor: ActorAddress,
}

impl Bystander {
    async fn new(node: &RunningNode) -> Self {
        let client = Client::connect(&node.folder.data().join("control.sock"), None).await.unwrap();
        let source = client.load("hello", fs::read(hello()).unwrap(), |_| ()).await.unwrap();
        let actor = client.create(&source.hash.to_string(), "Hello").await.unwrap();
        Self { client, actor }
    }

    async fn is_answered(&self) {
        let greet = Message::json("Greet", r#"{"name": "Ada"}"#);
        let answer = self.client.ask(self.actor, greet, None).await.unwrap();
        assert!(matches!(answer, Incoming::Message { .. }), "{answer:?}");
    }

    /// What the node said of descriptors, one record each.
    async fn warnings(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let take = |record: thespian_core::wire::control::LogRecord| texts.push(record.text);
        self.client.logs(None, None, false, take).await.unwrap();
        texts.retain(|text| text.contains("file descriptor"));
        texts
    }
}

/// A component like the first lesson's, and another source: `nth` is in a section that means nothing.
fn another(nth: u8) -> Vec<u8> {
    let mut component = fs::read(hello()).unwrap();
    component.extend_from_slice(&[0, 3, 1, b'x', nth]);
    component
}

/// Leaves the node none but those that it has open, once it writes nothing more: what it closes after that would be one
/// to take.
fn take_all(node: &RunningNode) -> Rlimit {
    let begun = Instant::now();
    let (before, mut taken) = take_those_above(node, first_free(node));
    while is_writing(node) || taken != first_free(node) {
        assert!(begun.elapsed() < DEADLINE, "the node goes on writing");
        (_, taken) = take_those_above(node, first_free(node));
    }
    before
}

fn take_those_above(node: &RunningNode, current: Option<u64>) -> (Rlimit, Option<u64>) {
    // The program has raised its limit to what it may, so that this is what we may as well.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let before = prlimit(Some(node.pid()), Resource::Nofile, Rlimit { current, maximum }).unwrap();
    (before, current)
}

fn first_free(node: &RunningNode) -> Option<u64> {
    let open: Vec<u64> = open_files(node).map(|(number, _)| number).collect();
    (0..).find(|number| !open.contains(number))
}

/// Whether a file is open in the node's data directory, other than the lock and the two of the audit log; the directory itself
/// always is.
fn is_writing(node: &RunningNode) -> bool {
    let data = node.folder.data();
    open_files(node).filter(|(_, path)| path.starts_with(&data)).count() > 4
}

fn open_files(node: &RunningNode) -> impl Iterator<Item = (u64, PathBuf)> {
    let folder = format!("/proc/{}/fd", node.pid().as_raw_nonzero());
    fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let number = entry.file_name().to_str().unwrap().parse().unwrap();
        // Closed since it was listed: then it is none that is written.
        (number, fs::read_link(entry.path()).unwrap_or_default())
    })
}

fn greeting() -> Vec<u8> {
    hello::encode(&Hello { client: "test".to_string(), token: None, endpoint: None }).unwrap()
}

/// What a node says to somebody new, told by the system's own means: whether it lets them in.
fn welcomed(mut stream: impl Read + Write) -> Result<Welcome, HelloError> {
    stream.write_all(&greeting()).unwrap();
    let mut frame = Vec::new();
    // It is all that is sent until something is asked, so the length is read first.
    let mut header = [0; 4];
    stream.read_exact(&mut header).unwrap();
    frame.resize(u32::from_le_bytes(header) as usize, 0);
    stream.read_exact(&mut frame).unwrap();
    hello::decode::<hello::Greeting>(&frame).unwrap()
}

#[test]
fn too_few_descriptors_are_refused_at_the_start_with_the_number_that_is_enough() {
    let enough = told_to_be_enough(12);
    assert_eq!(told_to_be_enough(40), enough);
    assert_eq!(told_to_be_enough(enough - 1), enough);
    let node = RunningNode::start_by(Folder::new(), |args| limited(enough, args));
    let data = node.folder.data();
    let status = |most| finish(&mut limited(most, &["status", "--data-dir", data.to_str().unwrap()]));
    let text = status(6).failed(1);
    assert!(text.contains("a command needs 16"), "{text}");
    status(16).ok();
    node.run(&["stop"]).ok();
}

#[test]
fn a_node_takes_as_many_descriptors_as_it_may() {
    let node = RunningNode::start_by(Folder::new(), |args| after("ulimit -Sn 500; ulimit -Hn 2000", args));
    let limits = fs::read_to_string(format!("/proc/{}/limits", node.pid().as_raw_nonzero())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().nth(3), Some("2000"), "{files}");
}

#[test]
fn connections_leave_descriptors_for_loads_whoever_floods_the_doors() {
    let enough = told_to_be_enough(12);
    let node = RunningNode::start_by(Folder::new(), |args| {
        limited(enough, &[args, &["--authority", "trust-all", "--listen", "127.0.0.1:0"]].concat())
    });
    within(async {
        let bystander = Bystander::new(&node).await;
        let socket = node.folder.data().join("control.sock");
        let tcp = node.ready["tcp"]["address"].as_str().unwrap();
        // Silent ones at both doors, and those who are let in as long as there are places.
        let silent: Vec<_> = (0..enough).map(|_| TcpStream::connect(tcp).unwrap()).collect();
        let mut known = Vec::new();
        let refused = loop {
            assert!(known.len() < usize::try_from(enough).unwrap());
            match Client::connect(&socket, None).await {
                Ok(client) => known.push(client),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, ClientError::Refused(HelloError::TooManyConnections)), "{refused}");
        let waiting: Vec<_> = (0..enough).map(|_| UnixStream::connect(&socket).unwrap()).collect();
        bystander.is_answered().await;
        for nth in 0..5 {
            bystander.client.load("another", another(nth), |_| ()).await.unwrap();
        }
        bystander.is_answered().await;
        assert_eq!(bystander.warnings().await, Vec::<String>::new());
        drop((silent, waiting));
    });
}

#[test]
fn sources_leave_descriptors_for_whoever_is_to_unload_them() {
    let enough = told_to_be_enough(12);
    let node = RunningNode::start_by(Folder::new(), |args| {
        limited(enough, &[args, &["--authority", "trust-all"]].concat())
    });
    within(async {
        let bystander = Bystander::new(&node).await;
        let mut loaded = Vec::new();
        let refused = loop {
            let nth = u8::try_from(loaded.len()).unwrap();
            match bystander.client.load("another", another(nth), |_| ()).await {
                Ok(source) => loaded.push(source.hash.to_string()),
                Err(error) => break error.to_string(),
            }
        };
        assert!(refused.contains("no file descriptor left") && !refused.contains("trap"), "{refused}");
        assert!(loaded.len() > 10, "{}", loaded.len());
        let listed = node.run(&["sources", "--json"]).json();
        assert_eq!(listed.as_array().unwrap().len(), loaded.len() + 2);
        bystander.is_answered().await;
        node.run(&["unload", &loaded[0]]).ok();
        // The node may not yet have seen that both programs have left: two more make up for what they hold.
        for hash in &loaded[1..3] {
            bystander.client.unload(hash).await.unwrap();
        }
        let nth = u8::try_from(loaded.len()).unwrap();
        bystander.client.load("another", another(nth), |_| ()).await.unwrap();
    });
}

#[test]
fn without_descriptors_whoever_comes_is_told_and_whoever_is_there_is_served() {
    let node = RunningNode::start_with(&["--authority", "trust-all", "--listen", "127.0.0.1:0"]);
    let tcp = node.ready["tcp"]["address"].as_str().unwrap();
    within(async {
        let bystander = Bystander::new(&node).await;
        let begun = Instant::now();
        let before = take_all(&node);
        for round in 0..3 {
            for args in [&["status"][..], &["status", "--connect", tcp]] {
                let text = node.run(args).failed(4);
                assert!(text.contains("has no file descriptor left"), "{round}: {text}");
            }
            bystander.is_answered().await;
        }
        // Who says nothing gets the word too, and holds up nobody.
        let socket = node.folder.data().join("control.sock");
        let silent: Vec<_> = (0..3).map(|_| UnixStream::connect(&socket).unwrap()).collect();
        assert_eq!(welcomed(UnixStream::connect(&socket).unwrap()), Err(HelloError::NoDescriptors));
        assert_eq!(welcomed(TcpStream::connect(tcp).unwrap()), Err(HelloError::NoDescriptors));
        bystander.is_answered().await;
        drop(silent);
        let load = bystander.client.load("another", another(1), |_| ()).await.unwrap_err();
        let ClientError::Node(ControlError::SourceRefused { .. }) = &load else { panic!("{load}") };
        let text = load.to_string();
        assert!(text.contains("no file descriptor left") && !text.contains("trap"), "{text}");
        let warnings = bystander.warnings().await;
        let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
        assert!(!warnings.is_empty() && warnings.len() <= 1 + seconds, "{warnings:#?}");
        // With descriptors again all is as before.
        prlimit(Some(node.pid()), Resource::Nofile, before).unwrap();
        node.run(&["status"]).ok();
        node.run(&["status", "--connect", tcp]).ok();
        bystander.client.load("another", another(1), |_| ()).await.unwrap();
        bystander.is_answered().await;
    });
}

#[test]
fn a_connection_to_an_actor_waits_for_a_descriptor_and_is_then_served() {
    let args = ["--authority", "trust-all", "--allow-listen", "127.0.0.1"];
    let node = RunningNode::start_with(&args);
    let hash = node.run(&["load", thespian_guests::HTTP_ECHO]).ok();
    let actor = node.run(&["create", hash.trim()]).ok();
    let listen = node.run(&["grant", "tcp", "127.0.0.1:0", actor.trim()]).ok();
    within(async {
        let bystander = Bystander::new(&node).await;
        let before = take_all(&node);
        let mut waiting = TcpStream::connect(listen.trim()).unwrap();
        waiting.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        while bystander.warnings().await.is_empty() {
            bystander.is_answered().await;
        }
        prlimit(Some(node.pid()), Resource::Nofile, before).unwrap();
        waiting.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut answer = String::new();
        waiting.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
}
