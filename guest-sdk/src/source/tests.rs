use super::describe;
use crate::actor::Guest;
use crate::bindings::thespian::actor::types as wit;
use crate::instance::{handle_message, start};
use crate::names::differ;
use crate::prelude::*;

#[message]
struct Add {
    n: i64,
}

#[derive(Default)]
struct Counter {
    total: i64,
}

#[actor(on_trap = "exit", requires(gpu, region = "eu", "memory-gb" >= 4, cores = 8))]
impl Counter {
    #[receive]
    fn add(&mut self, add: Add) -> Result {
        self.total += add.n;
        if self.total > 10 { Err(Error::new(self.total)) } else { Ok(()) }
    }
}

struct Refuser;

#[actor(name = "shop/refuser")]
impl Refuser {
    #[start]
    fn new() -> Result<Self> {
        Err(Error::new("closed"))
    }
}

const GUESTS: &[Guest] = &[Guest::of::<Counter>(), Guest::of::<Refuser>()];

fn init(class: &str) -> wit::ActorInit {
    wit::ActorInit {
        class: class.to_string(),
        me: "me".to_string(),
        parent: None,
        global_name: None,
        source: "0".repeat(64),
        incarnation: 1,
        capabilities: Vec::new(),
        requirements: Vec::new(),
        init: None,
        extra: Vec::new(),
    }
}

/// A turn for one message.
fn add(n: i64) -> std::result::Result<(), wit::Failure> {
    let message = RawMessage::of(&Add { n }).map(RawMessage::into_wit);
    let message = message.unwrap_or_else(|error| panic!("{error}"));
    handle_message("asker".to_string(), 1, message)
}

fn refusal(outcome: std::result::Result<(), wit::Failure>) -> (String, bool) {
    let failure = outcome.err().unwrap_or_else(|| panic!("it did not fail"));
    (failure.reason, failure.retry)
}

#[test]
fn an_actor_that_could_not_start_has_no_turn() {
    assert_eq!(refusal(start(GUESTS, init("shop/refuser"))), ("closed".to_string(), true));
    assert_eq!(refusal(add(1)), ("the actor has not started".to_string(), false));
}

#[test]
fn an_unknown_class_is_told_which_there_are() {
    let text = "the source has no class `Teller`; it has `Counter`, `shop/refuser`".to_string();
    assert_eq!(refusal(start(GUESTS, init("Teller"))), (text, false));
}

#[test]
fn a_turn_that_fails_keeps_the_state() {
    assert!(start(GUESTS, init("Counter")).is_ok());
    assert!(add(9).is_ok());
    assert_eq!(refusal(add(9)), ("18".to_string(), true));
    assert_eq!(refusal(add(0)), ("18".to_string(), true));
}

#[test]
fn a_panic_leaves_nothing_borrowed() {
    assert!(start(GUESTS, init("Counter")).is_ok());
    assert!(add(1).is_ok());
    // Overflows, which a debug build finds.
    let panicked = std::panic::catch_unwind(|| add(i64::MAX));
    assert!(panicked.is_err() || cfg!(not(debug_assertions)));
    assert!(add(-1).is_ok() || cfg!(not(debug_assertions)));
}

#[test]
fn a_source_says_what_it_offers() {
    let info = describe("shop", "1.2.3", GUESTS);
    assert_eq!((info.name.as_str(), info.version.as_str()), ("shop", "1.2.3"));
    let [counter, refuser] = info.classes.as_slice() else { panic!("{info:?}") };
    assert_eq!((counter.name.as_str(), refuser.name.as_str()), ("Counter", "shop/refuser"));
    assert_eq!((counter.on_trap, refuser.on_trap), (wit::OnTrap::Exit, wit::OnTrap::Restart));
    assert_eq!(counter.receives, ["Add"]);
    let requires: Vec<_> = counter.requires.iter().cloned().map(Requirement::from).collect();
    let wanted = |name: &str, clause| Requirement { name: name.to_string(), clause };
    assert_eq!(
        requires,
        [
            wanted("gpu", Clause::IsTrue),
            wanted("region", Clause::Equals("eu".into())),
            wanted("memory-gb", Clause::AtLeast(4.0)),
            wanted("cores", Clause::Equals(8.into())),
        ]
    );
}

#[test]
fn names_are_compared_whole() {
    assert!(differ(&[]) && differ(&["a"]) && differ(&["a", "ab", "b"]));
    assert!(!differ(&["a", "b", "a"]));
}
