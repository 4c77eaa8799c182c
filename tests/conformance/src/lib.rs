//! A real node behind its real control socket, and the probes that do there what a test tells them.
#![expect(clippy::unwrap_used, reason = "for tests: what should not fail fails the test")]

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use thespian_core::address::ActorAddress;
use thespian_core::envelope::Poisoned;
use thespian_core::message::Message;
use thespian_core::source::Rights;
use thespian_core::wire::control::{CreateActor, Incoming};
use thespian_host::client::{Client, ClientError};
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::Node;
use thespian_host::shell::Shell;

/// Whatever a test waits for comes within this, on the slowest machine.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// How long to wait for what must not come. Only lengthens a test that passes.
pub const SILENCE: Duration = Duration::from_millis(300);

/// A directory that only this user can enter; gone with its value.
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new one. Its path is short, because a socket's path may not be long.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("thespian-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What can't be removed is in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A node and its control socket.
pub struct World {
    /// The node.
    pub node: Node,
    /// Its sockets.
    pub shell: Shell,
    _dir: TempDir,
}

impl World {
    /// A node that trusts every source.
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// A node that trusts every source, and whose configuration `change` changes.
    pub async fn with(change: impl FnOnce(&mut NodeConfig)) -> Self {
        let dir = TempDir::new();
        let mut config = trusting(dir.path());
        change(&mut config);
        let node = Node::start(config.clone()).unwrap();
        let shell = Shell::serve(&node, &config).await.unwrap();
        Self { node, shell, _dir: dir }
    }

    /// A connection of its own.
    pub async fn client(&self) -> Client {
        Client::connect(self.shell.socket(), None).await.unwrap()
    }

    /// A connection to an endpoint that outlives it.
    pub async fn client_at(&self, endpoint: &str) -> Client {
        Client::connect(self.shell.socket(), Some(endpoint)).await.unwrap()
    }

    /// A connection and a probe, created over it.
    pub async fn probe(&self) -> Probe {
        let client = self.client().await;
        Probe::create(&client, "Probe").await
    }

    /// A connection and a probe whose source has these rights from here on, whatever it had before.
    pub async fn probe_with(&self, rights: Rights) -> Probe {
        let client = self.client().await;
        let bytes = thespian_guests::bytes(thespian_guests::PROBE);
        let hash = client.load("probe", bytes.clone(), |_| ()).await.unwrap().hash.to_string();
        client.unload(&hash).await.unwrap();
        client.load_with("probe", bytes, rights, |_| ()).await.unwrap();
        let address = client.create(&hash, "Probe").await.unwrap();
        Probe { client, address }
    }
}

/// Live actors of a node: more than any row has.
const ACTORS_MAX: usize = 2_000;

/// The configuration of a node that trusts every source.
#[must_use]
pub fn trusting(data_dir: &Path) -> NodeConfig {
    NodeConfig {
        data_dir: Some(data_dir.to_path_buf()),
        authority: Authority::TrustAll,
        compiler: Some(thespian_guests::compiler()),
        // Nearly every test loads the probe, and to compile it each time would take most of their time together.
        cache_dir: Some(thespian_guests::code_dir()),
        // Several nodes of one process, each with all that one could have, would not fit its address space.
        actors_max: Some(ACTORS_MAX),
        ..NodeConfig::default()
    }
}

/// Runs a test under the one deadline.
///
/// # Panics
/// When the test takes longer.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    run_within(DEADLINE, test)
}

/// Runs a test under a deadline of its own.
///
/// # Panics
/// When the test takes longer.
pub fn run_within<T>(deadline: Duration, test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { tokio::time::timeout(deadline, test).await.expect("the test's deadline passed") })
}

/// Looks again and again until it holds.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::task::yield_now().await;
    }
}

/// Loads a component; returns its hash.
pub async fn load(client: &Client, path: &str) -> String {
    let bytes = thespian_guests::bytes(path);
    client.load(path, bytes, |_| ()).await.unwrap().hash.to_string()
}

/// What is to be created.
#[must_use]
pub fn class(source: &str, class: &str) -> CreateActor {
    CreateActor {
        source: source.to_string(),
        class: Some(class.to_string()),
        requirements: Vec::new(),
        init: None,
        on_trap: None,
        name: None,
    }
}

/// A message whose payload is `value` as JSON.
#[must_use]
pub fn message(type_name: &str, value: &Value) -> Message {
    Message::json(type_name, value.to_string())
}

/// Has a probe carry out steps: `do_steps(json!([{"say": {"to": "sender", "text": "hi"}}]))`.
#[must_use]
pub fn do_steps(steps: &Value) -> Message {
    message("Run", &json!({ "steps": steps }))
}

/// Words to be sent back.
#[must_use]
pub fn echo(text: &str) -> Message {
    message("Echo", &json!({ "text": text }))
}

/// The words in a `Said`.
///
/// # Panics
/// It is something else.
#[must_use]
pub fn said(incoming: Incoming) -> String {
    match incoming {
        Incoming::Message { message, .. } if &*message.type_name == "Said" => {
            let value: Value = serde_json::from_slice(&message.payload).unwrap();
            value["text"].as_str().unwrap().to_string()
        }
        other => panic!("words were expected, not {other:?}"),
    }
}

/// The message that came back.
///
/// # Panics
/// It is something else.
#[must_use]
pub fn poison(incoming: Incoming) -> Poisoned {
    match incoming {
        Incoming::Poisoned(poisoned) => poisoned,
        other => panic!("poison was expected, not {other:?}"),
    }
}

/// Who sent a message.
///
/// # Panics
/// It is something else.
#[must_use]
pub fn sender(incoming: &Incoming) -> ActorAddress {
    match incoming {
        Incoming::Message { sender, .. } => *sender,
        Incoming::Poisoned(poisoned) => panic!("a message was expected, not {poisoned:?}"),
    }
}

/// What a probe tells of itself.
pub type Report = probe_report::Report<ActorAddress>;

/// The report in a message.
///
/// # Panics
/// It is something else.
#[must_use]
pub fn report(incoming: Incoming) -> Report {
    match incoming {
        Incoming::Message { message, .. } if &*message.type_name == "Report" => {
            serde_json::from_slice(&message.payload).unwrap()
        }
        other => panic!("a report was expected, not {other:?}"),
    }
}

/// An actor that does as it is told, and the connection over which it is told.
#[derive(Clone)]
pub struct Probe {
    /// The connection.
    pub client: Client,
    /// The actor.
    pub address: ActorAddress,
}

impl Probe {
    /// One of a class of the probe's source, which is loaded.
    pub async fn create(client: &Client, class: &str) -> Self {
        let hash = load(client, thespian_guests::PROBE).await;
        let address = client.create(&hash, class).await.unwrap();
        Self { client: client.clone(), address }
    }

    /// The same for another actor.
    #[must_use]
    pub fn at(&self, address: ActorAddress) -> Self {
        Self { client: self.client.clone(), address }
    }

    /// Has it do something that ends in an answer.
    ///
    /// # Errors
    /// There is none.
    pub async fn try_ask(&self, steps: Value) -> Result<Incoming, ClientError> {
        self.client.ask(self.address, do_steps(&steps), Some(DEADLINE)).await
    }

    /// Has it do something that ends in an answer.
    pub async fn ask(&self, steps: Value) -> Incoming {
        self.try_ask(steps).await.unwrap()
    }

    /// Has it do something, and report.
    pub async fn after(&self, steps: Value) -> Report {
        let mut steps = steps;
        steps.as_array_mut().unwrap().push(json!({ "report": { "to": "origin" } }));
        report(self.ask(steps).await)
    }

    /// What it says of itself.
    pub async fn report(&self) -> Report {
        self.after(json!([])).await
    }

    /// Has it do something.
    pub async fn tell(&self, steps: Value) {
        self.client.tell(self.address, do_steps(&steps)).await.unwrap();
    }

    /// Has it create a child.
    pub async fn child(&self, create: Value) -> Self {
        let report = self.after(json!([{ "create": create }])).await;
        self.at(*report.children.last().unwrap())
    }

    /// What it answers to an `Echo`.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn try_echo(&self, text: &str) -> Result<Incoming, ClientError> {
        self.client.ask(self.address, echo(text), Some(DEADLINE)).await
    }

    /// Whether it answers.
    pub async fn answers(&self) -> bool {
        self.try_echo("are you there").await.is_ok_and(|answer| said(answer) == "are you there")
    }

    /// The next words that reach the connection's endpoint.
    pub async fn hear(&self) -> String {
        said(self.client.listen(Some(DEADLINE)).await.unwrap())
    }

    /// Waits until a report is as wished.
    pub async fn reports(&self, wished: impl Fn(&Report) -> bool) -> Report {
        loop {
            let report = self.report().await;
            if wished(&report) {
                return report;
            }
            tokio::task::yield_now().await;
        }
    }
}
