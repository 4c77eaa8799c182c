//! Actors that break: they trap, use up what they may have, or call what they must not.

use thespian_core::message::Message;
use thespian_core::wire::control::ActorPhase;

use crate::arena::{run, until, within};

/// The culprit's message comes back for this reason, and nothing else happens: it lives on, in a fresh instance.
async fn comes_back(arena: &crate::arena::Arena, class: &str, n: u64, because: &str) {
    let culprit = arena.raise(class, false).await;
    let why = arena.beside(arena.attack(culprit, n, "")).await.unwrap_err();
    assert!(why.contains(because), "{class}: {why}");
    let told = arena.told().await;
    assert_eq!(told.exits, [], "{class}");
}

/// The culprit ends for this reason, and its parent hears of it once.
async fn ends(arena: &crate::arena::Arena, class: &str, n: u64, because: &str) {
    let culprit = arena.raise(class, true).await;
    let why = arena.beside(arena.attack(culprit, n, "")).await.unwrap_err();
    assert!(why.contains(because), "{class}: {why}");
    let end = arena.end_of(culprit).await;
    assert!(end.starts_with("failed: ") && end.contains(because), "{class}: {end}");
}

#[test]
fn a_memory_bomb_is_refused_its_memory_and_ends_alone() {
    run(async |arena| {
        comes_back(arena, "MemoryBomb", 0, "more memory than it may have").await;
        ends(arena, "MemoryBomb", 0, "more memory than it may have").await;
    });
}

#[test]
fn deep_recursion_ends_in_the_guest_not_in_the_host() {
    run(async |arena| {
        for (n, because) in [
            (0, "trapped: its stack is used up (512 KiB are allowed): it calls itself without end"),
            (
                1,
                "its stack in memory is used up (1 MiB in Rust where nobody has said otherwise): large values belong into a `Box`",
            ),
        ] {
            comes_back(arena, "DeepRecursion", n, because).await;
            ends(arena, "DeepRecursion", n, because).await;
        }
    });
}

#[test]
fn memory_of_one_actor_never_shows_in_another() {
    run(async |arena| {
        for _ in 0..4 {
            let hoarder = arena.create("Hoarder").await;
            assert_eq!(arena.attack(hoarder, 24, "fill").await.unwrap()["n"], 24 << 20);
            within("the kill", arena.client.kill(hoarder)).await.unwrap();
            let snoop = arena.create("Hoarder").await;
            assert_eq!(arena.attack(snoop, 24, "").await.unwrap()["n"], 0, "a secret was left behind");
            within("the kill", arena.client.kill(snoop)).await.unwrap();
        }
    });
}

#[test]
fn waiting_within_a_turn_is_refused_with_words_that_help() {
    run(async |arena| {
        comes_back(arena, "Sleeper", 0, "wakeup-after").await;
        comes_back(arena, "PollsNothing", 0, "a poll takes 1 to").await;
        ends(arena, "Sleeper", 0, "wakeup-after").await;
    });
}

#[test]
fn an_actor_can_not_end_its_process() {
    run(async |arena| {
        let text = "trapped: it ended its process (`std::process::exit`), which here only loses the instance with its \
                    state: an actor ends by a request to exit to its own address (`ctx.exit()`)";
        comes_back(arena, "Exits", 0, text).await;
    });
}

#[test]
fn resources_that_are_never_given_back_are_bounded() {
    run(async |arena| comes_back(arena, "ResourceLeak", 0, "").await);
}

#[test]
fn pointers_that_lie_end_the_turn_and_nothing_else() {
    run(async |arena| {
        for kind in 0..6 {
            let culprit = arena.raise("LyingPointer", false).await;
            let why = arena.attack(culprit, kind, "").await.unwrap_err();
            assert!(why.contains("attempt 2"), "kind {kind} is a trap, tried once more: {why}");
        }
        assert_eq!(arena.told().await.exits, []);
    });
}

#[test]
fn what_traps_on_every_message_is_paused_and_others_are_not() {
    run(async |arena| {
        let culprit = arena.raise("Trapper", false).await;
        let storm = async {
            let prod = Message::json("Prod", format!(r#"{{"target":"{culprit}","times":400,"n":0}}"#));
            arena.client.tell(arena.parent, prod).await.unwrap();
            until("the pause", async || {
                let actors = arena.client.actors().await.unwrap();
                actors.iter().any(|actor| actor.address == culprit && actor.phase == ActorPhase::Paused)
            })
            .await;
        };
        arena.beside(storm).await;
        let status = arena.status().await;
        assert!(status.restarts >= 100, "the budget is spent before the pause: {}", status.restarts);
        let told = arena.told().await;
        assert_eq!(told.exits, [], "bad messages end no actor");
        assert!(told.restarts >= 100);
    });
}

#[test]
fn an_actor_that_traps_ends_where_its_creator_says_so() {
    run(async |arena| ends(arena, "Trapper", 0, "as always").await);
}

#[test]
fn a_start_that_traps_is_told_once() {
    run(async |arena| {
        let culprit = arena.raise("PanicsAtStart", false).await;
        let end = arena.end_of(culprit).await;
        assert!(end.starts_with("never started: ") && end.contains("no beginning"), "{end}");
        let refused = arena.client.create(&arena.source, "PanicsAtStart").await.unwrap_err().to_string();
        assert!(refused.contains("no beginning"), "{refused}");
    });
}
