//! Hearing of the end of actors that are no children, ending children at once, asking the host.

use serde_json::json;
use thespian_conformance::{Probe, World, poison, run, until};
use thespian_core::source::Rights;

async fn monitors(probe: &Probe, target: &Probe) {
    let target = target.address.to_string();
    probe.after(json!([{ "monitor": { "target": target } }, { "monitor": { "target": target } }])).await;
}

#[test]
fn who_monitors_hears_of_the_end_once_behind_everything_else() {
    run(async {
        let world = World::new().await;
        let (probe, other) = (world.probe().await, world.probe().await);
        monitors(&probe, &other).await;
        let me = probe.address.to_string();
        let last_words = json!([{ "say": { "to": me, "text": "farewell" } }]);
        other.after(json!([{ "on_exit": { "steps": last_words } }])).await;
        other.client.exit_and_wait(other.address, true).await.unwrap();
        let report = probe.reports(|report| !report.downs.is_empty()).await;
        assert_eq!(report.downs, [(other.address, "requested".to_string())]);
        assert_eq!(report.said, ["farewell"]);
        assert_eq!(probe.report().await.downs.len(), 1);
    });
}

#[test]
fn the_end_of_an_actor_that_is_past_is_told_at_once() {
    run(async {
        let world = World::new().await;
        let (probe, other) = (world.probe().await, world.probe().await);
        other.client.kill(other.address).await.unwrap();
        monitors(&probe, &other).await;
        let report = probe.reports(|report| !report.downs.is_empty()).await;
        let (address, reason) = &report.downs[0];
        assert_eq!(*address, other.address);
        assert!(reason.contains("there is no actor at this address"), "{reason}");
    });
}

#[test]
fn who_no_longer_monitors_hears_nothing() {
    run(async {
        let world = World::new().await;
        let (probe, other) = (world.probe().await, world.probe().await);
        monitors(&probe, &other).await;
        probe.after(json!([{ "demonitor": { "target": other.address.to_string() } }])).await;
        other.client.kill(other.address).await.unwrap();
        // Whoever asks anew hears, so the first end would have been told by then.
        monitors(&probe, &other).await;
        probe.reports(|report| !report.downs.is_empty()).await;
        assert_eq!(probe.report().await.downs.len(), 1);
    });
}

#[test]
fn monitors_outlive_a_restart_of_their_actor() {
    run(async {
        let world = World::new().await;
        let (probe, other) = (world.probe().await, world.probe().await);
        monitors(&probe, &other).await;
        let back = poison(probe.ask(json!([{ "trap": { "reason": "oh" } }])).await);
        assert!(back.details.contains("oh"), "{}", back.details);
        other.client.kill(other.address).await.unwrap();
        let report = probe.reports(|report| !report.downs.is_empty()).await;
        assert!(report.incarnation > 1);
        assert_eq!(report.downs, [(other.address, "killed: by an operator".to_string())]);
    });
}

#[test]
fn a_parent_ends_a_child_at_once_and_a_stranger_does_not() {
    run(async {
        let world = World::with(|config| config.limits.turn_cpu_ms_max = 600_000).await;
        let (probe, stranger) = (world.probe().await, world.probe().await);
        let child = probe.child(json!({ "class": "Probe" })).await;
        child.tell(json!(["spin"])).await;
        stranger.after(json!([{ "kill": { "target": child.address.to_string() } }])).await;
        probe.after(json!([{ "kill": { "target": "child" } }])).await;
        let report = probe.reports(|report| !report.exits.is_empty()).await;
        assert_eq!(report.exits, [(child.address, "killed: by its parent".to_string())]);
    });
}

#[test]
fn an_actor_sees_its_own_status_and_that_of_others_by_right() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe.tell(json!([{ "status": { "about": "me" } }])).await;
        let report = probe.reports(|report| !report.statuses.is_empty()).await;
        let status: serde_json::Value = serde_json::from_str(report.statuses[0].as_ref().unwrap()).unwrap();
        assert_eq!(status["address"], probe.address.to_string());
        for about in [json!({}), json!({ "about": "origin" })] {
            let back = poison(probe.ask(json!([{ "status": about }])).await);
            assert!(back.details.contains("without the right to `status`"), "{}", back.details);
        }
        let seer = world.probe_with(Rights { status: true, ..Rights::default() }).await;
        seer.tell(json!([{ "status": {} }, { "status": { "about": probe.address.to_string() } }])).await;
        let report = seer.reports(|report| report.statuses.len() == 2).await;
        let of = |at: usize| -> serde_json::Value {
            serde_json::from_str(report.statuses[at].as_ref().unwrap()).unwrap()
        };
        assert_eq!(of(0)["actors"], 2);
        assert_eq!(of(1)["address"], probe.address.to_string());
    });
}

#[test]
fn ext_080_an_actor_with_the_right_stops_the_host() {
    run(async {
        let world = World::new().await;
        let plain = world.probe().await;
        let back = poison(plain.ask(json!(["shut_down"])).await);
        assert!(back.details.contains("without the right to `shutdown`"), "{}", back.details);
        let probe = world.probe_with(Rights { shutdown: true, ..Rights::default() }).await;
        probe.tell(json!(["shut_down"])).await;
        world.node.stopped().await;
        until(async || plain.client.actors().await.is_err()).await;
    });
}
