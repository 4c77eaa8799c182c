//! Messages in every encoding, there and back.

#![expect(clippy::unwrap_used, reason = "a test")]

use thespian::prelude::*;
use thespian::{Encoding, Message};

#[message]
#[derive(Clone, Debug, PartialEq)]
struct Order {
    items: Vec<u64>,
    note: Option<String>,
    from: Address,
}

#[message(name = "shop/kind")]
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Small,
    Wide { mm: u32 },
}

#[message]
#[derive(Clone, Debug, PartialEq)]
struct Ping;

#[message(encoding = "bytes")]
#[derive(Clone, Debug, PartialEq)]
struct Blob(Vec<u8>);

#[message(encoding = "text")]
#[derive(Clone, Debug, PartialEq)]
struct Line(String);

/// Through a payload and back, and how the payload reads.
fn round<M: Message + PartialEq + std::fmt::Debug>(message: &M) -> Vec<u8> {
    let raw = RawMessage::of(message).unwrap();
    assert_eq!(raw.type_name, M::TYPE_NAME);
    assert_eq!(raw.encoding, M::ENCODING);
    let payload = raw.payload.clone();
    assert_eq!(&raw.decode::<M>().unwrap().unwrap(), message);
    payload
}

fn undecodable<M: Message>(encoding: Encoding, payload: &[u8]) -> String {
    let error = M::decode(&encoding, payload.to_vec()).err().unwrap();
    assert!(!error.may_retry(), "it would fail again");
    error.reason().to_string()
}

#[test]
fn json_is_what_a_shell_would_write() {
    let order = Order { items: vec![1, 2], note: None, from: "a".into() };
    assert_eq!(round(&order), br#"{"items":[1,2],"note":null,"from":"a"}"#);
    assert_eq!(round(&Kind::Small), br#""Small""#);
    assert_eq!(round(&Kind::Wide { mm: 3 }), br#"{"Wide":{"mm":3}}"#);
    assert_eq!(Kind::TYPE_NAME, "shop/kind");
}

#[test]
fn a_message_without_content_is_known_by_its_name() {
    assert_eq!(round(&Ping), b"{}");
    for payload in ["", "null", "{}", "7"] {
        assert_eq!(Ping::decode(&Encoding::Json, payload.into()).unwrap(), Ping);
    }
}

#[test]
fn bytes_and_text_are_payloads_as_they_are() {
    assert_eq!(round(&Blob(vec![0, 255])), [0, 255]);
    assert_eq!(round(&Line("grüß".into())), "grüß".as_bytes());
    assert!(matches!(Blob(vec![1]).encode().unwrap(), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn a_received_payload_of_bytes_is_not_copied() {
    let payload = vec![7_u8; 64];
    let place = payload.as_ptr();
    assert_eq!(Blob::decode(&Encoding::Bytes, payload).unwrap().0.as_ptr(), place);
}

#[test]
fn text_may_come_as_a_json_string() {
    assert_eq!(Line::decode(&Encoding::Json, br#""a\nb""#.to_vec()).unwrap(), Line("a\nb".into()));
}

#[test]
fn what_cant_be_decoded_is_named_with_the_reason() {
    assert_eq!(
        undecodable::<Order>(Encoding::Json, br#"{"items":[1]}"#),
        "`Order` can't be decoded: missing field `from` at line 1 column 13"
    );
    assert_eq!(
        undecodable::<Order>(Encoding::Bytes, b""),
        "`Order` can't be decoded: its encoding is bytes, not JSON"
    );
    assert_eq!(
        undecodable::<Line>(Encoding::Text, &[255]),
        "`Line` can't be decoded: invalid utf-8 sequence of 1 bytes from index 0"
    );
}

#[test]
fn a_raw_message_of_another_type_is_none() {
    assert!(RawMessage::of(&Ping).unwrap().decode::<Kind>().is_none());
}

#[cfg(feature = "cbor")]
mod cbor {
    use super::*;

    #[message(encoding = "cbor")]
    #[derive(Clone, Debug, PartialEq)]
    struct Sample {
        n: u64,
        key: (u8, String),
    }

    #[message(encoding = "cbor")]
    #[derive(Clone, Debug, PartialEq)]
    struct Tick;

    #[test]
    fn cbor_goes_there_and_back() {
        let payload = round(&Sample { n: u64::MAX, key: (1, "x".into()) });
        assert_eq!(payload[0], 0xa2, "a map of two");
        assert_eq!(round(&Tick), [0xa0], "an empty map");
    }

    #[test]
    fn cbor_by_choice_takes_json_too_but_json_takes_no_cbor() {
        let sample = Sample::decode(&Encoding::Json, br#"{"n":1,"key":[2,"x"]}"#.to_vec()).unwrap();
        assert_eq!(sample, Sample { n: 1, key: (2, "x".into()) });
        assert_eq!(
            undecodable::<Order>(Encoding::Cbor, &[0xa0]),
            "`Order` can't be decoded: its encoding is CBOR, not JSON"
        );
        let text = undecodable::<Sample>(Encoding::Cbor, &[0xff]);
        assert!(text.starts_with("`Sample` can't be decoded: "), "{text}");
    }
}

#[message]
struct Reading {
    place: Option<String>,
    values: Vec<f64>,
}

#[message]
enum Measured {
    Single(f32),
    Pair(f64, u8),
    Named { by: std::collections::BTreeMap<String, f32> },
}

#[test]
fn a_number_that_json_has_not_is_an_error_wherever_it_is_and_no_null() {
    let of = |values: &[f64]| RawMessage::of(&Reading { place: None, values: values.to_vec() });
    assert_eq!(of(&[1.5, -0.0]).unwrap().payload, br#"{"place":null,"values":[1.5,-0.0]}"#);
    let text = "`Reading` can't be encoded: a number is NaN or infinite, and JSON has no such numbers";
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = of(&[1.0, value]).unwrap_err();
        assert_eq!((error.reason(), error.may_retry()), (text, false));
    }
    for measured in [
        Measured::Single(f32::NAN),
        Measured::Pair(f64::INFINITY, 1),
        Measured::Named { by: [("left".to_string(), f32::NEG_INFINITY)].into() },
    ] {
        assert!(RawMessage::of(&measured).is_err());
    }
    let finite = Measured::Named { by: [("left".to_string(), 0.5)].into() };
    assert_eq!(RawMessage::of(&finite).unwrap().payload, br#"{"Named":{"by":{"left":0.5}}}"#);
    assert_eq!(RawMessage::of(&Measured::Pair(2.0, 1)).unwrap().payload, br#"{"Pair":[2.0,1]}"#);
}

#[cfg(feature = "cbor")]
#[test]
fn cbor_has_numbers_that_json_has_not() {
    #[message(encoding = "cbor")]
    struct Compact {
        value: f64,
    }
    let raw = RawMessage::of(&Compact { value: f64::NAN }).unwrap();
    assert!(raw.decode::<Compact>().unwrap().unwrap().value.is_nan());
}
