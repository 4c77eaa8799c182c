//! Crowds of another source, and of the bystander's own: none does what is forbidden, and together they want all the time there
//! is.

use std::time::{Duration, Instant};

use thespian_core::address::ActorAddress;

use crate::arena::{Arena, another_source, go, run, within};

const CROWD: usize = 1_000;
/// Work of each for one message.
const EACH: Duration = Duration::from_micros(900);
/// How long others are asked beside it.
const LENGTH: Duration = Duration::from_secs(2);

/// How long the crowd takes until each of it has had one message: so long everybody waits in a queue that is first in, first out.
fn round() -> Duration {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    EACH * (CROWD / cores) as u32
}

async fn gather(arena: &Arena, source: &str, class: &str, count: usize, n: u64) -> Vec<ActorAddress> {
    arena.expect_crowd(count);
    let mut crowd = Vec::new();
    for _ in 0..count {
        crowd.push(arena.client.create(source, class).await.unwrap());
    }
    for actor in &crowd {
        arena.client.tell(*actor, go(n, "")).await.unwrap();
    }
    crowd
}

/// The longest that the bystander waited, of many times.
async fn longest_wait(arena: &Arena) -> Duration {
    let until = Instant::now() + LENGTH;
    let mut longest = Duration::ZERO;
    while Instant::now() < until {
        longest = longest.max(arena.ask_bystander().await);
    }
    longest
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

#[test]
fn a_crowd_of_another_source_holds_nobody_up() {
    run(async |arena| {
        let source = another_source(arena).await;
        gather(arena, &source, "KeepsCoreBusy", CROWD, us(EACH)).await;
        let longest = longest_wait(arena).await;
        assert!(longest < round() / 4, "{longest:?}, where a round takes {:?}", round());
    });
}

#[test]
fn a_crowd_of_the_same_source_makes_nobody_wait_for_many_of_its_rounds() {
    run(async |arena| {
        gather(arena, &arena.source, "KeepsCoreBusy", CROWD, us(EACH)).await;
        let longest = longest_wait(arena).await;
        // A machine that does other things as well gives the crowd a part of its cores, and a round takes longer.
        assert!(longest < round() * 5, "{longest:?}, where a round takes {:?}", round());
    });
}

#[test]
fn parents_whose_children_die_in_their_start_hold_nobody_up() {
    run(async |arena| {
        let source = another_source(arena).await;
        arena.expect_crowd(2_000);
        gather(arena, &source, "LosesChildren", 20, 100).await;
        let longest = longest_wait(arena).await;
        assert!(longest < round() / 4, "{longest:?}");
    });
}

#[test]
fn more_spinners_of_another_source_than_may_spin_fail_no_honest_turn() {
    run(async |arena| {
        let source = another_source(arena).await;
        let worker = arena.create("WorksHard").await;
        let begun = Instant::now();
        arena.attack(worker, 20, "").await.unwrap();
        let peace = begun.elapsed();
        gather(arena, &source, "Spinner", 80, 0).await;
        for _ in 0..5 {
            let begun = Instant::now();
            within("an honest turn", arena.attack(worker, 20, "")).await.unwrap();
            let took = begun.elapsed();
            assert!(took < peace * 10, "{took:?}, and {peace:?} in peace");
        }
        arena.ask_bystander().await;
    });
}
