//! Hoards of another source: each actor keeps what it may, and together they want all the memory there is.

use thespian_host::config::NodeConfig;

use crate::arena::{Arena, another_source, go, memory, run_with, until};
use crate::splice;

const MIB: usize = 1 << 20;
/// Memory of the node: little, so that a hoard is soon as big.
const BUDGET: usize = 256 * MIB;
/// What of a node, and of the test around it, can't grow.
const BESIDE: usize = 256 * MIB;

/// Lets actors hoard until their source is refused more, while the bystander is asked. Others find what they need, and all comes
/// back.
fn hoard(what: &'static str) {
    let config = NodeConfig { memory_budget_bytes: Some(BUDGET as u64), ..NodeConfig::default() };
    run_with(config, async |arena| {
        let before = memory();
        let source = another_source(arena).await;
        let breeder = arena.client.create(&source, "Breeds").await.unwrap();
        arena.expect_crowd(1_000);
        let hoards = async {
            arena.client.tell(breeder, go(500, what)).await.unwrap();
            until("the source to be refused more", async || uses(arena, &source).await.0 > 0).await;
            until("the node to be quiet", async || is_quiet(arena).await).await;
        };
        arena.beside(hoards).await;
        let status = arena.status().await;
        assert!(status.memory.bytes <= status.memory.bytes_max, "{:?}", status.memory);
        assert!(memory() < before + BUDGET + BESIDE, "{} MiB more", (memory() - before) / MIB);
        // The hoarders have what they could get, and others what they need.
        assert!(uses(arena, &source).await.1 > BUDGET as u64 / 2, "{:?}", status.memory);
        let hello = arena.load(thespian_guests::HELLO).await;
        arena.client.create(&hello, "Hello").await.unwrap();
        arena.ask_bystander().await;
        arena.client.unload(&source).await.unwrap();
        assert!(arena.client.kill_source(&source).await.unwrap() > 0);
        until("all to be given back", async || uses(arena, &source).await.1 == 0).await;
    });
}

/// How often a source was refused something, and how many bytes its actors have.
async fn uses(arena: &Arena, source: &str) -> (u64, u64) {
    let sources = arena.client.sources().await.unwrap();
    let found = sources.iter().find(|known| known.hash.to_string() == source).unwrap();
    (found.uses.refusals, found.uses.memory_bytes)
}

/// Whether no memory was drawn meanwhile.
async fn is_quiet(arena: &Arena) -> bool {
    let (before, turns) = (arena.status().await.memory.bytes, arena.status().await.messages);
    for _ in 0..20 {
        arena.ask_bystander().await;
    }
    let after = arena.status().await;
    after.memory.bytes == before && after.messages - turns == 20
}

#[test]
fn memories_of_actors_are_bounded_together() {
    hoard("memory");
}

#[test]
fn first_messages_that_are_kept_are_bounded_together() {
    hoard("init");
}

#[test]
fn payloads_of_timers_are_bounded_together() {
    hoard("wakeups");
}

#[test]
fn timers_are_bounded_together() {
    hoard("timers");
}

#[test]
fn what_is_refused_for_want_of_memory_says_so_and_by_which_setting() {
    let config = NodeConfig { memory_budget_bytes: Some(BUDGET as u64), ..NodeConfig::default() };
    run_with(config, async |arena| {
        let source = another_source(arena).await;
        let breeder = arena.client.create(&source, "Breeds").await.unwrap();
        arena.expect_crowd(1_000);
        let mut said = String::new();
        while said.is_empty() {
            let done = arena.attack(breeder, 20, "init").await.unwrap();
            said = done["text"].as_str().unwrap().to_owned();
        }
        assert!(said.contains("memory-budget-bytes") && said.contains("left is for others"), "{said}");
    });
}

/// A byte of such a list is sixteen in each instance, which the engine allocates outside of the memories and tables of the actor.
#[test]
fn what_the_engine_keeps_for_each_actor_is_bounded_together() {
    /// As many as would take three times what there is.
    const ACTORS: usize = 1_200;
    let config = NodeConfig { memory_budget_bytes: Some(BUDGET as u64), ..NodeConfig::default() };
    run_with(config, async |arena| {
        let before = memory();
        let list = format!("(func $f) (elem func {})", "$f ".repeat(40_000));
        let source = arena.client.load("lists", splice::component("", &list), |_| {}).await.unwrap();
        let hash = source.hash.to_string();
        let mut refused = None;
        arena.expect_crowd(ACTORS);
        for _ in 0..ACTORS {
            if let Err(why) = arena.client.create(&hash, "X").await {
                refused = Some(why.to_string());
                break;
            }
        }
        let why = refused.expect("a create is refused");
        assert!(why.contains("memory-budget-bytes"), "{why}");
        assert!(memory() < before + BUDGET + BESIDE, "{} MiB more", (memory() - before) / MIB);
        arena.ask_bystander().await;
        arena.client.unload(&hash).await.unwrap();
        assert!(arena.client.kill_source(&hash).await.unwrap() > 0);
        until("all to be given back", async || uses(arena, &hash).await.1 == 0).await;
    });
}
