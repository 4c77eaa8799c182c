//! What is typed reaches an actor, and what an actor sends reaches programs, as it is.

use thespian_core::wire::control::Incoming;
use thespian_host::client::Client;

use crate::process::{Folder, RunningNode, end, finish_with_stdin, within};

/// Numbers that no parser keeps, names that are there twice, half of a character, and white space.
const EXACT: [&str; 8] = [
    "18446744073709551616",
    "0.1000000000000000055511151231257827",
    "1E400",
    "-0",
    r#"{"a":1,"a":2}"#,
    r#""\ud800""#,
    "[1.0,1.00]",
    r#"{"\u0061":"\/"}"#,
];

/// The text of `payload` in a line of `--json`.
fn payload(line: &str) -> &str {
    let (_, rest) = line.split_once(r#""payload":"#).unwrap_or_else(|| panic!("no payload in {line}"));
    rest.split_once(r#","type":"#).unwrap().0
}

#[test]
fn json_passes_to_an_actor_and_back_as_it_is() {
    let node = RunningNode::start();
    let address = node.hello();
    let (mut listener, heard, noted) = node.spawn(&["listen", "--follow", "--json"]);
    let listening = noted.next().rsplit(' ').next().unwrap().to_string();
    for exact in EXACT {
        // What no handler takes comes back as it was sent.
        let asked = node.run(&["ask", &address, "Nothing", exact, "--json"]);
        assert_eq!((asked.code, payload(&asked.stdout)), (Some(7), exact));
        let mut ask = node.program(&["ask", &address, "Nothing", "-", "--json"]);
        assert_eq!(payload(&finish_with_stdin(&mut ask, exact).stdout), exact);
        node.run(&["tell", &listening, "Exact", exact]).ok();
        let line = heard.next();
        assert_eq!(payload(&line), exact);
        serde_json::from_str::<&serde_json::value::RawValue>(&line).unwrap();
    }
    // One document is one line, and white space in a string is not ours.
    node.run(&["tell", &listening, "Exact", "{\n \"a b\" : [ 1 ,\t\"c  d\" ]\r\n}"]).ok();
    assert_eq!(payload(&heard.next()), r#"{"a b":[1,"c  d"]}"#);
    node.run(&["tell", &listening, "Exact", "\"\u{202e}\u{9b}\u{feff}\""]).ok();
    assert_eq!(payload(&heard.next()), r#""\u202e\u009b\ufeff""#);
    listener.kill().unwrap();
    listener.wait().unwrap();
}

#[test]
fn what_a_troupe_refuses_is_poison_for_a_program() {
    let node = RunningNode::start();
    let hash = node.run(&["load", thespian_guests::FIBONACCI]).ok();
    let address = node.run(&["create", hash.trim(), "Calculator"]).ok().trim().to_string();
    // By way of a worker that fails on it.
    let asked = node.run(&["ask", &address, "Fibonacci", r#"{"n":50}"#, "--json"]);
    assert_eq!(asked.code, Some(7), "{}", asked.stderr);
    let heard: serde_json::Value = serde_json::from_str(&asked.stdout).unwrap();
    let details = "number 50 would take too long";
    assert_eq!((&heard["kind"], &heard["details"]), (&"poison".into(), &details.into()));
    assert_eq!((&heard["target"], &heard["message"]["payload"]["n"]), (&address.into(), &50.into()));
}

#[test]
fn what_is_typed_arrives_byte_for_byte() {
    let node = RunningNode::start();
    within(async {
        let client = Client::connect(&node.folder.data().join("control.sock"), None).await.unwrap();
        let address = client.endpoint().to_string();
        for typed in [" { \"name\" : \"Ada\" } \n", "[1e2, 1E+2,\n\t100]", "\"\u{feff}\u{202e}\"", "1E400"] {
            node.run(&["tell", &address, "Typed", typed]).ok();
            finish_with_stdin(&mut node.program(&["tell", &address, "Typed", "-"]), typed).ok();
            node.run(&["tell", &address, "Typed", "--text", typed]).ok();
            for _ in 0..3 {
                match client.listen(None).await.unwrap() {
                    Incoming::Message { message, .. } => assert_eq!(&message.payload[..], typed.as_bytes()),
                    Incoming::Poisoned(poisoned) => panic!("{poisoned:?}"),
                }
            }
        }
    });
}

#[test]
fn nested_brackets_cost_the_operator_no_more_than_they_are() {
    let node = RunningNode::start();
    let address = node.hello();
    let nested = "[".repeat(200_000) + &"]".repeat(200_000);
    let (listener, heard, noted) = node.spawn(&["listen"]);
    let listening = noted.next().rsplit(' ').next().unwrap().to_string();
    finish_with_stdin(&mut node.program(&["tell", &listening, "Deep", "-"]), &nested).ok();
    assert!(heard.next().starts_with("Deep from "));
    assert_eq!(heard.next(), nested);
    assert_eq!(end(listener).code, Some(0));
    let asked = finish_with_stdin(&mut node.program(&["ask", &address, "Deep", "-", "--json"]), &nested);
    assert_eq!(payload(&asked.stdout), nested);
}

#[test]
fn a_message_that_is_too_big_is_told_by_its_own_size() {
    let node = RunningNode::start();
    let address = node.hello();
    let folder = Folder::new();
    for size in [16_800_000_usize, 17_000_000] {
        let file = folder.file("zeros", vec![0; size]);
        let text = node.run(&["ask", &address, "M", "--bytes-file", file.to_str().unwrap()]).failed(2);
        let wanted = format!(
            "the message `M` takes {} bytes; at most 16777216 are allowed (`message-bytes-max`)",
            size + 193
        );
        assert!(text.contains(&wanted), "{text}");
    }
}
