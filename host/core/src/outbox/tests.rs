use super::*;
use crate::address::{ActorAddress, HostId};
use crate::budget::tests::with_queues;
use crate::budget::{Account, BudgetBounds, NodeBudget};
use crate::capability::{Clause, Requirement, Value};
use crate::children::Children;
use crate::limits::{
    ActorLimits, CHILD_LABEL_LEN_MAX, CLASS_NAME_LEN_MAX, ERROR_TEXT_LEN_MAX, QUESTIONS_MAX,
    QUEUE_FREE_BYTES, TYPE_NAME_LEN_MAX, WAKEUP_DELAY_MIN,
};
use crate::message::{Message, MessageError};
use crate::source::{OfferId, Rights, SourceHash};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use core::cell::Cell;
use core::time::Duration;

const ME: ActorAddress = address(1);
const OTHER: ActorAddress = address(2);

const fn address(id: u128) -> ActorAddress {
    ActorAddress::new(HostId(1), id)
}

/// A host with so many places, and so many bytes in the actor's own mailbox. Addresses are counted up.
#[derive(Debug)]
pub(crate) struct Stock {
    pub(crate) places: Cell<usize>,
    pub(crate) bytes: Cell<usize>,
    pub(crate) next_id: Cell<u128>,
    pub(crate) account: Arc<Account>,
}

impl Default for Stock {
    fn default() -> Self {
        let account = Arc::new(with_queues(1 << 30));
        Self { places: Cell::new(100), bytes: Cell::new(1 << 20), next_id: Cell::new(10), account }
    }
}

impl Means for Stock {
    fn new_address(&self) -> ActorAddress {
        address(self.next_id.replace(self.next_id.get() + 1))
    }

    fn take_place(&self, _address: ActorAddress, _source: Option<SourceHash>) -> Result<(), NoPlace> {
        let left = self.places.get().checked_sub(1);
        self.places.set(left.unwrap_or_default());
        left.map(drop).ok_or(NoPlace::Host(1))
    }

    fn give_place(&self, _address: ActorAddress) {
        self.places.set(self.places.get() + 1);
    }

    fn account(&self) -> &Arc<Account> {
        &self.account
    }

    fn reserve_self(&self, cost: usize) -> bool {
        let left = self.bytes.get().checked_sub(cost);
        self.bytes.set(left.unwrap_or(self.bytes.get()));
        left.is_some()
    }

    fn release_self(&self, _len: usize, cost: usize) {
        self.bytes.set(self.bytes.get() + cost);
    }
}

fn limits() -> ActorLimits {
    ActorLimits {
        outbox_len_max: 4,
        outbox_bytes_max: 4_000,
        message_bytes_max: 2_000,
        mailbox_bytes_max: 3_000,
        wakeups_max: 2,
        children_max: 3,
        ..ActorLimits::default()
    }
}

fn message(size: usize) -> Message {
    Message::bytes("M", vec![0; size])
}

/// A turn of `ME` with all that a draft needs.
#[derive(Debug)]
struct Turn {
    outbox: Outbox,
    limits: ActorLimits,
    stock: Stock,
}

impl Turn {
    fn new(standing: Standing) -> Self {
        let mut outbox = Outbox::default();
        outbox.reset(standing);
        Self { outbox, limits: limits(), stock: Stock::default() }
    }

    fn plain() -> Self {
        Self::new(Standing::default())
    }

    fn draft(&mut self) -> Draft<'_, Stock> {
        Draft::new(ME, &mut self.outbox, &self.limits, &self.stock)
    }

    fn create(&mut self) -> Result<ActorAddress, OutboxError> {
        self.draft().create(None, "c".to_string(), CreateOptions::default())
    }

    fn create_named(&mut self, name: &str) -> Result<u64, OutboxError> {
        self.draft().create_named(name, None, "c".to_string(), CreateOptions::default())
    }

    /// What is left of places and of bytes in the own mailbox.
    fn left(&self) -> (usize, usize) {
        (self.stock.places.get(), self.stock.bytes.get())
    }
}

fn with_init(init: Message) -> CreateOptions {
    CreateOptions { init: Some(init), ..CreateOptions::default() }
}

fn import(error: OutboxError) -> Option<Bound> {
    Some(Bound::Import(Box::new(error)))
}

#[test]
fn entries_and_bytes_are_bounded_and_a_refusal_is_noted() {
    let mut by_len = Turn::plain();
    for _ in 0..4 {
        assert_eq!(by_len.draft().send(OTHER, message(1)), Ok(()));
    }
    assert_eq!(by_len.outbox.met(), None);
    let full = OutboxError::Full { max: 4 };
    assert_eq!(by_len.draft().send(OTHER, message(1)), Err(full.clone()));
    assert_eq!(by_len.draft().request_exit(OTHER, true), Err(full.clone()));
    assert_eq!(by_len.draft().cancel_wakeup(1), Err(full.clone()));
    assert_eq!(by_len.draft().wakeup(Duration::ZERO, None), Err(full.clone()));
    assert_eq!(by_len.create(), Err(full.clone()));
    assert_eq!(by_len.outbox.met(), import(full));
    assert_eq!(by_len.outbox.requests().len(), 4);

    let mut by_bytes = Turn::plain();
    assert_eq!(by_bytes.draft().send(OTHER, message(1_700)), Ok(()));
    assert_eq!(by_bytes.draft().send(OTHER, message(1_700)), Ok(()));
    let full = OutboxError::FullOfBytes { max: 4_000 };
    assert_eq!(by_bytes.draft().send(OTHER, message(1_700)), Err(full));
    assert_eq!(by_bytes.draft().send(OTHER, message(1)), Ok(()));
}

#[test]
fn no_actor_sends_a_type_of_the_host_or_a_message_that_is_too_big() {
    let mut turn = Turn::plain();
    let reserved = || OutboxError::from(MessageError::Reserved);
    let forged = Message::json("thespian:exit-request", "{}");
    assert_eq!(turn.draft().send(OTHER, forged.clone()), Err(reserved()));
    assert_eq!(turn.draft().wakeup(Duration::ZERO, Some(forged.clone())), Err(reserved()));
    assert_eq!(turn.draft().create(None, "c".to_string(), with_init(forged)), Err(reserved()));
    let long = Message::json(&"x".repeat(TYPE_NAME_LEN_MAX + 1), "");
    let too_long = MessageError::TypeNameTooLong { len: TYPE_NAME_LEN_MAX + 1 };
    assert_eq!(turn.draft().send(OTHER, long), Err(too_long.into()));
    assert_eq!(turn.outbox.met(), None, "wrong arguments use up nothing");
    let too_big = turn.draft().send(OTHER, message(2_000));
    assert!(matches!(too_big, Err(OutboxError::Message(MessageError::TooBig { max: 2_000, .. }))));
    assert_eq!(turn.outbox.met(), too_big.err().and_then(import));
    assert!(turn.outbox.requests().is_empty());
}

#[test]
fn no_actor_sends_what_has_no_type_and_it_costs_the_turn_nothing() {
    let mut turn = Turn::plain();
    let nameless = Message::json("", "{}");
    let refused = OutboxError::from(MessageError::NoTypeName);
    assert_eq!(refused.kind(), Refused::Invalid);
    assert_eq!(turn.draft().send(OTHER, nameless.clone()), Err(refused.clone()));
    assert_eq!(turn.draft().wakeup(Duration::ZERO, Some(nameless.clone())), Err(refused.clone()));
    assert_eq!(turn.draft().create(None, "c".to_string(), with_init(nameless)), Err(refused));
    assert!(turn.outbox.requests().is_empty());
    assert_eq!(turn.outbox.met(), None);
}

#[test]
fn wakeups_are_bounded_by_count_and_by_bytes_together_with_those_pending() {
    let standing = Standing { wakeups: 1, wakeup_bytes: 2_000, next_wakeup: 7, ..Standing::default() };
    let mut turn = Turn::new(standing);
    let too_big = OutboxError::WakeupsTooBig { max: 3_000 };
    assert_eq!(turn.draft().wakeup(Duration::ZERO, Some(message(1_000))), Err(too_big));
    assert_eq!(turn.draft().wakeup(Duration::ZERO, Some(message(100))), Ok(7));
    let too_many = OutboxError::TooManyWakeups { max: 2 };
    assert_eq!(turn.draft().wakeup(Duration::ZERO, None), Err(too_many));
    assert!(matches!(turn.outbox.requests(), [TurnRequest::Wakeup { delay: WAKEUP_DELAY_MIN, .. }]));
}

#[test]
fn children_that_live_and_new_ones_are_bounded_together() {
    let mut children = Children::default();
    [address(3), address(4)].into_iter().for_each(|child| children.add(child, "".into()));
    let mut turn = Turn::new(Standing { children, ..Standing::default() });
    assert!(turn.create().is_ok());
    let full = OutboxError::TooManyChildren { max: 3 };
    assert_eq!(turn.create(), Err(full.clone()));
    assert_eq!((turn.outbox.creates(), turn.outbox.met()), (1, import(full)), "the first is named");
}

#[test]
fn what_is_kept_for_the_life_of_an_actor_is_bounded() {
    let mut turn = Turn::plain();
    let values = vec![Value::Text("x".repeat(100)); 100];
    let requirements = vec![Requirement { name: "zone".to_string(), clause: Clause::OneOf(values) }];
    let greedy = CreateOptions { requirements, ..CreateOptions::default() };
    let refused = turn.draft().create(None, "c".to_string(), greedy);
    assert_eq!(refused, Err(OutboxError::RequirementsTooBig));
    let label = "x".repeat(CHILD_LABEL_LEN_MAX + 1).into();
    let wordy = CreateOptions { label, ..CreateOptions::default() };
    let refused = turn.draft().create(None, "c".to_string(), wordy);
    assert_eq!((refused, OutboxError::Label.kind()), (Err(OutboxError::Label), Refused::Invalid));
    for class in [String::new(), "c".repeat(CLASS_NAME_LEN_MAX + 1)] {
        let refused = turn.draft().create(None, class, CreateOptions::default());
        assert_eq!(refused, Err(OutboxError::ClassName));
    }
    assert_eq!(turn.left().0, 100, "and takes no place");
}

#[test]
fn a_place_belongs_to_each_create_and_room_to_each_message_to_oneself() {
    let mut turn = Turn::plain();
    turn.stock.places.set(2);
    turn.stock.bytes.set(500);
    assert_eq!((turn.create(), turn.create_named("name")), (Ok(address(10)), Ok(0)));
    assert_eq!(
        (turn.create(), turn.create_named("name")),
        (Err(NoPlace::Host(1).into()), Err(NoPlace::Host(1).into()))
    );
    assert_eq!(turn.outbox.met(), import(NoPlace::Host(1).into()));
    turn.draft().send(ME, message(100)).unwrap();
    assert_eq!(turn.left(), (0, 500 - message(100).cost()));
    assert_eq!(turn.draft().send(ME, message(100)), Err(OutboxError::OwnMailboxFull));
    assert_eq!(turn.draft().send(OTHER, message(100)), Ok(()), "it is not its own mailbox");
    assert_eq!(turn.left(), (0, 500 - message(100).cost()));
}

#[test]
fn what_goes_back_as_poison_has_its_actors_name_and_the_bounds_of_what_is_sent() {
    let mut turn = Turn::plain();
    let details = "x".repeat(ERROR_TEXT_LEN_MAX + 1);
    turn.limits.outbox_bytes_max = 10_000;
    assert_eq!(turn.draft().refuse(OTHER, message(0), details), Ok(()));
    let [TurnRequest::Refuse { target: OTHER, poisoned }] = turn.outbox.requests() else {
        panic!("{turn:?}")
    };
    let (target, len) = (poisoned.target, poisoned.details.len());
    assert_eq!((target, len), (ME, ERROR_TEXT_LEN_MAX + '…'.len_utf8()), "cut, and it says so");
    let refuse = |turn: &mut Turn, target, original| turn.draft().refuse(target, original, "no".repeat(50));
    let forged = Message::json("thespian:poisoned", "{}");
    assert_eq!(refuse(&mut turn, OTHER, forged), Err(MessageError::Reserved.into()));
    assert_eq!(refuse(&mut turn, OTHER, Message::json("", "")), Err(MessageError::NoTypeName.into()));
    assert_eq!(turn.outbox.met(), None);
    assert!(matches!(refuse(&mut turn, OTHER, message(2_000)), Err(OutboxError::Message(_))));
    let before = turn.left();
    turn.stock.bytes.set(message(0).cost() + 99);
    assert_eq!(refuse(&mut turn, ME, message(0)), Err(OutboxError::OwnMailboxFull), "the details count");
    turn.stock.bytes.set(before.1);
    assert_eq!(refuse(&mut turn, ME, message(0)), Ok(()));
    assert_eq!(turn.left().1, before.1 - message(0).cost() - 100);
    for _ in 0..2 {
        assert_eq!(refuse(&mut turn, OTHER, message(0)), Ok(()));
    }
    assert_eq!(refuse(&mut turn, OTHER, message(0)), Err(OutboxError::Full { max: 4 }));
    turn.draft().discard();
    assert_eq!(turn.left(), before);
    turn.outbox.reset(Standing::default());
    turn.limits.outbox_bytes_max = message(0).cost() + 99;
    let full = OutboxError::FullOfBytes { max: turn.limits.outbox_bytes_max };
    assert_eq!(refuse(&mut turn, OTHER, message(0)), Err(full));
}

#[test]
fn a_turn_fails_for_one_at_most_and_a_start_for_nobody() {
    let mut turn = Turn::plain();
    let refused = turn.draft().fails_for(OTHER, message(0));
    assert_eq!(refused, Err(OutboxError::NothingHandled));
    turn.outbox.reset(Standing { handles: true, ..Standing::default() });
    let forged = Message::json("thespian:poisoned", "{}");
    assert_eq!(turn.draft().fails_for(OTHER, forged), Err(MessageError::Reserved.into()));
    assert!(matches!(turn.draft().fails_for(OTHER, message(2_000)), Err(OutboxError::Message(_))));
    assert_eq!(turn.outbox.take_fails_for(), None);
    for size in 0..1_000 {
        assert_eq!(turn.draft().fails_for(OTHER, message(size)), Ok(()), "it takes no room of the outbox");
    }
    turn.draft().discard();
    let last = FailsFor { target: OTHER, original: message(999) };
    assert_eq!(turn.outbox.take_fails_for().as_deref(), Some(&last), "it is for a turn that fails");
    turn.draft().fails_for(OTHER, message(0)).unwrap();
    turn.outbox.reset(Standing::default());
    assert_eq!(turn.outbox.take_fails_for(), None, "and of that turn");
}

#[test]
fn what_is_refused_takes_nothing_and_what_is_discarded_gives_all_back() {
    let mut turn = Turn::plain();
    let before = turn.left();
    turn.draft().send(ME, message(100)).unwrap();
    turn.draft().send(ME, message(200)).unwrap();
    turn.create().unwrap();
    turn.create_named("name").unwrap();
    let taken = turn.left();
    assert_eq!(taken, (before.0 - 2, before.1 - message(100).cost() - message(200).cost()));
    let full = OutboxError::Full { max: 4 };
    assert_eq!(turn.draft().send(ME, message(1)), Err(full.clone()));
    assert_eq!(turn.create(), Err(full.clone()));
    assert_eq!(turn.create_named("other"), Err(full.clone()));
    assert_eq!(turn.left(), taken);
    turn.draft().discard();
    assert_eq!(turn.left(), before);
    assert_eq!(turn.outbox.met(), import(full), "why it failed is still known");
    turn.draft().discard();
    assert_eq!(turn.left(), before, "it is given back once");
}

#[test]
fn questions_that_are_refused_are_not_counted_and_take_no_place() {
    let mut turn = Turn::new(Standing { questions: QUESTIONS_MAX, next_question: 7, ..Standing::default() });
    let before = turn.left();
    assert_eq!(turn.create_named("name"), Err(OutboxError::TooManyQuestions));
    assert_eq!(turn.draft().request_status(Some(ME)), Err(OutboxError::TooManyQuestions));
    assert_eq!(turn.left(), before);
    turn.outbox.reset(Standing { next_question: 7, ..Standing::default() });
    turn.stock.places.set(0);
    assert_eq!(turn.create_named("name"), Err(NoPlace::Host(1).into()));
    assert_eq!(turn.draft().request_status(Some(ME)), Ok(7));
}

#[test]
fn children_are_kept_in_an_exit_turn_only_and_saying_so_often_costs_nothing() {
    let mut turn = Turn::plain();
    assert_eq!(turn.draft().keep_children(), Err(OutboxError::NotExiting));
    turn.outbox.reset(Standing { leaving: Leaving::ExitTurn, ..Standing::default() });
    for _ in 0..1_000 {
        assert_eq!(turn.draft().keep_children(), Ok(()));
    }
    assert!(turn.outbox.keeps_children());
    assert!(turn.outbox.requests().is_empty());
    turn.outbox.reset(Standing { leaving: Leaving::ExitTurn, ..Standing::default() });
    assert!(!turn.outbox.keeps_children());
}

#[test]
fn the_reason_of_a_failure_is_cut_and_counts_for_its_turn_only() {
    let mut turn = Turn::plain();
    turn.draft().fail("é".repeat(ERROR_TEXT_LEN_MAX));
    let reason = turn.outbox.failure().unwrap();
    assert!(reason.len() <= ERROR_TEXT_LEN_MAX + "…".len());
    turn.draft().fail("no".to_string());
    turn.outbox.reset(Standing::default());
    assert_eq!(turn.outbox.failure(), None);
}

#[test]
fn an_actor_that_exits_creates_nobody_unless_it_has_said_that_its_children_live_on() {
    let asks = |turn: &mut Turn| (turn.create().map(drop), turn.create_named("name").map(drop));
    let refused = || (Err(OutboxError::Exiting), Err(OutboxError::Exiting));
    let mut turn = Turn::plain();
    for leaving in [Leaving::ExitTurn, Leaving::Exiting] {
        turn.outbox.reset(Standing { leaving, ..Standing::default() });
        assert_eq!(asks(&mut turn), refused());
        let kept = turn.draft().keep_children();
        let expected = if kept.is_ok() { (Ok(()), Ok(())) } else { refused() };
        assert_eq!((kept.is_ok(), asks(&mut turn)), (leaving == Leaving::ExitTurn, expected));
        assert_eq!(turn.outbox.met(), None, "no bound is what refused");
    }
}

#[test]
fn what_needs_a_right_is_refused_to_who_has_none() {
    let ask = |rights| {
        let mut turn = Turn::new(Standing { rights, ..Standing::default() });
        turn.limits = ActorLimits::default();
        let mut draft = turn.draft();
        assert!(draft.request_status(Some(ME)).is_ok(), "after its own anybody may ask");
        [
            draft.handle_dead_letters(true).err(),
            draft.update_capability("gpu".to_string(), None).err(),
            draft.request_status(None).err(),
            draft.shut_down().err(),
            draft.register_authority(true).err(),
            draft.judge(OfferId(1), Err("no".to_string())).err(),
            draft.load((SourceHash([1; 32]), 1), String::new(), None, false).err(),
            draft.unload(SourceHash([1; 32])).err(),
            draft.notify_sources(true).err(),
        ]
    };
    assert_eq!(ask(Rights::ALL), [const { None }; 9]);
    let [judges, loads] = ["authority", "sources"];
    let refused = ["dead-letters", "capabilities", "status", "shutdown", judges, judges, loads, loads, loads];
    let refused = refused.map(|right| Some(OutboxError::NoRight(right)));
    assert_eq!(ask(Rights::default()), refused);
}

#[test]
fn who_loads_a_source_gives_it_no_right_that_it_has_not_itself_nor_to_be_the_authority() {
    let own = Rights { authority: true, sources: true, status: true, ..Rights::NONE };
    let mut turn = Turn::new(Standing { rights: own, ..Standing::default() });
    turn.limits = ActorLimits::default();
    let source = (SourceHash([1; 32]), 1);
    assert!(turn.draft().load(source, "x".to_string(), Some(Rights::ALL), true).is_ok());
    let [TurnRequest::Load { offer, .. }] = turn.outbox.requests() else { panic!() };
    assert_eq!(offer.given, Rights { authority: false, ..own });
    assert_eq!(offer.allowed, Some(Rights { authority: false, ..own }), "of what a manifest wants");
    let long = "x".repeat(crate::limits::SOURCE_LABEL_LEN_MAX + 1);
    assert_eq!(turn.draft().load(source, long, None, false), Err(OutboxError::SourceLabel));
}

#[test]
fn what_outlasts_a_turn_is_drawn_for_however_little_each_turn_asks_for() {
    let none = BudgetBounds { memory_bytes: 0, queued_bytes: 0, places: 0 };
    let asked = |kept_bytes| {
        let mut turn = Turn::new(Standing { kept_bytes, ..Standing::default() });
        turn.stock.account = Arc::new(Account::new(NodeBudget::new(none)));
        (turn.draft().wakeup(Duration::ZERO, None).is_ok(), turn.outbox.met().is_some())
    };
    assert_eq!(asked(0), (true, false), "an actor has a little without drawing for it");
    assert_eq!(asked(QUEUE_FREE_BYTES), (false, true), "and that once, not in each turn");
}
