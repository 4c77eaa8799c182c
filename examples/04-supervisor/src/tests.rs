use thespian::ExitReason;
use thespian::prelude::*;
use thespian::testing::TestActor;

use super::*;

#[test]
fn a_till_counts_what_was_sold() -> Result {
    let mut till = TestActor::<Till>::start()?;
    till.tell("clerk", &Sell { cents: 250 })?;
    let effects = till.tell("clerk", &Sell { cents: 120 })?;
    assert_eq!(effects[0].sent("clerk"), Some(Takings { cents: 370 }));
    Ok(())
}

#[test]
fn a_shop_opens_two_tills_and_replaces_the_one_that_ends() -> Result {
    let mut shop = TestActor::<Shop>::start()?;
    assert_eq!(shop.started().len(), 2);
    let left = shop.state().supervisor.address("left").expect("it is open").clone();
    let effects = shop.child_exited(&left, ExitReason::Failed("the till is full".into()))?;
    assert!(effects.iter().any(|effect| effect.created() == Some("Till")));
    assert_ne!(shop.state().supervisor.address("left"), Some(&left));
    Ok(())
}
