//! Addresses.

use serde_json::json;
use thespian_conformance::{Probe, World, run, said};
use thespian_core::address::ActorAddress;
use thespian_core::wire::control::ControlError;
use thespian_host::client::ClientError;

#[test]
fn addr_032_an_address_equals_itself_and_no_other() {
    run(async {
        let world = World::new().await;
        let first = world.probe().await;
        let second = Probe::create(&first.client, "Probe").await;
        let seen_inside = first.report().await.me;
        assert!(seen_inside == first.address && first.address == seen_inside);
        assert!(first.address != second.address && second.address != first.address);
    });
}

#[test]
fn addr_033_a_child_knows_the_address_that_its_creator_got() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        // Sent in the turn that creates the child, before it runs.
        probe
            .tell(json!([
                { "create": { "class": "Probe" } },
                { "run": { "on": "child", "steps": [{ "report": { "to": "parent" } }, { "report": { "to": "origin" } }] } },
            ]))
            .await;
        let report = thespian_conformance::Report::of(probe.client.listen(None).await.unwrap());
        assert_eq!(report.me, probe.report().await.children[0]);
        assert_eq!((report.sender, report.parent), (probe.address, Some(probe.address)));
    });
}

#[test]
fn addr_035_a_message_takes_each_hop_of_its_route_in_order() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let last = probe.child(json!({ "class": "Probe" })).await;
        let mut steps = json!([{ "report": { "to": "origin" } }]);
        steps =
            json!([{ "run": { "on": "child", "steps": steps } }, { "say": { "to": "child", "text": "3" } }]);
        for hop in ["2", "1", "0"] {
            steps =
                json!([{ "run": { "on": "me", "steps": steps } }, { "say": { "to": "child", "text": hop } }]);
        }
        let report = thespian_conformance::Report::of(probe.ask(steps).await);
        assert_eq!(report.me, last.address);
        assert_eq!(report.said, ["0", "1", "2"]);
        assert_eq!(last.reports(|report| report.said.len() == 4).await.said, ["0", "1", "2", "3"]);
    });
}

#[test]
fn addr_037_what_is_no_address_is_an_error_and_equals_none() {
    for text in ["", "7", "none", "0000000000001-0000000000000000000000000", "ÄÖÜ"] {
        let error = text.parse::<ActorAddress>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("`{text}` is not an actor address")), "{error}");
    }
}

#[test]
fn addr_039_what_is_sent_right_after_a_create_arrives_in_order() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe
            .tell(json!([
                { "create": { "class": "Probe" } },
                { "count": { "to": "child", "first": 0, "len": 100 } },
                { "run": { "on": "child", "steps": [{ "report": { "to": "origin" } }] } },
            ]))
            .await;
        let report = thespian_conformance::Report::of(probe.client.listen(None).await.unwrap());
        assert!(report.numbers.iter().copied().eq(0..100), "{:?}", report.numbers);
    });
}

#[test]
fn addr_041_no_new_actor_answers_at_an_old_address() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let old = Probe::create(&probe.client, "Probe").await;
        old.client.exit_and_wait(old.address, true).await.unwrap();
        let report = probe.after(json!([{ "create": { "class": "Patient", "len": 1_000 } }])).await;
        assert_eq!(report.children.len(), 1_000);
        assert!(!report.children.contains(&old.address));
        let last = probe.at(report.children[999]);
        assert_eq!(said(last.try_echo("up").await.unwrap()), "up");
        let error = old.try_echo("hi").await.unwrap_err();
        assert!(matches!(error, ClientError::Node(ControlError::TargetDead { .. })), "{error}");
    });
}
