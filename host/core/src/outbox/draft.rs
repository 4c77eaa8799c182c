//! The outbox of a turn that runs: each thing that the turn asks for is checked, and takes what it needs besides.
//!
//! Two things are not the actor's alone, and so they are taken when they are asked for and not at the commit, where
//! nobody could be told that they are spent: a place among the actors of the host for each create, and room in the
//! actor's own mailbox for each message to itself. They belong to the requests in the outbox. A commit hands them on; a
//! turn that fails gives them back with [`Draft::discard`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use super::Outbox;
use super::child::{CreateChild, CreateOptions};
use super::error::{NoPlace, OutboxError};
use super::request::{TurnRequest, check_capability, check_create, check_global_name};
use super::standing::Leaving;
use crate::address::ActorAddress;
use crate::budget::Account;
use crate::capability::{Requirement, Value};
use crate::envelope::{FailsFor, Poisoned};
use crate::life::ActorEvent;
use crate::limits::{
    ActorLimits, CAPABILITY_TEXT_LEN_MAX, CHILD_BYTES, CHILDREN_LISTED_MAX, ERROR_TEXT_LEN_MAX,
    MONITOR_BYTES, QUESTION_BYTES, QUESTIONS_MAX, QUEUE_FREE_BYTES, REQUEST_BYTES, SOURCE_LABEL_LEN_MAX,
    WAKEUP_BYTES, WAKEUP_DELAY_MIN, cut,
};
use crate::message::{Message, MessageError};
use crate::question::Offer;
use crate::source::{ActorsApproval, OfferId, Rights, SourceHash};

/// Things that a turn takes and that others take too. Nothing here waits: it is called from within turns.
pub trait Means {
    /// Makes an address that nobody has had.
    fn new_address(&self) -> ActorAddress;

    /// Takes the places of one actor more, at this address: as many as actors of `source` have memories. `None` is the
    /// source of whoever takes.
    ///
    /// # Errors
    /// The host, or the actor's share of it, has not so many left. Takes none.
    fn take_place(&self, address: ActorAddress, source: Option<SourceHash>) -> Result<(), NoPlace>;

    /// Gives back what was taken for the actor at this address, whose create was dropped.
    fn give_place(&self, address: ActorAddress);

    /// The account on which the actor draws.
    fn account(&self) -> &Arc<Account>;

    /// Takes room in the actor's own mailbox for one message of this cost; false when there is none.
    fn reserve_self(&self, cost: usize) -> bool;

    /// Gives that room back: `len` messages were dropped that cost `cost` bytes together.
    fn release_self(&self, len: usize, cost: usize);

    /// Drops the bytes of a source whose load, which this question names, was dropped. Whoever takes no bytes has none.
    fn drop_load(&self, _request: u64) {}
}

/// The outbox of a turn that runs, with the bounds and the means of its actor.
#[derive(Debug)]
pub struct Draft<'a, M: Means + ?Sized> {
    me: ActorAddress,
    outbox: &'a mut Outbox,
    limits: &'a ActorLimits,
    means: &'a M,
}

const fn check_right(has: bool, right: &'static str) -> Result<(), OutboxError> {
    if has { Ok(()) } else { Err(OutboxError::NoRight(right)) }
}

/// Memory that a create takes besides its first message.
fn create_bytes(class: &str, options: &CreateOptions) -> usize {
    CHILD_BYTES
        + class.len()
        + options.label.len()
        + options.requirements.iter().map(Requirement::cost).sum::<usize>()
}

impl<'a, M: Means + ?Sized> Draft<'a, M> {
    /// The draft of a turn of `me`.
    pub const fn new(
        me: ActorAddress,
        outbox: &'a mut Outbox,
        limits: &'a ActorLimits,
        means: &'a M,
    ) -> Self {
        Self { me, outbox, limits, means }
    }

    /// Drops what was asked for, and gives back what it had taken.
    pub fn discard(&mut self) {
        let (mut len, mut cost) = (0, 0);
        for request in self.outbox.requests.drain(..) {
            match request {
                TurnRequest::Create(child) | TurnRequest::CreateNamed { child, .. } => {
                    self.means.give_place(child.address);
                }
                TurnRequest::Load { request, .. } => self.means.drop_load(request),
                TurnRequest::Send { target, message } if target == self.me => {
                    len += 1;
                    cost += message.cost();
                }
                TurnRequest::Refuse { target, poisoned } if target == self.me => {
                    len += 1;
                    cost += poisoned.cost();
                }
                _ => {}
            }
        }
        if len > 0 {
            self.means.release_self(len, cost);
        }
        self.outbox.loan.settle(0, self.means.account());
    }

    /// Checks and adds a message for `target`.
    ///
    /// # Errors
    /// Adds nothing when the message breaks a rule or a bound.
    pub fn send(&mut self, target: ActorAddress, message: Message) -> Result<(), OutboxError> {
        let cost = self.check_message(&message)?;
        self.take_room(target, cost)?;
        self.outbox.requests.push(TurnRequest::Send { target, message });
        Ok(())
    }

    /// Checks and adds a message that goes back to `target` as poison, in the name of this actor and no other.
    ///
    /// # Errors
    /// As [`Self::send`]; the details count as well.
    pub fn refuse(
        &mut self,
        target: ActorAddress,
        original: Message,
        details: String,
    ) -> Result<(), OutboxError> {
        self.check_message(&original)?;
        let details = cut(details, ERROR_TEXT_LEN_MAX);
        let poisoned = Box::new(Poisoned { target: self.me, details, original });
        self.take_room(target, poisoned.cost())?;
        self.outbox.requests.push(TurnRequest::Refuse { target, poisoned });
        Ok(())
    }

    /// Notes who is to hear if the turn fails for good. There is room for one: the last.
    ///
    /// # Errors
    /// Notes nothing when the message breaks a rule or is too big, or the turn handles nothing.
    pub fn fails_for(&mut self, target: ActorAddress, original: Message) -> Result<(), OutboxError> {
        if !self.outbox.standing.handles {
            return Err(OutboxError::NothingHandled);
        }
        let cost = self.check_message(&original)?;
        self.check_room(cost, 0)?;
        self.outbox.fails_for = Some(Box::new(FailsFor { target, original }));
        Ok(())
    }

    /// Checks and adds a child to be created; returns its address.
    ///
    /// # Errors
    /// Adds nothing when the actor exits, the class's name or an option breaks a rule, a bound is reached, or the host
    /// has no place.
    pub fn create(
        &mut self,
        source: Option<SourceHash>,
        class: String,
        options: CreateOptions,
    ) -> Result<ActorAddress, OutboxError> {
        let cost = self.check_create(&class, &options)?;
        let max = self.limits.children_max;
        if self.outbox.standing.children.len() + self.outbox.creates >= max {
            return Err(self.meet(OutboxError::TooManyChildren { max }));
        }
        let kept = create_bytes(&class, &options);
        self.check_room(cost, kept)?;
        let address = self.place(source)?;
        self.outbox.bytes += cost;
        self.outbox.kept += kept;
        self.outbox.creates += 1;
        self.outbox.requests.push(TurnRequest::Create(Box::new(CreateChild {
            address,
            source,
            class,
            options,
        })));
        Ok(address)
    }

    /// Checks and adds a question after the actor of a global name, with what it is to be if there is none; returns the
    /// question's id.
    ///
    /// # Errors
    /// As [`Self::create`], and where the name can't be used.
    pub fn create_named(
        &mut self,
        name: &str,
        source: Option<SourceHash>,
        class: String,
        options: CreateOptions,
    ) -> Result<u64, OutboxError> {
        let cost = self.check_create(&class, &options)? + name.len();
        check_global_name(name)?;
        let kept = create_bytes(&class, &options);
        self.check_room(cost, kept + QUESTION_BYTES)?;
        self.check_question()?;
        let address = self.place(source)?;
        let request = self.question();
        self.outbox.bytes += cost;
        self.outbox.kept += kept;
        let child = Box::new(CreateChild { address, source, class, options });
        self.outbox.requests.push(TurnRequest::CreateNamed { request, name: name.into(), child });
        Ok(request)
    }

    /// Checks all of a create but the bounds on how many there are. An actor that exits can't create: it would wait for
    /// its new children, or leave them behind. In its exit turn it can once it has said that its children live on.
    fn check_create(&mut self, class: &str, options: &CreateOptions) -> Result<usize, OutboxError> {
        let may_create = match self.outbox.standing.leaving {
            Leaving::Stays => true,
            Leaving::ExitTurn => self.outbox.keeps_children,
            Leaving::Exiting => false,
        };
        if !may_create {
            return Err(OutboxError::Exiting);
        }
        check_create(class, options)?;
        options.init.as_ref().map_or(Ok(0), |message| self.check_message(message))
    }

    /// Takes a place for a new actor, last of all that a create is asked for; returns its address.
    fn place(&mut self, source: Option<SourceHash>) -> Result<ActorAddress, OutboxError> {
        let address = self.means.new_address();
        match self.means.take_place(address, source) {
            Ok(()) => Ok(address),
            Err(none) => Err(self.meet(none.into())),
        }
    }

    /// Adds a question after the status of an actor, or of the host; returns the question's id. After its own every
    /// actor may ask.
    ///
    /// # Errors
    /// Adds nothing when a bound is reached, or it is about another and the actor has no right to it.
    pub fn request_status(&mut self, about: Option<ActorAddress>) -> Result<u64, OutboxError> {
        check_right(self.outbox.standing.rights.status || about == Some(self.me), "status")?;
        self.check_room(0, QUESTION_BYTES)?;
        self.check_question()?;
        let request = self.question();
        self.outbox.requests.push(TurnRequest::RequestStatus { request, about });
        Ok(request)
    }

    fn check_question(&mut self) -> Result<(), OutboxError> {
        if self.outbox.standing.questions >= QUESTIONS_MAX {
            return Err(self.meet(OutboxError::TooManyQuestions));
        }
        Ok(())
    }

    const fn question(&mut self) -> u64 {
        self.outbox.kept += QUESTION_BYTES;
        let standing = &mut self.outbox.standing;
        standing.questions += 1;
        standing.next_question += 1;
        standing.next_question - 1
    }

    /// Adds the wish to hear of an actor's end.
    ///
    /// # Errors
    /// Adds nothing when a bound is reached.
    pub fn monitor(&mut self, target: ActorAddress) -> Result<(), OutboxError> {
        let max = self.limits.monitors_max;
        if self.outbox.standing.monitors >= max {
            return Err(self.meet(OutboxError::TooManyMonitors { max }));
        }
        self.check_room(0, MONITOR_BYTES)?;
        // One that is monitored already counts twice until the turn's end, which is on the safe side.
        self.outbox.standing.monitors += 1;
        self.outbox.kept += MONITOR_BYTES;
        self.outbox.requests.push(TurnRequest::Monitor(target));
        Ok(())
    }

    /// Adds a change of what the host has.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, it breaks a rule, or the outbox is full.
    pub fn update_capability(&mut self, name: String, value: Option<Value>) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.capabilities, "capabilities")?;
        check_capability(&name, value.as_ref())?;
        let cost = 2 * CAPABILITY_TEXT_LEN_MAX;
        self.check_room(cost, 0)?;
        self.outbox.bytes += cost;
        self.outbox.requests.push(TurnRequest::Tell(ActorEvent::CapabilityUpdated { name, value }));
        Ok(())
    }

    /// Adds the end of a monitoring.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn demonitor(&mut self, target: ActorAddress) -> Result<(), OutboxError> {
        self.plain(TurnRequest::Demonitor(target))
    }

    /// Adds the end of a child.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn kill_child(&mut self, child: ActorAddress) -> Result<(), OutboxError> {
        self.tell(ActorEvent::ChildKilled { parent: self.me, child })
    }

    /// Adds that the host's dead letters go to this actor, or do so no longer.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, or the outbox is full.
    pub fn handle_dead_letters(&mut self, handles: bool) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.dead_letters, "dead-letters")?;
        self.tell(ActorEvent::DeadLettersAsked { by: self.me, handles })
    }

    /// Adds the host's stop.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, or the outbox is full.
    pub fn shut_down(&mut self) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.shutdown, "shutdown")?;
        self.tell(ActorEvent::ShutdownAsked { by: self.me })
    }

    /// Whether a load can be asked for: what it takes besides, its bytes, is the host's to look at.
    ///
    /// # Errors
    /// The actor has no right to it, or a bound is reached.
    pub fn check_load(&mut self, label: &str) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.sources, "sources")?;
        if label.len() > SOURCE_LABEL_LEN_MAX {
            return Err(OutboxError::SourceLabel);
        }
        self.check_room(SOURCE_LABEL_LEN_MAX, QUESTION_BYTES)?;
        self.check_question()
    }

    /// Adds the load of a source, with the rights `allow` that this actor has itself; returns the question's id. Nobody gives the
    /// right to be the authority but the policy.
    ///
    /// # Errors
    /// As [`Self::check_load`].
    pub fn load(
        &mut self,
        (hash, size): (SourceHash, u64),
        label: String,
        allow: Option<Rights>,
        has_manifest: bool,
    ) -> Result<u64, OutboxError> {
        self.check_load(&label)?;
        let own = Rights { authority: false, ..self.outbox.standing.rights };
        let given = allow.unwrap_or_default().and(own);
        let allowed = has_manifest.then(|| allow.unwrap_or(Rights::ALL).and(own));
        let (is_downgrade, by) = (false, Some(self.me));
        let offer = Box::new(Offer { hash, label, size, given, allowed, has_manifest, is_downgrade, by });
        self.outbox.bytes += SOURCE_LABEL_LEN_MAX;
        let request = self.question();
        self.outbox.requests.push(TurnRequest::Load { request, offer });
        Ok(request)
    }

    /// Adds that a source is not to be created from any more.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, or the outbox is full.
    pub fn unload(&mut self, source: SourceHash) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.sources, "sources")?;
        self.tell(ActorEvent::UnloadAsked { by: self.me, source })
    }

    /// Adds that this actor hears of the host's sources, or does so no longer.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, or the outbox is full.
    pub fn notify_sources(&mut self, watches: bool) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.sources, "sources")?;
        self.tell(ActorEvent::SourcesWatched { by: self.me, watches })
    }

    /// Adds that this actor is the authority over the host's sources, or is so no longer.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, or the outbox is full.
    pub fn register_authority(&mut self, judges: bool) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.authority, "authority")?;
        self.tell(ActorEvent::AuthorityAsked { by: self.me, judges })
    }

    /// Adds what this actor says of an offer that it is to judge; a refusal is cut.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, a label is too long, or the outbox is full.
    pub fn judge(
        &mut self,
        offer: OfferId,
        verdict: Result<ActorsApproval, String>,
    ) -> Result<(), OutboxError> {
        check_right(self.outbox.standing.rights.authority, "authority")?;
        let verdict = verdict.map(Box::new).map_err(|why| cut(why, ERROR_TEXT_LEN_MAX));
        let label = verdict.as_ref().ok().and_then(|approval| approval.label.as_ref());
        if label.is_some_and(|label| label.len() > SOURCE_LABEL_LEN_MAX) {
            return Err(OutboxError::SourceLabel);
        }
        let cost = ERROR_TEXT_LEN_MAX;
        self.check_room(cost, 0)?;
        self.outbox.bytes += cost;
        self.outbox.requests.push(TurnRequest::Tell(ActorEvent::OfferJudged { by: self.me, offer, verdict }));
        Ok(())
    }

    /// Checks and adds a wakeup; returns its id.
    ///
    /// # Errors
    /// Adds nothing when the payload breaks a rule, or a bound is reached.
    pub fn wakeup(&mut self, delay: Duration, payload: Option<Message>) -> Result<u64, OutboxError> {
        let cost = payload.as_ref().map_or(Ok(0), |message| self.check_message(message))?;
        let (len_max, bytes_max) = (self.limits.wakeups_max, self.limits.mailbox_bytes_max);
        if self.outbox.standing.wakeups >= len_max {
            return Err(self.meet(OutboxError::TooManyWakeups { max: len_max }));
        }
        if self.outbox.standing.wakeup_bytes + cost > bytes_max {
            return Err(self.meet(OutboxError::WakeupsTooBig { max: bytes_max }));
        }
        self.check_room(cost, WAKEUP_BYTES + cost)?;
        self.outbox.bytes += cost;
        self.outbox.kept += WAKEUP_BYTES + cost;
        let standing = &mut self.outbox.standing;
        let id = standing.next_wakeup;
        standing.wakeups += 1;
        standing.wakeup_bytes += cost;
        standing.next_wakeup += 1;
        self.outbox.requests.push(TurnRequest::Wakeup { id, delay: delay.max(WAKEUP_DELAY_MIN), payload });
        Ok(id)
    }

    /// Adds the taking back of a wakeup.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn cancel_wakeup(&mut self, id: u64) -> Result<(), OutboxError> {
        self.plain(TurnRequest::CancelWakeup { id })
    }

    /// Adds a request to exit.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn request_exit(&mut self, target: ActorAddress, recursive: bool) -> Result<(), OutboxError> {
        self.plain(TurnRequest::Exit { target, recursive })
    }

    /// Lets the children live, in an exit turn.
    ///
    /// # Errors
    /// In any other turn.
    pub fn keep_children(&mut self) -> Result<(), OutboxError> {
        if self.outbox.standing.leaving != Leaving::ExitTurn {
            return Err(OutboxError::NotExiting);
        }
        self.outbox.keeps_children = true;
        Ok(())
    }

    /// The first of the actor's children that were created after this one, at most `max` and [`CHILDREN_LISTED_MAX`], with
    /// their labels; after one that is no child, the first of all.
    pub fn children(
        &self,
        after: Option<ActorAddress>,
        max: u32,
    ) -> impl Iterator<Item = (ActorAddress, &str)> {
        let max = usize::try_from(max).unwrap_or(CHILDREN_LISTED_MAX).min(CHILDREN_LISTED_MAX);
        self.outbox.standing.children.after(after).take(max)
    }

    /// Has the actor end as failed when the turn commits, for a reason that is cut. Of several the first counts.
    pub fn fail(&mut self, reason: String) {
        self.outbox.failure.get_or_insert_with(|| cut(reason, ERROR_TEXT_LEN_MAX));
    }

    /// Adds what `Admin` is told, and decides.
    fn tell(&mut self, event: ActorEvent) -> Result<(), OutboxError> {
        self.plain(TurnRequest::Tell(event))
    }

    /// Adds a request that has no bound but that of the outbox.
    fn plain(&mut self, request: TurnRequest) -> Result<(), OutboxError> {
        self.check_room(0, 0)?;
        self.outbox.requests.push(request);
        Ok(())
    }

    #[inline]
    fn check_message(&mut self, message: &Message) -> Result<usize, OutboxError> {
        let checked = message.check(self.limits.message_bytes_max);
        if let Err(error @ MessageError::TooBig { .. }) = &checked {
            return Err(self.meet(error.clone().into()));
        }
        Ok(checked?)
    }

    /// Takes room in the outbox for what is for `target`, and in the own mailbox where that is the actor itself.
    #[inline]
    fn take_room(&mut self, target: ActorAddress, cost: usize) -> Result<(), OutboxError> {
        self.check_room(cost, 0)?;
        if target == self.me && !self.means.reserve_self(cost) {
            return Err(self.meet(OutboxError::OwnMailboxFull));
        }
        self.outbox.bytes += cost;
        Ok(())
    }

    /// Looks for room for one thing more, which costs so much in the outbox, and for so many bytes as it takes from this turn on.
    fn check_room(&mut self, cost: usize, kept: usize) -> Result<(), OutboxError> {
        let (len_max, bytes_max) = (self.limits.outbox_len_max, self.limits.outbox_bytes_max);
        if self.outbox.requests.len() >= len_max {
            return Err(self.meet(OutboxError::Full { max: len_max }));
        }
        if self.outbox.bytes + cost > bytes_max {
            return Err(self.meet(OutboxError::FullOfBytes { max: bytes_max }));
        }
        let requests = (self.outbox.requests.len() + 1) * REQUEST_BYTES;
        let taken = self.outbox.bytes + cost + requests;
        let kept = self.kept_beyond_free(kept);
        let covered = self.outbox.loan.cover(taken + kept, || &**self.means.account());
        covered.map_err(|short| self.meet(short.into()))
    }

    /// How much of what outlasts the turn has to be drawn now. What is free of it is the actor's once, and not each turn's: what
    /// comes beyond stands for itself.
    #[inline]
    const fn kept_beyond_free(&self, kept: usize) -> usize {
        let added = self.outbox.kept + kept;
        if added == 0 || self.outbox.standing.kept_bytes + added <= QUEUE_FREE_BYTES {
            return 0;
        }
        QUEUE_FREE_BYTES + added
    }

    /// Notes that a bound refuses something.
    #[cold]
    fn meet(&mut self, bound: OutboxError) -> OutboxError {
        self.outbox.met.get_or_insert_with(|| Box::new(bound.clone()));
        bound
    }
}
