use thespian::Troupe;
use thespian::prelude::*;
use thespian::testing::TestActor;

use super::*;

#[test]
fn a_worker_computes_and_refuses_what_takes_too_long() -> Result {
    let mut worker = TestActor::<Calculator>::start()?;
    let effects = worker.tell("asker", &Fibonacci { n: 20 })?;
    assert_eq!(effects[0].sent("asker"), Some(Number { n: 20, value: 6_765 }));
    let refused = worker.tell("asker", &Fibonacci { n: 50 }).expect_err("it is too much");
    assert_eq!(refused.reason(), "number 50 would take too long");
    Ok(())
}

#[test]
fn the_leader_hands_each_question_to_a_worker() -> Result {
    let mut leader = TestActor::<Troupe<Calculator>>::start()?;
    let effects = leader.tell("asker", &Fibonacci { n: 20 })?;
    assert_eq!(effects[0].created(), Some("Calculator"));
    Ok(())
}
