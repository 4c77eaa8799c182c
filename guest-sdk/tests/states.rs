//! Handlers that depend on the state that an actor is in, without a host: which one takes what, and what nobody takes now.

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor};
use thespian::{Actor, Encoding};

#[message]
struct Open;

#[message]
struct Close;

#[message]
struct Enter {
    name: String,
}

#[message]
#[derive(Debug, PartialEq)]
struct Welcome {
    name: String,
}

#[message]
struct Stranger;

fn enter(name: &str) -> Enter {
    Enter { name: name.into() }
}

#[derive(Default, PartialEq)]
enum Door {
    #[default]
    Closed,
    Open,
}

#[derive(Default)]
struct House {
    door: Door,
    stash: Stash,
}

#[actor(parts(stash))]
impl House {
    fn is_open(&self) -> bool {
        self.door == Door::Open
    }

    #[receive]
    fn open(&mut self, _: Open) {
        self.door = Door::Open;
        self.stash.unstash_all();
    }

    #[receive]
    fn close(&mut self, _: Close) {
        self.door = Door::Closed;
    }

    #[receive(when = Self::is_open)]
    fn welcome(&mut self, enter: Enter) -> Welcome {
        Welcome { name: enter.name }
    }

    #[receive]
    fn wait(&mut self, enter: Enter, ctx: &mut Context) -> Result {
        self.stash.put(ctx, &enter)
    }
}

#[test]
fn what_waited_for_a_state_comes_to_the_handler_of_that_state() {
    let mut house = TestActor::<House>::start().unwrap();
    assert_eq!(house.tell("a", &enter("Ada")).unwrap(), []);
    assert_eq!(house.state().stash.len(), 1);
    let opened = house.tell("key", &Open).unwrap();
    let [Effect::Send { to, message }] = &opened[..] else { panic!("{opened:?}") };
    let welcome = house.tell_raw(to.as_str(), message.clone(), 1).unwrap();
    assert_eq!(welcome[0].sent::<Welcome>("a").unwrap().name, "Ada");
    let welcome = house.tell("b", &enter("Bob")).unwrap();
    assert_eq!(welcome[0].sent::<Welcome>("b").unwrap().name, "Bob");
    house.tell("key", &Close).unwrap();
    assert_eq!(house.tell("c", &enter("Cy")).unwrap(), []);
    assert_eq!(House::RECEIVES, ["Open", "Close", "Enter"]);
}

/// Refuses what its state has no handler for.
#[derive(Default)]
struct Inn {
    guests: u32,
    heard: Vec<&'static str>,
}

/// A condition need not be a method.
const fn is_empty(inn: &Inn) -> bool {
    inn.guests == 0
}

#[actor]
impl Inn {
    const fn has_few(&self) -> bool {
        self.guests < 2
    }

    #[receive(when = is_empty)]
    fn first(&mut self, _: Enter) {
        self.guests += 1;
        self.heard.push("the first");
    }

    #[receive(when = Inn::has_few)]
    fn another(&mut self, _: Enter) {
        self.guests += 1;
        self.heard.push("another");
    }

    #[receive]
    fn close(&mut self, _: Close) {
        self.guests = 0;
    }

    #[receive(when = is_empty)]
    fn leave_empty(&mut self, _: ExitRequest) {
        self.heard.push("nobody has to leave");
    }
}

#[test]
fn the_first_handler_whose_condition_holds_takes_it() {
    let mut inn = TestActor::<Inn>::start().unwrap();
    inn.tell("a", &enter("Ada")).unwrap();
    inn.tell("b", &enter("Bob")).unwrap();
    assert_eq!(inn.state().heard, ["the first", "another"]);
}

#[test]
fn who_is_refused_for_the_state_is_told_so_and_who_is_unknown_is_told_what_there_is() {
    let mut inn = TestActor::<Inn>::start().unwrap();
    inn.tell("a", &enter("Ada")).unwrap();
    inn.tell("b", &enter("Bob")).unwrap();
    let error = inn.tell("c", &enter("Cy")).unwrap_err();
    assert_eq!(error.reason(), "`Inn` takes no `Enter` now; it may in another state");
    assert!(!error.may_retry());
    let error = inn.tell("c", &Stranger).unwrap_err();
    assert_eq!(error.reason(), "`Inn` takes no `Stranger`; it takes `Enter`, `Close`");
    inn.tell("key", &Close).unwrap();
    inn.tell("c", &enter("Cy")).unwrap();
    assert_eq!(inn.state().heard.last(), Some(&"the first"));
}

#[test]
fn an_event_that_no_state_takes_now_is_ignored() {
    let mut inn = TestActor::<Inn>::start().unwrap();
    inn.exit_requested(true).unwrap();
    inn.tell("a", &enter("Ada")).unwrap();
    assert_eq!(inn.exit_requested(true).unwrap(), []);
    assert_eq!(inn.state().heard, ["nobody has to leave", "the first"]);
}

#[test]
fn what_is_not_taken_is_not_decoded() {
    let mut inn = TestActor::<Inn>::start().unwrap();
    let bad = RawMessage {
        type_name: "Enter".into(),
        encoding: Encoding::Json,
        payload: b"?".to_vec(),
        headers: Vec::new(),
    };
    let error = inn.tell_raw("a", bad.clone(), 1).unwrap_err();
    assert!(error.reason().starts_with("`Enter` can't be decoded"), "{error}");
    inn.tell("a", &enter("Ada")).unwrap();
    inn.tell("b", &enter("Bob")).unwrap();
    let error = inn.tell_raw("a", bad, 1).unwrap_err();
    assert_eq!(error.reason(), "`Inn` takes no `Enter` now; it may in another state");
}

/// Takes whatever comes once it is open, and leaves the rest to its base.
#[derive(Default)]
struct Hall {
    is_open: bool,
    heard: Vec<String>,
    inn: Inn,
}

#[actor(base = inn)]
impl Hall {
    const fn is_open(&self) -> bool {
        self.is_open
    }

    #[receive(when = Self::is_open)]
    fn rest(&mut self, raw: RawMessage) {
        self.heard.push(raw.type_name);
    }

    #[receive(when = Self::is_open)]
    fn close(&mut self, _: Close) {
        self.is_open = false;
    }

    #[receive]
    fn open(&mut self, _: Open) {
        self.is_open = true;
    }
}

#[test]
fn what_is_not_taken_now_is_for_the_rest_if_there_is_one_now_and_else_for_the_base() {
    let mut hall = TestActor::<Hall>::start().unwrap();
    hall.tell("a", &enter("Ada")).unwrap();
    hall.tell("b", &enter("Bob")).unwrap();
    let error = hall.tell("c", &enter("Cy")).unwrap_err();
    assert_eq!(error.reason(), "`Hall` takes no `Enter` now; it may in another state", "not only its base");
    let error = hall.tell("c", &Stranger).unwrap_err();
    assert_eq!(error.reason(), "`Hall` takes no `Stranger` now; it may in another state");
    hall.tell("key", &Close).unwrap();
    assert_eq!(hall.state().inn.guests, 0, "its base has closed");
    hall.tell("key", &Open).unwrap();
    hall.tell("c", &enter("Cy")).unwrap();
    hall.tell("c", &Stranger).unwrap();
    hall.tell("key", &Close).unwrap();
    assert_eq!(hall.state().heard, ["Enter", "Stranger"]);
    assert!(!hall.state().is_open);
    assert_eq!(Hall::RECEIVES, ["Close", "Open", "Enter"]);
}

/// Refuses by itself, now and then.
#[derive(Default)]
struct Host {
    knows: bool,
}

#[actor]
impl Host {
    #[receive]
    fn enter(&mut self, _: Enter) -> Result {
        Err(Error::poison("not you"))
    }
}

#[derive(Default)]
struct Guarded {
    host: Host,
}

#[actor(base = host)]
impl Guarded {
    const fn knows(&self) -> bool {
        self.host.knows
    }

    #[receive(when = Self::knows)]
    fn welcome(&mut self, enter: Enter) -> Welcome {
        Welcome { name: enter.name }
    }
}

#[test]
fn a_base_that_takes_it_and_fails_says_why_itself() {
    let mut guarded = TestActor::<Guarded>::start().unwrap();
    assert_eq!(guarded.tell("a", &enter("Ada")).unwrap_err().reason(), "not you");
}
