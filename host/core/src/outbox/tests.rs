use super::*;
use crate::address::HostId;
use crate::capability::{Clause, Requirement, Value};
use crate::limits::TYPE_NAME_LEN_MAX;
use alloc::string::ToString;
use alloc::vec;

fn address(id: u128) -> ActorAddress {
    ActorAddress::new(HostId(1), id)
}

fn limits() -> ActorLimits {
    ActorLimits {
        outbox_len_max: 4,
        outbox_bytes_max: 4_000,
        message_bytes_max: 2_000,
        mailbox_bytes_max: 3_000,
        wakeups_max: 2,
        children_max: 3,
        ..ActorLimits::default()
    }
}

fn message(size: usize) -> Message {
    Message::bytes("M", vec![0; size])
}

fn child(id: u128) -> CreateChild {
    let options = CreateOptions::default();
    CreateChild { address: address(id), source: None, class: "c".to_string(), options }
}

fn outbox() -> Outbox {
    let mut outbox = Outbox::default();
    outbox.reset(Standing::default());
    outbox
}

#[test]
fn entries_and_bytes_are_bounded_and_a_refusal_is_noted() {
    let limits = limits();
    let mut by_len = outbox();
    for _ in 0..4 {
        assert_eq!(by_len.send(address(1), message(1), &limits), Ok(()));
    }
    assert_eq!(by_len.met(), None);
    let full = OutboxError::Full { max: 4 };
    assert_eq!(by_len.send(address(1), message(1), &limits), Err(full.clone()));
    assert_eq!(by_len.request_exit(address(1), true, &limits), Err(full.clone()));
    assert_eq!(by_len.cancel_wakeup(1, &limits), Err(full.clone()));
    assert_eq!(by_len.wakeup(Duration::ZERO, None, &limits), Err(full.clone()));
    assert_eq!(by_len.create(child(9), &limits), Err(full));
    assert_eq!(by_len.met(), Some(Bound::Import(Box::new(OutboxError::Full { max: 4 }))));
    assert_eq!(by_len.requests().len(), 4);

    let mut by_bytes = outbox();
    assert_eq!(by_bytes.send(address(1), message(1_700), &limits), Ok(()));
    assert_eq!(by_bytes.send(address(1), message(1_700), &limits), Ok(()));
    let full = OutboxError::FullOfBytes { max: 4_000 };
    assert_eq!(by_bytes.send(address(1), message(1_700), &limits), Err(full));
    assert_eq!(by_bytes.send(address(1), message(1), &limits), Ok(()));
}

#[test]
fn no_actor_sends_a_type_of_the_host_or_a_message_that_is_too_big() {
    let limits = limits();
    let mut outbox = outbox();
    let reserved = || OutboxError::from(MessageError::Reserved);
    let forged = Message::json("thespian:exit-request", "{}");
    assert_eq!(outbox.send(address(1), forged.clone(), &limits), Err(reserved()));
    assert_eq!(outbox.wakeup(Duration::ZERO, Some(forged.clone()), &limits), Err(reserved()));
    let mut with_init = child(2);
    with_init.options.init = Some(forged);
    assert_eq!(outbox.create(with_init, &limits), Err(reserved()));
    let long = Message::json(&"x".repeat(TYPE_NAME_LEN_MAX + 1), "");
    let too_long = MessageError::TypeNameTooLong { len: TYPE_NAME_LEN_MAX + 1 };
    assert_eq!(outbox.send(address(1), long, &limits), Err(too_long.into()));
    assert_eq!(outbox.met(), None, "wrong arguments use up nothing");
    let too_big = outbox.send(address(1), message(2_000), &limits);
    assert!(matches!(too_big, Err(OutboxError::Message(MessageError::TooBig { max: 2_000, .. }))));
    assert_eq!(outbox.met(), too_big.err().map(|error| Bound::Import(Box::new(error))));
    assert!(outbox.requests().is_empty());
}

#[test]
fn no_actor_sends_what_has_no_type_and_it_costs_the_turn_nothing() {
    let limits = limits();
    let mut outbox = outbox();
    let nameless = Message::json("", "{}");
    let refused = OutboxError::from(MessageError::NoTypeName);
    assert!(!refused.is_exhaustion());
    assert_eq!(outbox.send(address(1), nameless.clone(), &limits), Err(refused.clone()));
    assert_eq!(outbox.wakeup(Duration::ZERO, Some(nameless.clone()), &limits), Err(refused.clone()));
    let mut with_init = child(2);
    with_init.options.init = Some(nameless);
    assert_eq!(outbox.create(with_init, &limits), Err(refused));
    assert!(outbox.requests().is_empty());
    assert_eq!(outbox.met(), None);
}

#[test]
fn wakeups_are_bounded_by_count_and_by_bytes_together_with_those_pending() {
    let limits = limits();
    let mut outbox = Outbox::default();
    outbox.reset(Standing { wakeups: Wakeups { len: 1, bytes: 2_000, next_id: 7 }, ..Standing::default() });
    let too_big = OutboxError::WakeupsTooBig { max: 3_000 };
    assert_eq!(outbox.wakeup(Duration::ZERO, Some(message(1_000)), &limits), Err(too_big));
    assert_eq!(outbox.wakeup(Duration::ZERO, Some(message(100)), &limits), Ok(7));
    let too_many = OutboxError::TooManyWakeups { max: 2 };
    assert_eq!(outbox.wakeup(Duration::ZERO, None, &limits), Err(too_many));
    assert!(matches!(outbox.requests(), [Request::Wakeup { delay: WAKEUP_DELAY_MIN, .. }]));
}

#[test]
fn children_that_live_and_new_ones_are_bounded_together() {
    let limits = limits();
    let mut outbox = Outbox::default();
    outbox.reset(Standing { children: 2, ..Standing::default() });
    assert_eq!(outbox.create(child(1), &limits), Ok(()));
    assert_eq!(outbox.create(child(2), &limits), Err(OutboxError::TooManyChildren { max: 3 }));
    let full = OutboxError::TooManyChildren { max: 3 };
    assert_eq!(
        (outbox.creates(), outbox.met()),
        (1, Some(Bound::Import(Box::new(full)))),
        "the first is named"
    );
}

#[test]
fn what_is_kept_for_the_life_of_an_actor_is_bounded() {
    let limits = limits();
    let mut outbox = outbox();
    let mut greedy = child(1);
    let values = vec![Value::Text("x".repeat(100)); 100];
    greedy.options.requirements =
        vec![Requirement { name: "zone".to_string(), clause: Clause::OneOf(values) }];
    assert_eq!(outbox.create(greedy, &limits), Err(OutboxError::RequirementsTooBig));
    let mut long = child(1);
    long.class = "c".repeat(CLASS_NAME_LEN_MAX + 1);
    assert_eq!(outbox.create(long, &limits), Err(OutboxError::ClassNameTooLong));
}

#[test]
fn children_are_kept_in_an_exit_turn_only_and_saying_so_often_costs_nothing() {
    let mut outbox = outbox();
    assert_eq!(outbox.keep_children(), Err(OutboxError::NotExiting));
    outbox.reset(Standing { leaving: Leaving::ExitTurn, ..Standing::default() });
    for _ in 0..1_000 {
        assert_eq!(outbox.keep_children(), Ok(()));
    }
    assert!(outbox.keeps_children());
    assert!(outbox.requests().is_empty());
    outbox.reset(Standing { leaving: Leaving::ExitTurn, ..Standing::default() });
    assert!(!outbox.keeps_children());
}

#[test]
fn an_actor_that_exits_creates_nobody_unless_it_has_said_that_its_children_live_on() {
    let limits = limits();
    let asks = |outbox: &mut Outbox| {
        let created = outbox.create(child(1), &limits);
        (created, outbox.create_named("name", child(2), &limits).map(drop))
    };
    let refused = || (Err(OutboxError::Exiting), Err(OutboxError::Exiting));
    let mut outbox = outbox();
    for leaving in [Leaving::ExitTurn, Leaving::Exiting] {
        outbox.reset(Standing { leaving, ..Standing::default() });
        assert_eq!(asks(&mut outbox), refused());
        let kept = outbox.keep_children();
        let expected = if kept.is_ok() { (Ok(()), Ok(())) } else { refused() };
        assert_eq!((kept.is_ok(), asks(&mut outbox)), (leaving == Leaving::ExitTurn, expected));
        assert_eq!(outbox.met(), None, "no bound is what refused");
    }
}

#[test]
fn what_needs_a_right_is_refused_to_who_has_none() {
    let (limits, me) = (ActorLimits::default(), ActorAddress::new(HostId(1), 1));
    let all = Rights { dead_letters: true, capabilities: true, status: true, shutdown: true };
    let ask = |rights| {
        let mut outbox = Outbox::default();
        outbox.reset(Standing { rights, ..Standing::default() });
        assert!(outbox.request_status(me, Some(me), &limits).is_ok(), "after its own anybody may ask");
        [
            outbox.handle_dead_letters(true, &limits).err(),
            outbox.update_capability("gpu".to_string(), None, &limits).err(),
            outbox.request_status(me, None, &limits).err(),
            outbox.shut_down(&limits).err(),
        ]
    };
    assert_eq!(ask(all), [const { None }; 4]);
    let refused =
        ["dead-letters", "capabilities", "status", "shutdown"].map(|right| Some(OutboxError::NoRight(right)));
    assert_eq!(ask(Rights::default()), refused);
}
