//! What a node lets its sources have, alone and beside each other.

use super::*;
use crate::limits::{CREATE_PERCENT_MAX, GROWTH_PERCENT_MAX, LOAD_PERCENT_MAX};
use alloc::vec::Vec;

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

fn budget(memory_bytes: usize) -> Arc<NodeBudget> {
    NodeBudget::new(BudgetBounds { memory_bytes, queued_bytes: memory_bytes / 4, places: 1_000 })
}

/// The account of one that is alone in a node, and may then have so many bytes in queues.
pub(crate) fn with_queues(bytes: usize) -> Account {
    let queued_bytes = (bytes * 8).div_ceil(6);
    Account::new(NodeBudget::new(BudgetBounds { memory_bytes: usize::MAX / 2, queued_bytes, places: 0 }))
}

/// Draws for growth until no more is given; says how much that was.
fn fill(account: &Account, step: usize) -> usize {
    let draw = || account.draw(MemoryPart::Instances, Purpose::Growth, step).is_ok();
    core::iter::repeat_with(draw).take_while(|drawn| *drawn).count() * step
}

#[test]
fn one_that_is_alone_has_all_but_two_reserves() {
    let budget = budget(GIB);
    let alone = Account::new(budget.clone());
    assert_eq!(fill(&alone, MIB), GIB / 8 * 6);
    let short = alone.draw(MemoryPart::Instances, Purpose::Growth, MIB).unwrap_err();
    assert_eq!(short, Short::Share { has: GIB / 8 * 6, max: GIB });
    assert_eq!(
        alone.draw(MemoryPart::Actors, Purpose::Create, 1),
        Err(short),
        "an actor of it makes no other"
    );
}

#[test]
fn a_second_finds_room_and_who_has_most_is_refused_first() {
    let budget = budget(GIB);
    let [first, second] = [Account::new(budget.clone()), Account::new(budget.clone())];
    fill(&first, MIB);
    let found = fill(&second, MIB);
    assert!(found >= GIB / 80, "{found}");
    // What the first gives back goes to the second, until both have the same.
    let mut handed = 0;
    while second.has().memory_bytes + 32 * MIB < first.has().memory_bytes {
        first.give_back(MemoryPart::Instances, MIB);
        assert!(first.draw(MemoryPart::Instances, Purpose::Growth, MIB).is_err(), "after {handed}");
        handed += fill(&second, MIB);
    }
    assert!(handed > GIB / 4, "{handed}");
    assert!(first.has().memory_bytes + second.has().memory_bytes > GIB / 10 * 7);
}

#[test]
fn small_ones_find_room_beside_many_who_take_what_they_can() {
    let budget = budget(GIB);
    let greedy: Vec<_> = (0..20).map(|_| Account::new(budget.clone())).collect();
    assert!(greedy.iter().all(|account| fill(account, MIB / 64) > 0));
    let small = Account::new(budget.clone());
    assert_eq!(small.draw(MemoryPart::Instances, Purpose::Create, MIB), Ok(()));
    let operators = budget.bounds().memory_bytes / 100 * CREATE_PERCENT_MAX - budget.used().memory_bytes;
    assert_eq!(small.draw(MemoryPart::Instances, Purpose::OperatorsCreate, operators), Ok(()));
}

#[test]
fn the_less_is_left_the_less_it_is_for() {
    let budget = budget(100 * MIB);
    let whole = Account::new(budget.clone());
    let fills = |purpose| {
        let draw = || whole.draw(MemoryPart::Sources, purpose, MIB).is_ok();
        core::iter::repeat_with(draw).take_while(|drawn| *drawn).count();
        budget.used().memory_bytes / MIB
    };
    whole.redraw(MemoryPart::Sources, GROWTH_PERCENT_MAX * MIB);
    assert!(matches!(
        Account::new(budget.clone()).draw(MemoryPart::Queues, Purpose::Growth, 1),
        Err(Short::Node { .. })
    ));
    assert_eq!(fills(Purpose::OperatorsCreate), CREATE_PERCENT_MAX);
    assert_eq!(fills(Purpose::Load), LOAD_PERCENT_MAX);
    assert_eq!(fills(Purpose::Control), 100);
}

#[test]
fn a_node_too_small_for_reserves_has_none() {
    let budget = NodeBudget::new(BudgetBounds { memory_bytes: GIB, queued_bytes: GIB, places: 7 });
    let account = Account::new(budget);
    assert_eq!(
        (account.take_places(7, Purpose::Create), account.take_places(1, Purpose::OperatorsCreate)),
        (Ok(()), Err(Met::Node))
    );
}

#[test]
fn places_are_shared_and_an_operator_has_all_that_are_left() {
    let budget = budget(GIB);
    let [first, second] = [Account::new(budget.clone()), Account::new(budget.clone())];
    let taken =
        core::iter::repeat_with(|| first.take_places(1, Purpose::Create)).take_while(Result::is_ok).count();
    assert_eq!(
        (taken, first.take_places(1, Purpose::Create), second.take_places(1, Purpose::Create)),
        (750, Err(Met::Share), Ok(()))
    );
    assert_eq!(
        (first.take_places(249, Purpose::OperatorsCreate), second.take_places(1, Purpose::OperatorsCreate)),
        (Ok(()), Err(Met::Node))
    );
    assert_eq!(
        first.hand_places(&second, 1, Purpose::Create),
        Err(Met::Share),
        "the operator's are handed on by the operator"
    );
    assert_eq!(first.hand_places(&second, 249, Purpose::OperatorsCreate), Ok(()));
    assert_eq!((first.has().places, second.has().places, budget.used().places), (750, 250, 1_000));
    first.give_places(750);
    second.give_places(250);
    assert_eq!(budget.used().places, 0);
    assert_eq!((first.most().places, second.most().places), (999, 250));
}

#[test]
fn what_is_lent_is_drawn_in_grants_and_all_comes_back() {
    let account = Account::new(budget(GIB));
    let mut loan = Loan::new();
    let part = || account.budget().part(MemoryPart::Actors);
    for (bytes, drawn) in [(4 << 10, 0), (5 << 10, 64 << 10), (60 << 10, 64 << 10), (70 << 10, 128 << 10)] {
        assert_eq!(loan.cover(bytes, || &account), Ok(()));
        assert_eq!(part(), drawn, "{bytes}");
    }
    loan.settle(5 << 10, &account);
    assert_eq!(part(), 128 << 10, "one grant is kept");
    loan.settle(500 << 10, &account);
    assert!(part() >= 496 << 10, "what is there is drawn, whatever is left");
    loan.settle(0, &account);
    assert_eq!((part(), account.has()), (0, Holdings::default()));
}

#[test]
fn what_waits_in_queues_is_bounded_there_and_in_the_whole() {
    let account = Account::new(budget(GIB));
    assert!(
        account.draw_queued(GIB / 4 / 8 * 6) && !account.draw_queued(1),
        "a source has its share of the queues"
    );
    assert_eq!(account.has().memory_bytes, account.has().queued_bytes);
    account.give_back_queued(account.has().queued_bytes);
    assert!(fill(&account, MIB) > GIB / 2);
    assert!(!account.draw_queued(MIB), "it is memory as well");
    assert_eq!(account.has().queued_bytes, 0, "what is refused is not drawn");
}
