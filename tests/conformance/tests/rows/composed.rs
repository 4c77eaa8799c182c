//! Actors made of components: another component stands between an actor and what the host offers.

use serde_json::json;
use thespian_conformance::{Probe, World, class, load, poison, run, until};
use thespian_core::address::ActorAddress;
use thespian_core::wire::control::{ControlError, CreateActor};
use thespian_host::client::{Client, ClientError};
use wasmparser::{Parser, Payload};

const TALLIES: &str = include_str!("composed/tallies.wat");
const LOGGING: &str = include_str!("composed/logging.wat");

const LOG: &str = "thespian:actor/logging@0.1.1";
const GUEST: [&str; 2] = ["thespian:actor/guest@0.1.1", "thespian:actor/placement@0.1.1"];
const KIT: &str = "tests:kit/tallies";

/// An instance, by its index.
const INSTANCE: u8 = 5;

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [&leb128(text.len()), text.as_bytes()].concat()
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id], &*leb128(body.len()), body].concat()
}

/// A list as the only thing in its section.
fn list(id: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    section(id, &[leb128(entries.len()), entries.concat()].concat())
}

/// The names of what a component imports, all of them instances, and where its own parts begin.
fn imports(component: &[u8]) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ComponentImportSection(imports) => {
                names.extend(imports.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            Payload::ModuleSection { unchecked_range: range, .. } => {
                return (names, range.start - leb128(range.len()).len() - 1);
            }
            _ => {}
        }
    }
    panic!("a component without a module");
}

/// A component of three: an actor, one that stands between it and the log, and one that this one needs.
fn composed(actor: &[u8]) -> Vec<u8> {
    let (imports, begins) = imports(actor);
    let log = imports.iter().position(|import| import == LOG).unwrap();
    let mut whole = actor[..begins].to_vec();
    for component in
        [TALLIES, LOGGING].map(|text| wat::parse_str(text).unwrap()).iter().chain([&actor.to_vec()])
    {
        whole.extend(section(4, component));
    }
    let mut instances = imports.len();
    // Instantiates a component and takes instances out of it; returns where they are.
    let mut make = |component: usize, with: &[(&str, usize)], exports: &[&str]| {
        let given = with.iter().map(|(name, index)| [text(name), vec![INSTANCE], leb128(*index)].concat());
        let given: Vec<_> = given.collect();
        let made = [vec![0], leb128(component), leb128(given.len()), given.concat()].concat();
        whole.extend(list(5, &[made]));
        let taken = exports.iter().map(|name| [vec![INSTANCE, 0], leb128(instances), text(name)].concat());
        whole.extend(list(6, &taken.collect::<Vec<_>>()));
        let first = instances + 1;
        instances = first + exports.len();
        first
    };
    let tallies = make(0, &[], &[KIT]);
    let logging = make(1, &[(KIT, tallies), (LOG, log)], &[LOG]);
    let all = imports.iter().enumerate();
    let given: Vec<_> = all.map(|(at, name)| (&**name, if at == log { logging } else { at })).collect();
    let first = make(2, &given, &GUEST);
    let exports = GUEST
        .iter()
        .zip(first..)
        .map(|(name, index)| [vec![0], text(name), vec![INSTANCE], leb128(index), vec![0]].concat());
    whole.extend(list(11, &exports.collect::<Vec<_>>()));
    whole
}

/// A node that trusts every source, has so many places, and has the composed probe.
async fn world(places: usize) -> (World, Client, String) {
    let world = World::with(|config| config.actors_max = Some(places)).await;
    let client = world.client().await;
    let bytes = composed(&thespian_guests::bytes(thespian_guests::PROBE));
    let hash = client.load("composed", bytes, |_| ()).await.unwrap().hash.to_string();
    (world, client, hash)
}

async fn probe(client: &Client, hash: &str) -> Result<Probe, ClientError> {
    let address = client.create(hash, "Probe").await?;
    Ok(Probe { client: client.clone(), address })
}

async fn places_taken(client: &Client) -> u64 {
    client.status().await.unwrap().places_taken
}

#[test]
fn an_actor_of_three_components_lives_and_what_crosses_between_them_arrives() {
    run(async {
        let (_world, client, hash) = world(7).await;
        let first = probe(&client, &hash).await.unwrap();
        let second = probe(&client, &hash).await.unwrap();
        assert!(first.answers().await && second.answers().await);
        for said in ["one", "two"] {
            first.after(json!([{ "log": { "text": said } }])).await;
        }
        second.after(json!([{ "log": { "text": "three" } }])).await;
        let mut texts = Vec::new();
        for probe in [&first, &second] {
            client.logs(Some(probe.address), None, false, |record| texts.push(record.text)).await.unwrap();
        }
        assert_eq!(texts, ["#1 one", "#2 two", "#1 three"], "each actor has a tally of its own");
        // Memory is that of all three together.
        let alone = load(&client, thespian_guests::PROBE).await;
        let alone = client.create(&alone, "Probe").await.unwrap();
        // It is shown when the turn is over in which the actor started.
        let memory = async |of: ActorAddress| loop {
            let actors = client.actors().await.unwrap();
            let shown = actors.into_iter().find(|actor| actor.address == of).unwrap().memory_bytes;
            if shown > 0 {
                break shown;
            }
        };
        assert_eq!(memory(first.address).await, memory(alone).await + 2 * (64 << 10));
    });
}

#[test]
fn an_actor_of_three_memories_takes_three_places_and_gives_all_three_back() {
    run(async {
        let (_world, client, hash) = world(7).await;
        let first = probe(&client, &hash).await.unwrap();
        let second = probe(&client, &hash).await.unwrap();
        assert_eq!(places_taken(&client).await, 6);
        let refused = probe(&client, &hash).await.err().unwrap();
        let ClientError::Node(ControlError::LimitReached(why)) = refused else { panic!("{refused}") };
        assert!(why.contains("7 places") && why.contains("fewer than the 3"), "{why}");
        let denied = first.try_ask(json!([{ "create": { "class": "Probe" } }])).await.unwrap();
        let why = poison(denied).details;
        assert!(why.contains("no room for more actors of this source: each takes 3 places"), "{why}");
        assert_eq!(places_taken(&client).await, 6, "what is refused takes nothing");
        // One of one memory has the place that is left.
        let alone = load(&client, thespian_guests::PROBE).await;
        let alone = client.create(&alone, "Probe").await.unwrap();
        client.kill(second.address).await.unwrap();
        client.kill(alone).await.unwrap();
        assert_eq!(places_taken(&client).await, 3);
        // An actor's child, and one whose turn fails after it has asked.
        let child = first.child(json!({ "class": "Probe" })).await;
        assert!(child.answers().await);
        client.kill(child.address).await.unwrap();
        let failing =
            json!([{ "create": { "class": "Probe" } }, { "fail": { "reason": "not now", "times": 2 } }]);
        let failed = poison(first.try_ask(failing).await.unwrap()).details;
        assert!(failed.contains("not now"), "{failed}");
        assert_eq!(places_taken(&client).await, 3);
        client.kill(first.address).await.unwrap();
        assert_eq!(places_taken(&client).await, 0);
    });
}

#[test]
fn who_finds_an_actor_under_a_name_gives_all_places_back() {
    run(async {
        let (_world, client, hash) = world(7).await;
        let create = || CreateActor { name: Some("one".into()), ..class(&hash, "Probe") };
        let created = client.create_or_find(create()).await.unwrap();
        let found = client.create_or_find(create()).await.unwrap();
        assert!(found.already && found.address == created.address);
        assert_eq!(places_taken(&client).await, 3);
        let nobody = client.create(&hash, "Nobody").await.unwrap_err();
        assert!(nobody.to_string().contains("no class `Nobody`"), "{nobody}");
        until(async || places_taken(&client).await == 3).await;
    });
}
