//! Guests that are no scripts of chance but the code of a component, compiled natively: what an instance needs of its
//! host, around the outbox of one turn.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use thespian::bindings::thespian::actor::types as wit;
use thespian::private::{Guest, accepts, describe};
use thespian::testing::hosting::{Creation, Host, Instance};
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::effect::Plan;
use thespian_core::envelope::{Body, Envelope, ExitReason};
use thespian_core::event::Asker;
use thespian_core::fate::{Failure, Fault};
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::{Mailbox, MailboxLimits, QueueBudget};
use thespian_core::outbox::{CreateChild, CreateOptions, Outbox, OutboxError};
use thespian_core::placement::PlacementQuestion;
use thespian_core::source::{ActorClass, SourceHash, SourceInfo};
use thespian_core::time::Time;
use thespian_core::wire::control::{ControlError, Reply};

use crate::carrier::Carrier;
use crate::convert;
use crate::world::World;

/// The native guests of a world, and what programs outside have heard of them.
pub(crate) struct Native {
    classes: &'static [Guest],
    instances: BTreeMap<ActorAddress, Instance>,
    plans: BTreeMap<ActorAddress, Plan>,
    /// Addresses of programs outside: of an ask each.
    pub(crate) outside: BTreeSet<ActorAddress>,
    pub(crate) heard: Vec<Envelope>,
    pub(crate) replies: BTreeMap<Asker, Result<Reply, ControlError>>,
    pub(crate) dead_letters: Vec<(Envelope, String)>,
    /// Those without a parent.
    pub(crate) ended: Vec<(ActorAddress, String, ExitReason)>,
    pub(crate) failures: u64,
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
            replies: BTreeMap::new(),
            dead_letters: Vec::new(),
            ended: Vec::new(),
            failures: 0,
            horizon: Time(u64::MAX),
        }
    }

    pub(crate) fn info(&self) -> SourceInfo {
        let wit::SourceInfo { name, version, sdk, classes, .. } = describe("probe", "", self.classes);
        let class = |class: wit::ActorClass| ActorClass {
            name: class.name,
            requires: class.requires.into_iter().map(convert::requirement).collect(),
            custom_placement: class.custom_placement,
            on_trap: convert::on_trap(class.on_trap),
            transient: class.transient.map(convert::transient),
            receives: class.receives,
        };
        SourceInfo { name, version, sdk, classes: classes.into_iter().map(class).collect() }
    }

    /// What a class says of a host.
    pub(crate) fn accepts(&self, question: &PlacementQuestion) -> bool {
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

/// What one turn has of its host: lent by the world for the time of the call.
struct Lent {
    me: ActorAddress,
    limits: ActorLimits,
    outbox: Box<Outbox>,
    mailbox: Mailbox,
    budget: QueueBudget,
    /// What was reserved in the mailbox.
    reserved: Vec<usize>,
    next_id: u128,
    next_number: u64,
    slots: usize,
    slots_max: usize,
    created: Vec<ActorAddress>,
}

fn invalid(error: impl ToString) -> wit::Error {
    wit::Error::Invalid(error.to_string())
}

fn refused(error: OutboxError) -> wit::Error {
    match error {
        OutboxError::NoRight(_) | OutboxError::Exiting => wit::Error::Denied(error.to_string()),
        error if error.is_exhaustion() => wit::Error::Exhausted(error.to_string()),
        error => invalid(error),
    }
}

fn address(text: &str) -> Result<ActorAddress, wit::Error> {
    text.parse().map_err(invalid)
}

impl Host for Lent {
    fn send(&mut self, to: &str, message: wit::MessageResult) -> Result<(), wit::Error> {
        let target = address(to)?;
        self.next_number += 1;
        let message = crate::ledger::with_number(convert::message(message), self.next_number);
        let cost = message.cost();
        let to_itself = target == self.me;
        if to_itself && !self.mailbox.reserve(cost, &self.budget) {
            return Err(refused(self.outbox.refuse(OutboxError::OwnMailboxFull)));
        }
        let sent = self.outbox.send(target, message, &self.limits);
        match (&sent, to_itself) {
            (Ok(()), true) => self.reserved.push(cost),
            (Err(_), true) => self.mailbox.release(1, cost, &self.budget),
            _ => {}
        }
        sent.map_err(refused)
    }

    fn wakeup_after(
        &mut self,
        delay_ns: u64,
        payload: Option<wit::MessageResult>,
    ) -> Result<u64, wit::Error> {
        let payload = payload.map(convert::message);
        self.outbox.wakeup(Duration::from_nanos(delay_ns), payload, &self.limits).map_err(refused)
    }

    fn cancel_wakeup(&mut self, id: u64) {
        // As in the host: the outbox notes that it is full.
        let _ = self.outbox.cancel_wakeup(id, &self.limits);
    }

    fn create_actor(&mut self, create: Creation) -> Result<String, wit::Error> {
        let child = self.place(create)?;
        let address = child.address;
        self.outbox.create(child, &self.limits).map_err(refused)?;
        self.slots += 1;
        self.created.push(address);
        Ok(address.to_string())
    }

    fn create_named(&mut self, name: &str, create: Creation) -> Result<u64, wit::Error> {
        let child = self.place(create)?;
        let request = self.outbox.create_named(name, child, &self.limits).map_err(refused)?;
        self.slots += 1;
        Ok(request)
    }

    fn kill_child(&mut self, child: &str) -> Result<(), wit::Error> {
        self.outbox.kill_child(address(child)?, &self.limits).map_err(refused)
    }

    fn monitor(&mut self, target: &str) -> Result<(), wit::Error> {
        self.outbox.monitor(address(target)?, &self.limits).map_err(refused)
    }

    fn demonitor(&mut self, target: &str) -> Result<(), wit::Error> {
        self.outbox.demonitor(address(target)?, &self.limits).map_err(refused)
    }

    fn handle_dead_letters(&mut self, handles: bool) -> Result<(), wit::Error> {
        self.outbox.handle_dead_letters(handles, &self.limits).map_err(refused)
    }

    fn update_capability(&mut self, name: &str, value: Option<wit::ValueResult>) -> Result<(), wit::Error> {
        let value = value.map(convert::value);
        self.outbox.update_capability(name.to_string(), value, &self.limits).map_err(refused)
    }

    fn request_status(&mut self, about: Option<&str>) -> Result<u64, wit::Error> {
        let about = about.map(address).transpose()?;
        self.outbox.request_status(self.me, about, &self.limits).map_err(refused)
    }

    fn shut_down(&mut self) -> Result<(), wit::Error> {
        self.outbox.shut_down(&self.limits).map_err(refused)
    }

    fn request_exit(&mut self, target: &str, recursive: bool) -> Result<(), wit::Error> {
        self.outbox.request_exit(address(target)?, recursive, &self.limits).map_err(refused)
    }

    fn keep_children(&mut self) -> Result<(), wit::Error> {
        self.outbox.keep_children().map_err(refused)
    }
}

impl Lent {
    /// The actor to be, if the host has room for it.
    fn place(&mut self, create: Creation) -> Result<CreateChild, wit::Error> {
        self.outbox.check_may_create().map_err(refused)?;
        let source = create.source.map(|hash| hash.parse::<SourceHash>()).transpose();
        let source = source.map_err(invalid)?;
        if self.slots >= self.slots_max {
            return Err(refused(self.outbox.refuse(OutboxError::NoPlace)));
        }
        self.next_id += 1;
        let address = ActorAddress::new(HostId(1), self.next_id);
        let options = CreateOptions {
            requirements: create.requirements.into_iter().map(convert::requirement).collect(),
            init: create.init.map(convert::message),
            on_trap: create.on_trap.map(convert::on_trap),
            watch_restarts: create.watch_restarts,
        };
        Ok(CreateChild { address, source, class: create.class, options })
    }
}

impl Carrier<'_> {
    /// Starts the instance. The outbox comes back where guests act by chance.
    pub(crate) fn start_native(
        &mut self,
        incarnation: u32,
        outbox: Box<Outbox>,
    ) -> Result<Called, Box<Outbox>> {
        let Some(native) = &self.world.native else { return Err(outbox) };
        let plan = native.plans.get(&self.me).expect("an actor that starts was planned");
        let init = convert::init(plan, incarnation, self.world.admin().capabilities());
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
        if self.world.native.is_none() {
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
        let lent = Rc::new(RefCell::new(self.lend(outbox)));
        let native = self.world.native.as_mut().expect("guests are native");
        let host: Rc<RefCell<dyn Host>> = Rc::<RefCell<Lent>>::clone(&lent);
        let outcome = catch_unwind(AssertUnwindSafe(|| call(native, host)));
        if outcome.is_err() {
            native.instances.remove(&self.me);
        }
        let lent = Rc::into_inner(lent).expect("no instance keeps its host").into_inner();
        let outbox = self.take_back(lent);
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

    fn lend(&mut self, outbox: Box<Outbox>) -> Lent {
        let me = self.me;
        let World { cells, limits, budget, next_id, next_number, slots, slots_max, .. } = &mut *self.world;
        let cell = cells.get_mut(&me).expect("an actor that is called has a cell");
        let none = MailboxLimits { len_max: 0, bytes_max: 0 };
        Lent {
            me,
            limits: *limits,
            outbox,
            mailbox: std::mem::replace(&mut cell.mailbox, Mailbox::pending(none)),
            budget: std::mem::replace(budget, QueueBudget::new(0)),
            reserved: Vec::new(),
            next_id: *next_id,
            next_number: *next_number,
            slots: *slots,
            slots_max: *slots_max,
            created: Vec::new(),
        }
    }

    fn take_back(&mut self, lent: Lent) -> Box<Outbox> {
        let Lent { outbox, mailbox, budget, reserved, next_id, next_number, slots, created, .. } = lent;
        let world = &mut *self.world;
        (world.budget, world.next_id, world.next_number, world.slots) = (budget, next_id, next_number, slots);
        let cell = world.cells.get_mut(&self.me).expect("an actor that is called has a cell");
        cell.mailbox = mailbox;
        reserved.into_iter().for_each(|cost| cell.watch.came(cost));
        cell.known.extend(created);
        outbox
    }
}
