//! Actors that judge sources, that load them, and that hear of them.

use serde_json::{Value, json};
use thespian_conformance::{World, message, poison, run, sender, trusting, until};
use thespian_core::address::ActorAddress;
use thespian_core::source::Rights;
use thespian_core::source::SourceState;
use thespian_core::wire::control::{ControlError, Incoming};
use thespian_guests::{GATEKEEPER, HELLO};
use thespian_host::client::{Client, ClientError};
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::{Node, StartError};
use tokio::runtime::Handle;

use crate::src::hash_of;

const AUTHORITY: Rights = Rights { authority: true, ..Rights::NONE };
const SOURCES: Rights = Rights { sources: true, status: true, ..Rights::NONE };

/// Has the gate judge.
fn gated(config: &mut NodeConfig) {
    config.authority = Authority::Actor;
    config.authority_file = Some(GATEKEEPER.into());
    config.authority_class = Some("Gate".to_string());
}

/// A node that trusts everything, until an actor judges: of the gatekeeper's source, with these rights.
async fn with_rights(rights: Rights) -> (World, Client, String) {
    let world = World::new().await;
    let client = world.client().await;
    let bytes = thespian_guests::bytes(GATEKEEPER);
    let hash = client.load_with("gatekeeper", bytes, rights, |_| ()).await.unwrap().hash.to_string();
    (world, client, hash)
}

async fn load(client: &Client, label: &str, bytes: Vec<u8>) -> Result<String, String> {
    match client.load(label, bytes, |_| ()).await {
        Ok(loaded) => Ok(loaded.hash.to_string()),
        Err(ClientError::Node(ControlError::SourceRefused { reason, .. })) => Err(reason),
        Err(other) => panic!("{other}"),
    }
}

fn hello() -> Vec<u8> {
    thespian_guests::bytes(HELLO)
}

/// Another source that says hello: a component may end with a section of any content.
fn large_hello(content: usize) -> Vec<u8> {
    let mut section = vec![1, b'x'];
    section.resize(content + 2, 0);
    let mut bytes = hello();
    bytes.push(0);
    let mut len = section.len();
    while len >= 0x80 {
        bytes.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend(section);
    bytes
}

async fn ask(client: &Client, to: ActorAddress, type_name: &str, value: Value) -> Value {
    match client.ask(to, message(type_name, &value), None).await.unwrap() {
        Incoming::Message { message, .. } => serde_json::from_slice(&message.payload).unwrap(),
        other => panic!("{type_name}: {other:?}"),
    }
}

async fn greets(client: &Client, hash: &str) -> bool {
    let hello = client.create(hash, "Hello").await.unwrap();
    ask(client, hello, "Greet", json!({ "name": "Ada" })).await == json!({ "text": "Hello, Ada!" })
}

async fn gate_of(client: &Client) -> ActorAddress {
    let actors = client.actors().await.unwrap();
    actors.iter().find(|actor| actor.class == "Gate").expect("it is created before anybody is served").address
}

async fn state(client: &Client, hash: &str) -> Option<SourceState> {
    let sources = client.sources().await.unwrap();
    sources.into_iter().find(|source| source.hash.to_string() == hash).map(|source| source.state)
}

#[test]
fn src_140_an_actor_that_configuration_names_judges_what_is_loaded() {
    run(async {
        let world = World::with(gated).await;
        let client = world.client().await;
        assert_eq!(client.status().await.unwrap().authority, "actor");
        let hash = load(&client, "hello", hello()).await.unwrap();
        assert!(greets(&client, &hash).await);
        let report = client.source(&hash).await.unwrap();
        let gatekeeper = hash_of(&thespian_guests::bytes(GATEKEEPER));
        assert_eq!(report.judged_by, Some(format!("an actor of source {gatekeeper}")));
        assert_eq!(client.source(&gatekeeper).await.unwrap().status.rights, AUTHORITY);

        // SRC-143
        client.unload(&hash).await.unwrap();
        assert_eq!(load(&client, "no hello", hello()).await.unwrap_err(), "`no hello` is not ours");
        let trapped = load(&client, "trap", hello()).await.unwrap_err();
        assert!(
            trapped.starts_with("its authority failed: ") && trapped.contains("is too much"),
            "{trapped}"
        );
        load(&client, "hello", hello()).await.expect("it judges on");
        let gate = gate_of(&client).await;
        let judged = ask(&client, gate, "WhatWasJudged", json!({})).await;
        // The instances that trapped have forgotten what was before.
        assert_eq!(judged["labels"], json!(["hello"]));
    });
}

#[test]
fn what_an_authority_puts_in_the_place_of_a_source_runs_under_the_name_of_what_was_submitted() {
    run(async {
        let world = World::with(gated).await;
        let client = world.client().await;
        let masked = [vec![0xff], hello()].concat();
        let hash = load(&client, "masked", masked.clone()).await.unwrap();
        assert_eq!(hash, hash_of(&masked));
        assert!(greets(&client, &hash).await);
        let report = client.source(&hash).await.unwrap();
        assert_eq!(report.runs.map(|runs| runs.to_string()), Some(hash_of(&hello())));
        assert_eq!(report.status.label, "unmasked");
        assert!(
            load(&client, "masked", vec![0xff, 1, 2])
                .await
                .unwrap_err()
                .contains("not a WebAssembly component")
        );
        // As itself it is another source, which may have the same code.
        let itself = load(&client, "hello", hello()).await.unwrap();
        assert!(itself != hash && greets(&client, &itself).await);
        assert_eq!(client.source(&itself).await.unwrap().runs, None);
    });
}

#[test]
fn an_authority_gives_no_rights_that_the_loader_does_not_and_never_that_to_be_one() {
    run(async {
        let world = World::with(gated).await;
        let client = world.client().await;
        let given = Rights { authority: true, sources: true, ..Rights::NONE };
        let hash = client.load_with("rights", hello(), given, |_| ()).await.unwrap().hash.to_string();
        let granted = client.source(&hash).await.unwrap().status.rights;
        assert_eq!(granted, Rights { sources: true, ..Rights::NONE });
    });
}

#[test]
fn a_source_that_is_half_as_large_as_the_memory_of_its_judge_is_judged() {
    run(async {
        let world = World::with(gated).await;
        let client = world.client().await;
        let masked = [vec![0xff], large_hello(29 << 20)].concat();
        let (loaded, status) = tokio::join!(load(&client, "masked", masked), client.status());
        assert!(greets(&client, &loaded.unwrap()).await);
        status.expect("the node answers meanwhile");
    });
}

#[test]
fn an_authority_that_is_killed_comes_back() {
    run(async {
        let world = World::with(gated).await;
        let client = world.client().await;
        for _ in 0..3 {
            let gate = gate_of(&client).await;
            client.kill(gate).await.unwrap();
            assert!(
                load(&client, "no", hello()).await.unwrap_err().contains("not ours"),
                "it waits for the next"
            );
            assert_ne!(gate_of(&client).await, gate);
        }
        let gatekeeper = hash_of(&thespian_guests::bytes(GATEKEEPER));
        let refused = client.unload(&gatekeeper).await.unwrap_err().to_string();
        assert!(refused.contains("is that of the node's authority"), "{refused}");
    });
}

#[test]
fn its_word_holds_over_a_restart_and_what_it_has_replaced_it_judges_again() {
    run(async {
        let dir = thespian_conformance::TempDir::new();
        let start = async || {
            let mut config = trusting(dir.path());
            gated(&mut config);
            Node::start(config).unwrap()
        };
        let masked = [vec![0xff], hello()].concat();
        let node = start().await;
        let client = node.client();
        let hash = load(&client, "hello", hello()).await.unwrap();
        load(&client, "masked", masked.clone()).await.unwrap();
        drop(client);
        assert!(node.stop().await);
        drop(node);

        let node = start().await;
        let client = node.client();
        assert!(greets(&client, &hash).await);
        assert!(greets(&client, &hash_of(&masked)).await, "a create waits for what is judged again");
        let judged = ask(&client, gate_of(&client).await, "WhatWasJudged", json!({})).await;
        assert_eq!(judged["labels"], json!(["masked"]));
        assert!(node.stop().await);
    });
}

#[test]
fn a_node_whose_authority_can_not_be_created_does_not_start_and_says_why() {
    let start = |change: &dyn Fn(&mut NodeConfig)| {
        let dir = thespian_conformance::TempDir::new();
        let mut config = trusting(dir.path());
        gated(&mut config);
        change(&mut config);
        match Node::start(config) {
            Err(StartError::Authority(why) | StartError::Config(why)) => why,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it starts"),
        }
    };
    let no_class = start(&|config| config.authority_class = Some("Wall".to_string()));
    assert!(no_class.contains("has no class `Wall`; it has Gate, Clerk, Porter"), "{no_class}");
    let several = start(&|config| config.authority_class = None);
    assert!(several.contains("name one of Gate, Clerk, Porter"), "{several}");
    let wrong = start(&|config| config.authority_init = Some("Begin={\"registers\":7}".to_string()));
    assert!(wrong.contains("`Begin` can't be decoded"), "{wrong}");
    let no_component = start(&|config| config.authority_file = Some(std::env::current_exe().unwrap()));
    assert!(
        no_component.contains("bytes") || no_component.contains("not a WebAssembly component"),
        "{no_component}"
    );
    let other = start(&|config| config.authority_sha256 = Some("ab".repeat(32).parse().unwrap()));
    assert!(other.contains("and `authority-sha256` is abab"), "{other}");
}

#[test]
fn src_160_only_the_authority_judges_and_only_what_is_in_its_hands() {
    run(async {
        let (world, client, hash) = with_rights(AUTHORITY).await;
        let [clerk, other] =
            [client.create(&hash, "Clerk").await.unwrap(), client.create(&hash, "Clerk").await.unwrap()];
        ask(&client, clerk, "Register", json!({ "on": true })).await;
        let loader = world.client().await;
        let pending = Handle::current().spawn(async move { load(&loader, "hello", hello()).await });
        let name = hash_of(&hello());
        until(async || state(&client, &name).await == Some(SourceState::Offered)).await;
        let held = ask(&client, clerk, "WhatIsThere", json!({})).await;
        let [offer] = &held["offers"].as_array().unwrap()[..] else { panic!("{held}") };
        assert_eq!((&offer["label"], &offer["size"]), (&json!("hello"), &json!(hello().len())));
        assert_eq!(ask(&client, other, "WhatIsThere", json!({})).await["offers"], json!([]));

        let number = offer["number"].as_u64().unwrap();
        ask(&client, other, "Approve", json!({ "number": number })).await;
        ask(&client, clerk, "Approve", json!({ "number": number + 1 })).await;
        assert_eq!(state(&client, &name).await, Some(SourceState::Offered));
        ask(&client, clerk, "Approve", json!({ "number": number })).await;
        pending.await.unwrap().unwrap();
        // Too late, and without effect.
        ask(&client, clerk, "Approve", json!({ "number": number })).await;
        assert!(greets(&client, &name).await);
    });
}

#[test]
fn what_is_in_the_hands_of_an_authority_that_ends_is_refused_at_once_and_the_configured_one_judges_again() {
    run(async {
        let (world, client, hash) = with_rights(AUTHORITY).await;
        let clerk = client.create(&hash, "Clerk").await.unwrap();
        ask(&client, clerk, "Register", json!({ "on": true })).await;
        let loader = world.client().await;
        let pending = Handle::current().spawn(async move { load(&loader, "hello", hello()).await });
        let name = hash_of(&hello());
        until(async || state(&client, &name).await == Some(SourceState::Offered)).await;
        client.kill(clerk).await.unwrap();
        let why = pending.await.unwrap().unwrap_err();
        assert_eq!(why, "its authority ended before it had judged: killed: by an operator");
        assert_eq!(load(&client, "hello", hello()).await.unwrap(), name);
    });
}

#[test]
fn who_has_no_right_to_it_judges_loads_and_hears_nothing() {
    run(async {
        let (_world, client, hash) = with_rights(Rights::NONE).await;
        let clerk = client.create(&hash, "Clerk").await.unwrap();
        let porter = client.create(&hash, "Porter").await.unwrap();
        for (actor, type_name, value, right) in [
            (clerk, "Register", json!({ "on": true }), "authority"),
            (clerk, "Approve", json!({ "number": 1 }), "authority"),
            (porter, "Load", json!("x"), "sources"),
            (porter, "Unload", json!({ "hash": hash }), "sources"),
            (porter, "Watch", json!({ "on": true }), "sources"),
        ] {
            let back = poison(client.ask(actor, message(type_name, &value), None).await.unwrap());
            assert!(back.details.contains(&format!("without the right to `{right}`")), "{}", back.details);
        }
    });
}

async fn load_by(client: &Client, porter: ActorAddress, bytes: Vec<u8>) -> Value {
    let load = thespian_core::message::Message::bytes("Load", bytes);
    client.tell(porter, load).await.unwrap();
    match client.listen(None).await.unwrap() {
        incoming @ Incoming::Message { .. } => {
            assert_eq!(sender(&incoming), porter);
            let Incoming::Message { message, .. } = incoming else { unreachable!() };
            serde_json::from_slice(&message.payload).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn src_154_an_actor_loads_creates_from_and_unloads_a_source() {
    run(async {
        let (_world, client, hash) = with_rights(SOURCES).await;
        let porter = client.create(&hash, "Porter").await.unwrap();
        let name = hash_of(&hello());
        assert_eq!(load_by(&client, porter, hello()).await, json!({ "hash": name, "why_not": null }));
        let status = client.source(&name).await.unwrap().status;
        assert_eq!((&*status.label, status.rights), ("by an actor", Rights { status: true, ..Rights::NONE }));
        let child = ask(&client, porter, "Beget", json!({ "hash": name, "class": "Hello" })).await;
        let child: ActorAddress = child["address"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            ask(&client, child, "Greet", json!({ "name": "Bo" })).await,
            json!({ "text": "Hello, Bo!" })
        );
        ask(&client, porter, "Unload", json!({ "hash": name })).await;
        until(async || state(&client, &name).await == Some(SourceState::Unloaded)).await;
        assert!(client.create(&name, "Hello").await.is_err());

        let refused = load_by(&client, porter, b"no component".to_vec()).await;
        assert!(refused["why_not"].as_str().unwrap().contains("not a WebAssembly component"), "{refused}");
    });
}

#[test]
fn src_155_who_watches_sources_hears_of_each_once_and_src_157_of_what_is_unloaded() {
    run(async {
        let (_world, client, hash) = with_rights(SOURCES).await;
        let porter = client.create(&hash, "Porter").await.unwrap();
        for _ in 0..2 {
            ask(&client, porter, "Watch", json!({ "on": true })).await;
        }
        let name = load(&client, "hello.wasm", hello()).await.unwrap();
        load(&client, "again", hello()).await.unwrap();
        client.unload(&name).await.unwrap();
        let told =
            |hash: &str, info: &str, loaded: bool| json!({ "hash": hash, "info": info, "loaded": loaded });
        let expected = json!([
            told(&hash, "gatekeeper", true),
            told(&name, "hello.wasm", true),
            told(&name, "hello.wasm", false),
        ]);
        until(async || ask(&client, porter, "WhatWasHeard", json!({})).await["updates"] == expected).await;
        ask(&client, porter, "Watch", json!({ "on": false })).await;
        load(&client, "hello.wasm", hello()).await.unwrap();
        assert_eq!(ask(&client, porter, "WhatWasHeard", json!({})).await["updates"], expected);
    });
}
