//! How actors come, live and go.

use std::time::{Duration, Instant};

use serde_json::json;
use thespian_conformance::{Probe, World, echo, load, message, poison, run, until};
use thespian_core::envelope::ExitReason;
use thespian_core::wire::control::{ActorStatus, ControlError, LogRecord};
use thespian_host::client::ClientError;

#[test]
fn life_001_a_host_starts_creates_and_stops_in_time() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let begun = Instant::now();
        probe.client.stop().await.unwrap();
        world.node.stopped().await;
        assert!(begun.elapsed() < Duration::from_secs(5), "nobody had to be killed");
    });
}

#[test]
fn life_002_stopping_twice_is_no_error() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let (first, second) = tokio::join!(probe.client.stop(), probe.client.stop());
        first.unwrap();
        second.unwrap();
        world.node.stop().await;
        world.node.stop().await;
    });
}

#[test]
fn a_kill_ends_a_spinning_actor_and_its_children() {
    run(async {
        let world = World::with(|config| config.limits.turn_cpu_ms_max = 600_000).await;
        let probe = world.probe().await;
        let spinner = probe.child(json!({ "class": "Probe" })).await;
        let below = spinner.child(json!({ "class": "Probe" })).await;
        spinner.tell(json!(["spin"])).await;
        let reason = spinner.client.kill(spinner.address).await.unwrap();
        assert!(matches!(reason, ExitReason::Killed(_)), "{reason}");
        let report = probe.reports(|report| !report.exits.is_empty()).await;
        assert_eq!(report.exits.len(), 1);
        assert!(report.exits[0].1.starts_with("killed: "), "{:?}", report.exits);
        until(async || below.client.actors().await.unwrap().len() == 1).await;
    });
}

#[test]
fn an_actor_that_spins_in_its_exit_turn_ends_as_failed_when_its_children_are_gone() {
    run(async {
        let world = World::with(|config| config.limits.turn_cpu_ms_max = 50).await;
        let probe = world.probe().await;
        probe.child(json!({ "class": "Probe" })).await;
        probe.after(json!([{ "on_exit": { "steps": ["spin"] } }])).await;
        let reason = probe.client.exit_and_wait(probe.address, true).await.unwrap().to_string();
        assert!(reason.starts_with("failed: in its exit turn: the turn used more CPU time"), "{reason}");
        assert_eq!(probe.client.actors().await.unwrap(), []);
    });
}

#[test]
fn an_error_of_an_exit_turn_is_a_warning_in_the_log() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe.after(json!([{ "on_exit": { "steps": [{ "fail": { "reason": "no" } }] } }])).await;
        let reason = probe.client.exit_and_wait(probe.address, true).await.unwrap();
        assert_eq!(reason, ExitReason::Requested);
        let mut levels = Vec::new();
        let take = |record: LogRecord| {
            levels.extend((record.text == "in its exit turn: no").then_some(record.level));
        };
        probe.client.logs(Some(probe.address), None, false, take).await.unwrap();
        assert_eq!(levels, ["WARN"]);
    });
}

#[test]
fn all_that_stands_before_an_exit_request_comes_back_from_an_actor_that_can_not_start_again() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let source = load(&client, thespian_guests::PROBE).await;
        let once = client.create(&source, "Once").await.unwrap();
        let _ = poison(client.ask(once, message("Die", &json!({})), None).await.unwrap());
        let why = "it can't start: the file is still locked";
        until(async || {
            let actor = client.actor(once).await.unwrap().actor;
            actor.restarts > 1 && actor.waits.is_some_and(|wait| wait.why == why)
        })
        .await;
        assert!(client.status().await.unwrap().restarts > 1);
        for n in 0..500 {
            client.tell(once, echo(&n.to_string())).await.unwrap();
        }
        assert_eq!(client.exit_and_wait(once, true).await.unwrap(), ExitReason::Requested);
        for n in 0..500 {
            let back = poison(client.listen(None).await.unwrap());
            assert_eq!((&*back.details, back.original), (why, echo(&n.to_string())));
        }
        assert_eq!(client.status().await.unwrap().dead_letters, 0);
    });
}

#[test]
fn a_list_of_actors_says_who_created_whom() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let child = probe.child(json!({ "class": "Patient" })).await;
        let other = Probe::create(&probe.client, "Idle").await;
        // The answer with the child's address may be here before its creation is known, and what it is to be after that.
        let is_known = |actor: &ActorStatus| actor.class != "?";
        until(async || {
            probe.client.actors().await.unwrap().iter().filter(|actor| is_known(actor)).count() == 3
        })
        .await;
        let actors = probe.client.actors().await.unwrap();
        let place = |probe: &Probe| actors.iter().position(|actor| actor.address == probe.address).unwrap();
        assert!(actors.is_sorted_by_key(|actor| actor.address), "in order of address, whoever created whom");
        assert_eq!(actors[place(&child)].parent, Some(probe.address));
        assert_eq!(actors[place(&child)].class, "Patient");
        assert_eq!(actors[place(&other)].parent, None);
    });
}

#[test]
fn a_stopping_node_lets_in_who_looks_and_kills() {
    run(async {
        let world = World::with(|config| config.limits.turn_cpu_ms_max = 600_000).await;
        let probe = world.probe().await;
        let hash = load(&probe.client, thespian_guests::PROBE).await;
        let watcher = world.client().await;
        probe.tell(json!(["spin"])).await;
        let come_late = async {
            until(async || watcher.status().await.unwrap().stopping).await;
            let late = world.client().await;
            assert_eq!(late.actors().await.unwrap().len(), 1);
            let refused = late.create(&hash, "Probe").await.unwrap_err();
            assert!(matches!(refused, ClientError::Node(ControlError::ShuttingDown)), "{refused}");
            assert!(matches!(late.kill(probe.address).await.unwrap(), ExitReason::Killed(_)));
        };
        let (stopped, ()) = tokio::join!(probe.client.stop(), come_late);
        stopped.unwrap();
    });
}

#[test]
fn who_waits_in_the_nodes_own_process_hears_that_it_stops() {
    run(async {
        let world = World::new().await;
        let client = world.node.client();
        let mut last = String::new();
        let (received, followed, _) = tokio::join!(
            client.listen(None),
            client.logs(None, None, true, |record| last = record.text),
            world.node.stop(),
        );
        assert!(matches!(received, Err(ClientError::Node(ControlError::ShuttingDown))), "{received:?}");
        assert!(matches!(followed, Err(ClientError::Node(ControlError::ShuttingDown))), "{followed:?}");
        assert_eq!(last, "stopped", "what was written before the end comes before it");
        let again = client.listen(None).await;
        assert!(matches!(again, Err(ClientError::Node(ControlError::ShuttingDown))), "{again:?}");
    });
}
