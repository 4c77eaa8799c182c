//! Some seconds of a host's threads, in virtual time: sources with much and with little to do, of short and long work, in an
//! order that a seed chooses.

use std::collections::BTreeMap;
use std::time::Duration;

use thespian_core::run_queue::{Lane, RunQueue, RunawayBounds, Ticket};

use crate::rng::Rng;

const SEEDS: u64 = 200;
const LENGTH: Duration = Duration::from_secs(1);
/// No stint is longer.
const LONGEST: Duration = Duration::from_micros(1_500);

/// A source and what it wants of the time.
struct Wants {
    /// Actors that always have something to do.
    busy: usize,
    /// How long they take each time, at most.
    cost: Duration,
    /// Time from one message to the next for an actor that mostly has nothing to do.
    period: Duration,
    used: Duration,
}

/// Work that waits.
#[derive(Clone, Copy)]
struct Item {
    since: Duration,
    is_busy: bool,
}

/// What runs on a seat.
struct Stint {
    begun: Duration,
    until: Duration,
    ticket: Ticket<usize>,
    item: Item,
}

struct World {
    rng: Rng,
    queue: RunQueue<usize, Item>,
    now: Duration,
    flows: Vec<Wants>,
    seats: Vec<Option<Stint>>,
    due: BTreeMap<(Duration, usize), ()>,
    next: u64,
    ended: u64,
    longest_wait: Duration,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::of(seed);
        let us = |rng: &mut Rng, from: usize, to: usize| {
            Duration::from_micros((from + rng.below(to - from)) as u64)
        };
        let flows = (0..2 + rng.below(5)).map(|_| Wants {
            busy: [0, 1, 40, 400][rng.below(4)],
            cost: us(&mut rng, 5, 1_500),
            period: us(&mut rng, 500, 20_000),
            used: Duration::ZERO,
        });
        let flows: Vec<_> = flows.collect();
        let seats = 1 + rng.below(4);
        let bounds = RunawayBounds { all_max: 64, running_max: 1 };
        let mut world = Self {
            rng,
            queue: RunQueue::new(bounds),
            now: Duration::ZERO,
            due: flows.iter().enumerate().map(|(flow, wants)| ((wants.period, flow), ())).collect(),
            flows,
            seats: (0..seats).map(|_| None).collect(),
            next: 0,
            ended: 0,
            longest_wait: Duration::ZERO,
        };
        for flow in 0..world.flows.len() {
            (0..world.flows[flow].busy).for_each(|_| world.push(flow, true));
        }
        world
    }

    fn push(&mut self, flow: usize, is_busy: bool) {
        let lane = match self.flows[flow].cost {
            cost if is_busy && cost > Duration::from_micros(300) => Lane::Heavy,
            _ => Lane::Light,
        };
        self.queue.push(flow, lane, Item { since: self.now, is_busy });
        self.next += 1;
    }

    /// Whoever has no seat gets one of those that are free.
    fn seat_all(&mut self) {
        for place in 0..self.seats.len() {
            if self.seats[place].is_some() {
                continue;
            }
            let Some((ticket, item)) = self.queue.pop() else {
                assert!(self.queue.is_empty(), "a seat is free, and something waits");
                return;
            };
            let flow = ticket.flow();
            if !item.is_busy && self.flows[flow].busy == 0 {
                self.longest_wait = self.longest_wait.max(self.now - item.since);
            }
            let most = if item.is_busy { self.flows[flow].cost } else { Duration::from_micros(20) };
            let cost = most / 2 + most * (self.rng.below(100) as u32) / 200;
            self.seats[place] = Some(Stint { begun: self.now, until: self.now + cost, ticket, item });
        }
    }

    /// Goes to the next thing that happens. False when all is over.
    fn step(&mut self) -> bool {
        let ends = self.seats.iter().flatten().map(|stint| stint.until).min();
        let comes = self.due.keys().next().map(|(at, _)| *at);
        let Some(now) = ends.into_iter().chain(comes).min().filter(|now| *now <= LENGTH) else {
            return false;
        };
        self.now = now;
        if comes == Some(now)
            && let Some(((_, flow), ())) = self.due.pop_first()
        {
            self.due.insert((now + self.flows[flow].period, flow), ());
            self.push(flow, false);
        }
        for place in 0..self.seats.len() {
            let Some(stint) = self.seats[place].take_if(|stint| stint.until <= now) else { continue };
            let Stint { begun, ticket, item, .. } = stint;
            let flow = ticket.flow();
            self.flows[flow].used += now - begun;
            self.queue.charge(ticket, now - begun);
            self.ended += 1;
            if item.is_busy {
                self.push(flow, true);
            }
        }
        self.seat_all();
        true
    }
}

#[test]
fn sources_have_the_same_time_and_whoever_wants_little_waits_for_no_crowd() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.seat_all();
        while world.step() {}
        let seats = world.seats.len() as u32;
        let under_way = world.seats.iter().flatten().count() as u64;
        assert_eq!(world.next, world.ended + under_way + world.queue.len() as u64, "seed {seed}: none twice");
        // Those that could have used all seats.
        let crowds = world.flows.iter().filter(|wants| wants.busy >= 40).map(|wants| wants.used);
        let (least, most) = (crowds.clone().min(), crowds.max());
        let apart = most.unwrap_or_default().saturating_sub(least.unwrap_or_default());
        assert!(apart <= LONGEST * (seats + 1), "seed {seed}: {apart:?} apart, {seats} seats");
        let bound = LONGEST * (world.flows.len() as u32 + 1);
        assert!(world.longest_wait <= bound, "seed {seed}: waits for {:?}", world.longest_wait);
    }
}
