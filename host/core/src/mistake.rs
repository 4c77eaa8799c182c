//! Mistakes that `tests/mistakes` makes in the rules, one at a time, to show that simulation notices each. In every
//! other build none is ever made, and the compiler leaves nothing of them.

/// One line of a rule, done wrong. The line that names it shows how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line that names it shows it")]
pub enum Mistake {
    ActivateNobody,
    AnswerBeforeTheStart,
    AnswerNoCreator,
    AnswerNoMourner,
    AnswerNoQuestioner,
    BoundNoBudget,
    BoundNoMailbox,
    BuryWhatIsHandled,
    CountNoChild,
    CountNoFailedStart,
    CountNoWakeup,
    CreateTwoOfAName,
    DrainTheNewestFirst,
    EndBeforeTheTime,
    ForgetTheExitFault,
    FreeTheNameOfAnother,
    HandOverInReverse,
    HandleWhileExiting,
    HearAfterADemonitor,
    HearOfChildrenLate,
    HearOfNoPastEnd,
    HoldForEver,
    KeepExpiredBytes,
    KeepTheDeadLetters,
    KeepTheGrant,
    KeepTheInstance,
    KeepTheMessage,
    KeepTheName,
    KeepTheTimer,
    KillForStrangers,
    KillNoChild,
    LetThePausedSleep,
    LoseTheBatch,
    LoseWhatWaits,
    OutliveTheTime,
    OvertakeWhatIsHeld,
    PauseBeforeTheExit,
    PauseBeyondTheTime,
    PauseForNothing,
    PoisonNobody,
    PoisonTwice,
    RetryForEver,
    SeekNoExitRequest,
    TurnWhileHolding,
    UncountNothing,
    WakeTooEarly,
}

pub(crate) const fn is_made(_: Mistake) -> bool {
    false
}
