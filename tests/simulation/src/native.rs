//! Guests that are no scripts of chance but the code of a component, compiled natively: what an instance needs of its
//! host, around the outbox of one turn.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use thespian::bindings::thespian::actor::{lifecycle, types as wit};
use thespian::private::{Guest, accepts, describe};
use thespian::testing::hosting::{Answer, Ask, Host, Instance};
use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope, ExitReason};
use thespian_core::fate::{Failure, Fault};
use thespian_core::outbox::{CreateOptions, Draft, Outbox, OutboxError, Refused};
use thespian_core::plan::Plan;
use thespian_core::question::{self, Asker, Refusal};
use thespian_core::source::{ActorClass, ClassCheck, SourceHash, SourceInfo};
use thespian_core::time::Time;

use crate::carrier::Carrier;
use crate::convert;
use crate::invariants::messages::with_number;
use crate::means::Lent;

/// The native guests of a world, and what programs outside have heard of them.
pub(crate) struct Native {
    classes: &'static [Guest],
    instances: BTreeMap<ActorAddress, Instance>,
    plans: BTreeMap<ActorAddress, Plan>,
    /// Addresses of programs outside: of an ask each.
    pub(crate) outside: BTreeSet<ActorAddress>,
    pub(crate) heard: Vec<Envelope>,
    pub(crate) answers: BTreeMap<Asker, Result<question::Answer, Refusal>>,
    pub(crate) dead_letters: Vec<(Envelope, String)>,
    /// Those without a parent.
    pub(crate) ended: Vec<(ActorAddress, String, ExitReason)>,
    pub(crate) poisoned: u64,
    /// Time does not jump past it.
    pub(crate) horizon: Time,
}

impl Native {
    pub(crate) fn new(classes: &'static [Guest]) -> Self {
        Self {
            classes,
            instances: BTreeMap::new(),
            plans: BTreeMap::new(),
            outside: BTreeSet::new(),
            heard: Vec::new(),
            answers: BTreeMap::new(),
            dead_letters: Vec::new(),
            ended: Vec::new(),
            poisoned: 0,
            horizon: Time(u64::MAX),
        }
    }

    pub(crate) fn info(&self) -> SourceInfo {
        let wit::SourceInfo { name, version, sdk, classes, .. } = describe("probe", "", self.classes);
        let class = |class: wit::ActorClass| ActorClass {
            name: class.name,
            requires: class.requires.into_iter().map(|wanted| convert::requirement(wanted.into())).collect(),
            custom_placement: class.custom_placement,
            on_trap: convert::on_trap(class.on_trap),
            transient: class.transient.map(convert::transient),
            receives: class.receives,
            children_at_restart: convert::children_at_restart(&class.extra),
            // Nothing in a simulation asks for it.
            init: None,
        };
        SourceInfo { name, version, sdk, classes: classes.into_iter().map(class).collect(), memory_bytes: 0 }
    }

    /// What a class says of a host.
    pub(crate) fn accepts(&self, question: &ClassCheck) -> bool {
        let capabilities = convert::capabilities(&question.capabilities);
        let requirements = question.requirements.iter().map(convert::requirement_to_guest).collect();
        accepts(self.classes, &question.class, capabilities, requirements)
    }

    pub(crate) fn plan(&mut self, plan: Plan) {
        self.plans.insert(plan.address, plan);
    }
}

/// What a turn asked for, and how it went.
type Called = (Box<Outbox>, Result<(), Failure>);

/// What an instance has of its host, for the time of a call.
struct Turn {
    outbox: Box<Outbox>,
    lent: Lent,
    next_number: u64,
    created: Vec<ActorAddress>,
    now: Time,
}

fn invalid(error: impl ToString) -> wit::Error {
    wit::Error::Invalid(error.to_string())
}

fn refused(error: OutboxError) -> wit::Error {
    match error.kind() {
        Refused::Denied => wit::Error::Denied(error.to_string()),
        Refused::Exhausted => wit::Error::Exhausted(error.to_string()),
        Refused::Invalid => invalid(error),
    }
}

fn address(text: &str) -> Result<ActorAddress, wit::Error> {
    text.parse().map_err(invalid)
}

impl Host for Turn {
    fn ask(&mut self, ask: Ask<'_>) -> Result<Answer, wit::Error> {
        let done = |()| Answer::Done;
        let asked = match ask {
            Ask::Send { to, message } => {
                let target = address(to)?;
                self.next_number += 1;
                let message = convert::message(message.into());
                let message = with_number(message, self.next_number);
                self.draft().send(target, message).map(done)
            }
            Ask::Refuse { to, original, details } => {
                let target = address(to)?;
                self.next_number += 1;
                let original = with_number(convert::message(original.into()), self.next_number);
                self.draft().refuse(target, original, details.to_string()).map(done)
            }
            Ask::FailsFor { to, original } => {
                let target = address(to)?;
                self.next_number += 1;
                let original = with_number(convert::message(original.into()), self.next_number);
                self.draft().fails_for(target, original).map(done)
            }
            Ask::WakeupAfter { delay_ns, payload } => {
                let payload = payload.map(|payload| convert::message(payload.into()));
                self.draft().wakeup(Duration::from_nanos(delay_ns), payload).map(Answer::Number)
            }
            Ask::CancelWakeup { id } => {
                // As in the host: the outbox notes that it is full.
                let _ = self.draft().cancel_wakeup(id);
                Ok(Answer::Done)
            }
            Ask::CreateActor { class, options } => {
                let (source, options) = create_options(options)?;
                let created = self.draft().create(source, class.to_string(), options);
                self.created.extend(created.iter());
                created.map(|child| Answer::Address(child.to_string()))
            }
            Ask::CreateNamed { name, class, options } => {
                let (source, options) = create_options(options)?;
                self.draft().create_named(name, source, class.to_string(), options).map(Answer::Number)
            }
            Ask::KillChild { child } => self.draft().kill_child(address(child)?).map(done),
            Ask::RequestExit { target, recursive } => {
                self.draft().request_exit(address(target)?, recursive).map(done)
            }
            Ask::KeepChildren => self.draft().keep_children().map(done),
            Ask::Children { after, max } => Ok(self.children(after, max)),
            Ask::Fail { reason } => {
                self.draft().fail(reason.to_string());
                Ok(Answer::Done)
            }
            Ask::Monitor { target } => self.draft().monitor(address(target)?).map(done),
            Ask::Demonitor { target } => self.draft().demonitor(address(target)?).map(done),
            Ask::HandleDeadLetters { handles } => self.draft().handle_dead_letters(handles).map(done),
            Ask::UpdateCapability { name, value } => {
                let value = value.map(|value| convert::value(value.into()));
                self.draft().update_capability(name.to_string(), value).map(done)
            }
            Ask::RequestStatus { about } => {
                let about = about.map(address).transpose()?;
                self.draft().request_status(about).map(Answer::Number)
            }
            Ask::ShutDown => self.draft().shut_down().map(done),
            Ask::RegisterAuthority { .. }
            | Ask::NextOffer { .. }
            | Ask::ReadOffer { .. }
            | Ask::ReplaceOffer { .. }
            | Ask::JudgeOffer { .. }
            | Ask::LoadPart { .. }
            | Ask::LoadSource { .. }
            | Ask::UnloadSource { .. }
            | Ask::NotifySources { .. } => {
                let text = "no actor of this run has to do with sources";
                return Err(wit::Error::Unsupported(text.to_string()));
            }
            Ask::Log { .. } => Ok(Answer::Done),
            Ask::LogEnabled { .. } => Ok(Answer::Kept(true)),
        };
        asked.map_err(refused)
    }

    fn now(&mut self) -> u64 {
        self.now.0
    }
}

impl Turn {
    fn children(&mut self, after: Option<&str>, max: u32) -> Answer {
        let after = after.and_then(|after| after.parse().ok());
        let draft = self.draft();
        let listed = draft.children(after, max);
        Answer::Children(listed.map(|(child, label)| (child.to_string(), label.to_string())).collect())
    }

    const fn draft(&mut self) -> Draft<'_, Lent> {
        self.lent.draft(&mut self.outbox)
    }
}

/// The options of a create, as core has them, and the source that they name.
fn create_options(
    options: lifecycle::CreateOptions<'_>,
) -> Result<(Option<SourceHash>, CreateOptions), wit::Error> {
    let source = options.source.map(str::parse::<SourceHash>).transpose().map_err(invalid)?;
    let requirements = options.requirements.iter().cloned();
    let options = CreateOptions {
        requirements: requirements.map(|wanted| convert::requirement(wanted.into())).collect(),
        init: options.init.map(|message| convert::message(message.into())),
        on_trap: options.on_trap.map(convert::on_trap),
        watch_restarts: options.watch_restarts,
        label: convert::label(options.extra),
    };
    Ok((source, options))
}

impl Carrier<'_> {
    /// Starts the instance. The outbox comes back where guests act by chance.
    pub(crate) fn start_native(
        &mut self,
        incarnation: u32,
        outbox: Box<Outbox>,
    ) -> Result<Called, Box<Outbox>> {
        let host = self.world.host(self.at);
        let Some(native) = &host.native else { return Err(outbox) };
        let plan = native.plans.get(&self.me).expect("an actor that starts was planned");
        let init = convert::init(plan, incarnation, host.admin().capabilities());
        let (classes, me) = (native.classes, self.me);
        Ok(self.call(outbox, move |native, host| {
            let instance = Instance::start(classes, init, host)?;
            native.instances.insert(me, instance);
            Ok(())
        }))
    }

    /// Calls the instance. The outbox comes back where guests act by chance.
    pub(crate) fn handle_native(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        outbox: Box<Outbox>,
    ) -> Result<Called, Box<Outbox>> {
        if self.host().native.is_none() {
            return Err(outbox);
        }
        let me = self.me;
        let sender = envelope.sender.to_string();
        Ok(self.call(outbox, move |native, host| {
            let instance = native.instances.get_mut(&me).expect("an actor that is called has started");
            match &envelope.body {
                Body::Message(message) => {
                    instance.handle_message(sender, attempt, convert::to_guest(message), host)
                }
                body => {
                    let event = convert::event(body).expect("what is for the turn alone is not handed on");
                    instance.handle_event(wit::Delivery { sender, attempt, event }, host)
                }
            }
        }))
    }

    /// A call of the guest, which gets the outbox, and what of the world it needs; a panic is a trap.
    fn call(
        &mut self,
        outbox: Box<Outbox>,
        call: impl FnOnce(&mut Native, Rc<RefCell<dyn Host>>) -> Result<(), wit::Failure>,
    ) -> Called {
        let next_number = self.world.next_number;
        let now = self.world.now();
        let turn = Turn { outbox, lent: self.lend(), next_number, created: Vec::new(), now };
        let turn = Rc::new(RefCell::new(turn));
        let me = self.me;
        let native = self.host().native.as_mut().expect("guests are native");
        let host: Rc<RefCell<dyn Host>> = Rc::<RefCell<Turn>>::clone(&turn);
        let outcome = catch_unwind(AssertUnwindSafe(|| call(native, host)));
        if outcome.is_err() {
            native.instances.remove(&me);
        }
        let turn = Rc::into_inner(turn).expect("no instance keeps its host").into_inner();
        let Turn { outbox, lent, next_number, created, .. } = turn;
        self.take_back(lent);
        self.world.next_number = next_number;
        self.cell().known.extend(created);
        let outcome = match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(wit::Failure { reason, retry })) => {
                Err(Failure::Returned { reason, retry, met: outbox.met() })
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                Err(Failure::Fault(Fault::Trap(text.to_string())))
            }
        };
        (outbox, outcome)
    }
}
