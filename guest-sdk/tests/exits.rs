//! An actor that exits, without a host: whoever waits for it is told, and nothing begins anew.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::ExitReason;
use thespian::prelude::*;
use thespian::testing::{Effect, TestActor};

#[message]
struct Order {
    item: String,
}

#[message]
struct PriceOf {
    item: String,
}

#[message]
struct Hold {
    n: u32,
}

#[message]
struct Told {
    text: String,
}

/// Has the exit turn fail.
#[message]
struct Fail;

#[derive(Default)]
struct Drawer {
    stash: Stash,
}

#[actor(parts(stash))]
impl Drawer {
    #[receive]
    fn hold(&mut self, hold: Hold, ctx: &mut Context) -> Result {
        self.stash.put(ctx, &hold)
    }
}

#[derive(Default)]
struct Shop {
    requests: Requests<Self>,
    drawer: Drawer,
    fails: bool,
    keeps: bool,
    refused: Vec<String>,
}

#[actor(parts(requests), base = drawer)]
impl Shop {
    #[receive]
    fn order(&mut self, order: Order, ctx: &mut Context) -> Result {
        let customer = ctx.reply_to();
        let fails = order.item == "trouble";
        let question = PriceOf { item: order.item };
        let then = move |_: &mut Self, price: Result<RawMessage, RequestError>, ctx: &mut Context| {
            if fails {
                return Err(Error::new("no price for trouble"));
            }
            let text = price.map_or_else(|error| error.to_string(), |_| "there is one".into());
            ctx.answer(&customer, &Told { text })
        };
        self.requests.ask(ctx, &"stock".into(), &question, Duration::from_secs(9), then)?;
        Ok(())
    }

    #[receive]
    fn fail(&mut self, _: Fail) {
        self.fails = true;
    }

    #[receive]
    fn keep(&mut self, _: Told) {
        self.keeps = true;
    }

    #[receive]
    fn exit(&mut self, _: ExitRequest, ctx: &mut Context) -> Result {
        assert!(ctx.is_exiting());
        if self.keeps {
            ctx.keep_children()?;
        }
        self.begin_anew(ctx);
        if self.fails { Err(Error::new("on purpose")) } else { Ok(()) }
    }

    #[receive]
    fn exited(&mut self, _: ChildActorExited, ctx: &mut Context) {
        self.begin_anew(ctx);
    }

    fn begin_anew(&mut self, ctx: &mut Context) {
        let created = ctx.create::<Drawer>().map(drop);
        let named = Create::of::<Drawer>().named("drawer", ctx).map(drop);
        let question = PriceOf { item: "tea".into() };
        let then = |_: &mut Self, _: Result<RawMessage, RequestError>, _: &mut Context| Ok(());
        let asked =
            self.requests.ask(ctx, &"stock".into(), &question, Duration::from_secs(9), then).map(drop);
        let held = self.drawer.stash.put(ctx, &Hold { n: 1 });
        let errors =
            [created, named, asked, held].map(|outcome| outcome.err().map(|error| error.to_string()));
        self.refused.extend(errors.into_iter().flatten());
    }
}

fn shop() -> TestActor<Shop> {
    TestActor::start().unwrap()
}

fn order(item: &str) -> Order {
    Order { item: item.into() }
}

/// What those who wait are told.
fn told(effects: &[Effect]) -> Vec<(String, String)> {
    let told = |effect: &Effect| match effect {
        Effect::Refuse { to, details, .. } => Some((to.to_string(), details.clone())),
        Effect::Send { to, .. } => Some((to.to_string(), effect.sent::<Told>(to.as_str())?.text)),
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

fn pairs(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter().map(|(to, text)| (to.to_string(), text.to_string())).collect()
}

#[test]
fn each_question_ends_and_each_message_held_back_is_told_also_by_the_base() {
    let mut shop = shop();
    shop.tell("Ada", &order("tea")).unwrap();
    shop.tell("Bob", &order("trouble")).unwrap();
    shop.tell("Cy", &order("milk")).unwrap();
    shop.tell("Di", &Hold { n: 1 }).unwrap();
    let effects = shop.exit_requested(true).unwrap();
    let asker_exits = "the actor that asked exits";
    assert_eq!(
        told(&effects),
        pairs(&[
            ("Ada", asker_exits),
            ("Bob", "no price for trouble"),
            ("Cy", asker_exits),
            ("Di", "the actor exits")
        ])
    );
    assert!(shop.state().requests.is_empty() && shop.state().drawer.stash.is_empty());
    let warnings = shop.take_logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    assert_eq!(warnings.count(), 0, "whoever is concerned has heard");
}

#[test]
fn whoever_waits_is_told_although_the_exit_turn_fails() {
    let mut shop = shop();
    shop.tell("Ada", &order("tea")).unwrap();
    shop.tell("Di", &Hold { n: 1 }).unwrap();
    shop.tell("test", &Fail).unwrap();
    assert_eq!(told(&shop.exit_requested(true).unwrap()).len(), 2);
    assert_eq!(shop.take_logs(), [(Level::Warn, "in its exit turn: on purpose".to_string())]);
}

#[test]
fn an_exit_turn_that_fails_while_nobody_waits_is_the_hosts_to_tell() {
    let mut shop = shop();
    shop.tell("test", &Fail).unwrap();
    assert_eq!(shop.exit_requested(true).unwrap_err().reason(), "on purpose");
    assert_eq!(shop.take_logs(), []);
}

#[test]
fn an_exit_turn_that_can_tell_nobody_still_fails() {
    let mut shop = thespian::testing::TestStart::default().message_bytes_max(400).start::<Shop>().unwrap();
    let mut question = RawMessage::of(&order("trouble")).unwrap();
    question.headers.push((thespian::REQUEST_HEADER.into(), "a".repeat(500)));
    shop.tell_raw("Ada", question, 1).unwrap();
    shop.tell("test", &Fail).unwrap();
    assert_eq!(shop.exit_requested(true).unwrap_err().reason(), "on purpose");
}

#[test]
fn an_actor_that_exits_creates_nobody_asks_nobody_and_holds_nothing_back() {
    let refused = [
        "denied: the actor is exiting",
        "denied: the actor is exiting",
        "an actor that exits can't ask: no answer would reach it",
        "an actor that exits holds nothing back",
    ];
    let mut shop = shop();
    assert_eq!(shop.exit_requested(true).unwrap(), []);
    assert_eq!(shop.state().refused, refused);
    assert_eq!(shop.child_exited(&"child-1".into(), ExitReason::Requested).unwrap(), []);
    assert_eq!(shop.state().refused[4..], refused);
}

#[test]
fn an_actor_whose_children_live_on_can_create_in_its_exit_turn() {
    let mut shop = shop();
    shop.tell("test", &Told { text: String::new() }).unwrap();
    let effects = shop.exit_requested(true).unwrap();
    assert!(
        matches!(&effects[..], [Effect::KeepChildren, Effect::Create { .. }, Effect::CreateNamed { .. }]),
        "{effects:?}"
    );
    assert_eq!(shop.state().refused.len(), 2);
}
