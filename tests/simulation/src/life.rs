//! One life of a node, from its first question to its stop: programs outside ask at random, and all that is to be done
//! is done in an order that the seed chooses.

use std::collections::BTreeMap;

use thespian_core::address::HostId;
use thespian_core::capability::Value;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::event::Event;
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::Push;
use thespian_core::outbox::CreateOptions;
use thespian_core::question::{Asker, CreatorRights, NewActor, Origin, Question};
use thespian_core::role::Role;
use thespian_core::source::SourceHash;

use crate::classes::{self, CLOSED};
use crate::host::Host;
use crate::invariants::{bounds, messages::numbered};
use crate::rng::Rng;
use crate::sabotage::Sabotage;
use crate::signing;
use crate::world::World;

const TICKS_MAX: usize = 200_000;
/// A source that nobody offers.
const NO_SOURCE: SourceHash = SourceHash([9; 32]);
/// What may wait in all of a host: next to nothing, a few large messages, more than the mailboxes hold.
const QUEUED_BYTES_MAX: [usize; 3] = [8 << 10, 40 << 10, 1 << 20];

/// How often which kind of thing happened, or everything that did not hold.
pub(crate) type Outcome = Result<BTreeMap<&'static str, usize>, String>;

/// One life of one host.
///
/// # Errors
/// Everything that did not hold.
pub(crate) fn live(seed: u64, sabotage: Option<Sabotage>) -> Outcome {
    live_with(Rng::of(seed), 1, sabotage)
}

/// One life of each of two hosts without a link.
///
/// # Errors
/// Everything that did not hold.
#[cfg(not(thespian_mistakes))]
pub(crate) fn live_apart(seed: u64, sabotage: Option<Sabotage>) -> Outcome {
    live_with(Rng::of(seed), 2, sabotage)
}

/// One life of one host in which these bytes are what chance would have been.
///
/// # Errors
/// Everything that did not hold.
#[cfg(not(thespian_mistakes))]
pub(crate) fn live_as_chosen(choices: &[u8]) -> Outcome {
    live_with(Rng::chosen(choices), 1, None)
}

fn live_with(mut rng: Rng, hosts: u64, sabotage: Option<Sabotage>) -> Outcome {
    let hosts: Vec<Host> = (1..=hosts).map(|id| some_host(HostId(id), &mut rng)).collect();
    let mut world = World::new(rng, hosts).sabotaged_by(sabotage);
    let mut ticks = 0;
    for _ in 0..60 {
        world.ids().into_iter().for_each(|host| ask_something(&mut world, host));
        for _ in 0..world.rng.below(40) {
            ticks += usize::from(world.tick());
        }
    }
    while ticks < TICKS_MAX && world.tick() {
        ticks += 1;
    }
    if ticks < TICKS_MAX {
        world.audit_quiet(true);
    }
    finish(world, ticks)
}

/// A host with tight bounds.
fn some_host(id: HostId, rng: &mut Rng) -> Host {
    let limits = ActorLimits {
        outbox_len_max: 12,
        outbox_bytes_max: 100_000,
        mailbox_len_max: 3,
        mailbox_bytes_max: 60_000,
        wakeups_max: 4,
        children_max: 5,
        monitors_max: 5,
        ..ActorLimits::default()
    };
    let queued_bytes_max = rng.pick(&QUEUED_BYTES_MAX).unwrap_or_default();
    let host = Host::new(id, limits, queued_bytes_max, classes::host());
    if rng.chance(50) {
        host.judged_by_keys(signing::some_policy(rng, &BTreeMap::new()).policy)
    } else {
        host
    }
}

/// Stops every host.
///
/// # Errors
/// As for [`live`].
pub(crate) fn finish(mut world: World, mut ticks: usize) -> Outcome {
    for host in world.ids() {
        for _ in 0..=world.rng.below(2) {
            let asker = world.new_asker();
            world.host_mut(host).ask(asker, Question::Stop);
        }
    }
    let is_over = |world: &World| world.hosts().all(Host::has_stopped);
    while !is_over(&world) && ticks < 2 * TICKS_MAX && world.tick() {
        ticks += 1;
    }
    let is_stuck = !is_over(&world);
    world.complain(is_stuck.then(|| format!("it does not stop after {ticks} ticks")));
    for host in world.ids() {
        // What was asked in the very end is answered too.
        while let Some(event) = world.host_mut(host).next_event() {
            world.tell_admin(host, event);
        }
        let left = bounds::left(world.host(host));
        world.complain(left);
    }
    world.ledger.audit_end_of_all();
    world.ledger.close()
}

/// A program outside asks this host for something.
fn ask_something(world: &mut World, at: HostId) {
    let hash = SourceHash([world.rng.below(2) as u8; 32]);
    let known = world.addresses();
    let outside = world.host(at).outside();
    let target = world.rng.pick(&known).unwrap_or(outside);
    match world.rng.below(100) {
        0..=14 => {
            let asker = world.new_asker();
            let offer = signing::some_offer(&mut world.rng, hash);
            world.host_mut(at).ask(asker, Question::Load(Box::new(offer)));
            leave(world, at, asker);
        }
        15..=44 if world.host(at).slots < world.host(at).slots_max => {
            world.host_mut(at).slots += 1;
            let address = world.host_mut(at).new_address();
            let name = world.rng.chance(30).then(|| world.some_name());
            let class = if world.rng.chance(90) { Some(world.some_class()) } else { None };
            let source = if world.rng.chance(90) { hash } else { NO_SOURCE };
            let options =
                CreateOptions { requirements: world.some_requirements(), ..CreateOptions::default() };
            let role = world.rng.pick(&Role::ALL).unwrap_or(Role::Operate);
            let creator = CreatorRights::of(role);
            let create = NewActor { address, source: Ok(source), class, options, name, creator };
            let asker = world.new_asker();
            world.host_mut(at).ask(asker, Question::Create(Box::new(create)));
            leave(world, at, asker);
        }
        45..=84 => {
            let id = world.new_number();
            let envelope = Envelope { target, sender: outside, body: Body::Message(numbered(id, 10)) };
            if world.host(at).cells.contains_key(&target) {
                world.ledger.messages.sent(id);
                if let Push::Full(envelope) | Push::Gone(envelope) = world.push(at, envelope) {
                    // The client is told, and gives up.
                    let complaint = world.ledger.messages.dead(&envelope.body);
                    world.complain(complaint);
                }
            }
        }
        85..=89 => {
            let asker = world.new_asker();
            let recursive = world.rng.chance(50);
            world.host_mut(at).ask(asker, Question::Exit { target, recursive });
            leave(world, at, asker);
        }
        90..=92 => {
            let asker = world.new_asker();
            world.host_mut(at).ask(asker, Question::Kill { target });
            leave(world, at, asker);
        }
        93..=95 => world.flood_each_other(at),
        96 => {
            let asker = world.new_asker();
            let offers = world.host(at).offers();
            let policy = signing::some_policy(&mut world.rng, &offers);
            world.host_mut(at).ask(asker, Question::SetPolicy(Box::new(policy)));
        }
        97 => {
            let asker = world.new_asker();
            world.host_mut(at).ask(asker, Question::Unload { source: hash });
        }
        98 => {
            let value = world.rng.chance(50).then_some(Value::Boolean(true));
            let asker = world.new_asker();
            let name = CLOSED.to_string();
            world.host_mut(at).ask(asker, Question::UpdateCapability { name, value });
        }
        _ => {}
    }
}

/// Some askers do not wait for their answer.
fn leave(world: &mut World, at: HostId, asker: Asker) {
    if world.rng.chance(10) {
        world.ledger.answers.left(asker);
        world.host_mut(at).report(Event::Withdrawn(Origin::Client(asker)));
    }
}
