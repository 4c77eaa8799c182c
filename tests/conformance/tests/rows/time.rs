//! Wakeups.

use serde_json::json;
use thespian_conformance::{World, do_steps, run, until};

#[test]
fn time_118_a_wakeup_comes_once_and_not_before_its_time() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let begun = std::time::Instant::now();
        let report = probe.after(json!([{ "wake": { "ms": 65, "tag": "up" } }])).await;
        assert!(report.wakeups.is_empty());
        let report = probe.reports(|report| !report.wakeups.is_empty()).await;
        assert!(begun.elapsed() >= std::time::Duration::from_millis(65));
        assert_eq!((report.wakeups.len(), &*report.wakeups[0].tag), (1, "up"));
    });
}

#[test]
fn time_119_two_wakeups_of_one_time_both_come_in_the_order_of_the_asking() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe.tell(json!([{ "wake": { "ms": 5, "tag": "a" } }, { "wake": { "ms": 5, "tag": "b" } }])).await;
        let report = probe.reports(|report| report.wakeups.len() == 2).await;
        assert_eq!((&*report.wakeups[0].tag, &*report.wakeups[1].tag), ("a", "b"));
    });
}

#[test]
fn time_120_wakeups_come_in_the_order_of_their_times() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let wakes: Vec<_> =
            [30, 10, 20].iter().map(|ms| json!({ "wake": { "ms": ms, "tag": ms.to_string() } })).collect();
        probe.tell(json!(wakes)).await;
        let report = probe.reports(|report| report.wakeups.len() == 3).await;
        let tags: Vec<_> = report.wakeups.iter().map(|wakeup| &*wakeup.tag).collect();
        assert_eq!(tags, ["10", "20", "30"]);
    });
}

#[test]
fn time_122_an_exit_takes_pending_wakeups_along() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe
            .tell(json!([{ "wake": { "ms": 1, "tag": "1" } }, { "wake": { "ms": 3_600_000, "tag": "h" } }]))
            .await;
        probe.reports(|report| report.wakeups.len() == 1).await;
        until(async || probe.client.actors().await.unwrap()[0].wakeups == 1).await;
        probe.client.exit_and_wait(probe.address, true).await.unwrap();
        assert_eq!(probe.client.status().await.unwrap().dead_letters, 0);
    });
}

#[test]
fn time_125_a_wakeup_comes_from_the_actor_itself_with_the_delay_asked_for() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe.tell(json!([{ "wake": { "ms": 7, "tag": "up" } }])).await;
        let report = probe.reports(|report| !report.wakeups.is_empty()).await;
        assert_eq!((report.wakeups[0].sender, report.wakeups[0].ms), (probe.address, 7));
    });
}

#[test]
fn a_wakeup_that_is_taken_back_does_not_come() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let steps = json!([
            { "wake": { "ms": 1, "tag": "never" } },
            "cancel_wakeups",
            { "wake": { "ms": 5, "tag": "up" } },
        ]);
        probe.tell(steps).await;
        let report = probe.reports(|report| !report.wakeups.is_empty()).await;
        assert_eq!((report.wakeups.len(), &*report.wakeups[0].tag), (1, "up"));
    });
}

#[test]
fn wakeups_outlive_a_restart_of_their_actor() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe.tell(json!([{ "wake": { "ms": 50, "tag": "up" } }])).await;
        probe
            .client
            .ask(probe.address, do_steps(&json!([{ "trap": { "reason": "ouch" } }])), None)
            .await
            .unwrap();
        let report = probe.reports(|report| !report.wakeups.is_empty()).await;
        assert_eq!((report.incarnation, &*report.wakeups[0].tag), (3, "up"));
        until(async || probe.client.actors().await.unwrap()[0].wakeups == 0).await;
    });
}
