//! Mistakes that `tests/mistakes` makes in the rules, one at a time, to show that simulation notices each. In every
//! other build none is ever made, and the compiler leaves nothing of them.
#![allow(unexpected_cfgs, reason = "only a build script of tests/mistakes sets it, so that no feature can")]

/// One line of a rule, done wrong. The line that names it shows how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line that names it shows it")]
pub enum Mistake {
    ActivateNobody,
    AnswerBeforeTheStart,
    AnswerNoCreator,
    AnswerNoMourner,
    AnswerNoQuestioner,
    ApproveAnything,
    BoundNoBudget,
    BoundNoChildren,
    BoundNoMailbox,
    BoundNoMonitors,
    BoundNoOutbox,
    BoundNoOutboxBytes,
    BoundNoWakeups,
    BuryWhatIsHandled,
    CountNoChild,
    CountNoFailedStart,
    CountNoWakeup,
    CreateForTheExiting,
    CreateInTheExitTurn,
    CreateTwoOfAName,
    DrainTheNewestFirst,
    EndBeforeTheTime,
    ForgetTheChild,
    ForgetTheExitFault,
    FreeTheNameOfAnother,
    GiveAnybodyDeadLetters,
    HandOverInReverse,
    HandleWhileExiting,
    HearAfterADemonitor,
    HearOfChildrenLate,
    HearOfNoDown,
    HearOfNoEnd,
    HearOfNoPastEnd,
    HearTwiceOfADown,
    HearTwiceOfAnEnd,
    HoldForEver,
    KeepExpiredBytes,
    KeepTheDeadLetters,
    KeepTheGrant,
    KeepTheInstance,
    KeepTheMessage,
    KeepTheMonitor,
    KeepTheName,
    KeepTheTimer,
    KillForStrangers,
    KillNoChild,
    LetThePausedSleep,
    LoseTheBatch,
    LoseWhatWaits,
    OutliveTheTime,
    OvertakeWhatIsHeld,
    PanicInTheExit,
    PanicOnTheDesk,
    PauseBeforeTheExit,
    PauseBeyondTheTime,
    PauseForNothing,
    PoisonNobody,
    PoisonTwice,
    ReleaseNoParent,
    RetryAtTheBack,
    RetryForEver,
    SeekNoExitRequest,
    TakeAStaleAnswer,
    TakeAnyAnswer,
    TurnWhileHolding,
    UncountNothing,
    WakeTooEarly,
}

#[cfg(thespian_mistakes)]
static MADE: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(usize::MAX);

/// From now on this mistake is made, and no other.
#[cfg(thespian_mistakes)]
pub fn make(mistake: Option<Mistake>) {
    MADE.store(mistake.map_or(usize::MAX, |mistake| mistake as usize), core::sync::atomic::Ordering::Relaxed);
}

#[cfg(thespian_mistakes)]
pub(crate) fn is_made(mistake: Mistake) -> bool {
    MADE.load(core::sync::atomic::Ordering::Relaxed) == mistake as usize
}

#[cfg(not(thespian_mistakes))]
pub(crate) const fn is_made(_: Mistake) -> bool {
    false
}
