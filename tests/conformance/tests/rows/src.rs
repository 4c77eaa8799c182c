//! Sources: loaded, judged, used, unloaded.

use serde_json::json;
use sha2::{Digest, Sha256};
use thespian_conformance::{Probe, World, load, message, poison, run, until};
use thespian_core::source::SourceHash;
use thespian_core::wire::control::{ControlError, LoadProgress, SourceState};
use thespian_host::client::{Client, ClientError};
use thespian_host::config::Authority;
use tokio::runtime::Handle;

pub(crate) fn hash_of(bytes: &[u8]) -> String {
    SourceHash(Sha256::digest(bytes).into()).to_string()
}

/// The probe with other words about itself: another source.
fn second_version() -> Vec<u8> {
    let mut bytes = thespian_guests::bytes(thespian_guests::PROBE);
    let words = b"it is version 1 of them";
    let at = bytes.windows(words.len()).position(|window| window == words).unwrap();
    bytes[at + 14] = b'2';
    bytes
}

fn node_error<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> ControlError {
    match outcome.unwrap_err() {
        ClientError::Node(error) => error,
        other => panic!("an answer of the node was expected, not {other}"),
    }
}

async fn why_refused(client: &Client, bytes: &[u8]) -> String {
    match node_error(client.load("test", bytes.to_vec(), |_| ()).await) {
        ControlError::SourceRefused { hash, reason } => {
            assert_eq!(hash.to_string(), hash_of(bytes));
            reason
        }
        other => panic!("a refusal was expected, not {other}"),
    }
}

#[test]
fn src_139_without_an_authority_nothing_loads_and_the_error_says_what_to_do() {
    run(async {
        let world = World::with(|config| config.authority = Authority::None).await;
        let client = world.client().await;
        let bytes = thespian_guests::bytes(thespian_guests::HELLO);
        let reason = why_refused(&client, &bytes).await;
        assert!(
            reason.contains("no Source Authority") && reason.contains("--authority trust-all"),
            "{reason}"
        );
        let error = node_error(client.create(&hash_of(&bytes), "Hello").await);
        assert!(matches!(error, ControlError::SourceRefused { .. }), "{error}");
        assert_eq!(client.status().await.unwrap().authority, "none");
    });
}

#[test]
fn src_140_an_approved_source_is_created_from_by_its_hash_and_answers() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let bytes = thespian_guests::bytes(thespian_guests::HELLO);
        let mut steps = Vec::new();
        let loaded = client.load("hello.wasm", bytes.clone(), |step| steps.push(step)).await.unwrap();
        assert_eq!(loaded.hash.to_string(), hash_of(&bytes));
        assert_eq!((&*loaded.info.name, loaded.already), ("hello", false));
        assert_eq!(loaded.info.classes[0].receives, ["Greet"]);
        assert!(steps.ends_with(&[LoadProgress::Judging, LoadProgress::Compiling]), "{steps:?}");
        let hello = client.create(&loaded.hash.to_string(), "Hello").await.unwrap();
        client.ask(hello, message("Greet", &json!({ "name": "Ada" })), None).await.unwrap();
        let sources = client.sources().await.unwrap();
        assert_eq!((&*sources[0].label, sources[0].size), ("hello.wasm", bytes.len() as u64));
        assert_eq!((&sources[0].state, sources[0].actors), (&SourceState::Loaded, 1));
    });
}

#[test]
fn src_141_a_hash_that_nobody_loaded_is_an_error_that_names_it() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        for hash in ["0123abc", &"f".repeat(64), "not a hash", ""] {
            let error = node_error(client.create(hash, "Hello").await);
            assert_eq!(error.to_string(), format!("no source has the hash `{hash}`; `load` it first"));
        }
        until(async || client.status().await.unwrap().actors == 0).await;
    });
}

#[test]
fn src_143_creates_that_wait_for_a_source_fail_when_it_is_refused() {
    run(async {
        let world = World::with(|config| config.limits.start_cpu_ms_max = 500).await;
        let client = world.client().await;
        let pending = Pending::load(&client).await;
        let hash = pending.hash.clone();
        let (created, reason) = tokio::join!(client.create(&hash, "Any"), pending.refused());
        assert!(reason.contains("CPU time"), "{reason}");
        let error = node_error(created);
        assert!(matches!(error, ControlError::SourceRefused { .. }), "{error}");
        until(async || client.status().await.unwrap().actors == 0).await;
    });
}

#[test]
fn src_147_a_bad_source_does_not_stand_in_the_way_of_a_good_one() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        assert!(why_refused(&client, b"no wasm at all").await.contains("not a WebAssembly component"));
        let probe = world.probe().await;
        assert!(probe.answers().await);
        let states: Vec<_> = client.sources().await.unwrap().into_iter().map(|source| source.state).collect();
        assert!(states.contains(&SourceState::Loaded));
        assert!(states.iter().any(|state| matches!(state, SourceState::Refused(_))));
    });
}

#[test]
fn src_148_loading_twice_is_one_load() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let bytes = thespian_guests::bytes(thespian_guests::PROBE);
        let again = probe.client.load("again", bytes.clone(), |_| ()).await.unwrap();
        assert!(again.already);
        assert_eq!(again.hash.to_string(), probe.report().await.source);
        let sources = probe.client.sources().await.unwrap();
        assert_eq!((sources.len(), sources[0].actors), (1, 1));
        // At the same time, from two connections, it is one load too.
        let (first, second) = (world.client().await, world.client().await);
        let other = second_version();
        let (one, two) =
            tokio::join!(first.load("a", other.clone(), |_| ()), second.load("b", other.clone(), |_| ()));
        assert_eq!(one.unwrap().hash, two.unwrap().hash);
        assert_eq!(probe.client.sources().await.unwrap().len(), 2);
    });
}

#[test]
fn src_149_actors_of_two_versions_run_side_by_side() {
    run(async {
        let world = World::new().await;
        let first = world.probe().await;
        let hash = first.client.load("2", second_version(), |_| ()).await.unwrap().hash.to_string();
        let second = first.at(first.client.create(&hash, "Probe").await.unwrap());
        let (one, two) = (first.report().await, second.report().await);
        assert!(one.version.contains("version 1") && two.version.contains("version 2"));
        assert_ne!(one.source, two.source);
    });
}

#[test]
fn src_151_a_child_is_of_its_creators_source_unless_it_says_otherwise() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let hash = probe.client.load("2", second_version(), |_| ()).await.unwrap().hash.to_string();
        let second = probe.at(probe.client.create(&hash, "Probe").await.unwrap());
        let child = second.child(json!({ "class": "Probe" })).await;
        assert_eq!(child.report().await.source, hash);
    });
}

#[test]
fn the_bytes_of_a_source_lie_on_disk_while_it_is_loaded() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let sources = world.shell.socket().with_file_name("sources");
        let names = || -> Vec<_> {
            let entries = std::fs::read_dir(&sources).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let bytes = thespian_guests::bytes(thespian_guests::HELLO);
        let hash = load(&client, thespian_guests::HELLO).await;
        // And what it was admitted with.
        let both = [hash.clone(), format!("{hash}.record")];
        assert_eq!(names(), both);
        assert_eq!(std::fs::read(sources.join(&hash)).unwrap(), bytes);
        // Not those of a source that is refused.
        why_refused(&client, b"not a component").await;
        assert_eq!(names(), both);
        client.unload(&hash).await.unwrap();
        until(async || names().is_empty()).await;
        assert_eq!(load(&client, thespian_guests::HELLO).await, hash);
        client.create(&hash, "Hello").await.unwrap();
        assert_eq!(names(), both);
    });
}

#[test]
fn src_152_after_an_unload_nothing_is_created_and_what_runs_goes_on() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let hash = probe.report().await.source;
        probe.client.unload(&hash[..10]).await.unwrap();
        let error = node_error(probe.client.create(&hash, "Probe").await);
        assert!(error.to_string().ends_with("was unloaded; `load` it again"), "{error}");
        assert!(probe.answers().await);
        // Also after a trap: the code is still there for those who use it.
        let back = poison(probe.ask(json!([{ "trap": { "reason": "ouch" } }])).await);
        assert!(back.details.contains("ouch"), "{}", back.details);
        assert!(probe.answers().await);
        probe.tell(json!([{ "create": { "class": "Probe" } }])).await;
        let report = probe.reports(|report| !report.exits.is_empty()).await;
        assert!(report.exits[0].1.contains("was unloaded"), "{:?}", report.exits);
        assert!(!load_again(&probe.client).await, "it is compiled, or taken from the cache, anew");
        assert!(Probe::create(&probe.client, "Probe").await.answers().await);
    });
}

async fn load_again(client: &Client) -> bool {
    let bytes = thespian_guests::bytes(thespian_guests::PROBE);
    client.load("again", bytes, |_| ()).await.unwrap().already
}

#[test]
fn src_162_actors_of_two_sources_exchange_messages() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let hash = load(&probe.client, thespian_guests::HELLO).await;
        let hello = probe.client.create(&hash, "Hello").await.unwrap().to_string();
        let greet = json!({ "to": hello, "type_name": "Greet", "payload": r#"{"name":"Ada"}"# });
        probe.tell(json!([{ "send": greet }])).await;
        // The answer is no message that a probe takes, so it goes back; a host that lost it would count nothing.
        until(async || probe.client.status().await.unwrap().poisoned == 1).await;
        let nonsense = json!({ "to": hello, "type_name": "Nonsense", "payload": "{}" });
        probe.tell(json!([{ "send": nonsense }])).await;
        let report = probe.reports(|report| !report.poisons.is_empty()).await;
        assert_eq!(report.poisons[0].details, "`Hello` takes no `Nonsense`; it takes `Greet`");
    });
}

#[test]
fn src_163_a_create_waits_for_a_source_that_is_being_loaded() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let bytes = thespian_guests::bytes(thespian_guests::PROBE);
        let hash = hash_of(&bytes);
        let (judging, judged) = tokio::sync::oneshot::channel();
        let mut judging = Some(judging);
        let load = client.load("probe", bytes, |step| {
            if step == LoadProgress::Judging {
                judging.take().unwrap().send(()).unwrap();
            }
        });
        let create = async {
            judged.await.unwrap();
            client.create(&hash, "Probe").await
        };
        let (loaded, created) = tokio::join!(load, create);
        loaded.unwrap();
        let probe = Probe { client: client.clone(), address: created.unwrap() };
        assert!(probe.answers().await);
    });
}

/// Long enough for what happens while a load is pending, on the busiest machine; it ends with the test's process.
const PENDING_CPU_MS: u64 = 5_000;

/// A load that does not end, because its source spins while it describes itself.
struct Pending {
    hash: String,
    load: tokio::task::JoinHandle<ControlError>,
}

impl Pending {
    /// Returns when the node works on it.
    async fn load(client: &Client) -> Self {
        let bytes = thespian_guests::bytes(thespian_guests::PENDING);
        let hash = hash_of(&bytes);
        let (compiling, reached) = tokio::sync::oneshot::channel();
        let mut compiling = Some(compiling);
        let client = client.clone();
        let load = Handle::current().spawn(async move {
            let loaded = client.load("pending", bytes, |step| {
                if step == LoadProgress::Compiling {
                    compiling.take().unwrap().send(()).unwrap();
                }
            });
            node_error(loaded.await)
        });
        if reached.await.is_err() {
            panic!("{}", load.await.unwrap());
        }
        Self { hash, load }
    }

    async fn refused(self) -> String {
        match self.load.await.unwrap() {
            ControlError::SourceRefused { reason, .. } => reason,
            other => panic!("a refusal was expected, not {other}"),
        }
    }
}

#[test]
fn an_unload_ends_a_load_and_the_creates_that_wait_for_it() {
    run(async {
        let world = World::with(|config| config.limits.start_cpu_ms_max = PENDING_CPU_MS).await;
        let client = world.client().await;
        let pending = Pending::load(&client).await;
        let unload = async {
            until(async || client.status().await.unwrap().actors == 1).await;
            client.unload(&pending.hash).await.unwrap();
        };
        let (created, ()) = tokio::join!(client.create(&pending.hash, "Any"), unload);
        assert!(matches!(node_error(created), ControlError::SourceUnloaded { .. }));
        assert!(matches!(pending.load.await.unwrap(), ControlError::SourceUnloaded { .. }));
    });
}

#[test]
fn ext_078_a_stop_ends_creates_that_wait() {
    run(async {
        let world = World::with(|config| config.limits.start_cpu_ms_max = PENDING_CPU_MS).await;
        let client = world.client().await;
        let pending = Pending::load(&client).await;
        let stop = async {
            until(async || client.status().await.unwrap().actors == 1).await;
            client.stop().await.unwrap();
        };
        let (created, ()) = tokio::join!(client.create(&pending.hash, "Any"), stop);
        let error = node_error(created);
        assert!(matches!(error, ControlError::ShuttingDown), "{error}");
        assert!(matches!(pending.load.await.unwrap(), ControlError::ShuttingDown));
        world.node.stopped().await;
    });
}

#[test]
fn what_is_no_actor_component_is_refused_by_what_is_wrong_with_it() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let module = wat::parse_str("(module)").unwrap();
        assert!(why_refused(&client, &module).await.contains("core module of WebAssembly; build it with"));
        let import = r#"(component (import "acme:rocket/launch@1.0.0" (instance)))"#;
        let unknown = why_refused(&client, &wat::parse_str(import).unwrap()).await;
        assert!(
            unknown.contains("imports what this host does not offer: acme:rocket/launch@1.0.0"),
            "{unknown}"
        );
        let empty = why_refused(&client, &wat::parse_str("(component)").unwrap()).await;
        assert!(empty.contains("does not export `thespian:actor/guest@0.1`"), "{empty}");
        let mut whole = thespian_guests::bytes(thespian_guests::HELLO);
        whole.truncate(whole.len() / 2);
        assert!(why_refused(&client, &whole).await.contains("not a WebAssembly component"));
        let error = node_error(client.load("big", vec![0; 33 << 20], |_| ()).await);
        assert!(matches!(&error, ControlError::Upload(_)), "{error}");
        assert!(error.to_string().contains("33554432 bytes, not 34603008"), "{error}");
        let error = node_error(client.load("nothing", Vec::new(), |_| ()).await);
        assert!(matches!(error, ControlError::Upload(_)), "{error}");
        assert!(client.sources().await.unwrap().iter().all(|source| source.state != SourceState::Loaded));
    });
}
