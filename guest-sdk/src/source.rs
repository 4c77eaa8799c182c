//! A source: the classes that one component offers, and the one actor that one instance is.

use std::cell::RefCell;

use crate::actor::{Actor, Came, Incoming};
use crate::address::Address;
use crate::bindings::thespian::actor::types as wit;
use crate::context::{Context, Life};
use crate::failure::{Error, Result};
#[cfg(target_family = "wasm")]
use crate::host;
use crate::hosting::Transient;
use crate::message::RawMessage;
use crate::parts::{self, Ledger};

/// A value of a capability.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number that need not be whole.
    Number(f64),
    /// Text.
    Text(String),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// What a host has, by name. A list: there are few, and a tree would be 5 kB of every component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(String, Value)>);

impl Attributes {
    /// What there is under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn from_wit(all: Vec<(String, wit::ValueResult)>) -> Self {
        Self(all.into_iter().map(|(name, value)| (name, Value::from_wit(value))).collect())
    }

    /// Everything, in the host's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        Self(all.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, V: Into<Value>, const LEN: usize> From<[(N, V); LEN]> for Attributes {
    fn from(all: [(N, V); LEN]) -> Self {
        all.into_iter().collect()
    }
}

/// What one requirement asks of the capability that it names.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// It is `true`.
    IsTrue,
    /// It equals this value.
    Equals(Value),
    /// It is a number and at least this one.
    AtLeast(f64),
    /// It equals one of these values.
    OneOf(Vec<Value>),
}

/// Something a host must have to run an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The capability. Case matters.
    pub name: String,
    /// What must hold of it.
    pub clause: Clause,
}

impl Value {
    pub(crate) fn into_wit(self) -> wit::ValueResult {
        match self {
            Self::Boolean(value) => wit::ValueResult::Boolean(value),
            Self::Integer(value) => wit::ValueResult::Integer(value),
            Self::Number(value) => wit::ValueResult::Number(value),
            Self::Text(value) => wit::ValueResult::Text(value),
        }
    }

    fn from_wit(value: wit::ValueResult) -> Self {
        match value {
            wit::ValueResult::Boolean(value) => Self::Boolean(value),
            wit::ValueResult::Integer(value) => Self::Integer(value),
            wit::ValueResult::Number(value) => Self::Number(value),
            wit::ValueResult::Text(value) => Self::Text(value),
        }
    }
}

impl Requirement {
    fn all_from_wit(all: Vec<wit::RequirementResult>) -> Vec<Self> {
        all.into_iter().map(Self::from_wit).collect()
    }

    pub(crate) fn into_wit(self) -> wit::RequirementResult {
        let clause = match self.clause {
            Clause::IsTrue => wit::ClauseResult::IsTrue,
            Clause::Equals(value) => wit::ClauseResult::Equals(value.into_wit()),
            Clause::AtLeast(least) => wit::ClauseResult::AtLeast(least),
            Clause::OneOf(values) => {
                wit::ClauseResult::OneOf(values.into_iter().map(Value::into_wit).collect())
            }
        };
        wit::RequirementResult { name: self.name, clause }
    }

    fn from_wit(requirement: wit::RequirementResult) -> Self {
        let clause = match requirement.clause {
            wit::ClauseResult::IsTrue => Clause::IsTrue,
            wit::ClauseResult::Equals(value) => Clause::Equals(Value::from_wit(value)),
            wit::ClauseResult::AtLeast(least) => Clause::AtLeast(least),
            wit::ClauseResult::OneOf(values) => {
                Clause::OneOf(values.into_iter().map(Value::from_wit).collect())
            }
        };
        Self { name: requirement.name, clause }
    }
}

/// A class's own check whether a host that has this suits its actors, where their creator and the class require that.
/// It is asked where all that is required holds, in an instance of its own in which nothing can be asked of the host.
/// It must give the same answer to the same question.
pub type Accepts = fn(host: &Attributes, required: &[Requirement]) -> bool;

/// What an actor is told when it starts.
#[derive(Clone, Debug)]
pub(crate) struct Init {
    pub(crate) class: String,
    pub(crate) me: Address,
    pub(crate) parent: Option<Address>,
    pub(crate) global_name: Option<String>,
    pub(crate) source: String,
    pub(crate) incarnation: u32,
    pub(crate) capabilities: Attributes,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) message: Option<RawMessage>,
    /// What the host takes as one message, if it says so.
    pub(crate) message_bytes_max: usize,
}

impl From<wit::ActorInit> for Init {
    fn from(init: wit::ActorInit) -> Self {
        Self {
            class: init.class,
            me: init.me.into(),
            parent: init.parent.map(Address::from),
            global_name: init.global_name,
            source: init.source,
            incarnation: init.incarnation,
            capabilities: Attributes::from_wit(init.capabilities),
            requirements: Requirement::all_from_wit(init.requirements),
            message: init.init.map(RawMessage::from_wit),
            message_bytes_max: message_bytes_max(&init.extra),
        }
    }
}

fn message_bytes_max(extra: &[(String, wit::ValueResult)]) -> usize {
    let said = extra.iter().find_map(|(name, value)| match value {
        wit::ValueResult::Integer(bytes) if name == "message-bytes-max" => usize::try_from(*bytes).ok(),
        _ => None,
    });
    said.unwrap_or(usize::MAX)
}

/// A live actor, whatever its class.
pub(crate) trait Live {
    fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result;
    fn each_part(&mut self, each: &mut dyn FnMut(&mut dyn Ledger));
    fn leave(&mut self, ctx: &mut Context);
}

impl<A: Actor> Live for A {
    fn receive(&mut self, incoming: Incoming, ctx: &mut Context) -> Result {
        Actor::receive(self, incoming, ctx)
    }

    fn each_part(&mut self, each: &mut dyn FnMut(&mut dyn Ledger)) {
        Actor::each_part(self, each);
    }

    fn leave(&mut self, ctx: &mut Context) {
        Actor::leave(self, ctx);
    }
}

/// Makes an actor.
pub(crate) fn begin<A: Actor>(ctx: &mut Context) -> Result<A> {
    parts::forget_new();
    ctx.has_parts = A::HAS_PARTS;
    let mut actor = A::start(ctx)?;
    check_parts(&mut actor, ctx)?;
    Ok(actor)
}

/// One turn, whoever the host is.
// What came is large, and moved once for each call that is one.
#[inline(always)]
pub(crate) fn turn_of(
    live: &mut dyn Live,
    ctx: &mut Context,
    sender: Address,
    attempt: u32,
    came: Came,
) -> Result {
    let incoming = ctx.begin(sender, attempt, came);
    parts::forget_new();
    let is_exit_turn = ctx.life == Life::ExitTurn;
    if ctx.has_parts {
        live.each_part(&mut |part| part.begin(attempt > 1));
        if is_exit_turn {
            live.leave(ctx);
        }
    }
    let mut outcome = live.receive(incoming, ctx);
    if let Err(error) = &outcome
        && is_exit_turn
        && ctx.tells_of_exit
    {
        // What this turn asks for includes the last word to those who wait, and there is no other turn for it.
        crate::warn!(ctx, "in its exit turn: {error}");
        outcome = Ok(());
    }
    if outcome.is_ok() {
        outcome = check_parts(live, ctx);
    }
    if ctx.has_parts {
        live.each_part(&mut |part| part.end(outcome.is_ok()));
    }
    outcome
}

/// Whether what came to be as a part is one.
#[inline]
fn check_parts(live: &mut dyn Live, ctx: &Context) -> Result {
    if !parts::is_any_new() {
        return Ok(());
    }
    parts::check_new(ctx.class(), |number| {
        let mut is_there = false;
        live.each_part(&mut |part| is_there |= part.standing().number() == number);
        is_there
    })
}

/// One class in the list of a source: how it is described and started.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Guest {
    name: &'static str,
    describe: fn() -> wit::ActorClass,
    start: fn(&mut Context) -> Result<Box<dyn Live>>,
    accepts: Option<Accepts>,
}

impl Guest {
    /// The class `A`.
    #[must_use]
    pub const fn of<A: Actor>() -> Self {
        Self {
            name: A::CLASS,
            describe: describe_class::<A>,
            start: |ctx| Ok(Box::new(begin::<A>(ctx)?)),
            accepts: A::ACCEPTS,
        }
    }
}

/// How many of a class's handlers are for messages.
#[doc(hidden)]
#[must_use]
pub const fn count_names(all: &[Option<&'static str>]) -> usize {
    let (mut place, mut count) = (0, 0);
    while place < all.len() {
        count += all[place].is_some() as usize;
        place += 1;
    }
    count
}

/// The type names of those messages.
#[doc(hidden)]
#[must_use]
pub const fn names<const LEN: usize>(all: &[Option<&'static str>]) -> [&'static str; LEN] {
    let mut names = [""; LEN];
    let (mut place, mut count) = (0, 0);
    while place < all.len() {
        if let Some(name) = all[place] {
            names[count] = name;
            count += 1;
        }
        place += 1;
    }
    names
}

/// How many names there are in all the lists, each counted once.
#[doc(hidden)]
#[must_use]
pub const fn count_merged(lists: &[&[&'static str]]) -> usize {
    merge::<MERGED_MAX>(lists).1
}

/// All names of the lists, each once. A later list may have a name that an earlier one has.
#[doc(hidden)]
#[must_use]
pub const fn merged<const LEN: usize>(lists: &[&[&'static str]]) -> [&'static str; LEN] {
    merge::<LEN>(lists).0
}

/// More types of messages than any actor has handlers for.
const MERGED_MAX: usize = 256;

const fn merge<const LEN: usize>(lists: &[&[&'static str]]) -> ([&'static str; LEN], usize) {
    let (mut names, mut count) = ([""; LEN], 0);
    let mut list = 0;
    while list < lists.len() {
        let mut place = 0;
        while place < lists[list].len() {
            let name = lists[list][place];
            if !is_among(name, &names, count) {
                names[count] = name;
                count += 1;
            }
            place += 1;
        }
        list += 1;
    }
    (names, count)
}

const fn is_among(name: &str, names: &[&str], count: usize) -> bool {
    let mut place = 0;
    while place < count {
        if equal(name.as_bytes(), names[place].as_bytes()) {
            return true;
        }
        place += 1;
    }
    false
}

/// Whether no name is there twice.
#[doc(hidden)]
#[must_use]
pub const fn differ(names: &[&str]) -> bool {
    let mut place = 0;
    while place < names.len() {
        let mut other = place + 1;
        while other < names.len() {
            if equal(names[place].as_bytes(), names[other].as_bytes()) {
                return false;
            }
            other += 1;
        }
        place += 1;
    }
    true
}

const fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

fn describe_class<A: Actor>() -> wit::ActorClass {
    wit::ActorClass {
        name: A::CLASS.to_string(),
        requires: A::requires().into_iter().map(Requirement::into_wit).collect(),
        custom_placement: A::ACCEPTS.is_some(),
        on_trap: A::ON_TRAP.to_wit(),
        troupe: None,
        transient: A::TRANSIENT.map(Transient::to_wit),
        stateful: false,
        receives: A::RECEIVES.iter().map(ToString::to_string).collect(),
        extra: Vec::new(),
    }
}

/// What the source says of itself.
#[doc(hidden)]
pub fn describe(name: &str, version: &str, guests: &[Guest]) -> wit::SourceInfo {
    wit::SourceInfo {
        name: name.to_string(),
        version: version.to_string(),
        sdk: concat!("thespian ", env!("CARGO_PKG_VERSION"), " (Rust)").to_string(),
        classes: guests.iter().map(|guest| (guest.describe)()).collect(),
        extra: Vec::new(),
    }
}

/// Whether a host suits a class. One without a check of its own has no objection.
#[doc(hidden)]
#[must_use]
pub fn accepts(
    guests: &[Guest],
    class: &str,
    capabilities: Vec<(String, wit::ValueResult)>,
    requirements: Vec<wit::RequirementResult>,
) -> bool {
    let guest = guests.iter().find(|guest| guest.name == class);
    guest.and_then(|guest| guest.accepts).is_none_or(|accepts| {
        accepts(&Attributes::from_wit(capabilities), &Requirement::all_from_wit(requirements))
    })
}

/// One actor, between its turns.
pub(crate) struct Instance {
    live: Box<dyn Live>,
    ctx: Context,
}

impl Instance {
    pub(crate) fn start(guests: &[Guest], init: wit::ActorInit) -> std::result::Result<Self, wit::Failure> {
        let init = Init::from(init);
        let Some(guest) = guests.iter().find(|guest| guest.name == init.class) else {
            return Err(no_class(guests, &init.class).into_failure());
        };
        let mut ctx = Context::new(init);
        let live = (guest.start)(&mut ctx).map_err(Error::into_failure)?;
        Ok(Self { live, ctx })
    }

    pub(crate) fn turn(
        &mut self,
        sender: String,
        attempt: u32,
        came: Came,
    ) -> std::result::Result<(), wit::Failure> {
        turn_of(&mut *self.live, &mut self.ctx, sender.into(), attempt, came).map_err(Error::into_failure)
    }
}

thread_local! {
    /// The one actor that this instance is.
    static ACTOR: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

/// Makes this instance an actor. A panic becomes one record of the log, and with it the reason of the trap; Rust's own
/// hook writes three lines to the standard error, in a dozen calls of the host. If the class can't start there is none, and every turn says so.
#[doc(hidden)]
pub fn start(guests: &[Guest], init: wit::ActorInit) -> std::result::Result<(), wit::Failure> {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| host::log(host::Level::Error, "panic", &panic.to_string())));
    ACTOR.set(Some(Instance::start(guests, init)?));
    Ok(())
}

#[cold]
fn no_class(guests: &[Guest], class: &str) -> Error {
    let names: Vec<_> = guests.iter().map(|guest| guest.name).collect();
    Error::poison(["the source has no class `", class, "`; it has `", &names.join("`, `"), "`"].concat())
}

/// One turn for a message.
#[doc(hidden)]
pub fn handle_message(
    sender: String,
    attempt: u32,
    message: wit::MessageResult,
) -> std::result::Result<(), wit::Failure> {
    turn(sender, attempt, Came::Message(message))
}

/// One turn for what the host tells.
#[doc(hidden)]
pub fn handle_event(delivery: wit::Delivery) -> std::result::Result<(), wit::Failure> {
    turn(delivery.sender, delivery.attempt, Came::Event(delivery.event))
}

fn turn(sender: String, attempt: u32, came: Came) -> std::result::Result<(), wit::Failure> {
    ACTOR.with_borrow_mut(|actor| match actor {
        Some(instance) => instance.turn(sender, attempt, came),
        None => Err(Error::poison("the actor has not started").into_failure()),
    })
}

/// Makes a crate a source: the classes that can be created from its component. Once in a crate.
#[macro_export]
macro_rules! source {
    ($($actor:ty),+ $(,)?) => {
        const _: () = {
            const GUESTS: &[$crate::private::Guest] = &[$(<$actor as $crate::Actor>::GUEST),+];

            ::core::assert!(
                $crate::private::differ(&[$(<$actor as $crate::Actor>::CLASS),+]),
                "two classes have one name"
            );

            struct Source;

            impl $crate::bindings::exports::thespian::actor::guest::Guest for Source {
                fn describe() -> $crate::bindings::thespian::actor::types::SourceInfo {
                    $crate::private::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), GUESTS)
                }

                fn start(
                    init: $crate::bindings::thespian::actor::types::ActorInit,
                ) -> ::core::result::Result<(), $crate::bindings::thespian::actor::types::Failure> {
                    $crate::private::start(GUESTS, init)
                }

                fn handle_message(
                    sender: ::std::string::String,
                    attempt: u32,
                    message: $crate::bindings::thespian::actor::types::MessageResult,
                ) -> ::core::result::Result<(), $crate::bindings::thespian::actor::types::Failure> {
                    $crate::private::handle_message(sender, attempt, message)
                }

                fn handle_event(
                    delivery: $crate::bindings::thespian::actor::types::Delivery,
                ) -> ::core::result::Result<(), $crate::bindings::thespian::actor::types::Failure> {
                    $crate::private::handle_event(delivery)
                }
            }

            impl $crate::bindings::exports::thespian::actor::placement::Guest for Source {
                fn accepts(
                    class: ::std::string::String,
                    capabilities: $crate::bindings::thespian::actor::types::AttributesResult,
                    requirements: ::std::vec::Vec<$crate::bindings::thespian::actor::types::RequirementResult>,
                ) -> bool {
                    $crate::private::accepts(GUESTS, &class, capabilities, requirements)
                }
            }

            #[cfg(target_family = "wasm")]
            $crate::bindings::export!(Source with_types_in $crate::bindings);
        };
    };
}

#[cfg(test)]
mod tests;
