//! Parts that `#[actor(parts(...))]` does not name, without a host: they would never see what comes, and say so.

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{TestActor, TestStart};
use thespian::{REQUEST_HEADER, RestartType, Strategy, Supervisor};

#[message]
struct Ask;

#[message]
struct Put;

#[message]
struct Supervise;

fn ask<A: 'static>(requests: &mut Requests<A>, ctx: &mut Context) -> Result {
    let then = |_: &mut A, _: Result<RawMessage, RequestError>, _: &mut Context| Ok(());
    requests.ask(ctx, &"stock".into(), &Ask, Duration::from_secs(9), then).map(drop)
}

fn supervisor(ctx: &mut Context) -> Result<Supervisor> {
    Supervisor::new(Strategy::OneForOne).child("a", Create::class("A"), RestartType::Permanent).start(ctx)
}

/// Names none of its parts.
#[derive(Default)]
struct Forgetful {
    requests: Requests<Self>,
    stash: Stash,
    supervisor: Option<Supervisor>,
}

#[actor]
impl Forgetful {
    #[receive]
    fn ask(&mut self, _: Ask, ctx: &mut Context) -> Result {
        ask(&mut self.requests, ctx)
    }

    #[receive]
    fn put(&mut self, put: Put, ctx: &mut Context) -> Result {
        self.stash.put(ctx, &put)
    }

    #[receive]
    fn supervise(&mut self, _: Supervise, ctx: &mut Context) -> Result {
        self.supervisor = Some(supervisor(ctx)?);
        Ok(())
    }
}

#[test]
fn a_part_that_is_not_named_fails_where_it_is_used_and_says_what_to_write() {
    let mut actor = TestActor::<Forgetful>::start().unwrap();
    let asked = actor.tell("a", &Ask).unwrap_err();
    assert_eq!(
        asked.reason(),
        "a `Requests` that is no part of `Forgetful` never hears an answer; \
         name its field: `#[actor(parts(requests))]`"
    );
    let put = actor.tell("a", &Put).unwrap_err();
    assert_eq!(
        put.reason(),
        "a `Stash` that is no part of `Forgetful` never lets a message go; \
         name its field: `#[actor(parts(stash))]`"
    );
    let supervised = actor.tell("a", &Supervise).unwrap_err();
    assert_eq!(
        supervised.reason(),
        "a `Supervisor` that is no part of `Forgetful` never hears that a child ended; \
         name its field: `#[actor(parts(supervisor))]`"
    );
    assert!(!asked.may_retry() && !put.may_retry() && !supervised.may_retry());
}

/// What an [`Early`] does in its start.
#[message]
#[derive(Clone, Copy, PartialEq)]
enum First {
    Asks,
    Supervises,
    Needs,
}

/// Uses in its start what it does not name, unless `is_named`.
struct Early {
    _requests: Requests<Self>,
    _supervisor: Option<Supervisor>,
    _initializing: Option<Initializing<Self>>,
}

#[actor]
impl Early {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let first = ctx.init::<First>().ok_or_else(|| Error::poison("what first?"))??;
        let mut requests = Requests::default();
        if first == First::Asks {
            ask(&mut requests, ctx)?;
        }
        Ok(Self {
            _requests: requests,
            _supervisor: if first == First::Supervises { Some(supervisor(ctx)?) } else { None },
            _initializing: (first == First::Needs).then(|| Initializing::new(Self::ready).needs::<Ask>()),
        })
    }

    fn ready(&mut self, _: &mut Context) -> Result {
        Ok(())
    }
}

#[test]
fn a_start_fails_that_uses_a_part_which_is_not_named() {
    for (first, kind) in
        [(First::Asks, "Requests"), (First::Supervises, "Supervisor"), (First::Needs, "Initializing")]
    {
        let error = TestStart::default().init(&first).unwrap().start::<Early>().map(drop).unwrap_err();
        let begins = format!("a `{kind}` that is no part of `Early`");
        assert!(error.reason().starts_with(&begins), "{error}");
    }
}

struct Prompt {
    requests: Requests<Self>,
    supervisor: Supervisor,
}

#[actor(parts(requests, supervisor))]
impl Prompt {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let mut requests = Requests::default();
        ask(&mut requests, ctx)?;
        Ok(Self { requests, supervisor: supervisor(ctx)? })
    }

    #[receive]
    fn ask(&mut self, _: Ask, ctx: &mut Context) -> Result {
        // Another in its place is a part from the next turn on.
        self.supervisor = supervisor(ctx)?;
        ask(&mut self.requests, ctx)
    }
}

#[test]
fn a_start_may_use_its_parts_and_a_turn_replace_them() {
    let mut actor = TestActor::<Prompt>::start().unwrap();
    assert_eq!(actor.state().requests.len(), 1);
    actor.tell("a", &Ask).unwrap();
    assert_eq!(actor.state().requests.len(), 2);
}

/// Whose base has a part.
#[derive(Default)]
struct Outer {
    base: Inner,
}

#[derive(Default)]
struct Inner {
    requests: Requests<Self>,
}

#[actor(parts(requests))]
impl Inner {
    #[receive]
    fn ask(&mut self, _: Ask, ctx: &mut Context) -> Result {
        ask(&mut self.requests, ctx)
    }
}

#[actor(base = base)]
impl Outer {
    #[receive]
    fn put(&mut self, _: Put, ctx: &mut Context) -> Result {
        self.base.ask(Ask, ctx)?;
        Err(Error::poison("in the end it fails"))
    }
}

#[test]
fn the_parts_of_a_base_take_part_in_every_turn() {
    let mut outer = TestActor::<Outer>::start().unwrap();
    outer.tell("a", &Ask).unwrap();
    assert!(outer.tell("a", &Put).is_err());
    assert_eq!(outer.state().base.requests.len(), 1, "the question of the turn that failed was never asked");
}

#[test]
fn what_is_for_no_part_is_a_warning() {
    let mut actor = TestActor::<Forgetful>::start().unwrap();
    let mut answer = RawMessage::of(&Ask).unwrap();
    answer.headers.push((REQUEST_HEADER.into(), "me#1.1".into()));
    actor.tell_raw("stock", answer.clone(), 1).unwrap();
    let signal = RawMessage { type_name: "thespian/unstash".into(), headers: Vec::new(), ..answer.clone() };
    actor.tell_raw("me", signal, 1).unwrap();
    let texts = [
        "the answer `Ask` from stock is for no part of `Forgetful`",
        "the signal `thespian/unstash` from me is for no part of `Forgetful`",
    ];
    assert_eq!(actor.take_logs(), texts.map(|text| (Level::Warn, text.to_string())));

    // After a trap it is what the instance before had asked for.
    let mut fresh: TestActor<Forgetful> = TestStart::default().incarnation(2).start().unwrap();
    fresh.tell_raw("stock", answer, 1).unwrap();
    assert_eq!(fresh.take_logs()[0].0, Level::Debug);
}
