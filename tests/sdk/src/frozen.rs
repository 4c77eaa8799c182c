//! The contract can grow: a component that was built with 0.1.0 and is never rebuilt runs on every later host.

use thespian_core::address::ActorAddress;
use thespian_core::message::{Encoding, Message};

use crate::World;

const COMPONENT: &[u8] = include_bytes!("../../frozen/echo-0.1.0.wasm");
/// Of its bytes. A change here is a change of the contract that breaks every actor in the world.
const SHA256: &str = "fae6523481c175a1c15bd8f9679bd9cbe93d200f2e3d5dd446774873991a3a50";

fn bytes(type_name: &str, payload: &str) -> Message {
    Message::bytes(type_name, payload.to_owned())
}

impl World {
    async fn speaker(&self) -> ActorAddress {
        let source = self.load(COMPONENT.to_vec()).await;
        assert_eq!(source.hash.to_string(), SHA256, "tests/frozen/README.md says why it must not change");
        self.client.create(SHA256, "Speaker").await.unwrap()
    }

    async fn answers(&self, target: ActorAddress, asked: Message, type_name: &str, payload: &str) {
        let answer = self.ask(target, asked).await.message;
        assert_eq!((&*answer.type_name, answer.encoding), (type_name, Encoding::Bytes));
        assert_eq!(answer.payload, payload.as_bytes());
    }
}

#[tokio::test]
async fn the_frozen_component_describes_itself() {
    let world = World::new();
    let info = world.load(COMPONENT.to_vec()).await.info;
    assert_eq!((info.name.as_str(), info.classes.len()), ("echo", 1));
    assert_eq!(info.classes[0].receives, ["Echo", "Wake", "Beget", "Fail", "Trap", "Leave"]);
}

#[tokio::test]
async fn the_frozen_component_is_asked_and_answers() {
    let world = World::new();
    let speaker = world.speaker().await;
    world.answers(speaker, bytes("Echo", "hello"), "Echo", "hello").await;
}

#[tokio::test]
async fn the_frozen_component_is_woken_with_what_it_gave_along() {
    let world = World::new();
    let speaker = world.speaker().await;
    world.answers(speaker, bytes("Wake", "up"), "Woken", "up").await;
}

#[tokio::test]
async fn the_frozen_component_creates_a_child_and_hears_of_its_end() {
    let world = World::new();
    let speaker = world.speaker().await;
    world.answers(speaker, bytes("Beget", ""), "Ended", "requested").await;
}

#[tokio::test]
async fn the_frozen_component_fails_and_traps_and_lives_on() {
    let world = World::new();
    let speaker = world.speaker().await;
    assert_eq!(world.poison(speaker, bytes("Fail", "")).await.details, "as it was asked to");
    let details = world.poison(speaker, bytes("Trap", "")).await.details;
    assert!(details.contains("trap"), "{details}");
    world.answers(speaker, bytes("Echo", "still"), "Echo", "still").await;
    let mut texts = Vec::new();
    world.client.logs(Some(speaker), None, false, |record| texts.push(record.text)).await.unwrap();
    assert!(texts.contains(&"started, instance 1".to_string()), "{texts:?}");
    assert!(texts.contains(&"started, instance 2".to_string()), "{texts:?}");
}

#[tokio::test]
async fn the_frozen_component_exits() {
    let world = World::new();
    let speaker = world.speaker().await;
    let reason = world.client.exit_and_wait(speaker, true).await.unwrap();
    assert_eq!(reason.to_string(), "requested");
}
