//! Asking on behalf of somebody: what comes of it goes there, without a host.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor, TestStart};
use thespian::{Actor, REQUEST_HEADER};

const WITHIN: Duration = Duration::from_secs(5);

#[message]
#[derive(Debug, PartialEq)]
struct PriceOf {
    item: String,
}

#[message]
#[derive(Debug, PartialEq)]
struct Price {
    cents: u64,
}

#[message]
#[derive(Debug, PartialEq)]
struct Said {
    text: String,
}

/// A question that is asked for somebody else.
#[derive(Default)]
struct Broker {
    requests: Requests<Self>,
}

#[message]
struct Quote {
    item: String,
}

#[message]
struct QuoteFor {
    reply_to: ReplyTo,
}

#[message]
struct OnYourOwn;

#[actor(parts(requests))]
impl Broker {
    #[receive]
    fn quote(&mut self, quote: Quote, ctx: &mut Context) -> Result {
        let question = PriceOf { item: quote.item };
        self.requests.ask_for(ctx.reply_to(), ctx, &"stock".into(), &question, WITHIN, Self::quoted)?;
        Ok(())
    }

    fn quoted(&mut self, price: Result<Price, RequestError>, ctx: &mut Context) -> Result<Option<Said>> {
        match price? {
            Price { cents: 0 } => Ok(None),
            Price { cents: 13 } => Err(Error::new("13 is no price")),
            Price { cents: 99 } => {
                let question = PriceOf { item: "more".into() };
                self.requests.ask_for(
                    ctx.reply_to(),
                    ctx,
                    &"stock".into(),
                    &question,
                    WITHIN,
                    Self::quoted,
                )?;
                Ok(None)
            }
            Price { cents: 77 } => {
                let then = |_: &mut Self, price: Result<Price, RequestError>, _: &mut Context| {
                    price.map(drop).map_err(Into::into)
                };
                self.requests.ask(ctx, &"stock".into(), &PriceOf { item: "more".into() }, WITHIN, then)?;
                Ok(None)
            }
            Price { cents } => Ok(Some(Said { text: format!("{cents} for {}", ctx.sender()) })),
        }
    }

    #[receive]
    fn quote_for(&mut self, quote: QuoteFor, ctx: &mut Context) -> Result {
        let question = PriceOf { item: "tea".into() };
        self.requests.ask_for(quote.reply_to, ctx, &"stock".into(), &question, WITHIN, Self::quoted)?;
        Ok(())
    }

    #[receive]
    fn on_your_own(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
        drop(wakeup);
        let question = PriceOf { item: "tea".into() };
        let then = |_: &mut Self, price: Result<Price, RequestError>, _: &mut Context| {
            let _price = price?;
            Ok(())
        };
        self.requests.ask(ctx, &"stock".into(), &question, WITHIN, then)?;
        Ok(())
    }

    #[receive]
    fn begin(&mut self, _: OnYourOwn, ctx: &mut Context) -> Result {
        ctx.wakeup_after(WITHIN).map(drop)
    }
}

/// A question of `customer` with a name, as it comes to a broker.
fn quote(item: &str) -> RawMessage {
    let mut quote = RawMessage::of(&Quote { item: item.into() }).unwrap();
    quote.headers.push((REQUEST_HEADER.to_string(), "customer#1.7".to_string()));
    quote
}

#[test]
fn what_a_continuation_returns_goes_to_the_one_that_its_question_was_asked_for() {
    let mut broker = TestActor::<Broker>::start().unwrap();
    let asked = broker.tell_raw("customer", quote("tea"), 1).unwrap();
    let effects = broker.answer(&asked[0], &Price { cents: 99 }).unwrap();
    // It asks once more, still for the same.
    let again = effects.iter().find(|effect| matches!(effect, Effect::Send { .. })).unwrap();
    let effects = broker.answer(again, &Price { cents: 5 }).unwrap();
    let Some(Effect::Send { to, message }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(to.as_str(), "customer");
    assert_eq!(message.decoded::<Said>().unwrap().unwrap(), Said { text: "5 for customer".into() });
    assert_eq!(message.headers, [(REQUEST_HEADER.to_string(), "customer#1.7".to_string())]);
    let asked = broker.tell_raw("customer", quote("tea"), 1).unwrap();
    let effects = broker.answer(&asked[0], &Price { cents: 0 }).unwrap();
    assert!(matches!(effects[..], [Effect::CancelWakeup { .. }]), "{effects:?}");
}

/// Whoever hears of the turn that failed has its own question back.
#[track_caller]
fn assert_failed_for_the_customer<A: Actor>(actor: &TestActor<A>, type_name: &str) {
    let (to, original) = actor.failed_for().expect("the turn failed for somebody");
    assert_eq!((to.as_str(), &*original.type_name), ("customer", type_name));
    assert!(original.payload.is_empty());
}

#[test]
fn a_continuation_that_fails_is_told_to_whom_its_question_was_asked_for_and_not_to_who_answered() {
    let mut broker = TestActor::<Broker>::start().unwrap();
    let asked = broker.tell_raw("customer", quote("tea"), 1).unwrap();
    assert!(broker.answer(&asked[0], &Price { cents: 13 }).unwrap_err().may_retry());
    assert_failed_for_the_customer(&broker, "Quote");
    assert_eq!(broker.failed_for().unwrap().1.headers[0].1, "customer#1.7", "so that it knows which");

    let asked = broker.tell_raw("customer", quote("tea"), 1).unwrap();
    let error = broker.wake(&asked[1]).unwrap_err();
    assert_eq!((error.reason(), error.may_retry()), ("no answer came in time", false));
    assert_failed_for_the_customer(&broker, "Quote");

    let asked = broker.tell_raw("customer", quote("tea"), 1).unwrap();
    let error = broker.came_back(&asked[0], "there is no actor at this address").unwrap_err();
    assert_eq!(error.reason(), "the question came back: there is no actor at this address");
    assert_failed_for_the_customer(&broker, "Quote");
}

#[test]
fn what_a_continuation_asks_plainly_it_asks_for_whoever_it_runs_for() {
    let mut broker = TestActor::<Broker>::start().unwrap();
    // Who passes it on is no part of this source, and knows nothing of the type of the customer's message.
    let reply_to = serde_json::from_str(r#"{"address":"customer","request":null}"#).unwrap();
    let first = broker.tell("another", &QuoteFor { reply_to }).unwrap();
    let second = broker.answer(&first[0], &Price { cents: 77 }).unwrap();
    let deadline = second.last().unwrap();
    assert!(broker.wake(deadline).is_err());
    assert_eq!(broker.failed_for().unwrap().0.as_str(), "customer");
}

#[test]
fn a_continuation_of_what_nobody_asked_for_fails_for_the_actor_itself() {
    let mut broker = TestActor::<Broker>::start().unwrap();
    let effects = broker.tell("customer", &OnYourOwn).unwrap();
    let asked = broker.wake(&effects[0]).unwrap();
    assert!(broker.wake(&asked[1]).is_err());
    let (to, original) = broker.failed_for().unwrap();
    assert_eq!((to.as_str(), &*original.type_name), ("me", "PriceOf"));
}

#[test]
fn a_second_attempt_fails_for_whom_the_first_did_and_another_turn_does_not() {
    let mut broker = TestActor::<Broker>::start().unwrap();
    let asked = broker.tell_raw("customer", quote("tea"), 1).unwrap();
    assert!(broker.answer(&asked[0], &Price { cents: 13 }).is_err());
    let unknown = || RawMessage { type_name: "unknown".into(), ..quote("tea") };
    assert!(broker.tell_raw("stock", unknown(), 2).is_err());
    assert_failed_for_the_customer(&broker, "Quote");
    assert!(broker.tell_raw("stock", unknown(), 1).is_err());
    assert!(broker.failed_for().is_none());
}

#[test]
fn what_traps_its_instance_fails_the_next_one_too_so_that_whoever_it_was_for_hears() {
    let mut broker = TestActor::<Broker>::start().unwrap();
    let asked = broker.tell_raw("customer", quote("tea"), 1).unwrap();
    let Effect::Send { message: question, .. } = &asked[0] else { panic!("{asked:?}") };
    let mut answer = RawMessage::of(&Price { cents: 1 }).unwrap();
    answer.headers.clone_from(&question.headers);
    let mut fresh = TestStart::default().incarnation(2).start::<Broker>().unwrap();
    assert_eq!(fresh.tell_raw("stock", answer.clone(), 1).unwrap(), [], "a late one is dropped");
    assert!(!fresh.tell_raw("stock", answer, 2).unwrap_err().may_retry());
    assert!(fresh.failed_for().is_none(), "the first attempt has said for whom");
}

#[test]
fn whoever_a_question_was_asked_for_is_refused_when_the_actor_exits() {
    let mut broker = TestActor::<Broker>::start().unwrap();
    broker.tell_raw("customer", quote("tea"), 1).unwrap();
    let effects = broker.exit_requested(true).unwrap();
    let [Effect::Refuse { to, original, details }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((to.as_str(), &*original.type_name), ("customer", "Quote"));
    assert_eq!(details, "the actor that asked exits");
}
