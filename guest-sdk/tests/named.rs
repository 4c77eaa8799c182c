//! Questions for the one actor of a global name, which a continuation goes on with.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor};
use thespian::{QuestionId, RequestId};

const WITHIN: Duration = Duration::from_secs(5);

#[message]
struct Find {
    name: String,
}

#[message]
struct FindPlainly;

#[message]
struct Forget;

#[message]
struct Fail;

#[message]
#[derive(Debug, PartialEq)]
struct Found {
    text: String,
}

#[derive(Default)]
struct Finder {
    requests: Requests<Self>,
    last: Option<RequestId>,
    failures: u32,
    heard: Vec<String>,
}

#[actor(parts(requests))]
impl Finder {
    #[receive]
    fn find(&mut self, find: Find, ctx: &mut Context) -> Result {
        let asker = ctx.reply_to();
        let lead = Create::class("Lead").require("gpu", true);
        let id = self.requests.named(ctx, &find.name, lead, WITHIN, move |finder, found, ctx| {
            finder.found(&asker, found, ctx)
        })?;
        self.last = Some(id);
        Ok(())
    }

    fn found(&mut self, asker: &ReplyTo, found: Result<Address, RequestError>, ctx: &mut Context) -> Result {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(Error::new("on purpose"));
        }
        let text = found.map_or_else(|error| error.to_string(), |address| address.to_string());
        ctx.answer(asker, &Found { text })
    }

    #[receive]
    fn find_plainly(&mut self, _: FindPlainly, ctx: &mut Context) -> Result {
        Create::class("Lead").named("lead", ctx).map(drop)
    }

    #[receive]
    fn forget(&mut self, _: Forget, ctx: &mut Context) {
        if let Some(id) = self.last {
            self.requests.cancel(ctx, id);
        }
    }

    #[receive]
    fn fail(&mut self, _: Fail) {
        self.failures = 1;
    }

    /// Must hear nothing that has a continuation.
    #[receive]
    fn named(&mut self, named: NamedActor) {
        self.heard.push(named.name);
    }
}

fn finder() -> TestActor<Finder> {
    TestActor::start().unwrap()
}

/// Asks for the name; gives the question.
fn asked(finder: &mut TestActor<Finder>) -> QuestionId {
    let effects = finder.tell("asker", &Find { name: "lead".into() }).unwrap();
    let [Effect::CreateNamed { question, name, create }, Effect::Wakeup { delay, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((name.as_str(), *delay), ("lead", WITHIN));
    assert_eq!(*create, Create::class("Lead").require("gpu", true));
    *question
}

fn told(effects: &[Effect]) -> Option<String> {
    effects.iter().find_map(|effect| effect.sent::<Found>("asker")).map(|found| found.text)
}

#[test]
fn the_one_actor_of_a_name_goes_to_the_continuation_and_to_no_handler() {
    let mut finder = finder();
    let question = asked(&mut finder);
    let effects = finder.named(question, "lead", Ok("its-address")).unwrap();
    assert_eq!(told(&effects).unwrap(), "its-address");
    assert!(matches!(effects[0], Effect::CancelWakeup { .. }), "no deadline is left");
    let question = asked(&mut finder);
    let effects = finder.named(question, "lead", Err("no host has a gpu")).unwrap();
    assert_eq!(told(&effects).unwrap(), "there is no actor of that name: no host has a gpu");
    assert!(finder.state().requests.is_empty() && finder.state().heard.is_empty());
}

#[test]
fn a_name_that_is_answered_too_late_is_heard_of_by_nobody() {
    let mut finder = finder();
    let late = asked(&mut finder);
    let effects = finder.advance(WITHIN).unwrap();
    assert_eq!(told(&effects).unwrap(), "no answer came in time");
    let forgotten = asked(&mut finder);
    finder.tell("asker", &Forget).unwrap();
    for question in [late, forgotten] {
        assert_eq!(finder.named(question, "lead", Ok("its-address")).unwrap(), []);
    }
    assert!(finder.state().heard.is_empty());
}

#[test]
fn a_name_that_has_no_continuation_is_the_handlers() {
    let mut finder = finder();
    let effects = finder.tell("asker", &FindPlainly).unwrap();
    let Effect::CreateNamed { question, .. } = &effects[0] else { panic!("{effects:?}") };
    finder.named(*question, "lead", Ok("its-address")).unwrap();
    assert_eq!(finder.state().heard, ["lead"]);
}

#[test]
fn a_continuation_that_fails_on_a_name_has_had_its_end_when_another_turn_begins() {
    let mut finder = finder();
    let question = asked(&mut finder);
    finder.tell("asker", &Fail).unwrap();
    assert!(finder.named(question, "lead", Ok("its-address")).is_err());
    assert_eq!(finder.state().requests.len(), 1, "a second attempt may come");
    finder.tell("asker", &Forget).unwrap();
    assert!(finder.state().requests.is_empty());
}
