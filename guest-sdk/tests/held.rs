//! Messages that an actor holds back, without a host: a stash, and what it needs before it is ready.

use thespian::REQUEST_HEADER;
use thespian::prelude::*;
use thespian::testing::{Effect, TestActor, TestStart};

#[message]
struct Open;

#[message]
struct Close;

#[message]
#[derive(Debug, PartialEq)]
struct Enter {
    name: String,
}

#[message]
#[derive(Debug, PartialEq)]
struct Welcome {
    name: String,
}

struct House {
    is_open: bool,
    stash: Stash,
    visits: Vec<String>,
}

#[actor(parts(stash))]
impl House {
    #[start]
    fn new() -> Self {
        Self { is_open: false, stash: Stash::bounded(3), visits: Vec::new() }
    }

    #[receive]
    fn open(&mut self, _: Open) {
        self.is_open = true;
        self.stash.unstash_all();
    }

    #[receive]
    fn close(&mut self, _: Close) {
        self.is_open = false;
    }

    #[receive]
    fn enter(&mut self, enter: Enter, ctx: &mut Context) -> Result<Option<Welcome>> {
        if !self.is_open {
            self.stash.put(ctx, &enter)?;
            return if enter.name == "careless" { Err(Error::new("slipped")) } else { Ok(None) };
        }
        if enter.name == "shy" && self.visits.is_empty() {
            return self.stash.put(ctx, &enter).map(|()| None);
        }
        self.stash.unstash_all();
        if enter.name.starts_with("burglar") {
            return Err(Error::poison("out"));
        }
        self.visits.push(format!("{} of {}", enter.name, ctx.sender()));
        Ok(Some(Welcome { name: enter.name }))
    }
}

fn enter(name: &str) -> Enter {
    Enter { name: name.into() }
}

/// The signals that an actor sent itself.
fn signals(effects: &[Effect]) -> Vec<Effect> {
    let to_itself = |effect: &&Effect| matches!(effect, Effect::Send { to, .. } if to.as_str() == "me");
    effects.iter().filter(to_itself).cloned().collect()
}

/// Its signal comes; what it then asks for.
#[track_caller]
fn go_on<A: thespian::Actor>(actor: &mut TestActor<A>, effects: &[Effect]) -> Result<Vec<Effect>> {
    let [Effect::Send { message, .. }] = &signals(effects)[..] else { panic!("{effects:?}") };
    actor.tell_raw("me", message.clone(), 1)
}

#[test]
fn what_is_let_go_comes_in_order_with_its_sender_and_newcomers_wait() {
    let mut house = TestActor::<House>::start().unwrap();
    let mut question = RawMessage::of(&enter("Ada")).unwrap();
    question.headers.push((REQUEST_HEADER.into(), "a#1.1".into()));
    assert_eq!(house.tell_raw("a", question, 1).unwrap(), []);
    house.tell("b", &enter("Bob")).unwrap();
    assert_eq!(house.state().stash.len(), 2);
    let opened = house.tell("key", &Open).unwrap();
    assert_eq!(house.tell("c", &enter("Cy")).unwrap(), [], "it is behind the others");
    let first = go_on(&mut house, &opened).unwrap();
    assert_eq!(first[0].sent::<Welcome>("a").unwrap().name, "Ada");
    let Effect::Send { message, .. } = &first[0] else { panic!("{first:?}") };
    assert_eq!(message.headers, [(REQUEST_HEADER.to_string(), "a#1.1".to_string())]);
    let second = go_on(&mut house, &first).unwrap();
    let third = go_on(&mut house, &second).unwrap();
    assert_eq!(signals(&third), []);
    house.tell("d", &enter("Di")).unwrap();
    assert_eq!(house.state().visits, ["Ada of a", "Bob of b", "Cy of c", "Di of d"]);
}

#[test]
fn what_is_put_again_comes_again_before_what_came_later() {
    let mut house = TestActor::<House>::start().unwrap();
    house.tell("s", &enter("shy")).unwrap();
    house.tell("b", &enter("Bob")).unwrap();
    let opened = house.tell("key", &Open).unwrap();
    house.tell("c", &enter("Cy")).unwrap();
    let mut effects = go_on(&mut house, &opened).unwrap();
    while !signals(&effects).is_empty() {
        effects = go_on(&mut house, &effects).unwrap();
    }
    assert_eq!(house.state().visits, ["Bob of b", "shy of s", "Cy of c"]);
}

#[test]
fn what_closes_the_house_waits_for_those_who_came_before_it() {
    let mut house = TestActor::<House>::start().unwrap();
    house.tell("a", &enter("Ada")).unwrap();
    let opened = house.tell("key", &Open).unwrap();
    house.tell("key", &Close).unwrap();
    let first = go_on(&mut house, &opened).unwrap();
    go_on(&mut house, &first).unwrap();
    house.tell("c", &enter("Cy")).unwrap();
    assert_eq!((house.state().visits.len(), house.state().stash.len()), (1, 1));
}

#[test]
fn what_fails_for_good_is_told_to_its_sender_and_the_others_go_on() {
    let mut house = TestActor::<House>::start().unwrap();
    house.tell("b", &enter("burglar")).unwrap();
    house.tell("a", &enter("Ada")).unwrap();
    let opened = house.tell("key", &Open).unwrap();
    let error = go_on(&mut house, &opened).unwrap_err();
    assert_eq!(error.reason(), "out");
    assert_eq!(house.failed_for().unwrap().0.as_str(), "me", "the house hears, and goes on");
    let told = house.came_back(&signals(&opened)[0], "out").unwrap();
    assert_eq!(told[0].refused("b"), Some("out"));
    let Effect::Refuse { original, .. } = &told[0] else { panic!("{told:?}") };
    assert_eq!(*original, RawMessage::of(&enter("burglar")).unwrap(), "whole, as it was sent");
    go_on(&mut house, &told).unwrap();
    assert_eq!(house.state().visits, ["Ada of a"]);
}

#[test]
fn what_failed_and_cant_go_back_whole_goes_back_without_its_payload_or_is_let_go() {
    for (header_len, is_told) in [(500, true), (2_000, false)] {
        let mut house = TestStart::default().message_bytes_max(1_000).start::<House>().unwrap();
        let mut burglar = RawMessage::of(&enter(&"burglar".repeat(100))).unwrap();
        burglar.headers.push((REQUEST_HEADER.into(), "b".repeat(header_len)));
        house.tell_raw("b", burglar, 1).unwrap();
        house.tell("a", &enter("Ada")).unwrap();
        let opened = house.tell("key", &Open).unwrap();
        assert!(go_on(&mut house, &opened).is_err());
        let told = house.came_back(&signals(&opened)[0], "out").unwrap();
        assert_eq!(told[0].refused("b"), is_told.then_some("out"));
        assert_eq!(house.take_logs().len(), usize::from(!is_told));
        go_on(&mut house, &told).unwrap();
        assert_eq!(house.state().visits, ["Ada of a"], "those behind it go on");
    }
}

#[test]
fn what_is_put_in_a_turn_that_fails_is_not_kept() {
    let mut house = TestActor::<House>::start().unwrap();
    assert!(house.tell("a", &enter("careless")).is_err());
    assert!(house.state().stash.is_empty());
}

#[test]
fn a_full_stash_refuses_and_an_exit_tells_whoever_waits() {
    let mut house = TestActor::<House>::start().unwrap();
    for name in ["Ada", "Bob", "Cy"] {
        house.tell("a", &enter(name)).unwrap();
    }
    let error = house.tell("a", &enter("Di")).unwrap_err();
    assert_eq!(error.reason(), "3 messages of 41 bytes are held back already");
    assert!(!error.may_retry());
    let told = house.exit_requested(true).unwrap();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0].refused("a"), Some("the actor exits"));
}

#[test]
fn what_traps_when_it_is_let_go_is_told_to_its_sender_by_the_next_instance() {
    let mut house = TestActor::<House>::start().unwrap();
    house.tell("b", &enter("burglar")).unwrap();
    let opened = house.tell("key", &Open).unwrap();
    let signal = match &signals(&opened)[0] {
        Effect::Send { message, .. } => message.clone(),
        other => panic!("{other:?}"),
    };
    // The host notes for whom the first attempt was; a second that fails leaves it at that.
    let mut fresh = TestStart::default().incarnation(2).start::<House>().unwrap();
    let error = fresh.tell_raw("me", signal, 2).unwrap_err();
    assert_eq!(error.reason(), "the actor trapped on it, and has lost what it was for");
    assert!(!error.may_retry() && fresh.failed_for().is_none());
}

#[test]
fn a_signal_of_an_instance_before_is_nothing() {
    let mut house = TestActor::<House>::start().unwrap();
    house.tell("a", &enter("Ada")).unwrap();
    let opened = house.tell("key", &Open).unwrap();
    let mut fresh = TestActor::<House>::start().unwrap();
    assert_eq!(go_on(&mut fresh, &opened).unwrap(), []);
    fresh.tell("key", &Open).unwrap();
    fresh.tell("a", &enter("Ada")).unwrap();
    assert_eq!(fresh.state().visits.len(), 1);
}

#[message]
struct Name {
    name: String,
}

#[message]
struct Color {
    color: String,
}

#[message]
struct Size {
    size: u32,
}

#[message]
#[derive(Debug, PartialEq)]
struct Described {
    text: String,
}

#[message]
struct Describe {
    n: u32,
}

struct Thing {
    initializing: Initializing<Self>,
    told: Vec<String>,
}

#[actor(parts(initializing))]
impl Thing {
    #[start]
    fn new() -> Self {
        let initializing = Initializing::new(Self::ready).needs::<Name>().needs::<Color>().needs::<Size>();
        Self { initializing: initializing.bounded(3), told: Vec::new() }
    }

    #[receive]
    fn name(&mut self, name: Name) -> Result {
        if name.name.is_empty() {
            return Err(Error::new("no name"));
        }
        self.told.push(name.name);
        Ok(())
    }

    #[receive]
    fn color(&mut self, color: Color) {
        self.told.push(color.color);
    }

    #[receive]
    fn size(&mut self, size: Size) {
        self.told.push(size.size.to_string());
    }

    fn ready(&mut self, ctx: &mut Context) -> Result {
        self.told.push("ready".into());
        let parent = ctx.parent().cloned().ok_or_else(|| Error::new("no parent"))?;
        ctx.send(&parent, &Described { text: self.told.join(" ") })
    }

    #[receive]
    fn describe(&mut self, describe: Describe, ctx: &mut Context) -> Described {
        Described { text: format!("{} for {}", describe.n, ctx.sender()) }
    }
}

#[test]
fn others_wait_until_every_needed_message_was_handled_and_then_come_in_order() {
    let mut thing = TestActor::<Thing>::start().unwrap();
    thing.tell("a", &Describe { n: 1 }).unwrap();
    thing.tell("x", &Size { size: 5 }).unwrap();
    thing.tell("b", &Describe { n: 2 }).unwrap();
    assert!(thing.tell("x", &Name { name: String::new() }).is_err(), "what fails has not come");
    thing.tell("x", &Color { color: "red".into() }).unwrap();
    thing.tell("x", &Color { color: "blue".into() }).unwrap();
    assert!(!thing.state().initializing.is_ready());
    let ready = thing.tell("x", &Name { name: "box".into() }).unwrap();
    assert_eq!(ready[0].sent::<Described>("parent").unwrap().text, "5 red blue box ready");
    thing.tell("c", &Describe { n: 3 }).unwrap();
    let first = go_on(&mut thing, &ready).unwrap();
    assert_eq!(first[0].sent::<Described>("a").unwrap().text, "1 for a");
    let second = go_on(&mut thing, &first).unwrap();
    assert_eq!(second[0].sent::<Described>("b").unwrap().text, "2 for b");
    let third = go_on(&mut thing, &second).unwrap();
    assert_eq!(third[0].sent::<Described>("c").unwrap().text, "3 for c");
    let now = thing.tell("d", &Describe { n: 4 }).unwrap();
    assert_eq!(now[0].sent::<Described>("d").unwrap().text, "4 for d");
}

#[test]
fn only_so_many_wait_for_an_actor_to_be_ready() {
    let mut thing = TestActor::<Thing>::start().unwrap();
    for n in 0..3 {
        thing.tell("a", &Describe { n }).unwrap();
    }
    assert!(!thing.tell("a", &Describe { n: 3 }).unwrap_err().may_retry());
}

/// Keeps all that comes while it is closed, whatever that is.
#[derive(Default)]
struct Counter {
    is_open: bool,
    stash: Stash,
    taken: Vec<String>,
}

#[actor(parts(stash))]
impl Counter {
    fn is_closed(&self) -> bool {
        !self.is_open
    }

    #[receive]
    fn open(&mut self, _: Open) {
        self.is_open = true;
        self.stash.unstash_all();
    }

    #[receive(when = Self::is_closed)]
    fn keep(&mut self, any: RawMessage, ctx: &mut Context) -> Result {
        self.stash.put_raw(ctx, any)
    }

    #[receive]
    fn take(&mut self, any: RawMessage, ctx: &mut Context) {
        self.taken.push(format!("{} of {}: {:?}", any.type_name, ctx.sender(), any.payload));
    }
}

#[test]
fn a_message_of_a_type_that_the_actor_does_not_know_is_kept_as_it_came() {
    let mut counter = TestActor::<Counter>::start().unwrap();
    let unknown = |payload: &[u8]| RawMessage {
        type_name: "shop/unknown".into(),
        encoding: thespian::Encoding::Bytes,
        payload: payload.to_vec(),
        headers: Vec::new(),
    };
    counter.tell_raw("a", unknown(&[1]), 1).unwrap();
    assert_eq!(counter.state().taken, [""; 0]);
    let opened = counter.tell("key", &Open).unwrap();
    go_on(&mut counter, &opened).unwrap();
    counter.tell_raw("b", unknown(&[2]), 1).unwrap();
    assert_eq!(counter.state().taken, ["shop/unknown of a: [1]", "shop/unknown of b: [2]"]);
}
