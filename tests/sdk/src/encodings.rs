//! Messages that are not JSON.

use ciborium::Value;
use ciborium::value::Integer;
use thespian_core::limits::ActorLimits;
use thespian_core::message::{Encoding, Message};
use thespian_guests as guests;
use thespian_host::config::NodeConfig;

use crate::World;

fn message(type_name: &str, encoding: Encoding, payload: Vec<u8>) -> Message {
    Message { encoding, ..Message::bytes(type_name, payload) }
}

fn number(value: u64) -> Value {
    Value::Integer(Integer::from(value))
}

#[tokio::test]
async fn cbor_is_asked_and_answered_in_cbor() {
    let world = World::new();
    let echo = world.create(guests::SAMPLER, "Echo").await;
    // More than JSON's readers can be trusted with.
    let big = 1 << 60;
    let order = Value::Map(vec![
        (Value::Text("items".into()), Value::Array(vec![number(big), number(5)])),
        (Value::Text("seal".into()), Value::Array(vec![number(1), number(2)])),
    ]);
    let mut payload = Vec::new();
    ciborium::into_writer(&order, &mut payload).unwrap();
    let answer = world.ask(echo, message("Order", Encoding::Cbor, payload)).await.message;
    assert_eq!((&*answer.type_name, answer.encoding), ("Receipt", Encoding::Cbor));
    let receipt: Value = ciborium::from_reader(&*answer.payload).unwrap();
    assert_eq!(receipt, Value::Map(vec![(Value::Text("sum".into()), number(big + 5))]));
}

#[tokio::test]
async fn a_type_in_cbor_can_be_asked_from_a_shell_in_json() {
    let world = World::new();
    let echo = world.create(guests::SAMPLER, "Echo").await;
    let answer = world.ask_json(echo, "Order", r#"{"items":[1,2],"seal":[1,2]}"#).await.message;
    assert_eq!((&*answer.type_name, answer.encoding), ("Receipt", Encoding::Cbor));
}

#[tokio::test]
async fn bytes_are_passed_as_they_are() {
    let world = World::new();
    let echo = world.create(guests::SAMPLER, "Echo").await;
    for len in [0, 1, 64, 1 << 20] {
        let bytes: Vec<u8> = (0..len).map(|at: u32| at.to_le_bytes()[0]).collect();
        let answer = world.ask(echo, Message::bytes("Blob", bytes.clone())).await.message;
        assert_eq!((&*answer.type_name, answer.encoding), ("Blob", Encoding::Bytes));
        assert!(answer.payload.iter().eq(bytes.iter().rev()), "{len} bytes");
    }
}

#[tokio::test]
async fn text_is_passed_as_it_is_and_bad_text_comes_back() {
    let world = World::new();
    let echo = world.create(guests::SAMPLER, "Echo").await;
    let answer = world.ask(echo, message("text/line", Encoding::Text, "grüße".into())).await.message;
    assert_eq!(answer.encoding, Encoding::Text);
    assert_eq!(answer.payload, "GRÜSSE");
    let poisoned = world.poison(echo, message("text/line", Encoding::Text, vec![255])).await;
    assert_eq!(
        poisoned.details,
        "`text/line` can't be decoded: invalid utf-8 sequence of 1 bytes from index 0; \
         `Echo` takes `Order`, `Blob`, `text/line`"
    );
}

#[tokio::test]
async fn an_answer_above_the_bound_is_an_error_with_both_numbers_and_costs_no_instance() {
    let limits = ActorLimits { message_bytes_max: 1 << 20, ..ActorLimits::default() };
    let world = World::with(NodeConfig { limits, ..NodeConfig::default() });
    let echo = world.create(guests::SAMPLER, "Echo").await;
    let line = |text: String| message("text/line", Encoding::Text, text.into_bytes());
    let fits = (1 << 20) - 192 - "text/line".len();
    // In capitals, this letter has three times as many bytes.
    let letter = "\u{390}";
    let answer = world.ask(echo, line("a".repeat(fits - 6) + letter)).await.message;
    assert_eq!(answer.payload.len(), fits, "the host agrees on what fits");
    let poisoned = world.poison(echo, line("a".repeat(fits - 5) + letter)).await;
    assert_eq!(
        poisoned.details,
        "the message `text/line` takes 1048577 bytes; at most 1048576 are allowed (message-bytes-max)"
    );
    // So much more than may be that the host would end the instance.
    let poisoned = world.poison(echo, line(letter.repeat(fits / 2))).await;
    assert!(poisoned.details.ends_with("bytes; at most 1048576 are allowed (message-bytes-max)"));
    assert_eq!(world.node.client().status().await.unwrap().restarts, 0);
}
