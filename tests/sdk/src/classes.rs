//! Sources of several classes, what they are described as, and what an actor is told.

use serde_json::json;
use thespian_core::capability::{Clause, Value};
use thespian_core::message::Message;
use thespian_core::source::InitMessage;
use thespian_core::wire::control::{ControlError, CreateActor};
use thespian_guests as guests;
use thespian_host::client::ClientError;
use thespian_host::config::NodeConfig;

use crate::World;

#[tokio::test]
async fn a_source_says_which_classes_it_has_and_what_they_take() {
    let world = World::new();
    let source = world.load(guests::bytes(guests::SAMPLER)).await;
    let classes: Vec<_> = source.info.classes.iter().map(|class| class.name.as_str()).collect();
    assert_eq!(classes, ["Echo", "Patient", "relay", "Worker", "Picky", "Gate"]);
    assert_eq!(source.info.name, "sampler");
    assert_eq!(source.info.classes[0].receives, ["Order", "Blob", "text/line"]);
    assert_eq!(source.info.classes[0].init, None);
    let task = InitMessage { type_name: "Task".to_string(), is_optional: false };
    assert_eq!(source.info.classes[3].init, Some(task));
    let clauses: Vec<_> = source.info.classes[4].requires.iter().map(|wanted| &wanted.clause).collect();
    let north = Clause::Equals(Value::Text("north".into()));
    assert_eq!(clauses, [&Clause::IsTrue, &north, &Clause::AtLeast(4.0)]);
}

#[tokio::test]
async fn an_unknown_class_is_refused_with_those_that_there_are() {
    let world = World::new();
    let source = world.load(guests::bytes(guests::SAMPLER)).await;
    let error = world.client.create(&source.hash.to_string(), "Teller").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the source has no class `Teller`; it has Echo, Patient, relay, Worker, Picky, Gate"
    );
}

#[tokio::test]
async fn an_actor_creates_another_class_by_name_and_hears_of_its_end() {
    let world = World::new();
    let relay = world.create(guests::SAMPLER, "relay").await;
    let make = |class: &str| Message::json("Make", json!({ "class": class, "text": "done" }).to_string());
    world.client.tell(relay, make("Worker")).await.unwrap();
    let said = world.listen().await;
    assert_ne!(said.sender, relay);
    assert_eq!(said.json("Said"), json!({ "text": "done by Worker" }));
    let end = world.listen().await;
    assert_eq!(end.sender, relay);
    assert_eq!(end.json("Said"), json!({ "text": "requested" }));
}

#[tokio::test]
async fn the_creator_of_an_unknown_class_hears_that_it_never_started() {
    let world = World::new();
    let relay = world.create(guests::SAMPLER, "relay").await;
    let make = Message::json("Make", json!({ "class": "Teller", "text": "" }).to_string());
    let answer = world.ask(relay, make).await.json("Said");
    let text = answer["text"].as_str().unwrap();
    assert!(text.starts_with("never started: ") && text.contains("`Teller`"), "{text}");
}

#[tokio::test]
async fn what_came_back_is_in_the_log_of_its_sender() {
    let world = World::new();
    let relay = world.create(guests::SAMPLER, "relay").await;
    let make = Message::json("Make", json!({ "class": "Worker", "text": "done" }).to_string());
    world.client.tell(relay, make).await.unwrap();
    let worker = world.listen().await.sender;
    world.listen().await;
    let mut texts = Vec::new();
    world.client.logs(Some(worker), None, false, |record| texts.push(record.text)).await.unwrap();
    assert!(
        texts.contains(&"came back: `relay` takes no `Nothing`; it takes `Make`".to_string()),
        "{texts:?}"
    );
}

#[tokio::test]
async fn a_start_that_fails_refuses_the_create_with_its_reason() {
    let world = World::new();
    let source = world.load(guests::bytes(guests::SAMPLER)).await;
    let failed = async |init: Option<Message>| {
        let create = CreateActor {
            source: source.hash.to_string(),
            class: Some("Worker".to_string()),
            requirements: Vec::new(),
            init,
            on_trap: None,
            name: None,
        };
        match world.client.create_with(create).await.unwrap_err() {
            ClientError::Node(ControlError::StartFailed { reason }) => reason,
            error => panic!("{error}"),
        }
    };
    let reason = failed(None).await;
    assert!(reason.starts_with("`Worker` starts with `Task`, and was given no message"), "{reason}");
    let reason = failed(Some(Message::json("Tusk", "{}"))).await;
    assert_eq!(reason, "`Worker` starts with `Task`, and was given `Tusk`");
    let reason = failed(Some(Message::json("Task", "{}"))).await;
    assert!(reason.starts_with("`Task` can't be decoded: missing field"), "{reason}");
    let reason = failed(Some(Message::json("Task", r#"{"text":"","asker":"nobody"}"#))).await;
    assert_eq!(reason, "a worker needs a parent");
}

#[tokio::test]
async fn what_is_ignored_by_an_explicit_handler_is_no_poison() {
    let world = World::new();
    let patient = world.create(guests::SAMPLER, "Patient").await;
    for type_name in ["Anything", "Else"] {
        world.client.tell(patient, Message::json(type_name, "{}")).await.unwrap();
    }
    let answer = world.ask_json(patient, "HowMany", "{}").await;
    assert_eq!(answer.json("Count"), json!({ "count": 2 }));
    assert_eq!(world.node.client().status().await.unwrap().poisoned, 0);
}

#[tokio::test]
async fn a_class_runs_only_where_its_requirements_are_met_and_sees_the_capabilities() {
    let poor = World::new();
    let source = poor.load(guests::bytes(guests::SAMPLER)).await;
    let error = poor.client.create(&source.hash.to_string(), "Picky").await.unwrap_err();
    assert!(matches!(error, ClientError::Node(ControlError::NoCompatibleHost { .. })), "{error}");

    let capabilities = [
        ("gpu".to_string(), Value::Boolean(true)),
        ("region".to_string(), Value::Text("north".into())),
        ("memory-gb".to_string(), Value::Integer(8)),
    ];
    let rich = World::with(NodeConfig { capabilities: capabilities.into(), ..NodeConfig::default() });
    let picky = rich.create(guests::SAMPLER, "Picky").await;
    let answer = rich.ask_json(picky, "HowMany", "{}").await;
    assert_eq!(answer.json("Said"), json!({ "text": "Some(Integer(8))" }));
}

#[tokio::test]
async fn a_state_has_handlers_of_its_own_and_what_it_has_none_for_comes_back() {
    let world = World::new();
    let gate = world.create(guests::SAMPLER, "Gate").await;
    let enter = |name: &str| Message::json("Enter", json!({ "name": name }).to_string());
    world.client.tell(gate, enter("Ada")).await.unwrap();
    world.client.tell(gate, Message::json("Open", "{}")).await.unwrap();
    assert_eq!(world.listen().await.json("Said"), json!({ "text": "welcome, Ada" }));
    let answer = world.ask(gate, enter("Bob")).await;
    assert_eq!(answer.json("Said"), json!({ "text": "welcome, Bob" }));
    world.client.tell(gate, Message::json("Lock", "{}")).await.unwrap();
    let poisoned = world.poison(gate, enter("Cy")).await;
    assert_eq!(poisoned.details, "`Gate` takes no `Enter` now; it may in another state");
}
