//! One host without a machine: an `Admin`, actors and their mailboxes, alarms, and what is under way. It does what it is
//! told to, knows no rule itself, and nothing of the hosts beside it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::admin::Admin;
use thespian_core::budget::{Account, BudgetBounds, NodeBudget};
use thespian_core::capability::Capabilities;
use thespian_core::effect::{Effect, Effects};
use thespian_core::envelope::{Body, Envelope};
use thespian_core::event::Event;
use thespian_core::limits::ActorLimits;
use thespian_core::mailbox::{Mailbox, MailboxLimits, Push};
use thespian_core::question::{Asker, Origin, Question};
use thespian_core::source::authority::{AuthorityKind, SourceAuthority};
use thespian_core::source::policy::{Policy, PublicKey};
use thespian_core::source::{
    ClassCheck, JudgeWish, OfferId, Rights, SourceEvent, SourceHash, Unusable, Verdict,
};
use thespian_core::time::Time;
use thespian_core::timers::{TimerKey, Timers};
use thespian_core::turn::{Actor, Step};

use crate::classes;
use crate::invariants::messages::number;
use crate::invariants::{Ledger, Watch};
use crate::native::Native;
use crate::rng::Rng;
use crate::signing::{TODAY, papers_of, signer_of};

/// Actors that a host of the random lives has room for.
const SLOTS: usize = 24;
/// Memory of a host: more than its actors ever ask for.
const MEMORY_BYTES: usize = 1 << 30;

/// Something that takes its time, and is answered by an event.
pub(crate) enum Job {
    Judge(Box<JudgeWish>),
    Examine { hash: SourceHash, offer: OfferId },
    Validate(SourceHash),
    CheckClass(Box<ClassCheck>),
}

/// One actor's place at its host.
pub(crate) struct Cell {
    pub(crate) actor: Option<Actor>,
    pub(crate) mailbox: Mailbox,
    alarm: Option<TimerKey>,
    pub(crate) awaiting: BTreeSet<ActorAddress>,
    pub(crate) killed: Option<String>,
    /// Its children are gone, for whose end it waits to start again.
    pub(crate) may_start: bool,
    pub(crate) rights: Rights,
    /// Those with which it began.
    pub(crate) born_with: Rights,
    pub(crate) known: Vec<ActorAddress>,
    /// Where it sent something when nobody had decided about that yet: as a cell of the host remembers its receivers.
    pub(crate) remembers: BTreeSet<ActorAddress>,
    /// Whether it is decided about.
    is_settled: bool,
    /// The actor that it floods.
    pub(crate) prey: Option<ActorAddress>,
    pub(crate) watch: Watch,
}

pub(crate) struct Host {
    id: HostId,
    pub(crate) limits: ActorLimits,
    /// What all that happens here draws on.
    pub(crate) account: Arc<Account>,
    pub(crate) cells: BTreeMap<ActorAddress, Cell>,
    /// The mailboxes of addresses that are decided about, as they were left then.
    left: BTreeMap<ActorAddress, Mailbox>,
    pub(crate) alarms: Timers<ActorAddress>,
    pub(crate) slots: usize,
    pub(crate) slots_max: usize,
    pub(crate) next_id: u128,
    /// Guests that are no scripts of chance.
    pub(crate) native: Option<Native>,
    admin: Admin,
    events: VecDeque<Event>,
    jobs: Vec<Job>,
    active: Vec<ActorAddress>,
    /// Every address that was ever entered here, and the program outside.
    addresses: Vec<ActorAddress>,
    compiled: BTreeSet<SourceHash>,
    approved: BTreeSet<SourceHash>,
    /// The keys that its policy trusts; absent: no signature counts here.
    trusted: Option<BTreeSet<PublicKey>>,
    dead_letter_handler: Option<ActorAddress>,
    has_stopped: bool,
}

/// The account of a source that has a host to itself, and may then have so many bytes in queues.
fn alone(queued_bytes: usize) -> Arc<Account> {
    let queued_bytes = (queued_bytes * 8).div_ceil(6);
    Arc::new(Account::new(NodeBudget::new(BudgetBounds {
        memory_bytes: MEMORY_BYTES,
        queued_bytes,
        places: SLOTS,
    })))
}

impl Host {
    pub(crate) fn new(
        id: HostId,
        limits: ActorLimits,
        queued_bytes_max: usize,
        capabilities: Capabilities,
    ) -> Self {
        let mut host = Self {
            id,
            limits,
            account: alone(queued_bytes_max),
            cells: BTreeMap::new(),
            left: BTreeMap::new(),
            alarms: Timers::default(),
            slots: 0,
            slots_max: SLOTS,
            next_id: 0,
            native: None,
            admin: Admin::new(capabilities)
                .with_authority(SourceAuthority::new(AuthorityKind::Asked, limits)),
            events: VecDeque::new(),
            jobs: Vec::new(),
            active: Vec::new(),
            addresses: Vec::new(),
            compiled: BTreeSet::new(),
            approved: BTreeSet::new(),
            trusted: None,
            dead_letter_handler: None,
            has_stopped: false,
        };
        let outside = host.new_address();
        host.addresses.push(outside);
        host
    }

    /// A host for these guests, with room for so many.
    #[cfg(not(thespian_mistakes))]
    pub(crate) fn with_guests(self, native: Native, slots_max: usize) -> Self {
        Self { native: Some(native), slots_max, ..self }
    }

    pub(crate) const fn id(&self) -> HostId {
        self.id
    }

    pub(crate) const fn admin(&self) -> &Admin {
        &self.admin
    }

    pub(crate) const fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    pub(crate) fn addresses(&self) -> &[ActorAddress] {
        &self.addresses
    }

    /// The program outside: it takes everything that is sent to it.
    pub(crate) fn outside(&self) -> ActorAddress {
        self.addresses[0]
    }

    /// Whether a program outside receives here: the one, or an ask of one.
    pub(crate) fn is_outside(&self, address: ActorAddress) -> bool {
        let asks = |native: &Native| native.outside.contains(&address);
        address == self.outside() || self.native.as_ref().is_some_and(asks)
    }

    pub(crate) const fn new_address(&mut self) -> ActorAddress {
        self.next_id += 1;
        ActorAddress::new(self.id, self.next_id)
    }

    pub(crate) fn enter(&mut self, address: ActorAddress) {
        let limits =
            MailboxLimits { len_max: self.limits.mailbox_len_max, bytes_max: self.limits.mailbox_bytes_max };
        let cell = Cell {
            actor: None,
            mailbox: Mailbox::pending(limits),
            alarm: None,
            awaiting: BTreeSet::new(),
            killed: None,
            may_start: false,
            rights: Rights::default(),
            born_with: Rights::default(),
            known: Vec::new(),
            remembers: BTreeSet::new(),
            is_settled: false,
            prey: None,
            watch: Watch::default(),
        };
        self.cells.insert(address, cell);
        self.addresses.push(address);
    }

    /// An address that was entered is settled here: it stands for this actor.
    pub(crate) fn settle_here(&mut self, address: ActorAddress, actor: Actor) {
        let Some(cell) = self.cells.get_mut(&address).filter(|cell| !cell.is_settled) else { return };
        cell.is_settled = true;
        cell.actor = Some(actor);
        let (moved, awaiting) = (cell.mailbox.move_out(), std::mem::take(&mut cell.awaiting));
        self.left.insert(address, std::mem::replace(&mut cell.mailbox, moved));
        awaiting.into_iter().for_each(|sender| self.wake(sender));
        self.schedule(address);
    }

    /// An address is settled nowhere. Returns what waited for it, if it was entered.
    pub(crate) fn settle_nowhere(&mut self, address: ActorAddress) -> Option<VecDeque<Envelope>> {
        let mut cell = self.cells.remove(&address)?;
        let waited = cell.mailbox.move_out().close(&self.account);
        self.left.insert(address, cell.mailbox);
        cell.awaiting.into_iter().for_each(|sender| self.wake(sender));
        Some(waited)
    }

    /// Whether the sender remembers the address from when nobody had decided about it, and somebody has since. It does so
    /// once, and remembers addresses that are still undecided.
    pub(crate) fn remembers_what_moved(&mut self, sender: ActorAddress, target: ActorAddress) -> bool {
        let is_settled = self.cells.get(&target).is_none_or(|cell| cell.is_settled);
        let Some(cell) = self.cells.get_mut(&sender) else { return false };
        if is_settled {
            cell.remembers.remove(&target)
        } else {
            cell.remembers.insert(target);
            false
        }
    }

    /// Puts an envelope into the mailbox that its receiver has left.
    pub(crate) fn push_where_it_was(&mut self, envelope: Envelope) -> Push {
        let Self { left, account, .. } = self;
        match left.get_mut(&envelope.target) {
            Some(left) => left.push(envelope, account),
            None => Push::Gone(envelope),
        }
    }

    fn schedule(&mut self, address: ActorAddress) {
        self.active.push(address);
    }

    pub(crate) fn wake(&mut self, address: ActorAddress) {
        if self.cells.get_mut(&address).is_some_and(|cell| cell.mailbox.wake()) {
            self.schedule(address);
        }
    }

    /// Sets an actor's alarm, which forgets what it was set to before; `None` takes it away.
    pub(crate) fn set_alarm(&mut self, address: ActorAddress, at: Option<Time>) {
        let Self { cells, alarms, .. } = self;
        let Some(cell) = cells.get_mut(&address) else { return };
        if let Some(key) = cell.alarm.take() {
            alarms.remove(key);
        }
        cell.alarm = at.map(|at| alarms.insert(at, address));
    }

    /// An actor's alarm goes off.
    pub(crate) fn ring(&mut self, address: ActorAddress, now: Time) {
        let Some(cell) = self.cells.get_mut(&address) else { return };
        cell.watch.wakeups.rings(now);
        if cell.mailbox.ring(now) {
            self.schedule(address);
        }
    }

    pub(crate) fn kill(&mut self, address: ActorAddress, reason: String) {
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.killed.get_or_insert(reason);
            self.wake(address);
        }
    }

    pub(crate) fn let_start(&mut self, address: ActorAddress) {
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.may_start = true;
            self.wake(address);
        }
    }

    /// Puts an envelope into a mailbox of this host.
    pub(crate) fn push(&mut self, envelope: Envelope) -> Push {
        let target = envelope.target;
        let Some(cell) = self.cells.get_mut(&target) else { return Push::Gone(envelope) };
        let place = (!envelope.body.has_reserved_slot()).then(|| envelope.body.cost());
        let is_exit = matches!(envelope.body, Body::ExitRequest(_));
        let message = carried(&envelope);
        let push = cell.mailbox.push(envelope, &self.account);
        if matches!(push, Push::Queued | Push::Activate) {
            message.into_iter().for_each(|id| cell.watch.wakeups.came(id));
            place.into_iter().for_each(|cost| cell.watch.room.came(cost));
            cell.watch.exit.is_asked |= is_exit;
        }
        self.activated(target, push)
    }

    pub(crate) fn activated(&mut self, target: ActorAddress, push: Push) -> Push {
        if push == Push::Activate {
            self.schedule(target);
            return Push::Queued;
        }
        push
    }

    /// Places in the list of active actors: of those that nobody is at already.
    pub(crate) fn runnable(&self) -> impl Iterator<Item = usize> {
        let is_runnable =
            |address: &ActorAddress| self.cells.get(address).is_none_or(|cell| cell.actor.is_some());
        (0..self.active.len()).filter(move |at| is_runnable(&self.active[*at]))
    }

    /// Takes the actor at this place out of its cell, for a step.
    pub(crate) fn take_active(&mut self, at: usize) -> Option<(ActorAddress, Actor)> {
        let address = self.active[at];
        let actor = self.cells.get_mut(&address).and_then(|cell| cell.actor.take());
        if actor.is_none() {
            self.active.swap_remove(at);
        }
        Some((address, actor?))
    }

    /// Puts it back after its step.
    pub(crate) fn put_back(&mut self, address: ActorAddress, actor: Actor, step: &Step) {
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.actor = Some(actor);
        }
        if *step == Step::Over
            && let Some(at) = self.active.iter().position(|active| *active == address)
        {
            self.active.swap_remove(at);
        }
    }

    /// When time has something to do here.
    pub(crate) fn next_due(&self) -> Option<Time> {
        [self.alarms.next_due(), self.admin.deadline()].into_iter().flatten().min()
    }

    /// Something that `Admin` will hear.
    pub(crate) fn report(&mut self, event: impl Into<Event>) {
        self.events.push_back(event.into());
    }

    /// A program outside asks.
    pub(crate) fn ask(&mut self, asker: Asker, question: Question) {
        self.report(Event::Asked { origin: Origin::Client(asker), question });
    }

    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What `Admin` decides.
    pub(crate) fn decide(&mut self, now: Time, event: Event) -> Vec<Effect> {
        let mut effects = Effects::default();
        self.admin.handle(now, event, &mut effects);
        effects.drain().collect()
    }

    pub(crate) fn begin(&mut self, job: Job) {
        self.jobs.push(job);
    }

    pub(crate) fn has_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// One of what is under way comes to its end, as chance has it.
    pub(crate) fn finish_job(&mut self, rng: &mut Rng, ledger: &mut Ledger) {
        match self.jobs.swap_remove(rng.below(self.jobs.len())) {
            // Silence.
            Job::Judge(_) | Job::Examine { .. } if self.native.is_none() && rng.chance(5) => {}
            Job::Judge(wish) => {
                let JudgeWish { hash, offer, rights, .. } = *wish;
                let is_approved = self.native.is_some() || rng.chance(90);
                let verdict = Verdict { rights, ..Verdict::default() };
                let verdict = if is_approved { Ok(verdict) } else { Err("not today".to_string()) };
                if is_approved {
                    self.approved.insert(hash);
                }
                self.report(SourceEvent::Judged { hash, offer, verdict });
            }
            Job::Examine { hash, offer } => {
                let papers = papers_of(hash);
                self.report(SourceEvent::Examined { hash, offer, papers, now: TODAY });
            }
            Job::Validate(hash) => {
                let outcome = match &self.native {
                    Some(native) => Ok(native.info()),
                    None if rng.chance(95) => Ok(classes::info()),
                    None => Err(Unusable { reason: "broken".to_string(), is_lasting: rng.chance(50) }),
                };
                // As the host does it: the code is there before `Admin` hears.
                if outcome.is_ok() {
                    self.compiled.insert(hash);
                }
                self.report(SourceEvent::Validated { runs: None, hash, outcome, compile_us: 1 });
            }
            Job::CheckClass(question) => {
                let outcome = match &self.native {
                    Some(native) => Ok(native.accepts(&question)),
                    None => {
                        ledger.see("checks of a class");
                        classes::check(rng, &question)
                    }
                };
                let ClassCheck { source, class, .. } = *question;
                self.report(SourceEvent::Checked { source, class, outcome });
            }
        }
    }

    /// Whether its authority, as it is now, lets the source run.
    pub(crate) fn is_approved(&self, source: SourceHash) -> bool {
        match &self.trusted {
            Some(trusted) => trusted.contains(&signer_of(source)),
            None => self.approved.contains(&source),
        }
    }

    /// The offers that are known of each source.
    pub(crate) fn offers(&self) -> BTreeMap<SourceHash, OfferId> {
        self.admin.sources().iter().map(|(hash, source)| (hash, source.offer())).collect()
    }

    /// Another policy holds from here on, where one does at all.
    pub(crate) fn trusts(&mut self, policy: &Policy) {
        if let Some(trusted) = &mut self.trusted {
            *trusted = policy.keys.iter().map(|key| key.key).collect();
        }
    }

    /// Lets signatures say what may run, by this policy until there is another.
    pub(crate) fn judged_by_keys(mut self, policy: Policy) -> Self {
        self.trusted = Some(BTreeSet::new());
        self.trusts(&policy);
        let mut authority = SourceAuthority::new(AuthorityKind::Keys, self.limits);
        authority.set_policy(policy).expect("it is the first");
        self.admin = Admin::new(self.admin.capabilities().clone()).with_authority(authority);
        self
    }

    pub(crate) fn is_compiled(&self, source: SourceHash) -> bool {
        self.compiled.contains(&source)
    }

    pub(crate) fn forget(&mut self, source: SourceHash) {
        self.compiled.remove(&source);
    }

    pub(crate) const fn dead_letter_handler(&self) -> Option<ActorAddress> {
        self.dead_letter_handler
    }

    pub(crate) const fn set_dead_letter_handler(&mut self, handler: Option<ActorAddress>) {
        self.dead_letter_handler = handler;
    }

    pub(crate) const fn stop(&mut self) {
        self.has_stopped = true;
    }
}

/// The number of the message in the envelope, if one is.
pub(crate) fn carried(envelope: &Envelope) -> Option<u64> {
    match &envelope.body {
        Body::Message(message) => Some(number(message)),
        _ => None,
    }
}
