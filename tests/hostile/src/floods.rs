//! Actors that ask for too much: messages, actors, timers, lines of the log.

use thespian_core::address::ActorAddress;
use thespian_core::limits::ActorLimits;
use thespian_host::config::NodeConfig;

use crate::arena::{Arena, go, run, run_and_drop, run_with, until, within};

#[test]
fn a_full_outbox_is_an_error_and_nothing_of_it_is_sent() {
    run(async |arena| {
        let culprit = arena.raise("Flooder", false).await;
        let why = arena.beside(arena.attack(culprit, 0, "")).await.unwrap_err();
        assert!(why.contains("outbox is full") && !why.contains("attempt 2"), "{why}");
        // Shown at the end of the activation, which may come after the poison.
        until("an empty mailbox after one turn", async || {
            let actors = arena.client.actors().await.unwrap();
            let culprit = actors.iter().find(|actor| actor.address == culprit).unwrap();
            assert!(culprit.turns <= 1, "what it sent itself is dropped");
            (culprit.mailbox_len, culprit.turns) == (0, 1)
        })
        .await;
        assert_eq!(arena.told().await.exits, []);
    });
}

#[test]
fn a_giant_message_is_refused_before_it_is_copied() {
    run(async |arena| {
        let culprit = arena.raise("GiantMessage", false).await;
        let why = arena.beside(arena.attack(culprit, 24, "")).await.unwrap_err();
        assert!(why.contains("more bytes at once than a message may have"), "{why}");
        // A gigabyte does not even fit the actor.
        let why = arena.beside(arena.attack(culprit, 1_024, "")).await.unwrap_err();
        assert!(why.contains("more memory than it may have"), "{why}");
        let giant = thespian_core::message::Message::bytes("Giant", vec![0; 1 << 30]);
        let refused = arena.client.tell(culprit, giant).await.unwrap_err().to_string();
        assert!(refused.contains("at most"), "{refused}");
    });
}

#[test]
fn a_storm_of_lines_is_cut_short_and_counted() {
    run(async |arena| {
        let culprit = arena.raise("PrintStorm", false).await;
        let why = arena.beside(arena.attack(culprit, 0, "")).await.unwrap_err();
        assert!(why.contains("more CPU time"), "{why}");
        within("the kill", arena.client.kill(culprit)).await.unwrap();
        let (mut lines, mut suppressed) = (0, 0);
        let logs = arena.client.logs(Some(culprit), None, false, |record| {
            lines += usize::from(record.target == "stdout");
            suppressed += usize::from(record.text.contains("suppressed"));
        });
        logs.await.unwrap();
        let seconds = 30;
        let most = ActorLimits::default().log_records_per_second_max as usize * seconds;
        assert!((1..=most).contains(&lines) && suppressed > 0, "{lines} lines, {suppressed} remarks");
    });
}

#[test]
fn what_actors_write_steers_no_terminal() {
    run(async |arena| {
        let culprit = arena.create("Logger").await;
        arena.attack(culprit, 0, "").await.unwrap();
        let mut records = Vec::new();
        arena.client.logs(Some(culprit), None, false, |record| records.push(record)).await.unwrap();
        assert!(records.len() >= 4, "{records:?}");
        for record in records {
            let acts = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
            assert!(!record.text.contains(acts) && !record.text.contains('\u{202e}'), "{record:?}");
            assert!(record.text.len() <= 2 * ActorLimits::default().log_record_bytes_max);
        }
    });
}

#[test]
fn a_thousand_fillers_of_one_mailbox_hold_nobody_up() {
    run(async |arena| {
        // It spins for as long as it may, a second for each message, so that its mailbox fills.
        let victim = arena.create("Spinner").await;
        arena.expect_crowd(1_000);
        let mut fillers = Vec::new();
        for _ in 0..1_000 {
            fillers.push(arena.create("Filler").await);
        }
        let flood = async {
            for _ in 0..50 {
                arena.client.tell(victim, go(0, "")).await.unwrap();
            }
            for filler in &fillers {
                arena.client.tell(*filler, go(40, &victim.to_string())).await.unwrap();
            }
            until("a full mailbox", async || {
                let actors = arena.client.actors().await.unwrap();
                let victim = actors.iter().find(|actor| actor.address == victim).unwrap();
                let limits = ActorLimits::default();
                assert!(victim.mailbox_len <= limits.mailbox_len_max as u64 + 64);
                assert!(victim.mailbox_bytes <= limits.mailbox_bytes_max as u64);
                victim.mailbox_bytes >= limits.mailbox_bytes_max as u64 / 2
            })
            .await;
            // A killed one ends when what it sent is accepted, or has waited for long enough.
            let mut kills = tokio::task::JoinSet::new();
            for filler in fillers.clone() {
                let client = arena.client.clone();
                kills.spawn(async move { client.kill(filler).await.unwrap() });
            }
            for end in within("the kills", kills.join_all()).await {
                assert!(end.to_string().starts_with("killed"), "{end}");
            }
        };
        arena.beside(flood).await;
    });
}

#[test]
fn a_bomb_of_children_is_told_that_the_host_is_full_and_one_kill_ends_it() {
    let config = NodeConfig { actors_max: Some(2_000), ..NodeConfig::default() };
    run_with(config, async |arena| {
        arena.expect_crowd(2_000);
        let root = arena.create("ChildBomb").await;
        let bomb = async {
            let mut echoes = Vec::new();
            arena.client.tell(root, go(5, "")).await.unwrap();
            // Of the places that it shares with others, and a reserve.
            until("a full host", async || arena.status().await.actors >= 1_500).await;
            // An operator still has places, until they have taken the last.
            let refused = loop {
                match arena.client.create(&arena.source, "Echo").await {
                    Ok(echo) => echoes.push(echo),
                    Err(refused) => break refused.to_string(),
                }
            };
            assert!(
                refused.contains("can map no more") && echoes.len() >= 250,
                "{refused}: {}",
                echoes.len()
            );
            for echo in echoes {
                arena.client.kill(echo).await.unwrap();
            }
            let end = within("the kill", arena.client.kill(root)).await.unwrap();
            assert!(end.to_string().starts_with("killed"));
            until("the whole family to be gone", async || arena.status().await.actors == 2).await;
        };
        arena.beside(bomb).await;
    });
}

#[test]
fn a_node_that_is_dropped_amid_a_flood_leaves_nothing_behind() {
    for _ in 0..5 {
        let config = NodeConfig { actors_max: Some(500), ..NodeConfig::default() };
        run_and_drop(config, async |arena| {
            let root = arena.create("ChildBomb").await;
            arena.client.tell(root, go(5, "")).await.unwrap();
            until("a full host", async || arena.status().await.actors >= 375).await;
        });
    }
}

#[test]
fn a_create_beyond_the_hosts_room_is_an_error_that_the_guest_can_handle() {
    let config = NodeConfig { actors_max: Some(100), ..NodeConfig::default() };
    run_with(config, async |arena| {
        let culprit = arena.create("ChildBomb").await;
        let done = arena.beside(arena.attack(culprit, 1_000, "")).await.unwrap();
        assert!(done["text"].as_str().unwrap().contains("exhausted"), "{done}");
        assert_eq!(
            done["n"], 73,
            "a quarter is not for one source, and the echo, the parent and itself have a place"
        );
    });
}

#[test]
fn a_bomb_of_timers_is_bounded_and_ticks_beside_others() {
    // One less than fits an outbox: the answer has to fit as well.
    let limits = ActorLimits { wakeups_max: 9_999, ..ActorLimits::default() };
    run_with(NodeConfig { limits, ..NodeConfig::default() }, async |arena| {
        let culprit = arena.create("TimerBomb").await;
        let done = arena.beside(arena.attack(culprit, 1, "")).await.unwrap();
        assert_eq!(done["n"], limits.wakeups_max);
        assert!(done["text"].as_str().unwrap().contains("exhausted"), "{done}");
        arena.beside(until("many of them", async || arena.status().await.messages > 50_000)).await;
        // A timer at the end of time is one more timer.
        let late = arena.create("TimerBomb").await;
        arena.attack(late, u64::MAX / 2_000_000, "").await.unwrap();
    });
}

#[test]
fn poison_that_makes_two_of_itself_fills_one_mailbox_only() {
    run(async |arena| {
        let culprit = arena.create("PoisonBomb").await;
        arena.client.tell(culprit, go(0, "")).await.unwrap();
        arena.beside(until("a full mailbox", async || is_full(arena, culprit).await)).await;
    });
}

#[test]
fn questions_that_come_back_fill_one_mailbox_only_and_are_dead_letters_beyond_it() {
    run(async |arena| {
        let culprit = arena.create("AskBomb").await;
        let gone = arena.create("Echo").await;
        arena.client.kill(gone).await.unwrap();
        let before = arena.status().await.dead_letters;
        arena.client.tell(culprit, go(1_000, &gone.to_string())).await.unwrap();
        let flood = until("more than it has room for", async || {
            is_full(arena, culprit).await;
            arena.status().await.dead_letters > before
        });
        arena.beside(flood).await;
    });
}

/// Whether a turn of this actor has failed for want of room, and never is there more than its mailbox and its batch hold.
async fn is_full(arena: &Arena, culprit: ActorAddress) -> bool {
    let actors = arena.client.actors().await.unwrap();
    let culprit = actors.iter().find(|actor| actor.address == culprit).unwrap();
    assert!(culprit.mailbox_len <= ActorLimits::default().mailbox_len_max as u64 + 64);
    culprit.mailbox_len >= ActorLimits::default().mailbox_len_max as u64 / 2
}

#[test]
fn messages_that_make_two_of_themselves_fill_one_mailbox_only() {
    run(async |arena| {
        let culprit = arena.create("SelfBomb").await;
        arena.client.tell(culprit, go(0, "")).await.unwrap();
        let full = until("a full mailbox", async || {
            let actors = arena.client.actors().await.unwrap();
            let culprit = actors.iter().find(|actor| actor.address == culprit).unwrap();
            assert!(culprit.mailbox_len <= ActorLimits::default().mailbox_len_max as u64 + 64);
            culprit.poisoned > 0
        });
        arena.beside(full).await;
    });
}
