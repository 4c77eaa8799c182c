use super::Lane::{Heavy, Light, Runaway, Start};
use super::*;

const BOUNDS: RunawayBounds = RunawayBounds { all_max: 64, running_max: 1 };

/// Flows by numbers, and items by numbers.
type Queue = RunQueue<u32, u32>;

fn queue() -> Queue {
    RunQueue::new(BOUNDS)
}

fn us(time: u64) -> Duration {
    Duration::from_micros(time)
}

/// Runs what comes next for so long; whose it was and what.
fn run(queue: &mut Queue, time: u64) -> Option<(u32, u32)> {
    let (ticket, item) = queue.pop()?;
    let flow = ticket.flow();
    queue.charge(ticket, us(time));
    Some((flow, item))
}

/// How often each of two flows runs that always have work, in so many runs that take `times`.
fn shares(queue: &mut Queue, runs: usize, times: [u64; 2]) -> [usize; 2] {
    let mut shares = [0; 2];
    for _ in 0..runs {
        let (ticket, item) = queue.pop().expect("both have work");
        let flow = ticket.flow();
        queue.charge(ticket, us(times[flow as usize]));
        queue.push(flow, Light, item);
        shares[flow as usize] += 1;
    }
    shares
}

#[test]
fn each_flow_has_the_same_time_however_much_it_has_to_do() {
    let mut queue = queue();
    (0..1_000).for_each(|item| queue.push(0, Light, item));
    queue.push(1, Light, 0);
    let [many, one] = shares(&mut queue, 1_000, [100, 100]);
    assert!(many.abs_diff(one) <= 2, "{many} and {one}");
    let [short, long] = shares(&mut queue, 1_000, [100, 900]);
    assert!((short / long).abs_diff(9) <= 1, "{short} and {long}");
}

#[test]
fn whoever_has_slept_begins_where_the_others_are() {
    let mut queue = queue();
    (0..2).for_each(|flow| queue.push(flow, Light, 0));
    shares(&mut queue, 10, [100, 100]);
    // One has nothing to do for a long time.
    let slept = queue.take_back(1, Light, |_| true);
    for _ in 0..1_000 {
        let (_, item) = run(&mut queue, 900).expect("the other has work");
        queue.push(0, Light, item);
    }
    queue.push(1, Light, slept.expect("it was there"));
    let [awake, slept] = shares(&mut queue, 100, [100, 100]);
    assert!(awake.abs_diff(slept) <= 20, "{awake} and {slept}");
}

#[test]
fn whoever_has_something_under_way_for_long_has_saved_up_nothing_beside_it() {
    let mut queue = queue();
    (0..2).for_each(|flow| queue.push(flow, Light, 0));
    let (first, _) = queue.pop().expect("there is work");
    let other = 1 - first.flow();
    for _ in 0..1_000 {
        let (flow, item) = run(&mut queue, 900).expect("the other has work");
        assert_eq!(flow, other);
        queue.push(flow, Light, item);
    }
    queue.push(first.flow(), Light, 0);
    let shares = shares(&mut queue, 100, [100, 100]);
    assert!(shares[0].abs_diff(shares[1]) <= 20, "{shares:?}");
    queue.charge(first, us(1));
}

#[test]
fn a_guess_is_corrected_by_what_was_used() {
    let mut queue = queue();
    for item in 0..2 {
        queue.push(0, Light, item);
        queue.push(1, Light, item);
    }
    // Both seats are not given to one flow, which has not used anything yet.
    let (first, _) = queue.pop().expect("there is work");
    let (second, _) = queue.pop().expect("there is work");
    assert_ne!(first.flow(), second.flow());
    let (little, much) = (first.flow(), second.flow());
    queue.charge(first, us(1));
    queue.charge(second, us(50));
    assert_eq!(run(&mut queue, 1).map(|(flow, _)| flow), Some(little));
    assert_eq!(run(&mut queue, 1).map(|(flow, _)| flow), Some(much));
}

#[test]
fn what_ran_without_waiting_is_paid_too() {
    let mut queue = queue();
    queue.push(0, Light, 0);
    let (under_way, _) = queue.pop().expect("there is work");
    queue.spend(1, Light, us(5_000));
    assert!(queue.may_go_ahead(0) && !queue.may_go_ahead(1), "it has had more than its due");
    (0..3).for_each(|item| queue.push(1, Light, item));
    (0..3).for_each(|item| queue.push(0, Light, item));
    queue.charge(under_way, us(100));
    let flows: Vec<_> = (0..3).filter_map(|_| run(&mut queue, 1_000)).map(|(flow, _)| flow).collect();
    assert_eq!(flows, [0, 0, 0]);
}

#[test]
fn what_was_had_while_nobody_competed_is_forgotten() {
    let mut queue = queue();
    queue.spend(0, Light, us(1_000_000));
    assert!(queue.may_go_ahead(0));
    queue.push(0, Light, 0);
    assert_eq!(run(&mut queue, 1_000_000), Some((0, 0)));
    assert_eq!(queue.flows.len(), 0, "nothing is kept of it");
}

#[test]
fn lanes_of_a_flow_share_its_time_and_are_in_order() {
    let mut queue = queue();
    (0..100).for_each(|item| queue.push(0, Heavy, 100 + item));
    (0..4).for_each(|item| queue.push(0, Light, item));
    queue.push(0, Start, 10);
    let mut order = Vec::new();
    for _ in 0..7 {
        let (ticket, item) = queue.pop().expect("there is work");
        let used = if ticket.lane() == Heavy { 900 } else { 10 };
        queue.charge(ticket, us(used));
        order.push(item);
    }
    let heavy = order.iter().filter(|item| **item >= 100).count();
    assert!(heavy <= 2, "{order:?}");
    order.retain(|item| *item < 10);
    assert_eq!(order, [0, 1, 2, 3]);
}

#[test]
fn turns_that_spin_leave_a_seat_and_go_on_in_rotation() {
    let mut queue = queue();
    for flow in 0..2 {
        (0..2).for_each(|_| queue.begin_runaway(flow));
        (0..2).for_each(|item| queue.push(flow, Runaway, item));
    }
    let (going_on, _) = queue.pop().expect("one may");
    assert_eq!(queue.pop(), None, "and no other, though there may be a seat");
    queue.push(2, Light, 7);
    assert_eq!(run(&mut queue, 10), Some((2, 7)));
    let first = going_on.flow();
    queue.charge(going_on, us(10_000));
    assert_eq!(run(&mut queue, 10_000).map(|(flow, _)| flow), Some(1 - first));
    assert_eq!(queue.runaways(), 4, "until they have ended");
}

#[test]
fn a_flow_with_more_than_half_of_the_runaways_that_others_leave_starts_no_more_turns() {
    let mut queue = queue();
    for flow in 0..3 {
        queue.push(flow, Light, 0);
    }
    (0..32).for_each(|_| queue.begin_runaway(0));
    assert!(queue.may_go_ahead(0), "just half");
    (0..15).for_each(|_| queue.begin_runaway(1));
    assert!(!queue.may_go_ahead(0) && queue.may_go_ahead(1) && queue.may_go_ahead(2));
    assert_eq!(
        [run(&mut queue, 1), run(&mut queue, 1), run(&mut queue, 1)],
        [Some((1, 0)), Some((2, 0)), None]
    );
    assert_eq!(queue.len(), 1);
    // The other has 15, so half of 49 are its own.
    (0..7).for_each(|_| queue.end_runaway(0));
    assert!(queue.pop().is_none());
    queue.end_runaway(0);
    assert_eq!(run(&mut queue, 1), Some((0, 0)));
}

#[test]
fn a_flow_without_runaways_may_begin_whatever_others_have() {
    let mut queue = queue();
    for flow in 0..8 {
        (0..8).for_each(|_| queue.begin_runaway(flow));
    }
    queue.push(8, Light, 0);
    assert!(queue.may_go_ahead(9));
    assert_eq!(run(&mut queue, 1), Some((8, 0)));
}

#[test]
fn a_lane_that_ran_beside_the_order_waits_no_longer_than_a_millisecond_for_the_others() {
    let mut queue = queue();
    (0..100).for_each(|item| queue.push(0, Start, item));
    queue.spend(0, Light, us(1_000_000));
    queue.push(0, Light, 100);
    let before = (0..100).take_while(|_| run(&mut queue, 100).is_some_and(|(_, item)| item != 100)).count();
    assert!(before <= 21, "{before} starts of 50 us each for the lane came first");
}

#[test]
fn whoever_had_to_wait_for_turns_to_end_has_saved_up_nothing() {
    let mut queue = queue();
    (0..33).for_each(|_| queue.begin_runaway(0));
    (0..2).for_each(|flow| queue.push(flow, Light, 0));
    for _ in 0..1_000 {
        let (flow, item) = run(&mut queue, 900).expect("the other has work");
        queue.push(flow, Light, item);
    }
    queue.end_runaway(0);
    let [waited, other] = shares(&mut queue, 100, [100, 100]);
    assert!(waited.abs_diff(other) <= 20, "{waited} and {other}");
}

#[test]
fn what_nobody_may_hold_up_runs_in_turn_with_the_others_and_where_its_flow_may_start_nothing() {
    let mut queue = queue();
    (0..33).for_each(|_| queue.begin_runaway(0));
    queue.push(0, Light, 9);
    (0..3).for_each(|item| queue.push_first(0, item));
    (5..7).for_each(|item| queue.push(1, Light, item));
    let order: Vec<_> = core::iter::from_fn(|| {
        let peeked = *queue.peek()?;
        let (_, item) = run(&mut queue, 10)?;
        assert_eq!(peeked, item);
        Some(item)
    })
    .collect();
    assert_eq!(order, [0, 5, 1, 6, 2]);
    assert_eq!(queue.len(), 1, "which its flow may not start");
}

#[test]
fn an_actor_waits_by_what_it_took_last() {
    let [little, much] = [us(299), us(300)];
    assert_eq!([Light.behind(little), Light.behind(much)], [Light, Heavy]);
    assert_eq!([Heavy.behind(little), Heavy.behind(much)], [Light, Heavy]);
    assert_eq!([Start.behind(much), Runaway.behind(little)], [Light, Heavy]);
}

#[test]
fn what_is_taken_back_or_cleared_does_not_run() {
    let mut queue = queue();
    (0..3).for_each(|item| queue.push(0, Runaway, item));
    queue.begin_runaway(0);
    assert_eq!(queue.take_back(0, Runaway, |item| *item == 1), Some(1));
    assert_eq!(queue.take_back(0, Runaway, |item| *item == 1), None);
    assert_eq!(queue.waiting_runaways().collect::<Vec<_>>(), [&0, &2]);
    queue.push(1, Light, 5);
    queue.end_runaway(0);
    assert_eq!(queue.clear(), [0, 2, 5]);
    assert!(queue.is_empty() && queue.pop().is_none());
}
