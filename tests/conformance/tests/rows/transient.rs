//! Actors that end of themselves.

use std::time::{Duration, Instant};

use thespian_conformance::{DEADLINE, Probe, World, echo, run, said, until};

const LIFE: Duration = Duration::from_millis(500);

async fn ended(probe: &Probe) -> String {
    let mut reason = None;
    until(async || {
        let ended = probe.client.status().await.unwrap().recent_ended;
        reason =
            ended.iter().find(|ended| ended.address == probe.address).map(|ended| ended.reason.to_string());
        reason.is_some()
    })
    .await;
    reason.unwrap()
}

#[test]
fn help_217_a_transient_actor_ends_a_while_after_its_first_message() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let (used, idle) = (Probe::create(&client, "Mayfly").await, Probe::create(&client, "Mayfly").await);
        let begun = Instant::now();
        let mut answers = 0_u32;
        // It answers for as long as it lives, whatever comes.
        while let Ok(answer) = client.ask(used.address, echo("?"), Some(DEADLINE)).await {
            assert_eq!(said(answer), "?");
            answers += 1;
        }
        assert!(begun.elapsed() >= LIFE && answers > 0);
        assert_eq!(ended(&used).await, "requested");
        // One that was never used still waits for its first message.
        assert!(idle.answers().await);
        ended(&idle).await;
    });
}

#[test]
fn help_218_a_transient_idle_actor_lives_as_long_as_it_is_used() {
    run(async {
        let world = World::new().await;
        let probe = Probe::create(&world.client().await, "Lonely").await;
        let begun = Instant::now();
        let mut last = begun;
        while begun.elapsed() < 3 * LIFE {
            last = Instant::now();
            assert!(probe.answers().await);
        }
        assert_eq!(ended(&probe).await, "requested");
        assert!(last.elapsed() >= LIFE);
        assert_eq!(probe.client.actors().await.unwrap().len(), 0);
    });
}
