//! Actors without a host: which handler gets what, what a turn asks for, what a failure says.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor, TestStart};
use thespian::{Actor, Encoding};

#[message]
#[derive(Debug, PartialEq)]
struct Add {
    n: i64,
}

#[message]
#[derive(Debug, PartialEq)]
struct Total {
    value: i64,
}

#[message]
struct Reset;

#[message]
struct Divide {
    by: i64,
}

#[message]
struct Watch {
    class: String,
}

#[message]
struct Stranger;

/// A bit of everything.
#[derive(Default)]
struct Counter {
    value: i64,
    told: Vec<String>,
}

#[actor]
impl Counter {
    #[receive]
    fn add(&mut self, add: Add) -> Total {
        self.value += add.n;
        Total { value: self.value }
    }

    #[receive]
    fn reset(&mut self, _: Reset) -> Option<Total> {
        let before = std::mem::take(&mut self.value);
        (before != 0).then_some(Total { value: before })
    }

    #[receive]
    fn divide(&mut self, divide: Divide, ctx: &mut Context) -> Result<Total> {
        warn!(ctx, "attempt {} to divide by {}", ctx.attempt(), divide.by);
        ctx.send(&"audit".into(), &Add { n: 1 })?;
        let value = self.value.checked_div(divide.by).ok_or_else(|| Error::new("division by zero"))?;
        self.value = value;
        Ok(Total { value })
    }

    #[receive]
    fn watch(&mut self, watch: Watch, ctx: &mut Context) -> Result {
        let create = Create::class(watch.class).watch_restarts().on_trap(OnTrap::Exit);
        let child = create.require("gpu", true).require("cores", 4).init(&Add { n: 2 })?.create(ctx)?;
        ctx.send(&child, &Reset)?;
        let id = ctx.wakeup_after(Duration::from_secs(1))?;
        ctx.cancel_wakeup(id);
        ctx.wakeup_after_with(Duration::from_secs(2), &Add { n: 5 })?;
        ctx.request_exit(&child, false)?;
        Ok(())
    }

    #[receive]
    fn wakeup(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
        let add: Add = wakeup.payload().ok_or_else(|| Error::new("no payload"))??;
        let total = self.add(add);
        ctx.reply(&total)
    }

    #[receive]
    fn exited(&mut self, exit: ChildActorExited) {
        self.told.push(format!("{} {}", exit.address, exit.reason));
    }

    #[receive]
    fn restarted(&mut self, restart: ChildActorRestarted) {
        self.told.push(format!("{} {} {}", restart.address, restart.incarnation, restart.reason));
    }

    #[receive]
    fn came_back(&mut self, poison: PoisonMessage) {
        let PoisonMessage { target, details, original } = poison;
        self.told.push(format!("{target} {details} {}", original.type_name));
    }

    #[receive]
    fn exit(&mut self, _: ExitRequest, ctx: &mut Context) -> Result {
        ctx.keep_children()
    }
}

fn counter() -> TestActor<Counter> {
    TestActor::start().unwrap()
}

#[test]
fn a_returned_message_goes_to_the_sender() {
    let mut counter = counter();
    counter.tell("a", &Add { n: 2 }).unwrap();
    let effects = counter.tell("b", &Add { n: 3 }).unwrap();
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].sent("b"), Some(Total { value: 5 }));
    assert_eq!(effects[0].sent::<Total>("a"), None);
}

#[test]
fn an_option_is_an_answer_or_none() {
    let mut counter = counter();
    assert!(counter.tell("a", &Reset).unwrap().is_empty());
    counter.tell("a", &Add { n: 2 }).unwrap();
    assert_eq!(counter.tell("a", &Reset).unwrap()[0].sent("a"), Some(Total { value: 2 }));
}

#[test]
fn a_failed_turn_asks_for_nothing_and_keeps_state_and_log() {
    let mut counter = counter();
    counter.tell("a", &Add { n: 6 }).unwrap();
    let divide = RawMessage::of(&Divide { by: 0 }).unwrap();
    let error = counter.tell_raw("a", divide, 2).unwrap_err();
    assert!(error.may_retry());
    assert_eq!(error.reason(), "division by zero");
    assert_eq!(counter.take_logs(), [(Level::Warn, "attempt 2 to divide by 0".to_string())]);
    assert_eq!(counter.state().value, 6);
    let effects = counter.tell("a", &Divide { by: 2 }).unwrap();
    assert_eq!(effects.len(), 2, "nothing is left of the failed turn");
    assert_eq!(effects[1].sent("a"), Some(Total { value: 3 }));
}

#[test]
fn a_message_without_a_handler_is_poison_that_says_what_there_is() {
    let error = counter().tell("a", &Stranger).unwrap_err();
    assert!(!error.may_retry());
    assert_eq!(error.reason(), "`Counter` takes no `Stranger`; it takes `Add`, `Reset`, `Divide`, `Watch`");
}

#[test]
fn a_message_that_cant_be_decoded_is_poison_that_says_what_there_is() {
    let bad = RawMessage {
        type_name: "Add".into(),
        encoding: Encoding::Json,
        payload: br#"{"n":"two"}"#.to_vec(),
        headers: Vec::new(),
    };
    let error = counter().tell_raw("a", bad, 1).unwrap_err();
    assert!(!error.may_retry());
    assert_eq!(
        error.reason(),
        "`Add` can't be decoded: invalid type: string \"two\", expected i64 at line 1 column 10; \
         `Counter` takes `Add`, `Reset`, `Divide`, `Watch`"
    );
}

#[test]
fn a_turn_asks_for_things_in_order() {
    let mut counter = counter();
    let effects = counter.tell("a", &Watch { class: "Worker".into() }).unwrap();
    let [
        Effect::Create { address, create },
        sent,
        Effect::Wakeup { id, .. },
        Effect::CancelWakeup { id: cancelled },
        wakeup,
        exit,
    ] = effects.as_slice()
    else {
        panic!("{effects:#?}")
    };
    let wanted = Create::class("Worker").watch_restarts().on_trap(OnTrap::Exit);
    let wanted = wanted.require("gpu", true).require_that("cores", Clause::Equals(4.into()));
    assert_eq!(create, &wanted.init(&Add { n: 2 }).unwrap());
    assert!(sent.sent::<Reset>(address.as_str()).is_some());
    assert_eq!(id, cancelled);
    assert_eq!(exit, &Effect::Exit { target: address.clone(), recursive: false });
    let answer = counter.wake(wakeup).unwrap();
    assert_eq!(answer[0].sent("me"), Some(Total { value: 5 }));
}

#[test]
fn every_event_of_the_host_finds_its_handler() {
    let mut counter = counter();
    let child = Address::from("child");
    counter.child_exited(&child, ExitReason::Failed("bug".into())).unwrap();
    counter.child_restarted(&child, 2, "overflow").unwrap();
    counter.poisoned("bank", "closed", &Add { n: 1 }).unwrap();
    assert_eq!(counter.state().told, ["child failed: bug", "child 2 overflow", "bank closed Add"]);
    assert_eq!(counter.exit_requested(true).unwrap(), [Effect::KeepChildren]);
}

/// Handles nothing but one message, in which it does what it may not.
#[derive(Default)]
struct Plain;

#[actor]
impl Plain {
    #[receive]
    fn reset(&mut self, _: Reset, ctx: &mut Context) -> Result {
        ctx.keep_children()
    }

    #[receive]
    fn total(&mut self, _: Total, ctx: &mut Context) -> Result {
        let mut raw = RawMessage::of(&Reset)?;
        raw.type_name = "thespian:exit".into();
        let sender = ctx.sender().clone();
        ctx.send_raw(&sender, &raw)
    }
}

#[test]
fn an_event_without_a_handler_is_ignored() {
    let mut plain = TestActor::<Plain>::start().unwrap();
    assert!(plain.child_exited(&"child".into(), ExitReason::Requested).unwrap().is_empty());
    assert!(plain.poisoned("bank", "closed", &Reset).unwrap().is_empty());
    assert!(plain.exit_requested(true).unwrap().is_empty());
}

#[test]
fn what_the_host_would_refuse_fails_in_a_test_too() {
    let mut plain = TestActor::<Plain>::start().unwrap();
    let error = plain.tell("a", &Reset).unwrap_err();
    assert_eq!(error.reason(), "only possible while an `ExitRequest` is handled");
    let error = plain.tell("a", &Total { value: 1 }).unwrap_err();
    assert_eq!(error.reason(), "type names that begin with `thespian:` are the host's own");
}

/// Ignores what it does not know.
#[derive(Default)]
struct Patient {
    ignored: Vec<String>,
}

#[actor]
impl Patient {
    #[receive]
    fn rest(&mut self, raw: RawMessage, ctx: &mut Context) {
        self.ignored.push(format!("{} from {}", raw.type_name, ctx.sender()));
    }

    #[receive]
    fn add(&mut self, add: Add) -> Total {
        Total { value: add.n }
    }
}

#[test]
fn the_rest_is_what_no_other_handler_takes_wherever_it_is_written() {
    let mut patient = TestActor::<Patient>::start().unwrap();
    assert!(patient.tell("a", &Stranger).unwrap().is_empty());
    assert_eq!(patient.tell("a", &Add { n: 4 }).unwrap()[0].sent("a"), Some(Total { value: 4 }));
    assert_eq!(patient.state().ignored, ["Stranger from a"]);
    assert_eq!(Patient::RECEIVES, ["Add"]);
}

/// Starts from what it is told.
#[derive(Debug)]
struct Heir {
    region: String,
    inherited: i64,
}

#[actor]
impl Heir {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let Add { n: inherited } = ctx.init().ok_or_else(|| Error::poison("nothing inherited"))??;
        let region = match ctx.capability("region") {
            Some(Value::Text(region)) => region.clone(),
            _ => return Err(Error::poison("no region")),
        };
        if let Some(parent) = ctx.parent().cloned() {
            ctx.send(&parent, &Total { value: inherited })?;
        }
        Ok(Self { region, inherited })
    }
}

#[test]
fn a_start_sees_what_it_was_created_with() {
    let start = || TestStart::default().init(&Add { n: 9 }).unwrap();
    let capabilities = || [("region", "eu")];
    let heir: TestActor<Heir> = start().capabilities(capabilities()).start().unwrap();
    assert_eq!((heir.state().region.as_str(), heir.state().inherited), ("eu", 9));
    assert_eq!(heir.started()[0].sent("parent"), Some(Total { value: 9 }));
    let orphan: TestActor<Heir> = start().capabilities(capabilities()).without_parent().start().unwrap();
    assert!(orphan.started().is_empty());
}

#[test]
fn a_start_that_fails_leaves_no_actor() {
    let error = TestActor::<Heir>::start().unwrap_err();
    assert_eq!(error.reason(), "nothing inherited");
    let error = TestStart::default().init(&Add { n: 1 }).unwrap().start::<Heir>().unwrap_err();
    assert_eq!(error.reason(), "no region");
}

/// Panics, now and then.
#[derive(Default)]
struct Clumsy;

#[actor]
impl Clumsy {
    #[receive]
    fn total(&mut self, total: Total, ctx: &mut Context) -> Result {
        ctx.send(&"a".into(), &Reset)?;
        assert!(total.value != 0, "it is zero");
        Ok(())
    }
}

#[test]
fn a_panic_leaves_nothing_for_the_next_turn() {
    let mut clumsy = TestActor::<Clumsy>::start().unwrap();
    let turn = std::panic::AssertUnwindSafe(|| clumsy.tell("a", &Total { value: 0 }));
    assert!(std::panic::catch_unwind(turn).is_err());
    assert_eq!(clumsy.tell("a", &Total { value: 1 }).unwrap().len(), 1);
}

#[test]
fn every_error_becomes_a_failure_with_its_causes() {
    fn parse() -> Result<i64> {
        Ok("x".parse::<i64>()?)
    }
    let error = parse().unwrap_err();
    assert_eq!(error.reason(), "invalid digit found in string");
    assert!(error.may_retry() && !error.is_exhausted());
}

/// Asks its host for everything.
#[derive(Default)]
struct Asks {
    heard: Vec<String>,
}

#[message]
struct AskAll {
    of: Address,
}

#[actor(transient(idle_ms = 250))]
impl Asks {
    #[receive]
    fn all(&mut self, all: AskAll, ctx: &mut Context) -> Result {
        ctx.monitor(&all.of)?;
        ctx.demonitor(&all.of)?;
        ctx.kill(&all.of)?;
        Create::class("Lead").named("lead", ctx)?;
        ctx.handle_dead_letters(true)?;
        ctx.update_capability("gpu", None)?;
        ctx.request_status(None)?;
        ctx.shut_down()
    }

    #[receive]
    fn down(&mut self, down: ActorDown) {
        self.heard.push(format!("{} {}", down.address, down.reason));
    }

    #[receive]
    fn dead(&mut self, letter: DeadEnvelope) {
        self.heard.push(format!("{} {} {}", letter.target, letter.sender, letter.reason));
    }

    #[receive]
    fn named(&mut self, named: NamedActor) {
        self.heard.push(format!("{} {:?}", named.name, named.outcome.map(|address| address.to_string())));
    }

    #[receive]
    fn status(&mut self, status: StatusAnswer) {
        self.heard.push(format!("{:?}", status.outcome));
    }
}

#[test]
fn what_is_asked_of_the_host_is_recorded_and_its_answers_are_received() {
    assert_eq!(Asks::TRANSIENT, Some(thespian::Transient::Idle(Duration::from_millis(250))));
    let mut actor = TestActor::<Asks>::start().unwrap();
    let effects = actor.tell("a", &AskAll { of: "other".into() }).unwrap();
    let other = || Address::from("other");
    let [monitor, demonitor, kill, Effect::CreateNamed { question: lead, name, create }, rest @ ..] =
        &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(*monitor, Effect::Monitor { target: other() });
    assert_eq!(*demonitor, Effect::Demonitor { target: other() });
    assert_eq!(*kill, Effect::Kill { child: other() });
    assert_eq!((name.as_str(), create), ("lead", &Create::class("Lead")));
    let [letters, update, Effect::RequestStatus { question, about: None }, Effect::ShutDown] = rest else {
        panic!("{rest:?}");
    };
    assert_eq!(*letters, Effect::HandleDeadLetters { handles: true });
    assert_eq!(*update, Effect::UpdateCapability { name: "gpu".into(), value: None });
    actor.actor_down(&other(), ExitReason::Requested).unwrap();
    actor.dead_letter("to", "from", "why", &AskAll { of: other() }).unwrap();
    actor.named(*lead, "lead", Ok("its address")).unwrap();
    actor.status(*question, Err("no")).unwrap();
    let heard = ["other requested", "to from why", "lead Ok(\"its address\")", "Err(\"no\")"];
    assert_eq!(actor.state().heard, heard);
}

/// Sends something of any size and any name, in every way in which there is.
#[derive(Default)]
struct Sender {
    refused: Vec<String>,
}

#[message(encoding = "bytes")]
struct Blob(Vec<u8>);

#[message]
struct Reply {
    len: usize,
}

#[message]
struct SendAll {
    len: usize,
}

#[actor]
impl Sender {
    #[receive]
    fn reply(&mut self, reply: Reply) -> Blob {
        Blob(vec![0; reply.len])
    }

    #[receive]
    fn send_all(&mut self, all: SendAll, ctx: &mut Context) -> Result {
        let blob = Blob(vec![0; all.len]);
        let (to, asker) = ("friend".into(), ctx.reply_to());
        let outcomes = [
            ctx.send(&to, &blob),
            ctx.send_raw(&to, &RawMessage::of(&blob)?),
            ctx.answer(&asker, &blob),
            ctx.wakeup_after_with(Duration::from_secs(1), &blob).map(drop),
            Create::of::<Self>().init(&blob)?.create(ctx).map(drop),
            Create::of::<Self>().init(&blob)?.named("one", ctx).map(drop),
            ctx.send_raw(&to, &RawMessage { type_name: String::new(), ..RawMessage::of(&Reset)? }),
        ];
        self.refused.extend(outcomes.into_iter().filter_map(Result::err).map(|error| error.to_string()));
        Ok(())
    }
}

#[test]
fn a_message_above_the_bound_is_an_error_that_names_both_numbers() {
    let start = || TestStart::default().message_bytes_max(1_000).start::<Sender>().unwrap();
    let (mut sender, fits) = (start(), 1_000 - 192 - "Blob".len());
    assert_eq!(sender.tell("asker", &Reply { len: fits }).unwrap().len(), 1);
    let error = sender.tell("asker", &Reply { len: fits + 1 }).unwrap_err();
    let text = "the message `Blob` takes 1001 bytes; at most 1000 are allowed (message-bytes-max)";
    assert_eq!((error.reason(), error.may_retry()), (text, false));
    assert_eq!(sender.tell("asker", &SendAll { len: fits }).unwrap().len(), 6);
    assert_eq!(sender.tell("asker", &SendAll { len: fits + 1 }).unwrap(), []);
    let empty = "a message has a type name, and this one's is empty";
    assert_eq!(sender.state().refused, [empty, text, text, text, text, text, text, empty]);
}
