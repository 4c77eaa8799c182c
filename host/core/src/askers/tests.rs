use super::*;
use crate::address::HostId;
use crate::effect::Effect;
use crate::question::Asker;

fn client(number: u64) -> Origin {
    Origin::Client(Asker(number))
}

fn actor(number: u128) -> ActorAddress {
    ActorAddress::new(HostId(1), number)
}

fn end(number: u128) -> Subject {
    Subject::End(actor(number))
}

#[test]
fn those_that_wait_for_the_same_are_taken_in_the_order_of_their_asking_and_once() {
    let mut askers = Askers::default();
    for number in [3, 1, 2] {
        askers.wait(client(number), end(7));
        askers.wait(client(10 + number), end(8));
    }
    assert_eq!(askers.of(end(7)).collect::<Vec<_>>(), [3, 1, 2].map(client));
    assert_eq!(askers.take(&end(7)), [3, 1, 2].map(client));
    assert_eq!(askers.take(&end(7)), []);
    assert_eq!(askers.take(&end(8)), [13, 11, 12].map(client));
    assert!(askers.is_empty());
}

#[test]
fn a_question_that_was_taken_back_is_answered_by_nothing() {
    let mut askers = Askers::default();
    let of_actor = Origin::Actor { address: actor(1), request: 4 };
    askers.wait(client(1), end(7));
    askers.wait(of_actor, Subject::Name("lead".into()));
    askers.wait(client(2), end(7));
    assert_eq!(askers.forget(client(1)), [end(7)]);
    assert_eq!(askers.forget(client(1)), []);
    assert_eq!(askers.take(&end(7)), [client(2)]);
    assert_eq!(askers.forget(of_actor), [Subject::Name("lead".into())]);
    assert!(askers.is_empty());
}

#[test]
fn at_the_end_who_waits_for_it_is_told_first_and_all_others_that_it_came() {
    let mut askers = Askers::default();
    askers.wait(client(1), Subject::Name("lead".into()));
    askers.wait(client(2), end(7));
    askers.wait(client(3), Subject::Start(actor(9)));
    askers.wait(client(4), Subject::Stop);
    let mut effects = Effects::default();
    askers.close(&mut effects);
    let answered = |effect: &Effect| match effect {
        Effect::Answer { asker, answer } => (asker.0, answer.clone()),
        other => panic!("{other:?}"),
    };
    let refused = |asker| (asker, Err(Refusal::ShuttingDown));
    let all: Vec<_> = effects.iter().map(answered).collect();
    assert_eq!(all, [(4, Ok(Answer::Done)), refused(3), refused(2), refused(1)]);
    assert!(askers.is_empty());
}
