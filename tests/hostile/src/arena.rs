//! What all attacks have in common: a node, a bystander, a parent for the culprit, and the measuring before, during and
//! after.

use std::cell::Cell;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thespian_core::address::ActorAddress;
use thespian_core::limits::RUNAWAYS_MAX;
use thespian_core::message::Message;
use thespian_core::source::SourceHash;
use thespian_core::wire::control::{CreateActor, Incoming, NodeStatus};
use thespian_host::client::Client;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::Node;
use thespian_host::sandbox::{CompileControl, Engine, EngineConfig};
use tokio::time::MissedTickBehavior;

use crate::allocator;

/// By when everything that is waited for must have come: far beyond what it takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// How many times as long as in peace the bystander may wait.
const RATIO_MAX: u32 = 50;
/// What the bystander takes in peace is counted as at least this: below it a scheduler's whim is a large ratio.
const QUIET_MIN: Duration = Duration::from_millis(1);
/// What the slowest of a hundred asks may take, unless it takes long in peace already.
const SLOWEST_MAX: Duration = Duration::from_millis(250);
/// What may stay with the allocator after an attack, in bytes.
const MEMORY_SLACK: usize = 96 << 20;
/// What each actor that was ever live at one time may leave with the pool of instances and with the allocator, in
/// bytes: pages that its slot keeps for the next one, and its share of queues.
const MEMORY_PER_ACTOR: usize = 160 << 10;
/// Threads that a node has of its own: for input and output, one for each core, the epoch's, and those that compile and
/// stand in for others.
const THREADS_OWN: usize = 24;

/// How often the bystander is asked beside an attack: often enough that no pause is missed, and most of the machine is the
/// attack's.
const ASK_PERIOD: Duration = Duration::from_millis(1);

/// One attack at a time: they would disturb each other's measurements.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A node under attack.
pub(crate) struct Arena {
    pub(crate) node: Node,
    pub(crate) config: NodeConfig,
    pub(crate) client: Client,
    /// The hash of the hostile source.
    pub(crate) source: String,
    pub(crate) parent: ActorAddress,
    echo: ActorAddress,
    actors: u64,
    quiet: Latency,
    memory: usize,
    /// Actors that were live at one time, where they are many.
    crowd: Cell<usize>,
}

/// How long the bystander's asks took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    median: Duration,
    /// Of the slowest in a hundred.
    slowest: Duration,
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        Self { median: at(50), slowest: at(99) }
    }
}

/// A message that sets an attack off.
pub(crate) fn go(n: u64, text: &str) -> Message {
    Message::json("Go", json!({ "n": n, "text": text }).to_string())
}

/// What a class is to answer, as JSON; or why the message came back.
pub(crate) fn answer(incoming: Incoming) -> Result<Value, String> {
    match incoming {
        Incoming::Message { message, .. } => Ok(serde_json::from_slice(&message.payload).unwrap()),
        Incoming::Poisoned(poisoned) => Err(poisoned.details),
    }
}

/// Runs one attack on a node of its own, with everything at its default.
pub(crate) fn run(attack: impl AsyncFnOnce(&Arena)) {
    run_with(NodeConfig::default(), attack);
}

/// Runs an attack on a node that is then dropped, whatever its actors do.
pub(crate) fn run_and_drop(config: NodeConfig, attack: impl AsyncFnOnce(&Arena)) {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let arena = Arena::start(config).await;
        attack(&arena).await;
        drop(arena);
        // The engine's own thread among them: it ends with the last instance.
        until("the node's threads to end", async || threads() == 0).await;
    });
}

/// Runs one attack on a node of its own.
pub(crate) fn run_with(config: NodeConfig, attack: impl AsyncFnOnce(&Arena)) {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let arena = Arena::start(config).await;
        attack(&arena).await;
        arena.settle().await;
        let Arena { node, client, .. } = arena;
        drop(client);
        node.stop().await;
        drop(node);
        until("the node's threads to end", async || threads() == 0).await;
    });
}

/// Keeps other attacks away, and starts what lives as long as the process: the compiler's threads. They would take the
/// name of a node's thread if one of these started them.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static COMPILER: std::sync::Once = std::sync::Once::new();
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    COMPILER.call_once(|| {
        let engine = Engine::new(EngineConfig { actors_max: Some(8), ..EngineConfig::default() }).unwrap();
        let hello = thespian_guests::bytes(thespian_guests::HELLO);
        engine.compile(SourceHash([0; 32]), &hello, &CompileControl::default()).unwrap();
        assert_eq!(engine.live_instances(), 0);
    });
    alone
}

/// As many descriptors as the system lets us have.
pub(crate) fn raise_files() {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit { current: files.maximum, ..files };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, most).unwrap();
}

fn trusting(config: NodeConfig) -> NodeConfig {
    NodeConfig {
        authority: Authority::TrustAll,
        compiler: Some(thespian_guests::compiler()),
        cache_dir: config.cache_dir.or_else(|| Some(thespian_guests::code_dir())),
        ..config
    }
}

async fn load(client: &Client, path: &str) -> String {
    client.load(path, thespian_guests::bytes(path), |_| {}).await.unwrap().hash.to_string()
}

/// The bytes of the bystander's own source as those of another: with a section more, which means nothing.
pub(crate) async fn another_source(arena: &Arena) -> String {
    let mut bytes = thespian_guests::bytes(thespian_guests::HOSTILE);
    bytes.extend([0, 2, 1, b'x']);
    arena.client.load("another", bytes, |_| {}).await.unwrap().hash.to_string()
}

/// Waits until something holds that nobody tells us of.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while !holds().await {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        looks.tick().await;
    }
}

/// Waits for an event, but not for ever.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Threads of this process that belong to a node.
pub(crate) fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("thespian-") || name.starts_with("epoch")).count()
}

/// Memory of this process, in bytes.
pub(crate) fn memory() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

/// A private folder for one test, removed with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        // Short: the path of a Unix socket has 108 bytes at most.
        let path = std::env::temp_dir().join(format!("thespian-{:08x}", rand::random::<u32>()));
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _never_made = fs::remove_dir_all(&self.0);
    }
}

impl Arena {
    async fn start(config: NodeConfig) -> Self {
        let config = trusting(config);
        let node = Node::start(config.clone()).unwrap();
        let client = node.client();
        let source = load(&client, thespian_guests::HOSTILE).await;
        let echo = client.create(&source, "Echo").await.unwrap();
        let parent = client.create(&source, "Parent").await.unwrap();
        let actors = client.status().await.unwrap().actors;
        let mut arena = Self {
            node,
            config,
            client,
            source,
            parent,
            echo,
            actors,
            quiet: Latency { median: QUIET_MIN, slowest: SLOWEST_MAX },
            memory: 0,
            crowd: Cell::new(0),
        };
        let mut times = Vec::new();
        for _ in 0..200 {
            times.push(arena.ask_bystander().await);
        }
        arena.quiet = Latency::of(times);
        arena.memory = memory();
        arena
    }

    /// Loads another source; returns its hash.
    pub(crate) async fn load(&self, path: &str) -> String {
        load(&self.client, path).await
    }

    /// Asks the bystander once; says how long that took.
    pub(crate) async fn ask_bystander(&self) -> Duration {
        let asked = Instant::now();
        let answered = self.client.ask(self.echo, go(7, "quiet"), Some(DEADLINE)).await.unwrap();
        assert_eq!(answer(answered).unwrap()["n"], 7);
        asked.elapsed()
    }

    /// Runs an attack, and meanwhile asks the bystander again and again: it must not be held up.
    pub(crate) async fn beside<T>(&self, attack: impl Future<Output = T>) -> T {
        let mut attack = pin!(attack);
        let mut times = Vec::new();
        let mut outcome = None;
        let begun = Instant::now();
        let mut pace = tokio::time::interval(ASK_PERIOD);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ask = async || {
            pace.tick().await;
            self.ask_bystander().await
        };
        // At least a few asks, or a short attack would be measured by chance.
        while outcome.is_none() || times.len() < 20 {
            assert!(begun.elapsed() < 2 * DEADLINE, "the attack goes on and on");
            tokio::select! {
                biased;
                time = ask() => times.push(time),
                done = &mut attack, if outcome.is_none() => outcome = Some(done),
            }
        }
        self.check_latency(Latency::of(times));
        outcome.unwrap()
    }

    fn check_latency(&self, during: Latency) {
        let quiet = self.quiet;
        let median_max = RATIO_MAX * quiet.median.max(QUIET_MIN);
        let slowest_max = SLOWEST_MAX.max(RATIO_MAX * quiet.slowest);
        assert!(
            during.median <= median_max && during.slowest <= slowest_max,
            "the bystander was held up: {during:?} where {quiet:?} is usual"
        );
    }

    /// Has a child of the parent, whose end and restarts the parent then hears of.
    pub(crate) async fn raise(&self, class: &str, fragile: bool) -> ActorAddress {
        let raise = Message::json("Raise", json!({ "class": class, "fragile": fragile }).to_string());
        let raised = answer(self.client.ask(self.parent, raise, None).await.unwrap()).unwrap();
        raised["address"].as_str().unwrap().parse().unwrap()
    }

    /// An actor that nobody but this test knows.
    pub(crate) async fn create(&self, class: &str) -> ActorAddress {
        self.client.create(&self.source, class).await.unwrap()
    }

    /// Sets an attack off and waits for its outcome: the answer, or why the message came back.
    pub(crate) async fn attack(&self, culprit: ActorAddress, n: u64, text: &str) -> Result<Value, String> {
        let asked = self.client.ask(culprit, go(n, text), Some(DEADLINE)).await;
        answer(asked.unwrap_or_else(|error| panic!("{error}")))
    }

    /// What the parent was told since it was last asked.
    pub(crate) async fn told(&self) -> Told {
        let report = Message::json("Report", "{}");
        let told = answer(self.client.ask(self.parent, report, None).await.unwrap()).unwrap();
        let exits = told["exits"].as_array().unwrap().iter();
        let exits =
            exits.map(|exit| (exit[0].as_str().unwrap().to_owned(), exit[1].as_str().unwrap().to_owned()));
        Told { exits: exits.collect(), restarts: told["restarts"].as_u64().unwrap() }
    }

    /// Waits for the one notice of a child's end, and that no second one comes.
    pub(crate) async fn end_of(&self, child: ActorAddress) -> String {
        let child = child.to_string();
        let mut reasons = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        while reasons.is_empty() {
            assert!(Instant::now() < deadline, "the parent never heard of the end");
            let told = self.told().await;
            reasons.extend(told.exits.into_iter().filter(|(who, _)| *who == child).map(|(_, why)| why));
        }
        let later = self.told().await.exits.into_iter().filter(|(who, _)| *who == child).count();
        assert_eq!((reasons.len(), later), (1, 0), "an end is told once: {reasons:?}");
        reasons.remove(0)
    }

    /// So many actors will be live at one time.
    pub(crate) fn expect_crowd(&self, actors: usize) {
        self.crowd.set(actors);
    }

    pub(crate) async fn status(&self) -> NodeStatus {
        self.client.status().await.unwrap()
    }

    /// Everything hostile ends; then memory, threads and actors are back where they were.
    async fn settle(&self) {
        let keep = [self.echo, self.parent];
        for actor in self.client.actors().await.unwrap() {
            if !keep.contains(&actor.address) && actor.parent.is_none_or(|parent| keep.contains(&parent)) {
                // It may end by itself in this moment.
                let _gone = within("a kill", self.client.kill(actor.address)).await;
            }
        }
        until("the actors to be gone", async || self.status().await.actors == self.actors).await;
        until("the queues to be empty", async || self.status().await.queued_bytes <= 1 << 20).await;
        let most = self.memory + MEMORY_SLACK + self.crowd.get() * MEMORY_PER_ACTOR;
        let is_given_back = async || {
            allocator::give_back();
            memory() <= most
        };
        until("memory to be given back", is_given_back).await;
        let most = RUNAWAYS_MAX + THREADS_OWN;
        assert!(threads() <= most, "{} threads", threads());
        // The host still does what it is for.
        self.ask_bystander().await;
        let fresh = self.create("Echo").await;
        assert_eq!(self.attack(fresh, 3, "").await.unwrap()["n"], 3);
        self.client.kill(fresh).await.unwrap();
    }

    /// A create with this init, straight from outside.
    pub(crate) fn order(&self, class: &str) -> CreateActor {
        CreateActor {
            source: self.source.clone(),
            class: Some(class.to_owned()),
            requirements: Vec::new(),
            init: None,
            on_trap: None,
            name: None,
        }
    }
}

/// What the parent was told.
pub(crate) struct Told {
    pub(crate) exits: Vec<(String, String)>,
    pub(crate) restarts: u64,
}
