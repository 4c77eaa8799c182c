use thespian::prelude::*;
use thespian::testing::{Effect, TestActor};

use super::*;

#[test]
fn hello_creates_a_world_once_and_tells_it_whom_to_answer() -> Result {
    let mut hello = TestActor::<Hello>::start()?;
    let first = hello.tell("asker", &AreYouThere)?;
    assert_eq!(first[0].created(), Some("World"));
    let Effect::Create { address: world, .. } = &first[0] else { unreachable!("it is one") };
    let finish: Finish = first[1].sent(world.as_str()).expect("sent to the world");
    assert_eq!((finish.text.as_str(), finish.asker.as_str()), ("Hello,", "asker"));

    let second = hello.tell("another", &AreYouThere)?;
    let finish: Finish = second[0].sent(world.as_str()).expect("sent to the same world");
    assert_eq!(finish.asker.as_str(), "another");
    Ok(())
}

#[test]
fn hello_creates_a_new_world_when_the_old_one_is_gone() -> Result {
    let mut hello = TestActor::<Hello>::start()?;
    let effects = hello.tell("asker", &AreYouThere)?;
    let Effect::Create { address: world, .. } = &effects[0] else { unreachable!("it is one") };
    hello.child_exited(world, ExitReason::Requested)?;
    assert_eq!(hello.tell("asker", &AreYouThere)?[0].created(), Some("World"));
    Ok(())
}

#[test]
fn the_world_answers_the_asker() -> Result {
    let mut world = TestActor::<World>::start()?;
    let effects = world.tell("hello", &Finish { text: "Hello,".into(), asker: "asker".into() })?;
    let greeting: Greeting = effects[0].sent("asker").expect("sent to the asker");
    assert_eq!(greeting.text, "Hello, world!");
    Ok(())
}

#[test]
fn goodbye_answers_and_exits() -> Result {
    let mut goodbye = TestActor::<Goodbye>::start()?;
    let effects = goodbye.tell("asker", &AreYouThere)?;
    assert_eq!(effects[0], Effect::Exit { target: "me".into(), recursive: true });
    assert_eq!(effects[1].sent::<Greeting>("asker").expect("an answer").text, "Goodbye!");
    Ok(())
}
