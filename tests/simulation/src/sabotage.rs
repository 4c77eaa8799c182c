//! Faults that are put into the doer on purpose: what a doer does wrong is noticed.

/// A fault in the doer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    DropMessage,
    DuplicateMessage,
    ReorderMessages,
    HandleAfterEnd,
    DropExitNotice,
    DuplicateExitNotice,
    KeepSlot,
    KeepAnswer,
    SpeakAfterDown,
    SpeakAfterEnd,
    DeliverWithoutLink,
    TellAnotherHost,
}

#[cfg(not(thespian_mistakes))]
mod tests {
    use super::Sabotage;
    use crate::life::{Outcome, live, live_apart};

    /// Whether this fault in the doer brings about this complaint.
    #[track_caller]
    fn assert_caught(sabotage: Sabotage, complaint: &str) {
        assert_found(sabotage, complaint, live);
    }

    #[track_caller]
    fn assert_found(sabotage: Sabotage, complaint: &str, live: impl Fn(u64, Option<Sabotage>) -> Outcome) {
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
    fn an_actor_that_speaks_after_its_monitors_heard_of_its_end_is_noticed() {
        assert_caught(Sabotage::SpeakAfterDown, "of whose end it has heard");
    }

    #[test]
    fn a_place_that_is_kept_is_noticed() {
        assert_caught(Sabotage::KeepSlot, "are not given back");
    }

    #[test]
    fn an_answer_that_is_kept_is_noticed() {
        assert_caught(Sabotage::KeepAnswer, "got 0 answers");
    }

    /// Whether this fault in the doer, around two hosts without a link, brings about this complaint.
    #[track_caller]
    fn assert_caught_apart(sabotage: Sabotage, complaint: &str) {
        assert_found(sabotage, complaint, live_apart);
    }

    #[test]
    fn a_message_that_comes_without_a_link_is_noticed() {
        assert_caught_apart(Sabotage::DeliverWithoutLink, "to whose host there is no link");
    }

    #[test]
    fn an_event_that_another_host_hears_is_noticed() {
        assert_caught_apart(Sabotage::TellAnotherHost, "to whose host there is no link");
    }
}
