//! Actors that never come to an end: the others keep a core.

use std::time::Instant;

use thespian_core::address::ActorAddress;

use crate::arena::{Arena, DEADLINE, go, run, within};

const TOO_LONG: &str = "more CPU time than it may";

/// Lets these spin at once, until the message of each comes back.
async fn all_spin(arena: &Arena, spinners: &[ActorAddress]) {
    for spinner in spinners {
        arena.client.tell(*spinner, go(0, "")).await.unwrap();
    }
    arena
        .beside(async {
            for _ in spinners {
                let back = arena.client.listen(Some(DEADLINE)).await.unwrap();
                let why = crate::arena::answer(back).unwrap_err();
                assert!(why.contains(TOO_LONG), "{why}");
            }
        })
        .await;
}

async fn spinners(arena: &Arena, count: usize) -> Vec<ActorAddress> {
    let mut spinners = Vec::new();
    for _ in 0..count {
        spinners.push(arena.raise("Spinner", false).await);
    }
    spinners
}

#[test]
fn an_endless_loop_is_ended_and_told_once() {
    run(async |arena| {
        let culprit = arena.raise("Spinner", true).await;
        let why = arena.beside(arena.attack(culprit, 0, "")).await.unwrap_err();
        assert!(why.contains(TOO_LONG) && !why.contains("attempt 2"), "not tried once more: {why}");
        let end = arena.end_of(culprit).await;
        assert!(end.contains(TOO_LONG), "{end}");
    });
}

#[test]
fn an_endless_start_is_ended_and_its_create_refused() {
    run(async |arena| {
        let create = arena.client.create(&arena.source, "SpinsAtStart");
        let refused = arena.beside(create).await.unwrap_err().to_string();
        assert!(refused.contains(TOO_LONG), "{refused}");
        let child = arena.raise("SpinsAtStart", false).await;
        let end = arena.beside(arena.end_of(child)).await;
        assert!(end.starts_with("never started: ") && end.contains(TOO_LONG), "{end}");
    });
}

#[test]
fn a_check_that_never_ends_is_a_no_and_holds_nobody_up() {
    run(async |arena| {
        let crowd = async {
            for _ in 0..20 {
                let refused = arena.client.create(&arena.source, "Undecided").await.unwrap_err().to_string();
                assert!(refused.starts_with("no compatible host for `Undecided`"), "{refused}");
                assert!(refused.contains(TOO_LONG), "{refused}");
            }
        };
        arena.beside(crowd).await;
        let child = arena.raise("Undecided", false).await;
        let end = arena.beside(arena.end_of(child)).await;
        assert!(end.starts_with("never started: ") && end.contains(TOO_LONG), "{end}");
        let refused = arena.client.create(&arena.source, "Indisposed").await.unwrap_err().to_string();
        assert!(
            refused.contains("own check failed: trapped") && refused.contains("ask me another"),
            "{refused}"
        );
    });
}

#[test]
fn a_spinner_on_every_core_holds_nobody_up() {
    run(async |arena| {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        all_spin(arena, &spinners(arena, cores).await).await;
    });
}

#[test]
fn thirty_spinners_hold_nobody_up_and_die_when_killed() {
    run(async |arena| {
        let spinners = spinners(arena, 30).await;
        for spinner in &spinners {
            arena.client.tell(*spinner, go(0, "")).await.unwrap();
        }
        let kill_all = async {
            let asked = Instant::now();
            let status = arena.status().await;
            assert!(asked.elapsed() < DEADLINE / 10, "control answers meanwhile");
            assert!(status.actors > 2, "the bystander, the parent, and those that spin");
            for spinner in &spinners {
                let end = within("a kill", arena.client.kill(*spinner)).await.unwrap().to_string();
                assert!(end.starts_with("killed"), "{end}");
            }
        };
        arena.beside(kill_all).await;
        let mut told = Vec::new();
        while told.len() < spinners.len() {
            told.extend(arena.told().await.exits.into_iter().map(|(who, _)| who));
        }
        let all: std::collections::BTreeSet<_> = told.iter().collect();
        assert_eq!((told.len(), all.len()), (30, 30), "each end is told once");
    });
}

#[test]
fn randomness_without_end_is_an_endless_loop() {
    run(async |arena| {
        let culprit = arena.raise("RandomHog", false).await;
        let why = arena.beside(arena.attack(culprit, 0, "")).await.unwrap_err();
        assert!(why.contains(TOO_LONG), "{why}");
    });
}

#[test]
fn an_actor_that_keeps_itself_busy_takes_turns_with_others() {
    run(async |arena| {
        let busy = arena.create("KeepsSelfBusy").await;
        for _ in 0..100 {
            arena.client.tell(busy, go(0, "")).await.unwrap();
        }
        let exit = async {
            crate::arena::until("some turns", async || arena.status().await.messages > 20_000).await;
            within("the exit", arena.client.exit_and_wait(busy, true)).await.unwrap()
        };
        let end = arena.beside(exit).await;
        assert_eq!(end.to_string(), "requested", "it exits in the order of its mailbox");
    });
}
