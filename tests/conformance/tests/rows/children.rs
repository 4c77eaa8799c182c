//! What an actor can know of its children, how they fare when it traps, and how an actor ends that says that it has failed.

use serde_json::json;
use thespian_conformance::{Probe, World, load, message, poison, run, said, until};
use thespian_core::address::ActorAddress;
use thespian_core::envelope::ExitReason;

/// The labels of a probe's live children, as the host lists them.
async fn labels(probe: &Probe) -> Vec<String> {
    probe.report().await.living.into_iter().map(|(_, label)| label).collect()
}

async fn trap(probe: &Probe) {
    let _ = poison(probe.ask(json!([{ "trap": { "reason": "ouch" } }])).await);
}

#[test]
fn children_are_listed_in_order_with_their_labels_and_outlive_a_trap_of_their_creator() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let create = |label: &str, len| json!({ "create": { "class": "Probe", "label": label, "len": len } });
        let few = json!([create("stock", 1), create("till", 1), { "create": { "class": "Probe" } }]);
        let before = probe.after(few).await;
        assert!(before.living.is_empty(), "not before the turn is over");
        let living = probe.report().await.living;
        assert_eq!(living.iter().map(|(child, _)| *child).collect::<Vec<_>>(), before.children);
        trap(&probe).await;
        let after = probe.report().await;
        assert_eq!((after.incarnation, &after.living), (3, &living));
        assert_eq!(labels(&probe).await, ["stock", "till", ""]);
        probe.client.kill(living[1].0).await.unwrap();
        let after = probe.reports(|report| !report.exits.is_empty()).await;
        assert_eq!(after.living, [living[0].clone(), living[2].clone()]);
        // More than are told of at one time.
        probe.after(json!([create("", 300)])).await;
        let all = probe.report().await.living;
        let addresses: std::collections::BTreeSet<ActorAddress> =
            all.iter().map(|(child, _)| *child).collect();
        assert_eq!((all.len(), addresses.len()), (302, 302));
    });
}

#[test]
fn a_label_that_is_too_long_is_refused_by_name() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let create = json!({ "create": { "class": "Idle", "label": "x".repeat(65) } });
        let refused = said(probe.ask(json!([{ "attempt": { "step": create, "to": "sender" } }])).await);
        assert_eq!(refused, "the `label` of a child is a text of at most 64 bytes");
    });
}

#[test]
fn a_parent_whose_class_ends_its_children_at_a_restart_has_no_growing_family() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let source = load(&client, thespian_guests::PROBE).await;
        let nest = client.create(&source, "Nest").await.unwrap();
        for _ in 0..5 {
            let _ = poison(client.ask(nest, message("Die", &json!({})), None).await.unwrap());
        }
        until(async || client.actor(nest).await.unwrap().children.len() == 2).await;
        assert_eq!(client.actors().await.unwrap().len(), 3);
    });
}

#[test]
fn an_actor_starts_again_without_its_children_and_others_hear_of_their_ends() {
    run(async {
        let world = World::with(|config| config.limits.turn_cpu_ms_max = 600_000).await;
        let watcher = world.probe().await;
        let clearing = Probe::create(&watcher.client, "Clearing").await;
        let spinner = clearing.child(json!({ "class": "Probe", "label": "spins" })).await;
        let below = spinner.child(json!({ "class": "Probe" })).await;
        watcher.after(json!([{ "monitor": { "target": spinner.address.to_string() } }])).await;
        let monitor = json!({ "monitor": { "target": "child" } });
        clearing.after(json!([monitor, { "create": { "class": "Mortal", "watch": true } }])).await;
        spinner.tell(json!(["spin"])).await;
        trap(&clearing).await;
        let report = clearing.report().await;
        assert_eq!((report.incarnation, &report.living), (3, &vec![]));
        assert_eq!((report.exits, report.restarts, report.downs), (vec![], vec![], vec![]));
        let down = watcher.reports(|report| !report.downs.is_empty()).await.downs;
        let why = "killed: its parent starts again, without its children";
        assert_eq!(down, [(spinner.address, why.to_string())]);
        until(async || watcher.client.actors().await.unwrap().len() == 2).await;
        assert!(watcher.client.actor(below.address).await.is_err());
        let child = clearing.child(json!({ "class": "Probe" })).await;
        child.client.kill(child.address).await.unwrap();
        assert_eq!(clearing.reports(|report| !report.exits.is_empty()).await.exits[0].0, child.address);
    });
}

#[test]
fn an_actor_that_says_it_has_failed_exits_in_order_and_whoever_listens_hears_why() {
    run(async {
        let world = World::new().await;
        let parent = world.probe().await;
        let probe = parent.child(json!({ "class": "Probe" })).await;
        let monitor = json!([{ "monitor": { "target": "child" } }]);
        parent.after(monitor).await;
        // The node hears of it behind the turn's messages.
        assert!(parent.answers().await);
        let below = probe.child(json!({ "class": "Probe" })).await;
        let on_exit = json!({ "steps": [{ "say": { "to": "origin", "text": "cleaned up" } }] });
        let fails = json!([
            { "on_exit": on_exit },
            { "say": { "to": "sender", "text": "done" } },
            { "give_up": { "reason": "no licence" } },
        ]);
        assert_eq!(said(probe.ask(fails).await), "done", "all else that the turn asked for is done");
        assert_eq!(parent.hear().await, "cleaned up");
        let report = parent.reports(|report| !report.exits.is_empty() && !report.downs.is_empty()).await;
        let failed = [(probe.address, "failed: no licence".to_string())];
        assert_eq!((&report.exits[..], &report.downs[..]), (&failed[..], &failed[..]));
        assert!(parent.client.actor(below.address).await.is_err(), "its children exit before it");
    });
}

#[test]
fn a_turn_that_fails_fails_no_actor_and_an_exit_turn_can_change_the_reason() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let give_up = json!({ "give_up": { "reason": "it can't be saved" } });
        let _ = poison(probe.ask(json!([give_up, { "fail": { "reason": "no" } }])).await);
        assert!(probe.answers().await);
        probe.after(json!([{ "on_exit": { "steps": [give_up] } }])).await;
        let reason = probe.client.exit_and_wait(probe.address, true).await.unwrap();
        assert_eq!(reason, ExitReason::Failed("it can't be saved".to_string()));
    });
}
