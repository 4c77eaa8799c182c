use alloc::vec;

use super::CompileEffect::{Pause, Resume, Start};
use super::*;
use crate::address::HostId;

const SMALL: u64 = 200 << 10;
const LARGE: u64 = 18 << 20;
/// What each may take.
const MEMORY: u64 = 600 << 20;

/// A queue, its clock, and what became of each compile.
struct World {
    queue: CompileQueue,
    now: Time,
    effects: Vec<CompileEffect>,
}

impl World {
    fn new(seats: CompileSeats) -> Self {
        Self { queue: CompileQueue::new(seats), now: Time(0), effects: Vec::new() }
    }

    fn enter(&mut self, loader: u64, bytes: u64) -> CompileId {
        let loader = ActorAddress::new(HostId(0), loader.into());
        self.queue.enter(self.now, loader, bytes, MEMORY, &mut self.effects)
    }

    fn leave(&mut self, id: CompileId) {
        self.queue.leave(self.now, id, &mut self.effects);
    }

    /// Lets so many ms pass, with a look at each moment for which the queue asks.
    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        let mut looks = 0;
        while let Some(at) = self.queue.deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.queue.tick(self.now, &mut self.effects);
            looks += 1;
            assert!(looks < 1_000, "a deadline that stays is a way to spin");
        }
        self.now = end;
    }

    fn told(&mut self) -> Vec<CompileEffect> {
        core::mem::take(&mut self.effects)
    }
}

#[test]
fn as_many_run_as_there_are_seats_and_one_of_each_loader() {
    let mut world = World::new(CompileSeats::of_processes(u64::MAX));
    let [first, again, other, third] = [1, 1, 2, 3].map(|loader| world.enter(loader, SMALL));
    assert_eq!(world.told(), [Start(first), Start(other)]);
    world.leave(other);
    assert_eq!(world.told(), [Start(third)], "the first loader has a seat");
    world.leave(first);
    assert_eq!(world.told(), [Start(again)]);
}

#[test]
fn one_that_waits_too_long_takes_the_seat_of_one_that_takes_longer_and_gives_it_back() {
    let mut world = World::new(CompileSeats::of_processes(u64::MAX));
    let [large, larger] = [(1, LARGE), (2, 2 * LARGE)].map(|(loader, bytes)| world.enter(loader, bytes));
    world.pass(200);
    let small = world.enter(3, SMALL);
    assert_eq!(world.told(), [Start(large), Start(larger)]);
    world.pass(499);
    assert_eq!(world.told(), []);
    world.pass(1);
    assert_eq!(world.told(), [Pause(larger), Start(small)]);
    world.leave(small);
    assert_eq!(world.told(), [Resume(larger)]);
}

#[test]
fn one_that_looks_short_and_is_not_gives_way_as_well() {
    let mut world = World::new(CompileSeats::of_processes(u64::MAX));
    let bombs = [1, 2].map(|loader| world.enter(loader, SMALL / 3));
    world.pass(100);
    let honest = world.enter(3, SMALL);
    world.told();
    world.pass(500);
    let [Pause(paused), Start(started)] = world.told()[..] else { panic!("nobody gave way") };
    assert!(bombs.contains(&paused) && started == honest);
}

#[test]
fn nobody_gives_way_to_what_takes_as_long() {
    let mut world = World::new(CompileSeats::of_processes(u64::MAX));
    let [_, _] = [1, 2].map(|loader| world.enter(loader, LARGE));
    world.pass(100);
    let third = world.enter(3, LARGE);
    world.told();
    world.pass(20_000);
    assert_eq!(world.told(), [], "an honest one of this size takes as long as that");
    world.pass(20_000);
    assert!(world.told().contains(&Start(third)));
}

#[test]
fn a_loader_takes_no_second_seat_however_long_it_waits() {
    let mut world = World::new(CompileSeats::of_processes(u64::MAX));
    world.enter(1, LARGE);
    world.enter(2, LARGE);
    world.enter(1, 1);
    world.told();
    world.pass(60_000);
    assert_eq!(world.told(), []);
}

#[test]
fn the_stopped_are_bounded_and_go_on_between_the_short_ones() {
    let mut world = World::new(CompileSeats { at_once: 1, paused_max: 1, memory_bytes_max: u64::MAX });
    let large = world.enter(1, LARGE);
    let mut short: Vec<_> = (2..12).map(|loader| world.enter(loader, SMALL)).collect();
    while !short.is_empty() {
        world.pass(100);
        assert!(world.queue.paused() <= 1);
        // Each short one is through by then.
        if let Some(done) = short.iter().position(|id| world.queue.jobs[id].is_running()) {
            world.leave(short.remove(done));
        }
    }
    let ran = world.queue.jobs[&large].ran(world.now);
    assert!(ran >= 10 * COMPILE_WAIT_MAX, "it ran for {ran:?}");
    assert!(world.told().ends_with(&[Resume(large)]));
}

#[test]
fn within_the_node_one_runs_and_nobody_is_stopped() {
    let mut world = World::new(CompileSeats::WITHIN);
    let [first, second] = [1, 2].map(|loader| world.enter(loader, LARGE));
    world.pass(60_000);
    assert_eq!(world.told(), [Start(first)]);
    assert_eq!(world.queue.deadline(), None);
    world.leave(first);
    assert_eq!(world.told(), [Start(second)]);
    world.leave(second);
    assert!(world.queue.jobs.is_empty());
}

#[test]
fn who_leaves_before_its_turn_leaves_nothing() {
    let mut world = World::new(CompileSeats::of_processes(u64::MAX));
    let [first, second, third] = [1, 2, 3].map(|loader| world.enter(loader, LARGE));
    world.leave(third);
    world.told();
    world.pass(60_000);
    assert_eq!(world.told(), []);
    world.leave(first);
    world.leave(second);
    assert_eq!((world.told(), world.queue.deadline()), (vec![], None));
}

#[test]
fn bounds_grow_with_the_component_up_to_what_the_node_can_give() {
    let free = CompileLimits::default();
    let plenty = 64 << 30;
    let small = CompileBounds::of(SMALL, free, plenty);
    assert_eq!(small.memory_bytes, (512 << 20) + 64 * SMALL);
    assert_eq!(small.cpu, Duration::from_secs(10) + Duration::from_secs(3) * 200 / 1024);
    let python = CompileBounds::of(LARGE, free, plenty);
    assert_eq!((python.memory_bytes, python.cpu), ((512 + 64 * 18) << 20, Duration::from_secs(64)));
    assert_eq!(CompileBounds::of(32 << 20, free, plenty).memory_bytes, (512 + 64 * 32) << 20);
    assert_eq!(CompileBounds::of(1 << 40, free, plenty).memory_bytes, 3 << 30);
    assert_eq!(
        CompileBounds::of(LARGE, free, 1 << 30).memory_bytes,
        512 << 20,
        "half of what the node may take"
    );
    let set = CompileLimits { memory_bytes_max: Some(5 << 30), cpu_ms_max: Some(1_500) };
    let set = CompileBounds::of(SMALL, set, 1 << 30);
    assert_eq!((set.memory_bytes, set.cpu), (5 << 30, Duration::from_millis(1_500)));
}

#[test]
fn what_has_begun_fits_into_memory_together_but_one_always_begins() {
    for (budget, begun) in [(8 * MEMORY, 2), (3 * MEMORY, 1), (MEMORY / 2, 1)] {
        let mut world = World::new(CompileSeats::of_processes(budget));
        let [first, second] = [1, 2].map(|loader| world.enter(loader, LARGE));
        world.pass(60_000);
        assert_eq!(world.told().len(), begun, "{budget}");
        world.leave(first);
        assert_eq!(world.told(), if begun == 2 { vec![] } else { vec![Start(second)] });
    }
    // One that is stopped keeps its memory.
    let mut world = World::new(CompileSeats::of_processes(4 * MEMORY));
    let [_, _] = [1, 2].map(|loader| world.enter(loader, LARGE));
    world.enter(3, SMALL);
    world.told();
    world.pass(60_000);
    assert_eq!((world.told(), world.queue.deadline()), (vec![], None), "there is none for a third");
}

#[test]
fn nobody_waits_for_all_that_come_later() {
    let mut world = World::new(CompileSeats::of_processes(u64::MAX));
    let mut bombs: Vec<_> = (2..8).map(|loader| world.enter(loader, SMALL / 3)).collect();
    let honest = world.enter(1, LARGE);
    world.told();
    for loader in 8..40 {
        // Whenever one is through, the next of its kind comes.
        world.pass(10_000);
        let done = bombs.iter().position(|id| world.queue.jobs[id].is_running()).unwrap();
        let bomb = bombs.remove(done);
        bombs.push(world.enter(loader, SMALL / 3));
        world.leave(bomb);
        if world.told().contains(&Start(honest)) {
            return;
        }
    }
    panic!("it never begins");
}
