//! Whole lives of a node, thousands of them, in an order that a seed chooses: the very `Admin`, `Actor`, `Mailbox`,
//! `Outbox` and `Timers` that ship, with scripted guests and virtual time. What must hold is in the ledger.
#![cfg(test)]

mod carrier;
mod ledger;
mod rng;
mod world;

use std::collections::BTreeMap;

use thespian_core::envelope::{Body, Envelope};
use thespian_core::event::Event;
use thespian_core::mailbox::Push;
use thespian_core::source::{Rights, SourceHash};
use thespian_core::wire::control::CreateActor;

use crate::ledger::numbered;
use crate::world::{OUTSIDE, SLOTS, Sabotage, World};

/// Lives of one run; `THESPIAN_LIVES` sets another number.
const LIVES: u64 = 400;
const TICKS_MAX: usize = 200_000;

/// What must have happened often for these lives to show anything.
const EVERYDAY: [&str; 12] = [
    "actors",
    "dead letters",
    "ends",
    "failures",
    "full nodes",
    "kills",
    "pauses",
    "poison",
    "restarts",
    "retries",
    "turns",
    "waits for room",
];

/// One life of a node.
///
/// # Errors
/// Everything that did not hold.
fn live(seed: u64, sabotage: Option<Sabotage>) -> Result<BTreeMap<&'static str, usize>, String> {
    let mut world = World::new(seed, sabotage);
    let mut ticks = 0;
    for _ in 0..60 {
        ask_something(&mut world);
        for _ in 0..world.rng.below(40) {
            ticks += usize::from(world.tick());
        }
    }
    while ticks < TICKS_MAX && world.tick() {
        ticks += 1;
    }
    if ticks < TICKS_MAX {
        let World { ledger, cells, .. } = &mut world;
        ledger.check_quiet(|actor| cells.contains_key(&actor));
    }
    for _ in 0..=world.rng.below(2) {
        let asker = world.new_asker();
        world.events.push_back(Event::StopAsked { asker });
    }
    while !world.stopped && ticks < 2 * TICKS_MAX && world.tick() {
        ticks += 1;
    }
    // What was asked in the very end is answered too.
    while let Some(event) = world.events.pop_front() {
        world.tell_admin(event);
    }
    if !world.stopped {
        world.ledger.violations.push(format!("it does not stop after {ticks} ticks"));
    }
    if !world.cells.is_empty() || !world.admin().family().is_empty() {
        world.ledger.violations.push(format!("{} actors are left", world.cells.len()));
    }
    if world.slots != 0 || world.budget.used() != 0 {
        let (slots, bytes) = (world.slots, world.budget.used());
        world.ledger.violations.push(format!("{slots} places and {bytes} bytes are not given back"));
    }
    world.ledger.check_end();
    if world.ledger.violations.is_empty() {
        Ok(world.seen)
    } else {
        Err(world.ledger.violations.join("\n  "))
    }
}

/// A program outside asks for something.
fn ask_something(world: &mut World) {
    let hash = SourceHash([world.rng.below(2) as u8; 32]);
    let known = world.addresses.clone();
    let target = world.rng.pick(&known).unwrap_or(OUTSIDE);
    match world.rng.below(100) {
        0..=14 => {
            let asker = world.new_asker();
            let label = String::new();
            let rights = Rights::default();
            world.events.push_back(Event::SourceOffered { asker, hash, label, size: 1, rights });
            leave(world, asker);
        }
        15..=44 if world.slots < SLOTS => {
            world.slots += 1;
            let address = world.new_address();
            world.enter(address);
            let class =
                world.rng.pick(&[Some("lasting"), Some("mortal"), Some("limited"), None]).unwrap_or_default();
            let create = CreateActor {
                source: if world.rng.chance(90) { hash.to_string() } else { "0".to_string() },
                class: class.map(str::to_string),
                requirements: Vec::new(),
                init: None,
                on_trap: None,
                name: None,
            };
            let asker = world.new_asker();
            world.events.push_back(Event::CreateAsked { asker, address, create });
            leave(world, asker);
        }
        45..=84 => {
            let id = world.new_number();
            let body = Body::Message(numbered(id, 10));
            if world.cells.contains_key(&target) {
                world.ledger.sent(id);
                if let Push::Full(envelope) | Push::Gone(envelope) =
                    world.push(Envelope { target, sender: OUTSIDE, body })
                {
                    // The client is told, and gives up.
                    world.ledger.dead(&envelope.body);
                }
            }
        }
        85..=89 => {
            let asker = world.new_asker();
            let recursive = world.rng.chance(50);
            world.events.push_back(Event::ExitAsked { asker, target, recursive });
            leave(world, asker);
        }
        90..=94 => {
            let asker = world.new_asker();
            world.events.push_back(Event::KillAsked { asker, target });
            leave(world, asker);
        }
        95 => {
            let asker = world.new_asker();
            world.events.push_back(Event::UnloadAsked { asker, source: hash.to_string() });
        }
        _ => {}
    }
}

/// Some askers do not wait for their answer.
fn leave(world: &mut World, asker: thespian_core::event::Asker) {
    if world.rng.chance(10) {
        world.ledger.left(asker);
        world.events.push_back(Event::AskerLeft { asker });
    }
}

/// Prints how a life that ends in a panic can be lived again.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("run it again: THESPIAN_SEED={} cargo test -p thespian-simulation any_order", self.0);
        }
    }
}

#[test]
fn any_order_of_events_keeps_every_promise() {
    let seeds = match std::env::var("THESPIAN_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("THESPIAN_SEED is a number");
            seed..seed + 1
        }
        Err(_) => {
            let lives = std::env::var("THESPIAN_LIVES").ok().and_then(|lives| lives.parse().ok());
            1..lives.unwrap_or(LIVES) + 1
        }
    };
    let mut seen = BTreeMap::new();
    for seed in seeds.clone() {
        let _replay = Replay(seed);
        match live(seed, None) {
            Ok(life) => life.into_iter().for_each(|(what, times)| *seen.entry(what).or_insert(0) += times),
            Err(broken) => panic!("with seed {seed}:\n  {broken}"),
        }
    }
    println!("{} lives with {seen:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= LIVES {
        let rare: Vec<_> = EVERYDAY.into_iter().filter(|what| seen.get(what) < Some(&100)).collect();
        assert!(rare.is_empty(), "these lives have too little of {rare:?} to show anything");
        let late = seen.get("exits that took too long").copied().unwrap_or_default();
        assert!(late * 100 < seen["ends"], "{late} actors had to be killed because they did not exit");
    }
}

#[test]
fn the_same_seed_is_the_same_life() {
    let lives = [live(7, None), live(7, None)].map(|life| format!("{life:?}"));
    assert_eq!(lives[0], lives[1]);
}

/// Whether this fault in the doer brings about this complaint.
#[track_caller]
fn assert_caught(sabotage: Sabotage, complaint: &str) {
    let complaints: Vec<String> = (1..=60).filter_map(|seed| live(seed, Some(sabotage)).err()).collect();
    let is_caught = complaints.iter().any(|found| found.contains(complaint));
    assert!(is_caught, "{sabotage:?} should be noticed, these are the complaints: {complaints:?}");
}

#[test]
fn a_message_that_is_lost_is_noticed() {
    assert_caught(Sabotage::DropMessage, "is lost");
}

#[test]
fn a_message_that_comes_twice_is_noticed() {
    assert_caught(Sabotage::DuplicateMessage, "but it is");
}

#[test]
fn messages_that_overtake_each_other_are_noticed() {
    assert_caught(Sabotage::ReorderMessages, " after ");
}

#[test]
fn a_message_that_is_handled_and_a_dead_letter_is_noticed() {
    assert_caught(Sabotage::HandleAfterEnd, "but it is Some(Handled)");
}

#[test]
fn an_exit_notice_that_is_lost_is_noticed() {
    assert_caught(Sabotage::DropExitNotice, "has not heard of the end");
}

#[test]
fn an_exit_notice_that_comes_twice_is_noticed() {
    assert_caught(Sabotage::DuplicateExitNotice, "hears of");
}

#[test]
fn a_child_that_speaks_after_its_end_is_noticed() {
    assert_caught(Sabotage::SpeakAfterEnd, "after its end");
}

#[test]
fn a_place_that_is_kept_is_noticed() {
    assert_caught(Sabotage::KeepSlot, "are not given back");
}

#[test]
fn an_answer_that_is_kept_is_noticed() {
    assert_caught(Sabotage::KeepAnswer, "got 0 answers");
}
