//! One life of a node, from its first question to its stop: programs outside ask at random, and all that is to be done
//! is done in an order that the seed chooses.

use std::collections::BTreeMap;

use thespian_core::capability::Value;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::event::{Asker, Event};
use thespian_core::mailbox::Push;
use thespian_core::source::{Rights, SourceHash};
use thespian_core::wire::control::CreateActor;

use crate::classes::CLOSED;
use crate::ledger::numbered;
use crate::world::{OUTSIDE, Sabotage, World};

const TICKS_MAX: usize = 200_000;

/// One life of a node.
///
/// # Errors
/// Everything that did not hold.
pub(crate) fn live(seed: u64, sabotage: Option<Sabotage>) -> Result<BTreeMap<&'static str, usize>, String> {
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
        world.audit_quiet(true);
    }
    finish(world, ticks)
}

/// Stops the node.
///
/// # Errors
/// As for [`live`].
pub(crate) fn finish(mut world: World, mut ticks: usize) -> Result<BTreeMap<&'static str, usize>, String> {
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
            let rights = Rights { dead_letters: world.rng.chance(50), ..Rights::default() };
            world.events.push_back(Event::SourceOffered { asker, hash, label, size: 1, rights });
            leave(world, asker);
        }
        15..=44 if world.slots < world.slots_max => {
            world.slots += 1;
            let address = world.new_address();
            let name = world.rng.chance(30).then(|| world.some_name());
            if name.is_none() {
                world.enter(address);
            }
            let class = if world.rng.chance(90) { Some(world.some_class()) } else { None };
            let create = CreateActor {
                source: if world.rng.chance(90) { hash.to_string() } else { "0".to_string() },
                class,
                requirements: world.some_requirements(),
                init: None,
                on_trap: None,
                name,
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
        90..=92 => {
            let asker = world.new_asker();
            world.events.push_back(Event::KillAsked { asker, target });
            leave(world, asker);
        }
        93..=96 => world.ring(),
        97 => {
            let asker = world.new_asker();
            world.events.push_back(Event::UnloadAsked { asker, source: hash.to_string() });
        }
        98 => {
            let value = world.rng.chance(50).then_some(Value::Boolean(true));
            let asker = world.new_asker();
            let name = CLOSED.to_string();
            world.events.push_back(Event::CapabilityUpdated { asker: Some(asker), name, value });
        }
        _ => {}
    }
}

/// Some askers do not wait for their answer.
fn leave(world: &mut World, asker: Asker) {
    if world.rng.chance(10) {
        world.ledger.left(asker);
        world.events.push_back(Event::AskerLeft { asker });
    }
}
