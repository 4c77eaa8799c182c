//! Asking from inside, without a host: how an answer is known, and what ends a question.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor};
use thespian::{Actor, ExitReason, REQUEST_HEADER, RequestId};

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

/// Has the shop ask the stock, and fail afterwards if it is to.
#[message]
#[derive(Default)]
struct Order {
    item: String,
    fails: bool,
}

#[message]
struct AskYourself;

#[message]
struct Forget;

#[message]
struct AskStranger {
    item: String,
}

#[message]
struct AskChild;

struct Shop {
    requests: Requests<Self>,
    last: Option<RequestId>,
    failures: u32,
    heard: Vec<String>,
}

#[actor(parts(requests))]
impl Shop {
    #[start]
    fn new() -> Self {
        Self { requests: Requests::bounded(3), last: None, failures: 0, heard: Vec::new() }
    }

    #[receive]
    fn order(&mut self, order: Order, ctx: &mut Context) -> Result {
        if order.item == "cancel" {
            self.forget(Forget, ctx);
            return Err(Error::poison("changed my mind"));
        }
        let customer = ctx.reply_to();
        let question = PriceOf { item: order.item };
        let id = self.requests.ask(ctx, &"stock".into(), &question, WITHIN, move |shop, price, ctx| {
            shop.priced(&customer, price, ctx)
        })?;
        self.last = Some(id);
        if order.fails { Err(Error::new("failed on purpose")) } else { Ok(()) }
    }

    fn priced(
        &mut self,
        customer: &ReplyTo,
        price: Result<Price, RequestError>,
        ctx: &mut Context,
    ) -> Result {
        let text = match price {
            Ok(Price { cents: 13 }) if self.failures < 2 => {
                self.failures += 1;
                return Err(Error::new("13 is no price"));
            }
            Ok(price) => format!("{} from {}", price.cents, ctx.sender()),
            Err(error) => error.to_string(),
        };
        ctx.answer(customer, &Said { text })
    }

    #[receive]
    fn ask_yourself(&mut self, _: AskYourself, ctx: &mut Context) -> Result {
        let me = ctx.me().clone();
        self.requests.ask(ctx, &me, &Forget, WITHIN, Self::anything)?;
        Ok(())
    }

    #[receive]
    fn ask_child(&mut self, _: AskChild, ctx: &mut Context) -> Result {
        let child = Create::class("Stock").create(ctx)?;
        self.requests.ask(ctx, &child, &PriceOf { item: "tea".into() }, WITHIN, Self::anything)?;
        Ok(())
    }

    #[receive]
    fn ask_stranger(&mut self, ask: AskStranger, ctx: &mut Context) -> Result {
        let question = PriceOf { item: ask.item.clone() };
        self.requests.ask_unmarked(
            ctx,
            &"stranger".into(),
            &question,
            WITHIN,
            move |shop: &mut Self, price, _| {
                let Price { cents } = price?;
                shop.heard.push(format!("{} for {cents}", ask.item));
                Ok(())
            },
        )?;
        Ok(())
    }

    fn anything(&mut self, answer: Result<RawMessage, RequestError>, _: &mut Context) -> Result {
        self.heard.push(answer.map_or_else(|error| error.to_string(), |raw| format!("{:?}", raw.headers)));
        Ok(())
    }

    #[receive]
    fn forget(&mut self, _: Forget, ctx: &mut Context) {
        if let Some(id) = self.last {
            self.requests.cancel(ctx, id);
        }
    }

    /// Must never hear an answer.
    #[receive]
    fn price(&mut self, price: Price) {
        self.heard.push(format!("a handler heard {}", price.cents));
    }

    #[receive]
    fn exited(&mut self, exit: ChildActorExited) {
        self.heard.push(format!("exited: {}", exit.reason));
    }

    #[receive]
    fn came_back(&mut self, poison: PoisonMessage) {
        self.heard.push(format!("came back: {}", poison.details));
    }
}

fn order(item: &str) -> Order {
    Order { item: item.into(), fails: false }
}

fn shop() -> TestActor<Shop> {
    TestActor::start().unwrap()
}

/// What the customer is told by one of these.
fn told(effects: &[Effect]) -> Option<String> {
    effects.iter().find_map(|effect| effect.sent::<Said>("customer")).map(|said| said.text)
}

#[test]
fn an_answer_goes_to_the_continuation_of_its_question_in_any_order() {
    let mut shop = shop();
    let tea = shop.tell("customer", &order("tea")).unwrap();
    let milk = shop.tell("customer", &order("milk")).unwrap();
    assert_eq!(tea[0].sent::<PriceOf>("stock").unwrap().item, "tea");
    assert_eq!(told(&shop.answer(&milk[0], &Price { cents: 2 }).unwrap()).unwrap(), "2 from stock");
    let effects = shop.answer(&tea[0], &Price { cents: 1 }).unwrap();
    assert_eq!(told(&effects).unwrap(), "1 from stock");
    let Effect::Wakeup { id, delay, .. } = &tea[1] else { panic!("{tea:?}") };
    assert_eq!((*delay, &effects[0]), (WITHIN, &Effect::CancelWakeup { id: *id }));
    assert!(shop.state().requests.is_empty());
}

#[test]
fn a_late_answer_is_dropped_and_no_handler_hears_it() {
    let mut shop = shop();
    let asked = shop.tell("customer", &order("tea")).unwrap();
    assert_eq!(told(&shop.wake(&asked[1]).unwrap()).unwrap(), "no answer came in time");
    assert_eq!(shop.answer(&asked[0], &Price { cents: 1 }).unwrap(), []);
    assert_eq!(shop.take_logs()[0].1, "a late answer, from stock, is dropped");
    assert_eq!(shop.wake(&asked[1]).unwrap(), [], "nor a deadline");

    // A fresh instance at the same address knows nothing of the question.
    let mut fresh = self::shop();
    fresh.tell("customer", &order("tea")).unwrap();
    for effects in [fresh.answer(&asked[0], &Price { cents: 1 }), fresh.wake(&asked[1])] {
        assert_eq!(effects.unwrap(), []);
    }
    assert!(fresh.state().heard.is_empty() && fresh.state().requests.len() == 1);
}

#[test]
fn a_message_of_the_same_type_that_answers_nothing_goes_to_its_handler() {
    let mut shop = shop();
    shop.tell("customer", &order("tea")).unwrap();
    shop.tell("stock", &Price { cents: 7 }).unwrap();
    assert_eq!(shop.state().heard, ["a handler heard 7"]);
}

#[test]
fn a_question_that_comes_back_ends_with_the_reason() {
    let mut shop = shop();
    let asked = shop.tell("customer", &order("tea")).unwrap();
    let effects = shop.came_back(&asked[0], "no stock today").unwrap();
    assert_eq!(told(&effects).unwrap(), "the question came back: no stock today");
    shop.came_back(&asked[0], "again").unwrap();
    assert_eq!(shop.state().heard, ["came back: again"], "what is no open question is the handler's");
}

#[test]
fn a_continuation_that_sees_to_the_answer_itself_fails_for_whoever_asked_too() {
    let mut shop = shop();
    let asked = shop.tell("customer", &order("tea")).unwrap();
    assert!(shop.answer(&asked[0], &Price { cents: 13 }).is_err());
    let (to, original) = shop.failed_for().unwrap();
    assert_eq!((to.as_str(), &*original.type_name), ("customer", "Order"));
    shop.tell("customer", &Forget).unwrap();
    assert!(shop.failed_for().is_none());
}

#[test]
fn an_answer_of_another_type_and_one_that_cant_be_decoded_are_told_apart() {
    let mut shop = shop();
    let asked = shop.tell("customer", &order("tea")).unwrap();
    let effects = shop.answer(&asked[0], &Said { text: "what?".into() }).unwrap();
    assert_eq!(told(&effects).unwrap(), "the answer is of another type: `Said`");

    #[message(name = "Price")]
    struct Wrong {
        euros: u64,
    }
    let asked = shop.tell("customer", &order("tea")).unwrap();
    let effects = shop.answer(&asked[0], &Wrong { euros: 1 }).unwrap();
    assert!(told(&effects).unwrap().starts_with("`Price` can't be decoded: missing field"));
}

#[test]
fn a_question_of_a_turn_that_fails_was_never_asked() {
    let mut shop = shop();
    let failing = Order { fails: true, ..order("tea") };
    assert!(shop.tell("customer", &failing).is_err());
    assert!(shop.state().requests.is_empty());
}

#[test]
fn a_continuation_that_fails_runs_once_more_and_then_its_question_is_closed() {
    let mut shop = shop();
    let asked = shop.tell("customer", &order("tea")).unwrap();
    let Effect::Send { message: question, .. } = &asked[0] else { panic!("{asked:?}") };
    let mut answer = RawMessage::of(&Price { cents: 13 }).unwrap();
    answer.headers.clone_from(&question.headers);
    assert!(shop.tell_raw("stock", answer.clone(), 1).is_err());
    assert_eq!(shop.state().requests.len(), 1);
    assert!(shop.tell_raw("stock", answer.clone(), 2).is_err());
    assert_eq!(shop.tell_raw("stock", answer, 1).unwrap(), [], "it has had its end");
    assert!(shop.state().requests.is_empty());
}

#[test]
fn a_question_whose_continuation_failed_is_closed_when_no_second_attempt_comes() {
    let mut shop = shop();
    let asked = shop.tell("customer", &order("tea")).unwrap();
    // It may be tried again, but the host knows of a bound that the turn met, and goes on.
    assert!(shop.answer(&asked[0], &Price { cents: 13 }).unwrap_err().may_retry());
    assert_eq!(shop.state().requests.len(), 1);
    shop.tell("anybody", &Forget).unwrap();
    assert!(shop.state().requests.is_empty());
    assert_eq!(shop.wake(&asked[1]).unwrap(), [], "nor does its deadline come to anything");
}

#[test]
fn a_question_that_a_turn_takes_back_stays_open_if_the_turn_fails() {
    let mut shop = shop();
    let asked = shop.tell("customer", &order("tea")).unwrap();
    assert!(shop.tell("customer", &Order { item: "cancel".into(), fails: true }).is_err());
    let effects = shop.answer(&asked[0], &Price { cents: 1 }).unwrap();
    assert_eq!(told(&effects).unwrap(), "1 from stock");
}

#[test]
fn only_so_many_questions_are_open_and_none_to_oneself() {
    let mut shop = shop();
    for _ in 0..3 {
        shop.tell("customer", &order("tea")).unwrap();
    }
    let error = shop.tell("customer", &order("tea")).unwrap_err();
    assert_eq!(error.reason(), "3 questions are open, and no more may be");
    let effects = shop.tell("customer", &Forget).unwrap();
    assert!(matches!(effects[..], [Effect::CancelWakeup { .. }]));
    let error = shop.tell("customer", &AskYourself).unwrap_err();
    assert!(error.reason().starts_with("an actor can't ask itself"), "{error}");
    shop.tell("customer", &order("tea")).unwrap();
}

#[test]
fn the_end_of_a_child_that_was_asked_ends_the_question_and_is_told_to_the_handler_too() {
    let mut shop = shop();
    let asked = shop.tell("customer", &AskChild).unwrap();
    let Effect::Create { address, .. } = &asked[0] else { panic!("{asked:?}") };
    let effects = shop.child_exited(address, ExitReason::Failed("out of tea".into())).unwrap();
    assert!(matches!(effects[..], [Effect::CancelWakeup { .. }]));
    assert_eq!(
        shop.state().heard,
        ["whoever was asked is gone: failed: out of tea", "exited: failed: out of tea"]
    );
}

#[test]
fn an_answer_is_given_to_a_continuation_without_the_header() {
    let mut shop = shop();
    let asked = shop.tell("customer", &AskChild).unwrap();
    shop.answer(&asked[1], &Price { cents: 1 }).unwrap();
    assert_eq!(shop.state().heard, ["[]"]);
}

#[test]
fn who_copies_no_header_answers_in_order_by_what_it_sends() {
    let mut shop = shop();
    for item in ["tea", "milk"] {
        shop.tell("customer", &AskStranger { item: item.into() }).unwrap();
    }
    shop.tell("another", &Price { cents: 9 }).unwrap();
    shop.tell("stranger", &Forget).unwrap();
    for cents in [1, 2, 3] {
        shop.tell("stranger", &Price { cents }).unwrap();
    }
    let heard = ["a handler heard 9", "tea for 1", "milk for 2", "a handler heard 3"];
    assert_eq!(shop.state().heard, heard);
    assert!(shop.state().requests.is_empty());
}

/// Answers at once, later, and by way of another.
#[derive(Default)]
struct Stock {
    owed: Option<ReplyTo>,
}

#[message]
struct Deliver;

#[message]
struct Passed {
    reply_to: ReplyTo,
}

#[actor]
impl Stock {
    #[receive]
    fn price_of(&mut self, ask: PriceOf, ctx: &mut Context) -> Result<Option<Price>> {
        match &*ask.item {
            "later" => self.owed = Some(ctx.reply_to()),
            "elsewhere" => ctx.send(&"other".into(), &Passed { reply_to: ctx.reply_to() })?,
            _ => return Ok(Some(Price { cents: 1 })),
        }
        Ok(None)
    }

    #[receive]
    fn deliver(&mut self, _: Deliver, ctx: &mut Context) -> Result {
        self.owed.take().map_or(Ok(()), |owed| ctx.answer(&owed, &Price { cents: 2 }))
    }

    #[receive]
    fn passed(&mut self, passed: Passed, ctx: &mut Context) -> Result {
        ctx.answer(&passed.reply_to, &Price { cents: 3 })
    }
}

#[test]
fn whoever_answers_does_so_with_the_header_of_the_question() {
    let header = (REQUEST_HEADER.to_string(), "shop#1.7".to_string());
    let question = |item: &str| {
        let mut raw = RawMessage::of(&PriceOf { item: item.into() }).unwrap();
        raw.headers.push(header.clone());
        raw
    };
    #[track_caller]
    fn only(effects: &[Effect]) -> RawMessage {
        let [Effect::Send { to, message }] = effects else { panic!("{effects:?}") };
        assert_eq!(to.as_str(), "shop");
        message.clone()
    }
    let mut stock = TestActor::<Stock>::start().unwrap();
    let returned = only(&stock.tell_raw("shop", question("now"), 1).unwrap());
    stock.tell_raw("shop", question("later"), 1).unwrap();
    let later = only(&stock.tell("anyone", &Deliver).unwrap());
    let passed = stock.tell_raw("shop", question("elsewhere"), 1).unwrap();
    let passed: Passed = passed[0].sent("other").unwrap();
    let other = only(&stock.tell("another stock", &passed).unwrap());
    for (answer, cents) in [(returned, 1), (later, 2), (other, 3)] {
        assert_eq!(answer.headers, std::slice::from_ref(&header));
        assert_eq!(answer.decode::<Price>().unwrap().unwrap(), Price { cents });
    }
    let plain = stock.tell("shop", &PriceOf { item: "now".into() }).unwrap();
    assert!(only(&plain).headers.is_empty(), "a message without the header is answered without");
}

/// Takes what its base does not, and something that it does.
#[derive(Default)]
struct Department {
    counter: Counter,
    requests: Requests<Self>,
}

#[message]
struct Add {
    n: u64,
}

#[derive(Default)]
struct Counter {
    sum: u64,
}

#[actor]
impl Counter {
    #[receive]
    fn add(&mut self, add: Add) -> Price {
        self.sum += add.n;
        Price { cents: self.sum }
    }

    #[receive]
    fn forget(&mut self, _: Forget) {
        self.sum = 0;
    }
}

#[actor(parts(requests), base = counter)]
impl Department {
    /// In place of the base's.
    #[receive]
    fn forget(&mut self, _: Forget) -> Said {
        Said { text: "we forget nothing".into() }
    }

    #[receive]
    fn price_of(&mut self, ask: PriceOf) -> Said {
        Said { text: ask.item }
    }
}

#[test]
fn what_an_actor_does_not_take_is_its_bases() {
    let mut department = TestActor::<Department>::start().unwrap();
    let effects = department.tell("a", &Add { n: 2 }).unwrap();
    assert_eq!(effects[0].sent::<Price>("a").unwrap(), Price { cents: 2 });
    let effects = department.tell("a", &Forget).unwrap();
    assert_eq!(effects[0].sent::<Said>("a").unwrap().text, "we forget nothing");
    assert_eq!(department.state().counter.sum, 2, "the base did not hear of it");
    let error = department.tell("a", &Deliver).unwrap_err();
    assert_eq!(error.reason(), "`Counter` takes no `Deliver`; it takes `Add`, `Forget`");
    assert_eq!(Department::RECEIVES, ["Forget", "PriceOf", "Add"]);
}
