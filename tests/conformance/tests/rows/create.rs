//! Creating actors, and what stands in the way.

use serde_json::json;
use thespian_conformance::{World, class, load, message, run, until};
use thespian_core::wire::control::{ControlError, CreateActor};
use thespian_host::client::{Client, ClientError};

async fn refused(client: &Client, create: CreateActor) -> ControlError {
    match client.create_with(create).await.unwrap_err() {
        ClientError::Node(error) => error,
        other => panic!("a refusal was expected, not {other}"),
    }
}

#[test]
fn create_054_a_whole_hash_a_prefix_and_an_only_class_will_do() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::HELLO).await;
        for source in [&hash[..], &hash[..6]] {
            for wanted in [Some("Hello".to_string()), None] {
                let create = CreateActor { class: wanted, ..class(source, "") };
                let (address, class) = client.create_with(create).await.unwrap();
                assert_eq!(class, "Hello");
                let greet = message("Greet", &json!({ "name": "Ada" }));
                let greeting = said_text(client.ask(address, greet, None).await.unwrap());
                assert_eq!(greeting, "Hello, Ada!");
            }
        }
    });
}

fn said_text(incoming: thespian_core::wire::control::Incoming) -> String {
    match incoming {
        thespian_core::wire::control::Incoming::Message { message, .. } => {
            let value: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
            value["text"].as_str().unwrap().to_string()
        }
        other => panic!("a greeting was expected, not {other:?}"),
    }
}

#[test]
fn create_055_an_actor_creates_from_another_source_by_its_hash() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let hash = load(&probe.client, thespian_guests::HELLO).await;
        let hello = probe.child(json!({ "class": "Hello", "source": hash })).await;
        let greet = message("Greet", &json!({ "name": "Grace" }));
        let greeting = probe.client.ask(hello.address, greet, None).await.unwrap();
        assert_eq!(said_text(greeting), "Hello, Grace!");
    });
}

#[test]
fn create_059_a_hundred_children_of_one_turn_each_answer() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let mut steps = vec![json!({ "create": { "class": "Probe", "len": 100 } })];
        for child in 0..100 {
            let words = json!([{ "say": { "to": "origin", "text": child.to_string() } }]);
            steps.push(json!({ "run": { "on": format!("child {child}"), "steps": words } }));
        }
        probe.tell(json!(steps)).await;
        let mut heard = Vec::new();
        for _ in 0..100 {
            heard.push(probe.hear().await.parse::<u32>().unwrap());
        }
        heard.sort_unstable();
        assert!(heard.into_iter().eq(0..100));
    });
}

#[test]
fn create_061_whoever_asks_for_what_is_refused_has_an_answer_at_once() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let source = load(&probe.client, thespian_guests::PROBE).await;
        assert!(matches!(
            refused(&probe.client, class(&source, "Nix")).await,
            ControlError::NoSuchClass { .. }
        ));
        until(async || probe.client.status().await.unwrap().actors == 1).await;
        let report = probe.after(json!([{ "create": { "class": "Nix" } }])).await;
        let gone = probe.at(report.children[0]);
        let words = json!([{ "say": { "to": gone.address.to_string(), "text": "hi" } }]);
        // Whether the refusal has come meanwhile or not, the sender hears, or it is a dead letter with a trace.
        probe.tell(words).await;
        let answer = gone.client.ask(gone.address, message("Echo", &json!({ "text": "hi" })), None).await;
        assert!(answer.is_err() || matches!(answer, Ok(thespian_core::wire::control::Incoming::Poisoned(_))));
        let report = probe.reports(|report| !report.exits.is_empty()).await;
        assert!(report.exits[0].1.starts_with("never started: the source has no class `Nix`"));
    });
}
