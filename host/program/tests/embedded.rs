//! A node within a program: one that is stuck, by a subscriber that never returns or threads that are held; and one that names
//! no compiler, or a wrong one. A process of its own, for a subscriber is one for a whole process.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use thespian_core::limits::{ActorLimits, SOURCE_WITHIN_BYTES_MAX};
use thespian_core::message::Message;
use thespian_core::wire::control::Incoming;
use thespian_host::client::Client;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::Node;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Generous: it ends a test that would hang, and measures nothing.
const DEADLINE: Duration = Duration::from_secs(120);

/// Takes one event, and never another.
struct Stuck;

impl Subscriber for Stuck {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // Those of the node alone: libraries tell theirs where they are.
        while ["node", "actor"].contains(&event.metadata().target()) {
            std::thread::park();
        }
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn config() -> NodeConfig {
    NodeConfig {
        authority: Authority::TrustAll,
        compiler: Some(env!("CARGO_BIN_EXE_thespian-host").into()),
        cache_dir: Some(thespian_guests::code_dir()),
        ..NodeConfig::default()
    }
}

/// Runs on a thread of its own, so that a test that hangs fails.
fn in_time(what: impl AsyncFnOnce() + Send + 'static) {
    let (done, is_done) = sync_channel(1);
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what());
        done.send(()).unwrap();
    });
    is_done.recv_timeout(DEADLINE).expect("it is done in time, and without a panic");
}

async fn create(client: &Client, component: &str, class: &str) -> thespian_core::address::ActorAddress {
    let source = client.load("component", thespian_guests::bytes(component), |_| {}).await.unwrap();
    client.create(&source.hash.to_string(), class).await.unwrap()
}

#[test]
fn nobody_waits_for_a_subscriber_that_never_returns() {
    tracing::subscriber::set_global_default(Stuck).unwrap();
    in_time(async || {
        let path = std::env::temp_dir().join(format!("thespian-embedded-{}.log", std::process::id()));
        let node = Node::start(NodeConfig { log_file: Some(path.clone()), ..config() }).unwrap();
        let client = node.client();
        let hello = create(&client, thespian_guests::HELLO, "Hello").await;
        let mut lost = 0;
        while lost == 0 {
            for _ in 0..500 {
                let nonsense = Message::json(&"N".repeat(200), "1");
                let back = client.ask(hello, nonsense, Some(DEADLINE)).await.unwrap();
                assert!(matches!(back, Incoming::Poisoned(_)), "{back:?}");
            }
            let status = client.status().await.unwrap();
            let tracing = status.log_outlets.iter().find(|outlet| outlet.name == "tracing").unwrap();
            lost = tracing.lost;
            assert_eq!(status.log_file.unwrap().lost, 0, "and the file gets all of it");
        }
        let greet = Message::json("Greet", r#"{"name":"you"}"#);
        let answer = client.ask(hello, greet, Some(DEADLINE)).await.unwrap();
        assert!(matches!(answer, Incoming::Message { .. }), "{answer:?}");
        create(&client, thespian_guests::HELLO, "Hello").await;
        assert!(node.stop().await, "it stops in order");
        drop(node);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().last().unwrap().contains("\"stopped\""), "{text}");
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_node_that_can_not_stop_in_order_says_so_to_its_program_and_goes() {
    in_time(async || {
        // What never ends of itself, and nobody who would end it: the threads that hear of the time are held.
        let limits =
            ActorLimits { turn_cpu_ms_max: 3_600_000, turn_wall_ms_max: 3_600_000, ..ActorLimits::default() };
        let node = Node::start(NodeConfig { limits, ..config() }).unwrap();
        let client = node.client();
        let probe = create(&client, thespian_guests::PROBE, "Probe").await;
        let spin = Message::json("Run", r#"{"steps":[{"log":{"text":"spins"}},"spin"],"origin":null}"#);
        client.tell(probe, spin).await.unwrap();
        let (held, is_held) = sync_channel(2);
        let mut release = Vec::new();
        for _ in 0..2 {
            let held = held.clone();
            let (go, goes) = sync_channel::<()>(0);
            release.push(go);
            node.runtime().spawn(async move {
                held.send(()).unwrap();
                let _ = goes.recv();
            });
        }
        for _ in 0..2 {
            is_held.recv_timeout(DEADLINE).unwrap();
        }
        assert!(!node.stop().await, "nobody was there to end the actor");
        drop(node);
        // Here the program goes on. Its actor does too, for as long as its own limits let it.
        drop(release);
    });
}

#[test]
fn a_node_without_a_compiler_takes_small_sources_and_says_so() {
    in_time(async || {
        let node = Node::start(NodeConfig { compiler: None, cache_dir: None, ..config() }).unwrap();
        let client = node.client();
        assert_eq!(client.status().await.unwrap().compiler.program, None);
        let mut logged = Vec::new();
        client.logs(None, None, false, |record| logged.push(record.text)).await.unwrap();
        let warned = logged.iter().any(|text| text.contains("nothing bounds what the compiler takes"));
        assert!(warned, "{logged:?}");
        create(&client, thespian_guests::HELLO, "Hello").await;
        // A section more that says nothing, of a length in three bytes.
        let padding = vec![0; SOURCE_WITHIN_BYTES_MAX];
        let len = u32::try_from(padding.len() + 1).unwrap();
        let len = [len as u8 | 0x80, (len >> 7) as u8 | 0x80, (len >> 14) as u8 | 0x80, (len >> 21) as u8];
        let big = [&thespian_guests::bytes(thespian_guests::HELLO)[..], &[0], &len, &[0], &padding].concat();
        let why = client.load("big", big, |_| {}).await.unwrap_err().to_string();
        assert!(why.contains("takes at most 8388608 since it compiles in its own process"), "{why}");
        node.stop().await;
    });
}

#[test]
fn a_program_that_is_no_compiler_is_refused_at_the_start_with_what_it_should_be() {
    for (program, because) in [
        ("/bin/true", "it does not answer as a compiler does"),
        ("/no/such/program", "No such file or directory"),
    ] {
        let Err(error) = Node::start(NodeConfig { compiler: Some(program.into()), ..config() }) else {
            panic!("it starts with {program}");
        };
        let why = error.to_string();
        assert!(why.starts_with(&format!("{program} can't be the compiler of this node: ")), "{why}");
        assert!(why.contains(because), "{why}");
    }
}
