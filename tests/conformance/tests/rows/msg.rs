//! Messages: in order, whole, and apart.

use serde_json::json;
use thespian_conformance::{Probe, SILENCE, World, echo, message, poison, report, run, said, until};
use thespian_core::message::{Encoding, Message};
use thespian_core::wire::control::ControlError;
use thespian_host::client::ClientError;

#[test]
fn msg_081b_a_client_that_does_not_wait_for_answers_is_in_order_too() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let mut tells = tokio::task::JoinSet::new();
        // Polled one after the other, so written in this order.
        for value in 0..500 {
            let client = probe.client.clone();
            let address = probe.address;
            tells.spawn(
                async move { client.tell(address, message("Number", &json!({ "value": value }))).await },
            );
        }
        while let Some(told) = tells.join_next().await {
            told.unwrap().unwrap();
        }
        let report = probe.reports(|report| report.numbers.len() == 500).await;
        assert!(report.numbers.into_iter().eq(0..500));
    });
}

#[test]
fn msg_084_large_messages_arrive_whole() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        for len in [50_000, 500_000, 8_000_000] {
            let text: String = ('a'..='z').cycle().take(len).collect();
            assert!(said(probe.try_echo(&text).await.unwrap()) == text, "{len} bytes");
            let made = said(probe.ask(json!([{ "say_bytes": { "to": "origin", "len": len } }])).await);
            assert_eq!(made.len(), len);
        }
    });
}

#[test]
fn msg_084b_what_is_larger_than_a_message_may_be_is_refused_at_its_sender() {
    run(async {
        let world = World::with(|config| config.limits.message_bytes_max = 100_000).await;
        let probe = world.probe().await;
        let error = probe.try_echo(&"x".repeat(100_000)).await.unwrap_err();
        assert!(matches!(error, ClientError::Node(ControlError::Invalid(_))), "{error}");
        assert!(error.to_string().contains("at most 100000 are allowed"), "{error}");
    });
}

#[test]
fn msg_088_chains_of_actors_lose_nothing() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        for length in [2, 3, 5] {
            let mut chain = vec![Probe::create(&probe.client, "Probe").await];
            for _ in 1..length {
                let child = chain.last().unwrap().child(json!({ "class": "Probe" })).await;
                chain.push(child);
            }
            let mut expected = 0;
            for len in [5, 20, 50] {
                for value in 0..len {
                    chain[0]
                        .tell(through(length, json!([{ "count": { "to": "me", "first": value, "len": 1 } }])))
                        .await;
                }
                expected += len;
                let last = &chain[length - 1];
                // A message to oneself comes after what is there, and so does the question that follows it.
                last.reports(|report| report.numbers.len() == expected).await;
                let report =
                    report(chain[0].ask(through(length, json!([{ "report": { "to": "origin" } }]))).await);
                assert_eq!((report.me, report.numbers.len()), (last.address, expected));
            }
        }
    });
}

/// Steps for the last of a chain, told to the first.
fn through(length: usize, steps: serde_json::Value) -> serde_json::Value {
    (1..length).fold(steps, |steps, _| json!([{ "run": { "on": "child", "steps": steps } }]))
}

#[test]
fn msg_093b_bytes_that_are_no_text_come_back_with_what_is_wrong() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let message = Message::bytes("Echo", vec![0xff, 0xfe]);
        let back = poison(probe.client.ask(probe.address, message.clone(), None).await.unwrap());
        assert_eq!(back.original, message);
        assert!(back.details.starts_with("`Echo` can't be decoded: "), "{}", back.details);
        assert!(!back.details.contains("attempt 2"), "{}", back.details);
        assert!(probe.answers().await);
    });
}

/// A step by which a probe refuses.
fn refuse(to: &str, type_name: &str) -> serde_json::Value {
    json!({ "refuse": { "to": to, "type_name": type_name, "reason": "not today" } })
}

#[test]
fn who_is_refused_hears_poison_in_the_name_of_who_refuses() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let back = poison(
            probe.ask(json!([refuse("origin", "Order"), { "fail": { "reason": "no", "times": 0 } }])).await,
        );
        assert_eq!(
            (back.target, &*back.details, &*back.original.type_name),
            (probe.address, "not today", "Order")
        );
        assert!(back.original.payload.is_empty());
        // To an actor, in order with what is sent to it, and to oneself.
        let other = Probe::create(&probe.client, "Probe").await;
        let say = json!({ "say": { "to": other.address.to_string(), "text": "before" } });
        probe.tell(json!([say, refuse(&other.address.to_string(), "A"), refuse("me", "B")])).await;
        let heard = other.reports(|report| !report.poisons.is_empty()).await;
        assert_eq!((&heard.said[..], &*heard.poisons[0].type_name), (&["before".to_string()][..], "A"));
        assert_eq!(heard.poisons[0].target, probe.address);
        assert_eq!(probe.reports(|report| !report.poisons.is_empty()).await.poisons[0].type_name, "B");
        // In a turn that fails, nothing was refused but what was handled.
        let back =
            poison(probe.ask(json!([refuse("origin", "Order"), { "fail": { "reason": "no" } }])).await);
        assert_eq!(&*back.original.type_name, "Run");
        until(async || probe.client.status().await.unwrap().poisoned == 4).await;
    });
}

#[test]
fn headers_and_encodings_arrive_as_they_were_sent() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let encodings = [
            Encoding::Json,
            Encoding::Cbor,
            Encoding::Text,
            Encoding::Bytes,
            Encoding::Other("application/x-test".into()),
        ];
        for encoding in encodings {
            let headers: Option<Box<[_]>> = Some([("traceparent".into(), "00-ab".into())].into());
            let message = Message { type_name: "Odd".into(), encoding, payload: "{}".into(), headers };
            let back = poison(probe.client.ask(probe.address, message.clone(), None).await.unwrap());
            assert_eq!(back.original, message);
        }
    });
}

#[test]
fn a_tell_to_a_full_mailbox_waits_and_then_fails() {
    run(async {
        let world = World::with(|config| {
            config.limits.mailbox_len_max = 4;
            config.limits.turn_cpu_ms_max = 600_000;
        })
        .await;
        let probe = world.probe().await;
        probe.tell(json!(["spin"])).await;
        until(async || probe.client.actors().await.unwrap()[0].mailbox_len == 0).await;
        for text in ["1", "2", "3", "4"] {
            probe.client.tell(probe.address, message("Said", &json!({ "text": text }))).await.unwrap();
        }
        let full = |error: ClientError| matches!(error, ClientError::Node(ControlError::MailboxFull { .. }));
        assert!(full(probe.client.ask(probe.address, echo("5"), Some(SILENCE)).await.unwrap_err()));
        assert!(full(probe.client.tell(probe.address, echo("5")).await.unwrap_err()));
        probe.client.kill(probe.address).await.unwrap();
        assert_eq!(probe.client.status().await.unwrap().dead_letters, 5, "what it did, and four behind it");
    });
}

#[test]
fn a_tell_that_waits_gets_in_when_there_is_room() {
    run(async {
        let world = World::with(|config| {
            config.limits.mailbox_len_max = 4;
            config.limits.turn_cpu_ms_max = 300;
        })
        .await;
        let probe = world.probe().await;
        probe.tell(json!(["spin"])).await;
        for value in 0..20 {
            let number = message("Number", &json!({ "value": value }));
            probe.client.tell(probe.address, number).await.unwrap();
        }
        let report = probe.reports(|report| report.numbers.len() == 20).await;
        assert!(report.numbers.into_iter().eq(0..20));
        let back = poison(probe.client.listen(None).await.unwrap());
        assert!(back.details.contains("more CPU time than it may"), "{}", back.details);
    });
}

#[test]
fn actors_that_flood_each_other_end_in_dead_letters_and_hold_up_nobody() {
    run(async {
        let world = World::with(|config| config.limits.mailbox_len_max = 10).await;
        let probe = world.probe().await;
        let bystander = Probe::create(&probe.client, "Probe").await;
        let (left, right) =
            (Probe::create(&probe.client, "Probe").await, Probe::create(&probe.client, "Probe").await);
        let flood =
            |to: &Probe| json!([{ "count": { "to": to.address.to_string(), "first": 0, "len": 100 } }]);
        // Both turns send before either receives: they are told in one turn of a third.
        probe
            .tell(json!([
                { "run": { "on": left.address.to_string(), "steps": flood(&right) } },
                { "run": { "on": right.address.to_string(), "steps": flood(&left) } },
            ]))
            .await;
        // Whatever is no dead letter is received.
        until(async || {
            assert!(bystander.answers().await);
            let actors = probe.client.actors().await.unwrap();
            let waits = |probe: &Probe| {
                actors.iter().any(|actor| actor.address == probe.address && actor.mailbox_len > 0)
            };
            if waits(&left) || waits(&right) {
                return false;
            }
            let received = left.report().await.numbers.len() + right.report().await.numbers.len();
            let dead_letters = probe.client.status().await.unwrap().dead_letters;
            assert!(dead_letters + received as u64 <= 200, "{dead_letters} + {received}");
            dead_letters + received as u64 == 200
        })
        .await;
        let status = probe.client.status().await.unwrap();
        for numbers in [left.report().await.numbers, right.report().await.numbers] {
            assert!(numbers.is_sorted(), "{numbers:?}");
        }
        if let Some(letter) = status.recent_dead_letters.first() {
            assert_eq!(letter.reason, "the receiver's mailbox stayed full");
        }
    });
}
