//! Each one-line mistake of core is noticed, by what it breaks. Built by `tests/mistakes` only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use thespian_core::mistake::{Mistake, make};

use crate::life::live;

/// Lives within which a mistake is to be noticed.
const LIVES: u64 = 2_000;

/// One mistake is made at a time, and tests run side by side.
static MAKING: Mutex<()> = Mutex::new(());

/// What the lives complain of while this mistake is made, until one says `complaint`.
#[track_caller]
fn assert_noticed(mistake: Mistake, complaint: &str) {
    let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    make(Some(mistake));
    let mut found = Vec::new();
    let is_noticed = (1..=LIVES).any(|seed| {
        let life = catch_unwind(AssertUnwindSafe(|| live(seed, None)));
        let broken = life.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_string())
        });
        found.extend(broken.err());
        found.last().is_some_and(|text| text.contains(complaint))
    });
    make(None);
    found.iter_mut().for_each(|text| text.truncate(500));
    assert!(is_noticed, "{mistake:?} is not noticed; the lives complain of: {found:#?}");
}

#[test]
fn without_a_mistake_there_is_nothing_to_notice() {
    let _none = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    (1..=LIVES).for_each(|seed| drop(live(seed, None).expect("every promise is kept")));
}

/// A test for each mistake. A mistake without one is an error of the compiler.
macro_rules! noticed {
    ($($test:ident: $mistake:ident, $complaint:literal;)*) => {
        $(#[test]
        fn $test() {
            assert_noticed(Mistake::$mistake, $complaint);
        })*

        const _: fn(Mistake) = |mistake| match mistake {
            $(Mistake::$mistake => {})*
        };
    };
}

noticed! {
    a_receiver_that_nobody_activates: ActivateNobody, "is not activated";
    an_answer_before_the_start: AnswerBeforeTheStart, "before it has started";
    a_creator_that_gets_no_answer: AnswerNoCreator, "got 0 answers";
    a_mourner_that_gets_no_answer: AnswerNoMourner, "got 0 answers";
    a_questioner_that_gets_no_answer: AnswerNoQuestioner, "has no answer after";
    a_verdict_that_does_not_count: ApproveAnything, "what its authority refused";
    a_node_without_a_bound: BoundNoBudget, "the node is past its bounds";
    children_without_a_bound: BoundNoChildren, "children, past its bound";
    a_mailbox_without_a_bound: BoundNoMailbox, "the mailbox of";
    monitors_without_a_bound: BoundNoMonitors, "actors, past its bound";
    an_outbox_without_a_bound: BoundNoOutbox, "the outbox of";
    an_outbox_without_a_bound_in_bytes: BoundNoOutboxBytes, "the outbox of";
    wakeups_without_a_bound: BoundNoWakeups, "wakeups";
    a_message_that_is_handled_and_a_dead_letter: BuryWhatIsHandled, "becomes Dead, but it is Some(Handled)";
    children_that_are_not_counted: CountNoChild, "children, past its bound";
    failed_starts_that_are_not_counted: CountNoFailedStart, "was restarted";
    wakeups_that_are_not_counted: CountNoWakeup, "subtract with overflow";
    a_child_of_an_actor_that_exits: CreateForTheExiting, "creates while it exits";
    a_child_of_an_exit_turn: CreateInTheExitTurn, "creates in its exit turn, and keeps no children";
    two_actors_of_one_name: CreateTwoOfAName, "there are two actors of the name";
    messages_that_come_last_first: DrainTheNewestFirst, " after ";
    a_transient_actor_that_ends_too_early: EndBeforeTheTime, "ends of itself before its time";
    a_child_that_its_parent_does_not_know: ForgetTheChild, "ends before its child";
    a_fault_in_an_exit_turn_that_is_not_told: ForgetTheExitFault, "not how its exit turn went";
    a_name_that_its_actor_loses: FreeTheNameOfAnother, "is told that";
    dead_letters_without_a_right: GiveAnybodyDeadLetters, "has no right to them";
    a_child_that_is_heard_of_too_late: HearOfChildrenLate, "which lives";
    requests_in_another_order: HandOverInReverse, "which it does not monitor";
    an_exiting_actor_that_handles_messages: HandleWhileExiting, "is exiting and handles";
    an_end_that_nobody_wishes_to_hear_of_any_more: HearAfterADemonitor, "hears of the end of";
    an_end_that_no_monitor_hears_of: HearOfNoDown, "which it monitors";
    an_end_that_no_parent_hears_of: HearOfNoEnd, "was told 0 times";
    a_past_end_that_no_monitor_hears_of: HearOfNoPastEnd, "which it monitors";
    an_end_that_a_monitor_hears_of_twice: HearTwiceOfADown, "is told of the end of";
    an_end_that_a_parent_hears_of_twice: HearTwiceOfAnEnd, "hears of";
    what_is_held_for_ever: HoldForEver, "does not stop";
    bytes_that_an_expired_hold_keeps: KeepExpiredBytes, "bytes are not given back";
    dead_letters_for_who_is_gone: KeepTheDeadLetters, "dead letters go to";
    bytes_that_a_closed_mailbox_keeps: KeepTheGrant, "bytes are not given back";
    an_instance_that_is_used_after_its_trap: KeepTheInstance, "in a lost instance";
    a_message_that_can_not_be_tried_again: KeepTheMessage, "which it could not try again";
    a_monitor_that_can_not_be_taken_back: KeepTheMonitor, "is told of the end of";
    a_name_that_is_not_freed: KeepTheName, "does not get it";
    a_timer_of_a_cancelled_wakeup: KeepTheTimer, "timers for";
    a_kill_by_a_stranger: KillForStrangers, "which is no child of its";
    a_kill_that_is_not_done: KillNoChild, "has killed it";
    a_pause_that_an_exit_request_does_not_end: LetThePausedSleep, "pauses though it is to exit";
    messages_lost_with_their_actor: LoseTheBatch, "is lost";
    a_message_lost_in_a_closed_mailbox: LoseWhatWaits, "is lost";
    a_transient_actor_that_never_ends: OutliveTheTime, "outlives its time";
    messages_that_overtake_what_is_held: OvertakeWhatIsHeld, " after ";
    a_panic_in_an_exit: PanicInTheExit, "a mistake in the rules of an actor";
    a_panic_on_the_desk: PanicOnTheDesk, "a mistake in the rules of the node";
    an_exit_that_waits_for_a_pause: PauseBeforeTheExit, "pauses though it is to exit";
    a_pause_beyond_the_time_of_an_actor: PauseBeyondTheTime, "pauses beyond its time";
    a_restart_without_a_pause: PauseForNothing, "restarts without a pause";
    a_failed_message_that_nobody_hears_of: PoisonNobody, "is lost";
    a_failed_message_that_comes_back_twice: PoisonTwice, "but it is";
    an_exit_that_nothing_ends: ReleaseNoParent, "is exiting and waits for nobody";
    held_messages_that_change_places: RetryAtTheBack, " after ";
    a_message_that_is_tried_a_third_time: RetryForEver, " after ";
    an_exit_request_that_is_not_sought: SeekNoExitRequest, "pauses though it is to exit";
    an_answer_about_a_host_that_has_changed: TakeAStaleAnswer, "where its class says no";
    an_answer_to_another_question: TakeAnyAnswer, "where its class says no";
    turns_while_messages_are_held: TurnWhileHolding, "is called while it holds messages";
    places_that_a_mailbox_does_not_give_back: UncountNothing, "counts";
    a_wakeup_before_its_time: WakeTooEarly, "before its time";
}
