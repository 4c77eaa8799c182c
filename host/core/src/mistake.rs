//! Mistakes that `tests/mistakes` makes in the rules, one at a time, to show that simulation notices each. In every
//! other build none is ever made, and the compiler leaves nothing of them.

/// One line of a rule, done wrong. The line that names it shows how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line that names it shows it")]
pub enum Mistake {
    ActivateNobody,
    BoundNoBudget,
    BoundNoMailbox,
    BuryWhatIsHandled,
    CountNoChild,
    CountNoFailedStart,
    DrainTheNewestFirst,
    EndBeforeTheTime,
    ForgetTheExitFault,
    HandOverInReverse,
    HandleWhileExiting,
    HearAfterADemonitor,
    HoldForEver,
    KeepExpiredBytes,
    KeepTheGrant,
    KeepTheInstance,
    KeepTheMessage,
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
}

pub(crate) const fn is_made(_: Mistake) -> bool {
    false
}
