//! A child that ends while questions to it are open, without a host.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor};
use thespian::{ExitReason, RestartType, Strategy, Supervisor};

#[message]
struct Order {
    item: String,
}

#[message]
struct PriceOf {
    item: String,
}

#[message]
struct Said {
    text: String,
}

/// Whether the handler of the child's end fails.
#[message]
struct Trouble {
    is_on: bool,
}

#[derive(Default)]
struct Stock;

#[actor]
impl Stock {}

struct Shop {
    requests: Requests<Self>,
    supervisor: Supervisor,
    trouble: bool,
    exits: u32,
}

#[actor(on_trap = "exit", parts(requests, supervisor))]
impl Shop {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child("stock", Create::of::<Stock>(), RestartType::Permanent)
            .start(ctx)?;
        Ok(Self { requests: Requests::default(), supervisor, trouble: false, exits: 0 })
    }

    #[receive]
    fn order(&mut self, order: Order, ctx: &mut Context) -> Result {
        let stock = self.supervisor.address("stock").cloned().unwrap();
        let fails = order.item == "trouble";
        let then = move |_: &mut Self, price: Result<RawMessage, RequestError>, _: &mut Context| {
            if fails {
                return Err(Error::new("no price for trouble"));
            }
            Ok(Said { text: price.map_or_else(|error| error.to_string(), |_| "there is one".into()) })
        };
        let question = PriceOf { item: order.item };
        self.requests.ask_for(ctx.reply_to(), ctx, &stock, &question, Duration::from_secs(9), then)?;
        Ok(())
    }

    #[receive]
    fn trouble(&mut self, trouble: Trouble) {
        self.trouble = trouble.is_on;
    }

    #[receive]
    fn exited(&mut self, _: ChildActorExited) -> Result {
        self.exits += 1;
        if self.trouble { Err(Error::poison("on purpose")) } else { Ok(()) }
    }
}

fn shop(orders: &[(&str, &str)]) -> (TestActor<Shop>, Address) {
    let mut shop = TestActor::<Shop>::start().unwrap();
    for (customer, item) in orders {
        shop.tell(customer, &Order { item: (*item).into() }).unwrap();
    }
    let stock = shop.state().supervisor.address("stock").cloned().unwrap();
    (shop, stock)
}

/// What those who wait are told.
fn told(effects: &[Effect]) -> Vec<(String, String)> {
    let told = |effect: &Effect| match effect {
        Effect::Refuse { to, details, .. } => Some((to.to_string(), details.clone())),
        Effect::Send { to, .. } => Some((to.to_string(), effect.sent::<Said>(to.as_str())?.text)),
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

fn pairs(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter().map(|(to, text)| (to.to_string(), text.to_string())).collect()
}

const GONE: &str = "whoever was asked is gone: failed: out of tea";

#[test]
fn a_continuation_that_fails_at_a_childs_end_takes_neither_the_others_nor_the_notice_along() {
    let (mut shop, stock) = shop(&[("Ada", "trouble"), ("Bob", "tea")]);
    let effects = shop.child_exited(&stock, ExitReason::Failed("out of tea".into())).unwrap();
    assert_eq!(told(&effects), pairs(&[("Ada", "no price for trouble"), ("Bob", GONE)]));
    assert!(effects.iter().any(|effect| effect.created() == Some("Stock")), "the child is replaced");
    assert_eq!((shop.state().exits, shop.state().requests.len()), (1, 0));
}

#[test]
fn each_asker_hears_once_although_the_turn_of_a_childs_end_fails() {
    let (mut shop, stock) = shop(&[("Ada", "tea"), ("Bob", "milk"), ("Cy", "trouble")]);
    shop.tell("test", &Trouble { is_on: true }).unwrap();
    assert!(shop.child_exited(&stock, ExitReason::Failed("out of tea".into())).is_err());
    assert_eq!(shop.failed_for().unwrap().0.as_str(), "Cy");
    let effects = shop.tell("test", &Trouble { is_on: false }).unwrap();
    assert_eq!(told(&effects), pairs(&[("Ada", GONE), ("Bob", GONE)]));
    assert!(shop.state().requests.is_empty());
    assert_eq!(told(&shop.tell("test", &Trouble { is_on: false }).unwrap()), []);
}
