//! The lessons under `examples/`.

use serde_json::json;
use thespian_core::capability::Value;
use thespian_core::envelope::ExitReason;
use thespian_core::message::Message;
use thespian_core::wire::control::ControlError;
use thespian_guests as guests;
use thespian_host::client::ClientError;
use thespian_host::config::{Authority, NodeConfig};

use crate::World;

#[tokio::test]
async fn lesson_1_greets_by_name() {
    let world = World::new();
    let hello = world.create(guests::HELLO, "Hello").await;
    let answer = world.ask_json(hello, "Greet", r#"{"name":"Ada"}"#).await;
    assert_eq!(answer.sender, hello);
    assert_eq!(answer.json("Greeting"), json!({ "text": "Hello, Ada!" }));
}

#[tokio::test]
async fn lesson_1_sends_back_what_it_does_not_take() {
    let world = World::new();
    let hello = world.create(guests::HELLO, "Hello").await;
    let poisoned = world.poison(hello, Message::json("Insult", "{}")).await;
    assert_eq!(poisoned.details, "`Hello` takes no `Insult`; it takes `Greet`");
    assert_eq!((poisoned.target, &*poisoned.original.type_name), (hello, "Insult"));
}

#[tokio::test]
async fn lesson_2_is_answered_by_another_actor_than_the_one_asked() {
    let world = World::new();
    let hello = world.create(guests::HELLO_GOODBYE, "Hello").await;
    let first = world.ask_json(hello, "AreYouThere", "{}").await;
    assert_eq!(first.json("Greeting"), json!({ "text": "Hello, world!" }));
    assert_ne!(first.sender, hello);
    let second = world.ask_json(hello, "AreYouThere", "{}").await;
    assert_eq!(second.sender, first.sender, "one world is enough");

    let actors = world.client.actors().await.unwrap();
    let child = actors.iter().find(|actor| actor.address == first.sender).unwrap();
    assert_eq!((child.class.as_str(), child.parent), ("World", Some(hello)));
}

#[tokio::test]
async fn lesson_2_creates_a_new_world_when_the_old_one_is_gone() {
    let world = World::new();
    let hello = world.create(guests::HELLO_GOODBYE, "Hello").await;
    let first = world.ask_json(hello, "AreYouThere", "{}").await;
    world.client.kill(first.sender).await.unwrap();
    // The notice of its end is in Hello's mailbox by now, before the question.
    let second = world.ask_json(hello, "AreYouThere", "{}").await;
    assert_ne!(second.sender, first.sender);
}

#[tokio::test]
async fn lesson_2_says_goodbye_and_exits() {
    let world = World::new();
    let goodbye = world.create(guests::HELLO_GOODBYE, "Goodbye").await;
    let answer = world.ask_json(goodbye, "AreYouThere", "{}").await;
    assert_eq!(answer.json("Greeting"), json!({ "text": "Goodbye!" }));
    match world.client.exit_and_wait(goodbye, true).await {
        // It asked for its exit first.
        Ok(reason) => assert_eq!(reason, ExitReason::Requested),
        Err(error) => {
            assert!(matches!(error, ClientError::Node(ControlError::TargetDead { .. })), "{error}");
        }
    }
}

#[tokio::test]
async fn lesson_3_encodes_and_decodes() {
    let world = World::new();
    let encoder = world.create(guests::MORSE, "Encoder").await;
    let decoder = world.create(guests::MORSE, "Decoder").await;
    let answer = world.ask_json(encoder, "Encode", r#"{"text":"Hello 73"}"#).await;
    let encoded = answer.json("Encoded");
    assert_eq!(encoded, json!({ "morse": ".... . .-.. .-.. --- / --... ...--" }));
    let answer = world.ask_json(decoder, "Decode", &encoded.to_string()).await;
    assert_eq!(answer.json("Decoded"), json!({ "text": "HELLO 73" }));
}

#[tokio::test]
async fn lesson_3_sends_a_failing_input_back_with_the_reason_and_lives_on() {
    let world = World::new();
    let encoder = world.create(guests::MORSE, "Encoder").await;
    let poisoned = world.poison(encoder, Message::json("Encode", r#"{"text":"SOS!"}"#)).await;
    assert_eq!(poisoned.details, "there is no Morse code for `!`", "at the first attempt");
    assert_eq!(&*poisoned.original.type_name, "Encode");
    assert_eq!(poisoned.original.payload, r#"{"text":"SOS!"}"#);

    let poisoned = world.poison(encoder, Message::json("Encode", r#"{"txt":"SOS"}"#)).await;
    assert_eq!(
        poisoned.details,
        "`Encode` can't be decoded: missing field `text` at line 1 column 13; `Encoder` takes `Encode`"
    );

    let answer = world.ask_json(encoder, "Encode", r#"{"text":"SOS"}"#).await;
    assert_eq!(answer.json("Encoded"), json!({ "morse": "... --- ..." }));
}

#[tokio::test]
async fn lesson_4_puts_another_till_in_the_place_of_one_that_ended() {
    let world = World::new();
    let shop = world.create(guests::SHOP, "Shop").await;
    let left = async || {
        let children = world.ask_json(shop, "WhichChildren", "{}").await.json("Children");
        children["children"][0]["address"].as_str().map(|text| text.parse().unwrap())
    };
    let first = left().await.unwrap();
    let answer = world.ask_json(first, "Sell", r#"{"cents":250}"#).await;
    assert_eq!(answer.json("Takings"), json!({ "cents": 250 }));
    let too_much = json!({ "cents": u64::MAX }).to_string();
    let poisoned = world.poison(first, Message::json("Sell", too_much)).await;
    assert!(poisoned.details.contains("the till is full"), "{}", poisoned.details);
    let second = loop {
        // The shop may not have heard of the end yet.
        match left().await {
            Some(second) if second != first => break second,
            _ => tokio::task::yield_now().await,
        }
    };
    let answer = world.ask_json(second, "Sell", r#"{"cents":1}"#).await;
    assert_eq!(answer.json("Takings"), json!({ "cents": 1 }));
}

#[tokio::test]
async fn lesson_5_is_answered_by_a_worker_and_refuses_what_takes_too_long() {
    let world = World::new();
    let calculator = world.create(guests::FIBONACCI, "Calculator").await;
    let answer = world.ask_json(calculator, "Fibonacci", r#"{"n":20}"#).await;
    assert_eq!(answer.json("Number"), json!({ "n": 20, "value": 6_765 }));
    assert_ne!(answer.sender, calculator);
    let question = Message::json("Fibonacci", r#"{"n":50}"#);
    let poisoned = world.poison(calculator, question.clone()).await;
    assert_eq!((poisoned.target, &*poisoned.details), (calculator, "number 50 would take too long"));
    assert_eq!(poisoned.original, question, "as it was sent");
}

#[tokio::test]
async fn lesson_6_says_what_is_missing_and_draws_once_it_is_there() {
    let world = World::new();
    let studio = world.create(guests::CAPABILITIES, "Studio").await;
    let sorry = world.ask_json(studio, "Draw", r#"{"what":"a cat"}"#).await.json("Sorry");
    let why = sorry["why"].as_str().unwrap();
    assert!(why.contains("no compatible host for `Painter`"), "{why}");
    assert!(why.contains("`gpu` is true") && why.contains("`colors` is at least 16"), "{why}");

    world.client.update_capability("gpu", Some(Value::Boolean(true))).await.unwrap();
    world.client.update_capability("colors", Some(Value::Integer(256))).await.unwrap();
    let picture = world.ask_json(studio, "Draw", r#"{"what":"a cat"}"#).await;
    assert_eq!(picture.json("Picture"), json!({ "looks": "a picture of a cat in 256 colors" }));
    assert_ne!(picture.sender, studio);

    // The painter exits, because its host no longer has what it needs; the studio lives on.
    world.client.update_capability("gpu", None).await.unwrap();
    let actors = || async { world.client.actors().await.unwrap() };
    while actors().await.len() > 1 {
        tokio::task::yield_now().await;
    }
    let sorry = world.ask_json(studio, "Draw", r#"{"what":"a dog"}"#).await.json("Sorry");
    assert!(sorry["why"].as_str().unwrap().contains("`gpu` is true"));
}

#[tokio::test]
async fn lesson_8_lets_in_what_was_sealed_with_its_key_and_nothing_else() {
    let key = [0x5a; gate::sealed::KEY_BYTES];
    let config = NodeConfig {
        authority: Authority::Actor,
        authority_file: Some(guests::GATE.into()),
        authority_init: Some(format!("Open={}", json!({ "key": "5a".repeat(32) }))),
        ..NodeConfig::default()
    };
    let world = World::judged_by(config);
    let hello = guests::bytes(guests::HELLO);
    let refused = world.client.load("hello.wasm", hello.clone(), |_| ()).await.unwrap_err();
    assert!(refused.to_string().contains("it is not sealed with the key of this host"), "{refused}");

    let sealed = gate::sealed::seal(&key, [1; gate::sealed::NONCE_BYTES], &hello).unwrap();
    let loaded = world.client.load("hello.wasm.sealed", sealed, |_| ()).await.unwrap();
    let hash = loaded.hash.to_string();
    assert_eq!(world.client.source(&hash).await.unwrap().status.label, "hello.wasm");
    let hello = world.client.create(&hash, "Hello").await.unwrap();
    let answer = world.ask_json(hello, "Greet", r#"{"name":"Ada"}"#).await;
    assert_eq!(answer.json("Greeting"), json!({ "text": "Hello, Ada!" }));
}
