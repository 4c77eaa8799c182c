//! Messages that can't be handled.

use serde_json::{Value, json};
use thespian_conformance::{Probe, World, do_steps, poison, run, said};
use thespian_core::envelope::Poisoned;

async fn failing(probe: &Probe, steps: Value) -> Poisoned {
    poison(probe.ask(steps).await)
}

#[test]
fn poison_095_a_message_that_always_fails_comes_back_whole_with_the_reason() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let steps = json!([{ "fail": { "reason": "the soup is cold" } }]);
        let back = failing(&probe, steps.clone()).await;
        assert_eq!(back.target, probe.address);
        assert_eq!(back.original, do_steps(&steps));
        assert_eq!(back.details, "the soup is cold (attempt 2)");
    });
}

#[test]
fn poison_096_a_good_message_after_a_bad_one_is_answered() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        failing(&probe, json!([{ "fail": { "reason": "no" } }])).await;
        assert!(probe.answers().await);
        failing(&probe, json!([{ "trap": { "reason": "no" } }])).await;
        assert!(probe.answers().await);
    });
}

#[test]
fn poison_097_an_asker_does_not_notice_a_first_attempt_that_fails() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        for failing in ["fail", "trap"] {
            let first_time = json!({ failing: { "reason": "at first", "times": 1 } });
            let answer = probe.ask(json!([first_time, { "say": { "to": "origin", "text": "done" } }])).await;
            assert_eq!(said(answer), "done");
        }
        assert_eq!(probe.client.status().await.unwrap().poisoned, 0);
    });
}

#[test]
fn poison_098_a_failing_message_is_attempted_twice() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        failing(&probe, json!([{ "fail": { "reason": "no" } }])).await;
        assert_eq!(probe.report().await.runs, 3, "two attempts, and the turn that reports");
    });
}

#[test]
fn poison_100_the_actor_that_sent_a_failing_message_gets_it_back() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let bad = json!([{ "fail": { "reason": "no" } }]);
        probe
            .tell(json!([{ "create": { "class": "Probe" } }, { "run": { "on": "child", "steps": bad } }]))
            .await;
        let report = probe.reports(|report| !report.poisons.is_empty()).await;
        assert_eq!(report.poisons.len(), 1);
        assert_eq!(report.poisons[0].target, report.children[0]);
        assert_eq!(report.poisons[0].type_name, "Run");
        assert!(report.poisons[0].payload.contains(r#""reason":"no""#), "{:?}", report.poisons);
        // The one outside heard nothing: what reaches it next is the answer to its next ask.
        probe.tell(json!([{ "say": { "to": "origin", "text": "first" } }])).await;
        assert_eq!(probe.hear().await, "first");
    });
}

#[test]
fn poison_103_an_address_that_is_none_is_named_to_the_asker() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let back = failing(&probe, json!([{ "say": { "to": "nobody", "text": "hi" } }])).await;
        assert!(back.details.contains("`nobody` is not an actor address"), "{}", back.details);
        assert!(probe.answers().await);
    });
}

#[test]
fn poison_106_nothing_that_a_failed_turn_asked_for_happens() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        for failing_step in ["fail", "trap"] {
            let back = failing(
                &probe,
                json!([
                    { "say": { "to": "origin", "text": "never" } },
                    { "say": { "to": "me", "text": "never" } },
                    { "create": { "class": "Probe" } },
                    { "wake": { "ms": 1, "tag": "never" } },
                    { failing_step: { "reason": "no" } },
                ]),
            )
            .await;
            assert!(back.details.contains("no"), "{}", back.details);
        }
        let report = probe.after(json!([{ "wake": { "ms": 2, "tag": "after" } }])).await;
        assert!(report.said.is_empty() && report.wakeups.is_empty());
        let report = probe.reports(|report| !report.wakeups.is_empty()).await;
        assert_eq!(report.wakeups[0].tag, "after");
        assert_eq!(probe.client.actors().await.unwrap().len(), 1);
        probe.tell(json!([{ "say": { "to": "origin", "text": "first" } }])).await;
        assert_eq!(probe.hear().await, "first");
    });
}

#[test]
fn poison_is_not_poisoned_in_turn() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        // An `Idle` has no handler for poison either; nothing comes of that.
        let me = probe.client.endpoint().to_string();
        let idle = Probe::create(&probe.client, "Idle").await;
        let forged = json!([{ "send": { "to": me, "type_name": "thespian:poison", "payload": "{}" } }]);
        let back = failing(&probe, forged).await;
        assert!(back.details.contains("`thespian:` are the host's own"), "{}", back.details);
        probe.tell(json!([{ "say": { "to": idle.address.to_string(), "text": "take this" } }])).await;
        let report = probe.reports(|report| report.poisons.len() == 1).await;
        assert_eq!(report.poisons[0].details, "`Idle` takes no `Said`; it takes no messages");
    });
}
