mod children;
mod failing;
mod leaving;
mod lifetime;
mod wakeups;

use super::*;
use crate::address::HostId;
use crate::envelope::{ActorExit, ActorRestart, ExitRequest, Poisoned};
use crate::fate::{Bound, Budget};
use crate::life::ActorEvent;
use crate::limits::{ActorLimits, CHILDREN_LISTED_MAX, HOLD_TIME_MAX, RESTART_PAUSE_MIN, RESTARTS_MAX};
use crate::message::Message;
use crate::outbox::tests::Stock;
use crate::outbox::{CreateChild, CreateOptions, Draft, OutboxError};
use core::time::Duration;

const ME: ActorAddress = ActorAddress::new(HostId(1), 1);
const SENDER: ActorAddress = ActorAddress::new(HostId(1), 2);
const PARENT: ActorAddress = ActorAddress::new(HostId(1), 3);
const OTHER: ActorAddress = ActorAddress::new(HostId(1), 4);

/// A turn with a clock, and what it asked for since it was last looked at.
struct Actor {
    turn: Turn,
    limits: ActorLimits,
    stock: Stock,
    now: Time,
    effects: Vec<TurnEffect>,
}

fn created(on_trap: OnTrap) -> Actor {
    let turn = Turn::new(Identity {
        me: ME,
        parent: Some(PARENT),
        on_trap,
        children_at_restart: ChildrenAtRestart::Keep,
        watch_restarts: true,
        transient: None,
    });
    around(turn)
}

fn around(turn: Turn) -> Actor {
    let (limits, stock) = (ActorLimits::default(), Stock::default());
    Actor { turn, limits, stock, now: Time(0), effects: Vec::new() }
}

fn running(on_trap: OnTrap) -> Actor {
    let mut actor = created(on_trap);
    assert_eq!(actor.next(), Next::Start { incarnation: 1 });
    actor.start(Ok(()));
    assert_eq!(actor.effects(), [told(ActorEvent::Started { address: ME })]);
    actor
}

fn told(event: ActorEvent) -> TurnEffect {
    ActorEffect::Tell(Box::new(event.into())).into()
}

fn message(text: &str) -> Body {
    Body::Message(Message::json(text, "{}"))
}

fn exit_request(recursive: bool) -> Body {
    Body::ExitRequest(ExitRequest { recursive })
}

fn trap() -> Failure {
    Failure::Fault(Fault::Trap("unreachable".to_string()))
}

fn err(retry: bool) -> Failure {
    Failure::Returned { reason: "no".to_string(), retry, met: None }
}

impl Actor {
    fn next(&mut self) -> Next {
        self.turn.next(self.now, &mut self.effects)
    }

    fn receive(&mut self, body: Body) {
        self.turn.take_in(|batch| {
            batch.push_back(Envelope { target: ME, sender: SENDER, body });
            None
        });
    }

    fn start(&mut self, result: Result<(), Failure>) {
        let outbox = self.turn.outbox(Rights::default());
        self.turn.finish_start(self.now, result.map(|()| outbox), &mut self.effects);
    }

    /// The next envelope is handled, with this result. Returns its type and the attempt.
    fn handle(&mut self, result: Result<(), Failure>) -> (String, u32) {
        self.handle_with(|_| (), result)
    }

    fn handle_with(
        &mut self,
        ask: impl FnOnce(&mut Draft<'_, Stock>),
        result: Result<(), Failure>,
    ) -> (String, u32) {
        while let Next::Start { .. } = self.next() {
            self.start(Ok(()));
        }
        assert_eq!(self.next(), Next::Handle);
        let (envelope, attempt) = self.turn.current().unwrap();
        let handled = (envelope.body.type_name().to_string(), attempt);
        let mut outbox = self.turn.outbox(Rights::default());
        ask(&mut Draft::new(ME, &mut outbox, &self.limits, &self.stock));
        let result = match result {
            Ok(()) => Ok(outbox),
            Err(failure) => Err(self.turn.heed(Failed { failure, fails_for: outbox.take_fails_for() })),
        };
        self.turn.finish(self.now, result, &mut self.effects);
        handled
    }

    fn effects(&mut self) -> Vec<TurnEffect> {
        core::mem::take(&mut self.effects)
    }

    /// Types and details of the poison that goes to `target`.
    fn poison_to(&mut self, target: ActorAddress) -> Vec<(String, String)> {
        let poison = self.effects().into_iter().filter_map(|effect| match effect {
            TurnEffect::Route(Envelope { target: to, body: Body::Poisoned(poisoned), .. })
                if to == target =>
            {
                Some((poisoned.original.type_name.to_string(), poisoned.details))
            }
            _ => None,
        });
        poison.collect()
    }

    fn dead_letters(&mut self) -> Vec<(String, String)> {
        let dead = self.effects().into_iter().filter_map(|effect| match effect {
            TurnEffect::Perform(ActorEffect::DeadLetter(envelope, reason)) => {
                Some((envelope.body.type_name().to_string(), reason))
            }
            TurnEffect::HoldExpired(envelope) => {
                Some((envelope.body.type_name().to_string(), "it was held too long".to_string()))
            }
            _ => None,
        });
        dead.collect()
    }
}

fn at(type_name: &str, attempt: u32) -> (String, u32) {
    (type_name.to_string(), attempt)
}

#[test]
fn poison_097_a_message_that_fails_once_is_tried_again_at_once_before_any_other() {
    for failure in [err(true), trap()] {
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("a"));
        actor.receive(message("b"));
        assert_eq!(actor.handle(Err(failure)), at("a", 1));
        assert_eq!(actor.handle(Ok(())), at("a", 2));
        assert_eq!(actor.handle(Ok(())), at("b", 1));
        assert_eq!(actor.poison_to(SENDER), [], "its sender does not notice");
    }
}

#[test]
fn poison_098_a_message_that_always_fails_is_tried_exactly_twice_and_then_comes_back() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("bad"));
    actor.receive(message("good"));
    assert_eq!(actor.handle(Err(trap())), at("bad", 1));
    assert_eq!(actor.handle(Err(err(true))), at("bad", 2));
    assert_eq!(actor.poison_to(SENDER), [("bad".to_string(), "no (attempt 2)".to_string())]);
    assert_eq!(actor.handle(Ok(())), at("good", 1));
    assert_eq!(actor.turn.counters().poisoned, 1);
}

#[test]
fn poison_095_a_failure_that_asks_for_no_retry_comes_back_at_once() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("bad"));
    assert_eq!(actor.handle(Err(err(false))), at("bad", 1));
    assert_eq!(actor.poison_to(SENDER), [("bad".to_string(), "no".to_string())]);
    assert_eq!(actor.next(), Next::Rest);
}

#[test]
fn a_turn_that_fails_over_a_budget_is_never_retried() {
    let budgets = [Budget::Cpu, Budget::Wall, Budget::Memory, Budget::Copy];
    for budget in budgets {
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("bad"));
        let failure = Failure::Fault(Fault::Budget(budget, String::new()));
        assert_eq!(actor.handle(Err(failure)), at("bad", 1));
        let poison = actor.poison_to(SENDER);
        assert!(poison[0].1.contains(&budget.to_string()), "{poison:?} names the bound");
    }
}

#[test]
fn a_turn_that_met_a_bound_is_not_retried_and_is_said_to_have_failed_for_what_it_says() {
    let full = OutboxError::Full { max: 4 };
    let says_so = format!("can't tell them all: exhausted: {full}");
    for (met, reason, details) in [
        (Bound::Import(full.clone().into()), "no", format!("no (before that an import refused: {full})")),
        (Bound::Import(full.into()), &*says_so, says_so.clone()),
        (Bound::Memory, "no", "no (before that it was refused more memory)".to_string()),
    ] {
        let mut actor = running(OnTrap::Restart);
        actor.receive(message("bad"));
        let failure = Failure::Returned { reason: reason.to_string(), retry: true, met: Some(met) };
        assert_eq!(actor.handle(Err(failure)), at("bad", 1));
        assert_eq!(actor.poison_to(SENDER), [("bad".to_string(), details)]);
    }
}

#[test]
fn poison_106_what_a_failed_turn_asked_for_is_dropped() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("bad"));
    let send = |draft: &mut Draft<'_, Stock>| draft.send(OTHER, Message::json("x", "")).unwrap();
    actor.handle_with(send, Err(err(true)));
    actor.handle_with(send, Err(err(true)));
    let to_other =
        |effect: &TurnEffect| matches!(effect, TurnEffect::Route(envelope) if envelope.target == OTHER);
    assert!(!actor.effects().iter().any(to_other));
}

#[test]
fn there_is_no_poison_of_poison_and_none_of_notices() {
    let mut actor = running(OnTrap::Restart);
    let original = Message::json("m", "");
    actor.receive(Body::Poisoned(Box::new(Poisoned { target: OTHER, details: String::new(), original })));
    let exit = ActorExit { address: OTHER, reason: ExitReason::Requested };
    actor.receive(Body::ChildExited(Box::new(exit)));
    for type_name in ["m", "thespian:child-exited"] {
        assert_eq!(actor.handle(Err(err(true))), at(type_name, 1));
        assert_eq!(actor.handle(Err(err(true))), at(type_name, 2));
        assert_eq!(actor.dead_letters(), [(type_name.to_string(), "no (attempt 2)".to_string())]);
    }
}

#[test]
fn a_trapped_actor_gets_a_fresh_instance_and_its_parent_hears_if_it_wants_to() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("bad"));
    actor.handle(Err(trap()));
    assert!(!actor.turn.has_instance());
    assert_eq!(actor.next(), Next::Start { incarnation: 2 });
    actor.start(Ok(()));
    let notice = ActorRestart { address: ME, incarnation: 2, reason: "trapped: unreachable".to_string() };
    let body = Body::ChildRestarted(Box::new(notice.clone()));
    let told = TurnEffect::Route(Envelope { target: PARENT, sender: ME, body });
    assert_eq!(actor.effects(), [ActorEffect::Restarted(notice).into(), told]);
    assert_eq!(actor.handle(Ok(())), at("bad", 2));
}

#[test]
fn life_021_an_actor_whose_class_does_not_survive_a_trap_ends_and_the_message_comes_back() {
    let mut actor = running(OnTrap::Exit);
    actor.receive(message("bad"));
    actor.receive(message("behind"));
    assert_eq!(actor.handle(Err(trap())), at("bad", 1));
    let effects = actor.effects();
    assert!(effects.contains(&TurnEffect::CloseMailbox));
    actor.effects = effects;
    assert_eq!(actor.poison_to(SENDER), [("bad".to_string(), "trapped: unreachable".to_string())]);
    assert_eq!(actor.next(), Next::Ended);
    assert_eq!(actor.turn.ended(), Some(&ExitReason::Failed("trapped: unreachable".to_string())));
}

#[test]
fn a_message_costs_one_restart_however_often_it_traps() {
    let mut actor = running(OnTrap::RestartWithinBudget);
    for _ in 0..RESTARTS_MAX {
        actor.receive(message("bad"));
        actor.handle(Err(trap()));
        actor.handle(Err(trap()));
    }
    assert_eq!(actor.turn.ended(), None, "{RESTARTS_MAX} messages trapped twice");
    actor.receive(message("bad"));
    actor.handle(Err(trap()));
    let Some(ExitReason::Failed(why)) = actor.turn.ended() else { panic!("one more is too many") };
    assert_eq!(why, "restarted too often; the last time: trapped: unreachable");
    assert!(actor.poison_to(SENDER).len() == RESTARTS_MAX + 1);
}

#[test]
fn senders_of_bad_messages_make_an_actor_pause_but_never_end_it() {
    let mut actor = running(OnTrap::Restart);
    let mut pauses = Vec::new();
    while pauses.len() < 12 {
        actor.receive(message("bad"));
        actor.handle(Err(trap()));
        actor.handle_after_pause(&mut pauses);
    }
    assert_eq!(actor.turn.ended(), None);
    assert_eq!(pauses[..3], [10, 20, 40].map(Duration::from_millis));
    assert!(pauses.contains(&Duration::from_secs(10)));
}

impl Actor {
    fn handle_after_pause(&mut self, pauses: &mut Vec<Duration>) {
        if let Next::Pause(until) = self.next() {
            assert_eq!(self.turn.phase(self.now), ActorPhase::Paused);
            let wait = self.turn.waits(self.now).unwrap();
            assert!(wait.until == until && wait.why.contains("restarted too often"), "{wait:?}");
            pauses.push(until - self.now);
            self.now = until;
        }
        self.handle(Err(trap()));
    }
}

#[test]
fn life_014_messages_to_an_actor_that_never_started_come_back_with_the_reason() {
    let mut actor = created(OnTrap::Restart);
    actor.receive(message("early"));
    assert_eq!(actor.next(), Next::Start { incarnation: 1 });
    actor.start(Err(trap()));
    let details = "the actor never started: trapped: unreachable".to_string();
    assert_eq!(actor.poison_to(SENDER), [("early".to_string(), details.clone())]);
    let behind = Envelope { target: ME, sender: SENDER, body: message("in the mailbox") };
    actor.turn.refuse(behind, &mut actor.effects);
    assert_eq!(actor.poison_to(SENDER), [("in the mailbox".to_string(), details)]);
    assert_eq!(actor.turn.ended(), Some(&ExitReason::NeverStarted("trapped: unreachable".to_string())));
}

#[test]
fn an_actor_that_was_killed_before_it_ran_never_started() {
    let mut actor = created(OnTrap::Restart);
    actor.receive(message("early"));
    actor.turn.kill("by an operator", &mut actor.effects);
    let details = "the actor never started: killed: by an operator".to_string();
    assert_eq!(actor.poison_to(SENDER), [("early".to_string(), details)]);
    assert_eq!(actor.next(), Next::Ended);
}

#[test]
fn life_027_an_exit_request_waits_its_turn_and_028_messages_behind_it_become_dead_letters() {
    let mut actor = running(OnTrap::Restart);
    for text in ["1", "2"] {
        actor.receive(message(text));
    }
    actor.receive(exit_request(true));
    actor.receive(message("behind"));
    assert_eq!(actor.handle(Ok(())), at("1", 1));
    assert_eq!(actor.handle(Ok(())), at("2", 1));
    assert_eq!(actor.handle(Ok(())), at("thespian:exit-request", 1));
    assert_eq!(actor.effects(), [ActorEffect::Exiting { with_children: true }.into()]);
    assert_eq!(actor.next(), Next::Rest, "its children go first");
    assert_eq!(actor.dead_letters(), [("behind".to_string(), "the actor is exiting".to_string())]);
}

#[test]
fn an_exiting_actor_handles_notices_of_its_children_until_they_are_gone() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(exit_request(true));
    actor.handle(Ok(()));
    let exit = ActorExit { address: OTHER, reason: ExitReason::Requested };
    actor.receive(Body::ChildExited(Box::new(exit)));
    actor.receive(exit_request(true));
    actor.receive(Body::ChildrenGone);
    assert_eq!(actor.handle(Ok(())), at("thespian:child-exited", 1));
    actor.effects();
    assert_eq!(actor.next(), Next::Ended);
    assert_eq!(actor.effects(), [TurnEffect::CloseMailbox]);
    assert_eq!(actor.turn.ended(), Some(&ExitReason::Requested));
}

#[test]
fn life_024_an_exit_turn_may_keep_the_children() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(exit_request(true));
    actor.handle_with(|draft| draft.keep_children().unwrap(), Ok(()));
    assert_eq!(actor.effects(), [ActorEffect::Exiting { with_children: false }.into()]);
}

#[test]
fn a_kill_ends_an_actor_in_every_phase_and_says_on_whose_behalf() {
    let starting = || created(OnTrap::Restart);
    let idle = || running(OnTrap::Restart);
    let retrying = || {
        let mut actor = idle();
        actor.receive(message("m"));
        actor.handle(Err(err(true)));
        actor
    };
    let paused = || {
        let mut actor = retrying();
        actor.turn.restarts.pause(actor.now);
        actor
    };
    let exiting = || {
        let mut actor = idle();
        actor.receive(exit_request(true));
        actor.handle(Ok(()));
        actor
    };
    for mut actor in [starting(), idle(), retrying(), paused(), exiting()] {
        actor.effects();
        actor.turn.kill("by an operator", &mut actor.effects);
        assert!(actor.effects().contains(&TurnEffect::CloseMailbox));
        assert_eq!(actor.next(), Next::Ended);
        assert_eq!(actor.turn.ended(), Some(&ExitReason::Killed("by an operator".to_string())));
        actor.turn.kill("again", &mut actor.effects);
        assert_eq!(actor.effects(), [], "it ends once");
    }
}

#[test]
fn a_kill_while_a_handler_runs_makes_a_dead_letter_of_its_message() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("spin"));
    actor.handle(Err(Failure::Fault(Fault::Killed)));
    let reason = "the actor ended before it had handled the message (killed: while it handled a message)";
    assert_eq!(actor.dead_letters(), [("spin".to_string(), reason.to_string())]);
    assert_eq!(actor.next(), Next::Ended);
}

#[test]
fn an_actor_ends_only_when_what_it_sent_is_accepted_or_has_expired() {
    for is_accepted in [true, false] {
        let mut actor = running(OnTrap::Restart);
        let envelope = Envelope { target: OTHER, sender: ME, body: message("held") };
        actor.turn.hold(actor.now, envelope);
        let due = actor.now + HOLD_TIME_MAX;
        actor.turn.kill("by an operator", &mut actor.effects);
        assert_eq!(actor.next(), Next::AwaitRoom(due));
        if is_accepted {
            actor.turn.retry_held(|_| None);
            actor.effects();
        } else {
            actor.now = due;
        }
        assert_eq!(actor.next(), Next::Ended);
        assert_eq!(actor.dead_letters().len(), usize::from(!is_accepted));
    }
}

#[test]
fn the_next_turn_waits_until_receivers_have_room_and_no_longer_than_the_hold() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("next"));
    let due = actor.now + HOLD_TIME_MAX;
    for text in ["1", "2"] {
        actor.turn.hold(actor.now, Envelope { target: OTHER, sender: ME, body: message(text) });
    }
    assert_eq!(actor.next(), Next::AwaitRoom(due));
    assert_eq!(actor.turn.phase(actor.now), ActorPhase::Held);
    let wait = actor.turn.waits(actor.now).unwrap();
    assert_eq!((wait.until, wait.receivers), (due, [OTHER].into()));
    assert!(actor.turn.holds_for(OTHER) && !actor.turn.holds_for(SENDER));
    actor.turn.retry_held(Some);
    assert_eq!(actor.next(), Next::AwaitRoom(due));
    actor.now = due;
    assert_eq!(actor.handle(Ok(())), at("next", 1));
    let stayed_full = "it was held too long".to_string();
    let dead = ["1", "2"].map(|text| (text.to_string(), stayed_full.clone()));
    assert_eq!(actor.dead_letters(), dead, "in order");
}

#[test]
fn an_actor_makes_room_for_what_comes_back_to_it_because_nobody_else_can() {
    let mut actor = running(OnTrap::Restart);
    assert_eq!(actor.turn.wanted(), ACTIVATION_LEN_MAX);
    actor.receive(message("waits"));
    assert_eq!(actor.turn.wanted(), 0);
    let original = Message::json("own", "");
    let poisoned = Poisoned { target: ME, details: String::new(), original };
    let body = Body::Poisoned(Box::new(poisoned));
    actor.turn.hold(actor.now, Envelope { target: ME, sender: ME, body });
    assert_eq!(actor.turn.wanted(), 1);
}

#[test]
fn new_addresses_are_entered_before_any_send_and_creates_are_handed_over_after_all() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("m"));
    actor.stock.next_id.set(OTHER.id());
    actor.handle_with(
        |draft| {
            draft.send(OTHER, Message::json("first", "")).unwrap();
            draft.create(None, "c".to_string(), CreateOptions::default()).unwrap();
            draft.monitor(OTHER).unwrap();
            draft.send(OTHER, Message::json("second", "")).unwrap();
        },
        Ok(()),
    );
    let child =
        CreateChild { address: OTHER, source: None, class: "c".to_string(), options: Default::default() };
    let send = |text| TurnEffect::Route(Envelope { target: OTHER, sender: ME, body: message_of(text) });
    let create = told(ActorEvent::ChildCreated { parent: ME, child: Box::new(child) });
    let monitor = told(ActorEvent::Monitored { watcher: ME, target: OTHER });
    let entered = told(ActorEvent::ChildrenEntered { parent: ME, children: [OTHER].into() });
    let expected =
        [ActorEffect::EnterPending(OTHER).into(), entered, send("first"), send("second"), create, monitor];
    assert_eq!(actor.effects(), expected);
}

#[test]
fn a_message_that_is_refused_goes_back_in_the_order_of_the_asking_and_to_oneself_where_room_is_kept() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("m"));
    let original = Message::json("Order", "");
    actor.handle_with(
        |draft| {
            draft.send(OTHER, Message::json("first", "")).unwrap();
            draft.refuse(OTHER, original.clone(), "sold out".to_string()).unwrap();
            draft.send(OTHER, Message::json("second", "")).unwrap();
            draft.refuse(ME, original.clone(), "sold out".to_string()).unwrap();
        },
        Ok(()),
    );
    let to = |target, body| Envelope { target, sender: ME, body };
    let poisoned = Poisoned { target: ME, details: "sold out".to_string(), original };
    let poison = || Body::Poisoned(Box::new(poisoned.clone()));
    let expected = [
        TurnEffect::Route(to(OTHER, message_of("first"))),
        TurnEffect::Route(to(OTHER, poison())),
        ActorEffect::Poisoned.into(),
        TurnEffect::Route(to(OTHER, message_of("second"))),
        TurnEffect::RouteToSelf(to(ME, poison())),
        ActorEffect::Poisoned.into(),
    ];
    assert_eq!(actor.effects(), expected);
    assert_eq!(actor.turn.counters().poisoned, 2);
}

fn message_of(text: &str) -> Body {
    Body::Message(Message::json(text, ""))
}

#[test]
fn children_count_until_their_parent_has_heard_of_their_end() {
    let mut actor = running(OnTrap::Restart);
    actor.limits.children_max = 1;
    let create = |draft: &mut Draft<'_, Stock>| draft.create(None, "c".to_string(), CreateOptions::default());
    actor.receive(message("m"));
    let mut child = None;
    actor.handle_with(|draft| child = create(draft).ok(), Ok(()));
    actor.receive(message("m"));
    actor.handle_with(|draft| assert!(create(draft).is_err()), Ok(()));
    let exit = ActorExit { address: child.unwrap(), reason: ExitReason::Requested };
    actor.receive(Body::ChildExited(Box::new(exit)));
    actor.handle_with(|draft| assert!(create(draft).is_ok()), Ok(()));
}

#[test]
fn what_a_guest_says_of_its_failure_is_cut() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("m"));
    let reason = "é".repeat(ERROR_TEXT_LEN_MAX);
    actor.handle(Err(Failure::Returned { reason, retry: false, met: None }));
    assert!(actor.poison_to(SENDER)[0].1.len() <= ERROR_TEXT_LEN_MAX + "…".len());
}
