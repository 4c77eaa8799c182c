//! The bounds of a mailbox, and who activates its receiver.

use super::*;
use crate::address::{ActorAddress, HostId};
use crate::budget::tests::with_queues;
use crate::envelope::{ActorRestart, ExitRequest, SourceOffered};
use crate::limits::{QUEUE_FREE_BYTES, QUEUE_GRANT_BYTES};
use crate::message::Message;
use crate::source::SourceHash;
use alloc::boxed::Box;
use alloc::vec;

fn address(id: u128) -> ActorAddress {
    ActorAddress::new(HostId(1), id)
}

fn message(size: usize) -> Envelope {
    let body = Body::Message(Message::bytes("M", vec![0; size]));
    Envelope { target: address(1), sender: address(2), body }
}

fn notice(body: Body) -> Envelope {
    Envelope { target: address(1), sender: address(2), body }
}

fn exit_request() -> Envelope {
    notice(Body::ExitRequest(ExitRequest { recursive: true }))
}

fn idle(len_max: usize, bytes_max: usize) -> Mailbox {
    let mut mailbox = Mailbox::pending(MailboxLimits { len_max, bytes_max });
    assert!(mailbox.rest());
    mailbox
}

#[test]
fn the_first_push_activates_and_later_ones_do_not_until_it_rests() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(10, 1 << 20);
    assert_eq!(mailbox.push(message(1), &account), Push::Activate);
    assert_eq!(mailbox.push(message(1), &account), Push::Queued);
    assert!(!mailbox.rest(), "two messages wait");
    let mut batch = VecDeque::new();
    mailbox.drain(&mut batch, 10, &account);
    assert_eq!(batch.len(), 2);
    assert!(mailbox.rest());
    assert_eq!(mailbox.push(message(1), &account), Push::Activate);
}

#[test]
fn a_wake_is_never_lost() {
    let mut mailbox = idle(10, 10);
    assert!(mailbox.wake(), "idle: the caller activates");
    assert!(!mailbox.wake(), "active: noted");
    assert!(!mailbox.park(), "the wake came before parking");
    assert!(mailbox.park());
    assert!(mailbox.wake());
    assert!(!mailbox.wake());
    assert!(!mailbox.rest());
    assert!(mailbox.rest());
}

#[test]
fn a_parked_receiver_is_not_activated_by_messages() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(10, 1 << 20);
    assert!(mailbox.wake());
    assert!(mailbox.park());
    assert_eq!(mailbox.push(message(1), &account), Push::Queued);
    assert!(mailbox.wake());
}

#[test]
fn bounds_hold_by_count_by_bytes_and_by_the_budget_of_all() {
    let account = with_queues(2 * QUEUE_GRANT_BYTES);
    let mut by_count = idle(2, 1 << 30);
    assert_eq!(by_count.push(message(QUEUE_FREE_BYTES), &account), Push::Activate);
    assert_eq!(by_count.push(message(1), &account), Push::Queued);
    assert!(matches!(by_count.push(message(1), &account), Push::Full(_)));
    assert_eq!(by_count.push(exit_request(), &account), Push::Queued, "exit requests have their slot");

    let mut by_bytes = idle(100, 1_000);
    assert_eq!(by_bytes.push(message(5_000), &account), Push::Activate, "one always fits");
    assert!(matches!(by_bytes.push(message(1), &account), Push::Full(_)));

    let mut third = idle(100, 1 << 30);
    let big = || message(QUEUE_FREE_BYTES);
    assert!(matches!(third.push(big(), &account), Push::Full(_)), "the budget is spent");
    by_count.close(&account);
    assert_eq!(third.push(big(), &account), Push::Activate);
}

#[test]
fn room_is_announced_once_when_half_of_a_mailbox_that_refused_is_free() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(10, 1 << 20);
    let mut batch = VecDeque::new();
    for _ in 0..10 {
        mailbox.push(message(1), &account);
    }
    assert!(!mailbox.drain(&mut batch, 10, &account), "nobody was refused");
    for _ in 0..11 {
        mailbox.push(message(1), &account);
    }
    assert!(!mailbox.drain(&mut batch, 4, &account), "still more than half full");
    assert!(mailbox.drain(&mut batch, 1, &account));
    assert!(!mailbox.drain(&mut batch, 1, &account), "announced before");
}

#[test]
fn the_budget_is_whole_again_after_everything_left() {
    let account = with_queues(1 << 30);
    let mut mailbox = idle(1_000, 1 << 30);
    for _ in 0..500 {
        mailbox.push(message(10_000), &account);
    }
    assert!(account.has().queued_bytes >= 5_000_000 - QUEUE_FREE_BYTES);
    let mut batch = VecDeque::new();
    while !mailbox.is_empty() {
        mailbox.drain(&mut batch, 64, &account);
    }
    assert_eq!(
        account.has().queued_bytes,
        0,
        "an empty mailbox draws nothing: there may be a hundred thousand"
    );
    mailbox.push(message(100_000), &account);
    assert!(account.has().queued_bytes > 0);
    mailbox.close(&account);
    assert_eq!(account.has().queued_bytes, 0);
}

#[test]
fn a_small_message_touches_no_budget_that_all_cores_share() {
    let account = with_queues(0);
    let mut mailbox = idle(10, 1 << 20);
    assert_eq!(mailbox.push(message(64), &account), Push::Activate);
    assert!(matches!(mailbox.push(message(QUEUE_FREE_BYTES), &account), Push::Full(_)));
}

#[test]
fn a_spent_budget_announces_no_room_and_its_last_bytes_are_used() {
    let account = with_queues(QUEUE_GRANT_BYTES + 1_000);
    let mut mailbox = idle(10, 1 << 20);
    assert_eq!(mailbox.push(message(QUEUE_GRANT_BYTES), &account), Push::Activate);
    assert_eq!(mailbox.push(message(2_000), &account), Push::Queued, "it has no whole grant, but room");
    assert!(matches!(mailbox.push(message(4_000), &account), Push::Full(_)));
    let mut batch = VecDeque::new();
    assert!(!mailbox.drain(&mut batch, 10, &account), "room here was not what was missing");
    assert_eq!((batch.len(), account.has().queued_bytes), (2, 0));
    account.redraw_queued(account.budget().bounds().queued_bytes + 1);
    assert!(!account.draw_queued(0), "spent is spent");
}

#[test]
fn a_drain_takes_no_more_bytes_out_of_the_bound_than_a_batch_may_hold() {
    let account = with_queues(1 << 30);
    let mut mailbox = idle(1_000, 1 << 30);
    for _ in 0..64 {
        mailbox.push(message(DRAIN_BYTES_MAX / 2), &account);
    }
    let mut batch = VecDeque::new();
    mailbox.drain(&mut batch, 64, &account);
    assert_eq!(batch.len(), 2);
    mailbox.push(message(3 * DRAIN_BYTES_MAX), &account);
    while !mailbox.is_empty() {
        batch.clear();
        mailbox.drain(&mut batch, 64, &account);
        assert!(!batch.is_empty(), "one always fits");
    }
}

#[test]
fn a_place_kept_for_a_message_to_oneself_is_taken_or_given_back() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(1, 1 << 20);
    let own = message(8);
    let cost = own.body.cost();
    assert!(mailbox.reserve(cost, &account));
    assert!(!mailbox.reserve(cost, &account));
    assert!(matches!(mailbox.push(message(8), &account), Push::Full(_)), "the place is kept");
    assert_eq!(mailbox.push_reserved(own.clone(), &account), Push::Activate);
    assert_eq!((mailbox.len(), mailbox.bytes()), (1, cost));
    mailbox.drain(&mut VecDeque::new(), 1, &account);
    assert!(mailbox.reserve(cost, &account));
    mailbox.release(1, cost, &account);
    assert!(mailbox.reserve(cost, &account));
    mailbox.take_notices_only();
    assert!(matches!(mailbox.push_reserved(own, &account), Push::Gone(_)), "it exits");
    assert_eq!((mailbox.len(), mailbox.bytes()), (0, 0));
    mailbox.close(&account);
    mailbox.release(1, cost, &account);
    assert_eq!(mailbox.len(), 0, "a closed mailbox has given everything back");
}

#[test]
fn an_exit_request_is_found_behind_all_that_waits_and_wakes_whoever_is_parked() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(500, 1 << 20);
    let mut batch = VecDeque::new();
    mailbox.wake();
    for _ in 0..300 {
        mailbox.push(message(1_000), &account);
    }
    assert!(mailbox.park());
    assert!(!mailbox.drain_to_exit_request(&mut batch, &account) && batch.is_empty(), "there is none");
    assert_eq!(mailbox.push(exit_request(), &account), Push::Activate);
    assert_eq!(mailbox.push(message(1), &account), Push::Queued);
    mailbox.drain_to_exit_request(&mut batch, &account);
    assert_eq!((batch.len(), mailbox.len()), (301, 1));
    assert_eq!(mailbox.push(exit_request(), &account), Push::Queued, "the second changes nothing");
    assert!(mailbox.park(), "nobody is woken for it");
    batch.clear();
    mailbox.drain_to_exit_request(&mut batch, &account);
    assert_eq!(batch.len(), 0);
}

#[test]
fn an_exiting_receiver_takes_notices_only_and_a_gone_one_nothing() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(10, 1 << 20);
    mailbox.push(exit_request(), &account);
    assert_eq!(mailbox.push(exit_request(), &account), Push::Queued, "the second is ignored");
    mailbox.take_notices_only();
    assert!(matches!(mailbox.push(message(1), &account), Push::Gone(_)));
    assert_eq!(mailbox.push(notice(Body::ChildrenGone), &account), Push::Queued, "its end gets in");
    assert_eq!(mailbox.close(&account).len(), 2);
    assert!(matches!(mailbox.push(exit_request(), &account), Push::Gone(_)));
}

#[test]
fn notices_of_restarts_fill_no_mailbox_beyond_its_bound() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(2, 1 << 20);
    let restart = ActorRestart { address: address(3), incarnation: 2, reason: "trapped".into() };
    let restarted = || notice(Body::ChildRestarted(Box::new(restart.clone())));
    mailbox.push(restarted(), &account);
    mailbox.push(restarted(), &account);
    assert!(mailbox.bytes() > 0);
    assert!(matches!(mailbox.push(restarted(), &account), Push::Full(_)));
}

#[test]
fn what_is_moved_out_is_whole_and_who_comes_later_is_sent_on() {
    let account = with_queues(1 << 20);
    let limits = MailboxLimits { len_max: 3, bytes_max: 1 << 20 };
    let mut before = Mailbox::pending(limits);
    assert_eq!(before.push(message(1), &account), Push::Queued, "its receiver is about to be activated");
    assert_eq!(before.push(message(40_000), &account), Push::Queued);
    let drawn = account.has().queued_bytes;
    let mut after = before.move_out();
    assert!(before.is_moved() && !after.is_moved());
    for late in [message(2), exit_request()] {
        assert_eq!(before.push(late.clone(), &account), Push::Moved(late));
    }
    let mut run = [message(2), message(3)].into_iter();
    assert_eq!(push_each(&mut run, |envelope| before.push(envelope, &account)), Push::Moved(message(2)));
    assert_eq!(run.next(), Some(message(3)), "nothing behind it is taken");
    assert_eq!(account.has().queued_bytes, drawn, "what it drew on went with it");
    assert_eq!(after.push(message(2), &account), Push::Queued);
    assert_eq!(after.push(message(3), &account), Push::Full(message(3)), "its bounds went with it too");
    assert_eq!(after.close(&account), [message(1), message(40_000), message(2)]);
    assert!(before.close(&account).is_empty());
    assert_eq!(account.has().queued_bytes, 0);
}

#[test]
fn an_alarm_marks_what_had_come_by_then_and_wakes_a_receiver_whatever_it_waits_for() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(10, 1 << 20);
    let mut batch = VecDeque::new();
    assert!(mailbox.ring(Time(1)), "idle");
    assert_eq!(mailbox.take_mark(), Some(Mark { at: Time(1), pushed: 0 }));
    for _ in 0..3 {
        mailbox.push(message(1), &account);
    }
    mailbox.drain(&mut batch, 2, &account);
    assert!(!mailbox.ring(Time(2)), "active: it looks again");
    mailbox.push(exit_request(), &account);
    mailbox.drain_to_exit_request(&mut batch, &account);
    assert!(!mailbox.rest());
    assert_eq!(mailbox.take_mark(), Some(Mark { at: Time(2), pushed: 3 }), "what came later does not count");
    assert_eq!(mailbox.take_mark(), None, "it is told once");
    assert!(mailbox.park());
    assert!(mailbox.ring(Time(3)), "parked");
    assert!(!mailbox.ring(Time(4)));
    assert!(!mailbox.rest() && !mailbox.rest(), "nobody rests who has not heard of it");
    assert_eq!(mailbox.take_mark(), Some(Mark { at: Time(4), pushed: 4 }), "the last stands for all");
    assert!(mailbox.rest());
}

#[test]
fn one_sign_of_offers_waits_however_many_come_and_one_that_was_taken_out_stands_for_none_that_comes() {
    let account = with_queues(1 << 20);
    let mut mailbox = idle(1, 1 << 20);
    let hash = SourceHash([1; 32]);
    let offer = || notice(Body::SourceOffered(Box::new(SourceOffered { hash, label: "x".into() })));
    assert_eq!(mailbox.push(offer(), &account), Push::Activate);
    for _ in 0..1_000 {
        assert_eq!(mailbox.push(offer(), &account), Push::Queued);
    }
    assert_eq!(mailbox.push(message(1), &account), Push::Queued, "it has a slot of its own");
    let mut batch = VecDeque::new();
    mailbox.drain(&mut batch, 10, &account);
    assert_eq!(batch.len(), 2);
    mailbox.push(offer(), &account);
    mailbox.drain(&mut batch, 10, &account);
    assert_eq!(batch.len(), 3);
}
