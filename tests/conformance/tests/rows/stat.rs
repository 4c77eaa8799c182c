//! What a node says of itself and of its actors, and what it writes down.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use thespian_conformance::{Probe, TempDir, World, class, load, poison, run, until};
use thespian_core::capability::Value as Capability;
use thespian_core::limits::ACTORS_PAGE_LEN_MAX;
use thespian_core::log_level::LogLevel;
use thespian_core::wire::control::{
    ActorFilter, ActorPhase, ActorStatus, ControlError, CreateActor, LogRecord, LogScope, NameStatus,
    SourceState, UseStatus,
};
use thespian_host::client::{Client, ClientError};
use thespian_host::config::NodeConfig;
use thespian_host::node::Node;

async fn status(probe: &Probe) -> ActorStatus {
    probe.client.actor(probe.address).await.unwrap().actor
}

/// A child that answers. The node hears of it a little later than the turn answers that asked for it.
async fn child(probe: &Probe) -> Probe {
    let child = probe.child(json!({ "class": "Probe" })).await;
    assert!(child.answers().await);
    child
}

async fn records(probe: &Probe) -> Vec<LogRecord> {
    let mut kept = Vec::new();
    probe.client.logs(Some(probe.address), None, false, |record| kept.push(record)).await.unwrap();
    kept
}

async fn texts(probe: &Probe) -> Vec<String> {
    records(probe).await.into_iter().map(|record| record.text).collect()
}

/// The records in a log file.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The last line may be on its way.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn has(lines: &[Value], text: &str) -> usize {
    lines.iter().filter(|line| line["text"] == text).count()
}

/// A folder, and a node that writes its log into it.
async fn logging(bytes_max: u64) -> (TempDir, World) {
    let folder = TempDir::new();
    fs::create_dir(folder.path()).unwrap();
    let path = folder.path().join("node.log");
    let world = World::with(|config| {
        config.log_file = Some(path);
        config.log_file_bytes_max = Some(bytes_max);
        config.limits.log_records_per_second_max = 1_000_000;
    });
    (folder, world.await)
}

#[test]
fn stat_223_status_tells_of_an_actor_without_calling_it() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe.report().await;
        // Shown when the activation is over, which is a little after its answer.
        until(async || status(&probe).await.turns == 1).await;
        for _ in 0..3 {
            let report = probe.client.actor(probe.address).await.unwrap();
            assert_eq!(report.children, []);
            let actor = report.actor;
            assert_eq!((actor.address, &*actor.class, actor.turns), (probe.address, "Probe", 1));
            assert_eq!((actor.mailbox_len, actor.wakeups, actor.incarnation), (0, 0, 1));
            assert_eq!((actor.children, actor.parent, actor.is_orphan), (0, None, false));
            assert_eq!((actor.sent, actor.undelivered, actor.poisoned), (1, 0, 0));
            assert_eq!((actor.phase, actor.waits), (ActorPhase::Running, None));
            assert!(actor.busy_us > 0 && actor.memory_bytes >= 1 << 16);
        }
        let hash = load(&probe.client, thespian_guests::PROBE).await;
        assert_eq!(status(&probe).await.source.to_string(), hash);
        let nobody = "0000000000001-00000000000000000000000001".parse().unwrap();
        let error = probe.client.actor(nobody).await.unwrap_err();
        assert!(matches!(error, ClientError::Node(ControlError::TargetDead { .. })), "{error}");
    });
}

#[test]
fn the_age_of_what_waits_counts_from_before_the_turn_that_it_waits_for() {
    run(async {
        let world = World::with(|config| config.limits.turn_cpu_ms_max = 600_000).await;
        let probe = world.probe().await;
        until(async || status(&probe).await.phase == ActorPhase::Running).await;
        let actor = status(&probe).await;
        assert_eq!((actor.in_turn_ms, actor.oldest_ms), (None, None), "it is idle");
        for steps in [json!(["spin"]), json!([]), json!([])] {
            probe.tell(steps).await;
        }
        until(async || status(&probe).await.in_turn_ms > Some(100)).await;
        let actor = status(&probe).await;
        assert!(actor.oldest_ms >= actor.in_turn_ms, "{actor:?}");
        assert_eq!(actor.mailbox_len, 2, "those behind the one that it handles");
        let node = probe.client.status().await.unwrap();
        assert_eq!((node.runaways, node.long_turns[0].actor), (1, probe.address));
        assert_eq!((&*node.long_turns[0].class, node.long_turns.len()), ("Probe", 1));
        probe.client.kill(probe.address).await.unwrap();
        let node = probe.client.status().await.unwrap();
        assert_eq!((node.runaways, node.long_turns), (0, Vec::new()));
    });
}

#[test]
fn status_remembers_how_the_last_actors_ended() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let child = child(&probe).await;
        probe.client.exit_and_wait(child.address, true).await.unwrap();
        let error = probe.client.actor(child.address).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Node(ControlError::TargetDead { .. })),
            "its parent heard: {error}"
        );
        probe.client.kill(probe.address).await.unwrap();
        let error = probe.client.actor(probe.address).await.unwrap_err();
        let ClientError::Node(ControlError::ActorEnded { target, class, reason }) = error else {
            panic!("it is remembered, and not {error}")
        };
        assert_eq!((target, &*class), (probe.address, "Probe"));
        assert_eq!(reason.to_string(), "killed: by an operator");
    });
}

#[test]
fn stat_224_status_lists_the_children_that_live() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let (first, second) = (child(&probe).await, child(&probe).await);
        let grandchild = child(&first).await;
        let children = async |of: &Probe| {
            let report = of.client.actor(of.address).await.unwrap();
            assert_eq!(report.actor.children, report.children.len() as u64);
            assert!(report.children.iter().all(|child| child.parent == Some(of.address)));
            report.children.iter().map(|child| child.address).collect::<Vec<_>>()
        };
        let mut both = vec![first.address, second.address];
        both.sort_unstable();
        assert_eq!(children(&probe).await, both);
        assert_eq!(children(&first).await, [grandchild.address]);
        probe.client.kill(second.address).await.unwrap();
        assert_eq!(children(&probe).await, [first.address]);
        // It leaves its own child behind, which is then nobody's.
        probe.client.exit_and_wait(first.address, false).await.unwrap();
        assert_eq!(children(&probe).await, []);
        let left = status(&grandchild).await;
        assert_eq!((left.parent, left.is_orphan), (None, true));
        let node = probe.client.status().await.unwrap();
        assert_eq!((node.orphans, node.first_orphans), (1, vec![grandchild.address]));
    });
}

#[test]
fn a_list_of_actors_comes_in_pages_in_order_of_address() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::PROBE).await;
        let mut created = Vec::new();
        for _ in 0..=ACTORS_PAGE_LEN_MAX {
            created.push(client.create(&hash, "Probe").await.unwrap());
        }
        created.sort_unstable();
        let addresses = |actors: &[ActorStatus]| actors.iter().map(|actor| actor.address).collect::<Vec<_>>();
        let all = ActorFilter::default();
        let page = client.actor_page(None, &all).await.unwrap();
        let (first, rest) = created.split_at(ACTORS_PAGE_LEN_MAX);
        assert_eq!((&*addresses(&page.actors), page.more_after), (first, first.last().copied()));
        // That it is gone meanwhile does not matter: the next page begins behind its address.
        client.kill(*first.last().unwrap()).await.unwrap();
        let page = client.actor_page(page.more_after, &all).await.unwrap();
        assert_eq!((&*addresses(&page.actors), page.more_after), (rest, None));
        let left: Vec<_> = created.iter().copied().filter(|actor| Some(actor) != first.last()).collect();
        assert_eq!(addresses(&client.actors().await.unwrap()), left);
        // As many as a page holds are looked at, whatever passes: behind an empty page others may come.
        client.create(&hash, "Probe").await.unwrap();
        let none = ActorFilter { class: Some("Nobody".to_string()), ..all };
        let page = client.actor_page(None, &none).await.unwrap();
        assert!(page.actors.is_empty() && page.more_after.is_some());
        assert_eq!(client.actors_with(&none).await.unwrap(), []);
    });
}

#[test]
fn a_list_of_actors_has_those_that_a_filter_lets_pass() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let client = &probe.client;
        let hash = status(&probe).await.source.to_string();
        let create = CreateActor { name: Some("lead".to_string()), ..class(&hash, "Probe") };
        let (lead, _) = client.create_with(create).await.unwrap();
        let other = load(client, thespian_guests::HELLO).await;
        let hello = client.create(&other, "Hello").await.unwrap();
        let all = ActorFilter::default();
        let listed = async |filter: ActorFilter| {
            let actors = client.actors_with(&filter).await.unwrap();
            actors.into_iter().map(|actor| actor.address).collect::<Vec<_>>()
        };
        let mut probes = vec![probe.address, lead];
        probes.sort_unstable();
        let text = |text: &str| Some(text.to_string());
        assert_eq!(listed(ActorFilter { class: text("Probe"), ..all.clone() }).await, probes);
        assert_eq!(listed(ActorFilter { source: text(&other[..12]), ..all.clone() }).await, [hello]);
        assert_eq!(listed(ActorFilter { name: text("lead"), ..all.clone() }).await, [lead]);
        assert_eq!(listed(ActorFilter { phase: Some(ActorPhase::Paused), ..all.clone() }).await, []);
        let lead_that_runs = ActorFilter {
            class: text("Probe"),
            source: text(&hash),
            phase: Some(ActorPhase::Running),
            name: text("lead"),
        };
        assert_eq!(listed(lead_that_runs).await, [lead]);
        assert_eq!(listed(ActorFilter { class: text("Hello"), name: text("lead"), ..all.clone() }).await, []);
        let unknown = client.actors_with(&ActorFilter { source: text("00"), ..all }).await;
        assert!(matches!(unknown, Err(ClientError::Node(ControlError::UnknownSource { .. }))), "{unknown:?}");
    });
}

#[test]
fn stat_226b_the_status_of_a_node_names_its_sources_and_its_global_names() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::PROBE).await;
        let refused = client.load("odd.wasm", &b"no component"[..], |_| ()).await;
        assert!(refused.is_err());
        let create = CreateActor { name: Some("lead".to_string()), ..class(&hash, "Probe") };
        let (address, _) = client.create_with(create).await.unwrap();
        let status = client.status().await.unwrap();
        assert_eq!((status.sources_loaded, status.sources_known), (1, 2));
        let state = |label: &str| {
            status
                .first_sources
                .iter()
                .find(|source| source.label == label)
                .map(|source| source.state.clone())
        };
        assert!(matches!(state("odd.wasm"), Some(SourceState::Refused(_))));
        assert!(status.first_sources.iter().any(|source| source.state == SourceState::Loaded));
        assert_eq!(status.names, 1);
        assert_eq!(status.first_names, [NameStatus { name: "lead".to_string(), address }]);
        client.kill(address).await.unwrap();
        let status = client.status().await.unwrap();
        assert_eq!((status.names, status.first_names), (0, vec![]), "its end frees the name");
    });
}

#[test]
fn stat_226_the_status_of_a_node_has_what_it_has_and_what_it_did() {
    run(async {
        let world = World::with(|config| {
            config.capabilities.insert("gpu".to_string(), Capability::Boolean(true));
            config.actor_log_level = LogLevel::Warn;
            config.guest_threads = Some(3);
            config.limits.mailbox_len_max = 77;
        });
        let world = world.await;
        let probe = world.probe().await;
        let child = child(&probe).await;
        probe.client.kill(child.address).await.unwrap();
        probe.after(json!([{ "say": { "to": "child", "text": "are you there" } }])).await;
        until(async || probe.client.status().await.unwrap().dead_letters == 1).await;
        until(async || status(&probe).await.undelivered == 1).await;
        let status = probe.client.status().await.unwrap();
        assert_eq!(status.capabilities["gpu"], Capability::Boolean(true));
        assert_eq!((&*status.authority, status.sources_loaded, status.actors), ("trust-all", 1, 1));
        assert_eq!((status.guest_threads, status.limits.mailbox_len_max), (3, 77));
        assert_eq!((status.log_level, status.log_file, status.endpoints), (LogLevel::Warn, None, 1));
        let letter = &status.recent_dead_letters[0];
        assert_eq!(
            (letter.sender, letter.target, &*letter.type_name),
            (probe.address, child.address, "Said")
        );
        probe.client.kill(probe.address).await.unwrap();
        until(async || !probe.client.status().await.unwrap().recent_ended.is_empty()).await;
        assert_eq!(probe.client.status().await.unwrap().recent_ended[0].address, probe.address);
    });
}

#[test]
fn stat_228_a_record_appears_once_with_the_address_of_its_actor() {
    run(async {
        let (folder, world) = logging(1 << 20).await;
        let file = folder.path().join("node.log");
        let probe = world.probe().await;
        probe.after(json!([{ "log": { "text": "once" } }])).await;
        let records = records(&probe).await;
        assert_eq!(records.len(), 1);
        assert_eq!((records[0].actor, &*records[0].text), (Some(probe.address), "once"));
        until(async || has(&lines(&file), "once") == 1).await;
        let logged = lines(&file);
        let line = logged.iter().find(|line| line["text"] == "once").unwrap();
        assert_eq!(line["actor"], probe.address.to_string());
        assert_eq!(line["seq"], records[0].seq);
        assert!(logged[0]["text"].as_str().unwrap().contains("runs as host"), "{}", logged[0]);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // The end is in it when the stop has returned.
        world.node.stop().await;
        assert_eq!(lines(&file).last().unwrap()["text"], "stopped");
        assert_eq!(has(&lines(&file), "once"), 1);
    });
}

#[test]
fn stat_230_what_the_log_file_lacks_is_counted_and_said_and_later_records_appear() {
    run(async {
        let (folder, world) = logging(1 << 16).await;
        let (file, old) = (folder.path().join("node.log"), folder.path().join("node.log.old"));
        // The full file can't be put aside, since the place is taken by a folder that is not empty.
        fs::create_dir(&old).unwrap();
        fs::write(old.join("something"), "").unwrap();
        let probe = world.probe().await;
        let lost = async || probe.client.status().await.unwrap().log_file.unwrap().lost;
        let log = json!([{ "log": { "text": "x".repeat(4_000) } }]);
        for _ in 0..20 {
            probe.after(log.clone()).await;
        }
        until(async || lost().await > 0).await;
        assert!(fs::metadata(&file).unwrap().len() <= 1 << 16);
        assert!(probe.answers().await, "only the file suffers");
        fs::remove_dir_all(&old).unwrap();
        // As long as those that did not fit.
        let later = "y".repeat(4_000);
        probe.after(json!([{ "log": { "text": later } }])).await;
        until(async || has(&lines(&file), &later) == 1).await;
        assert!(!lines(&old).is_empty(), "the full one was put aside");
        // A short record, and before it the word of what is missing, may still have found room in the old one.
        let logged: Vec<_> = lines(&old).into_iter().chain(lines(&file)).collect();
        let texts = logged
            .iter()
            .filter(|line| line["target"] == "log file")
            .map(|line| line["text"].as_str().unwrap());
        let said: u64 = texts
            .filter_map(|text| text.split_once(" records are missing here")?.0.parse::<u64>().ok())
            .sum();
        assert_eq!(said, lost().await, "{logged:?}");
    });
}

#[test]
fn a_log_file_keeps_one_old_one_and_both_are_bounded() {
    run(async {
        let (folder, world) = logging(1 << 16).await;
        let (file, old) = (folder.path().join("node.log"), folder.path().join("node.log.old"));
        let probe = world.probe().await;
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        for number in 0..60 {
            let text = format!("{number:04} {}", "x".repeat(4_000));
            probe.after(json!([{ "log": { "text": text } }])).await;
        }
        probe.client.kill(probe.address).await.unwrap();
        world.node.stop().await;
        assert!(size(&file) <= 1 << 16 && size(&old) <= 1 << 16);
        let both: Vec<Value> = lines(&old).into_iter().chain(lines(&file)).collect();
        let numbers: Vec<_> =
            both.iter().filter_map(|line| line["text"].as_str()?.get(..4)?.parse::<u32>().ok()).collect();
        let last: Vec<u32> = (60 - numbers.len() as u32..60).collect();
        assert_eq!(numbers, last, "the newest, without a gap");
        assert_eq!(fs::metadata(&old).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    });
}

#[test]
fn a_node_whose_log_file_can_not_be_written_does_not_start_and_says_why() {
    let folder = TempDir::new();
    fs::create_dir(folder.path()).unwrap();
    let path = folder.path().join("node.log");
    let start =
        |path: &Path| Node::start(NodeConfig { log_file: Some(path.to_path_buf()), ..NodeConfig::default() });
    let error = |path: &Path| start(path).err().map(|error| error.to_string()).unwrap_or_default();
    let first = start(&path).unwrap();
    assert!(error(&path).contains("another node writes it"));
    drop(first);
    std::os::unix::fs::symlink("elsewhere", folder.path().join("link")).unwrap();
    for wrong in [
        folder.path().to_path_buf(),
        folder.path().join("no/such/folder"),
        "/dev/full".into(),
        folder.path().join("link"),
    ] {
        let text = error(&wrong);
        assert!(text.starts_with("the log file ") && text.contains(wrong.to_str().unwrap()), "{text}");
    }
    assert!(!folder.path().join("elsewhere").exists());
    let small = NodeConfig { log_file_bytes_max: Some(1), ..NodeConfig::default() };
    assert!(Node::start(small).err().unwrap().to_string().contains("at least 65536"));
}

#[test]
fn a_log_level_holds_at_once_for_those_that_run_and_those_that_come() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let other = Probe::create(&probe.client, "Probe").await;
        let hash = load(&probe.client, thespian_guests::PROBE).await;
        let both = async |probe: &Probe| {
            let steps = json!([{ "debug": { "text": "debug" } }, { "log": { "text": "info" } }]);
            let before = texts(probe).await.len();
            probe.after(steps).await;
            texts(probe).await[before..].join(" ")
        };
        let set = async |client: &Client, scope, level| client.set_log_level(scope, level).await.unwrap();
        assert_eq!(both(&probe).await, "info", "what an actor writes by default");
        let levels = set(&probe.client, LogScope::Actor(probe.address), Some(LogLevel::Debug)).await;
        assert_eq!((levels.node, levels.actors[0].actor), (LogLevel::Info, probe.address));
        assert_eq!((&*both(&probe).await, &*both(&other).await), ("debug info", "info"));
        set(&probe.client, LogScope::Source(hash[..8].to_string()), Some(LogLevel::Off)).await;
        assert_eq!((&*both(&probe).await, &*both(&other).await), ("debug info", ""));
        let third = Probe::create(&probe.client, "Probe").await;
        assert_eq!(both(&third).await, "");
        assert_eq!(status(&third).await.log_level, LogLevel::Off);
        set(&probe.client, LogScope::Source(hash.clone()), None).await;
        set(&probe.client, LogScope::Node, Some(LogLevel::Trace)).await;
        assert_eq!((&*both(&other).await, &*both(&third).await), ("debug info", "debug info"));
        set(&probe.client, LogScope::Node, None).await;
        set(&probe.client, LogScope::Actor(probe.address), None).await;
        assert_eq!((&*both(&probe).await, &*both(&third).await), ("info", "info"));
        assert_eq!(probe.client.log_levels().await.unwrap().actors, []);
        // What the node says of an actor is not the actor's to switch off.
        set(&probe.client, LogScope::Node, Some(LogLevel::Off)).await;
        let answer = probe.try_ask(json!([{ "fail": { "reason": "no" } }])).await.unwrap();
        assert_eq!(poison(answer).details, "no (attempt 2)");
        until(async || texts(&probe).await.last().is_some_and(|text| text.contains("no"))).await;
    });
}

#[test]
fn records_beyond_the_rate_are_counted_and_said() {
    run(async {
        let world = World::with(|config| config.limits.log_records_per_second_max = 3).await;
        let probe = world.probe().await;
        let flood: Value = (0..50).map(|_| json!({ "log": { "text": "flood" } })).collect();
        probe.after(flood).await;
        let kept = texts(&probe).await;
        assert_eq!(kept.iter().filter(|text| *text == "flood").count(), 3, "{kept:?}");
        // The first record of another second says what is missing before it.
        until(async || {
            probe.after(json!([{ "log": { "text": "later" } }])).await;
            texts(&probe).await.iter().any(|text| text.starts_with("suppressed "))
        })
        .await;
        let records = records(&probe).await;
        let said = records.iter().find(|record| record.text.starts_with("suppressed ")).unwrap();
        let count: u64 = said.text.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(count >= 47 && said.level == "WARN" && said.target == "host", "{said:?}");
    });
}

#[test]
fn status_says_why_an_actor_is_held_and_for_how_long() {
    run(async {
        let world = World::with(|config| {
            config.limits.mailbox_len_max = 2;
            config.limits.turn_cpu_ms_max = 60_000;
            config.limits.turn_wall_ms_max = 60_000;
        });
        let world = world.await;
        let probe = world.probe().await;
        let child = child(&probe).await;
        child.tell(json!(["spin"])).await;
        until(async || status(&child).await.mailbox_len == 0).await;
        probe.tell(json!([{ "count": { "to": "child", "first": 0, "len": 9 } }])).await;
        until(async || status(&probe).await.waits.is_some()).await;
        let held = status(&probe).await;
        let wait = held.waits.unwrap();
        assert_eq!((held.phase, wait.receivers), (ActorPhase::Held, vec![child.address]));
        assert!(wait.left_ms <= 5_000 && wait.why.contains("full"), "{}", wait.why);
        probe.client.kill(child.address).await.unwrap();
        until(async || status(&probe).await.waits.is_none()).await;
    });
}

#[test]
fn the_log_has_the_status_when_it_is_asked_for() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        world.node.log_status().await;
        let mut lines = Vec::new();
        until(async || {
            lines.clear();
            let take = |record: LogRecord| {
                if record.target == "status" {
                    lines.push(record.text);
                }
            };
            probe.client.logs(None, None, false, take).await.unwrap();
            lines.len() == 3
        })
        .await;
        assert!(lines[0].contains("1 actors of at most"), "{lines:?}");
        assert!(lines[2].starts_with(&format!("{} Probe ", probe.address)), "{lines:?}");
    });
}

#[test]
fn a_source_shows_what_its_actors_have_and_one_kill_ends_them_all() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let (probe, hello) =
            (load(&client, thespian_guests::PROBE).await, load(&client, thespian_guests::HELLO).await);
        let uses = async |source: &str| {
            let sources = client.sources().await.unwrap();
            sources.into_iter().find(|known| known.hash.to_string() == source).unwrap().uses
        };
        let code = uses(&probe).await.memory_bytes;
        assert_eq!(
            uses(&probe).await,
            UseStatus { memory_bytes: code, memory_bytes_most: code, ..UseStatus::default() }
        );
        assert!(code > 64 << 10, "it has its code");
        for _ in 0..3 {
            client.create(&probe, "Probe").await.unwrap();
        }
        let other = client.create(&hello, "Hello").await.unwrap();
        until(async || uses(&probe).await.cpu_us > 0).await;
        let three = uses(&probe).await;
        assert_eq!((three.places, three.places_most, three.refusals), (3, 3, 0));
        let one = uses(&hello).await.memory_bytes;
        assert!(one > 64 << 10 && three.memory_bytes > code + 3 * (64 << 10));
        let status = client.status().await.unwrap();
        assert!(
            status.memory.bytes >= one + three.memory_bytes && status.memory.bytes < status.memory.bytes_max
        );
        let parts: u64 = status.memory.parts.iter().map(|part| part.bytes).sum();
        assert_eq!(parts, status.memory.bytes);
        assert_eq!(client.kill_source(&probe[..8]).await.unwrap(), 3);
        until(async || client.status().await.unwrap().actors == 1).await;
        let none = uses(&probe).await;
        assert_eq!((none.places, none.memory_bytes, none.places_most), (0, code, 3));
        assert!(client.actor(other).await.is_ok(), "those of another source live on");
        assert_eq!(client.kill_source(&probe).await.unwrap(), 0);
        let unknown = client.kill_source(&"0".repeat(64)).await.unwrap_err();
        assert!(matches!(unknown, ClientError::Node(ControlError::UnknownSource { .. })), "{unknown}");
    });
}
