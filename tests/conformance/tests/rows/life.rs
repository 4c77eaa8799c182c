//! How actors come, live and go.

use std::time::{Duration, Instant};

use serde_json::json;
use thespian_conformance::{
    Probe, SILENCE, World, class, do_steps, load, message, poison, run, said, sender, until,
};
use thespian_core::envelope::ExitReason;
use thespian_core::wire::control::ControlError;
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
fn life_003_every_actor_has_an_address_of_its_own() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let same = Probe::create(&probe.client, "Probe").await.address;
        let other = Probe::create(&probe.client, "Patient").await.address;
        assert!(probe.address != same && same != other && other != probe.address);
    });
}

#[test]
fn life_005_a_hundred_actors_come_and_none_is_left() {
    run(async {
        let world = World::with(|config| config.actors_max = Some(101)).await;
        let probe = world.probe().await;
        let report = probe.after(json!([{ "create": { "class": "Probe", "len": 100 } }])).await;
        assert_eq!(report.children.len(), 100);
        for child in report.children {
            assert!(probe.at(child).answers().await);
        }
        assert_eq!(probe.client.exit_and_wait(probe.address, true).await.unwrap(), ExitReason::Requested);
        assert_eq!(probe.client.status().await.unwrap().actors, 0);
        // Every place is free again.
        let again = Probe::create(&probe.client, "Probe").await;
        again.tell(json!([{ "create": { "class": "Probe", "len": 100 } }])).await;
        again.reports(|report| report.children.len() == 100).await;
        probe.client.stop().await.unwrap();
    });
}

#[test]
fn life_006_an_actor_without_handlers_refuses_by_name_and_others_are_served() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let idle = Probe::create(&probe.client, "Idle").await;
        idle.client.tell(idle.address, message("Anything", &json!({}))).await.unwrap();
        let refused = poison(idle.client.listen(None).await.unwrap());
        assert_eq!(refused.details, "`Idle` takes no `Anything`; it takes no messages");
        assert!(probe.answers().await);
    });
}

#[test]
fn life_007_a_child_answers_for_itself() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let first = probe.child(json!({ "class": "Probe" })).await;
        for _ in 0..2 {
            assert_eq!(sender(&first.try_echo("hi").await.unwrap()), first.address);
        }
        let report = first.report().await;
        assert_eq!((report.me, report.parent), (first.address, Some(probe.address)));
        let second = probe.child(json!({ "class": "Probe" })).await;
        assert_ne!(first.address, second.address);
        assert!(first.answers().await && second.answers().await);
    });
}

#[test]
fn life_009_a_dialogue_completes_once_the_third_has_joined() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let second = probe.child(json!({ "class": "Probe" })).await;
        let missing = do_steps(&json!([{ "run": { "on": "child", "steps": [] } }]));
        let silence = probe.client.ask(probe.address, missing, Some(SILENCE)).await;
        assert!(matches!(silence, Err(ClientError::Node(ControlError::TimedOut { .. }))), "{silence:?}");
        let third = second.child(json!({ "class": "Probe" })).await;
        let words = json!([{ "say": { "to": "origin", "text": "here I am" } }]);
        let answer = probe
            .ask(json!([{ "run": { "on": "child", "steps": [
                { "run": { "on": "child", "steps": words } }
            ] } }]))
            .await;
        assert_eq!(sender(&answer), third.address);
        assert_eq!(said(answer), "here I am");
    });
}

#[test]
fn life_010_an_actor_keeps_its_address() {
    run(async {
        let world = World::new().await;
        let first = world.probe().await;
        let second = Probe::create(&first.client, "Probe").await;
        for probe in [&first, &second, &first, &second] {
            assert_eq!(probe.report().await.me, probe.address);
        }
        assert_ne!(first.address, second.address);
    });
}

#[test]
fn life_011_an_actor_answers_from_a_message_to_itself() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let answer = probe
            .ask(
                json!([{ "run": { "on": "me", "steps": [{ "say": { "to": "origin", "text": "later" } }] } }]),
            )
            .await;
        assert_eq!(said(answer), "later");
    });
}

#[test]
fn life_013_a_failing_start_fails_the_create() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::PROBE).await;
        let error = client.create(&hash, "FailsToStart").await.unwrap_err();
        assert_eq!(error.to_string(), "the actor did not start: this class never starts");
        let status = client.status().await.unwrap();
        let reason = ExitReason::NeverStarted("this class never starts".to_string());
        assert_eq!((status.actors, &status.recent_ended[0].reason), (0, &reason));
    });
}

#[test]
fn life_014_a_parent_hears_once_of_a_child_that_never_started() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe
            .tell(json!([
                { "create": { "class": "FailsToStart" } },
                { "say": { "to": "child", "text": "one" } },
                { "say": { "to": "child", "text": "two" } },
            ]))
            .await;
        let report = probe.reports(|report| !report.exits.is_empty() && report.poisons.len() == 2).await;
        let child = report.children[0];
        assert_eq!(report.exits, [(child, "never started: this class never starts".to_string())]);
        for poison in &report.poisons {
            assert_eq!(poison.target, child);
            assert_eq!(poison.details, "the actor never started: this class never starts");
        }
        let gone = probe.at(child).try_echo("hi").await.unwrap_err();
        assert!(matches!(gone, ClientError::Node(ControlError::TargetDead { .. })), "{gone}");
        assert!(probe.answers().await);
    });
}

#[test]
fn life_016_a_parent_replaces_a_child_that_failed() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe
            .tell(json!([
                { "on_child_exit": { "steps": [{ "create": { "class": "Probe" } }] } },
                { "create": { "class": "FailsToStart" } },
            ]))
            .await;
        let report = probe.reports(|report| report.children.len() == 2).await;
        assert_eq!(report.me, probe.address);
        assert!(probe.at(report.children[1]).answers().await);
    });
}

#[test]
fn life_017_an_exit_takes_all_descendants_along() {
    run(async {
        let world = World::new().await;
        let mut line = vec![world.probe().await];
        for _ in 0..3 {
            let child = line.last().unwrap().child(json!({ "class": "Probe" })).await;
            line.push(child);
        }
        let top = &line[0];
        assert_eq!(top.client.exit_and_wait(top.address, true).await.unwrap(), ExitReason::Requested);
        for gone in &line {
            let error = gone.try_echo("hi").await.unwrap_err();
            assert!(matches!(error, ClientError::Node(ControlError::TargetDead { .. })), "{error}");
        }
        assert!(top.client.actors().await.unwrap().is_empty());
    });
}

#[test]
fn life_019_a_child_that_ends_itself_is_replaced_at_a_new_address() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let parent = probe.child(json!({ "class": "Probe" })).await;
        let deep = parent.child(json!({ "class": "Probe" })).await;
        parent.tell(json!([{ "on_child_exit": { "steps": [{ "create": { "class": "Probe" } }] } }])).await;
        deep.tell(json!([{ "exit": { "target": "me", "recursive": true } }])).await;
        let report = parent.reports(|report| report.children.len() == 2).await;
        assert_eq!(report.exits, [(deep.address, "requested".to_string())]);
        assert_ne!(report.children[1], deep.address);
        assert!(parent.at(report.children[1]).answers().await);
    });
}

#[test]
fn life_021_a_trap_ends_a_child_whose_class_says_exit_and_its_parent_hears() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let mortal = probe.child(json!({ "class": "Mortal" })).await;
        probe.tell(json!([{ "on_child_exit": { "steps": [{ "create": { "class": "Mortal" } }] } }])).await;
        let death = mortal.client.ask(mortal.address, message("Die", &json!({})), None).await.unwrap();
        assert!(poison(death).details.contains("told to die"));
        let report = probe.reports(|report| report.children.len() == 2).await;
        assert_eq!(report.exits.len(), 1);
        assert_eq!(report.exits[0].0, mortal.address);
        assert!(report.exits[0].1.starts_with("failed: trapped"), "{:?}", report.exits);
        assert!(report.exits[0].1.contains("told to die"), "{:?}", report.exits);
        assert_ne!(report.children[1], mortal.address);
        assert!(probe.at(report.children[1]).answers().await);
    });
}

#[test]
fn life_022_a_failing_exit_turn_ends_the_actor_all_the_same() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        for failing in [json!({ "fail": { "reason": "no" } }), json!({ "trap": { "reason": "no" } })] {
            let child = probe.child(json!({ "class": "Probe" })).await;
            child.tell(json!([{ "on_exit": { "steps": [failing] } }])).await;
            probe.tell(json!([{ "exit": { "target": "child", "recursive": true } }])).await;
            let report = probe
                .reports(|report| report.exits.last().is_some_and(|(gone, _)| *gone == child.address))
                .await;
            assert_eq!(report.exits.iter().filter(|(gone, _)| *gone == child.address).count(), 1);
            assert_eq!(report.exits.last().unwrap().1, "requested");
            assert!(report.poisons.is_empty(), "{:?}", report.poisons);
        }
    });
}

#[test]
fn life_024_children_are_kept_where_the_exit_turn_says_so() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let child = probe.child(json!({ "class": "Probe" })).await;
        probe.tell(json!([{ "on_exit": { "steps": ["keep_children"] } }])).await;
        assert_eq!(probe.client.exit_and_wait(probe.address, true).await.unwrap(), ExitReason::Requested);
        assert!(child.answers().await);
        let actors = child.client.actors().await.unwrap();
        assert_eq!(actors.len(), 1);
        assert_eq!((actors[0].address, actors[0].parent), (child.address, None));
    });
}

#[test]
fn life_024b_an_exit_that_is_not_recursive_keeps_the_children() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let child = probe.child(json!({ "class": "Probe" })).await;
        probe.client.exit_and_wait(probe.address, false).await.unwrap();
        assert!(child.answers().await);
    });
}

#[test]
fn life_027_what_was_queued_before_an_exit_request_is_answered() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        // The actor itself sends them in one turn, so that they are all there before it looks at the first.
        let word =
            json!({ "run": { "on": "me", "steps": [{ "say": { "to": "origin", "text": "answer" } }] } });
        let mut steps = vec![word; 5];
        steps.push(json!({ "exit": { "target": "me", "recursive": true } }));
        probe.tell(json!(steps)).await;
        for _ in 0..5 {
            assert_eq!(probe.hear().await, "answer");
        }
        until(async || probe.client.actors().await.unwrap().is_empty()).await;
    });
}

#[test]
fn life_028_what_is_queued_behind_an_exit_request_becomes_dead_letters() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let steps = json!([
            { "exit": { "target": "me", "recursive": true } },
            { "count": { "to": "me", "first": 0, "len": 3 } },
        ]);
        probe.tell(steps).await;
        until(async || probe.client.actors().await.unwrap().is_empty()).await;
        let status = probe.client.status().await.unwrap();
        assert_eq!(status.dead_letters, 3);
        for letter in &status.recent_dead_letters {
            assert_eq!((letter.target, &*letter.type_name), (probe.address, "Number"));
            assert!(!letter.reason.is_empty());
        }
    });
}

#[test]
fn life_030_a_parent_that_replaces_a_hopeless_child_for_ever_still_answers() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let again = json!([{ "create": { "class": "FailsToStart" } }]);
        probe
            .tell(json!([
                { "on_child_exit": { "steps": again, "times": 1_000_000 } },
                { "create": { "class": "FailsToStart" } },
            ]))
            .await;
        let report = probe.reports(|report| report.exits.len() > 20).await;
        assert!(report.children.len() >= report.exits.len());
        assert!(probe.answers().await);
        probe.client.kill(probe.address).await.unwrap();
    });
}

#[test]
fn life_031_an_exit_request_to_an_outside_endpoint_changes_nothing() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let me = probe.client.endpoint().to_string();
        probe
            .tell(json!([
                { "exit": { "target": me, "recursive": true } },
                { "say": { "to": me, "text": "still here" } },
                { "on_exit": { "steps": [{ "exit": { "target": "origin", "recursive": true } }] } },
            ]))
            .await;
        assert_eq!(probe.hear().await, "still here");
        assert_eq!(probe.client.exit_and_wait(probe.address, true).await.unwrap(), ExitReason::Requested);
        let error = probe.client.exit(probe.client.endpoint(), true).await.unwrap_err();
        assert!(matches!(error, ClientError::Node(ControlError::TargetDead { .. })), "{error}");
        assert!(Probe::create(&probe.client, "Probe").await.answers().await);
    });
}

#[test]
fn a_trapped_actor_lives_on_at_its_address_and_its_children_with_it() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let child = probe.child(json!({ "class": "Probe", "watch": true })).await;
        let grandchild = child.child(json!({ "class": "Probe" })).await;
        let back = poison(child.ask(json!([{ "trap": { "reason": "ouch" } }])).await);
        assert!(back.details.contains("ouch") && back.details.contains("attempt 2"), "{}", back.details);
        let report = child.report().await;
        // One instance for each attempt, and the one that reports.
        assert_eq!((report.me, report.incarnation, report.runs), (child.address, 3, 1));
        assert!(grandchild.answers().await);
        let seen = probe.reports(|report| report.restarts.len() == 2).await;
        assert_eq!(seen.restarts, [(child.address, 2), (child.address, 3)]);
        assert!(seen.exits.is_empty());
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
fn the_tree_of_actors_lists_parents_before_their_children() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let child = probe.child(json!({ "class": "Patient" })).await;
        let other = Probe::create(&probe.client, "Idle").await;
        let actors = probe.client.actors().await.unwrap();
        let place = |probe: &Probe| actors.iter().position(|actor| actor.address == probe.address).unwrap();
        assert_eq!(place(&child), place(&probe) + 1);
        assert_eq!(actors[place(&child)].parent, Some(probe.address));
        assert_eq!(actors[place(&child)].class, "Patient");
        assert_eq!(actors[place(&other)].parent, None);
    });
}

#[test]
fn an_init_message_and_an_answer_to_traps_reach_the_actor() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let hash = load(&probe.client, thespian_guests::PROBE).await;
        let mut create = class(&hash[..8], "Probe");
        create.init = Some(message("Said", &json!({ "text": "welcome" })));
        create.on_trap = Some(thespian_core::fate::OnTrap::Exit);
        let (address, class) = probe.client.create_with(create).await.unwrap();
        assert_eq!(class, "Probe");
        let made = probe.at(address);
        assert_eq!(made.report().await.init.as_deref(), Some("welcome"));
        made.ask(json!([{ "trap": { "reason": "once" } }])).await;
        // The poison is on its way before the end is entered into the status.
        until(async || {
            let ended = probe.client.status().await.unwrap().recent_ended;
            ended.iter().any(|gone| gone.address == address)
        })
        .await;
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
        let (received, followed, ()) = tokio::join!(
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
