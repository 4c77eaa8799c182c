//! A fault of the host's own has an end: a node whose rules panic ends as a whole and says why, and so does a program that
//! runs one.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use thespian_core::limits::FAULT_TIME_MAX;
use thespian_core::message::Message;
use thespian_core::mistake::{Mistake, make};
use thespian_core::wire::control::{ControlError, Incoming};
use thespian_host_mistaken::client::{Client, ClientError};
use thespian_host_mistaken::config::{Authority, NodeConfig};
use thespian_host_mistaken::node::{Entrance, Node};
use thespian_host_mistaken::store::SOCKET_FILE;

/// Whatever a test waits for comes within this, on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn in_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await.expect("it comes in time") })
}

/// A folder of this test's own; gone with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("thespian-fault-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a mistake in this process while it lives. Tests run side by side: one after the other.
struct Making(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Making {
    fn begin() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        Self(ONE.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn mistake(&self, mistake: Mistake) {
        make(Some(mistake));
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        make(None);
    }
}

async fn hello(client: &Client) -> (String, thespian_core::address::ActorAddress) {
    let bytes = thespian_guests::bytes(thespian_guests::HELLO);
    let source = client.load("hello", bytes, |_| {}).await.unwrap().hash.to_string();
    let actor = client.create(&source, "Hello").await.unwrap();
    (source, actor)
}

/// A message that the actor answers.
fn greeting() -> Message {
    Message::json("Greet", r#"{"name": "Ada"}"#)
}

/// Whether the answer is the fault, in words.
fn tells_fault<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> bool {
    let ClientError::Node(ControlError::NodeFailed { fault }) = answer.unwrap_err() else { return false };
    fault.starts_with("a fault of the host's own, ") && fault.contains("a mistake in the rules of ")
}

/// Threads of nodes that this process has: those of actors, and others that each node has of its own. The compiler's pool is
/// the process's, and stays.
fn node_threads() -> usize {
    let is_ours = |task: &Path| {
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        ["thespian-actor", "thespian-log", "epoch"].contains(&name.trim())
    };
    fs::read_dir("/proc/self/task").unwrap().filter(|task| is_ours(&task.as_ref().unwrap().path())).count()
}

/// A node in this process: what waits when it has a fault, and what is left of it.
fn embedded(mistake: Mistake, cause: impl AsyncFnOnce(&Client, &str, thespian_core::address::ActorAddress)) {
    let making = Making::begin();
    let config = NodeConfig { authority: Authority::TrustAll, ..NodeConfig::default() };
    in_time(async {
        let node = Node::start(config.clone()).unwrap();
        let client = node.client();
        let (source, actor) = hello(&client).await;
        assert_eq!(node.fault(), None);
        making.mistake(mistake);
        let waits = node.client();
        let listens = waits.listen(None);
        let stopped = node.stopped();
        let ((), heard, ()) = tokio::join!(cause(&client, &source, actor), listens, stopped);
        assert!(tells_fault(heard));
        let fault = node.fault().expect("it says why");
        let (entrance, text, file) = match mistake {
            Mistake::PanicOnTheDesk => (Entrance::Desk, "a mistake in the rules of the node", "admin.rs"),
            Mistake::PanicInTheOutbox => {
                (Entrance::Actor(actor), "a mistake in the rules of an outbox", "draft.rs")
            }
            _ => (Entrance::Actor(actor), "a mistake in the rules of an actor", "leaving.rs"),
        };
        assert_eq!((fault.entrance, &*fault.text), (entrance, text));
        assert!(fault.place.contains(file), "{fault}");
        // Nobody goes on with what it has left, however often it is asked.
        for _ in 0..3 {
            assert!(tells_fault(client.sources().await));
            assert!(tells_fault(client.status().await));
            assert!(tells_fault(client.create(&source, "Hello").await));
        }
        node.stopping().await;
        node.log_status().await;
        let mut said = Vec::new();
        client.logs(None, None, false, |record| said.push(record.text)).await.unwrap();
        assert!(said.contains(&format!("the node ends for {fault}")), "{said:?}");
        assert!(!node.stop().await, "it did not end in order");
    });
    make(None);
    // None spins, or it would not end with its node.
    let begun = Instant::now();
    while node_threads() > 0 {
        assert!(begun.elapsed() < DEADLINE, "threads of the node are left");
        std::thread::yield_now();
    }
    in_time(async {
        let next = Node::start(config).unwrap();
        let (_, actor) = hello(&next.client()).await;
        assert!(matches!(next.client().ask(actor, greeting(), None).await, Ok(Incoming::Message { .. })));
        assert!(next.stop().await);
    });
}

#[test]
fn a_node_whose_desk_has_a_fault_stops_and_says_why() {
    embedded(Mistake::PanicOnTheDesk, async |client, source, _| {
        assert!(tells_fault(client.unload(source).await));
    });
}

#[test]
fn a_node_whose_actors_rules_have_a_fault_stops_and_says_why() {
    embedded(Mistake::PanicInTheExit, async |client, _, actor| {
        assert!(tells_fault(client.exit_and_wait(actor, true).await));
    });
}

/// The rules of an outbox run in the middle of a guest's call, which ends less than the node where the engine fails.
#[test]
fn a_node_whose_rules_have_a_fault_in_a_guests_call_stops_and_says_why() {
    embedded(Mistake::PanicInTheOutbox, async |client, _, actor| {
        assert!(tells_fault(client.ask(actor, greeting(), None).await));
    });
}

/// The program, with a mistake to make.
struct Program {
    folder: Folder,
    child: Child,
}

impl Program {
    fn start(mistake: &str) -> Self {
        Self::start_in(Folder::new(), mistake)
    }

    fn start_in(folder: Folder, mistake: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_thespian-host-mistaken"));
        command.args(["run", "--json", "--authority", "trust-all", "--data-dir"]).arg(&folder.0);
        command.arg("--log-file").arg(folder.0.join("log"));
        command.env_clear().env("MISTAKE", mistake);
        let stderr = fs::File::create(folder.0.join("stderr")).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let ready: Value = serde_json::from_str(&ready).expect("it starts");
        assert_eq!(ready["event"], "ready");
        Self { folder, child }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.0.join(name)).unwrap()
    }

    /// Causes the fault; returns how long it took to end from there.
    fn fault(&mut self) -> Duration {
        let begun = in_time(async {
            let client = Client::connect(&self.folder.0.join(SOCKET_FILE), None).await.unwrap();
            let (source, actor) = hello(&client).await;
            let begun = Instant::now();
            // One of them has the fault; the others hear of it, or of the connection's end.
            let waits = client.listen(None);
            let cause = async {
                let _ = client.ask(actor, greeting(), None).await;
                drop((client.exit_and_wait(actor, true).await, client.unload(&source).await));
            };
            let (heard, ()) = tokio::join!(waits, cause);
            assert!(heard.is_err(), "{heard:?}");
            begun
        });
        let status = self.child.wait().unwrap();
        let took = begun.elapsed();
        assert_eq!(status.code(), Some(70), "{}", self.text("stderr"));
        took
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, but where a test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_program_whose_node_has_a_fault_says_so_and_ends_with_code_70() {
    for (mistake, said) in [
        (
            "PanicOnTheDesk",
            ["a fault of the host's own, on the desk, at ", "a mistake in the rules of the node"],
        ),
        (
            "PanicInTheExit",
            ["a fault of the host's own, in an activation of ", "a mistake in the rules of an actor"],
        ),
        (
            "PanicInTheOutbox",
            ["a fault of the host's own, in an activation of ", "a mistake in the rules of an outbox"],
        ),
    ] {
        let mut program = Program::start(mistake);
        let took = program.fault();
        assert!(took <= FAULT_TIME_MAX, "{took:?}");
        for name in ["stderr", "log"] {
            let text = program.text(name);
            assert!(said.iter().all(|said| text.contains(said)), "{name}: {text}");
        }
        assert!(
            program
                .text("stderr")
                .contains("error: the node ended without order, for a fault of the host's own")
        );
        assert!(!program.folder.0.join(SOCKET_FILE).exists(), "its socket looks like a node");
    }
}

/// Holds a thread of a process until that ends.
const HOLD: &str = r#"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p]
SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
pid = int(sys.argv[1])
if libc.ptrace(SEIZE, pid, None, None) or libc.ptrace(INTERRUPT, pid, None, None):
    sys.exit("may not")
os.waitpid(pid, WALL)
print("held", flush=True)
try:
    while True:
        os.waitpid(-1, WALL)
except ChildProcessError:
    pass
"#;

#[test]
fn a_program_whose_node_has_a_fault_ends_though_its_own_thread_is_stuck() {
    let mut program = Program::start("PanicOnTheDesk");
    let pid = program.child.id().to_string();
    let mut hold = Command::new("python3");
    hold.args(["-c", HOLD, &pid]).stdin(Stdio::null()).stdout(Stdio::piped());
    let Ok(mut holder) = hold.spawn() else {
        eprintln!("SKIPPED: there is no python3 here");
        return;
    };
    let mut held = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut held).unwrap();
    if held.is_empty() {
        eprintln!("SKIPPED: a process may not hold the threads of another here");
        return;
    }
    let took = program.fault();
    assert!(took <= FAULT_TIME_MAX, "{took:?}");
    let text = program.text("stderr");
    assert!(text.contains("error: the node ends without order, for a fault of the host's own"), "{text}");
    assert!(holder.wait().unwrap().success());
}
